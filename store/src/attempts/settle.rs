//! How an attempt ends, and its payout with it: attempt, payout, earnings, ledger, audit and message in the caller's transaction.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptId, Doubt, Failure, FailureClass, FailureCode, PayoutEvent, PayoutStatus, RetrySchedule, Sighting,
};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Result, audit,
    notifications::{self, Event},
    payouts::{Payout, moved_one},
    reservations,
    text::storable,
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
    let gateway_id = storable(&sighting.gateway_id);
    let settled = sqlx::query!(
        "UPDATE attempts SET status = 'SUCCEEDED', settled_at = $2, gateway_id = $3, fee = $4, resend = false, check_at = NULL, updated_at = $2
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        now,
        gateway_id.as_ref(),
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
    let message = storable(&failure.message);
    let settled = sqlx::query!(
        "UPDATE attempts SET status = 'FAILED', settled_at = $2, failed_seen_at = $2, failure_code = $3, failure_message = $4,
                counted = $5, resend = false, check_at = NULL, updated_at = $2
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        now,
        failure.code.as_str(),
        message.as_ref(),
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
    let message = storable(&failure.message);
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'FAILED', failed_at = $2, failure_code = $3, failure_message = $4, counted_failures = $5,
                next_attempt_at = $6, needs_attention = $7, updated_at = $2
         WHERE id = $1 AND status = 'PROCESSING'",
        payout.id.uuid(),
        now,
        failure.code.as_str(),
        message.as_ref(),
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

/// A payout that has not failed at the gateway, or not only there, and that only a person can move on.
pub(crate) async fn give_to_a_person(
    conn: &mut PgConnection,
    payout: &Payout,
    code: FailureCode,
    why: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if payout.status != PayoutStatus::Failed {
        payout.status.after(PayoutEvent::Fail).map_err(Error::corrupt)?;
    }
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'FAILED', failed_at = $3, failure_code = $4, failure_message = $5,
                next_attempt_at = NULL, needs_attention = true, updated_at = $3
         WHERE id = $1 AND status = $2 AND status IN ('PROCESSING', 'FAILED') AND refunded_at IS NULL",
        payout.id.uuid(),
        payout.status.as_str(),
        now,
        code.as_str(),
        why,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    let detail = json!({ "code": code });
    audit::record(conn, &Actor::system(), "failed", payout.id, Some(why), detail, now).await?;
    let words = Some(code.words());
    notifications::tell(conn, payout.id, payout.provider, Event::Failed, payout.amount, words, now).await
}

/// The gateway says that a failed attempt paid. Its failure proves nothing any more, and a payout that would pay or refund the
/// money again is stopped for a person. Hearing it again is nothing new.
pub(crate) async fn paid_after_all(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    const WHY: &str = "the gateway now says that a failed attempt has paid";
    let news = doubt(conn, attempt, Doubt::Paid, now).await?;
    if !news {
        return Ok(());
    }
    tracing::error!(payout.id = %payout.id, "payout {}: {WHY}", payout.id);
    audit::record(conn, &Actor::system(), "gateway_contradicts_itself", payout.id, Some(WHY), json!({}), now)
        .await?;
    let other_open = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts WHERE payout_id = $1 AND status <> 'FAILED') AS "open!""#,
        payout.id.uuid(),
    )
    .fetch_one(&mut *conn)
    .await?;
    let stoppable = match payout.status {
        // Waiting for its retry, or released again after it waited for funds.
        PayoutStatus::Failed => payout.refunded_at.is_none(),
        PayoutStatus::Processing => !other_open,
        // An approved one waits for a batch: the gate to its next attempt stops it. Of the others the money has moved on
        // already: what was paid too much is for reconciliation to find.
        PayoutStatus::Approved
        | PayoutStatus::Requested
        | PayoutStatus::Completed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => false,
    };
    if stoppable {
        give_to_a_person(conn, payout, FailureCode::Other, WHY, now).await?;
    }
    Ok(())
}

/// A look at a failed attempt said something else than failed. What is worse stays. Answers whether that is news.
pub(crate) async fn doubt(
    conn: &mut PgConnection,
    attempt: AttemptId,
    doubt: Doubt,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE attempts SET doubt = $2, updated_at = $3
         WHERE id = $1 AND status = 'FAILED'
           AND coalesce(array_position(ARRAY['unconfirmed', 'in_flight', 'paid'], doubt), 0)
             < array_position(ARRAY['unconfirmed', 'in_flight', 'paid'], $2::text)",
        attempt.uuid(),
        doubt.as_str(),
        now,
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// The same failure, seen again just now: lifts every doubt but that it paid.
pub(crate) async fn seen_failed_again(
    conn: &mut PgConnection,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET failed_seen_at = $2, doubt = CASE WHEN doubt = 'paid' THEN doubt END, updated_at = $2
         WHERE id = $1 AND status = 'FAILED'",
        attempt.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
