//! When batches leave: what the installation's settings say, or what people have set since.
//!
//! Guarantee: windows are moments in order; a local time that a clock change skips is the first moment after the gap, one that
//! comes twice is the first of the two, and no window comes twice. Cost: [`Schedule::current`] and [`Schedule::after`] look at the
//! days between here and the window, at most [`LONGEST_GAP_DAYS`].

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{BatchWindow, limits::zone};

/// A calendar without a window for longer is one without windows.
pub const LONGEST_GAP_DAYS: u32 = 400;
pub const MAX_TIMES: usize = 96;
pub const MAX_HOLIDAYS: usize = 1000;
/// Between two windows at intervals that people set.
pub const MIN_INTERVAL_MINUTES: u32 = 1;
pub const MAX_INTERVAL_MINUTES: u32 = 7 * 24 * 60;
/// Zones have changed by as much as a day (Samoa, 2011) and in steps of this at the finest.
const GAP_STEP: TimeDelta = TimeDelta::minutes(5);
const LONGEST_GAP_STEPS: u32 = 26 * 12;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// Every approval starts a batch.
    Instant,
    /// Every so often, counted from local midnight: how the installation's settings say it.
    Aligned {
        every_seconds: u64,
        #[serde(with = "zone")]
        zone: Tz,
    },
    /// Every so many minutes, counted from a moment.
    Interval { every_minutes: u32, anchor: DateTime<Utc> },
    /// At times of day, on days of the week, but not on holidays.
    Calendar(Calendar),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Local times; in order, each once.
    pub times: Vec<NaiveTime>,
    /// 1 is Monday, 7 is Sunday; in order, each once.
    pub days: Vec<u8>,
    #[serde(with = "zone")]
    pub zone: Tz,
    /// Days without windows; in order, each once.
    #[serde(default)]
    pub holidays: Vec<NaiveDate>,
}

/// Why a schedule is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    #[error("an interval is 1 minute to 7 days")]
    Interval,
    #[error("a calendar has 1 to 96 times of day")]
    Times,
    #[error("a calendar has 1 to 7 days of the week, 1 (Monday) to 7 (Sunday)")]
    Days,
    #[error("a calendar has at most 1000 holidays")]
    Holidays,
    #[error("nothing would leave within the next 400 days")]
    Never,
}

impl Schedule {
    /// What the settings say.
    pub fn of_settings(window: BatchWindow, zone: Tz) -> Self {
        match window {
            BatchWindow::Open => Self::Instant,
            BatchWindow::Every(every) => Self::Aligned { every_seconds: every.as_secs(), zone },
        }
    }

    pub fn is_instant(&self) -> bool {
        match self {
            Self::Instant => true,
            Self::Aligned { .. } | Self::Interval { .. } | Self::Calendar(_) => false,
        }
    }

    /// The schedule in its stored order, or why it is not one.
    pub fn checked(mut self, now: DateTime<Utc>) -> Result<Self, InvalidSchedule> {
        match &mut self {
            Self::Instant | Self::Aligned { .. } => return Ok(self),
            Self::Interval { every_minutes, .. } => {
                if !(MIN_INTERVAL_MINUTES..=MAX_INTERVAL_MINUTES).contains(every_minutes) {
                    return Err(InvalidSchedule::Interval);
                }
            }
            Self::Calendar(calendar) => {
                calendar.times.sort_unstable();
                calendar.times.dedup();
                calendar.days.sort_unstable();
                calendar.days.dedup();
                calendar.holidays.sort_unstable();
                calendar.holidays.dedup();
                if calendar.times.is_empty() || calendar.times.len() > MAX_TIMES {
                    return Err(InvalidSchedule::Times);
                }
                if calendar.days.is_empty() || calendar.days.iter().any(|day| !(1..=7).contains(day)) {
                    return Err(InvalidSchedule::Days);
                }
                if calendar.holidays.len() > MAX_HOLIDAYS {
                    return Err(InvalidSchedule::Holidays);
                }
            }
        }
        if self.after(now).is_none() { Err(InvalidSchedule::Never) } else { Ok(self) }
    }

