//! Where money goes. These types cannot be printed by accident: `Debug` shows four digits, there is no `Display`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a bank account was refused before anyone was asked about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    /// NUBAN: the CBN's uniform account number has ten digits.
    #[error("a Nigerian account number (NUBAN) has exactly 10 digits")]
    AccountNumber,
    /// Commercial banks have 3-digit CBN codes, fintechs and microfinance banks 6-digit NIP codes.
    #[error("a bank code has 3 or 6 digits")]
    BankCode,
}

/// A NUBAN. The check digit is not enforced: fintech wallets use phone numbers and the gateway's own test accounts fail it;
/// the real check is the name enquiry.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountNumber(String);

impl AccountNumber {
    /// The ten digits, for the gateway and the database and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `******1234`, for people.
    pub fn masked(&self) -> String {
        format!("******{}", self.0.get(6..).unwrap_or_default())
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountNumber({})", self.masked())
    }
}

impl FromStr for AccountNumber {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        /// NUBAN length.
        const DIGITS: usize = 10;
        if text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAccount::AccountNumber)
        }
    }
}

impl TryFrom<String> for AccountNumber {
    type Error = InvalidAccount;
    fn try_from(text: String) -> Result<Self, InvalidAccount> {
        text.parse()
    }
}

impl From<AccountNumber> for String {
    fn from(number: AccountNumber) -> Self {
        number.0
    }
}

/// A bank's code in the gateway's list: 3 digits (CBN) or 6 (NIP).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BankCode(String);

impl BankCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BankCode {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        if matches!(text.len(), 3 | 6) && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAccount::BankCode)
        }
    }
}

impl TryFrom<String> for BankCode {
    type Error = InvalidAccount;
    fn try_from(text: String) -> Result<Self, InvalidAccount> {
        text.parse()
    }
}

impl From<BankCode> for String {
    fn from(code: BankCode) -> Self {
        code.0
    }
}

/// The name the bank answered for an account.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountName(String);

impl AccountName {
    /// Kept as the bank wrote it, cut at 140 characters (the longest name NIP carries is shorter).
    pub fn new(name: &str) -> Self {
        /// Longest name kept.
        const MAX_CHARS: usize = 140;
        Self(name.trim().chars().take(MAX_CHARS).collect())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked() {
        assert!("0690000032".parse::<AccountNumber>().is_ok());
        for wrong in ["", "069000003", "06900000321", "069000003a", "０６９０００００３２"] {
            assert_eq!(wrong.parse::<AccountNumber>(), Err(InvalidAccount::AccountNumber));
        }
        assert!("044".parse::<BankCode>().is_ok() && "100004".parse::<BankCode>().is_ok());
        for wrong in ["", "44", "0444", "04a"] {
            assert_eq!(wrong.parse::<BankCode>(), Err(InvalidAccount::BankCode));
        }
    }

    #[test]
    fn nothing_prints_the_number_or_the_name() {
        let number: AccountNumber = "0690000032".parse().unwrap();
        assert_eq!(format!("{number:?}"), "AccountNumber(******0032)");
        assert!(!format!("{:?}", AccountName::new("Ada Obi")).contains("Ada"));
    }
}
