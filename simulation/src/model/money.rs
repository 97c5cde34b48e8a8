//! Earnings, reservations, debt, and every posting.

use super::{Account, Allocation, AllocationState, Amount, Earning, Model, Result, ensure};
use crate::coverage::Mark;

/// What became of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjusted {
    /// A new earning.
    Credit,
    /// Taken from what is free, the rest is debt.
    Clawback,
}

impl Earning {
    pub fn free(&self) -> Amount {
        self.amount - self.allocated
    }
}

impl Model {
    pub fn earn(&mut self, provider: usize, amount: Amount) -> Result<usize> {
        let earning = self.add_earning(provider, amount);
        let lines = [(Account::Available(provider), amount), (Account::Obligations, -amount)];
        self.ledger.post("earned", &lines)?;
        self.recover_debt(provider, None)?;
        Ok(earning)
    }

    fn add_earning(&mut self, provider: usize, amount: Amount) -> usize {
        let earning = self.earnings.len();
        self.earnings.push(Earning { provider, amount, allocated: 0, paid: 0, recovered: 0 });
        self.providers[provider].earnings.push(earning);
        self.providers[provider].earned += amount;
        earning
    }

    /// A correction of what was earned: more is a new earning, less becomes debt that is recovered at once from what is free,
    /// from that earning first.
    pub fn adjust(&mut self, earning: usize, by: Amount) -> Result<Adjusted> {
        let provider = self.earnings[earning].provider;
        if by >= 0 {
            self.add_earning(provider, by);
            let lines = [(Account::Available(provider), by), (Account::Obligations, -by)];
            self.ledger.post("adjusted", &lines)?;
            self.recover_debt(provider, None)?;
            return Ok(Adjusted::Credit);
        }
        self.providers[provider].earned += by;
        self.ledger.post("adjusted", &[(Account::Obligations, -by), (Account::Debt(provider), by)])?;
        self.recover_debt(provider, Some(earning))?;
        self.coverage.mark(Mark::ClawedBack);
        Ok(Adjusted::Clawback)
    }

    /// Finance puts money into the gateway's wallet.
    pub fn fund_wallet(&mut self, amount: Amount) -> Result<()> {
        let lines = [(Account::GatewayWallet, amount), (Account::Suspense, -amount)];
        self.ledger.post("wallet_funded", &lines)
    }

    pub(super) fn reserve(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let lines = [(Account::Available(provider), -amount), (Account::Reserved(provider), amount)];
        self.ledger.post("reserved", &lines)?;
        let mut wanted = amount;
        for earning in &self.providers[provider].earnings {
            let row = &mut self.earnings[*earning];
            let part = row.free().min(wanted);
            if part > 0 {
                row.allocated += part;
                wanted -= part;
                let state = AllocationState::Reserved;
                self.payouts[payout].allocations.push(Allocation { earning: *earning, amount: part, state });
            }
            if wanted == 0 {
                return Ok(());
            }
        }
        super::broken(format!("earnings lack {wanted} of payout {payout}, the ledger had enough"))
    }

    /// The reservation goes back to the balance.
    pub(super) fn release(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let lines = [(Account::Available(provider), amount), (Account::Reserved(provider), -amount)];
        self.ledger.post("refunded", &lines)?;
        self.move_allocations(payout, AllocationState::Reserved, AllocationState::Refunded)?;
        self.recover_debt(provider, None)
    }

    /// The reservation has been paid.
    pub(super) fn pay(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let lines = [
            (Account::Reserved(provider), -amount),
            (Account::PaidOut(provider), amount),
            (Account::GatewayWallet, -amount),
            (Account::Clearing, amount),
        ];
        self.ledger.post("paid", &lines)?;
        self.move_allocations(payout, AllocationState::Reserved, AllocationState::Paid)
    }

    /// Once for each transfer that paid, at the first answer that tells it.
    pub(super) fn book_fee(&mut self, payout: usize, attempt: usize, fee: Amount) -> Result<()> {
        let row = &mut self.payouts[payout].attempts[attempt];
        ensure!(
            !row.fee_booked,
            "the fee of attempt {} of payout {payout} is booked twice",
            row.number.get()
        );
        row.fee_booked = true;
        self.ledger.post("fee", &[(Account::GatewayWallet, -fee), (Account::GatewayFees, fee)])
    }

