//! The port to whoever moves the money, and its adapters.
//!
//! Guarantee: an answer of this crate never claims more than the gateway said. Whatever is not understood is
//! [`Submitted::Unknown`], [`Observed::Unrecognised`] or a [`LookUpFailed`], never a failure of the transfer.
//!
//! Cost: `submit` is one HTTP call; `observe` is one call by id and, when that does not settle it, a bounded number of pages.
//! Nothing here retries, sleeps, paces or remembers: that is for the caller, who has the database and the clock.
//!
//! Architecture invariant: no message, error or log line of this crate holds an account number, a person's name or a key.

mod failed;
pub mod flutterwave;
mod redact;
pub mod screening;
pub mod statement;
pub mod webhook;

use async_trait::async_trait;
use chrono::NaiveDate;
use domain::{
    AccountName, AccountNumber, AttemptTerms, BankCode, Currency, Money, Observed, Reference, Submitted,
    reconcile::TransferPage,
};

pub use failed::{LookUpClass, LookUpFailed, ResolveFailed};

/// What the system needs from a gateway. Deliberately absent: recipients, one-time codes, bulk calls, currency exchange and the
/// gateway's own retry endpoint (it makes transfers under references that are not ours).
#[async_trait]
pub trait PayoutGateway: Send + Sync + 'static {
    /// Asks the gateway to make the transfer: one HTTP call, never repeated here. The attempt must be stored before.
    async fn submit(&self, terms: &AttemptTerms) -> Submitted;

    /// What the gateway knows about an attempt: by its own id where we have one, else by our reference, compared exactly.
    ///
    /// `Err` means the gateway could not be asked; it says nothing about the transfer.
    async fn observe(
        &self,
        reference: &Reference,
        gateway_id: Option<&str>,
    ) -> Result<Observed, LookUpFailed>;

    /// One page, from 1, of everything the gateway has for these days (both included, in its own time zone), newest first. A
    /// list says where to look; it is no evidence.
    async fn transfers(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        page: u32,
    ) -> Result<TransferPage, LookUpFailed>;

    /// The name the bank has for an account.
    async fn resolve_account(
        &self,
        bank: &BankCode,
        account: &AccountNumber,
    ) -> Result<AccountName, ResolveFailed>;

    /// The banks that can be paid to.
    async fn banks(&self) -> Result<Vec<Bank>, LookUpFailed>;

    /// What the merchant's wallet holds.
    async fn balance(&self, currency: Currency) -> Result<Balance, LookUpFailed>;

    /// What the gateway says a transfer of this amount will cost. A quote: the actual fee comes with the outcome.
    async fn fee_quote(&self, amount: Money) -> Result<Money, LookUpFailed>;
}

/// A bank in the gateway's list. The same bank may be there twice, under its old code and its NIP code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    pub code: BankCode,
    pub name: String,
}

/// The merchant's wallet in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent now.
    pub available: Money,
    /// What is booked, with what is not yet settled.
    pub ledger: Money,
}
