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

/// Banks with a code of either kind: the CBN's of 3 digits, and the NIP's of 6 under which an answer may name the same bank.
/// Source: the institution codes of NIBSS's `FinancialInstitutionListRequest` (31 March 2021), each name looked up in
/// <https://pypi.org/project/banklist-ng/> 0.0.1, which has both codes.
const BY_EITHER_CODE: [(&str, &str); 25] = [
    ("232", "000001"),
    ("082", "000002"),
    ("214", "000003"),
    ("033", "000004"),
    ("063", "000005"),
    ("301", "000006"),
    ("070", "000007"),
    ("076", "000008"),
    ("023", "000009"),
    ("050", "000010"),
    ("215", "000011"),
    ("221", "000012"),
    ("058", "000013"),
    ("044", "000014"),
    ("057", "000015"),
    ("011", "000016"),
    ("035", "000017"),
    ("032", "000018"),
    ("030", "000020"),
    ("068", "000021"),
    ("100", "000022"),
    ("101", "000023"),
    ("102", "000025"),
    ("302", "000026"),
    ("103", "000027"),
];

impl BankCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `told`, which somebody else wrote, names this bank: zeros in front may be lost or added (`44`, `0044`), and a bank
    /// of the CBN's list may be called by its NIP code. Words that are no code name no bank.
    pub fn is_told_as(&self, told: &str) -> bool {
        canonical(&self.0).is_some_and(|ours| canonical(told).is_some_and(|theirs| ours == theirs))
    }
}

/// 3 digits wherever the bank has such a code, else the 6 of its NIP code.
fn canonical(code: &str) -> Option<String> {
    const CBN_DIGITS: usize = 3;
    const NIP_DIGITS: usize = 6;
    let code = code.trim();
    if code.is_empty() || code.len() > NIP_DIGITS || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if code.len() == NIP_DIGITS {
        let known = BY_EITHER_CODE.iter().find(|(_, nip)| *nip == code);
        return Some(known.map_or(code, |(cbn, _)| cbn).to_owned());
    }
    let digits = code.trim_start_matches('0');
    Some(format!("{digits:0>CBN_DIGITS$}"))
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
    fn a_bank_is_known_by_each_of_its_codes() {
        let is = |ours: &str, told: &str| ours.parse::<BankCode>().unwrap().is_told_as(told);
        for (ours, told) in [
            ("044", "044"),
            ("044", "44"),
            ("044", "00044"),
            ("044", "000014"),
            ("000014", "044"),
            ("100004", "100004"),
        ] {
            assert!(is(ours, told), "{ours} {told}");
        }
        for (ours, told) in [
            ("044", "440"),
            ("044", "000015"),
            ("014", "000014"),
            ("044", "Access Bank"),
            ("044", ""),
            ("100", "100004"),
        ] {
            assert!(!is(ours, told), "{ours} {told}");
        }
        let mut codes: Vec<&str> = BY_EITHER_CODE.iter().flat_map(|(cbn, nip)| [*cbn, *nip]).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 2 * BY_EITHER_CODE.len());
    }

    #[test]
    fn nothing_prints_the_number_or_the_name() {
        let number: AccountNumber = "0690000032".parse().unwrap();
        assert_eq!(format!("{number:?}"), "AccountNumber(******0032)");
        assert!(!format!("{:?}", AccountName::new("Ada Obi")).contains("Ada"));
    }
}
