//! What must hold: after each transaction about what it changed, and about everything at the end.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttemptStatus, PayoutStatus};

use super::{Account, AllocationState, Amount, Model, Result, ensure};

impl Model {
    /// After a transaction that changed this payout.
    pub fn check_payout(&self, payout: usize) -> Result<()> {
        let row = &self.payouts[payout];
        let (mut standing, mut open, mut waiting, mut paid) = (0, 0, 0, 0);
        for attempt in &row.attempts {
            standing += u32::from(attempt.stands());
            open += u32::from(attempt.status.is_open());
            waiting += u32::from(attempt.waits);
            paid +=
                u32::from(attempt.status == AttemptStatus::Succeeded && !attempt.overpaid && !attempt.waits);
            ensure!(
                (attempt.status == AttemptStatus::Failed) <= attempt.failed_seen_at.is_some(),
                "payout {payout} has a failure that nobody has seen"
            );
            ensure!(
                !attempt.resend || attempt.status.is_open(),
                "payout {payout} may be sent again after its end"
            );
        }
        ensure!(standing <= 1, "payout {payout} has {standing} attempts that have not conclusively failed");
        ensure!(
            open == 0 || row.status == PayoutStatus::Processing,
            "payout {payout} is {} while an attempt may pay",
            row.status
        );
        ensure!(waiting == 0 || open == 1, "a late success of payout {payout} waits for nothing");
        ensure!(
            paid == u32::from(row.status == PayoutStatus::Completed),
            "payout {payout} is {} and {paid} of its attempts have paid it",
            row.status
        );
        ensure!(
            !row.refunded || row.status == PayoutStatus::Failed,
            "payout {payout} is refunded and {}",
            row.status
        );
        ensure!(
            !row.needs_attention || (row.status == PayoutStatus::Failed && row.next_attempt_at.is_none()),
            "payout {payout} needs attention and moves by itself"
        );
        ensure!(
            row.status != PayoutStatus::Failed
                || row.refunded
                || row.needs_attention
                || row.next_attempt_at.is_some(),
            "payout {payout} has failed and nobody does anything about it"
        );
        self.check_provider(row.provider)
    }

    /// Money is about to move again: whoever failed before was seen to have failed just now, and nothing else since. Said here
    /// once more, because what the rules say is what is tested.
    pub(super) fn check_proven(&self, payout: usize, now: DateTime<Utc>) -> Result<()> {
        const JUST_NOW: TimeDelta = TimeDelta::minutes(2);
        for attempt in &self.payouts[payout].attempts {
            let proven = match attempt.status {
                AttemptStatus::Failed => {
                    attempt.doubt.is_none()
                        && attempt.failed_seen_at.is_some_and(|seen| now - seen <= JUST_NOW)
                }
                AttemptStatus::Reversed => true,
                // Its money is owed.
                AttemptStatus::Succeeded => attempt.overpaid,
                AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => false,
            };
            ensure!(
                proven,
                "money of payout {payout} moves again and attempt {} was not seen to have failed just now",
                attempt.number.get()
            );
        }
        Ok(())
    }

    pub fn check_provider(&self, provider: usize) -> Result<()> {
        let (booked, earned) = (self.ledger.of_provider(provider), self.providers[provider].earned);
        ensure!(booked == earned, "provider {provider}: the accounts hold {booked} of {earned} earned");
        let (available, debt) =
            (self.ledger.of(Account::Available(provider)), self.ledger.of(Account::Debt(provider)));
        ensure!(available == 0 || debt == 0, "provider {provider} owes {debt} and has {available} available");
        Ok(())
    }

    /// Everything, earning by earning and payout by payout.
    pub fn check_books(&self) -> Result<()> {
        ensure!(self.ledger.sum() == 0, "the ledger's accounts do not add up to zero");
        for (at, provider) in self.providers.iter().enumerate() {
            self.check_provider(at)?;
            let mut free: Amount = 0;
            let mut reserved = 0;
            for earning in provider.earnings.iter().map(|earning| &self.earnings[*earning]) {
                free += earning.free();
                let open = earning.allocated - earning.paid - earning.recovered;
                ensure!(
                    earning.free() >= 0 && open >= 0 && earning.paid >= 0 && earning.recovered >= 0,
                    "provider {at}: {earning:?}"
                );
                reserved += open;
            }
            ensure!(
                free == self.ledger.of(Account::Available(at)),
                "provider {at}: {free} of the earnings is free"
            );
            ensure!(
                reserved == self.ledger.of(Account::Reserved(at)),
                "provider {at}: {reserved} of the earnings is reserved"
            );
            let mut held = 0;
            let mut paid_out = 0;
            for (payout, row) in provider.payouts.iter().map(|payout| (*payout, &self.payouts[*payout])) {
                self.check_payout(payout)?;
                let state = match row.status {
                    PayoutStatus::Requested | PayoutStatus::Approved | PayoutStatus::Processing => {
                        AllocationState::Reserved
                    }
                    PayoutStatus::Failed if !row.refunded => AllocationState::Reserved,
                    PayoutStatus::Failed | PayoutStatus::Rejected | PayoutStatus::Cancelled => {
                        AllocationState::Refunded
                    }
                    PayoutStatus::Completed => AllocationState::Paid,
                    PayoutStatus::Reversed => AllocationState::Returned,
                };
                let sum: Amount = row.allocations.iter().map(|allocation| allocation.amount).sum();
                ensure!(
                    sum == row.amount && row.allocations.iter().all(|allocation| allocation.state == state),
                    "payout {payout} is {} and its earnings are {:?}",
                    row.status,
                    row.allocations
                );
                held += if state == AllocationState::Reserved { row.amount } else { 0 };
                let overpaid = row
                    .attempts
                    .iter()
                    .filter(|attempt| attempt.overpaid && attempt.status == AttemptStatus::Succeeded)
                    .count();
                paid_out += if state == AllocationState::Paid { row.amount } else { 0 };
                paid_out += row.amount * Amount::try_from(overpaid).unwrap_or(Amount::MAX);
            }
            ensure!(
                held == self.ledger.of(Account::Reserved(at)),
                "provider {at}: {held} is reserved by payouts"
            );
            ensure!(
                paid_out == self.ledger.of(Account::PaidOut(at)),
                "provider {at}: payouts have paid out {paid_out}"
            );
        }
        Ok(())
    }
}
