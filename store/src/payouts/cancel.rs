//! The provider takes a request back while no batch has claimed it.

use chrono::{DateTime, Utc};
use domain::{PayoutEvent, PayoutId, PayoutStatus, Progress, ProviderId};
use serde_json::json;
use sqlx::PgConnection;

use super::{Payout, conflict, get_in, lock, moved_one, progress_in};
use crate::{
    Actor, ByHand, Conflict, Error, Pool, Result, attempts, audit,
    notifications::{self, Event},
    outbox, reservations, reviews,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    Done(Box<Payout>),
    /// Not this provider's, or no such payout.
    NotFound,
    TooLate(Conflict),
}

pub async fn cancel(
    pool: &Pool,
    id: PayoutId,
    provider: ProviderId,
    now: DateTime<Utc>,
) -> Result<Cancelled> {
    let mut tx = pool.begin().await?;
    let Some(payout) = lock(&mut tx, id).await?.filter(|payout| payout.provider == provider) else {
        return Ok(Cancelled::NotFound);
    };
    if !may_cancel(&mut tx, &payout).await? {
        return Ok(Cancelled::TooLate(conflict(&mut tx, &payout).await?));
    }
    cancel_locked(&mut tx, &payout, &Actor::provider(provider), None, now).await?;
    outbox::signal(&mut tx, id, "cancel", None, now).await?;
    let payout = get_in(&mut tx, id).await?.ok_or_else(|| Error::corrupt("a cancelled payout is gone"))?;
    tx.commit().await?;
    Ok(Cancelled::Done(Box::new(payout)))
}

/// Temporal's own cancel: cancels if that is still legal, else is recorded and ignored.
pub async fn engine_cancel(
    pool: &Pool,
    id: PayoutId,
    by: ByHand<'_>,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let actor = Actor::engine(by.identity);
    let payout = lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    if may_cancel(&mut tx, &payout).await? {
        cancel_locked(&mut tx, &payout, &actor, Some("cancelled through the engine"), now).await?;
    } else if payout.status != PayoutStatus::Cancelled
        && !audit::has(&mut tx, id, "cancel_ignored", by.key).await?
    {
        let detail = json!({ "status": payout.status, "key": by.key });
        audit::record(&mut tx, &actor, "cancel_ignored", id, Some("too late to cancel"), detail, now).await?;
    }
    let progress = progress_in(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Not once a batch has it; and one that came back from a batch not while the gateway says that an attempt may pay.
async fn may_cancel(conn: &mut PgConnection, payout: &Payout) -> Result<bool> {
    Ok(cancellable(payout, attempts::may_pay(conn, payout.id).await?))
}

/// The same where it is known whether an attempt may pay.
pub(crate) fn cancellable(payout: &Payout, may_pay: bool) -> bool {
    payout.status.after(PayoutEvent::Cancel).is_ok() && !may_pay
}

async fn cancel_locked(
    conn: &mut PgConnection,
    payout: &Payout,
    actor: &Actor,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'CANCELLED', cancelled_at = $3, held = NULL, updated_at = $3
         WHERE id = $1 AND status = $2 AND status IN ('REQUESTED', 'APPROVED')",
        payout.id.uuid(),
        payout.status.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    reservations::refund(conn, payout.provider, payout.id, payout.amount, now).await?;
    reviews::close(conn, payout.id, now).await?;
    audit::record(conn, actor, "cancelled", payout.id, reason, json!({}), now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Cancelled, payout.amount, None, now).await
}
