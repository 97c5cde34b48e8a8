//! `GET /api/provider/payouts`

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::{Payout, PayoutStatus},
};
use store::payouts::{Filter, Page};

/// Payouts, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Payouts {
    /// This page.
    items: Vec<Payout>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

pub(crate) struct ListPayouts;

impl Refuses for ListPayouts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListPayouts {
    /// Your payouts
    ///
    /// Newest first, a page at a time. A payout that is asked for while you page appears on the first page, not in the middle.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/provider/payouts", method = "get", operation_id = "listPayouts")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// Only payouts that stand here.
        status: Query<Option<PayoutStatus>>,
        /// Only payouts asked for at or after this time (RFC 3339).
        from: Query<Option<DateTime<Utc>>>,
        /// Only payouts asked for before this time (RFC 3339).
        to: Query<Option<DateTime<Utc>>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Payouts>, Refused<Self>> {
        let filter = Filter {
            provider: Some(caller.0),
            status: status.0.map(Into::into),
            from: from.0,
            to: to.0,
            ..Filter::default()
        };
        let page = Page {
            before: cursor.0.map(|cursor| PayoutId::from_uuid(cursor.0)),
            limit: paging::fetch(limit.0),
        };
        let rows = store::payouts::list(&app.pool, &filter, page).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        Ok(Json(Payouts { items: rows.iter().map(Payout::from).collect(), next_cursor }))
    }
}
