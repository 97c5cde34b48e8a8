//! `GET /api/admin/counts`

use poem_openapi::{Object, OpenApi, payload::Json};
use store::counts::COUNTED_AT_MOST;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
};

/// How much waits for people.
#[derive(Debug, Object)]
struct Counts {
    /// Payouts that wait for a decision (`GET /api/admin/reviews`).
    reviews: u32,
    /// Failed payouts that somebody has to retry or refund (`GET /api/admin/payouts?needs_attention=true`).
    attention: u32,
    /// Cases that are open (`GET /api/admin/cases?status=OPEN`).
    cases: u32,
    /// What the workflow engine refused for a day (`GET /api/admin/dead-letters`).
    dead_letters: u32,
    /// Payouts that have not ended, whoever moves them next.
    open: u32,
    /// Nothing is counted further than this: a number that is equal to it means as many or more.
    counted_at_most: u32,
}

pub(crate) struct GetCounts;

impl Refuses for GetCounts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetCounts {
    /// How much waits for people
    ///
    /// The numbers beside a menu. Cheap enough to ask for every few seconds: what has ended is not looked at.
    #[oai(path = "/api/admin/counts", method = "get", operation_id = "getCounts")]
    async fn counts(&self, app: TheApp<'_>, _caller: AsAdmin) -> Result<Json<Counts>, Refused<Self>> {
        let counts = store::counts::counts(&app.pool).await?;
        let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Json(Counts {
            reviews: number(counts.reviews),
            attention: number(counts.attention),
            cases: number(counts.cases),
            dead_letters: number(counts.dead_letters),
            open: number(counts.open),
            counted_at_most: number(COUNTED_AT_MOST),
        }))
    }
}
