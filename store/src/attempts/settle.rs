//! How an attempt ends, and its payout with it: attempt, payout, earnings, ledger, audit and message in the caller's transaction.
//!
//! What an answer means is decided by [`domain::judge`]; here it is carried out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    AttemptId, Doubt, Failure, FailureCode, Money, PayoutEvent, PayoutStatus, RetrySchedule, Sighting,
    judge::{self, AfterFailure},
};
use serde_json::json;
use sqlx::PgConnection;

use super::{Held, late};
use crate::{
    Actor, Error, Result, attestations, audit, balances, bank_accounts, cases,
    notifications::{self, AdminEvent, Event, tell_admins},
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

/// What is known about a transfer that paid. Its fee is booked on its own: see [`super::fees`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Paid<'a> {
    pub(super) gateway_id: Option<&'a str>,
    pub(super) fee: Option<Money>,
}

impl<'a> From<&'a Sighting> for Paid<'a> {
    fn from(sighting: &'a Sighting) -> Self {
        Self { gateway_id: Some(&sighting.gateway_id), fee: sighting.fee }
    }
}

impl Paid<'_> {
    /// People have said so; the gateway has told neither id nor fee.
    pub(super) const ATTESTED: Paid<'static> = Paid { gateway_id: None, fee: None };
}

/// It paid, and with it the payout. A late success that waited for this turns out to have been too much.
pub(super) async fn succeed(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    paid: Paid<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let gateway_id = paid.gateway_id.map(storable);
    let settled = sqlx::query!(
        "UPDATE attempts SET status = 'SUCCEEDED', settled_at = $2, gateway_id = coalesce($3, gateway_id), resend = false,
                check_at = NULL, updated_at = $2
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.id.uuid(),
        now,
        gateway_id.as_deref(),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(settled, payout.id)?;
    ended(conn, attempt.id, true, now).await?;
    let Some(first) = late::waiting(conn, payout).await? else {
        return complete(conn, payout, attempt.id, paid, now).await;
    };
    let case = late::overpaid_case(conn, payout, &first, now).await?;
    bank_accounts::payout_arrived(conn, payout.bank_account).await?;
    balances::lock_accounts(conn, payout.provider, payout.amount.currency()).await?;
    complete(conn, payout, attempt.id, paid, now).await?;
    late::book_overpaid(conn, payout, &first, case, now).await
}

/// The payout, which is PROCESSING, is paid by this attempt.
pub(super) async fn complete(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    paid: Paid<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    PayoutStatus::Processing.after(PayoutEvent::Confirm).map_err(Error::corrupt)?;
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'COMPLETED', completed_at = $2, fee = $3, updated_at = $2 WHERE id = $1 AND status = 'PROCESSING'",
        payout.id.uuid(),
        now,
        paid.fee.map(Money::amount),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    bank_accounts::payout_arrived(conn, payout.bank_account).await?;
    reservations::settle(conn, payout.provider, payout.id, attempt, payout.amount, now).await?;
    let detail = json!({ "gateway_id": paid.gateway_id, "fee": paid.fee });
    audit::record(conn, &Actor::system(), "completed", payout.id, None, detail, now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Completed, payout.amount, None, now).await
}

/// It has conclusively not paid: the payout is retried on the schedule, waits for funds or needs an admin; or it is completed
/// by a late success that waited for this.
pub(super) async fn fail(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    failure: &Failure,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    let counted = judge::counts(failure.class());
    mark_attempt_failed(conn, payout, attempt.id, failure, counted, now).await?;
    ended(conn, attempt.id, false, now).await?;
    if let Some(first) = late::waiting(conn, payout).await? {
        return late::completes(conn, payout, &first, now).await;
    }
    let failures = payout.counted_failures.saturating_add(u8::from(counted));
    match judge::after_failure(failure.class(), failures, &policy.schedule, now) {
        AfterFailure::WaitForFunds => wait_for_funds(conn, payout, failure, now).await,
        AfterFailure::RetryAt(due) => mark_failed(conn, payout, failure, failures, Some(due), now).await,
        AfterFailure::NeedsAttention => mark_failed(conn, payout, failure, failures, None, now).await,
    }
}

/// It was recorded and never sent, and is not needed any more.
pub(super) async fn withdraw(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let failure = Failure { code: FailureCode::Withdrawn, message: why.to_owned() };
    let unsent = sqlx::query_scalar!(
        r#"SELECT sends = 0 AS "unsent!" FROM attempts WHERE id = $1 FOR NO KEY UPDATE"#,
        attempt.uuid()
    )
    .fetch_one(&mut *conn)
    .await?;
    if !unsent {
        return Err(Error::corrupt(format!("attempt {attempt} was to be withdrawn and may have been sent")));
    }
    mark_attempt_failed(conn, payout, attempt, &failure, false, now).await?;
    let detail = json!({ "attempt": attempt, "code": failure.code });
    audit::record(conn, &Actor::system(), "attempt_withdrawn", payout.id, Some(why), detail, now).await
}

async fn mark_attempt_failed(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    failure: &Failure,
    counted: bool,
    now: DateTime<Utc>,
) -> Result<()> {
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
    .execute(conn)
    .await?
    .rows_affected();
    moved_one(settled, payout.id)
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
    payout.status.after(PayoutEvent::Fail).map_err(Error::corrupt)?;
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
        bank_accounts::payout_failed(conn, payout, failure.code, now).await?;
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
    audit::record(conn, &Actor::system(), "held", payout.id, Some(&failure.message), detail, now).await?;
    let words = format!(
        "The gateway refused payout {} of {}: {} It waits, as others will, until that is mended.",
        payout.id,
        payout.amount,
        failure.code.words()
    );
    // Once an hour, however many are refused.
    let key = format!("gateway:{}:{}", failure.code.as_str(), now.format("%Y-%m-%dT%H"));
    tell_admins(conn, AdminEvent::FundingShort, &key, &words, now).await
}

/// A payout that has not failed at the gateway, or not only there, and that only a person can move on.
pub(super) async fn give_to_a_person(
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

/// A look at a failed attempt said something else than failed: the latest is kept, and since when there is a doubt.
pub(super) async fn doubt(
    conn: &mut PgConnection,
    attempt: AttemptId,
    doubt: Doubt,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET doubt = $2, updated_at = $3 WHERE id = $1 AND status = 'FAILED'",
        attempt.uuid(),
        doubt.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The same failure, seen again just now: there is no doubt about it any more.
pub(super) async fn seen_failed_again(
    conn: &mut PgConnection,
    attempt: &Held,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET failed_seen_at = $2, doubt = NULL, updated_at = $2 WHERE id = $1 AND status = 'FAILED'",
        attempt.id.uuid(),
        now
    )
    .execute(&mut *conn)
    .await?;
    if attempt.doubted_at.is_some() {
        cases::attempt_ended(conn, attempt.id, now).await?;
    }
    Ok(())
}

/// What people were asked to find out, or have said, about an attempt is settled with it.
pub(super) async fn ended(
    conn: &mut PgConnection,
    attempt: AttemptId,
    paid: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    attestations::attempt_ended(conn, attempt, paid, now).await?;
    cases::attempt_ended(conn, attempt, now).await
}
