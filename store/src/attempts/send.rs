//! Sending an attempt: the send is counted in its own commit before the call, so that whoever finds it later knows that bytes
//! may have left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountName, AttemptId, AttemptNumber, AttemptStatus, AttemptTerms, NotSent, PayoutId, Progress,
    Reference, Submitted,
};
use serde_json::json;
use sqlx::PgConnection;

use super::{Source, add_evidence, settle};
use crate::{
    Error, Pool, Result,
    control::{self, Hold},
    payouts::{self, money, progress_in},
    text::storable,
};

/// The first look after an answer that told nothing.
const FIRST_LOOK: TimeDelta = TimeDelta::seconds(5);

/// Whether the caller is the one sender.
#[derive(Debug)]
pub enum Sending {
    /// Counted: call the gateway now.
    Go { attempt: AttemptId, terms: AttemptTerms },
    /// Someone else is sending, or it is not to be sent (again): this comes next instead.
    Not(Progress),
    /// The system, the provider, the bank or the account is paused, or an earlier attempt turns out not to have failed after
    /// all: try again later; nothing was counted.
    Paused,
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
    payouts::lock(&mut tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let doubted = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts WHERE payout_id = $1 AND number < $2 AND doubt IS NOT NULL) AS "doubted!""#,
        payout.uuid(),
        i16::from(number.get()),
    )
    .fetch_one(&mut *tx)
    .await?;
    match control::hold(&mut tx, payout).await? {
        // The same reference still goes to a removed account: a first send of it may have reached the gateway already.
        Hold::None | Hold::AccountRemoved if !doubted => {}
        Hold::None | Hold::AccountRemoved | Hold::Paused => return Ok(Sending::Paused),
    }
    let counted = sqlx::query!(
        r#"UPDATE attempts a SET sends = a.sends + 1, send_deadline = $3, check_at = $3, resend = false, updated_at = $4
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id
           WHERE a.payout_id = $1 AND a.number = $2 AND p.id = a.payout_id AND p.status = 'PROCESSING'
             AND ((a.status = 'SUBMITTING' AND a.sends = 0) OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend))
             AND (a.send_deadline IS NULL OR a.send_deadline <= $4)
           RETURNING a.id, a.reference, p.amount, p.currency, b.bank_code, b.account_number, b.account_name"#,
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
        attempt: AttemptId::from_uuid(row.id),
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

/// Nothing left: the send is taken back, and the same attempt may go out again at once. Telling it twice takes it back once.
pub async fn record_not_sent(
    pool: &Pool,
    attempt: AttemptId,
    not_sent: &NotSent,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = pool.begin().await?;
    take_back(&mut tx, attempt, not_sent, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn take_back(
    conn: &mut PgConnection,
    attempt: AttemptId,
    not_sent: &NotSent,
    now: DateTime<Utc>,
) -> Result<()> {
    let message = storable(&not_sent.message);
    let before = sqlx::query_scalar!(
        "SELECT not_sent_reason FROM attempts WHERE id = $1 FOR NO KEY UPDATE",
        attempt.uuid()
    )
    .fetch_one(&mut *conn)
    .await?;
    let taken_back = sqlx::query!(
        "UPDATE attempts SET sends = sends - 1, send_deadline = NULL, check_at = NULL, resend = sends > 1,
                not_sent_reason = $2, updated_at = $3
         WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN') AND sends > 0 AND send_deadline IS NOT NULL",
        attempt.uuid(),
        message.as_ref(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    // The same trouble again is one observation, not one per try.
    if taken_back == 1 && before.as_deref() != Some(message.as_ref()) {
        let detail = json!({ "class": not_sent.class, "message": message });
        add_evidence(conn, attempt, Source::Send, "not_sent", detail, now).await?;
    }
    Ok(())
}

/// Writes down the answer to a send and answers what comes next. An answer that comes after the outcome is known is evidence only.
pub async fn record_submitted(
    pool: &Pool,
    payout: PayoutId,
    attempt: AttemptId,
    submitted: &Submitted,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let row =
        payouts::lock(&mut tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let held =
        sqlx::query!("SELECT status, sends FROM attempts WHERE id = $1 FOR NO KEY UPDATE", attempt.uuid())
            .fetch_one(&mut *tx)
            .await?;
    let status: AttemptStatus = held.status.parse().map_err(Error::Corrupt)?;
    let open = matches!(status, AttemptStatus::Submitting | AttemptStatus::Unknown);
    let (verdict, detail) = match submitted {
        Submitted::Accepted(accepted) => {
            let check_at = now.checked_add_signed(policy.first_look()).unwrap_or(now);
            let gateway_id = storable(&accepted.gateway_id);
            if open {
                sqlx::query!(
                    "UPDATE attempts SET status = 'ACCEPTED', gateway_id = $2, resend = false, not_sent_reason = NULL,
                            check_at = $3, looks = 0, updated_at = $4
                     WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN')",
                    attempt.uuid(),
                    gateway_id.as_ref(),
                    check_at,
                    now,
                )
                .execute(&mut *tx)
                .await?;
            }
            ("accepted", json!({ "gateway_id": accepted.gateway_id, "fee": accepted.fee }))
        }
        Submitted::Declined(failure) => {
            // A refusal of a re-send proves nothing about the first send.
            if status == AttemptStatus::Submitting && held.sends == 1 {
                settle::fail(&mut tx, &row, attempt, failure, policy, now).await?;
            } else if open {
                lose_sight(&mut tx, attempt, now, now).await?;
            }
            ("declined", json!({ "code": failure.code, "message": failure.message, "sends": held.sends }))
        }
        Submitted::Duplicate => {
            if open {
                lose_sight(&mut tx, attempt, now, now).await?;
            }
            ("duplicate", json!({}))
        }
        Submitted::Unknown { why } => {
            if open {
                let check_at = now.checked_add_signed(FIRST_LOOK).unwrap_or(now);
                lose_sight(&mut tx, attempt, check_at, now).await?;
            }
            ("unknown", json!({ "why": why }))
        }
        Submitted::NotSent(not_sent) => {
            take_back(&mut tx, attempt, not_sent, now).await?;
            let progress = progress_in(&mut tx, payout, now).await?;
            tx.commit().await?;
            return Ok(progress);
        }
    };
    add_evidence(&mut tx, attempt, Source::Send, verdict, detail, now).await?;
    let progress = progress_in(&mut tx, payout, now).await?;
    tx.commit().await?;
    Ok(progress)
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
