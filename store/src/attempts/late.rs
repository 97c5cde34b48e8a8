//! A failed attempt that has paid after all.
//!
//! Nothing here is a lost race: the failure was the gateway's own word, and it took that back. The attempt succeeds late; the
//! payout is completed by it where nothing else has paid or may, and what went too much becomes the provider's debt, in the
//! transaction that writes the evidence down.

use chrono::{DateTime, Utc};
use domain::{
    AttemptEvent, AttemptId, AttemptNumber, AttemptStatus, BatchId, CaseId, Money, PayoutEvent, PayoutStatus,
    judge::Late,
};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    Held,
    settle::{self, Paid},
};
use crate::{
    Actor, Error, Result, audit, balances,
    cases::{self, CaseKind, Finding},
    debt, ledger, outbox,
    pauses::{self, Paused},
    payouts::{Payout, attempt_number, money, moved_one},
    reviews,
    text::storable,
};

const PAID_BEFORE: &str = "an earlier attempt has paid after all";

/// A late success, as far as the money goes.
pub(super) struct LateSuccess {
    id: AttemptId,
    number: AttemptNumber,
    batch: BatchId,
    gateway_id: Option<String>,
    fee: Option<Money>,
}

impl LateSuccess {
    fn paid(&self) -> Paid<'_> {
        Paid { gateway_id: self.gateway_id.as_deref(), fee: self.fee }
    }
}

/// Writes the late success down and does what it means.
pub(super) async fn succeed_late(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: &Held,
    paid: Paid<'_>,
    means: Late,
    now: DateTime<Utc>,
) -> Result<()> {
    attempt
        .watched
        .status
        .after(AttemptEvent::SucceedLate)
        .ok_or_else(|| Error::corrupt(format!("attempt {} cannot succeed late", attempt.id)))?;
    let gateway_id = paid.gateway_id.map(storable);
    let row = sqlx::query!(
        "UPDATE attempts SET status = 'SUCCEEDED', late = true, settled_at = $2, gateway_id = coalesce($3, gateway_id),
                failed_seen_at = NULL, failure_code = NULL, failure_message = NULL, doubt = NULL, updated_at = $2
         WHERE id = $1 AND status = 'FAILED'
         RETURNING number, batch_id, gateway_id",
        attempt.id.uuid(),
        now,
        gateway_id.as_deref(),
    )
    .fetch_one(&mut *conn)
    .await?;
    let late = LateSuccess {
        id: attempt.id,
        number: attempt_number(row.number)?,
        batch: BatchId::from_uuid(row.batch_id),
        gateway_id: row.gateway_id,
        fee: paid.fee,
    };
    tracing::error!(
        payout.id = %payout.id, attempt.number = late.number.get(),
        "attempt {} of payout {} had failed and has paid after all: {means:?}", late.number.get(), payout.id
    );
    settle::ended(conn, attempt.id, true, now).await?;
    let detail = json!({ "attempt": late.number, "means": word(means) });
    audit::record(conn, &Actor::system(), "late_success", payout.id, None, detail, now).await?;
    match means {
        Late::Completes => completes(conn, payout, &late, now).await?,
        Late::WithdrawsAndCompletes => {
            withdraw_unsent(conn, payout, late.number, now).await?;
            completes(conn, payout, &late, now).await?;
        }
        Late::Waits => {}
        Late::Overpaid => overpaid(conn, payout, &late, now).await?,
    }
    if payout.status.is_final() || payout.refunded_at.is_some() {
        return Ok(());
    }
    // Whoever saw it may not be the payout's own script.
    outbox::signal(conn, payout.id, "transfer_update", Some(late.number), now).await
}

fn word(means: Late) -> &'static str {
    match means {
        Late::Completes => "completes",
        Late::WithdrawsAndCompletes => "withdraws_and_completes",
        Late::Waits => "waits",
        Late::Overpaid => "overpaid",
    }
}

/// The late success that waits for the end of the open attempt. There is at most one: a second is too much at once.
pub(super) async fn waiting(conn: &mut PgConnection, payout: &Payout) -> Result<Option<LateSuccess>> {
    let row = sqlx::query!(
        "SELECT id, number, batch_id, gateway_id, fee FROM attempts a
         WHERE payout_id = $1 AND late AND status = 'SUCCEEDED'
           AND NOT EXISTS (SELECT FROM postings g WHERE g.attempt_id = a.id AND g.kind IN ('paid', 'overpaid'))",
        payout.id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(LateSuccess {
            id: AttemptId::from_uuid(row.id),
            number: attempt_number(row.number)?,
            batch: BatchId::from_uuid(row.batch_id),
            gateway_id: row.gateway_id,
            fee: row.fee.map(|fee| money(fee, payout.amount.currency().code())).transpose()?,
        })
    })
    .transpose()
}

/// The payout is completed by it, over legal moves only: wherever it waits, it is brought back to the batch that sent this
/// attempt.
pub(super) async fn completes(
    conn: &mut PgConnection,
    payout: &Payout,
    late: &LateSuccess,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut status = payout.status;
    loop {
        let event = match status {
            PayoutStatus::Processing => break,
            PayoutStatus::Requested => PayoutEvent::Approve,
            PayoutStatus::Approved => PayoutEvent::Claim,
            PayoutStatus::Failed => PayoutEvent::Retry,
            PayoutStatus::Completed
            | PayoutStatus::Rejected
            | PayoutStatus::Cancelled
            | PayoutStatus::Reversed => {
                return Err(Error::corrupt(format!(
                    "payout {} is {status}, no late success completes it",
                    payout.id
                )));
            }
        };
        let next = status.after(event).map_err(Error::corrupt)?;
        step(conn, payout, status, late.batch, now).await?;
        status = next;
    }
    settle::complete(conn, payout, late.id, late.paid(), now).await
}

