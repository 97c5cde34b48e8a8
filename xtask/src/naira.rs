//! Amounts of naira for tables and sums: exact, in kobo's hundredths, since fees have three decimals.

use std::fmt;
use std::iter::Sum;

use serde_json::Value;

/// Decimals that are kept; no amount of ours has more.
const DECIMALS: usize = 4;
const UNIT: i64 = 10_000;
const KOBO: i64 = 100;
/// Shown always; more only where they are not zero.
const SHOWN_DECIMALS: usize = 2;

/// An amount, in ten-thousandths of a naira.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Naira(i64);

impl Naira {
    pub const fn whole(naira: i64) -> Self {
        Self(naira.saturating_mul(UNIT))
    }

    pub fn kobo(kobo: u64) -> Self {
        Self(i64::try_from(kobo).unwrap_or(i64::MAX).saturating_mul(UNIT.div_euclid(KOBO)))
    }

    /// One of so many equal parts, in whole kobo; what does not divide is left out.
    pub fn share(self, parts: u64) -> Self {
        let kobo = self.0.div_euclid(UNIT.div_euclid(KOBO));
        let each = kobo.checked_div(i64::try_from(parts).unwrap_or(i64::MAX)).unwrap_or_default();
        Self::kobo(u64::try_from(each).unwrap_or_default())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (digits, is_negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > DECIMALS || !is_number(whole) || !is_number(decimals) {
            return None;
        }
        let amount = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
        Some(Self(if is_negative { 0_i64.checked_sub(amount)? } else { amount }))
    }

    /// `{"amount": "1500.00", "currency": "NGN"}`, or the bare string; zero when it is neither.
    pub fn of(value: Option<&Value>) -> Self {
        let text = value.and_then(|value| value.as_str().or_else(|| value.get("amount")?.as_str()));
        text.and_then(Self::parse).unwrap_or_default()
    }

    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// As the API takes it: `1500.00`.
    pub fn plain(self) -> String {
        self.digits("")
    }

    fn digits(self, group: &str) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let unit = UNIT.unsigned_abs();
        let whole = units.checked_div(unit).unwrap_or_default().to_string();
        let decimals = format!("{:0DECIMALS$}", units.checked_rem(unit).unwrap_or_default());
        let kept = decimals.trim_end_matches('0').len().max(SHOWN_DECIMALS);
        let mut grouped = String::new();
        for (index, digit) in whole.char_indices() {
            let left = whole.len().saturating_sub(index);
            if index > 0 && left.is_multiple_of(3) {
                grouped.push_str(group);
            }
            grouped.push(digit);
        }
        format!("{sign}{grouped}.{}", decimals.get(..kept).unwrap_or_default())
    }
}

impl fmt::Display for Naira {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, so that tables can align it.
        f.pad(&format!("₦{}", self.digits(",")))
    }
}

impl Sum for Naira {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Self::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parsed_is_shown() {
        for (text, shown) in [
            ("1500", "₦1,500.00"),
            ("45000.5", "₦45,000.50"),
            ("26.875", "₦26.875"),
            ("1000000000.00", "₦1,000,000,000.00"),
            ("-0.01", "₦-0.01"),
            ("0", "₦0.00"),
        ] {
            assert_eq!(Naira::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(Naira::whole(1500).plain(), "1500.00");
        assert_eq!(Naira::kobo(150_001).plain(), "1500.01");
        assert_eq!(Naira::kobo(100).share(3).plain(), "0.33");
        for wrong in ["", ".5", "1e3", "1,5", "1.23456", "--1"] {
            assert_eq!(Naira::parse(wrong), None, "{wrong}");
        }
    }
}
