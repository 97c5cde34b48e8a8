//! What people do: decide, take back, retry, refund, attest, hear of trouble.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    AttemptStatus, PayoutEvent, PayoutStatus,
    judge::{self, ATTESTATION_COOLS_FOR, Consequence},
};
use workflows::SignalName;

use super::{Model, Result, UNKNOWN_TOO_LONG, attempts, ensure};
use crate::coverage::Mark;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Reject,
}

/// One of the staff.
pub type Approver = u8;

/// What somebody who wanted something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    Done,
    /// Approved by one; it waits for another.
    Second,
    /// They have approved it already; somebody else must.
    ApprovedByThem,
    TooLate,
    NotProven,
}

impl Model {
    /// Puts the payout before people: what was approved before does not count.
    pub(crate) fn open_review(&mut self, payout: usize) {
        let needed = self.approvals_needed(payout);
        let row = &mut self.payouts[payout];
        row.approvals.clear();
        row.approvals_needed = needed;
        self.note("review opened");
    }

    /// A limit that is made smaller counts at once, one that is raised only for what comes before people later.
    fn approvals_needed(&self, payout: usize) -> usize {
        let row = &self.payouts[payout];
        let by_amount = if row.amount > self.approval_limit { 2 } else { 1 };
        row.approvals_needed.max(by_amount)
    }

    /// Whatever leaves was approved by as many different people as it takes.
    pub(crate) fn check_approved(&self, payout: usize) -> Result<()> {
        let row = &self.payouts[payout];
        let different: BTreeSet<_> = row.approvals.iter().collect();
        ensure!(
            different.len() == row.approvals.len() && different.len() >= row.approvals_needed,
            "payout {payout} needs {} approvals and leaves with those of {:?}",
            row.approvals_needed,
            row.approvals
        );
        Ok(())
    }

    pub fn decide(
        &mut self,
        payout: usize,
        verdict: Verdict,
        who: Approver,
        now: DateTime<Utc>,
    ) -> Result<Acted> {
        let row = &self.payouts[payout];
        let under_review = row.status == PayoutStatus::Requested && row.risk.is_some();
        if !under_review || (verdict == Verdict::Reject && self.may_pay(payout)) {
            self.coverage.mark(match verdict {
                Verdict::Approve => Mark::ApproveLost,
                Verdict::Reject => Mark::RejectLost,
            });
            return Ok(Acted::TooLate);
        }
        let needed = self.approvals_needed(payout);
        match verdict {
            Verdict::Approve => {
                let row = &mut self.payouts[payout];
                if row.approvals.contains(&who) {
                    self.coverage.mark(Mark::ApprovedByThem);
                    return Ok(Acted::ApprovedByThem);
                }
                row.approvals.push(who);
                row.approvals_needed = needed;
                if row.approvals.len() < needed {
                    self.coverage.mark(Mark::ApprovedOnce);
                    self.touched.push(payout);
                    return Ok(Acted::Second);
                }
                self.coverage.mark(Mark::ApproveWon);
                self.approve_locked(payout, now)?;
            }
            Verdict::Reject => {
                self.coverage.mark(Mark::RejectWon);
                self.reject_locked(payout, now)?;
            }
        }
        self.tell(payout, Some((SignalName::Decision, None)));
        self.touch(payout, now);
        Ok(Acted::Done)
    }

