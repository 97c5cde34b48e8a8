//! Attempts that reached the gateway, or may have, and were not in its list.

use chrono::{DateTime, TimeDelta, Utc};
use domain::AttemptId;
use uuid::Uuid;

use super::{
    Run,
    listed::{Known, Row},
};
use crate::{Pool, Result};

/// What was sent a moment ago may not be in the list yet, and its own script asks for it: it is left to the next run.
pub const LEFT_TO_THE_NEXT_RUN: TimeDelta = TimeDelta::minutes(15);

/// A chunk of them.
#[derive(Debug, Clone)]
pub struct Unseen {
    pub attempts: Vec<Known>,
    /// Where the next chunk begins; `None` after the last one.
    pub upto: Option<AttemptId>,
}

/// The next attempts that this run has not met, in order of id: of those that are open, or ended within the return window, or
/// whose reversal is not settled, or that a webhook told of after their payout had ended and nobody has looked at since,
/// whatever may have reached the gateway.
pub async fn unseen(pool: &Pool, run: &Run, limit: i64, now: DateTime<Utc>) -> Result<Unseen> {
    let settled_by = now.checked_sub_signed(LEFT_TO_THE_NEXT_RUN).unwrap_or(now);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT a.id, a.payout_id, p.provider_id, a.number, a.reference, a.status, a.gateway_id, a.doubt,
                  (a.reversal_seen_at IS NOT NULL AND a.status = 'SUCCEEDED') AS "reversal_open!",
                  a.fee IS NOT NULL AS "fee_known!", p.amount, p.currency, b.bank_code, b.account_number, b.account_name
           FROM attempts a JOIN payouts p ON p.id = a.payout_id JOIN bank_accounts b ON b.id = p.bank_account_id
           WHERE ($2::uuid IS NULL OR a.id > $2) AND a.sends > 0 AND a.began_at <= $4
             AND (coalesce(a.settled_at, a.began_at) >= $3 OR a.settled_at IS NULL
                  OR (a.reversal_seen_at IS NOT NULL AND a.status = 'SUCCEEDED')
                  OR a.id IN (SELECT i.attempt_id FROM inbox i
                              WHERE i.disposition = 'finished' AND i.attempt_id IS NOT NULL AND NOT EXISTS (
                                  SELECT FROM evidence e WHERE e.attempt_id = i.attempt_id AND e.source = 'look_up'
                                      AND e.observed_at >= i.received_at)))
             AND NOT EXISTS (SELECT FROM reconciliation_sightings s WHERE s.reconciliation_id = $1 AND s.attempt_id = a.id)
           ORDER BY a.id LIMIT $5"#,
        run.id.uuid(),
        run.looked_up_to.map(AttemptId::uuid),
        run.since,
        settled_by,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let last: Option<Uuid> = rows.last().map(|row| row.id);
    let attempts = rows.into_iter().map(Known::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Unseen { attempts, upto: last.map(AttemptId::from_uuid) })
}
