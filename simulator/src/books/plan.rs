//! What will become of a transfer, decided when it is accepted and written down with it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::transfer::Step;
use crate::faults::{Fault, Final};
use crate::settings::{Mode, Settings};
use crate::span::Span;
use crate::status::Status;

pub(crate) const PAID: &str = "Transaction was successful";
pub(crate) const TRANSFER_FAILED: &str = "DISBURSE FAILED: Transfer failed. Please contact support";
pub(crate) const INSUFFICIENT_FUNDS: &str = "DISBURSE FAILED: Insufficient funds in customer wallet";

/// NEW lasts no longer than this before it shows as PENDING.
const NEW_AT_MOST: Span = Span::from_secs(1);

/// What `_PMCK` and `_PMCK_ST_F` wait when they name no minutes.
const MOCK_MINUTES: u32 = 10;
/// A week: a typing error must not plan a step beyond any run.
const MOST_MOCK_MINUTES: u32 = 7 * 24 * 60;

/// What a transfer has coming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Course {
    /// As mode and reference say.
    Usual,
    /// Paid whatever the mode says.
    Paid,
    /// The wallet was too short.
    Unfunded,
    Struck(Fault),
}

pub(crate) fn steps(course: &Course, settings: &Settings, reference: &str, now: DateTime<Utc>) -> Vec<Step> {
    let settled = settings.settle_after.after(now);
    let paid = |due| Step { due, status: Status::Successful, message: PAID.into(), webhook: true };
    let failed =
        |due, message: &str| Step { due, status: Status::Failed, message: message.into(), webhook: true };
    let ends = match course {
        Course::Paid => vec![paid(settled)],
        Course::Unfunded => vec![failed(settled, INSUFFICIENT_FUNDS)],
        Course::Struck(Fault::Fail { message, after }) => {
            vec![failed(after.map_or(settled, |span| span.after(now)), message)]
        }
        Course::Struck(Fault::PendingForever {}) => Vec::new(),
        Course::Struck(Fault::UnknownStatus { status, then, after }) => {
            let word = Status::from(status.clone());
            let mut ends = vec![Step { due: settled, status: word, message: String::new(), webhook: false }];
            ends.extend(then.map(|then| match then {
                Final::Successful => paid(after.after(settled)),
                Final::Failed => failed(after.after(settled), TRANSFER_FAILED),
            }));
            ends
        }
        Course::Struck(Fault::FlipAfterSuccess { after, webhook, message }) => {
            vec![paid(settled), Step { webhook: *webhook, ..failed(after.after(settled), message) }]
        }
        Course::Struck(Fault::WebhookEarly {}) => return vec![paid(now)],
        // The other kinds strike elsewhere than a transfer's course.
        Course::Usual | Course::Struck(_) => return usual(settings, reference, now),
    };
    with_pending(ends, settings.settle_after, now)
}

fn usual(settings: &Settings, reference: &str, now: DateTime<Utc>) -> Vec<Step> {
    let (after, paid) = match settings.mode {
        Mode::Live => (settings.settle_after, true),
        Mode::Test => match mock_outcome(reference) {
            Some(outcome) => outcome,
            None => return with_pending(Vec::new(), NEW_AT_MOST, now),
        },
    };
    let (status, message) = if paid { (Status::Successful, PAID) } else { (Status::Failed, TRANSFER_FAILED) };
    let end = Step { due: after.after(now), status, message: message.into(), webhook: true };
    with_pending(vec![end], after, now)
}

/// Puts PENDING before the end, unless the end comes at once.
fn with_pending(ends: Vec<Step>, settle_after: Span, now: DateTime<Utc>) -> Vec<Step> {
    if settle_after.is_zero() && !ends.is_empty() {
        return ends;
    }
    let due = settle_after.half().min(NEW_AT_MOST).after(now);
    let pending = Step { due, status: Status::Pending, message: String::new(), webhook: false };
    std::iter::once(pending).chain(ends).collect()
}

/// What a test reference's suffix asks for: after how long, and whether it is paid.
fn mock_outcome(reference: &str) -> Option<(Span, bool)> {
    let (_, suffix) = reference.rsplit_once("_PMCK")?;
    let (paid, delay) = match suffix.strip_prefix("_ST_F") {
        Some(delay) => (false, delay),
        None => (true, suffix),
    };
    let minutes = match delay.strip_prefix("DU_") {
        Some(minutes) => minutes.parse().ok().filter(|minutes| *minutes <= MOST_MOCK_MINUTES)?,
        None if delay.is_empty() => MOCK_MINUTES,
        None => return None,
    };
    Some((Span::from_secs(minutes.saturating_mul(60)), paid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_name_outcome_and_minutes() {
        let minutes = |n: u32| Span::from_secs(n.saturating_mul(60));
        for (reference, expected) in [
            ("a_PMCK", Some((minutes(10), true))),
            ("a_PMCKDU_1", Some((minutes(1), true))),
            ("a_PMCK_ST_F", Some((minutes(10), false))),
            ("a_PMCK_ST_FDU_3", Some((minutes(3), false))),
            ("a_PMCKDU_", None),
            ("a_PMCKDU_x", None),
            ("a_PMCKDU_99999999", None),
            ("a_PMCK_more", None),
            ("plain", None),
        ] {
            assert_eq!(mock_outcome(reference), expected, "{reference}");
        }
    }

    #[test]
    fn live_settles_and_test_stays_pending() {
        let now = DateTime::UNIX_EPOCH;
        let words = |mode, reference: &str| -> Vec<String> {
            let settings = Settings { mode, ..Settings::default() };
            let steps = steps(&Course::Usual, &settings, reference, now);
            steps.into_iter().map(|step| String::from(step.status)).collect()
        };
        assert_eq!(words(Mode::Live, "a_PMCK_ST_F"), ["PENDING", "SUCCESSFUL"]);
        assert_eq!(words(Mode::Test, "a"), ["PENDING"]);
        assert_eq!(words(Mode::Test, "a_PMCK_ST_F"), ["PENDING", "FAILED"]);
    }

    #[test]
    fn settling_at_once_skips_pending() {
        let settings = Settings { settle_after: Span::ZERO, ..Settings::default() };
        let steps = steps(&Course::Usual, &settings, "a", DateTime::UNIX_EPOCH);
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].due, DateTime::UNIX_EPOCH);
    }
}
