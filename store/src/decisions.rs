//! One reviewer's approve or reject. Whoever commits first has decided; the other hears who won.

use chrono::{DateTime, Utc};
use domain::{DecisionId, PayoutId, PayoutStatus, Progress};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Conflict, Error, Pool, Result, assessments, audit, outbox,
    payouts::{self, Payout, conflict, progress_in},
    reviews,
    text::storable,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Reject,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    Done(Box<Payout>),
    NotFound,
    /// It is not, or no longer, under review.
    NotUnderReview(Conflict),
}

#[derive(Debug, Clone)]
pub struct NewDecision<'a> {
    pub payout: PayoutId,
    pub verdict: Verdict,
    /// 1 to 1000 characters; what is longer is cut, and none is said to be none.
    pub reason: &'a str,
}

/// An admin's decision, over the API.
pub async fn decide(
    pool: &Pool,
    new: &NewDecision<'_>,
    admin: &Actor,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Decided> {
    let mut tx = pool.begin().await?;
    let Some(payout) = payouts::lock(&mut tx, new.payout).await? else { return Ok(Decided::NotFound) };
    if !under_review(&payout) {
        return Ok(Decided::NotUnderReview(conflict(&mut tx, &payout).await?));
    }
    decide_locked(&mut tx, &payout, new, admin, true, instant, now).await?;
    outbox::signal(&mut tx, payout.id, "decision", None, now).await?;
    let payout = payouts::get_in(&mut tx, new.payout)
        .await?
        .ok_or_else(|| Error::corrupt("a decided payout is gone"))?;
    tx.commit().await?;
    Ok(Decided::Done(Box::new(payout)))
}

/// A decision signalled by hand at the engine: a request. Reject is honoured; approve only where the installation allows it.
/// What is not honoured is recorded. The identity is what the sender claimed.
pub async fn engine_request(
    pool: &Pool,
    new: &NewDecision<'_>,
    identity: &str,
    approval_allowed: bool,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let actor = Actor::engine(identity);
    let payout = payouts::lock(&mut tx, new.payout)
        .await?
        .ok_or_else(|| Error::corrupt(format!("no payout {}", new.payout)))?;
    let honoured = under_review(&payout)
        && match new.verdict {
            Verdict::Approve => approval_allowed,
            Verdict::Reject => true,
        };
    if honoured {
        decide_locked(&mut tx, &payout, new, &actor, false, instant, now).await?;
    } else if !told_before(&mut tx, new, &actor).await? {
        let detail = json!({ "verdict": new.verdict.as_str(), "status": payout.status });
        audit::record(&mut tx, &actor, "decision_ignored", payout.id, Some(new.reason), detail, now).await?;
    }
    let progress = progress_in(&mut tx, new.payout, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Whether this very decision has been taken already: a step that runs twice has nothing to add.
async fn told_before(conn: &mut PgConnection, new: &NewDecision<'_>, actor: &Actor) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM decisions WHERE payout_id = $1 AND verdict = $2 AND decided_by = $3) AS "known!""#,
        new.payout.uuid(),
        new.verdict.as_str(),
        actor.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// Assessed, sent to people, and not decided yet.
fn under_review(payout: &Payout) -> bool {
    payout.status == PayoutStatus::Requested && payout.risk.is_some()
}

async fn decide_locked(
    conn: &mut PgConnection,
    payout: &Payout,
    new: &NewDecision<'_>,
    actor: &Actor,
    verified: bool,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let reason = kept(new.reason);
    sqlx::query!(
        "INSERT INTO decisions (id, payout_id, verdict, reason, decided_by, verified, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        DecisionId::mint().uuid(),
        payout.id.uuid(),
        new.verdict.as_str(),
        reason,
        actor.as_str(),
        verified,
        now,
    )
    .execute(&mut *conn)
    .await?;
    match new.verdict {
        Verdict::Approve => {
            reviews::close(conn, payout.id, now).await?;
            assessments::approve(conn, payout, actor, Some(&reason), instant, now).await
        }
        Verdict::Reject => {
            assessments::reject(conn, payout, "rejected_by_reviewer", &reason, actor, now).await
        }
    }
}

/// A reason as the table takes it: a decision signalled by hand must not fail, again and again, on how it is worded.
fn kept(reason: &str) -> String {
    const MAX_CHARS: usize = 1000;
    let reason: String = storable(reason.trim()).chars().take(MAX_CHARS).collect();
    if reason.is_empty() { "no reason given".to_owned() } else { reason }
}
