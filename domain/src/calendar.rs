//! Days and months as people in one time zone count them. Half-open everywhere: a day ends where the next one begins.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The moment a day begins. Where a clock change skips midnight it is the first moment there is.
pub fn start_of_day(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    /// No clock was ever changed by more.
    const STEPS: i64 = 24;
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    (0..STEPS)
        .filter_map(|hours| midnight.checked_add_signed(TimeDelta::hours(hours)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a month such as 2026-11")]
pub struct InvalidMonth;

impl FromStr for Month {
    type Err = InvalidMonth;
    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let digits =
            |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(InvalidMonth);
        }
        let (year, month) =
            (year.parse().map_err(|_| InvalidMonth)?, month.parse().map_err(|_| InvalidMonth)?);
        let first = NaiveDate::from_ymd_opt(year, month, 1).ok_or(InvalidMonth)?;
        Ok(Self { first })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first.format("%Y-%m"))
    }
}

impl Month {
    /// The month that a moment falls into.
    pub fn of(moment: DateTime<Utc>, zone: Tz) -> Self {
        let day = moment.with_timezone(&zone).date_naive();
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    /// Where it begins.
    pub fn start(self, zone: Tz) -> DateTime<Utc> {
        start_of_day(self.first, zone)
    }

    /// Where the next one begins.
    pub fn end(self, zone: Tz) -> DateTime<Utc> {
        let next = self.first.checked_add_months(chrono::Months::new(1)).unwrap_or(self.first);
        start_of_day(next, zone)
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{
        Africa::{Cairo, Lagos},
        Europe::Berlin,
    };

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn months_follow_one_another_without_gap() {
        for zone in [Lagos, Berlin, Cairo] {
            let mut month: Month = "2024-01".parse().unwrap();
            for _ in 0..36 {
                let next = Month::of(month.end(zone), zone);
                assert_eq!(next.start(zone), month.end(zone));
                assert_eq!(Month::of(month.end(zone) - TimeDelta::microseconds(1), zone), month);
                assert_eq!(month.to_string().parse(), Ok(month));
                month = next;
            }
        }
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.start(Lagos), at("2026-10-31T23:00:00Z"));
        assert_eq!(november.end(Lagos), at("2026-11-30T23:00:00Z"));
    }

    #[test]
    fn a_day_without_midnight_begins_at_its_first_moment() {
        // Cairo's clocks went from 00:00 to 01:00 on 26 April 2024.
        let day = NaiveDate::from_ymd_opt(2024, 4, 26).unwrap();
        assert_eq!(start_of_day(day, Cairo), at("2024-04-25T22:00:00Z"));
    }

    #[test]
    fn only_months_are_months() {
        for wrong in
            ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "+026-11", "２０２６-11"]
        {
            assert_eq!(wrong.parse::<Month>(), Err(InvalidMonth), "{wrong}");
        }
    }
}
