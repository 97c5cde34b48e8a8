//! The Nigerian banks the simulator knows, and which of their accounts can be paid.
//!
//! Codes are strings: three digits for commercial banks, six for fintechs and microfinance banks. As in the real
//! list, some banks stand in it twice, and their `0000xx` entries do not resolve.

/// <https://developer.flutterwave.com/v3.0.0/docs/testing>
pub(crate) const BLACKLISTED: &str = "Payout was made to a blacklisted account number";
pub(crate) const UNKNOWN_BANK: &str = "Unknown Bank Code";
pub(crate) const INVALID_ACCOUNT: &str = "Sorry, that account number is invalid, please check and try again";

const ACCESS_BANK: &str = "044";
const BLACKLISTED_ACCOUNT: &str = "0690000036";
const ACCOUNT_DIGITS: usize = 10;
/// The prefix of the entries that are listed but do not resolve.
const DEAD_PREFIX: &str = "0000";

pub(crate) struct Bank {
    pub(crate) id: u32,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
}

const fn bank(id: u32, code: &'static str, name: &'static str) -> Bank {
    Bank { id, code, name }
}

pub(crate) const BANKS: [Bank; 44] = [
    bank(132, "044", "Access Bank"),
    bank(133, "063", "Access Bank (Diamond)"),
    bank(134, "050", "Ecobank Nigeria"),
    bank(135, "070", "Fidelity Bank"),
    bank(137, "011", "First Bank of Nigeria"),
    bank(138, "214", "First City Monument Bank"),
    bank(139, "103", "Globus Bank"),
    bank(140, "058", "Guaranty Trust Bank"),
    bank(141, "301", "Jaiz Bank"),
    bank(142, "082", "Keystone Bank"),
    bank(143, "303", "Lotus Bank"),
    bank(144, "107", "Optimus Bank"),
    bank(145, "526", "Parallex Bank"),
    bank(146, "076", "Polaris Bank"),
    bank(147, "105", "PremiumTrust Bank"),
    bank(148, "101", "Providus Bank"),
    bank(149, "106", "Signature Bank"),
    bank(150, "221", "Stanbic IBTC Bank"),
    bank(151, "068", "Standard Chartered Bank"),
    bank(152, "232", "Sterling Bank"),
    bank(153, "100", "SunTrust Bank"),
    bank(154, "302", "TAJ Bank"),
    bank(155, "102", "Titan Trust Bank"),
    bank(156, "032", "Union Bank of Nigeria"),
    bank(157, "033", "United Bank for Africa"),
    bank(158, "215", "Unity Bank"),
    bank(159, "035", "Wema Bank"),
    bank(160, "057", "Zenith Bank"),
    bank(161, "023", "Citibank Nigeria"),
    bank(162, "559", "Coronation Merchant Bank"),
    bank(480, "100004", "OPay"),
    bank(481, "100033", "PalmPay"),
    bank(482, "090405", "Moniepoint MFB"),
    bank(483, "090267", "Kuda Microfinance Bank"),
    bank(484, "100002", "Paga"),
    bank(485, "090110", "VFD Microfinance Bank"),
    bank(486, "120001", "9 Payment Service Bank"),
    bank(487, "120003", "MoMo Payment Service Bank"),
    bank(488, "090286", "Safe Haven Microfinance Bank"),
    bank(601, "000014", "Access Bank"),
    bank(602, "000016", "First Bank of Nigeria"),
    bank(603, "000013", "Guaranty Trust Bank"),
    bank(604, "000004", "United Bank for Africa"),
    bank(605, "000015", "Zenith Bank"),
];

fn by_code(code: &str) -> Option<&'static Bank> {
    BANKS.iter().find(|bank| bank.code == code)
}

/// The name as a transfer shows it.
pub(crate) fn transfer_name(code: &str) -> String {
    match code {
        ACCESS_BANK => "ACCESS BANK NIGERIA".to_owned(),
        "011" => "FIRST BANK PLC".to_owned(),
        _ => by_code(code).map_or_else(|| "FA-BANK".to_owned(), |bank| bank.name.to_uppercase()),
    }
}

/// Whether a transfer to this account is taken on; the error is the API's message.
pub(crate) fn check_payable(bank_code: &str, account_number: &str) -> Result<(), &'static str> {
    if by_code(bank_code).is_none() {
        return Err(UNKNOWN_BANK);
    }
    if bank_code == ACCESS_BANK && account_number == BLACKLISTED_ACCOUNT {
        return Err(BLACKLISTED);
    }
    if is_account_number(account_number) { Ok(()) } else { Err(INVALID_ACCOUNT) }
}

/// Whether the account can be resolved to a name; the error is the API's message.
pub(crate) fn check_resolvable(bank_code: &str, account_number: &str) -> Result<(), &'static str> {
    if by_code(bank_code).is_none() || bank_code.starts_with(DEAD_PREFIX) {
        return Err(UNKNOWN_BANK);
    }
    if is_account_number(account_number) { Ok(()) } else { Err(INVALID_ACCOUNT) }
}

/// Ten digits. The check digit is left alone: the gateway's own test accounts do not pass it.
fn is_account_number(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_codes_are_unique() {
        for (n, bank) in BANKS.iter().enumerate() {
            let same = |other: &Bank| other.code == bank.code || other.id == bank.id;
            assert!(!BANKS[n.saturating_add(1)..].iter().any(same), "{}", bank.code);
        }
    }

    #[test]
    fn accounts_are_refused_for_the_documented_reasons() {
        assert_eq!(check_payable("044", "0690000036"), Err(BLACKLISTED));
        assert_eq!(check_payable("058", "0690000036"), Ok(()));
        assert_eq!(check_payable("999", "0690000040"), Err(UNKNOWN_BANK));
        assert_eq!(check_payable("044", "069000004"), Err(INVALID_ACCOUNT));
        assert_eq!(check_resolvable("000014", "0690000040"), Err(UNKNOWN_BANK));
        assert_eq!(check_resolvable("044", "069000004x"), Err(INVALID_ACCOUNT));
        assert_eq!(check_resolvable("100004", "8012345678"), Ok(()));
    }
}
