//! How the system is, in numbers: for whoever scrapes metrics, every few seconds, from every process.
//!
//! Cost: one statement of index look-ups; each part reads what is open or waits, never what is done. Limit: the numbers of one
//! moment, rounded to it; nothing is decided by them.

use chrono::{DateTime, Utc};

use crate::{Pool, Result};

/// The numbers of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    pub undelivered: i64,
    /// Since when the oldest undelivered row waits.
    pub oldest_undelivered: Option<DateTime<Utc>>,
    pub dead: i64,
    /// Webhooks about references that nobody here knows.
    pub unmatched: i64,
    /// Attempts whose outcome nobody can tell.
    pub unknown: i64,
    /// Since when the oldest of them has been under way.
    pub oldest_unknown: Option<DateTime<Utc>>,
    pub needing_attention: i64,
    /// Messages that are not delivered yet, since when the oldest of them waits, and those given up.
    pub messages_pending: i64,
    pub oldest_message: Option<DateTime<Utc>>,
    pub messages_failed: i64,
    pub paused: bool,
    /// Findings of the last reading of the ledger, and when one last found none.
    pub ledger_wrong: i32,
    pub ledger_right_at: Option<DateTime<Utc>>,
    pub runs_wrong: i32,
    /// Open payouts by status.
    pub open_payouts: Vec<(String, i64)>,
    /// Open cases by kind.
    pub open_cases: Vec<(String, i64)>,
}

pub async fn read(pool: &Pool) -> Result<Vitals> {
    let one = sqlx::query!(
        r#"SELECT waiting.count AS "undelivered!", waiting.oldest AS oldest_undelivered,
                  (SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND dead_at IS NOT NULL) AS "dead!",
                  (SELECT count(*) FROM inbox WHERE disposition = 'unknown') AS "unmatched!",
                  unknown.count AS "unknown!", unknown.oldest AS oldest_unknown,
                  (SELECT count(*) FROM payouts WHERE needs_attention) AS "needing_attention!",
                  messages.count AS "messages_pending!", messages.oldest AS oldest_message,
                  (SELECT count(*) FROM messages WHERE state = 'FAILED') AS "messages_failed!",
                  (SELECT paused FROM control) AS "paused!",
                  b.ledger_wrong AS "ledger_wrong!", b.ledger_right_at, b.runs_wrong AS "runs_wrong!"
           FROM (SELECT count(*) AS count, min(greatest(created_at, due_at)) AS oldest
                 FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL) waiting,
                (SELECT count(*) AS count, min(began_at) AS oldest FROM attempts WHERE status = 'UNKNOWN' AND sends > 0) unknown,
                (SELECT count(*) AS count, min(created_at) AS oldest FROM messages WHERE state = 'PENDING') messages,
                books_check b"#
    )
    .fetch_one(pool)
    .await?;
    let open_payouts = sqlx::query!(
        r#"SELECT status AS "status!", count(*) AS "count!" FROM payouts
           WHERE status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL)
           GROUP BY status"#
    )
    .fetch_all(pool)
    .await?;
    let open_cases = sqlx::query!(
        r#"SELECT kind AS "kind!", count(*) AS "count!" FROM cases WHERE status = 'OPEN' GROUP BY kind"#
    )
    .fetch_all(pool)
    .await?;
    Ok(Vitals {
        undelivered: one.undelivered,
        oldest_undelivered: one.oldest_undelivered,
        dead: one.dead,
        unmatched: one.unmatched,
        unknown: one.unknown,
        oldest_unknown: one.oldest_unknown,
        needing_attention: one.needing_attention,
        messages_pending: one.messages_pending,
        oldest_message: one.oldest_message,
        messages_failed: one.messages_failed,
        paused: one.paused,
        ledger_wrong: one.ledger_wrong,
        ledger_right_at: one.ledger_right_at,
        runs_wrong: one.runs_wrong,
        open_payouts: open_payouts.into_iter().map(|row| (row.status, row.count)).collect(),
        open_cases: open_cases.into_iter().map(|row| (row.kind, row.count)).collect(),
    })
}
