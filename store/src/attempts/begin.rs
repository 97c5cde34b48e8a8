//! The one gate through which money leaves: first sends, automatic retries and an admin's retries alike.
//!
//! One transaction: lock the payout; share-lock the control row, the provider and the account; check status, batch, pauses,
//! suspension, the pinned account and proof about every earlier attempt ([`judge::may_begin`]); then insert the attempt with its
//! reference. The call comes after the commit.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptFacts, AttemptId, AttemptNumber, FailureCode, Next, PayoutEvent, PayoutId, PayoutStatus, Progress,
    Reference, ReferencePrefix,
    judge::{self, Doubted, Gate, Unproven},
};
use serde_json::json;
use sqlx::PgConnection;

use super::{doubted_attempts, facts, settle};
use crate::{
    Actor, Error, Pool, Result, audit,
    cases::{self, CaseKind, Finding},
    control::{self, Hold},
    payouts::{self, Payout, moved_one, progress_in},
};

/// A retry that meets a pause looks again after this long.
const PAUSED_RETRY: TimeDelta = TimeDelta::minutes(1);
const ACCOUNT_REMOVED: &str = "the bank account was removed before the transfer began";
const NUMBERS_USED_UP: &str = "there are no attempt numbers left";
const HAS_PAID: &str = "an earlier attempt has moved money";
const CONTRADICTION: &str = "the gateway does not confirm any more that an earlier attempt failed";

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
    let retry = payout.status == PayoutStatus::Failed;
    let number = match gate(&mut tx, &payout, retry, now).await? {
        Opened::Begin(number) => number,
        Opened::AsItStands => return answer(tx, id, now).await,
        Opened::LookFirst => {
            let mut progress = answer(tx, id, now).await?;
            progress.next = Next::AwaitRetry { due: now };
            return Ok(progress);
        }
    };
    let Some(batch) = payout.batch else {
        return Err(Error::corrupt(format!("payout {id} is {} in no batch", payout.status)));
    };
    let reference = Reference::new(prefix, id, number);
    sqlx::query!(
        "INSERT INTO attempts (id, payout_id, number, batch_id, reference, began_at, began_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'system', $6)",
        AttemptId::mint().uuid(),
        id.uuid(),
        i16::from(number.get()),
        batch.uuid(),
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

/// What came of the gate.
enum Opened {
    Begin(AttemptNumber),
    /// Nothing to begin, or the payout was moved out of the way.
    AsItStands,
    /// Earlier attempts must be looked at first.
    LookFirst,
}

async fn gate(conn: &mut PgConnection, payout: &Payout, retry: bool, now: DateTime<Utc>) -> Result<Opened> {
    let id = payout.id;
    let attempts = facts_of(conn, payout).await?;
    let judged = judge::may_begin(payout.status, payout.next_attempt_at, &attempts, now);
    if judged == Gate::Nothing {
        return Ok(Opened::AsItStands);
    }
    let (code, why) = match control::hold(conn, id, now).await? {
        Hold::Paused => {
            wait_for_resume(conn, payout, retry, now).await?;
            return Ok(Opened::AsItStands);
        }
        Hold::AccountRemoved => (FailureCode::AccountInvalid, ACCOUNT_REMOVED),
        Hold::None => match judged {
            Gate::Begin(number) => return Ok(Opened::Begin(number)),
            Gate::Nothing => return Ok(Opened::AsItStands),
            // Whoever failed before is looked at again just now, before money may move once more.
            Gate::LookFirst(unproven) => {
                tracing::info!(payout.id = %id, "payout {id} looks at its earlier attempts again: {unproven}");
                return Ok(Opened::LookFirst);
            }
            Gate::HasPaid => (FailureCode::Other, HAS_PAID),
            Gate::UsedUp => (FailureCode::Other, NUMBERS_USED_UP),
        },
    };
    settle::give_to_a_person(conn, payout, code, why, now).await?;
    Ok(Opened::AsItStands)
}

async fn facts_of(conn: &mut PgConnection, payout: &Payout) -> Result<Vec<AttemptFacts>> {
    let attempts = facts(conn, payout.id).await?;
    if attempts.len() == usize::from(payout.attempts) {
        Ok(attempts)
    } else {
        Err(Error::corrupt(format!(
            "payout {} has made {} attempts, {} are here",
            payout.id,
            payout.attempts,
            attempts.len()
        )))
    }
}

/// Every earlier attempt has been looked at, and not each was seen to have failed: when to look again, or, after a day, a
/// person. Where nothing stands in the way any more the answer is [`Next::Begin`].
pub async fn after_looking(pool: &Pool, id: PayoutId, now: DateTime<Utc>) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let payout =
        payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    let attempts = facts_of(&mut tx, &payout).await?;
    let due = match judge::may_begin(payout.status, payout.next_attempt_at, &attempts, now) {
        Gate::Begin(_) | Gate::HasPaid | Gate::UsedUp => {
            let progress = progress_in(&mut tx, id, now).await?;
            return Ok(Progress { next: Next::Begin, ..progress });
        }
        Gate::Nothing => return progress_in(&mut tx, id, now).await,
        // The looks took longer than they stay fresh.
        Gate::LookFirst(Unproven::NotFresh(_)) => now,
        Gate::LookFirst(Unproven::NotProven(_)) => {
            let Some(due) = wait_for_doubts(&mut tx, &payout, now).await? else {
                let progress = progress_in(&mut tx, id, now).await?;
                tx.commit().await?;
                return Ok(progress);
            };
            due
        }
    };
    if payout.status == PayoutStatus::Failed && due > now {
        let moved = sqlx::query!(
            "UPDATE payouts SET next_attempt_at = $2, updated_at = $3 WHERE id = $1 AND status = 'FAILED' AND next_attempt_at IS NOT NULL",
            id.uuid(),
            due,
            now,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        moved_one(moved, id)?;
    }
    let progress = progress_in(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(Progress { next: Next::AwaitRetry { due }, ..progress })
}

/// When the doubted attempts are looked at next; `None` when one was in doubt for so long that a person has the payout now.
async fn wait_for_doubts(
    conn: &mut PgConnection,
    payout: &Payout,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let mut due: Option<DateTime<Utc>> = None;
    let mut too_long = false;
    for doubted in doubted_attempts(conn, payout.id).await? {
        match judge::doubted(doubted.since, now) {
            Doubted::LookAgain(at) => due = Some(due.map_or(at, |due| due.min(at))),
            Doubted::GiveToAPerson => {
                too_long = true;
                let finding = Finding {
                    kind: CaseKind::Contradiction,
                    subject: cases::about_attempt(doubted.id),
                    payout: Some(payout.id),
                    provider: Some(payout.provider),
                    amount: Some(payout.amount),
                    summary: CONTRADICTION,
                    source: "gateway",
                    detail: json!({ "attempt": doubted.number, "doubt": doubted.doubt, "since": doubted.since }),
                };
                cases::open(conn, &finding, now).await?;
            }
        }
    }
    if too_long {
        settle::give_to_a_person(conn, payout, FailureCode::Other, CONTRADICTION, now).await?;
        return Ok(None);
    }
    Ok(Some(due.unwrap_or(now)))
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
