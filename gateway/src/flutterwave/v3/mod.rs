//! Flutterwave's v3 API, <https://developer.flutterwave.com/v3.0.0/docs>.
//!
//! Guarantee: the reference is the only key. v3 has no idempotency key; it refuses a second transfer under one reference, and
//! that is what keeps a send that is repeated by the caller from paying twice.
//!
//! Limits, each of the gateway: a reversal after SUCCESSFUL has no event and no status, so [`domain::Observed::Reversed`] never
//! comes from here; a retry that someone starts on its dashboard is another transfer, which is asked for before a failure is
//! believed.

mod account;
mod amounts;
mod classify;
mod client;
mod config;
mod envelope;
mod exchange;
mod listing;
mod lookup;
mod question;
mod record;
mod transfer;
mod wallet;

use std::fmt;

use async_trait::async_trait;
use chrono::NaiveDate;
use domain::{
    AccountName, AccountNumber, AttemptTerms, BankCode, Currency, Money, Observed, Reference, Submitted,
    reconcile::TransferPage,
};

use self::{client::Client, record::WireReference};
use crate::{Balance, Bank, LookUpFailed, PayoutGateway, ResolveFailed};

pub use config::{Config, InvalidConfig, KeyMode, SecretKey, TestSuffix};

/// The client. Cheap to share, made once: it holds the kept-alive connections.
pub struct FlutterwaveV3 {
    client: Client,
    suffix: Option<TestSuffix>,
}

impl FlutterwaveV3 {
    /// Installs `ring` as the process's TLS provider if there is none yet.
    pub fn new(config: Config) -> Result<Self, InvalidConfig> {
        Ok(Self { client: Client::new(&config)?, suffix: config.test_reference_suffix })
    }

    fn wire(&self, reference: &Reference) -> WireReference {
        WireReference::new(reference, self.suffix.as_ref())
    }
}

impl fmt::Debug for FlutterwaveV3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlutterwaveV3").finish_non_exhaustive()
    }
}

#[async_trait]
impl PayoutGateway for FlutterwaveV3 {
    async fn submit(&self, terms: &AttemptTerms) -> Submitted {
        transfer::submit(&self.client, terms, &self.wire(&terms.reference)).await
    }

    async fn observe(
        &self,
        reference: &Reference,
        gateway_id: Option<&str>,
    ) -> Result<Observed, LookUpFailed> {
        lookup::observe(&self.client, &self.wire(reference), gateway_id).await
    }

    async fn transfers(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        page: u32,
    ) -> Result<TransferPage, LookUpFailed> {
        listing::page(&self.client, self.suffix.as_ref(), from, to, page).await
    }

    async fn resolve_account(
        &self,
        bank: &BankCode,
        account: &AccountNumber,
    ) -> Result<AccountName, ResolveFailed> {
        account::resolve(&self.client, bank, account).await
    }

    async fn banks(&self) -> Result<Vec<Bank>, LookUpFailed> {
        account::banks(&self.client).await
    }

    async fn balance(&self, currency: Currency) -> Result<Balance, LookUpFailed> {
        wallet::balance(&self.client, currency).await
    }

    async fn fee_quote(&self, amount: Money) -> Result<Money, LookUpFailed> {
        wallet::fee_quote(&self.client, amount).await
    }
}
