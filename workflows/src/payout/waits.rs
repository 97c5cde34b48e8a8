//! The places where a payout waits, and what a wake-up means at each.
//!
//! Guarantee: no wake-up is ignored. What a place does not expect still makes the workflow look at the row; only if nothing
//! had changed is the signal called out of place. So a signal that was overtaken, or that a later version of the system sends
//! for a reason this one does not know, costs a look and never a stuck payout.

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, Next};

use super::signals::{SignalName, WakeUp};

/// Where a payout waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Decision,
    Window,
    Outcome { attempt: AttemptNumber, check_at: DateTime<Utc> },
    Retry { due: DateTime<Utc> },
    Attention,
}

/// What a wake-up means at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A batch took the payout: begin, without another look, because the gate to the gateway looks itself.
    Release,
    /// The gateway has something to say about an attempt.
    Hint(AttemptNumber),
    /// Somebody did what is waited for: look at the row.
    Look,
    /// Nothing here waits for that: look at the row all the same, and record the signal if it was for nothing.
    Unexpected,
}

impl Place {
    /// The answer of a step that leaves the payout here.
    pub fn next(self) -> Next {
        match self {
            Self::Decision => Next::AwaitDecision,
            Self::Window => Next::AwaitRelease,
            Self::Outcome { attempt, check_at } => Next::AwaitOutcome { attempt, check_at },
            Self::Retry { due } => Next::AwaitRetry { due },
            Self::Attention => Next::AwaitAttention,
        }
    }

    /// When the wait is over by itself.
    pub fn due(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Outcome { check_at, .. } => Some(check_at),
            Self::Retry { due } => Some(due),
            Self::Decision | Self::Window | Self::Attention => None,
        }
    }

    /// Whether the script asks the gateway about `attempt` when the wait is over.
    pub fn is_about(self, attempt: AttemptNumber) -> bool {
        match self {
            Self::Outcome { attempt: open, .. } => open == attempt,
            Self::Decision | Self::Window | Self::Retry { .. } | Self::Attention => false,
        }
    }

    pub fn hears(self, name: SignalName, wake_up: WakeUp) -> Heard {
        match name {
            SignalName::Decision | SignalName::Cancel => match self {
                Self::Decision | Self::Window => Heard::Look,
                Self::Outcome { .. } | Self::Retry { .. } | Self::Attention => Heard::Unexpected,
            },
            SignalName::Release => match self {
                Self::Window => Heard::Release,
                Self::Decision | Self::Outcome { .. } | Self::Retry { .. } | Self::Attention => {
                    Heard::Unexpected
                }
            },
            SignalName::TransferUpdate => match self {
                Self::Outcome { attempt: open, .. } => match wake_up.attempt {
                    None => Heard::Hint(open),
                    Some(attempt) if attempt <= open => Heard::Hint(attempt),
                    Some(_) => Heard::Unexpected,
                },
                Self::Retry { .. } | Self::Attention => {
                    wake_up.attempt.map_or(Heard::Unexpected, Heard::Hint)
                }
                Self::Decision | Self::Window => Heard::Unexpected,
            },
            SignalName::ManualAction => match self {
                Self::Outcome { .. } | Self::Retry { .. } | Self::Attention => Heard::Look,
                Self::Decision | Self::Window => Heard::Unexpected,
            },
        }
    }

    /// Stands beside the timer in the Temporal UI.
    pub(super) fn alarm(self) -> &'static str {
        match self {
            Self::Outcome { .. } => "Ask the gateway without its webhook",
            Self::Retry { .. } => "Until the retry is due",
            Self::Decision => "Until people are told that a decision is waited for",
            Self::Window | Self::Attention => "Until another look at the gateway is allowed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: AttemptNumber = AttemptNumber::FIRST;

    fn wake_up(attempt: Option<AttemptNumber>) -> WakeUp {
        WakeUp { id: 1, attempt }
    }

    #[test]
    fn each_wait_expects_what_ends_it() {
        let at = DateTime::UNIX_EPOCH;
        let outcome = Place::Outcome { attempt: FIRST, check_at: at };
        let plain = wake_up(None);
        assert_eq!(Place::Decision.hears(SignalName::Decision, plain), Heard::Look);
        assert_eq!(Place::Decision.hears(SignalName::Release, plain), Heard::Unexpected);
        assert_eq!(Place::Window.hears(SignalName::Release, plain), Heard::Release);
        assert_eq!(Place::Window.hears(SignalName::Cancel, plain), Heard::Look);
        assert_eq!(outcome.hears(SignalName::TransferUpdate, plain), Heard::Hint(FIRST));
        assert_eq!(outcome.hears(SignalName::Release, plain), Heard::Unexpected);
        assert_eq!(Place::Retry { due: at }.hears(SignalName::ManualAction, plain), Heard::Look);
        assert_eq!(Place::Attention.hears(SignalName::ManualAction, plain), Heard::Look);
        assert_eq!(
            Place::Attention.hears(SignalName::TransferUpdate, wake_up(Some(FIRST))),
            Heard::Hint(FIRST)
        );
    }

    #[test]
    fn a_webhook_about_an_attempt_that_is_not_there_yet_is_unexpected() {
        let outcome = Place::Outcome { attempt: FIRST, check_at: DateTime::UNIX_EPOCH };
        assert_eq!(outcome.hears(SignalName::TransferUpdate, wake_up(FIRST.next())), Heard::Unexpected);
        assert!(outcome.is_about(FIRST));
        assert!(!Place::Attention.is_about(FIRST));
    }
}
