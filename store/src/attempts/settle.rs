//! How an attempt ends, and its payout with it: attempt, payout, earnings, ledger, audit and message in the caller's transaction.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttemptId, Failure, FailureClass, FailureCode, PayoutEvent, RetrySchedule, Sighting};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Result, audit,
    notifications::{self, Event},
    payouts::{Payout, moved_one},
    reservations,
};

/// When to try again and when to look again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    pub schedule: RetrySchedule,
    /// How long a webhook is waited for before the gateway is asked.
    pub webhook_timeout: Duration,
}

impl RetryPolicy {
    pub(crate) fn first_look(&self) -> TimeDelta {
        TimeDelta::from_std(self.webhook_timeout).unwrap_or(TimeDelta::minutes(2))
    }
}

/// The gateway paid.
pub(crate) async fn succeed(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    sighting: &Sighting,
    now: DateTime<Utc>,
) -> Result<()> {
    payout.status.after(PayoutEvent::Confirm).map_err(Error::corrupt)?;
    let fee = sighting.fee.map(domain::Money::amount);
    let settled = sqlx::query!(
        "UPDATE attempts SET status = 'SUCCEEDED', settled_at = $2, gateway_id = $3, fee = $4, resend = false, check_at = NULL, updated_at = $2
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        now,
        sighting.gateway_id,
        fee,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(settled, payout.id)?;
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'COMPLETED', completed_at = $2, fee = $3, updated_at = $2 WHERE id = $1 AND status = 'PROCESSING'",
        payout.id.uuid(),
        now,
        fee,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    reservations::settle(conn, payout.provider, payout.id, payout.amount, sighting.fee, now).await?;
    let detail = json!({ "gateway_id": sighting.gateway_id, "fee": sighting.fee });
    audit::record(conn, &Actor::system(), "completed", payout.id, None, detail, now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Completed, payout.amount, None, now).await
}

/// The gateway has conclusively not paid: retry on the schedule, wait for funds, or ask an admin.
pub(crate) async fn fail(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    failure: &Failure,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    payout.status.after(PayoutEvent::Fail).map_err(Error::corrupt)?;
    let counted = match failure.class() {
        FailureClass::Retry | FailureClass::NeedsProvider | FailureClass::Permanent => true,
        FailureClass::NeedsFinance => false,
    };
    let settled = sqlx::query!(
        "UPDATE attempts SET status = 'FAILED', settled_at = $2, failed_seen_at = $2, failure_code = $3, failure_message = $4,
                counted = $5, resend = false, check_at = NULL, updated_at = $2
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        now,
        failure.code.as_str(),
        failure.message,
        counted,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(settled, payout.id)?;
    let failures = payout.counted_failures.saturating_add(u8::from(counted));
    match failure.class() {
        FailureClass::NeedsFinance => wait_for_funds(conn, payout, failure, now).await,
        FailureClass::Retry => match policy.schedule.delay_after(failures) {
            Some(delay) => {
                let due = TimeDelta::from_std(delay)
                    .ok()
                    .and_then(|delay| now.checked_add_signed(delay))
                    .unwrap_or(now);
                mark_failed(conn, payout, failure, failures, Some(due), now).await
            }
            None => mark_failed(conn, payout, failure, failures, None, now).await,
        },
        FailureClass::NeedsProvider | FailureClass::Permanent => {
            mark_failed(conn, payout, failure, failures, None, now).await
        }
    }
}

/// `due`: when the automatic retry begins; without one the payout needs a person.
async fn mark_failed(
    conn: &mut PgConnection,
    payout: &Payout,
    failure: &Failure,
    failures: u8,
    due: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'FAILED', failed_at = $2, failure_code = $3, failure_message = $4, counted_failures = $5,
                next_attempt_at = $6, needs_attention = $7, updated_at = $2
         WHERE id = $1 AND status = 'PROCESSING'",
        payout.id.uuid(),
        now,
        failure.code.as_str(),
        failure.message,
        i16::from(failures),
        due,
        due.is_none(),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    let detail = json!({ "code": failure.code, "retry_at": due });
    audit::record(conn, &Actor::system(), "failed", payout.id, Some(&failure.message), detail, now).await?;
    if due.is_none() {
        let why = Some(failure.code.words());
        notifications::tell(conn, payout.id, payout.provider, Event::Failed, payout.amount, why, now).await?;
    }
    Ok(())
}

/// Nobody's failure here: the payout goes back to waiting, first in line.
async fn wait_for_funds(
    conn: &mut PgConnection,
    payout: &Payout,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<()> {
    payout.status.after(PayoutEvent::Hold).map_err(Error::corrupt)?;
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'APPROVED', batch_id = NULL, claimed_at = NULL, held = 'funds', updated_at = $2
         WHERE id = $1 AND status = 'PROCESSING'",
        payout.id.uuid(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    let detail = json!({ "code": failure.code });
    audit::record(conn, &Actor::system(), "held", payout.id, Some(&failure.message), detail, now).await
}

/// The gateway took back a final answer: no automatic retry, a person looks.
pub(crate) async fn contradicted(
    conn: &mut PgConnection,
    payout: &Payout,
    why: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE payouts SET next_attempt_at = NULL, needs_attention = true, failure_message = $2, failure_code = $3, updated_at = $4
         WHERE id = $1 AND status = 'FAILED' AND refunded_at IS NULL",
        payout.id.uuid(),
        why,
        FailureCode::Other.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    tracing::error!(payout.id = %payout.id, "payout {}: {why}", payout.id);
    audit::record(conn, &Actor::system(), "gateway_contradicts_itself", payout.id, Some(why), json!({}), now)
        .await
}

/// The same failure, seen again just now.
pub(crate) async fn seen_failed_again(
    conn: &mut PgConnection,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET failed_seen_at = $2, updated_at = $2 WHERE id = $1 AND status = 'FAILED'",
        attempt.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
