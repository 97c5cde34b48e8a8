//! Sending an attempt: the send is counted in its own commit before the call, so that whoever finds it later knows that bytes
//! may have left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountName, AttemptId, AttemptNumber, AttemptTerms, NotSent, PayoutId, Progress, Reference, Submitted,
    judge::{self, AfterSend, BeforeSend},
};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    Source, add_evidence, late,
    observe::{around, hold},
    settle,
};
use crate::{
    Error, Pool, Result, attestations,
    control::{self, Hold},
    payouts::{self, Payout, money, progress_in},
    text::storable,
};

/// Whose send it is: an answer to a send counts for its own lease only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub attempt: AttemptId,
    number: i32,
}

/// Whether the caller is the one sender.
#[derive(Debug)]
pub enum Sending {
    /// Counted: call the gateway now.
    Go { lease: Lease, terms: AttemptTerms },
    /// Someone else is sending, or it is not to be sent (again): this comes next instead.
    Not(Progress),
    /// The system, the provider, the bank or the account is paused: try again later; nothing was counted.
    Paused,
    /// An earlier attempt turns out not to have failed after all: it must be looked at, then this comes next. (Had nothing of
    /// this one left yet, it was withdrawn and the answer is [`Sending::Not`].)
    Doubted(Progress),
}