    /// The latest window that is not after `now`.
    pub fn current(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant => None,
            Self::Aligned { every_seconds, zone } => aligned(*every_seconds).current(now, *zone),
            Self::Interval { every_minutes, anchor } => {
                let every = i64::from(*every_minutes).checked_mul(60)?;
                let since = now.signed_duration_since(anchor).num_seconds();
                // Before the anchor there was no window.
                let whole = since.checked_sub(since.checked_rem_euclid(every)?)?;
                (now >= *anchor).then(|| anchor.checked_add_signed(TimeDelta::try_seconds(whole)?)).flatten()
            }
            Self::Calendar(calendar) => calendar.current(now),
        }
    }

    /// The first window after `now`.
    pub fn after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant => None,
            Self::Aligned { every_seconds, zone } => aligned(*every_seconds).next(now, *zone),
            Self::Interval { every_minutes, anchor } => {
                if now < *anchor {
                    return Some(*anchor);
                }
                let every = TimeDelta::try_minutes((*every_minutes).into())?;
                self.current(now)?.checked_add_signed(every)
            }
            Self::Calendar(calendar) => calendar.after(now),
        }
    }

    /// The next windows after `now`, at most `count`.
    pub fn next(&self, now: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.after(now), |window| self.after(*window)).take(count).collect()
    }

    /// How many windows lie between the two moments, neither included; counted up to `most`.
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>, most: usize) -> usize {
        std::iter::successors(self.after(from), |window| self.after(*window))
            .take(most)
            .take_while(|window| *window < to)
            .count()
    }
}

fn aligned(every_seconds: u64) -> BatchWindow {
    BatchWindow::Every(Duration::from_secs(every_seconds))
}

impl Calendar {
    fn current(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A window of tomorrow's date has not come anywhere; one of today's may not have come yet.
        let today = now.with_timezone(&self.zone).date_naive();
        std::iter::successors(Some(today), NaiveDate::pred_opt)
            .take(days())
            .find_map(|day| self.windows_of(day).into_iter().rev().find(|window| *window <= now))
    }

    fn after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A time that a clock change moved past midnight belongs to the day before.
        let yesterday = now.with_timezone(&self.zone).date_naive().pred_opt()?;
        std::iter::successors(Some(yesterday), NaiveDate::succ_opt)
            .take(days())
            .find_map(|day| self.windows_of(day).into_iter().find(|window| *window > now))
    }

    /// In order.
    fn windows_of(&self, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let weekday = u8::try_from(day.weekday().number_from_monday()).unwrap_or_default();
        if !self.days.contains(&weekday) || self.holidays.binary_search(&day).is_ok() {
            return vec![];
        }
        let mut windows: Vec<_> =
            self.times.iter().filter_map(|time| at_local(day.and_time(*time), self.zone)).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }
}

fn days() -> usize {
    usize::try_from(LONGEST_GAP_DAYS).unwrap_or(usize::MAX)
}