    pub fn cancel(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Acted> {
        if self.payouts[payout].status.after(PayoutEvent::Cancel).is_err() || self.may_pay(payout) {
            self.coverage.mark(Mark::CancelLost);
            return Ok(Acted::TooLate);
        }
        self.coverage.mark(Mark::CancelWon);
        self.shift(payout, PayoutEvent::Cancel, now)?;
        self.payouts[payout].held = None;
        self.release(payout)?;
        self.tell(payout, Some((SignalName::Cancel, None)));
        self.touch(payout, now);
        Ok(Acted::Done)
    }

    /// An approval is taken back: the only one there is, or the first of two.
    pub fn undo(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Acted> {
        let row = &self.payouts[payout];
        if row.status == PayoutStatus::Requested && !row.approvals.is_empty() {
            self.coverage.mark(Mark::FirstApprovalUndone);
            self.open_review(payout);
            self.touched.push(payout);
            return Ok(Acted::Done);
        }
        if self.payouts[payout].status.after(PayoutEvent::Undo).is_err() {
            self.coverage.mark(Mark::UndoLost);
            return Ok(Acted::TooLate);
        }
        self.coverage.mark(Mark::UndoWon);
        self.shift(payout, PayoutEvent::Undo, now)?;
        self.payouts[payout].held = None;
        self.open_review(payout);
        self.tell(payout, Some((SignalName::Decision, None)));
        self.touch(payout, now);
        Ok(Acted::Done)
    }

    pub fn retry(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Acted> {
        let row = &mut self.payouts[payout];
        if row.status.after(PayoutEvent::Retry).is_err() || !row.needs_attention {
            self.coverage.mark(Mark::RetryLost);
            return Ok(Acted::TooLate);
        }
        row.needs_attention = false;
        row.next_attempt_at = Some(now);
        self.coverage.mark(Mark::RetryWon);
        self.tell(payout, Some((SignalName::ManualAction, None)));
        self.touch(payout, now);
        Ok(Acted::Done)
    }

    pub fn refund(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Acted> {
        let row = &self.payouts[payout];
        if row.status.after(PayoutEvent::Refund).is_err() || !row.needs_attention {
            self.coverage.mark(Mark::RefundLost);
            return Ok(Acted::TooLate);
        }
        if judge::proofs(&self.facts_of_attempts(payout), now).is_err() {
            self.coverage.mark(Mark::RefundNotProven);
            return Ok(Acted::NotProven);
        }
        self.coverage.mark(Mark::RefundWon);
        self.check_proven(payout, now)?;
        if self.payouts[payout].is_beside_excess() {
            self.coverage.mark(Mark::RefundedBesideExcess);
        }
        let row = &mut self.payouts[payout];
        row.needs_attention = false;
        row.refunded = true;
        self.release(payout)?;
        self.tell(payout, Some((SignalName::ManualAction, None)));
        self.touch(payout, now);
        Ok(Acted::Done)
    }

    /// Whether two people may say how this attempt ended.
    pub fn may_attest(&self, payout: usize, attempt: usize, now: DateTime<Utc>) -> bool {
        let held = &self.payouts[payout].attempts[attempt];
        let nothing_attested =
            held.attested_unpaid_from.is_none_or(|from| from <= now && !held.status.is_open());
        match held.status {
            AttemptStatus::Submitting => {
                nothing_attested
                    && held.sends > 0
                    && held.send_deadline.is_none_or(|deadline| deadline <= now)
            }
            AttemptStatus::Unknown => nothing_attested && held.sends > 0,
            AttemptStatus::Accepted => nothing_attested,
            AttemptStatus::Failed => nothing_attested && held.doubt.is_some(),
            AttemptStatus::Succeeded | AttemptStatus::Reversed => false,
        }
    }

    /// The second of two people has confirmed what the first one proposed.
    pub fn attest(&mut self, payout: usize, attempt: usize, paid: bool, now: DateTime<Utc>) -> Result<Acted> {
        if !self.may_attest(payout, attempt, now) {
            return Ok(Acted::TooLate);
        }
        let ended = self.payouts[payout].has_ended();
        if paid {
            self.coverage.mark(Mark::AttestedPaid);
            self.payouts[payout].attempts[attempt].attested_paid = true;
            let watched = attempts::watched(&self.payouts[payout].attempts[attempt]);
            let consequence = judge::attested_paid(&watched, self.around(payout, attempt));
            if consequence != Consequence::Nothing {
                self.consequence(payout, attempt, consequence, None, false, now)?;
            }
        } else {
            let held = &mut self.payouts[payout].attempts[attempt];
            held.attested_unpaid_from = Some(now + ATTESTATION_COOLS_FOR);
        }
        if !self.payouts[payout].has_ended() || !ended {
            let number = self.payouts[payout].attempts[attempt].number;
            self.tell(payout, Some((SignalName::TransferUpdate, Some(number))));
        }
        self.touched.push(payout);
        Ok(Acted::Done)
    }

    /// The sweep for outcomes that are unknown for too long.
    pub fn find_unknown(&mut self, now: DateTime<Utc>) {
        for payout in 0..self.payouts.len() {
            if self.payouts[payout].status != PayoutStatus::Processing {
                continue;
            }
            for held in &mut self.payouts[payout].attempts {
                let too_long =
                    held.status.is_open() && held.sends > 0 && now - held.began_at >= UNKNOWN_TOO_LONG;
                if too_long && !held.unknown_too_long {
                    held.unknown_too_long = true;
                    self.coverage.mark(Mark::UnknownTooLong);
                }
            }
        }
    }

    /// A person settles what paused a provider.
    pub fn settle_overpaid(&mut self, provider: usize) {
        self.providers[provider].paused_by_case = false;
        for payout in self.providers[provider].payouts.clone() {
            for held in &mut self.payouts[payout].attempts {
                held.overpaid_case = false;
            }
        }
    }

    /// The provider has checked the account.
    pub fn settle_account(&mut self, account: usize) {
        self.accounts[account].paused = false;
        self.accounts[account].failed_in_row = 0;
    }
}
