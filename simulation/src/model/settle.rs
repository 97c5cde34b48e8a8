//! How an attempt ends, and its payout with it.

use chrono::{DateTime, Utc};
use domain::{
    AttemptEvent, AttemptStatus, Failure, FailureCode, Held, PayoutEvent, PayoutStatus,
    judge::{self, AfterFailure, Late},
};
use workflows::SignalName;

use super::{FAILURES_IN_A_ROW, Model, Result, broken, ensure};
use crate::coverage::Mark;

impl Model {
    /// The gateway paid the attempt that was open.
    pub(super) fn succeed(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<()> {
        self.end_attempt(payout, attempt, AttemptEvent::Succeed, now)?;
        self.complete(payout, attempt, now)?;
        self.note("completed");
        for late in 0..self.payouts[payout].attempts.len() {
            if std::mem::take(&mut self.payouts[payout].attempts[late].waits) {
                self.coverage.mark(Mark::WaitedOverpaid);
                self.overpay(payout, late)?;
            }
        }
        Ok(())
    }

    /// It has conclusively not paid: retry on the schedule, wait for funds, or ask a person.
    pub(super) fn fail(
        &mut self,
        payout: usize,
        attempt: usize,
        failure: &Failure,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.end_attempt(payout, attempt, AttemptEvent::Fail, now)?;
        let held = &mut self.payouts[payout].attempts[attempt];
        held.failed_seen_at = Some(now);
        if self.complete_by_waiting(payout, now)? {
            return Ok(());
        }
        let row = &mut self.payouts[payout];
        let counted = judge::counts(failure.class());
        let failures = row.counted_failures.saturating_add(u8::from(counted));
        match judge::after_failure(failure.class(), failures, &self.retries, now) {
            AfterFailure::WaitForFunds => {
                self.coverage.mark(Mark::FailureWaitsForFunds);
                self.shift(payout, PayoutEvent::Hold, now)?;
                let row = &mut self.payouts[payout];
                row.batch = None;
                row.held = Some(Held::Funds);
            }
            AfterFailure::RetryAt(due) => {
                self.coverage.mark(Mark::FailureRetries);
                self.mark_failed(payout, failure.code, Some(due), now)?;
                self.payouts[payout].counted_failures = failures;
            }
            AfterFailure::NeedsAttention => {
                self.coverage.mark(Mark::FailureNeedsAttention);
                self.mark_failed(payout, failure.code, None, now)?;
                self.payouts[payout].counted_failures = failures;
                if counted {
                    self.count_on_account(payout);
                }
            }
        }
        Ok(())
    }

    /// A late success that waited for the end of the open attempt.
    pub(super) fn complete_by_waiting(&mut self, payout: usize, now: DateTime<Utc>) -> Result<bool> {
        let Some(late) = self.payouts[payout].attempts.iter().position(|attempt| attempt.waits) else {
            return Ok(false);
        };
        self.payouts[payout].attempts[late].waits = false;
        self.coverage.mark(Mark::WaitedCompletes);
        self.complete(payout, late, now)?;
        Ok(true)
    }

    fn mark_failed(
        &mut self,
        payout: usize,
        code: FailureCode,
        due: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.shift(payout, PayoutEvent::Fail, now)?;
        let row = &mut self.payouts[payout];
        row.failed_at = Some(now);
        row.failure = Some(code);
        row.next_attempt_at = due;
        row.needs_attention = due.is_none();
        self.note("failed");
        Ok(())
    }

    /// Several payouts in a row that failed for good on one account: the account is paused.
    fn count_on_account(&mut self, payout: usize) {
        let row = &mut self.payouts[payout];
        if std::mem::replace(&mut row.counted_on_account, true) {
            return;
        }
        let account = &mut self.accounts[row.account];
        account.failed_in_row = account.failed_in_row.saturating_add(1);
        if account.failed_in_row >= FAILURES_IN_A_ROW && !account.removed {
            account.paused = true;
            self.coverage.mark(Mark::AccountFailing);
        }
    }

    pub(super) fn give_to_a_person(
        &mut self,
        payout: usize,
        code: FailureCode,
        now: DateTime<Utc>,
    ) -> Result<()> {
        if self.payouts[payout].status != PayoutStatus::Failed {
            self.shift(payout, PayoutEvent::Fail, now)?;
        }
        let row = &mut self.payouts[payout];
        ensure!(!row.refunded, "refunded payout {payout} is given to a person");
        row.failed_at = Some(now);
        row.failure = Some(code);
        row.next_attempt_at = None;
        row.needs_attention = true;
        self.note("given to a person");
        self.touch(payout, now);
        Ok(())
    }

    /// A failed attempt has paid after all.
    pub(super) fn late(
        &mut self,
        payout: usize,
        attempt: usize,
        late: Late,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let ended = self.payouts[payout].has_ended();
        self.end_attempt(payout, attempt, AttemptEvent::SucceedLate, now)?;
        let held = &mut self.payouts[payout].attempts[attempt];
        held.late = true;
        held.doubt = None;
        held.doubted_at = None;
        let lates = self.payouts[payout].attempts.iter().filter(|attempt| attempt.late).count();
        if lates > 1 {
            self.coverage.mark(Mark::TwoLate);
        }
        self.note("late success");
        match late {
            Late::Completes => {
                self.coverage.mark(Mark::LateCompletes);
                self.complete(payout, attempt, now)?;
            }
            Late::WithdrawsAndCompletes => {
                self.coverage.mark(Mark::LateWithdraws);
                let Some(unsent) =
                    self.payouts[payout].attempts.iter().position(|held| held.status.is_open())
                else {
                    return broken(format!("payout {payout} has no attempt to withdraw"));
                };
                self.withdraw(payout, unsent, now)?;
                self.complete(payout, attempt, now)?;
            }
            Late::Waits => {
                self.coverage.mark(Mark::LateWaits);
                self.payouts[payout].attempts[attempt].waits = true;
            }
            Late::Overpaid => {
                self.coverage.mark(Mark::LateOverpaid);
                self.overpay(payout, attempt)?;
            }
        }
        if !ended {
            let number = self.payouts[payout].attempts[attempt].number;
            self.tell(payout, Some((SignalName::TransferUpdate, Some(number))));
        }
        Ok(())
    }

    /// It was recorded and never sent, and is not needed any more.
    pub(super) fn withdraw(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<()> {
        let sends = self.payouts[payout].attempts[attempt].sends;
        ensure!(sends == 0, "an attempt of payout {payout} that was sent is withdrawn");
        self.end_attempt(payout, attempt, AttemptEvent::Fail, now)?;
        self.payouts[payout].attempts[attempt].failed_seen_at = Some(now);
        self.note("attempt withdrawn");
        Ok(())
    }

    /// By legal moves from wherever it stands.
    fn complete(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<()> {
        loop {
            let event = match self.payouts[payout].status {
                PayoutStatus::Requested => PayoutEvent::Approve,
                PayoutStatus::Approved => PayoutEvent::Claim,
                PayoutStatus::Failed => PayoutEvent::Retry,
                PayoutStatus::Processing => PayoutEvent::Confirm,
                PayoutStatus::Completed => break,
                PayoutStatus::Rejected | PayoutStatus::Cancelled | PayoutStatus::Reversed => {
                    return broken(format!("payout {payout} is completed after its end"));
                }
            };
            self.shift(payout, event, now)?;
        }
        let row = &mut self.payouts[payout];
        ensure!(row.completed_by.is_none() && !row.refunded, "payout {payout} is completed twice");
        row.completed_by = Some(attempt);
        row.batch = row.attempts[attempt].batch;
        row.next_attempt_at = None;
        row.needs_attention = false;
        row.failure = None;
        row.failed_at = None;
        row.held = None;
        let account = row.account;
        self.accounts[account].failed_in_row = 0;
        self.pay(payout)
    }

    fn overpay(&mut self, payout: usize, attempt: usize) -> Result<()> {
        let row = &mut self.payouts[payout];
        let held = &mut row.attempts[attempt];
        held.overpaid = true;
        held.overpaid_case = true;
        let provider = row.provider;
        self.providers[provider].paused_by_case = true;
        self.note("overpaid");
        self.book_overpaid(payout)
    }

    /// A paid transfer came back.
    pub(super) fn reverse(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<()> {
        let since = self.payouts[payout].attempts[attempt].reversal_seen_at;
        ensure!(
            since.is_some_and(|since| now - since >= judge::REVERSAL_CONFIRMED_AFTER),
            "payout {payout} is reversed on one answer"
        );
        self.step_attempt(payout, attempt, AttemptEvent::Reverse)?;
        self.note("reversed");
        let held = &mut self.payouts[payout].attempts[attempt];
        held.reversal = false;
        if held.overpaid {
            held.overpaid_case = false;
            self.coverage.mark(Mark::OverpaidReturned);
            self.resume_where_settled(payout);
            self.book_overpaid_returned(payout)
        } else if held.waits {
            // Nothing was booked for it but its fee, if that was told.
            held.waits = false;
            self.coverage.mark(Mark::ReturnedWhileWaiting);
            Ok(())
        } else {
            self.shift(payout, PayoutEvent::Reverse, now)?;
            self.book_returned(payout)
        }
    }

    /// A pause that cases made ends with the last of them.
    fn resume_where_settled(&mut self, payout: usize) {
        let provider = self.payouts[payout].provider;
        let open = self.providers[provider]
            .payouts
            .iter()
            .flat_map(|payout| &self.payouts[*payout].attempts)
            .any(|attempt| attempt.overpaid_case);
        self.providers[provider].paused_by_case = open;
    }

    fn end_attempt(
        &mut self,
        payout: usize,
        attempt: usize,
        event: AttemptEvent,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let before = self.payouts[payout].attempts[attempt].status;
        let held = &self.payouts[payout].attempts[attempt];
        ensure!(
            before.is_open() || (event == AttemptEvent::SucceedLate && before == AttemptStatus::Failed),
            "attempt {} of payout {payout} ends twice",
            held.number.get()
        );
        self.step_attempt(payout, attempt, event)?;
        let held = &mut self.payouts[payout].attempts[attempt];
        held.settled_at = Some(now);
        held.resend = false;
        held.check_at = None;
        if held.status == AttemptStatus::Succeeded {
            held.attested_unpaid_from = None;
        }
        held.unknown_too_long = false;
        held.contradiction = false;
        Ok(())
    }
}
