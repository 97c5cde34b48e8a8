//! One reviewer's approve or reject, and an approval taken back. Whoever commits first has decided; the other hears who won.
//!
//! Above the limit ([`crate::approval_limits`]) the first approval is stored and the payout stays under review until a different
//! admin approves too; anybody's reject at any time rejects. Nobody approves what they asked for or changed
//! ([`crate::involvement`]).

use chrono::{DateTime, Utc};
use domain::{DecisionId, PayoutEvent, PayoutId, PayoutStatus, Progress};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, ByHand, Conflict, Error, Pool, Result, assessments, attempts, audit,
    involvement::{self, Involvement},
    outbox,
    payouts::{self, Payout, conflict, moved_one, progress_in},
    reviews::{self, Assigned, Facing},
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
    /// Approved by one; it waits for another.
    Second(Box<Payout>),
    NotFound,
    /// It is not, or no longer, under review.
    NotUnderReview(Conflict),
    /// They approved it already; somebody else must.
    ApprovedByThem,
    /// They asked for it, or changed what it depends on.
    Involved(Involvement),
    /// Somebody else has taken it on.
    Taken(Assigned),
}

/// What to do about somebody else's claim to the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Respect,
    Override,
}

#[derive(Debug, Clone)]
pub struct NewDecision<'a> {
    pub payout: PayoutId,
    pub verdict: Verdict,
    /// 1 to 1000 characters; what is longer is cut, and none is said to be none.
    pub reason: &'a str,
}

/// An admin's decision, over the API. Somebody else's claim is respected.
pub async fn decide(
    pool: &Pool,
    new: &NewDecision<'_>,
    admin: &Actor,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Decided> {
    decide_over(pool, new, admin, Claim::Respect, instant, now).await
}

/// The same; a claim that is overridden stands in the audit trail.
pub async fn decide_over(
    pool: &Pool,
    new: &NewDecision<'_>,
    admin: &Actor,
    claim: Claim,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Decided> {
    let mut tx = pool.begin().await?;
    let Some(payout) = payouts::lock(&mut tx, new.payout).await? else { return Ok(Decided::NotFound) };
    if !may_decide(&mut tx, &payout, new.verdict).await? {
        return Ok(Decided::NotUnderReview(conflict(&mut tx, &payout).await?));
    }
    let review = reviews::face(&mut tx, payout.id, now).await?;
    let taken = review.assigned.as_ref().filter(|assigned| assigned.to != admin.as_str());
    if let (Claim::Respect, Some(taken)) = (claim, taken) {
        return Ok(Decided::Taken(taken.clone()));
    }
    let overridden = taken.map(|taken| taken.to.clone());
    let last = match new.verdict {
        Verdict::Reject => true,
        Verdict::Approve => {
            if let Some(involvement) = involvement::of(&mut tx, &payout, admin, now).await? {
                return Ok(Decided::Involved(involvement));
            }
            let approvals = reviews::approvals(&mut tx, payout.id).await?;
            if approvals.iter().any(|approval| approval.by == admin.as_str()) {
                return Ok(Decided::ApprovedByThem);
            }
            approvals.len().saturating_add(1) >= usize::from(review.approvals_needed)
        }
    };
    if let Some(overridden) = overridden {
        let detail = json!({ "from": overridden, "to": null, "overridden": true });
        audit::record(&mut tx, admin, "review_released", payout.id, None, detail, now).await?;
    }
    if last {
        decide_locked(&mut tx, &payout, &review, new, admin, None, instant, now).await?;
        outbox::signal(&mut tx, payout.id, "decision", None, now).await?;
    } else {
        let reason = kept(new.reason);
        store(&mut tx, &payout, &review, new.verdict, &reason, admin, None, now).await?;
        reviews::approved_once(&mut tx, payout.id).await?;
        let detail = json!({ "of": review.approvals_needed });
        audit::record(&mut tx, admin, "approval_given", payout.id, Some(&reason), detail, now).await?;
    }
    let payout = payouts::get_in(&mut tx, new.payout)
        .await?
        .ok_or_else(|| Error::corrupt("a decided payout is gone"))?;
    tx.commit().await?;
    let payout = Box::new(payout);
    Ok(if last { Decided::Done(payout) } else { Decided::Second(payout) })
}

/// Whether `admin` has decided so already, and it counts: sending it again asks for nothing new.
pub async fn stands(pool: &Pool, payout: PayoutId, admin: &Actor, verdict: Verdict) -> Result<bool> {
    let stands = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM decisions d JOIN reviews r ON r.payout_id = d.payout_id AND r.round = d.round
               JOIN payouts p ON p.id = d.payout_id
               WHERE d.payout_id = $1 AND d.decided_by = $2 AND d.verdict = $3
                 AND CASE $3 WHEN 'reject' THEN p.status = 'REJECTED' ELSE p.status NOT IN ('REJECTED', 'CANCELLED') END) AS "stands!""#,
        payout.uuid(),
        admin.as_str(),
        verdict.as_str(),
    )
    .fetch_one(pool)
    .await?;
    Ok(stands)
}

