//! When approved payouts may leave.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, LocalResult, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// Batches leave at windows aligned to the clock, or at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchWindow {
    /// Every approval starts a batch at once (instant payouts); batches coalesce.
    Open,
    /// Every so often, counted from local midnight: `2h` means 00:00, 02:00, … 22:00.
    Every(Duration),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `open`, or an interval that divides a day such as `2h`, `30m` or `10s`: got `{0}`")]
pub struct InvalidWindow(String);

const DAY_SECONDS: u64 = 86_400;
/// Clocks are changed by this, or by several of it; and by how many of them at most.
const CLOCK_STEP: TimeDelta = TimeDelta::minutes(30);
const MOST_STEPS: i32 = 97;

impl FromStr for BatchWindow {
    type Err = InvalidWindow;
    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        if text == "open" {
            return Ok(Self::Open);
        }
        let wrong = || InvalidWindow(text.chars().take(32).collect());
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit_seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(unit_seconds).ok_or_else(wrong)?;
        if seconds > 0 && seconds <= DAY_SECONDS && DAY_SECONDS.checked_rem(seconds) == Some(0) {
            Ok(Self::Every(Duration::from_secs(seconds)))
        } else {
            Err(wrong())
        }
    }
}

impl BatchWindow {
    /// The window that `now` falls into: the latest moment, not after `now`, at which a batch was to leave. `None` where
    /// batches have no windows.
    pub fn current(self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let Self::Every(interval) = self else { return None };
        let local = now.with_timezone(&zone);
        let into_day = local.num_seconds_from_midnight();
        let interval = u32::try_from(interval.as_secs()).ok()?;
        let aligned = into_day.checked_sub(into_day.checked_rem(interval)?)?;
        let midnight = local.date_naive().and_hms_opt(0, 0, 0)?;
        let start = midnight.checked_add_signed(TimeDelta::seconds(aligned.into()))?;
        let window = match zone.from_local_datetime(&start) {
            LocalResult::Single(window) => window.with_timezone(&Utc),
            // What the clock shows twice is a window each time.
            LocalResult::Ambiguous(first, second) => {
                let (first, second) = (first.with_timezone(&Utc), second.with_timezone(&Utc));
                if second <= now { second } else { first }
            }
            // A local time that a clock change skips does not exist: the window before it holds on.
            LocalResult::None => return self.current(now.checked_sub_signed(TimeDelta::hours(1))?, zone),
        };
        Some(window)
    }

    /// The next moment after `now` at which a batch leaves.
    pub fn next(self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let Self::Every(interval) = self else { return None };
        let ahead = now.checked_add_signed(TimeDelta::from_std(interval).ok()?)?;
        // A clock change moves a window by its hour or so.
        let later = (0..MOST_STEPS).map(|step| ahead.checked_add_signed(CLOCK_STEP.checked_mul(step)?));
        let some = later.flatten().filter_map(|at| self.current(at, zone)).find(|window| *window > now)?;
        let before = |window: &DateTime<Utc>| {
            let earlier = self.current(window.checked_sub_signed(TimeDelta::seconds(1))?, zone)?;
            (earlier > now).then_some(earlier)
        };
        std::iter::successors(Some(some), before).last()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa::Lagos, Europe::Berlin};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn aligned_to_the_local_clock() {
        let window: BatchWindow = "2h".parse().unwrap();
        // Lagos is an hour ahead of UTC: 12:30 there is in the 12:00 window, which is 11:00 UTC.
        assert_eq!(window.current(at("2026-11-22T11:30:00Z"), Lagos), Some(at("2026-11-22T11:00:00Z")));
        assert_eq!(window.next(at("2026-11-22T11:30:00Z"), Lagos), Some(at("2026-11-22T13:00:00Z")));
        assert_eq!(window.current(at("2026-11-22T11:00:00Z"), Lagos), Some(at("2026-11-22T11:00:00Z")));
        assert_eq!(window.next(at("2026-11-22T22:59:59Z"), Lagos), Some(at("2026-11-22T23:00:00Z")));
    }

    #[test]
    fn clock_changes_leave_no_gap() {
        let window: BatchWindow = "1h".parse().unwrap();
        let mut now = at("2026-03-28T22:00:00Z");
        while now < at("2026-03-29T06:00:00Z") {
            let current = window.current(now, Berlin).unwrap();
            assert!(current <= now && now - current < TimeDelta::hours(2), "{now}");
            now += TimeDelta::minutes(7);
        }
    }

    #[test]
    fn the_next_window_is_the_first_that_comes_also_when_clocks_change() {
        for every in ["10m", "30m", "1h", "2h", "6h", "24h"] {
            let window: BatchWindow = every.parse().unwrap();
            for (from, to) in [
                ("2026-03-28T18:00:00Z", "2026-03-30T06:00:00Z"),
                ("2026-10-24T18:00:00Z", "2026-10-26T06:00:00Z"),
            ] {
                let mut now = at(from);
                while now < at(to) {
                    let next = window.next(now, Berlin).unwrap();
                    assert!(next > now, "{every} after {now}");
                    assert_eq!(window.current(next, Berlin), Some(next), "{every} after {now}");
                    // Nothing between them is another window.
                    let last = window.current(next - TimeDelta::seconds(1), Berlin).unwrap();
                    assert!(last <= now, "{every}: {last} lies between {now} and {next}");
                    now += TimeDelta::minutes(7);
                }
            }
        }
        let every_two_hours: BatchWindow = "2h".parse().unwrap();
        let day = |from: &str| {
            let windows =
                std::iter::successors(Some(at(from)), |window| every_two_hours.next(*window, Berlin));
            windows.take(13).last().unwrap()
        };
        assert!(day("2026-03-28T18:00:00Z") >= at("2026-03-29T17:00:00Z"));
        assert!(day("2026-10-24T18:00:00Z") >= at("2026-10-25T16:00:00Z"));
    }

    #[test]
    fn refuses_what_does_not_divide_a_day() {
        assert_eq!("open".parse(), Ok(BatchWindow::Open));
        for wrong in ["", "7h", "0h", "2", "h", "2d", "25h", "-1h", "99999999999999999999h"] {
            assert!(wrong.parse::<BatchWindow>().is_err(), "{wrong}");
        }
        assert_eq!(BatchWindow::Open.next(at("2026-11-22T11:30:00Z"), Lagos), None);
    }
}
