//! `GET /api/provider/bank-accounts`

use poem_openapi::{Object, OpenApi, payload::Json};

use crate::{
    app::TheApp,
    auth::AsProvider,
    banks::BankNames,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
    shapes::BankAccount,
};

/// The accounts a provider can be paid to.
#[derive(Debug, Object)]
struct BankAccounts {
    /// Oldest first; ten at most.
    items: Vec<BankAccount>,
}

pub(crate) struct ListBankAccounts;

impl Refuses for ListBankAccounts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListBankAccounts {
    /// Your bank accounts
    ///
    /// The accounts in use, oldest first. Removed ones are not listed, but payouts that went to them still show them.
    #[oai(path = "/api/provider/bank-accounts", method = "get", operation_id = "listBankAccounts")]
    async fn list(&self, app: TheApp<'_>, caller: AsProvider) -> Result<Json<BankAccounts>, Refused<Self>> {
        let accounts = store::bank_accounts::list(&app.pool, caller.0).await?;
        let banks = BankNames::get(&app).await;
        let items = accounts.iter().map(|account| BankAccount::told(account, &banks)).collect();
        Ok(Json(BankAccounts { items }))
    }
}
