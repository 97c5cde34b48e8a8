//! What a refusal means and who can mend it: one table.
//!
//! Source of the messages: the gateway's own documents and captured answers (Flutterwave,
//! <https://developer.flutterwave.com/docs/integration-guides/errors>). A message that matches no row is a conclusive failure
//! with the class [`FailureClass::Retry`] when *observed* as failed, and proves nothing when it is the answer to a send.

use serde::{Deserialize, Serialize};

/// Why an attempt did not pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    AccountInvalid,
    AccountBlacklisted,
    BankUnknown,
    BeneficiaryNameMissing,
    WalletEmpty,
    MerchantRestricted,
    MerchantDailyLimit,
    AmountLimit,
    AmountTooSmall,
    BankUnavailable,
    /// Two finance admins have attested that it did not pay.
    AttestedUnpaid,
    /// Recorded, never sent, and not needed any more.
    Withdrawn,
    /// Refused for a reason this table does not know.
    Other,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Trying again may mend it: counted, retried on the schedule.
    Retry,
    /// Only the provider can mend it, with another account.
    NeedsProvider,
    /// Only finance can mend it (an empty wallet, a limit of ours): not the payout's failure.
    NeedsFinance,
    /// Nothing mends it.
    Permanent,
}

/// A conclusive failure: what it was, what it means, and what the gateway said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    /// The gateway's words, cut at 200 characters.
    pub message: String,
}

/// Lower-case fragment of the gateway's message, and what it means. First match wins.
const TABLE: [(&str, FailureCode); 17] = [
    ("blacklisted account", FailureCode::AccountBlacklisted),
    ("account number is invalid", FailureCode::AccountInvalid),
    ("invalid account", FailureCode::AccountInvalid),
    ("account resolve failed", FailureCode::AccountInvalid),
    ("account closed", FailureCode::AccountInvalid),
    ("unable to obtain user details", FailureCode::AccountInvalid),
    ("unknown bank code", FailureCode::BankUnknown),
    ("invalid bank", FailureCode::BankUnknown),
    ("beneficiary_name is required", FailureCode::BeneficiaryNameMissing),
    ("insufficient", FailureCode::WalletEmpty),
    ("wallet currently restricted", FailureCode::MerchantRestricted),
    ("you have exceeded your daily", FailureCode::MerchantDailyLimit),
    ("you can only spend", FailureCode::AmountLimit),
    ("amount exceeds", FailureCode::AmountLimit),
    ("amount should be", FailureCode::AmountTooSmall),
    ("minimum amount", FailureCode::AmountTooSmall),
    ("bank is not available", FailureCode::BankUnavailable),
];

impl Failure {
    /// What a failed transfer's message means.
    pub fn observed(message: &str) -> Self {
        Self { code: look_up(message).unwrap_or(FailureCode::Other), message: cut(message) }
    }

    /// What a refusal of a send means, `None` unless the answer is a known one: an unknown refusal proves nothing.
    pub fn known_refusal(message: &str) -> Option<Self> {
        Some(Self { code: look_up(message)?, message: cut(message) })
    }

    /// Two finance admins say that it did not pay.
    pub fn attested() -> Self {
        Self { code: FailureCode::AttestedUnpaid, message: "attested by two finance admins".to_owned() }
    }

    pub fn class(&self) -> FailureClass {
        self.code.class()
    }
}

impl FailureCode {
    pub const ALL: [Self; 13] = [
        Self::AccountInvalid,
        Self::AccountBlacklisted,
        Self::BankUnknown,
        Self::BeneficiaryNameMissing,
        Self::WalletEmpty,
        Self::MerchantRestricted,
        Self::MerchantDailyLimit,
        Self::AmountLimit,
        Self::AmountTooSmall,
        Self::BankUnavailable,
        Self::AttestedUnpaid,
        Self::Withdrawn,
        Self::Other,
    ];

    /// Whether giving another account may mend it. What is the marketplace's to mend, or for a person to judge, it does not.
    pub fn another_account_helps(self) -> bool {
        match self {
            Self::AccountInvalid
            | Self::AccountBlacklisted
            | Self::BankUnknown
            | Self::BeneficiaryNameMissing
            | Self::BankUnavailable => true,
            Self::WalletEmpty
            | Self::MerchantRestricted
            | Self::MerchantDailyLimit
            | Self::AmountLimit
            | Self::AmountTooSmall
            | Self::AttestedUnpaid
            | Self::Withdrawn
            | Self::Other => false,
        }
    }

