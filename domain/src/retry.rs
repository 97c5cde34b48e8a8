//! When to try again, and when to look again.

use std::{str::FromStr, time::Duration};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// After the first try. A fifth attempt needs an admin.
pub const MAX_AUTOMATIC_RETRIES: u8 = 3;

/// 1 for the first try. At most 99, so that a reference stays within 42 characters: attempts that found the merchant's
/// wallet empty do not count as retries and can be many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptNumber(u8);

impl AttemptNumber {
    pub const FIRST: Self = Self(1);
    const LAST: u8 = 99;

    pub fn new(number: u8) -> Option<Self> {
        (1..=Self::LAST).contains(&number).then_some(Self(number))
    }

    pub fn get(self) -> u8 {
        self.0
    }

    /// `None` after the 99th: a person has to look.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0.checked_add(1)?)
    }
}

/// How long to wait before each automatic retry: exactly [`MAX_AUTOMATIC_RETRIES`] delays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule([Duration; 3]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected three delays of 100ms to 24h such as `1m,5m,30m`: {0}")]
pub struct InvalidSchedule(String);

impl RetrySchedule {
    /// The delay before the retry that follows `failed` counted attempts, `None` when the automatic ones are used up.
    pub fn delay_after(&self, failed: u8) -> Option<Duration> {
        self.0.get(usize::from(failed.checked_sub(1)?)).copied()
    }
}

impl Default for RetrySchedule {
    /// One, five and thirty minutes: a bank's hiccup, a bank's restart, a bank's bad half hour.
    fn default() -> Self {
        Self([Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(30)])
    }
}

impl FromStr for RetrySchedule {
    type Err = InvalidSchedule;
    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let delays = text.split(',').map(|part| parse_delay(part.trim())).collect::<Result<Vec<_>, _>>()?;
        let count = delays.len();
        delays.try_into().map(Self).map_err(|_| InvalidSchedule(format!("got {count} delays")))
    }
}

fn parse_delay(text: &str) -> Result<Duration, InvalidSchedule> {
    const DAY: Duration = Duration::from_hours(24);
    const LEAST: Duration = Duration::from_millis(100);
    let wrong = || InvalidSchedule(format!("`{text}` is not a delay"));
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let delay = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(wrong)?),
        "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    if (LEAST..=DAY).contains(&delay) { Ok(delay) } else { Err(wrong()) }
}

/// How long until the gateway is asked again about an attempt that has been looked at `looks` times without a final answer:
/// doubling from `first` up to 15 minutes. `first` is the webhook timeout, so the first look is the one that a webhook
/// would have made needless.
pub fn poll_delay(first: Duration, looks: u32) -> TimeDelta {
    const CEILING: Duration = Duration::from_mins(15);
    let doubled = first.saturating_mul(2_u32.saturating_pow(looks.min(16)));
    TimeDelta::from_std(doubled.min(CEILING.max(first))).unwrap_or(TimeDelta::minutes(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_retries_and_no_more() {
        let schedule: RetrySchedule = "1m,5m,30m".parse().unwrap();
        assert_eq!(schedule, RetrySchedule::default());
        assert_eq!(schedule.delay_after(0), None);
        assert_eq!(schedule.delay_after(1), Some(Duration::from_mins(1)));
        assert_eq!(schedule.delay_after(3), Some(Duration::from_mins(30)));
        assert_eq!(schedule.delay_after(4), None);
        for wrong in [
            "",
            "1m",
            "1m,2m,3m,4m",
            "1m,2m,x",
            "1m,2m,3",
            "1m,2m,25h",
            "0s,1m,1m",
            "1m,2m,99999999999999999999h",
        ] {
            assert!(wrong.parse::<RetrySchedule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn looks_grow_apart_to_a_quarter_of_an_hour() {
        let first = Duration::from_secs(30);
        let delays: Vec<i64> = (0..8).map(|looks| poll_delay(first, looks).num_seconds()).collect();
        assert_eq!(delays, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(poll_delay(first, u32::MAX).num_seconds(), 900);
    }
}
