//! How much work waits, for the numbers beside the menu.
//!
//! Cost: one statement, an index-only look at what is open and at nothing that has ended, however many payouts there are. No
//! number is counted further than [`COUNTED_AT_MOST`]: who has more has more than a number can tell.

use crate::{Pool, Result};

pub const COUNTED_AT_MOST: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub reviews: i64,
    pub attention: i64,
    pub cases: i64,
    pub dead_letters: i64,
    /// Payouts that have not ended.
    pub open: i64,
}

pub async fn counts(pool: &Pool) -> Result<Counts> {
    Ok(sqlx::query_as!(
        Counts,
        r#"SELECT (SELECT count(*) FROM (SELECT FROM reviews WHERE status = 'OPEN' LIMIT $1) few) AS "reviews!",
                  (SELECT count(*) FROM (SELECT FROM payouts WHERE needs_attention LIMIT $1) few) AS "attention!",
                  (SELECT count(*) FROM (SELECT FROM cases WHERE status = 'OPEN' LIMIT $1) few) AS "cases!",
                  (SELECT count(*) FROM (SELECT FROM outbox WHERE delivered_at IS NULL AND dead_at IS NOT NULL LIMIT $1) few)
                      AS "dead_letters!",
                  (SELECT count(*) FROM (
                       SELECT FROM payouts
                       WHERE status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL)
                       LIMIT $1) few) AS "open!""#,
        COUNTED_AT_MOST,
    )
    .fetch_one(pool)
    .await?)
}