    pub fn class(self) -> FailureClass {
        match self {
            Self::AccountInvalid | Self::BankUnknown | Self::BeneficiaryNameMissing => {
                FailureClass::NeedsProvider
            }
            // Nothing is tried again by itself after people had to say how an attempt ended.
            Self::AccountBlacklisted
            | Self::AmountLimit
            | Self::AmountTooSmall
            | Self::AttestedUnpaid
            | Self::Withdrawn => FailureClass::Permanent,
            Self::WalletEmpty | Self::MerchantRestricted | Self::MerchantDailyLimit => {
                FailureClass::NeedsFinance
            }
            Self::BankUnavailable | Self::Other => FailureClass::Retry,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountInvalid => "account_invalid",
            Self::AccountBlacklisted => "account_blacklisted",
            Self::BankUnknown => "bank_unknown",
            Self::BeneficiaryNameMissing => "beneficiary_name_missing",
            Self::WalletEmpty => "wallet_empty",
            Self::MerchantRestricted => "merchant_restricted",
            Self::MerchantDailyLimit => "merchant_daily_limit",
            Self::AmountLimit => "amount_limit",
            Self::AmountTooSmall => "amount_too_small",
            Self::BankUnavailable => "bank_unavailable",
            Self::AttestedUnpaid => "attested_unpaid",
            Self::Withdrawn => "withdrawn",
            Self::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// What the provider is told, and what they can do.
    pub fn words(self) -> &'static str {
        match self {
            Self::AccountInvalid => "The bank does not know this account. Check it, or give another one.",
            Self::AccountBlacklisted => "The bank refuses transfers to this account. Give another one.",
            Self::BankUnknown => "The bank cannot be reached under this code. Choose the bank again.",
            Self::BeneficiaryNameMissing => {
                "The bank asks for the account holder's name. Give the account again."
            }
            Self::WalletEmpty => {
                "We are topping up our payout account; your money is reserved and will be sent."
            }
            Self::MerchantRestricted | Self::MerchantDailyLimit => {
                "Our payout account has met a limit; your money is reserved and will be sent."
            }
            Self::AmountLimit => "The bank does not take an amount this large at once.",
            Self::AmountTooSmall => "The bank does not take an amount this small.",
            Self::BankUnavailable => "The bank is not available just now.",
            Self::AttestedUnpaid => {
                "The transfer did not reach the bank. We will send it again or give it back."
            }
            Self::Withdrawn => "The transfer was taken back before it was sent.",
            Self::Other => "The bank refused the transfer without saying why.",
        }
    }
}

fn look_up(message: &str) -> Option<FailureCode> {
    let message = message.to_lowercase();
    TABLE.iter().find(|(fragment, _)| message.contains(fragment)).map(|(_, code)| *code)
}

fn cut(message: &str) -> String {
    /// Enough for every documented message.
    const MAX_CHARS: usize = 200;
    message.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_messages_have_their_class() {
        for (message, code, class) in [
            (
                "DISBURSE FAILED: Insufficient funds in customer wallet",
                "wallet_empty",
                FailureClass::NeedsFinance,
            ),
            ("DISBURSE FAILED: Insufficient funds", "wallet_empty", FailureClass::NeedsFinance),
            (
                "Payout was made to a blacklisted account number",
                "account_blacklisted",
                FailureClass::Permanent,
            ),
            (
                "Sorry, that account number is invalid, please check and try again",
                "account_invalid",
                FailureClass::NeedsProvider,
            ),
            ("DISBURSE FAILED: Transfer failed. Please contact support", "other", FailureClass::Retry),
            (
                "DISBURSE FAILED: You have exceeded your daily limit for this product",
                "merchant_daily_limit",
                FailureClass::NeedsFinance,
            ),
            ("Unknown Bank Code", "bank_unknown", FailureClass::NeedsProvider),
        ] {
            let failure = Failure::observed(message);
            assert_eq!((failure.code.as_str(), failure.class()), (code, class), "{message}");
        }
    }

    #[test]
    fn an_unknown_refusal_is_no_proof() {
        assert_eq!(Failure::known_refusal("Something new happened"), None);
        assert!(Failure::known_refusal("Unknown Bank Code").is_some());
    }

    #[test]
    fn codes_read_back() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::parse(code.as_str()), Some(code));
        }
    }
}
