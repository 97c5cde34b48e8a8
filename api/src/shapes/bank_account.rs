//! A bank account without its number: the last four digits are enough to recognise it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use store::bank_accounts::AccountPause;
use uuid::Uuid;

use crate::banks::BankNames;

/// Where a provider is paid.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct BankAccount {
    /// Names the account in payout requests.
    pub id: Uuid,
    /// The bank's code in `GET /api/provider/banks`.
    pub bank_code: String,
    /// What people call the bank. Absent while the gateway's list cannot be had.
    pub bank_name: Option<String>,
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
    /// Why nothing is sent to it for the moment, for programs: `check_account` (payout after payout to it failed; the provider
    /// is asked to check it) or `paused`. Absent while it is in use.
    pub paused: Option<String>,
    /// The same as a sentence.
    pub paused_detail: Option<String>,
}

impl BankAccount {
    pub(crate) fn told(account: &store::bank_accounts::BankAccount, banks: &BankNames) -> Self {
        Self {
            id: account.id.uuid(),
            bank_code: account.bank.as_str().to_owned(),
            bank_name: banks.of(&account.bank),
            account_number: account.number.masked(),
            account_name: account.name.expose().to_owned(),
            currency: account.currency.code().to_owned(),
            created_at: account.created_at,
            usable_from: account.usable_from,
            paused: account.pause.map(|pause| pause_code(pause).to_owned()),
            paused_detail: account.pause.map(|pause| pause_words(pause).to_owned()),
        }
    }
}

fn pause_code(pause: AccountPause) -> &'static str {
    match pause {
        AccountPause::Failing => "check_account",
        AccountPause::ByAdmin => "paused",
    }
}

fn pause_words(pause: AccountPause) -> &'static str {
    match pause {
        AccountPause::Failing => {
            "Several payouts in a row to this account could not be made. Check it with your bank and tell us, or remove it and add \
             another."
        }
        AccountPause::ByAdmin => "Nothing is sent to this account for the moment. Your money stays yours.",
    }
}

/// The account a payout goes to.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct BankAccountBrief {
    /// The account's id.
    pub id: Uuid,
    /// The bank's code in `GET /api/provider/banks`.
    pub bank_code: String,
    /// What people call the bank. Absent while the gateway's list cannot be had.
    pub bank_name: Option<String>,
    /// The number with all but its last four digits hidden.
    pub account_number: String,
    /// The holder's name as the bank answered it.
    pub account_name: String,
}

impl BankAccountBrief {
    pub(crate) fn told(account: &store::bank_accounts::BankAccount, banks: &BankNames) -> Self {
        Self {
            id: account.id.uuid(),
            bank_code: account.bank.as_str().to_owned(),
            bank_name: banks.of(&account.bank),
            account_number: account.number.masked(),
            account_name: account.name.expose().to_owned(),
        }
    }
}
