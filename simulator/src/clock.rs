//! The simulator's own clock: real time, run `rate` times as fast.
//!
//! Guarantees: it never runs backwards, also across a restart from the same books (time passes while the
//! simulator is down). Every length of time that is named anywhere is simulated; [`Clock::real`] says how long
//! that is on the wall. It reads tokio's clock for the passing of time, so it agrees with tokio's timers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::span::Span;

/// A day per second: beyond it the gateway's minutes are shorter than a scheduler tick.
pub const FASTEST_CLOCK: u32 = 86_400;

/// A moment on both clocks, as the books keep it to go on from after a restart.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Anchor {
    pub(crate) real: DateTime<Utc>,
    pub(crate) simulated: DateTime<Utc>,
    pub(crate) rate: u32,
}

#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_real: DateTime<Utc>,
    rate: u32,
    /// What the simulated clock showed at `started`; moved forward by [`Clock::advance`].
    simulated_at_start: Mutex<DateTime<Utc>>,
}

impl Clock {
    /// Starts now, or goes on from where the books' last anchor has got to by now.
    pub(crate) fn start(rate: u32, last: Option<Anchor>) -> Self {
        let real = wall_clock();
        let rate = rate.clamp(1, FASTEST_CLOCK);
        let simulated = last.map_or(real, |anchor| {
            let passed = real.signed_duration_since(anchor.real).to_std().unwrap_or_default();
            later(anchor.simulated, passed.saturating_mul(anchor.rate))
        });
        Self { started: Instant::now(), started_real: real, rate, simulated_at_start: Mutex::new(simulated) }
    }

    /// The simulated moment.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let start = *self.simulated_at_start.lock().unwrap_or_else(PoisonError::into_inner);
        later(start, self.started.elapsed().saturating_mul(self.rate))
    }

    /// The wall clock's moment, free of steps since the start.
    pub(crate) fn real_now(&self) -> DateTime<Utc> {
        later(self.started_real, self.started.elapsed())
    }

    pub(crate) fn anchor(&self) -> Anchor {
        Anchor { real: self.real_now(), simulated: self.now(), rate: self.rate }
    }

    /// Jumps forward: everything that falls due in between is due at once.
    pub(crate) fn advance(&self, by: Span) {
        let mut start = self.simulated_at_start.lock().unwrap_or_else(PoisonError::into_inner);
        *start = by.after(*start);
    }

    pub(crate) const fn rate(&self) -> u32 {
        self.rate
    }

    /// How long a simulated span takes on the wall.
    pub(crate) fn real(&self, span: Span) -> Duration {
        span.duration().checked_div(self.rate).unwrap_or_default()
    }

    /// How long to wait, on the wall, until a simulated moment.
    pub(crate) fn until(&self, moment: DateTime<Utc>) -> Duration {
        let left = moment.signed_duration_since(self.now()).to_std().unwrap_or_default();
        left.checked_div(self.rate).unwrap_or_default()
    }
}

fn later(moment: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|delta| moment.checked_add_signed(delta)).unwrap_or(moment)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the simulator reads the machine's clock")]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_sixty_turns_a_second_into_a_minute() {
        let clock = Clock::start(60, None);
        let (simulated, real) = (clock.now(), clock.real_now());
        std::thread::sleep(Duration::from_millis(50));
        let real_passed = clock.real_now().signed_duration_since(real);
        let passed = clock.now().signed_duration_since(simulated);
        assert!(passed.num_milliseconds() >= 60 * 50, "{passed}");
        assert!(passed.num_milliseconds() >= real_passed.num_milliseconds().saturating_mul(59), "{passed}");
        assert_eq!(clock.real(Span::from_secs(30)), Duration::from_millis(500));
    }

    #[test]
    fn a_restart_goes_on_from_the_last_anchor() {
        let real = wall_clock().checked_sub_signed(TimeDelta::seconds(10)).unwrap();
        let simulated = real.checked_add_signed(TimeDelta::days(3)).unwrap();
        let clock = Clock::start(1, Some(Anchor { real, simulated, rate: 60 }));
        let passed = clock.now().signed_duration_since(simulated);
        assert!((600..=660).contains(&passed.num_seconds()), "{passed}");
    }

    #[test]
    fn advancing_moves_only_the_simulated_clock() {
        let clock = Clock::start(1, None);
        let (simulated, real) = (clock.now(), clock.real_now());
        clock.advance(Span::from_secs(3600));
        assert!(clock.now().signed_duration_since(simulated).num_seconds() >= 3600);
        assert!(clock.real_now().signed_duration_since(real).num_seconds() < 3600);
    }
}