/// A decision signalled by hand at the engine: a request. Reject is honoured; approve only where the installation allows it, and
/// never above the limit for one approver: who signalled is not known.
/// What is not honoured is recorded. The identity is what the sender claimed.
pub async fn engine_request(
    pool: &Pool,
    new: &NewDecision<'_>,
    by: ByHand<'_>,
    approval_allowed: bool,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let actor = Actor::engine(by.identity);
    let payout = payouts::lock(&mut tx, new.payout)
        .await?
        .ok_or_else(|| Error::corrupt(format!("no payout {}", new.payout)))?;
    let allowed = match new.verdict {
        Verdict::Approve => approval_allowed,
        Verdict::Reject => true,
    };
    // A step runs at least once: one that has decided already must not decide again what was undone meanwhile.
    if !decided_before(&mut tx, new.payout, by.key).await? {
        let review = if allowed && may_decide(&mut tx, &payout, new.verdict).await? {
            Some(reviews::face(&mut tx, new.payout, now).await?)
        } else {
            None
        };
        if let Some(review) = review.filter(|review| suffices(review, new.verdict)) {
            decide_locked(&mut tx, &payout, &review, new, &actor, Some(by.key), instant, now).await?;
        } else if !audit::has(&mut tx, new.payout, "decision_ignored", by.key).await? {
            let detail = json!({ "verdict": new.verdict.as_str(), "status": payout.status, "key": by.key });
            audit::record(&mut tx, &actor, "decision_ignored", payout.id, Some(new.reason), detail, now)
                .await?;
        }
    }
    let progress = progress_in(&mut tx, new.payout, now).await?;
    tx.commit().await?;
    Ok(progress)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    Done(Box<Payout>),
    NotFound,
    /// It is not, or no longer, approved and waiting for a batch.
    TooLate(Conflict),
}

