//! How long a payout may wait for people before they are told so, and then before others are.

use chrono::{DateTime, TimeDelta, Utc};

/// Half a working day: whoever reviews is reminded once.
pub const REMIND_AFTER: TimeDelta = TimeDelta::hours(4);
/// A day: those with the role `escalation` are told, once.
pub const ESCALATE_AFTER: TimeDelta = TimeDelta::hours(24);

/// A payout that is before people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReview {
    /// Since it was opened, or since the approval that was undone.
    pub waiting_since: DateTime<Utc>,
    pub reminded_at: Option<DateTime<Utc>>,
    pub escalated_at: Option<DateTime<Utc>>,
    /// Different people who have approved it since.
    pub approvals: u8,
    pub approvals_needed: u8,
}

/// Who is told that it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Those who review.
    Reminder,
    /// Those with the role `escalation`.
    Escalation,
}

impl OpenReview {
    /// When it is escalated, or was.
    pub fn escalates_at(&self) -> DateTime<Utc> {
        self.escalated_at.unwrap_or_else(|| after(self.waiting_since, ESCALATE_AFTER))
    }

    /// Who is told next, and from when. A reminder that comes so late that the escalation is due too is left out.
    pub fn next_call(&self, now: DateTime<Utc>) -> Option<(Call, DateTime<Utc>)> {
        if self.escalated_at.is_some() {
            return None;
        }
        let escalates = after(self.waiting_since, ESCALATE_AFTER);
        if self.reminded_at.is_none() && now < escalates {
            return Some((Call::Reminder, after(self.waiting_since, REMIND_AFTER)));
        }
        Some((Call::Escalation, escalates))
    }

    /// Whether somebody has approved it and somebody else must.
    pub fn awaits_second(&self) -> bool {
        self.approvals > 0 && self.approvals < self.approvals_needed
    }
}

fn after(since: DateTime<Utc>, wait: TimeDelta) -> DateTime<Utc> {
    since.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(reminded: bool, escalated: bool) -> OpenReview {
        let at = DateTime::UNIX_EPOCH;
        OpenReview {
            waiting_since: at,
            reminded_at: reminded.then_some(at),
            escalated_at: escalated.then_some(at),
            approvals: 0,
            approvals_needed: 1,
        }
    }

    #[test]
    fn people_are_reminded_and_then_others_are_told() {
        let hour = |hours| DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::hours(hours)).unwrap();
        assert_eq!(review(false, false).next_call(hour(0)), Some((Call::Reminder, hour(4))));
        assert_eq!(review(false, false).next_call(hour(23)), Some((Call::Reminder, hour(4))));
        assert_eq!(review(false, false).next_call(hour(24)), Some((Call::Escalation, hour(24))));
        assert_eq!(review(true, false).next_call(hour(5)), Some((Call::Escalation, hour(24))));
        assert_eq!(review(true, true).next_call(hour(25)), None);
        assert_eq!(review(false, true).next_call(hour(25)), None);
    }
}
