//! Double entry: the same accounts and postings as the store's.

use super::{Amount, Result, ensure};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    Available(usize),
    Reserved(usize),
    PaidOut(usize),
    /// Zero or less.
    Debt(usize),
    Obligations,
    GatewayWallet,
    GatewayFees,
    Clearing,
    Suspense,
}

#[derive(Debug, Default)]
pub struct Ledger {
    /// Available, reserved, paid out, debt.
    providers: Vec<[Amount; 4]>,
    /// Obligations, wallet, fees, clearing, suspense.
    own: [Amount; 5],
    pub postings: u64,
}

impl Ledger {
    pub(super) fn open(&mut self, provider: usize) {
        debug_assert_eq!(self.providers.len(), provider);
        self.providers.push([0; 4]);
    }

    pub fn of(&self, account: Account) -> Amount {
        match account {
            Account::Available(provider) => self.providers[provider][0],
            Account::Reserved(provider) => self.providers[provider][1],
            Account::PaidOut(provider) => self.providers[provider][2],
            Account::Debt(provider) => self.providers[provider][3],
            Account::Obligations => self.own[0],
            Account::GatewayWallet => self.own[1],
            Account::GatewayFees => self.own[2],
            Account::Clearing => self.own[3],
            Account::Suspense => self.own[4],
        }
    }

    /// All accounts together.
    pub(super) fn sum(&self) -> Amount {
        self.providers.iter().flatten().chain(&self.own).sum()
    }

    /// Available, reserved, paid out and debt of a provider together.
    pub(super) fn of_provider(&self, provider: usize) -> Amount {
        self.providers[provider].iter().sum()
    }

    pub(super) fn post(&mut self, kind: &str, lines: &[(Account, Amount)]) -> Result<()> {
        self.postings += 1;
        ensure!(
            lines.iter().map(|(_, amount)| amount).sum::<Amount>() == 0,
            "posting {kind} does not balance"
        );
        for (account, amount) in lines {
            let (slot, least, most) = match *account {
                Account::Available(provider) => (&mut self.providers[provider][0], 0, Amount::MAX),
                Account::Reserved(provider) => (&mut self.providers[provider][1], 0, Amount::MAX),
                Account::PaidOut(provider) => (&mut self.providers[provider][2], 0, Amount::MAX),
                Account::Debt(provider) => (&mut self.providers[provider][3], Amount::MIN, 0),
                Account::Obligations => (&mut self.own[0], Amount::MIN, Amount::MAX),
                Account::GatewayWallet => (&mut self.own[1], Amount::MIN, Amount::MAX),
                Account::GatewayFees => (&mut self.own[2], Amount::MIN, Amount::MAX),
                Account::Clearing => (&mut self.own[3], Amount::MIN, Amount::MAX),
                Account::Suspense => (&mut self.own[4], Amount::MIN, Amount::MAX),
            };
            *slot += amount;
            ensure!((least..=most).contains(slot), "posting {kind} leaves {account:?} at {slot}");
        }
        Ok(())
    }
}
