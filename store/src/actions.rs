//! What somebody may do now about a payout, an attempt or a case, and what stands in the way of the rest.
//!
//! Guarantee: told by the functions that guard the writes themselves, so a screen never guesses. Read without a lock: whoever acts
//! a moment later may still lose a race and is told so then. That a colleague has taken a review on is no obstacle: whoever knows
//! better overrides it. Cost: one read for a provider's page of payouts, three for one of staff, two for a payout's attempts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, PayoutEvent, PayoutId};

use crate::{
    Actor, Pool, Result, another_account, attempts,
    attestations::{self, Attestation, Stage},
    cases::{Case, CaseKind, CaseStatus},
    decisions::{self, Verdict},
    involvement::{self, Involvement},
    manual,
    payouts::{Payout, cancellable},
    reviews,
};

/// Something that can be done. The text is the name of the operation's last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    Cancel,
    AnotherAccount,
    Approve,
    Reject,
    UndoApproval,
    Retry,
    Refund,
    ProposeAttestation,
    ConfirmAttestation,
    WithdrawAttestation,
    CloseCase,
    ConfirmReversal,
}

impl Doing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::AnotherAccount => "another_account",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::UndoApproval => "undo_approval",
            Self::Retry => "retry",
            Self::Refund => "refund",
            Self::ProposeAttestation => "propose_attestation",
            Self::ConfirmAttestation => "confirm_attestation",
            Self::WithdrawAttestation => "withdraw_attestation",
            Self::CloseCase => "close_case",
            Self::ConfirmReversal => "confirm_reversal",
        }
    }
}

/// Why it cannot be done now: the code and the words that trying it would be answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub code: &'static str,
    pub words: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub doing: Doing,
    /// `None`: it can be done.
    pub obstacle: Option<Obstacle>,
}

/// Someone of the staff.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub actor: &'a Actor,
    pub finance: bool,
}

fn action(doing: Doing, obstacle: Option<Obstacle>) -> Action {
    Action { doing, obstacle }
}

#[expect(clippy::unnecessary_wraps, reason = "every caller has an option to fill")]
fn obstacle(code: &'static str, words: impl Into<String>) -> Option<Obstacle> {
    Some(Obstacle { code, words: words.into() })
}

fn moved_on(payout: &Payout) -> Option<Obstacle> {
    let status = if payout.refunded_at.is_some() {
        "FAILED and refunded".to_owned()
    } else {
        payout.status.to_string()
    };
    obstacle("payout_moved_on", format!("The payout is {status}."))
}

const MAY_PAY: &str = "An earlier attempt may still pay.";
const FINANCE_ONLY: &str = "This is for finance.";

/// What a provider may do about each of these payouts of theirs.
pub async fn of_provider(pool: &Pool, payouts: &[Payout]) -> Result<BTreeMap<PayoutId, Vec<Action>>> {
    let ids: Vec<_> = payouts.iter().map(|payout| payout.id).collect();
    let may_pay = attempts::that_may_pay(pool, &ids).await?;
    let of_payout = |payout: &Payout| {
        let may_pay = may_pay.contains(&payout.id);
        (payout.id, vec![cancel(payout, may_pay), another_account(payout, may_pay)])
    };
    Ok(payouts.iter().map(of_payout).collect())
}

/// What this one of the staff may do about each of these payouts.
pub async fn of_staff(
    pool: &Pool,
    payouts: &[Payout],
    who: Who<'_>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<PayoutId, Vec<Action>>> {
    let ids: Vec<_> = payouts.iter().map(|payout| payout.id).collect();
    let may_pay = attempts::that_may_pay(pool, &ids).await?;
    let decidable = |payout: &&Payout| decisions::decidable(payout, Verdict::Approve, false);
    let before_people: Vec<&Payout> = payouts.iter().filter(decidable).collect();
    let (mut involved, mut half_approved) = (BTreeMap::new(), BTreeMap::new());
    if !before_people.is_empty() {
        let mut conn = pool.acquire().await?;
        involved = involvement::of_each(&mut conn, &before_people, who.actor, now).await?;
        half_approved = reviews::half_approved(&mut conn, &ids).await?;
    }
    let of_payout = |payout: &Payout| {
        let id = payout.id;
        let approval = Approving {
            involved: involved.get(&id),
            half_approved: half_approved.contains_key(&id),
            by_them: half_approved.get(&id).is_some_and(|by| by == who.actor.as_str()),
        };
        (id, staff(payout, may_pay.contains(&id), approval))
    };
    Ok(payouts.iter().map(of_payout).collect())
}

/// What there is about approving a payout beside the payout itself.
#[derive(Debug, Clone, Copy)]
struct Approving<'a> {
    /// What the one who asks did to it.
    involved: Option<&'a Involvement>,
    /// One of two has approved it.
    half_approved: bool,
    /// And that was the one who asks.
    by_them: bool,
}

