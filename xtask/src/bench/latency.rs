//! How long one payout takes on an idle machine: from the 201 to COMPLETED, and where the time goes.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::crowd::{Crowd, EACH};
use crate::http::{list, text};
use crate::moment;

/// The looks at the payout: what is measured is at most this too long.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Between two payouts, so that each meets an idle machine.
const PAUSE: Duration = Duration::from_millis(300);

/// The steps that are timed, in their order, as (name, what is found in the payout's record).
const STEPS: [&str; 6] = ["approved", "claimed", "attempt began", "sent", "looked up", "completed"];

/// The steps by name, in milliseconds.
pub type Steps = Vec<(&'static str, i64)>;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Latency {
    /// From the answer to the request to COMPLETED as a client sees it; sorted.
    pub millis: Vec<i64>,
    /// How long each of the steps took after the one before, median of all payouts.
    pub steps: Steps,
    pub last_payout: String,
}

pub fn measure(crowd: &Crowd, payouts: usize) -> Result<Latency> {
    let mut millis = vec![];
    let mut moments = vec![];
    let mut last_payout = String::new();
    for group in 0..payouts.div_ceil(EACH) {
        let provider = crowd.trusted(group)?;
        let left = payouts.saturating_sub(millis.len());
        for number in 0..left.min(EACH) {
            thread::sleep(PAUSE);
            let payout = provider.ask(&format!("latency-{number}"))?;
            let answered = moment::now();
            let detail = crowd.until_completed(&payout, LOOK_EVERY)?;
            millis.push(moment::now().saturating_sub(answered));
            moments.push(steps_of(&detail));
            last_payout = payout;
        }
    }
    millis.sort_unstable();
    Ok(Latency { millis, steps: medians(&moments), last_payout })
}

/// How long each step took, median of all payouts.
pub fn medians(moments: &[Vec<i64>]) -> Steps {
    let median_of = |step: usize| {
        let mut times: Vec<i64> = moments.iter().filter_map(|times| times.get(step).copied()).collect();
        times.sort_unstable();
        times.get(times.len().div_euclid(2)).copied().unwrap_or_default()
    };
    STEPS.iter().enumerate().map(|(index, name)| (*name, median_of(index))).collect()
}

/// The time of each step after the one before, by the records of a payout.
pub fn steps_of(detail: &Value) -> Vec<i64> {
    let line = |action: &str| {
        let found = list(detail, "/audit").iter().find(|line| text(line, "/action") == Some(action));
        found.and_then(|line| moment::parse(text(line, "/at")?))
    };
    let evidence = |source: &str| {
        let mut found = list(detail, "/attempts/0/evidence").iter();
        let found = found.find(|seen| text(seen, "/source") == Some(source));
        found.and_then(|seen| moment::parse(text(seen, "/observed_at")?))
    };
    let moments = [
        line("requested"),
        line("approved"),
        line("claimed"),
        line("attempt_began"),
        evidence("send"),
        evidence("look_up"),
        line("completed"),
    ];
    let mut before = None;
    let mut took = vec![];
    for moment in moments {
        if let (Some(before), Some(moment)) = (before, moment) {
            took.push(i64::max(moment.saturating_sub(before), 0));
        } else if before.is_some() {
            took.push(0);
        }
        before = moment.or(before);
    }
    took
}

impl Latency {
    /// The time that so many percent of the payouts stayed within.
    pub fn percentile(&self, percent: usize) -> i64 {
        let rank = self.millis.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
        self.millis.get(rank).copied().unwrap_or_default()
    }
}
