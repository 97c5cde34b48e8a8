//! Exact money: JSON number tokens to decimals and back, and the gateway's fee table.
//!
//! Guarantees: no amount is ever a float on its way in, through the books or out. The token is taken from the
//! raw JSON text, and written back as the shortest number that is exactly the same. `arbitrary_precision` is not
//! used: it would change `serde_json::Value` for every crate built together with this one.

use rust_decimal::Decimal;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Above any transfer the gateway takes, and small enough that a year's books cannot overflow a decimal.
const LARGEST_AMOUNT: Decimal = Decimal::from_parts(1_215_752_192, 23, 0, false, 0); // 100,000,000,000

/// Naira have kobo; what the gateway does with a finer amount is not known, so it is refused.
const AMOUNT_DECIMALS: u32 = 2;

const FEE_BOUNDS: [(Decimal, Decimal); 2] = [
    (Decimal::from_parts(5_000, 0, 0, false, 0), Decimal::from_parts(1_075, 0, 0, false, 2)), // 10.75
    (Decimal::from_parts(50_000, 0, 0, false, 0), Decimal::from_parts(26_875, 0, 0, false, 3)), // 26.875
];
const HIGHEST_FEE: Decimal = Decimal::from_parts(5_375, 0, 0, false, 2); // 53.75

/// The electronic transfer levy: 50 naira from 10,000 naira on. Whether the fee includes it is not documented.
const LEVY: Decimal = Decimal::from_parts(50, 0, 0, false, 0);
const LEVY_FROM: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// The fee for a naira transfer: the central bank's 10, 25 and 50 naira with 7.5 % tax.
pub(crate) fn fee_for(amount: Decimal, with_levy: bool) -> Decimal {
    let fee = FEE_BOUNDS.iter().find(|(bound, _)| amount <= *bound).map_or(HIGHEST_FEE, |(_, fee)| *fee);
    if with_levy && amount >= LEVY_FROM { fee.saturating_add(LEVY) } else { fee }
}

/// Reads a JSON number token, or text that looks like one (a query parameter).
pub(crate) fn parse_number(token: &str) -> Option<Decimal> {
    if !token.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    if token.contains(['e', 'E']) {
        Decimal::from_scientific(token).ok()
    } else {
        Decimal::from_str_exact(token).ok()
    }
}

/// Reads an amount of naira to transfer; the error is what the API says about it.
pub(crate) fn parse_amount(token: &str) -> Result<Decimal, String> {
    let amount = parse_number(token).ok_or("amount must be a number")?.normalize();
    if amount <= Decimal::ZERO {
        return Err("amount must be greater than 0".into());
    }
    if amount.scale() > AMOUNT_DECIMALS {
        return Err("amount must have at most 2 decimal places".into());
    }
    if amount > LARGEST_AMOUNT {
        return Err("amount is too large".into());
    }
    Ok(amount)
}

/// Written to JSON as a number token: `5500`, `26.875`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let token = self.0.normalize().to_string();
        RawValue::from_string(token).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn fees_follow_the_bounds() {
        let cases = [
            ("100", "10.75"),
            ("5000", "10.75"),
            ("5000.01", "26.875"),
            ("12500", "26.875"),
            ("50000", "26.875"),
            ("50000.01", "53.75"),
            ("96031", "53.75"),
        ];
        for (amount, fee) in cases {
            assert_eq!(fee_for(decimal(amount), false), decimal(fee), "{amount}");
        }
        assert_eq!(fee_for(decimal("10000"), true), decimal("76.875"));
        assert_eq!(fee_for(decimal("9999.99"), true), decimal("26.875"));
    }

    #[test]
    fn numbers_are_exact_both_ways() {
        for token in ["0.1", "26.875", "5500", "99999999999.99"] {
            let number = Number(parse_number(token).unwrap());
            assert_eq!(serde_json::to_string(&number).unwrap(), token);
        }
        assert_eq!(serde_json::to_string(&Number(decimal("5500.00"))).unwrap(), "5500");
        assert_eq!(parse_number("5.5e3").unwrap(), decimal("5500"));
    }

    #[test]
    fn amounts_out_of_range_are_refused() {
        for token in ["0", "-1", "\"100\"", "null", "1.001", "100000000001", "1e40", "NaN", ""] {
            assert!(parse_amount(token).is_err(), "{token}");
        }
        assert_eq!(LARGEST_AMOUNT, decimal("100000000000"));
        assert_eq!(parse_amount("100.50").unwrap(), decimal("100.5"));
    }
}
