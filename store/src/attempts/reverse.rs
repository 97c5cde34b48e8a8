//! A paid transfer that the gateway calls failed or reversed: seen, taken back, or confirmed.
//!
//! The first sight moves nothing: one answer may be a mistake, and credit that was paid out again cannot be taken back. A second
//! one a day later, or finance, gives the money back: to the provider's balance where it had been paid as asked for, against
//! their debt where it had been too much.

use chrono::{DateTime, Utc};
use domain::{AttemptEvent, AttemptId, CaseId, PayoutEvent, PayoutStatus};
use serde_json::json;
use sqlx::PgConnection;

use super::Held;
use crate::{
    Actor, Error, Result, audit, balances,
    cases::{self, CaseKind, Finding},
    debt, ledger,
    notifications::{self, Event},
    pauses,
    payouts::{Payout, moved_one},
    reservations,
};

/// For the first time: a case, nothing else.
pub(super) async fn seen(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    now: DateTime<Utc>,
) -> Result<()> {
    let noted = sqlx::query!(
        "UPDATE attempts SET reversal_seen_at = $2, updated_at = $2
         WHERE id = $1 AND status = 'SUCCEEDED' AND reversal_seen_at IS NULL",
        attempt.id.uuid(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(noted, payout.id)?;
    let number = attempt.number.get();
    let summary =
        format!("attempt {number} of payout {} had paid; the gateway now says that it did not", payout.id);
    let finding = Finding {
        kind: CaseKind::Reversal,
        subject: cases::about_attempt(attempt.id),
        payout: Some(payout.id),
        provider: Some(payout.provider),
        amount: Some(payout.amount),
        summary: &summary,
        source: "gateway",
        detail: json!({ "attempt": attempt.number }),
    };
    let case = cases::open(conn, &finding, now).await?;
    tracing::error!(payout.id = %payout.id, attempt.number = number, "{summary}");
    let detail = json!({ "attempt": attempt.number, "case": case });
    audit::record(conn, &Actor::system(), "reversal_seen", payout.id, None, detail, now).await
}

/// The gateway says again that it paid.
pub(super) async fn taken_back(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    now: DateTime<Utc>,
) -> Result<()> {
    let noted = sqlx::query!(
        "UPDATE attempts SET reversal_seen_at = NULL, updated_at = $2
         WHERE id = $1 AND status = 'SUCCEEDED' AND reversal_seen_at IS NOT NULL",
        attempt.id.uuid(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(noted, payout.id)?;
    let words = "the gateway says again that it paid";
    cases::heal(conn, CaseKind::Reversal, &cases::about_attempt(attempt.id), words, now).await?;
    let detail = json!({ "attempt": attempt.number });
    audit::record(conn, &Actor::system(), "reversal_taken_back", payout.id, None, detail, now).await
}

/// Still so a day later: proof heals the case.
pub(super) async fn reverse(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    now: DateTime<Utc>,
) -> Result<()> {
    carry_out(conn, payout, attempt, &Actor::system(), None, now).await?;
    let words = "the gateway still says so a day later: the money came back";
    cases::heal(conn, CaseKind::Reversal, &cases::about_attempt(attempt.id), words, now).await.map(drop)
}

/// What the transfer had paid for.
enum PaidFor {
    /// The payout.
    Payout,
    /// Nothing: it was too much.
    Excess,
    /// Nothing yet: it waits for the end of another attempt.
    Nothing,
}

/// The money came back. The payout and the attempt, which has succeeded, are locked.
pub(crate) async fn carry_out(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    actor: &Actor,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    attempt
        .watched
        .status
        .after(AttemptEvent::Reverse)
        .ok_or_else(|| Error::corrupt(format!("attempt {} cannot be reversed", attempt.id)))?;
    let reversed = sqlx::query!(
        "UPDATE attempts SET status = 'REVERSED', reversal_seen_at = coalesce(reversal_seen_at, $2), updated_at = $2
         WHERE id = $1 AND status = 'SUCCEEDED'",
        attempt.id.uuid(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(reversed, payout.id)?;
    let detail = json!({ "attempt": attempt.number, "amount": payout.amount });
    match paid_for(conn, attempt.id).await? {
        PaidFor::Payout => give_back(conn, payout, attempt.id, now).await?,
        PaidFor::Excess => give_back_excess(conn, payout, attempt.id, now).await?,
        PaidFor::Nothing => {}
    }
    audit::record(conn, actor, "reversed", payout.id, reason, detail, now).await
}

async fn paid_for(conn: &mut PgConnection, attempt: AttemptId) -> Result<PaidFor> {
    let kind = sqlx::query_scalar!(
        "SELECT kind FROM postings WHERE attempt_id = $1 AND kind IN ('paid', 'overpaid')",
        attempt.uuid()
    )
    .fetch_optional(conn)
    .await?;
    match kind.as_deref() {
        None => Ok(PaidFor::Nothing),
        Some("paid") => Ok(PaidFor::Payout),
        Some("overpaid") => Ok(PaidFor::Excess),
        Some(other) => Err(Error::corrupt(format!("posting kind {other}"))),
    }
}

async fn give_back(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    PayoutStatus::Completed.after(PayoutEvent::Reverse).map_err(Error::corrupt)?;
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'REVERSED', reversed_at = $2, updated_at = $2 WHERE id = $1 AND status = 'COMPLETED'",
        payout.id.uuid(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    balances::lock_accounts(conn, payout.provider, payout.amount.currency()).await?;
    reservations::give_back(conn, payout.provider, payout.id, attempt, payout.amount, now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Returned, payout.amount, None, now).await?;
    let cause = format!("reversed:{attempt}");
    debt::recover_if_owed(conn, payout.provider, payout.amount.currency(), &cause, now).await
}

/// The excess came back: it is not owed any more, and what had been recovered of it is the provider's again.
async fn give_back_excess(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    let (provider, amount) = (payout.provider, payout.amount);
    let accounts = balances::lock_accounts(conn, provider, amount.currency()).await?;
    let forgiven = amount.least(accounts.owed).map_err(Error::corrupt)?;
    let given_back = amount.checked_sub(forgiven).map_err(Error::corrupt)?;
    let posting =
        ledger::excess_reversed(conn, provider, payout.id, attempt, amount, (forgiven, given_back), now)
            .await?;
    debt::give_back(conn, provider, given_back, posting).await?;
    settle_overpaid(conn, attempt, now).await
}

/// What was too much is so no longer: its case is closed, and the pause that the case made ends with it.
async fn settle_overpaid(conn: &mut PgConnection, attempt: AttemptId, now: DateTime<Utc>) -> Result<()> {
    const WORDS: &str = "what was paid too much came back from the bank";
    let healed = sqlx::query_scalar!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $2, closed_by = 'system', resolution = $3
         WHERE kind = 'overpaid' AND subject = $1 AND status = 'OPEN' RETURNING id",
        cases::about_attempt(attempt),
        now,
        WORDS,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(case) = healed {
        pauses::end_of_case(conn, CaseId::from_uuid(case)).await?;
    }
    Ok(())
}
