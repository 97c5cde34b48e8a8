//! Money that refuses to round.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The currencies an installation can hold. The scale is ISO 4217's number of decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Ngn,
    Ghs,
    Kes,
}

impl Currency {
    pub const ALL: [Self; 3] = [Self::Ngn, Self::Ghs, Self::Kes];

    pub fn code(self) -> &'static str {
        match self {
            Self::Ngn => "NGN",
            Self::Ghs => "GHS",
            Self::Kes => "KES",
        }
    }

    /// As people in its country write it, before the amount.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Ngn => "₦",
            Self::Ghs => "GH₵",
            Self::Kes => "KSh ",
        }
    }

    /// Decimals of a payout amount in this currency. Fees may have more (Flutterwave tells 26.875).
    pub fn scale(self) -> u32 {
        match self {
            Self::Ngn | Self::Ghs | Self::Kes => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = InvalidMoney;
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code() == text)
            .ok_or_else(|| InvalidMoney::UnknownCurrency { given: text.chars().take(16).collect() })
    }
}

/// Why a text or number is not an amount we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    #[error("unknown currency `{given}`: expected one of NGN, GHS, KES")]
    UnknownCurrency { given: String },
    #[error("not a decimal amount: expected digits with an optional fraction, such as \"1500.00\"")]
    NotANumber,
    #[error("{currency} amounts have at most {allowed} decimals, this one has {given}")]
    TooManyDecimals { currency: Currency, allowed: u32, given: u32 },
    #[error("the amount must be greater than zero")]
    NotPositive,
    #[error("the amount is larger than this system can hold")]
    TooLarge,
    #[error("{left} and {right} cannot be added or compared")]
    CurrencyMismatch { left: Currency, right: Currency },
}

/// The longest amount text that is read: 16 digits, a point, 4 decimals, a sign, and room to tell a typo from an attack.
const MAX_AMOUNT_CHARS: usize = 32;
/// `NUMERIC(20,4)` holds 16 digits before the point.
const LIMIT: Decimal = Decimal::from_parts(0x6FC1_0000, 0x0023_86F2, 0, false, 0);