/// Takes an approval back, a person's or the risk engine's, while no batch has the payout: it is before people again, and what
/// was approved before does not count. So does the first of two approvals, while the second is awaited.
pub async fn undo(
    pool: &Pool,
    id: PayoutId,
    admin: &Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Undone> {
    let mut tx = pool.begin().await?;
    let Some(payout) = payouts::lock(&mut tx, id).await? else { return Ok(Undone::NotFound) };
    if !undoable(&payout) {
        let given = match payout.status {
            PayoutStatus::Requested => reviews::approvals(&mut tx, id).await?.first().cloned(),
            PayoutStatus::Approved
            | PayoutStatus::Processing
            | PayoutStatus::Completed
            | PayoutStatus::Failed
            | PayoutStatus::Rejected
            | PayoutStatus::Cancelled
            | PayoutStatus::Reversed => None,
        };
        let Some(given) = given else {
            return Ok(Undone::TooLate(conflict(&mut tx, &payout).await?));
        };
        reviews::reopen(&mut tx, id, (admin, reason), now).await?;
        let detail = json!({ "approved_by": given.by });
        audit::record(&mut tx, admin, "approval_undone", id, Some(reason), detail, now).await?;
        // It waits from now on: its reminders are due anew.
        outbox::signal(&mut tx, id, "decision", None, now).await?;
        tx.commit().await?;
        return Ok(Undone::Done(Box::new(payout)));
    }
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'REQUESTED', approved_at = NULL, approved_by = NULL, held = NULL, updated_at = $2
         WHERE id = $1 AND status = 'APPROVED'",
        id.uuid(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    reviews::reopen(&mut tx, id, (admin, reason), now).await?;
    let detail = json!({ "approved_by": payout.approved_by });
    audit::record(&mut tx, admin, "approval_undone", id, Some(reason), detail, now).await?;
    outbox::signal(&mut tx, id, "decision", None, now).await?;
    let payout =
        payouts::get_in(&mut tx, id).await?.ok_or_else(|| Error::corrupt("an undone payout is gone"))?;
    tx.commit().await?;
    Ok(Undone::Done(Box::new(payout)))
}

/// Approved, and no batch has it.
pub(crate) fn undoable(payout: &Payout) -> bool {
    payout.status.after(PayoutEvent::Undo).is_ok()
}

/// Whether the decision that this key names has been taken already.
async fn decided_before(conn: &mut PgConnection, payout: PayoutId, key: &str) -> Result<bool> {
    let key = storable(key);
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM decisions WHERE payout_id = $1 AND engine_key = $2) AS "known!""#,
        payout.uuid(),
        key.as_ref(),
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// Assessed, before people, and not decided yet. A payout that came back from a batch is not rejected while the gateway says that
/// an attempt may pay: its money would be given back and sent.
async fn may_decide(conn: &mut PgConnection, payout: &Payout, verdict: Verdict) -> Result<bool> {
    let may_pay = match verdict {
        Verdict::Approve => false,
        Verdict::Reject => attempts::may_pay(conn, payout.id).await?,
    };
    Ok(decidable(payout, verdict, may_pay))
}

/// The same where it is known whether an attempt may pay.
pub(crate) fn decidable(payout: &Payout, verdict: Verdict, may_pay: bool) -> bool {
    let under_review = payout.status == PayoutStatus::Requested && payout.risk.is_some();
    under_review
        && match verdict {
            Verdict::Approve => true,
            Verdict::Reject => !may_pay,
        }
}

/// Whether somebody whose name is only claimed may decide so: nobody counts as one of two approvers without proof of who they are.
fn suffices(review: &Facing, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Approve => review.approvals_needed <= 1,
        Verdict::Reject => true,
    }
}

#[expect(clippy::too_many_arguments, reason = "a decision, by whom, about what")]
async fn decide_locked(
    conn: &mut PgConnection,
    payout: &Payout,
    review: &Facing,
    new: &NewDecision<'_>,
    actor: &Actor,
    engine_key: Option<&str>,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let reason = kept(new.reason);
    store(conn, payout, review, new.verdict, &reason, actor, engine_key, now).await?;
    match new.verdict {
        Verdict::Approve => {
            reviews::approved_once(conn, payout.id).await?;
            reviews::close(conn, payout.id, now).await?;
            assessments::approve(conn, payout, actor, Some(&reason), instant, now).await
        }
        Verdict::Reject => {
            assessments::reject(conn, payout, "rejected_by_reviewer", &reason, actor, now).await
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of the table")]
async fn store(
    conn: &mut PgConnection,
    payout: &Payout,
    review: &Facing,
    verdict: Verdict,
    reason: &str,
    actor: &Actor,
    engine_key: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let key = engine_key.map(storable);
    sqlx::query!(
        "INSERT INTO decisions (id, payout_id, verdict, reason, decided_by, verified, decided_at, engine_key, round)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        DecisionId::mint().uuid(),
        payout.id.uuid(),
        verdict.as_str(),
        reason,
        actor.as_str(),
        engine_key.is_none(),
        now,
        key.as_deref(),
        review.round,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A reason as the table takes it: a decision signalled by hand must not fail, again and again, on how it is worded.
fn kept(reason: &str) -> String {
    const MAX_CHARS: usize = 1000;
    let reason: String = storable(reason.trim()).chars().take(MAX_CHARS).collect();
    if reason.is_empty() { "no reason given".to_owned() } else { reason }
}