/// The moment of a local time: the first of two where the clock is set back, the first after the gap where it is set ahead.
pub(crate) fn at_local(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let mut local = local;
    for _ in 0..LONGEST_GAP_STEPS {
        if let Some(moment) = zone.from_local_datetime(&local).earliest() {
            return Some(moment.with_timezone(&Utc));
        }
        local = local.checked_add_signed(GAP_STEP)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa::Lagos, America::New_York, Europe::Berlin, Pacific::Apia};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn calendar(times: &[&str], days: &[u8], zone: Tz, holidays: &[&str]) -> Schedule {
        Schedule::Calendar(Calendar {
            times: times.iter().map(|time| time.parse().unwrap()).collect(),
            days: days.to_vec(),
            zone,
            holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
        })
    }

    const WEEK: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];

    fn next(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
        let windows = schedule.next(at(from), count);
        windows.iter().map(|window| window.format("%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn an_interval_counts_from_its_anchor() {
        let schedule = Schedule::Interval { every_minutes: 90, anchor: at("2026-11-22T07:15:00Z") };
        assert_eq!(next(&schedule, "2026-11-22T07:14:59Z", 3), ["22T07:15", "22T08:45", "22T10:15"]);
        assert_eq!(schedule.current(at("2026-11-22T07:14:59Z")), None);
        assert_eq!(schedule.current(at("2026-11-22T07:15:00Z")), Some(at("2026-11-22T07:15:00Z")));
        assert_eq!(schedule.current(at("2026-11-22T10:14:59Z")), Some(at("2026-11-22T08:45:00Z")));
    }

    #[test]
    fn a_calendar_leaves_out_other_days_and_holidays() {
        // 2026-11-20 is a Friday; Lagos is an hour ahead of UTC.
        let schedule = calendar(&["09:00:00", "16:30:00"], &[1, 2, 3, 4, 5], Lagos, &["2026-11-23"]);
        assert_eq!(
            next(&schedule, "2026-11-20T08:00:00Z", 4),
            ["20T15:30", "24T08:00", "24T15:30", "25T08:00"]
        );
        assert_eq!(schedule.current(at("2026-11-23T12:00:00Z")), Some(at("2026-11-20T15:30:00Z")));
    }

    #[test]
    fn a_local_time_that_is_skipped_is_the_first_moment_after_the_gap() {
        // 02:00 to 03:00 does not exist on 2026-03-29 in Berlin.
        let schedule = calendar(&["01:30:00", "02:15:00", "02:45:00", "03:00:00"], &WEEK, Berlin, &[]);
        assert_eq!(next(&schedule, "2026-03-28T23:00:00Z", 3), ["29T00:30", "29T01:00", "29T23:30"]);
    }

    #[test]
    fn a_local_time_that_comes_twice_is_one_window() {
        // 01:00 to 02:00 comes twice on 2026-11-01 in New York.
        let schedule = calendar(&["01:30:00"], &WEEK, New_York, &[]);
        assert_eq!(
            next(&schedule, "2026-10-31T12:00:00Z", 2),
            ["01T05:30", "02T06:30"],
            "the first of the two, and then winter time"
        );
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_its_window_after_it() {
        // Samoa went from 2011-12-29 straight to 2011-12-31.
        let schedule = calendar(&["12:00:00"], &WEEK, Apia, &[]);
        let windows = schedule.next(at("2011-12-29T00:00:00Z"), 3);
        assert!(windows.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn what_was_missed_is_counted_up_to_a_bound() {
        let schedule = Schedule::Interval { every_minutes: 60, anchor: at("2026-11-22T00:00:00Z") };
        let (from, to) = (at("2026-11-22T02:00:00Z"), at("2026-11-22T06:00:00Z"));
        assert_eq!(schedule.between(from, to, 100), 3);
        assert_eq!(schedule.between(from, to, 2), 2);
        assert_eq!(Schedule::Instant.between(from, to, 2), 0);
    }

    #[test]
    fn what_would_never_leave_is_refused() {
        let now = at("2026-11-22T00:00:00Z");
        let refused = |schedule: Schedule| schedule.checked(now).unwrap_err();
        assert_eq!(refused(calendar(&[], &WEEK, Lagos, &[])), InvalidSchedule::Times);
        assert_eq!(refused(calendar(&["09:00:00"], &[], Lagos, &[])), InvalidSchedule::Days);
        assert_eq!(refused(calendar(&["09:00:00"], &[0], Lagos, &[])), InvalidSchedule::Days);
        assert_eq!(refused(Schedule::Interval { every_minutes: 0, anchor: now }), InvalidSchedule::Interval);
        let mut holidays = vec![];
        let mut day: NaiveDate = "2026-11-20".parse().unwrap();
        for _ in 0..500 {
            holidays.push(day);
            day = day.succ_opt().unwrap();
        }
        let never = Schedule::Calendar(Calendar {
            times: vec!["09:00:00".parse().unwrap()],
            days: WEEK.to_vec(),
            zone: Lagos,
            holidays,
        });
        assert_eq!(refused(never), InvalidSchedule::Never);
    }

    #[test]
    fn schedules_keep_their_stored_form() {
        for text in [
            r#"{"kind":"instant"}"#,
            r#"{"kind":"aligned","every_seconds":7200,"zone":"Africa/Lagos"}"#,
            r#"{"kind":"interval","every_minutes":30,"anchor":"2026-11-22T00:00:00Z"}"#,
            r#"{"kind":"calendar","times":["09:00:00"],"days":[1,2],"zone":"Europe/Berlin","holidays":["2026-12-25"]}"#,
        ] {
            let schedule: Schedule = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&schedule).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn windows_come_one_after_another_and_each_is_current_when_it_comes(
            start in 0_i64..2_000_000_000, minutes in prop::collection::btree_set(0_u32..1440, 1..5),
            days in prop::collection::btree_set(1_u8..=7, 1..7), zone in prop::sample::select(vec![Lagos, Berlin, New_York, Apia]),
        ) {
            let times = minutes.iter().map(|minute| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap()).collect();
            let schedule = Schedule::Calendar(Calendar { times, days: days.into_iter().collect(), zone, holidays: vec![] });
            let from = DateTime::from_timestamp(start, 0).unwrap();
            let windows = schedule.next(from, 20);
            prop_assert_eq!(windows.len(), 20);
            let mut before = from;
            for window in windows {
                prop_assert!(window > before);
                prop_assert_eq!(schedule.current(window), Some(window));
                before = window;
            }
        }
    }
}
