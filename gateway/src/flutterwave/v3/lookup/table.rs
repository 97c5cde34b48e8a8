//! One row per (HTTP status × body): what the answer to a look-up means.

use domain::Reference;

use super::{
    super::exchange::{Answer, Body},
    *,
};

const OURS: &str = "pay-0192f0c12a3b7c4d8e5f001122334455-1";

fn ours() -> WireReference {
    WireReference::new(&Reference::from_stored(OURS), None)
}

fn record(reference: &str, status: &str) -> String {
    format!(
        r#"{{"id":71780490,"account_number":"0690000040","bank_code":"044","full_name":"Ada Obi","currency":"NGN",
        "debit_currency":"NGN","amount":5500,"fee":26.875,"status":"{status}","reference":"{reference}","meta":null,
        "complete_message":"DISBURSE FAILED: Insufficient funds for Ada Obi 0690000040","approver":null}}"#
    )
}

fn one(record: &str) -> String {
    format!(r#"{{"status":"success","message":"Transfer fetched","data":{record}}}"#)
}

fn page(rows: &[&str], meta: &str) -> String {
    format!(r#"{{"status":"success","message":"Transfers fetched",{meta}"data":[{}]}}"#, rows.join(","))
}

fn pages(total: u64, total_pages: u32) -> String {
    format!(r#""meta":{{"page_info":{{"total":{total},"current_page":1,"total_pages":{total_pages}}}}},"#)
}

fn error(message: &str) -> String {
    format!(r#"{{"status":"error","message":"{message}","data":null}}"#)
}

fn answer(status: u16, body: &str) -> Exchange {
    Exchange::Answered(Answer { status, retry_after: None, body: Body::Whole(body.to_owned().into()) })
}

fn meaning(observed: &Observed) -> String {
    match observed {
        Observed::InFlight(sighting) => format!("in flight {}", sighting.gateway_id),
        Observed::Succeeded(sighting) => format!("succeeded, fee {}", sighting.fee.unwrap()),
        Observed::Failed(_, failure) => format!("failed: {}", failure.code.as_str()),
        Observed::Reversed(_) => "reversed".to_owned(),
        Observed::NotFound => "not found".to_owned(),
        Observed::Unrecognised { .. } => "unrecognised".to_owned(),
    }
}

#[test]
fn by_id() {
    let mine = |status| one(&record(OURS, status));
    #[rustfmt::skip]
    let rows: Vec<(u16, String, &str)> = vec![
        (200, mine("NEW"),                                          "in flight 71780490"),
        (200, mine("PENDING"),                                      "in flight 71780490"),
        (200, mine("SUCCESSFUL"),                                   "succeeded, fee 26.875 NGN"),
        (200, mine("FAILED"),                                       "failed: wallet_empty"),
        (200, mine("failed"),                                       "unrecognised"),
        (200, mine("REVERSED"),                                     "unrecognised"),
        (200, mine("CANCELLED"),                                    "unrecognised"),
        (200, mine("FAILED").replace("\"amount\":5500,", ""),       "unrecognised"),
        (200, mine("FAILED").replace("71780490", "null"),           "unrecognised"),
        (200, mine("SUCCESSFUL").replace("26.875", "\"free\""),     "unrecognised"),
        (200, mine("SUCCESSFUL").replace("\"NGN\"", "\"JPY\""),     "unrecognised"),
        (200, mine("SUCCESSFUL").replace(OURS, ""),                 "of another"),
        (200, one(&record("another", "SUCCESSFUL")),                "of another"),
        (200, one(&record(&format!("{OURS}_RETRY_1"), "FAILED")),   "of another"),
        (200, one("null"),                                          "not there"),
        (200, one("[]"),                                            "unrecognised"),
        (200, error("No transfer found"),                           "unrecognised"),
        (200, "<html>".to_owned(),                                  "unrecognised"),
        (404, error("Transfer not found"),                          "not there"),
        (404, "<html>404</html>".to_owned(),                        "not there"),
        (400, error("No transfer found"),                           "not there"),
        (400, error("Please enable IP Whitelisting to access this service"), "Err NotWhitelisted"),
        (401, error("Authorization required"),                      "Err Unauthorized"),
        (403, error("Forbidden"),                                   "Err Refused"),
        (408, error("Timeout"),                                     "Err Interrupted"),
        (429, error("Slow down"),                                   "Err RateLimited"),
        (302, String::new(),                                        "Err NotUnderstood"),
        (500, error("An error occurred"),                           "Err Unavailable"),
        (503, "<html>nginx</html>".to_owned(),                      "Err Unavailable"),
    ];
    for (status, body, expected) in rows {
        let said = match super::by_id(&ours(), answer(status, &body)) {
            Ok(ById::Seen(observed)) => meaning(&observed),
            Ok(ById::NotThere) => "not there".to_owned(),
            Ok(ById::OfAnother) => "of another".to_owned(),
            Err(failed) => format!("Err {:?}", failed.class),
        };
        assert_eq!(said, expected, "{status} {body}");
    }
}

#[test]
fn by_reference() {
    let (paid, failed, pending) =
        (record(OURS, "SUCCESSFUL"), record(OURS, "FAILED"), record(OURS, "PENDING"));
    let other = record("another", "SUCCESSFUL");
    let longer = record(&format!("{OURS}0"), "FAILED");
    let louder = record(&OURS.to_uppercase(), "FAILED");
    let retried = record(&format!("{OURS}_RETRY_1"), "PENDING");
    let nameless = paid.replace("\"reference\"", "\"ref\"");
    #[rustfmt::skip]
    let rows: Vec<(u16, u32, String, &str)> = vec![
        (200, 1, page(&[&paid], &pages(1, 1)),                      "succeeded, fee 26.875 NGN"),
        (200, 1, page(&[&failed], &pages(1, 1)),                    "failed: wallet_empty"),
        (200, 1, page(&[&other, &paid], &pages(2, 1)),              "succeeded, fee 26.875 NGN"),
        (200, 1, page(&[&paid], ""),                                "succeeded, fee 26.875 NGN"),
        // Nothing under this reference.
        (200, 1, page(&[], &pages(0, 0)),                           "end"),
        (200, 1, page(&[], ""),                                     "end"),
        (200, 1, page(&[], "\"meta\":{},"),                         "end"),
        (200, 1, page(&[&other], &pages(1, 1)),                     "end"),
        (200, 1, page(&[&longer, &louder], &pages(2, 1)),           "end"),
        (200, 3, page(&[], &pages(20, 2)),                          "end"),
        // Nothing yet.
        (200, 1, page(&[&other], &pages(11, 2)),                    "more"),
        (200, 1, page(&[&other], ""),                               "more"),
        (200, 2, page(&[&other], &pages(11, 2)),                    "end"),
        // Nothing that can be relied on.
        (200, 1, page(&[], &pages(3, 1)),                           "unrecognised"),
        (200, 1, page(&[], "\"meta\":7,"),                          "unrecognised"),
        (200, 1, page(&[&paid, &paid], &pages(2, 1)),               "unrecognised"),
        (200, 1, page(&[&paid, &failed, &pending], &pages(3, 1)),   "unrecognised"),
        // A failed reference that was taken a second time.
        (200, 1, page(&[&failed, &failed], &pages(2, 1)),           "failed: wallet_empty"),
        (200, 1, page(&[&pending, &failed], &pages(2, 1)),          "in flight 71780490"),
        (200, 1, page(&[&failed, &paid], &pages(2, 1)),             "succeeded, fee 26.875 NGN"),
        (200, 1, page(&[&failed, &retried], &pages(2, 1)),          "unrecognised"),
        (200, 1, page(&[&paid, &retried], &pages(2, 1)),            "succeeded, fee 26.875 NGN"),
        (200, 1, page(&[&nameless], &pages(1, 1)),                  "unrecognised"),
        (200, 1, page(&["null"], &pages(1, 1)),                     "unrecognised"),
        (200, 1, page(&["7"], &pages(1, 1)),                        "unrecognised"),
        (200, 1, one("null"),                                       "unrecognised"),
        (200, 1, one("{}"),                                         "unrecognised"),
        (200, 1, error("No transfers found"),                       "unrecognised"),
        (200, 1, "<html>".to_owned(),                               "unrecognised"),
        (200, 1, String::new(),                                     "unrecognised"),
        // No list at all: in particular, a 404 here is no "not found".
        (404, 1, error("Not found"),                                "Err Refused"),
        (400, 1, error("No transfers found"),                       "Err Refused"),
        (401, 1, error("Authorization required"),                   "Err Unauthorized"),
        (429, 1, error("Slow down"),                                "Err RateLimited"),
        (307, 1, page(&[], &pages(0, 0)),                           "Err NotUnderstood"),
        (503, 1, page(&[], &pages(0, 0)),                           "Err Unavailable"),
    ];
    for (status, number, body, expected) in rows {
        let said = match on_page(&ours(), number, answer(status, &body)) {
            Ok(OnPage::Seen(observed)) => meaning(&observed),
            Ok(OnPage::More) => "more".to_owned(),
            Ok(OnPage::End) => "end".to_owned(),
            Err(failed) => format!("Err {:?}", failed.class),
        };
        assert_eq!(said, expected, "{status} page {number} {body}");
    }
}

#[test]
fn a_failure_stands_where_no_retry_of_it_may_pay() {
    let retry = |status| record(&format!("{OURS}_RETRY_1"), status);
    #[rustfmt::skip]
    let rows: Vec<(u16, String, &str)> = vec![
        (200, page(&[], ""),                                        "NoneThatMayPay"),
        (200, page(&[&retry("FAILED")], ""),                        "NoneThatMayPay"),
        (200, one("null"),                                          "NoneThatMayPay"),
        (404, error("Not found"),                                   "NoneThatMayPay"),
        (400, error("No retries"),                                  "NoneThatMayPay"),
        (200, page(&[&retry("NEW")], ""),                           "MayPay"),
        (200, page(&[&retry("FAILED"), &retry("SUCCESSFUL")], ""),  "MayPay"),
        (200, page(&[&retry("PENDING")], ""),                       "MayPay"),
        (200, page(&[&retry("CANCELLED")], ""),                     "MayPay"),
        (200, page(&["7"], ""),                                     "NotUnderstood"),
        (200, one("{}"),                                            "NotUnderstood"),
        (200, error("no"),                                          "NotUnderstood"),
        (200, "<html>".to_owned(),                                  "NotUnderstood"),
        (400, error("Please enable IP Whitelisting to access this service"), "Err NotWhitelisted"),
        (401, error("Authorization required"),                      "Err Unauthorized"),
        (403, error("Forbidden"),                                   "Err Refused"),
        (429, error("Slow down"),                                   "Err RateLimited"),
        (503, "<html>nginx</html>".to_owned(),                      "Err Unavailable"),
    ];
    for (status, body, expected) in rows {
        let said = match retries(answer(status, &body)) {
            Ok(retries) => format!("{retries:?}"),
            Err(failed) => format!("Err {:?}", failed.class),
        };
        assert_eq!(said, expected, "{status} {body}");
    }
}

#[test]
fn without_an_answer_nothing_is_said_about_the_transfer() {
    let why = || "it broke".to_owned();
    let cut = Exchange::Answered(Answer { status: 200, retry_after: None, body: Body::Cut { why: why() } });
    for (exchange, class) in [
        (Exchange::NotConnected { why: why() }, LookUpClass::Unreachable),
        (Exchange::Broken { why: why() }, LookUpClass::Interrupted),
        (cut, LookUpClass::Interrupted),
    ] {
        assert_eq!(super::by_id(&ours(), exchange.clone()).unwrap_err().class, class);
        assert_eq!(on_page(&ours(), 1, exchange).unwrap_err().class, class);
    }
}

#[test]
fn what_the_gateway_said_is_kept_without_the_account_and_the_name() {
    let body = one(&record(OURS, "FAILED"));
    let Ok(ById::Seen(Observed::Failed(_, failure))) = super::by_id(&ours(), answer(200, &body)) else {
        panic!("not seen");
    };
    assert_eq!(failure.message, "DISBURSE FAILED: Insufficient funds for [name] [name] [number]");
}

/// In test mode the suffix is on the wire and nowhere else.
#[test]
fn a_sighting_carries_our_own_reference() {
    let reference = WireReference::new(&Reference::from_stored(OURS), Some(&"_PMCK".parse().unwrap()));
    let body = page(&[&record(&format!("{OURS}_PMCK"), "SUCCESSFUL")], "");
    let Ok(OnPage::Seen(Observed::Succeeded(sighting))) = on_page(&reference, 1, answer(200, &body)) else {
        panic!("not seen");
    };
    assert_eq!(sighting.reference.as_str(), OURS);
    assert_eq!((sighting.bank.as_str(), sighting.account.as_str()), ("044", "0690000040"));
}
