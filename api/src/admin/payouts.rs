//! `GET /api/admin/payouts`

use chrono::{DateTime, Utc};
use domain::{BatchId, PayoutId, ProviderId};
use poem::Request;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, ResponseContent, param::Query, payload::Json};
use store::payouts::{Filter, Page};
use uuid::Uuid;

use super::{export::Csv, view::AdminPayout};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::{PayoutStatus, RiskRoute},
};

/// Payouts of everybody, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AllPayouts {
    /// This page.
    items: Vec<AdminPayout>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

/// How to answer a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum ListFormat {
    Json,
    Csv,
}

#[derive(ResponseContent)]
enum Content {
    #[oai(content_type = "application/json")]
    Page(Json<AllPayouts>),
    #[oai(content_type = "text/csv")]
    Export(Csv),
}

#[derive(ApiResponse)]
enum Answer {
    /// A page, or everything as CSV.
    #[oai(status = 200)]
    Found(Content),
}

pub(crate) struct ListAllPayouts;

impl Refuses for ListAllPayouts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListAllPayouts {
    /// Payouts of everybody
    ///
    /// Newest first, a page at a time. With `format=csv`, or `Accept: text/csv`, everything that matches comes as one CSV file, at
    /// most 50,000 rows, newest first; cells that a spreadsheet would take for a formula begin with an apostrophe.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/payouts", method = "get", operation_id = "listAllPayouts")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        request: &Request,
        /// Only this provider's.
        provider: Query<Option<Uuid>>,
        /// Only payouts that stand here.
        status: Query<Option<PayoutStatus>>,
        /// Only payouts that the risk rules sent this way.
        risk: Query<Option<RiskRoute>>,
        /// Only those that this batch took.
        batch: Query<Option<Uuid>>,
        /// Only those that an admin has to act on (`true`), or need not (`false`).
        needs_attention: Query<Option<bool>>,
        /// Only payouts asked for at or after this time (RFC 3339).
        from: Query<Option<DateTime<Utc>>>,
        /// Only payouts asked for before this time (RFC 3339).
        to: Query<Option<DateTime<Utc>>>,
        /// `csv` for a file. Default: `json`, or what `Accept` prefers.
        format: Query<Option<ListFormat>>,
        /// `next_cursor` of the page before. Not for CSV.
        cursor: Query<Option<Cursor>>,
        /// How many per page. Not for CSV.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Answer, Refused<Self>> {
        let filter = Filter {
            provider: provider.0.map(ProviderId::from_uuid),
            status: status.0.map(Into::into),
            risk: risk.0.map(Into::into),
            batch: batch.0.map(BatchId::from_uuid),
            needs_attention: needs_attention.0,
            from: from.0,
            to: to.0,
        };
        if wants_csv(format.0, request) {
            return Ok(Answer::Found(Content::Export(Csv::payouts(app.pool.clone(), filter))));
        }
        let page = Page {
            before: cursor.0.map(|cursor| PayoutId::from_uuid(cursor.0)),
            limit: paging::fetch(limit.0),
        };
        let rows = store::payouts::list(&app.pool, &filter, page).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        let items = rows.iter().map(AdminPayout::from).collect();
        Ok(Answer::Found(Content::Page(Json(AllPayouts { items, next_cursor }))))
    }
}

/// The parameter decides; without it a client that asks for CSV first gets it.
pub(super) fn wants_csv(format: Option<ListFormat>, request: &Request) -> bool {
    match format {
        Some(ListFormat::Csv) => true,
        Some(ListFormat::Json) => false,
        None => request.header("accept").is_some_and(|accept| accept.trim_start().starts_with("text/csv")),
    }
}