/// Takes the lease of an attempt and counts the send. `lease`: the client's timeout and a margin; until it has run out nobody
/// else sends this attempt or concludes that the gateway does not know it.
pub async fn count_send(
    pool: &Pool,
    payout: PayoutId,
    number: AttemptNumber,
    lease: Duration,
    narration: &str,
    now: DateTime<Utc>,
) -> Result<Sending> {
    let deadline =
        TimeDelta::from_std(lease).ok().and_then(|lease| now.checked_add_signed(lease)).unwrap_or(now);
    let mut tx = pool.begin().await?;
    let row =
        payouts::lock(&mut tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let stands = sqlx::query!(
        r#"SELECT a.id,
                  (a.status = 'SUBMITTING' AND a.sends = 0) OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend) AS "sendable!",
                  EXISTS (SELECT FROM attempts e WHERE e.payout_id = a.payout_id AND e.number <> a.number AND e.doubt IS NOT NULL) AS "doubted!"
           FROM attempts a WHERE a.payout_id = $1 AND a.number = $2 FOR NO KEY UPDATE OF a"#,
        payout.uuid(),
        i16::from(number.get()),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(stands) = stands.filter(|stands| stands.sendable) else {
        return Ok(Sending::Not(progress_in(&mut tx, payout, now).await?));
    };
    let attempt = AttemptId::from_uuid(stands.id);
    let held = hold(&mut tx, attempt).await?;
    let other = around(&mut tx, &row, attempt).await?.other;
    let before = judge::before_send(&held.watched, other, stands.doubted, now);
    let waits_for_resume = match before {
        BeforeSend::Withdraw | BeforeSend::Look => false,
        // The same reference still goes to a removed account: a first send of it may have reached the gateway already.
        BeforeSend::Send | BeforeSend::WithdrawForDoubt | BeforeSend::LookAtOthers { .. } => {
            match control::hold(&mut tx, payout, now).await? {
                Hold::None | Hold::AccountRemoved => false,
                Hold::Paused => true,
            }
        }
    };
    if waits_for_resume {
        return Ok(Sending::Paused);
    }
    match before {
        BeforeSend::Send => {}
        BeforeSend::Withdraw => late::completes_instead(&mut tx, &row, attempt, now).await?,
        BeforeSend::Look => withdraw_leave(&mut tx, attempt, now, now).await?,
        BeforeSend::WithdrawForDoubt => {
            settle::withdraw(&mut tx, &row, attempt, "an earlier attempt is in doubt", now).await?;
        }
        BeforeSend::LookAtOthers { check_at } => withdraw_leave(&mut tx, attempt, check_at, now).await?,
    }
    if before != BeforeSend::Send {
        let progress = progress_in(&mut tx, payout, now).await?;
        tx.commit().await?;
        return Ok(match before {
            BeforeSend::LookAtOthers { .. } => Sending::Doubted(progress),
            BeforeSend::Send | BeforeSend::Withdraw | BeforeSend::Look | BeforeSend::WithdrawForDoubt => {
                Sending::Not(progress)
            }
        });
    }
    // What people said of an attempt before its first byte left is about nothing.
    if held.watched.sends == 0 {
        attestations::contradicted(&mut tx, payout, attempt, now).await?;
    }
    let counted = sqlx::query!(
        r#"UPDATE attempts a SET sends = a.sends + 1, leases = a.leases + 1, send_deadline = $3, check_at = $3, resend = false,
                  updated_at = $4
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id
           WHERE a.payout_id = $1 AND a.number = $2 AND p.id = a.payout_id AND p.status = 'PROCESSING'
             AND ((a.status = 'SUBMITTING' AND a.sends = 0) OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend))
             AND (a.send_deadline IS NULL OR a.send_deadline <= $4)
           RETURNING a.leases, a.reference, p.amount, p.currency, b.bank_code, b.account_number, b.account_name"#,
        payout.uuid(),
        i16::from(number.get()),
        deadline,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = counted else {
        let progress = progress_in(&mut tx, payout, now).await?;
        return Ok(Sending::Not(progress));
    };
    tx.commit().await?;
    Ok(Sending::Go {
        lease: Lease { attempt, number: row.leases },
        terms: AttemptTerms {
            reference: Reference::from_stored(row.reference),
            amount: money(row.amount, &row.currency)?,
            bank: row.bank_code.parse().map_err(Error::corrupt)?,
            account: row.account_number.parse().map_err(Error::corrupt)?,
            beneficiary: AccountName::new(&row.account_name),
            narration: narration.to_owned(),
        },
    })
}

/// The leave to send again is withdrawn; the gateway is asked at `check_at`.
async fn withdraw_leave(
    conn: &mut PgConnection,
    attempt: AttemptId,
    check_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET resend = false, check_at = $2, updated_at = $3
         WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN') AND resend",
        attempt.uuid(),
        check_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing left: the send is taken back, and the same attempt may go out again at once. Where none is left and an earlier
/// attempt has paid after all, it is withdrawn and that one completes the payout. Telling it twice takes it back once; telling
/// it after the lease has passed to another sender takes nothing back.
pub async fn record_not_sent(
    pool: &Pool,
    lease: Lease,
    not_sent: &NotSent,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = pool.begin().await?;
    let id = sqlx::query_scalar!("SELECT payout_id FROM attempts WHERE id = $1", lease.attempt.uuid())
        .fetch_one(&mut *tx)
        .await?;
    let id = PayoutId::from_uuid(id);
    let row = payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    take_back(&mut tx, &row, lease, not_sent, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn take_back(
    conn: &mut PgConnection,
    payout: &Payout,
    lease: Lease,
    not_sent: &NotSent,
    now: DateTime<Utc>,
) -> Result<()> {
    let message = storable(&not_sent.message);
    let before = sqlx::query_scalar!(
        "SELECT not_sent_reason FROM attempts WHERE id = $1 FOR NO KEY UPDATE",
        lease.attempt.uuid()
    )
    .fetch_one(&mut *conn)
    .await?;
    let taken_back = sqlx::query!(
        "UPDATE attempts SET sends = sends - 1, send_deadline = NULL, check_at = NULL, resend = sends > 1,
                not_sent_reason = $2, updated_at = $3
         WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN') AND sends > 0 AND send_deadline IS NOT NULL AND leases = $4",
        lease.attempt.uuid(),
        message.as_ref(),
        now,
        lease.number,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    // The same trouble again is one observation, not one per try.
    if taken_back == 1 && before.as_deref() != Some(message.as_ref()) {
        let detail = json!({ "class": not_sent.class, "message": message });
        add_evidence(conn, lease.attempt, Source::Send, "not_sent", detail, now).await?;
    }
    let held = hold(conn, lease.attempt).await?;
    let other = around(conn, payout, lease.attempt).await?.other;
    if held.watched.is_not_needed(other) {
        late::completes_instead(conn, payout, lease.attempt, now).await?;
    }
    Ok(())
}

/// Writes down the answer to a send and answers what comes next. An answer that comes after the outcome is known is evidence
/// only; one that comes after the lease has passed to another sender too, but that the gateway accepted the reference.
pub async fn record_submitted(
    pool: &Pool,
    payout: PayoutId,
    lease: Lease,
    submitted: &Submitted,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let attempt = lease.attempt;
    let mut tx = pool.begin().await?;
    let row =
        payouts::lock(&mut tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let held = hold(&mut tx, attempt).await?;
    let leases = sqlx::query_scalar!("SELECT leases FROM attempts WHERE id = $1", attempt.uuid())
        .fetch_one(&mut *tx)
        .await?;
    let (status, sends) = (held.watched.status, held.watched.sends);
    let (verdict, detail, gateway_id) = match submitted {
        Submitted::Accepted(accepted) => {
            let detail = json!({ "gateway_id": accepted.gateway_id, "fee": accepted.fee });
            ("accepted", detail, Some(accepted.gateway_id.as_str()))
        }
        Submitted::Declined(failure) => {
            let detail = json!({ "code": failure.code, "message": failure.message, "sends": sends });
            ("declined", detail, None)
        }
        Submitted::Duplicate => ("duplicate", json!({}), None),
        Submitted::Unknown { why } => ("unknown", json!({ "why": why }), None),
        Submitted::NotSent(not_sent) => {
            take_back(&mut tx, &row, lease, not_sent, now).await?;
            let progress = progress_in(&mut tx, payout, now).await?;
            tx.commit().await?;
            return Ok(progress);
        }
    };
    add_evidence(&mut tx, attempt, Source::Send, verdict, detail, now).await?;
    let means = judge::answered(status, sends, submitted, policy.webhook_timeout, now);
    match if leases == lease.number { means } else { judge::overtaken(means) } {
        AfterSend::Accepted { check_at } => accept(&mut tx, attempt, gateway_id, check_at, now).await?,
        AfterSend::Fail(failure) => settle::fail(&mut tx, &row, &held, &failure, policy, now).await?,
        AfterSend::LoseSight { check_at } => lose_sight(&mut tx, attempt, check_at, now).await?,
        AfterSend::TakeBack | AfterSend::Nothing => {}
    }
    let progress = progress_in(&mut tx, payout, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Queued at the gateway: its webhook is waited for until `check_at`.
async fn accept(
    conn: &mut PgConnection,
    attempt: AttemptId,
    gateway_id: Option<&str>,
    check_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let gateway_id = gateway_id.map(storable);
    sqlx::query!(
        "UPDATE attempts SET status = 'ACCEPTED', gateway_id = coalesce($2, gateway_id), resend = false, not_sent_reason = NULL,
                check_at = $3, looks = 0, updated_at = $4
         WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN')",
        attempt.uuid(),
        gateway_id.as_deref(),
        check_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// It may pay or have paid: ask the gateway at `check_at`.
async fn lose_sight(
    conn: &mut PgConnection,
    attempt: AttemptId,
    check_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET status = 'UNKNOWN', resend = false, not_sent_reason = NULL, check_at = $2, updated_at = $3
         WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN')",
        attempt.uuid(),
        check_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
