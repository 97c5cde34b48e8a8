//! Exact decimals, both ways, over an API whose amounts are JSON numbers.
//!
//! Guarantee: no amount is ever a float. Outgoing, the decimal's own digits are the number token; incoming, the token's text
//! is read as a decimal, never through `f64` (fees have three decimals: 26.875). A token that would have to be rounded is
//! refused. `serde_json`'s `arbitrary_precision` would do the same, but it is switched on for every crate of the build.

use domain::{Currency, Money};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

/// 28 digits are all a decimal holds; with a sign, a point and quotes, a longer token is not an amount.
const MAX_TOKEN_CHARS: usize = 34;

/// Why a token is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is not an amount")]
pub(super) struct NotAnAmount {
    pub(super) field: &'static str,
}

/// The digits of an amount as a JSON number: `1500.50`.
pub(super) fn to_token(amount: Money) -> Option<Box<RawValue>> {
    RawValue::from_string(amount.amount().to_string()).ok()
}

/// A decimal from a number token, or from the same digits in quotes. No exponent: nothing that is paid in a currency with two
/// decimals needs one, and only a float writes one.
pub(super) fn from_token(token: &RawValue, field: &'static str) -> Result<Decimal, NotAnAmount> {
    let text = token.get();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let begins_and_ends_in_a_digit =
        !unsigned.is_empty() && !unsigned.starts_with('.') && !unsigned.ends_with('.');
    if text.len() > MAX_TOKEN_CHARS || !plain || !begins_and_ends_in_a_digit {
        return Err(NotAnAmount { field });
    }
    Decimal::from_str_exact(digits).map_err(|_| NotAnAmount { field })
}

/// An amount as the gateway tells it, with up to the four decimals the ledger keeps.
pub(super) fn money(token: &RawValue, currency: Currency, field: &'static str) -> Result<Money, NotAnAmount> {
    Money::exact(from_token(token, field)?, currency).map_err(|_| NotAnAmount { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn outgoing_amounts_keep_their_digits() {
        for (amount, json) in [
            ("1500 NGN", "1500.00"),
            ("0.10 NGN", "0.10"),
            // f64 would send 9007199254740992 and 1234567890123456.8.
            ("9007199254740993.01 NGN", "9007199254740993.01"),
            ("1234567890123456.78 NGN", "1234567890123456.78"),
        ] {
            assert_eq!(to_token(amount.parse().unwrap()).unwrap().get(), json);
        }
    }

    #[test]
    fn incoming_amounts_keep_their_digits() {
        for (json, decimal) in [
            ("5500", "5500"),
            ("26.875", "26.875"),
            ("0.1", "0.1"),
            ("-3.50", "-3.50"),
            ("\"5500.00\"", "5500.00"),
            ("9007199254740993.01", "9007199254740993.01"),
            ("253125.82", "253125.82"),
        ] {
            let read = from_token(&token(json), "amount").unwrap();
            assert_eq!(read.to_string(), decimal);
        }
    }

    #[test]
    fn what_is_not_an_exact_decimal_is_refused() {
        for json in [
            "1e3",
            "1E-2",
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\"1,000\"",
            "\" 1\"",
            "\"1.\"",
            "\".5\"",
            "\"1.2.3\"",
            "\"NaN\"",
            "\"--1\"",
            "\"-\"",
            "123456789012345678901234567890123456789",
            "0.00000000000000000000000000001",
        ] {
            assert_eq!(from_token(&token(json), "fee"), Err(NotAnAmount { field: "fee" }), "{json}");
        }
    }

    #[test]
    fn a_float_artefact_is_not_rounded_into_a_fee() {
        assert!(money(&token("26.875"), Currency::Ngn, "fee").is_ok());
        assert!(money(&token("26.875000000000004"), Currency::Ngn, "fee").is_err());
    }
}
