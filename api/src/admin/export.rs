//! Payouts as CSV (RFC 4180), a page of rows in memory at a time.
//!
//! Guarantee: no cell can make a spreadsheet calculate. What people or banks wrote goes through [`cell`].

use futures::{StreamExt as _, TryStreamExt as _, stream};
use poem::{Body, IntoResponse, Response, http::header};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
};
use store::payouts::{Filter, Page, Payout};

use super::view::held_words;

/// Rows fetched at once.
const PAGE_ROWS: u16 = 500;
/// What a spreadsheet still opens in one go; a longer export asks for a shorter period.
const MAX_PAGES: u16 = 100;

const HEADER: &str = "id,provider_id,bank_account_id,status,amount,currency,fee,risk,requested_at,approved_at,approved_by,batch_id,\
                      held,attempts,needs_attention,failure_code,failure_message,completed_at,rejected_at,rejection_code,\
                      rejection_reason,cancelled_at,refunded_at,reversed_at\r\n";

/// Everything that matches a filter.
pub(super) struct Csv {
    pub pool: store::Pool,
    pub filter: Filter,
}

impl Payload for Csv {
    const CONTENT_TYPE: &'static str = "text/csv";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("One line for each payout, after a line of column names."),
            ..MetaSchema::new("string")
        }))
    }
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let header = stream::once(async { Ok(HEADER.to_owned()) });
        Response::builder()
            .content_type("text/csv; charset=utf-8")
            .header(header::CONTENT_DISPOSITION, "attachment; filename=\"payouts.csv\"")
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from_bytes_stream(header.chain(self.pages())))
    }
}

impl Csv {
    /// A failure in the middle breaks the connection off, so that half a file is not taken for a whole one.
    fn pages(self) -> impl futures::Stream<Item = Result<String, std::io::Error>> + Send {
        let from = Some((None, 0));
        stream::try_unfold((self, from), |(export, from)| async move {
            let Some((before, done)) = from.filter(|(_, done)| *done < MAX_PAGES) else { return Ok(None) };
            let page = Page { before, limit: i64::from(PAGE_ROWS) };
            let rows = store::payouts::list(&export.pool, &export.filter, page).await?;
            let full = rows.len() == usize::from(PAGE_ROWS);
            let next = rows.last().filter(|_| full).map(|last| (Some(last.id), done.saturating_add(1)));
            let text: String = rows.iter().map(line).collect();
            Ok(Some((text, (export, next))))
        })
        .map_err(|error: store::Error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "an export broke off");
            std::io::Error::other("the export broke off")
        })
    }
}

fn line(payout: &Payout) -> String {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let text = |text: Option<&str>| cell(text.unwrap_or_default());
    let cells = [
        payout.id.to_string(),
        payout.provider.to_string(),
        payout.bank_account.to_string(),
        payout.status.to_string(),
        payout.amount.amount().to_string(),
        payout.amount.currency().code().to_owned(),
        payout.fee.map(|fee| fee.amount().to_string()).unwrap_or_default(),
        text(payout.risk.map(domain::Route::as_str)),
        payout.requested_at.to_rfc3339(),
        time(payout.approved_at),
        text(payout.approved_by.as_deref()),
        payout.batch.map(|batch| batch.to_string()).unwrap_or_default(),
        text(payout.held.map(held_words)),
        payout.attempts.to_string(),
        payout.needs_attention.to_string(),
        text(payout.failure_code.map(domain::FailureCode::as_str)),
        text(payout.failure_message.as_deref()),
        time(payout.completed_at),
        time(payout.rejected_at),
        text(payout.rejection_code.as_deref()),
        text(payout.rejection_reason.as_deref()),
        time(payout.cancelled_at),
        time(payout.refunded_at),
        time(payout.reversed_at),
    ];
    cells.join(",") + "\r\n"
}

/// A cell that stays text: a spreadsheet takes what begins with one of these for a formula, also inside quotes.
fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_text() {
        for (text, written) in [
            ("", ""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("  =1", "'  =1"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
