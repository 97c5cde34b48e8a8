//! Whom payouts go to, for lists that people read: one read for a page.

use std::collections::BTreeMap;

use domain::{AccountName, AccountNumber, BankCode, PayoutId};

use crate::{Error, Pool, Result};

/// The provider and the account of one payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    pub provider_name: String,
    pub provider_external_id: String,
    pub bank: BankCode,
    pub account: AccountNumber,
    pub account_name: AccountName,
}

pub async fn payees(pool: &Pool, payouts: &[PayoutId]) -> Result<BTreeMap<PayoutId, Payee>> {
    let ids: Vec<uuid::Uuid> = payouts.iter().copied().map(PayoutId::uuid).collect();
    let rows = sqlx::query!(
        "SELECT p.id, v.display_name, v.external_id, b.bank_code, b.account_number, b.account_name
         FROM payouts p JOIN providers v ON v.id = p.provider_id JOIN bank_accounts b ON b.id = p.bank_account_id
         WHERE p.id = ANY($1)",
        &ids,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let payee = Payee {
                provider_name: row.display_name,
                provider_external_id: row.external_id,
                bank: row.bank_code.parse().map_err(Error::corrupt)?,
                account: row.account_number.parse().map_err(Error::corrupt)?,
                account_name: AccountName::new(&row.account_name),
            };
            Ok((PayoutId::from_uuid(row.id), payee))
        })
        .collect()
}