    /// The money went twice: the excess is debt, recovered at once from what is available.
    pub(super) fn book_overpaid(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let lines = [
            (Account::PaidOut(provider), amount),
            (Account::Debt(provider), -amount),
            (Account::GatewayWallet, -amount),
            (Account::Clearing, amount),
        ];
        self.ledger.post("overpaid", &lines)?;
        self.recover_debt(provider, None)
    }

    /// What was paid came back.
    pub(super) fn book_returned(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let lines = [
            (Account::PaidOut(provider), -amount),
            (Account::Available(provider), amount),
            (Account::GatewayWallet, amount),
            (Account::Clearing, -amount),
        ];
        self.ledger.post("reversed", &lines)?;
        self.move_allocations(payout, AllocationState::Paid, AllocationState::Returned)?;
        self.recover_debt(provider, None)
    }

    /// What was paid too much came back: first what is still owed, the rest is given back.
    pub(super) fn book_overpaid_returned(&mut self, payout: usize) -> Result<()> {
        let (provider, amount) = (self.payouts[payout].provider, self.payouts[payout].amount);
        let owed = amount.min(-self.ledger.of(Account::Debt(provider)));
        let rest = amount - owed;
        let lines = [
            (Account::PaidOut(provider), -amount),
            (Account::Debt(provider), owed),
            (Account::Available(provider), rest),
            (Account::GatewayWallet, amount),
            (Account::Clearing, -amount),
        ];
        self.ledger.post("reversed", &lines)?;
        let mut wanted = rest;
        while wanted > 0 {
            let Some((earning, recovered)) = self.providers[provider].recoveries.pop() else {
                return super::broken(format!(
                    "provider {provider} gets back {wanted} that was never recovered"
                ));
            };
            let part = recovered.min(wanted);
            wanted -= part;
            let row = &mut self.earnings[earning];
            row.recovered -= part;
            row.allocated -= part;
            if part < recovered {
                self.providers[provider].recoveries.push((earning, recovered - part));
            }
        }
        Ok(())
    }

    fn move_allocations(&mut self, payout: usize, from: AllocationState, to: AllocationState) -> Result<()> {
        let row = &mut self.payouts[payout];
        let mut moved = 0;
        for allocation in row.allocations.iter_mut().filter(|allocation| allocation.state == from) {
            allocation.state = to;
            moved += allocation.amount;
            let earning = &mut self.earnings[allocation.earning];
            match to {
                AllocationState::Reserved => {}
                AllocationState::Paid => earning.paid += allocation.amount,
                AllocationState::Refunded => earning.allocated -= allocation.amount,
                AllocationState::Returned => {
                    earning.paid -= allocation.amount;
                    earning.allocated -= allocation.amount;
                }
            }
        }
        ensure!(moved == row.amount, "payout {payout} of {} had {moved} {from:?}", row.amount);
        Ok(())
    }

    /// Takes what is owed from what is free: from `first`, then oldest first.
    fn recover_debt(&mut self, provider: usize, first: Option<usize>) -> Result<()> {
        let owed = -self.ledger.of(Account::Debt(provider));
        let total = owed.min(self.ledger.of(Account::Available(provider)));
        if total <= 0 {
            return Ok(());
        }
        let lines = [(Account::Available(provider), -total), (Account::Debt(provider), total)];
        self.ledger.post("debt_recovered", &lines)?;
        self.coverage.mark(Mark::DebtRecovered);
        let mut wanted = total;
        for at in 0..=self.providers[provider].earnings.len() {
            let earning = match (at, first) {
                (0, Some(first)) => first,
                (0, None) => continue,
                (at, _) => self.providers[provider].earnings[at - 1],
            };
            let row = &mut self.earnings[earning];
            let part = row.free().min(wanted);
            if part > 0 {
                row.allocated += part;
                row.recovered += part;
                wanted -= part;
                self.providers[provider].recoveries.push((earning, part));
            }
            if wanted == 0 {
                return Ok(());
            }
        }
        super::broken(format!(
            "earnings lack {wanted} of what provider {provider} owes, the ledger had enough"
        ))
    }
}
