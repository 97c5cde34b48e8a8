//! A review as staff sees it, in the queue and on a page of its own.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use store::reviews::{Assigned, Listed};
use uuid::Uuid;

use super::view::RuleFinding;
use crate::{
    money::Amount,
    problem::{Code, Problem},
};

/// What a review waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum ReviewWaitsFor {
    /// Anybody's decision.
    Decision,
    /// One admin has approved; another one must.
    SecondApproval,
}

/// Who has taken a review on.
#[derive(Debug, Clone, Object)]
pub(super) struct ReviewAssignment {
    /// `admin:<name>`.
    to: String,
    /// Who gave it to them: `admin:<name>`.
    by: String,
    /// When the claim lapses by itself (UTC).
    until: DateTime<Utc>,
}

impl From<&Assigned> for ReviewAssignment {
    fn from(assigned: &Assigned) -> Self {
        Self { to: assigned.to.clone(), by: assigned.by.clone(), until: assigned.until }
    }
}

/// An approval that was given or taken back.
#[derive(Debug, Clone, Object)]
pub(super) struct ReviewApproval {
    /// Who: `admin:<name>`.
    pub(super) by: String,
    /// When (UTC).
    pub(super) at: DateTime<Utc>,
    /// Why.
    pub(super) reason: String,
}

/// A provider's latest 50 payouts and what changed within 30 days, in short.
#[derive(Debug, Clone, Object)]
pub(super) struct PastInShort {
    /// How many of them were paid.
    completed: u32,
    /// How many of them failed.
    failed: u32,
    /// What happened to the provider or their accounts, by kind: `provider_changed`, `bank_account_added`,
    /// `bank_account_removed`, `provider_paused`, `bank_account_paused` and so on. Latest first.
    changed: Vec<String>,
}

/// A payout that waits for a decision.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Review {
    /// The payout to decide on (`POST /api/admin/payouts/{id}/decision`).
    payout_id: Uuid,
    /// Whose it is.
    provider_id: Uuid,
    /// What people call them.
    provider_name: String,
    /// How much is asked for.
    amount: Amount,
    /// Since when it waits (UTC): since it was opened, or since an approval was undone.
    waiting_since: DateTime<Utc>,
    /// What it waits for.
    waits_for: ReviewWaitsFor,
    /// How many different admins have approved it.
    approvals: u8,
    /// How many must.
    approvals_needed: u8,
    /// When those who review were reminded of it.
    reminded_at: Option<DateTime<Utc>>,
    /// When it is escalated if nobody decides before: 24 hours after `waiting_since`. In the past once it was.
    escalates_at: DateTime<Utc>,
    /// When it was.
    escalated_at: Option<DateTime<Utc>>,
    /// Who has taken it on; absent once the claim has lapsed.
    assigned: Option<ReviewAssignment>,
    /// The approval that was taken back last: by whom, when and why.
    undone: Option<ReviewApproval>,
    /// Every risk rule with what it saw; those that fired are why it waits.
    findings: Vec<RuleFinding>,
    /// The provider's past in short.
    past: Option<PastInShort>,
}

impl From<&store::reviews::Review> for Review {
    fn from(review: &store::reviews::Review) -> Self {
        let wait = &review.wait;
        Self {
            payout_id: review.payout.uuid(),
            provider_id: review.provider.uuid(),
            provider_name: review.provider_name.clone(),
            amount: Amount(review.amount),
            waiting_since: wait.waiting_since,
            waits_for: if wait.awaits_second() {
                ReviewWaitsFor::SecondApproval
            } else {
                ReviewWaitsFor::Decision
            },
            approvals: wait.approvals,
            approvals_needed: wait.approvals_needed,
            reminded_at: wait.reminded_at,
            escalates_at: wait.escalates_at(),
            escalated_at: wait.escalated_at,
            assigned: review.assigned.as_ref().map(ReviewAssignment::from),
            undone: review.undone.as_ref().map(|undone| ReviewApproval {
                by: undone.by.clone(),
                at: undone.at,
                reason: undone.reason.clone(),
            }),
            findings: review.findings.iter().map(RuleFinding::from).collect(),
            past: None,
        }
    }
}

impl From<&Listed> for Review {
    fn from(listed: &Listed) -> Self {
        let past = PastInShort {
            completed: listed.past.completed,
            failed: listed.past.failed,
            changed: listed.past.changed.clone(),
        };
        Self { past: Some(past), ..Self::from(&listed.review) }
    }
}

/// Somebody else's claim stands in the way.
pub(super) fn taken(assigned: &Assigned) -> Problem {
    let detail = format!(
        "{} has taken this review on until {}. Ask them, or send it again with `override`: the audit trail says so then.",
        assigned.to,
        assigned.until.to_rfc3339()
    );
    Problem::new(Code::ReviewTaken, detail)
}
