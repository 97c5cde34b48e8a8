//! The gateway's transfers of some days, page by page.
//!
//! Guarantee: a page is whole or it is a failure to ask; a row that cannot be read is counted, never skipped in silence. The
//! list is newest first, so a transfer that is made while it is read pushes the others towards later pages: some are seen
//! twice, none is missed.
//!
//! Limit: days are whole days in the gateway's own time zone, so a caller asks for one more on either side.

use chrono::NaiveDate;
use domain::{
    Reference,
    reconcile::{Listed, TransferPage},
};
use serde_json::value::RawValue;

use super::{
    TestSuffix,
    client::Client,
    envelope::Envelope,
    exchange::Exchange,
    lookup::{PageInfo, page_info},
    question::{self, Told},
    record::{Record, WireReference},
};
use crate::LookUpFailed;

/// What the gateway puts between a reference and the number of its own retry.
const RETRY: &str = "_RETRY_";

pub(super) async fn page(
    client: &Client,
    suffix: Option<&TestSuffix>,
    from: NaiveDate,
    to: NaiveDate,
    page: u32,
) -> Result<TransferPage, LookUpFailed> {
    let (from, to, number) = (from.to_string(), to.to_string(), page.to_string());
    let query = [("from", from.as_str()), ("to", to.as_str()), ("page", number.as_str())];
    read(suffix, page, client.get(&["transfers"], &query).await)
}

fn read(suffix: Option<&TestSuffix>, page: u32, exchange: Exchange) -> Result<TransferPage, LookUpFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        Told::Refused { status, message } => return Err(question::refused(status, &message)),
    };
    let rows = || {
        let envelope = Envelope::read(&body)?;
        let rows = serde_json::from_str::<Vec<&RawValue>>(envelope.success()?.get()).ok()?;
        Some((rows, page_info(envelope.meta)?))
    };
    let Some((rows, info)) = rows() else { return Err(question::not_understood("the list of transfers")) };
    let PageInfo { total, total_pages } = info;
    if rows.is_empty() && page == 1 && total.is_some_and(|total| total > 0) {
        return Err(question::not_understood("an empty list that says it is not empty"));
    }
    let last = rows.is_empty() || total_pages.is_some_and(|pages| page >= pages);
    let mut unreadable = 0_u32;
    let mut transfers = Vec::with_capacity(rows.len());
    for row in rows {
        match Record::read(row).and_then(|record| listed(suffix, &record)) {
            Some(transfer) => transfers.push(transfer),
            None => unreadable = unreadable.saturating_add(1),
        }
    }
    Ok(TransferPage { transfers, unreadable, last })
}

fn listed(suffix: Option<&TestSuffix>, record: &Record<'_>) -> Option<Listed> {
    let wire = record.reference.as_deref().filter(|reference| !reference.is_empty())?;
    let ours = |wire: &str| {
        let reference = Reference::from_stored(wire);
        match suffix {
            Some(suffix) => suffix.strip(reference),
            None => reference,
        }
    };
    let reference = ours(wire);
    Some(Listed {
        retry_of: retried(wire).map(ours),
        gateway_id: record.gateway_id(),
        observed: record.observed(&WireReference::told(&reference, wire)),
        reference,
    })
}

/// The reference that the gateway's own retry under `wire` tried again.
pub(super) fn retried(wire: &str) -> Option<&str> {
    let (original, number) = wire.split_once(RETRY)?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(original)
}

#[cfg(test)]
mod tests {
    use domain::Observed;

    use super::*;
    use crate::{
        LookUpClass,
        flutterwave::v3::exchange::{Answer, Body},
    };

    const OURS: &str = "pay-0192f0c12a3b7c4d8e5f001122334455-1";