impl Approving<'_> {
    fn obstacle(self) -> Option<Obstacle> {
        if let Some(did) = self.involved {
            let words = format!(
                "You have a part in it: `{}` at {} was yours. Somebody else approves.",
                did.action,
                did.at.to_rfc3339()
            );
            return obstacle("reviewer_involved", words);
        }
        if self.by_them {
            return obstacle(
                "second_person_required",
                "You have approved it. It needs a different admin too.",
            );
        }
        None
    }
}

fn cancel(payout: &Payout, may_pay: bool) -> Action {
    let obstacle = if cancellable(payout, may_pay) {
        None
    } else if cancellable(payout, false) {
        obstacle("payout_moved_on", MAY_PAY)
    } else {
        moved_on(payout)
    };
    action(Doing::Cancel, obstacle)
}

fn another_account(payout: &Payout, may_pay: bool) -> Action {
    let obstacle = if !manual::for_people(payout, PayoutEvent::Refund) {
        moved_on(payout)
    } else if !another_account::helps(payout) {
        obstacle("not_the_account", "It did not fail because of its account. Someone looks at it.")
    } else if may_pay {
        obstacle("not_proven_unpaid", MAY_PAY)
    } else {
        None
    };
    action(Doing::AnotherAccount, obstacle)
}

fn staff(payout: &Payout, may_pay: bool, approving: Approving<'_>) -> Vec<Action> {
    let decide = |verdict| {
        if decisions::decidable(payout, verdict, may_pay) {
            None
        } else if decisions::decidable(payout, verdict, false) {
            obstacle("payout_moved_on", MAY_PAY)
        } else {
            moved_on(payout)
        }
    };
    let undo = if decisions::undoable(payout) || approving.half_approved { None } else { moved_on(payout) };
    let by_hand = |doing, event, proven: bool| {
        let obstacle = if !manual::for_people(payout, event) {
            moved_on(payout)
        } else if proven {
            None
        } else {
            obstacle("not_proven_unpaid", MAY_PAY)
        };
        action(doing, obstacle)
    };
    vec![
        action(Doing::Approve, decide(Verdict::Approve).or_else(|| approving.obstacle())),
        action(Doing::Reject, decide(Verdict::Reject)),
        action(Doing::UndoApproval, undo),
        by_hand(Doing::Retry, PayoutEvent::Retry, true),
        by_hand(Doing::Refund, PayoutEvent::Refund, !may_pay),
    ]
}

/// What staff may do about each attempt of a payout. `attestations` are all there are about them, in order.
pub async fn of_attempts(
    pool: &Pool,
    payout: PayoutId,
    attestations: &[Attestation],
    who: Who<'_>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<AttemptNumber, Vec<Action>>> {
    let attestable = attestations::attestable(pool, payout, now).await?;
    let of_attempt = |(number, why)| {
        let open = attestations.iter().rfind(|one| one.attempt == number).filter(|one| match one.stage {
            Stage::Proposed | Stage::Confirmed => true,
            Stage::Applied | Stage::Withdrawn => false,
        });
        (number, attempt(open, why, who))
    };
    Ok(attestable.into_iter().map(of_attempt).collect())
}

fn attempt(open: Option<&Attestation>, not_attestable: Option<&'static str>, who: Who<'_>) -> Vec<Action> {
    let forbidden = || if who.finance { None } else { obstacle("forbidden", FINANCE_ONLY) };
    let why = || {
        not_attestable
            .and_then(|why| obstacle("not_attestable", format!("There is nothing to attest: {why}.")))
    };
    let none_open = || obstacle("no_open_attestation", "Nobody has attested how this attempt ended.");
    let propose = forbidden().or_else(|| match open {
        Some(_) => obstacle("attestation_open", "Another attestation about this attempt is open."),
        None => why(),
    });
    let confirm = forbidden().or_else(|| match open {
        None => none_open(),
        Some(open) if open.stage == Stage::Confirmed => {
            obstacle("attestation_open", "Two people have confirmed it already.")
        }
        Some(open) if open.proposed_by == who.actor.as_str() => {
            obstacle("second_person_required", "You proposed it: somebody else has to confirm it.")
        }
        Some(_) => why(),
    });
    let withdraw = forbidden().or_else(|| if open.is_none() { none_open() } else { None });
    vec![
        action(Doing::ProposeAttestation, propose),
        action(Doing::ConfirmAttestation, confirm),
        action(Doing::WithdrawAttestation, withdraw),
    ]
}

/// What staff may do about a case.
pub fn of_case(case: &Case, who: Who<'_>) -> Vec<Action> {
    let closed = || match case.status {
        CaseStatus::Open => None,
        CaseStatus::Closed => obstacle("case_closed", "The case is closed."),
    };
    let forbidden = || if who.finance { None } else { obstacle("forbidden", FINANCE_ONLY) };
    let mut actions = vec![action(Doing::CloseCase, forbidden().or_else(closed))];
    if case.kind == CaseKind::Reversal {
        actions.push(action(Doing::ConfirmReversal, forbidden().or_else(closed)));
    }
    actions
}
