//! Lists as CSV (RFC 4180), a page of rows in memory at a time.
//!
//! Guarantee: no cell can make a spreadsheet calculate. What people or banks wrote goes through [`cell`].

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use poem::{Body, IntoResponse, Response, http::header};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
};
use store::{
    cases::{self, Case},
    payouts::{self, Payee, Payout},
};

use super::view::held_words;
use crate::csv::cell;

/// Rows fetched at once.
const PAGE_ROWS: u16 = 500;
/// What a spreadsheet still opens in one go; a longer export asks for a shorter period.
const MAX_PAGES: u16 = 100;

const PAYOUTS: &str = "id,provider_id,bank_account_id,status,amount,currency,fee,risk,requested_at,approved_at,approved_by,batch_id,\
                       held,attempts,needs_attention,failure_code,failure_message,completed_at,rejected_at,rejection_code,\
                       rejection_reason,cancelled_at,refunded_at,reversed_at,provider_external_id,provider_name\r\n";
const CASES: &str = "id,kind,subject,status,payout_id,provider_id,amount,currency,summary,opened_at,seen_at,closed_at,closed_by,\
                     resolution\r\n";

/// Everything that matches a filter.
pub(super) struct Csv {
    file: &'static str,
    header: &'static str,
    pages: BoxStream<'static, Result<String, std::io::Error>>,
}

impl Csv {
    pub(super) fn payouts(pool: store::Pool, filter: payouts::Filter, order: payouts::Order) -> Self {
        let fetch = move |from| -> BoxFuture<'static, store::Result<Vec<Line>>> {
            let (pool, filter) = (pool.clone(), filter.clone());
            let page = payouts::Page { order, from, limit: i64::from(PAGE_ROWS) };
            Box::pin(async move {
                let rows = payouts::list(&pool, &filter, page).await?;
                let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
                let mut payees = payouts::payees(&pool, &ids).await?;
                Ok(rows.into_iter().map(|row| (payees.remove(&row.id), row)).collect())
            })
        };
        let pages = pages(fetch, |(_, payout)| payout.id, payout_line);
        Self { file: "payouts.csv", header: PAYOUTS, pages }
    }

    pub(super) fn cases(pool: store::Pool, filter: cases::Filter) -> Self {
        let fetch = move |before| -> BoxFuture<'static, store::Result<Vec<Case>>> {
            let (pool, filter) = (pool.clone(), filter.clone());
            let page = cases::Page { before, limit: i64::from(PAGE_ROWS) };
            Box::pin(async move { cases::list(&pool, &filter, page).await })
        };
        Self { file: "cases.csv", header: CASES, pages: pages(fetch, |case| case.id, case_line) }
    }
}

impl Payload for Csv {
    const CONTENT_TYPE: &'static str = "text/csv";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("One line for each item, after a line of column names."),
            ..MetaSchema::new("string")
        }))
    }
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let header = self.header.to_owned();
        let header = stream::once(async { Ok(header) });
        Response::builder()
            .content_type("text/csv; charset=utf-8")
            .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.file))
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from_bytes_stream(header.chain(self.pages)))
    }
}

/// A failure in the middle breaks the connection off, so that half a file is not taken for a whole one.
fn pages<T, Id>(
    fetch: impl Fn(Option<Id>) -> BoxFuture<'static, store::Result<Vec<T>>> + Send + Sync + 'static,
    id: fn(&T) -> Id,
    line: fn(&T) -> String,
) -> BoxStream<'static, Result<String, std::io::Error>>
where
    T: Send + 'static,
    Id: Send + 'static,
{
    let from = Some((None, 0_u16));
    stream::try_unfold((fetch, from), move |(fetch, from)| async move {
        let Some((before, done)) = from.filter(|(_, done)| *done < MAX_PAGES) else { return Ok(None) };
        let rows = fetch(before).await?;
        let full = rows.len() == usize::from(PAGE_ROWS);
        let next = rows.last().filter(|_| full).map(|last| (Some(id(last)), done.saturating_add(1)));
        let text: String = rows.iter().map(line).collect();
        Ok(Some((text, (fetch, next))))
    })
    .map_err(|error: store::Error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "an export broke off");
        std::io::Error::other("the export broke off")
    })
    .boxed()
}

fn case_line(case: &Case) -> String {
    let text = |text: Option<&str>| cell(text.unwrap_or_default());
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let cells = [
        case.id.to_string(),
        case.kind.as_str().to_owned(),
        cell(&case.subject),
        case.status.as_str().to_owned(),
        id(case.payout.map(domain::PayoutId::uuid)),
        id(case.provider.map(domain::ProviderId::uuid)),
        case.amount.map(|amount| amount.amount().to_string()).unwrap_or_default(),
        case.amount.map(|amount| amount.currency().code().to_owned()).unwrap_or_default(),
        cell(&case.summary),
        case.opened_at.to_rfc3339(),
        case.seen_at.to_rfc3339(),
        case.closed_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
        text(case.closed_by.as_deref()),
        text(case.resolution.as_deref()),
    ];
    cells.join(",") + "\r\n"
}

type Line = (Option<Payee>, Payout);

fn payout_line((payee, payout): &Line) -> String {
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
        text(payee.as_ref().map(|payee| payee.provider_external_id.as_str())),
        text(payee.as_ref().map(|payee| payee.provider_name.as_str())),
    ];
    cells.join(",") + "\r\n"
}
