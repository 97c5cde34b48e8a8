//! `GET /api/admin/reviews`

use chrono::{DateTime, Utc};
use domain::ReviewId;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use store::reviews::After;
use uuid::Uuid;

use super::view::RuleFinding;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    paging::{self, TimedCursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

/// A payout that waits for a decision.
#[derive(Debug, Object)]
struct Review {
    /// The payout to decide on (`POST /api/admin/payouts/{id}/decision`).
    payout_id: Uuid,
    /// Whose it is.
    provider_id: Uuid,
    /// What people call them.
    provider_name: String,
    /// How much is asked for.
    amount: Amount,
    /// Since when it waits (UTC).
    opened_at: DateTime<Utc>,
    /// Every risk rule with what it saw; those that fired are why it waits.
    findings: Vec<RuleFinding>,
}

/// The queue, longest waiting first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Reviews {
    /// This page.
    items: Vec<Review>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

pub(crate) struct ListReviews;

impl Refuses for ListReviews {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListReviews {
    /// Payouts that wait for a decision
    ///
    /// Longest waiting first, each with every risk rule and what it saw. A payout leaves the queue when it is decided or cancelled.
    #[oai(path = "/api/admin/reviews", method = "get", operation_id = "listReviews")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// `next_cursor` of the page before.
        cursor: Query<Option<TimedCursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Reviews>, Refused<Self>> {
        let after = cursor.0.map(|at| After { opened_at: at.time, id: ReviewId::from_uuid(at.id) });
        let rows = store::reviews::list(&app.pool, after, paging::fetch(limit.0)).await?;
        let place = |row: &store::reviews::Review| TimedCursor { time: row.opened_at, id: row.id.uuid() };
        let (rows, next_cursor) = paging::cut_timed(rows, limit.0, place);
        let tell = |row: &store::reviews::Review| Review {
            payout_id: row.payout.uuid(),
            provider_id: row.provider.uuid(),
            provider_name: row.provider_name.clone(),
            amount: Amount(row.amount),
            opened_at: row.opened_at,
            findings: row.findings.iter().map(RuleFinding::from).collect(),
        };
        Ok(Json(Reviews { items: rows.iter().map(tell).collect(), next_cursor }))
    }
}