    fn record(id: u32, reference: &str, status: &str) -> String {
        format!(
            r#"{{"id":{id},"account_number":"0690000040","bank_code":"044","full_name":"Ada Obi","currency":"NGN","amount":5500,
            "fee":26.875,"status":"{status}","reference":"{reference}","complete_message":"failed for Ada Obi 0690000040"}}"#
        )
    }

    fn body(rows: &[String], meta: &str) -> String {
        format!(r#"{{"status":"success","message":"Transfers fetched",{meta}"data":[{}]}}"#, rows.join(","))
    }

    fn pages(total: u32, total_pages: u32) -> String {
        format!(r#""meta":{{"page_info":{{"total":{total},"current_page":1,"total_pages":{total_pages}}}}},"#)
    }

    fn answer(status: u16, body: &str) -> Exchange {
        Exchange::Answered(Answer { status, retry_after: None, body: Body::Whole(body.to_owned().into()) })
    }

    #[test]
    fn a_page_is_whole_or_no_page() {
        let row = || vec![record(1, OURS, "NEW")];
        let meaning = |page, status, body: &str| match read(None, page, answer(status, body)) {
            Ok(page) => format!("{} and {}, last {}", page.transfers.len(), page.unreadable, page.last),
            Err(failed) => format!("{:?}", failed.class),
        };
        #[rustfmt::skip]
        let rows: Vec<(u32, u16, String, &str)> = vec![
            (1, 200, body(&row(), &pages(1, 1)),                               "1 and 0, last true"),
            (1, 200, body(&row(), &pages(11, 2)),                              "1 and 0, last false"),
            (2, 200, body(&row(), &pages(11, 2)),                              "1 and 0, last true"),
            (1, 200, body(&row(), ""),                                         "1 and 0, last false"),
            (2, 200, body(&[], ""),                                            "0 and 0, last true"),
            (1, 200, body(&[], &pages(0, 0)),                                  "0 and 0, last true"),
            // Rows that do not say whose they are.
            (1, 200, body(&["7".to_owned(), "null".to_owned()], &pages(2, 1)), "0 and 2, last true"),
            (1, 200, body(&[record(1, "", "NEW")], &pages(1, 1)),              "0 and 1, last true"),
            // No page.
            (1, 200, body(&[], &pages(3, 1)),                                  "NotUnderstood"),
            (1, 200, body(&row(), "\"meta\":7,"),                              "NotUnderstood"),
            (1, 200, r#"{"status":"success","data":{}}"#.to_owned(),           "NotUnderstood"),
            (1, 200, r#"{"status":"error","message":"no","data":null}"#.to_owned(), "NotUnderstood"),
            (1, 200, "<html>".to_owned(),                                      "NotUnderstood"),
            (1, 404, "{}".to_owned(),                                          "Refused"),
            (1, 401, "{}".to_owned(),                                          "Unauthorized"),
            (1, 429, "{}".to_owned(),                                          "RateLimited"),
            (1, 503, "<html>".to_owned(),                                      "Unavailable"),
        ];
        for (page, status, body, expected) in rows {
            assert_eq!(meaning(page, status, &body), expected, "{status} page {page} {body}");
        }
        let broken = Exchange::Broken { why: "cut".to_owned() };
        assert_eq!(read(None, 1, broken).unwrap_err().class, LookUpClass::Interrupted);
    }

    #[test]
    fn a_row_says_what_its_transfer_is_and_nothing_private() {
        let suffix: TestSuffix = "_PMCK".parse().unwrap();
        let rows = [
            record(1, &format!("{OURS}_PMCK"), "SUCCESSFUL"),
            record(2, &format!("{OURS}_PMCK_RETRY_2"), "FAILED"),
            record(3, "rent-march", "PENDING"),
            record(4, OURS, "REVERSED"),
        ];
        let page = read(Some(&suffix), 1, answer(200, &body(&rows, ""))).unwrap();
        let told: Vec<_> = page
            .transfers
            .iter()
            .map(|listed| {
                let seen = match &listed.observed {
                    Observed::InFlight(_) => "in flight",
                    Observed::Succeeded(_) => "succeeded",
                    Observed::Failed(_, failure) => failure.message.as_str(),
                    Observed::Reversed(_) => "reversed",
                    Observed::NotFound => "not found",
                    Observed::Unrecognised { said } => said.as_str(),
                };
                let retry_of = listed.retry_of.as_ref().map(Reference::as_str);
                (listed.gateway_id.as_deref().unwrap(), listed.reference.as_str(), retry_of, seen)
            })
            .collect();
        let retry = format!("{OURS}_PMCK_RETRY_2");
        assert_eq!(
            told,
            [
                ("1", OURS, None, "succeeded"),
                ("2", retry.as_str(), Some(OURS), "failed for [name] [name] [number]"),
                ("3", "rent-march", None, "in flight"),
                ("4", OURS, None, "REVERSED"),
            ]
        );
    }

    #[test]
    fn only_the_gateways_own_retries_are_retries() {
        for (wire, original) in [
            ("a_RETRY_1", Some("a")),
            ("a_PMCK_RETRY_12", Some("a_PMCK")),
            ("a_RETRY_", None),
            ("a_RETRY_x", None),
            ("a_RETRY", None),
            ("a", None),
        ] {
            assert_eq!(retried(wire), original);
        }
    }
}