/// An amount in one currency, exact. May be negative (a ledger entry); see [`Money::positive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount at the currency's own scale: `1500`, `1500.5` and `1500.50` are the same NGN amount, `1500.505` is refused.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, InvalidMoney> {
        let scale = amount.normalize().scale();
        if scale > currency.scale() {
            return Err(InvalidMoney::TooManyDecimals { currency, allowed: currency.scale(), given: scale });
        }
        let mut amount = amount;
        amount.rescale(currency.scale());
        Self::within_limit(amount, currency)
    }

    /// An amount as the gateway tells it (fees): up to the ledger's four decimals.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, InvalidMoney> {
        /// `NUMERIC(20,4)`.
        const LEDGER_SCALE: u32 = 4;
        let scale = amount.normalize().scale();
        if scale > LEDGER_SCALE {
            return Err(InvalidMoney::TooManyDecimals { currency, allowed: LEDGER_SCALE, given: scale });
        }
        let mut amount = amount.normalize();
        if amount.scale() < currency.scale() {
            amount.rescale(currency.scale());
        }
        Self::within_limit(amount, currency)
    }

    fn within_limit(amount: Decimal, currency: Currency) -> Result<Self, InvalidMoney> {
        if amount.abs() >= LIMIT { Err(InvalidMoney::TooLarge) } else { Ok(Self { amount, currency }) }
    }

    /// Reads plain decimal text: no exponent, no sign but `-`, no spaces, no grouping.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        let digits = amount.strip_prefix('-').unwrap_or(amount);
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if amount.len() > MAX_AMOUNT_CHARS || !plain(whole) || !fraction.is_none_or(plain) {
            return Err(InvalidMoney::NotANumber);
        }
        Self::new(Decimal::from_str_exact(amount).map_err(|_| InvalidMoney::TooLarge)?, currency)
    }

    pub fn zero(currency: Currency) -> Self {
        Self { amount: Decimal::new(0, currency.scale()), currency }
    }

    /// The same amount, or why it may not be asked for.
    pub fn positive(self) -> Result<Self, InvalidMoney> {
        if self.amount > Decimal::ZERO { Ok(self) } else { Err(InvalidMoney::NotPositive) }
    }

    pub fn amount(self) -> Decimal {
        self.amount
    }

    pub fn currency(self) -> Currency {
        self.currency
    }

    pub fn is_zero(self) -> bool {
        self.amount.is_zero()
    }

    pub fn checked_add(self, other: Self) -> Result<Self, InvalidMoney> {
        self.same_currency(other)?;
        let sum = self.amount.checked_add(other.amount).ok_or(InvalidMoney::TooLarge)?;
        Self::within_limit(sum, self.currency)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, InvalidMoney> {
        self.checked_add(other.negated())
    }

    #[must_use]
    pub fn negated(self) -> Self {
        Self { amount: Decimal::ZERO.checked_sub(self.amount).unwrap_or_default(), currency: self.currency }
    }

    /// The smaller of two amounts of one currency.
    pub fn least(self, other: Self) -> Result<Self, InvalidMoney> {
        self.same_currency(other)?;
        Ok(if self.amount <= other.amount { self } else { other })
    }

    /// The amount in the currency's smallest unit (kobo), for engines that count in integers; `None` where it is not whole.
    pub fn minor_units(self) -> Option<i64> {
        let minor = self.amount.checked_mul(Decimal::from(10_u32.checked_pow(self.currency.scale())?))?;
        if minor.fract().is_zero() { i64::try_from(minor).ok() } else { None }
    }

    /// For people: `₦12,500.00`. In messages, which have one form; a screen has its reader's locale.
    pub fn readable(self) -> String {
        let digits = self.amount.abs().to_string();
        let (whole, decimals) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && whole.len().saturating_sub(place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.amount.is_sign_negative() { "-" } else { "" };
        let point = if decimals.is_empty() { "" } else { "." };
        format!("{sign}{}{grouped}{point}{decimals}", self.currency.symbol())
    }

    fn same_currency(self, other: Self) -> Result<(), InvalidMoney> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(InvalidMoney::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let (amount, currency) = text.split_once(' ').ok_or(InvalidMoney::NotANumber)?;
        Self::parse(amount, currency.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_plain_decimals_only() {
        let ngn = |text| Money::parse(text, Currency::Ngn);
        assert_eq!(ngn("1500").unwrap().to_string(), "1500.00 NGN");
        assert_eq!(ngn("1500.5").unwrap(), ngn("1500.50").unwrap());
        for wrong in ["", " 1", "1 ", "+1", "1e3", "1,000", ".5", "1.", "0x1", "NaN", "١٢", "1.2.3", "--1"]
        {
            assert_eq!(ngn(wrong), Err(InvalidMoney::NotANumber), "{wrong:?}");
        }
        assert!(matches!(ngn("1.005"), Err(InvalidMoney::TooManyDecimals { given: 3, .. })));
        assert_eq!(ngn("1.500").unwrap(), ngn("1.5").unwrap());
        assert_eq!(ngn("10000000000000000"), Err(InvalidMoney::TooLarge));
        assert!(ngn("9999999999999999.99").is_ok());
    }

    #[test]
    fn people_read_groups_and_symbols() {
        for (amount, currency, read) in [
            ("12500", Currency::Ngn, "₦12,500.00"),
            ("1.5", Currency::Ngn, "₦1.50"),
            ("999", Currency::Ghs, "GH₵999.00"),
            ("1000000", Currency::Kes, "KSh 1,000,000.00"),
        ] {
            assert_eq!(Money::parse(amount, currency).unwrap().readable(), read);
        }
        assert_eq!(Money::parse("1234.56", Currency::Ngn).unwrap().negated().readable(), "-₦1,234.56");
    }

    #[test]
    fn zero_and_negative_amounts_cannot_be_asked_for() {
        for text in ["0", "0.00", "-0", "-5"] {
            assert_eq!(Money::parse(text, Currency::Ngn).unwrap().positive(), Err(InvalidMoney::NotPositive));
        }
    }

    #[test]
    fn fees_keep_their_third_decimal() {
        let fee = Money::exact("26.875".parse().unwrap(), Currency::Ngn).unwrap();
        assert_eq!(fee.to_string(), "26.875 NGN");
        assert_eq!(fee.minor_units(), None);
        assert!(Money::exact("1.00001".parse().unwrap(), Currency::Ngn).is_err());
    }

    #[test]
    fn currencies_do_not_mix() {
        let naira = Money::zero(Currency::Ngn);
        assert!(matches!(
            naira.checked_add(Money::zero(Currency::Ghs)),
            Err(InvalidMoney::CurrencyMismatch { .. })
        ));
    }

    proptest! {
        #[test]
        fn display_reads_back(minor in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            let money = Money::new(Decimal::new(minor, 2), Currency::Ngn).unwrap();
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
            prop_assert_eq!(money.minor_units(), Some(minor));
            prop_assert_eq!(money.checked_sub(money).unwrap(), Money::zero(Currency::Ngn));
        }

        #[test]
        fn any_text_is_an_answer_not_a_panic(text in ".{0,40}") {
            let _ = Money::parse(&text, Currency::Ngn);
            let _ = text.parse::<Money>();
        }
    }
}
