//! What an admin does about a payout that needs attention: retry it, or refund the money.

use chrono::{DateTime, Utc};
use domain::{PayoutEvent, PayoutId, judge};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Conflict, Error, Pool, Result, attempts, audit,
    notifications::{self, Event},
    outbox,
    payouts::{self, Payout, conflict, moved_one},
    reservations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    Done(Box<Payout>),
    NotFound,
    /// It does not, or no longer, need attention.
    NotWaiting(Conflict),
    /// An attempt may still pay, or has not been seen to have failed just now.
    NotProven {
        reason: String,
    },
}

/// Another attempt, now. The workflow looks at every earlier one again before it begins.
pub async fn retry(
    pool: &Pool,
    id: PayoutId,
    admin: &Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Acted> {
    let mut tx = pool.begin().await?;
    let payout = match needing_attention(&mut tx, id, PayoutEvent::Retry).await? {
        Ok(payout) => payout,
        Err(refused) => return Ok(refused),
    };
    let moved = sqlx::query!(
        "UPDATE payouts SET needs_attention = false, next_attempt_at = $2, updated_at = $2
         WHERE id = $1 AND status = 'FAILED' AND needs_attention AND refunded_at IS NULL",
        id.uuid(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    let detail = json!({ "attempts": payout.attempts });
    audit::record(&mut tx, admin, "retry_ordered", id, Some(reason), detail, now).await?;
    outbox::signal(&mut tx, id, "manual_action", None, now).await?;
    finish(tx, id).await
}

/// The money goes back to the balance; final. Every attempt must have been seen to have failed within [`judge::FRESH`].
pub async fn refund(
    pool: &Pool,
    id: PayoutId,
    admin: &Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Acted> {
    let mut tx = pool.begin().await?;
    let payout = match needing_attention(&mut tx, id, PayoutEvent::Refund).await? {
        Ok(payout) => payout,
        Err(refused) => return Ok(refused),
    };
    if let Err(unproven) = judge::proofs(&attempts::facts(&mut tx, id).await?, now) {
        return Ok(Acted::NotProven { reason: unproven.to_string() });
    }
    let moved = sqlx::query!(
        "UPDATE payouts SET needs_attention = false, refunded_at = $2, refunded_by = $3, updated_at = $2
         WHERE id = $1 AND status = 'FAILED' AND needs_attention AND refunded_at IS NULL AND next_attempt_at IS NULL",
        id.uuid(),
        now,
        admin.as_str(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    reservations::refund(&mut tx, payout.provider, id, payout.amount, now).await?;
    audit::record(&mut tx, admin, "refunded", id, Some(reason), json!({}), now).await?;
    let why = payout.failure_code.map(domain::FailureCode::words);
    notifications::tell(&mut tx, id, payout.provider, Event::Refunded, payout.amount, why, now).await?;
    outbox::signal(&mut tx, id, "manual_action", None, now).await?;
    finish(tx, id).await
}

/// It failed for good, and is a person's to move on.
pub(crate) fn for_people(payout: &Payout, event: PayoutEvent) -> bool {
    payout.status.after(event).is_ok() && payout.needs_attention
}

async fn needing_attention(
    conn: &mut PgConnection,
    id: PayoutId,
    event: PayoutEvent,
) -> Result<std::result::Result<Payout, Acted>> {
    let Some(payout) = payouts::lock(conn, id).await? else { return Ok(Err(Acted::NotFound)) };
    if !for_people(&payout, event) {
        return Ok(Err(Acted::NotWaiting(conflict(conn, &payout).await?)));
    }
    Ok(Ok(payout))
}

async fn finish(mut tx: sqlx::PgTransaction<'_>, id: PayoutId) -> Result<Acted> {
    let payout = payouts::get_in(&mut tx, id).await?.ok_or_else(|| Error::corrupt("a payout is gone"))?;
    tx.commit().await?;
    Ok(Acted::Done(Box::new(payout)))
}
