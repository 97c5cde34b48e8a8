//! The one gate through which money leaves: first sends, automatic retries and an admin's retries alike.
//!
//! One transaction: lock the payout; share-lock the control row, the provider and the account; check status, batch, pauses,
//! suspension, the pinned account and proof about every earlier attempt; then insert the attempt with its reference. The call
//! comes after the commit.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptId, AttemptNumber, FailureCode, Next, PayoutEvent, PayoutId, PayoutStatus, Progress, Reference,
    ReferencePrefix, next_attempt,
};
use serde_json::json;
use sqlx::PgConnection;

use super::{proofs, settle};
use crate::{
    Actor, Error, Pool, Result, audit,
    control::{self, Hold},
    payouts::{self, Payout, moved_one, progress_in},
};

/// A retry that meets a pause looks again after this long.
const PAUSED_RETRY: TimeDelta = TimeDelta::minutes(1);
const ACCOUNT_REMOVED: &str = "the bank account was removed before the transfer began";
const NUMBERS_USED_UP: &str = "there are no attempt numbers left";

/// Begins the next attempt if everything allows it, and answers what comes next: sending it, or whatever stands in the way.
pub async fn begin(
    pool: &Pool,
    id: PayoutId,
    prefix: &ReferencePrefix,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let payout =
        payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    let retry = match payout.status {
        PayoutStatus::Processing => false,
        PayoutStatus::Failed if payout.next_attempt_at.is_some_and(|due| due <= now) => true,
        PayoutStatus::Requested
        | PayoutStatus::Approved
        | PayoutStatus::Completed
        | PayoutStatus::Failed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => return answer(tx, id, now).await,
    };
    let number = match gate(&mut tx, &payout, retry, now).await? {
        Gate::Begin(number) => number,
        Gate::AsItStands => return answer(tx, id, now).await,
        Gate::LookAgain => {
            let mut progress = answer(tx, id, now).await?;
            progress.next = Next::AwaitRetry { due: now };
            return Ok(progress);
        }
    };
    let reference = Reference::new(prefix, id, number);
    sqlx::query!(
        "INSERT INTO attempts (id, payout_id, number, reference, began_at, began_by, updated_at) VALUES ($1, $2, $3, $4, $5, 'system', $5)",
        AttemptId::mint().uuid(),
        id.uuid(),
        i16::from(number.get()),
        reference.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    if retry {
        payout.status.after(PayoutEvent::Retry).map_err(Error::corrupt)?;
    }
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'PROCESSING', attempts = $3, next_attempt_at = NULL, failed_at = NULL,
                failure_code = NULL, failure_message = NULL, updated_at = $4
         WHERE id = $1 AND status = $2 AND status IN ('PROCESSING', 'FAILED') AND NOT needs_attention",
        id.uuid(),
        payout.status.as_str(),
        i16::from(number.get()),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    let detail = json!({ "attempt": number, "reference": reference });
    audit::record(&mut tx, &Actor::system(), "attempt_began", id, None, detail, now).await?;
    answer(tx, id, now).await
}

/// What the gate says.
enum Gate {
    Begin(AttemptNumber),
    /// Nothing to begin, or the payout was moved out of the way.
    AsItStands,
    /// Earlier attempts must be looked at first.
    LookAgain,
}

async fn gate(conn: &mut PgConnection, payout: &Payout, retry: bool, now: DateTime<Utc>) -> Result<Gate> {
    let id = payout.id;
    let open = sqlx::query_scalar!(
        "SELECT number FROM attempts WHERE payout_id = $1 AND status <> 'FAILED'",
        id.uuid()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if open.is_some() {
        return Ok(Gate::AsItStands);
    }
    let stopped = match control::hold(conn, id).await? {
        Hold::None => None,
        Hold::Paused => {
            wait_for_resume(conn, payout, retry, now).await?;
            return Ok(Gate::AsItStands);
        }
        Hold::AccountRemoved => Some((FailureCode::AccountInvalid, ACCOUNT_REMOVED.to_owned())),
    };
    // Whoever failed before is looked at again just now, before money may move once more.
    let stopped = match (stopped, proofs(conn, id, now).await?) {
        (Some(stopped), _) => stopped,
        (None, Ok(proven)) => match next_attempt(payout.attempts, &proven) {
            Some(number) => return Ok(Gate::Begin(number)),
            None if usize::from(payout.attempts) == proven.len() => {
                (FailureCode::Other, NUMBERS_USED_UP.to_owned())
            }
            None => {
                let (attempts, proofs) = (payout.attempts, proven.len());
                return Err(Error::corrupt(format!(
                    "payout {id} has {attempts} attempts and {proofs} proofs"
                )));
            }
        },
        (None, Err(unproven)) if unproven.paid_after_all => (FailureCode::Other, unproven.why),
        (None, Err(unproven)) => {
            tracing::info!(payout.id = %id, "payout {id} looks at its earlier attempts again: {}", unproven.why);
            return Ok(Gate::LookAgain);
        }
    };
    let (code, why) = stopped;
    settle::give_to_a_person(conn, payout, code, &why, now).await?;
    Ok(Gate::AsItStands)
}

async fn answer(mut tx: sqlx::PgTransaction<'_>, id: PayoutId, now: DateTime<Utc>) -> Result<Progress> {
    let mut progress = progress_in(&mut tx, id, now).await?;
    tx.commit().await?;
    // The gate itself answered, so `Begin` would only come straight back.
    if progress.next == Next::Begin {
        progress.next = Next::AwaitRelease;
    }
    Ok(progress)
}

/// What has not begun goes back to waiting. A retry keeps its place and looks again soon; that it waits is told once.
async fn wait_for_resume(
    conn: &mut PgConnection,
    payout: &Payout,
    retry: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = payout.id;
    let moved = if retry {
        sqlx::query!(
            "UPDATE payouts SET next_attempt_at = $2, updated_at = $3 WHERE id = $1 AND status = 'FAILED' AND next_attempt_at IS NOT NULL",
            id.uuid(),
            now.checked_add_signed(PAUSED_RETRY).unwrap_or(now),
            now,
        )
        .execute(&mut *conn)
        .await?
        .rows_affected()
    } else {
        payout.status.after(PayoutEvent::Hold).map_err(Error::corrupt)?;
        sqlx::query!(
            "UPDATE payouts SET status = 'APPROVED', batch_id = NULL, claimed_at = NULL, held = 'paused', updated_at = $2
             WHERE id = $1 AND status = 'PROCESSING'",
            id.uuid(),
            now,
        )
        .execute(&mut *conn)
        .await?
        .rows_affected()
    };
    moved_one(moved, id)?;
    if retry && audit::last_action(conn, id).await?.as_deref() == Some("held") {
        return Ok(());
    }
    audit::record(conn, &Actor::system(), "held", id, Some("paused"), json!({}), now).await
}
