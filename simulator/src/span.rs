//! A length of time as people write it: `500ms`, `28s`, `10m`, `1h`, or a whole number of seconds.
//!
//! Guarantees: what is printed parses back to the same length. Limit: at most a year, so that no sum of a
//! moment and a span can leave the calendar.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A year: longer than any rule of the gateway, short enough for every calendar sum.
const LONGEST_SPAN: Duration = Duration::from_hours(366 * 24);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    pub const ZERO: Self = Self(Duration::ZERO);

    pub const fn from_secs(seconds: u32) -> Self {
        Self(Duration::from_millis(1000_u64.saturating_mul(u32_to_u64(seconds))))
    }

    pub const fn from_millis(millis: u32) -> Self {
        Self(Duration::from_millis(u32_to_u64(millis)))
    }

    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    pub const fn duration(self) -> Duration {
        self.0
    }

    pub(crate) fn half(self) -> Self {
        Self(self.0.checked_div(2).unwrap_or(Duration::ZERO))
    }

    /// The moment this much later.
    pub(crate) fn after(self, moment: DateTime<Utc>) -> DateTime<Utc> {
        TimeDelta::from_std(self.0).ok().and_then(|delta| moment.checked_add_signed(delta)).unwrap_or(moment)
    }
}

#[expect(clippy::as_conversions, reason = "u64::from is not const yet, and widening loses nothing")]
const fn u32_to_u64(value: u32) -> u64 {
    value as u64
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unreadable = || format!("`{text}` is not a length of time; write 500ms, 28s, 10m or 1h");
        let text = text.trim();
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(unit_at);
        let count: u64 = count.parse().map_err(|_| unreadable())?;
        let millis_per_unit = match unit {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            _ => return Err(unreadable()),
        };
        let millis = count.checked_mul(millis_per_unit).ok_or_else(unreadable)?;
        let length = Duration::from_millis(millis);
        if length > LONGEST_SPAN {
            return Err(format!("`{text}` is longer than a year"));
        }
        Ok(Self(length))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else {
            write!(f, "{}ms", self.0.as_millis())
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor;

        impl Visitor<'_> for SpanVisitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"500ms\", \"28s\" or a whole number of seconds")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                format!("{seconds}s").parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(SpanVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_back() {
        for text in ["0s", "500ms", "28s", "1500ms", "600s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("10m".parse::<Span>().unwrap(), Span::from_secs(600));
        assert_eq!("2".parse::<Span>().unwrap(), Span::from_secs(2));
    }

    #[test]
    fn nonsense_and_overlong_spans_are_refused() {
        for text in ["", "s", "-1s", "1.5s", "2d", "99999999999999999999s", "9000h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
