//! `GET /api/provider/earnings`

use chrono::{DateTime, Utc};
use domain::EarningId;
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};
use store::earnings::Filter;

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::{Currency, Earning},
};

/// `AVAILABLE`, `RESERVED` (some of it is set aside for, or paid by, payouts), `PAID_OUT` or `RECOVERED` (taken for a debt).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "store::earnings::EarningStatus")]
enum EarningStatus {
    Available,
    Reserved,
    PaidOut,
    Recovered,
}

/// Earnings, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Earnings {
    /// This page.
    items: Vec<Earning>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

pub(crate) struct ListEarnings;

impl Refuses for ListEarnings {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListEarnings {
    /// What you have earned
    ///
    /// Newest first, by when the marketplace told us. Payouts use up the oldest earnings first, also in parts.
    /// Each comes with its corrections.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/provider/earnings", method = "get", operation_id = "listEarnings")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// Only earnings that stand here.
        status: Query<Option<EarningStatus>>,
        /// Only earnings in this currency.
        currency: Query<Option<Currency>>,
        /// Only what was earned at or after this time (RFC 3339).
        from: Query<Option<DateTime<Utc>>>,
        /// Only what was earned before this time (RFC 3339).
        to: Query<Option<DateTime<Utc>>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Earnings>, Refused<Self>> {
        let filter = Filter {
            status: status.0.map(Into::into),
            currency: currency.0.map(Into::into),
            from: from.0,
            to: to.0,
        };
        let before = cursor.0.map(|cursor| EarningId::from_uuid(cursor.0));
        let rows =
            store::earnings::list(&app.pool, caller.0, &filter, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        let items = Earning::with_adjustments(&app.pool, &rows).await?;
        Ok(Json(Earnings { items, next_cursor }))
    }
}