/// One legal move towards PROCESSING.
async fn step(
    conn: &mut PgConnection,
    payout: &Payout,
    from: PayoutStatus,
    batch: BatchId,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = payout.id.uuid();
    let moved = match from {
        PayoutStatus::Requested => {
            reviews::close(conn, payout.id, now).await?;
            sqlx::query!(
                "UPDATE payouts SET status = 'APPROVED', approved_at = $2, approved_by = 'system', batch_id = NULL, claimed_at = NULL,
                        updated_at = $2
                 WHERE id = $1 AND status = 'REQUESTED'",
                id,
                now,
            )
            .execute(conn)
            .await?
        }
        PayoutStatus::Approved => {
            sqlx::query!(
                "UPDATE payouts SET status = 'PROCESSING', batch_id = $3, claimed_at = $2, held = NULL, updated_at = $2
                 WHERE id = $1 AND status = 'APPROVED'",
                id,
                now,
                batch.uuid(),
            )
            .execute(conn)
            .await?
        }
        PayoutStatus::Failed => {
            sqlx::query!(
                "UPDATE payouts SET status = 'PROCESSING', next_attempt_at = NULL, needs_attention = false, failed_at = NULL,
                        failure_code = NULL, failure_message = NULL, updated_at = $2
                 WHERE id = $1 AND status = 'FAILED' AND refunded_at IS NULL",
                id,
                now,
            )
            .execute(conn)
            .await?
        }
        PayoutStatus::Processing
        | PayoutStatus::Completed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => {
            return Err(Error::corrupt(format!("a {from} payout is on no way to PROCESSING")));
        }
    };
    moved_one(moved.rows_affected(), payout.id)
}

/// The other attempt was recorded and nothing of it has left.
async fn withdraw_unsent(
    conn: &mut PgConnection,
    payout: &Payout,
    late: AttemptNumber,
    now: DateTime<Utc>,
) -> Result<()> {
    let other = sqlx::query!(
        "SELECT id, status FROM attempts WHERE payout_id = $1 AND number <> $2 AND status <> 'FAILED' AND NOT late",
        payout.id.uuid(),
        i16::from(late.get()),
    )
    .fetch_one(&mut *conn)
    .await?;
    let status: AttemptStatus = other.status.parse().map_err(Error::Corrupt)?;
    if status != AttemptStatus::Submitting {
        return Err(Error::corrupt(format!("attempt {} was to be withdrawn and is {status}", other.id)));
    }
    settle::withdraw(conn, payout, AttemptId::from_uuid(other.id), PAID_BEFORE, now).await
}

/// The open attempt, of which nothing has left after all, is withdrawn: the late success that waits for its end completes the
/// payout. (Where that was too much already, the payout is left to the gate, which gives it to a person.)
pub(super) async fn completes_instead(
    conn: &mut PgConnection,
    payout: &Payout,
    unsent: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    settle::withdraw(conn, payout, unsent, PAID_BEFORE, now).await?;
    settle::ended(conn, unsent, false, now).await?;
    match waiting(conn, payout).await? {
        Some(late) => completes(conn, payout, &late, now).await,
        None => Ok(()),
    }
}

/// The money went twice, or after it had been given back: the excess is owed by the provider and taken from what is free at
/// once. Their payouts pause until finance has settled the case.
pub(super) async fn overpaid(
    conn: &mut PgConnection,
    payout: &Payout,
    late: &LateSuccess,
    now: DateTime<Utc>,
) -> Result<()> {
    let case = overpaid_case(conn, payout, late, now).await?;
    book_overpaid(conn, payout, late, case, now).await
}

/// The case and its pause, which come before the ledger in the order of locks.
pub(super) async fn overpaid_case(
    conn: &mut PgConnection,
    payout: &Payout,
    late: &LateSuccess,
    now: DateTime<Utc>,
) -> Result<CaseId> {
    let summary = format!("payout {} was paid once more by attempt {}", payout.id, late.number.get());
    let finding = Finding {
        kind: CaseKind::Overpaid,
        subject: cases::about_attempt(late.id),
        payout: Some(payout.id),
        provider: Some(payout.provider),
        amount: Some(payout.amount),
        summary: &summary,
        source: "gateway",
        detail: json!({ "attempt": late.number, "gateway_id": late.gateway_id, "payout_status": payout.status }),
    };
    let case = cases::open(conn, &finding, now).await?;
    pauses::for_case(conn, &Paused::Provider(payout.provider), case, &summary, now).await?;
    let detail = json!({ "attempt": late.number, "amount": payout.amount, "case": case });
    audit::record(conn, &Actor::system(), "overpaid", payout.id, Some(&summary), detail, now).await?;
    Ok(case)
}

/// The excess, and what is free taken for it.
pub(super) async fn book_overpaid(
    conn: &mut PgConnection,
    payout: &Payout,
    late: &LateSuccess,
    case: CaseId,
    now: DateTime<Utc>,
) -> Result<()> {
    let (provider, amount, attempt) = (payout.provider, payout.amount, late.id);
    balances::lock_accounts(conn, provider, amount.currency()).await?;
    ledger::overpaid(conn, provider, payout.id, attempt, amount, now).await?;
    tracing::error!(
        payout.id = %payout.id, case.id = %case,
        "payout {} was paid too much: {amount} is owed by provider {provider}, case {case}", payout.id
    );
    debt::recover(conn, provider, amount.currency(), &format!("overpaid:{attempt}"), None, now).await
}
