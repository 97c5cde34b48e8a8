//! A bank account without its number: the last four digits are enough to recognise it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

/// Where a provider is paid.
#[derive(Debug, Clone, Object)]
pub(crate) struct BankAccount {
    /// Names the account in payout requests.
    pub id: Uuid,
    /// The bank's code in `GET /api/provider/banks`.
    pub bank_code: String,
    /// The number with all but its last four digits hidden.
    pub account_number: String,
    /// The holder's name as the bank answered it.
    pub account_name: String,
    /// The currency it takes (ISO 4217).
    pub currency: String,
    /// When it was added (UTC).
    pub created_at: DateTime<Utc>,
    /// From when it can be paid to. A provider's first account has no wait.
    pub usable_from: DateTime<Utc>,
}

impl From<&store::bank_accounts::BankAccount> for BankAccount {
    fn from(account: &store::bank_accounts::BankAccount) -> Self {
        Self {
            id: account.id.uuid(),
            bank_code: account.bank.as_str().to_owned(),
            account_number: account.number.masked(),
            account_name: account.name.expose().to_owned(),
            currency: account.currency.code().to_owned(),
            created_at: account.created_at,
            usable_from: account.usable_from,
        }
    }
}

/// The account a payout goes to.
#[derive(Debug, Clone, Object)]
pub(crate) struct BankAccountBrief {
    /// The account's id.
    pub id: Uuid,
    /// The bank's code in `GET /api/provider/banks`.
    pub bank_code: String,
    /// The number with all but its last four digits hidden.
    pub account_number: String,
    /// The holder's name as the bank answered it.
    pub account_name: String,
}

impl From<&store::bank_accounts::BankAccount> for BankAccountBrief {
    fn from(account: &store::bank_accounts::BankAccount) -> Self {
        Self {
            id: account.id.uuid(),
            bank_code: account.bank.as_str().to_owned(),
            account_number: account.number.masked(),
            account_name: account.name.expose().to_owned(),
        }
    }
}
