//! What comes next for a payout: one function from its row to the next step of its workflow, and to the answer to "what is
//! it waiting for, who must act, when will it move". The workflow, the API and the operator's screen ask the same one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AttemptNumber, AttemptStatus, BatchId, FailureCode, OpenReview, PayoutStatus, Route};

/// The next step. What the workflow does with it: see `workflows::payout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Next {
    /// Validate and assess.
    Assess,
    /// Wait for an admin.
    AwaitDecision,
    /// Approved: wait for a batch.
    AwaitRelease,
    /// Released by a batch: record an attempt.
    Begin,
    /// Recorded: send it (again), under its one reference.
    Send { attempt: AttemptNumber },
    /// Sent: wait for the webhook until `check_at`, then ask the gateway.
    AwaitOutcome { attempt: AttemptNumber, check_at: DateTime<Utc> },
    /// Failed: wait until `due`, look at every earlier reference once more, then begin again.
    AwaitRetry { due: DateTime<Utc> },
    /// Failed: wait for an admin to retry or refund.
    AwaitAttention,
    /// Ended: tell.
    Notify { ending: Ending },
}

/// How a payout's workflow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Completed,
    Rejected,
    Cancelled,
    Refunded,
    /// Returned by the bank after it was paid.
    Reversed,
}

/// What every step of the workflow answers: the next one, and what an operator should see meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub next: Next,
    pub status: PayoutStatus,
    #[serde(default)]
    pub risk: Option<Route>,
    #[serde(default)]
    pub batch: Option<BatchId>,
    /// When people are told that the payout waits for them, if they are to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_at: Option<DateTime<Utc>>,
}

/// A payout's row and its open attempt, as far as the next step depends on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub status: PayoutStatus,
    pub risk: Option<Route>,
    pub batch: Option<BatchId>,
    /// Why an approved payout is not taken by the next window.
    pub held: Option<Held>,
    /// Who ends the pause that stands now, if one does. What comes next does not depend on it: whoever acts looks for itself.
    pub paused: Option<PausedBy>,
    /// When its turn comes, where a batch has taken it and others are sent before it. What comes next does not depend on it either.
    pub turn_at: Option<DateTime<Utc>>,
    /// Set while an automatic or admin's retry is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub refunded: bool,
    pub failure: Option<FailureCode>,
    /// The attempt that has not conclusively failed.
    pub open_attempt: Option<OpenAttempt>,
    /// Set while people are asked.
    pub review: Option<OpenReview>,
}

/// Why an approved payout waits although a window has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    Paused,
    Funds,
    /// More than a batch, or a day, may take.
    Limit,
}

/// Whose pause holds a payout up: everything's, its provider's, its bank's or its account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedBy {
    /// Also that of a restored database, and a suspension.
    Admin,
    /// It ends when finance has settled the case.
    Case,
}

/// The attempt that may still pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAttempt {
    pub number: AttemptNumber,
    pub status: AttemptStatus,
    pub sends: u32,
    /// The gateway said it does not know this reference, after the last send can no longer be on its way.
    pub resend: bool,
    /// When the gateway is asked next.
    pub check_at: Option<DateTime<Utc>>,
}

/// The answer to "what is it waiting for, who must act, when will it move".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub waiting_for: WaitingFor,
    pub who: WhoActs,
    /// When it moves by itself, where that is known.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    Assessment,
    Decision,
    /// One has approved; the amount needs two.
    SecondApproval,
    Window,
    PauseEnd,
    Funds,
    /// A limit on what a batch, or a day, may take.
    Limit,
    Transfer,
    Gateway,
    /// The outcome is unknown: the gateway is asked until it tells.
    UnknownOutcome,
    Retry,
    Attention,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhoActs {
    System,
    Admin,
    Finance,
    Gateway,
}

impl Standing {
    pub fn progress(&self, now: DateTime<Utc>) -> Progress {
        let call_at = self.review.and_then(|review| review.next_call(now)).map(|(_, at)| at);
        Progress { next: self.next(now), status: self.status, risk: self.risk, batch: self.batch, call_at }
    }

    pub fn next(&self, now: DateTime<Utc>) -> Next {
        match self.status {
            PayoutStatus::Requested => match self.risk {
                None => Next::Assess,
                Some(Route::Auto | Route::Review | Route::Refuse) => Next::AwaitDecision,
            },
            PayoutStatus::Approved => Next::AwaitRelease,
            PayoutStatus::Processing => {
                self.open_attempt.as_ref().map_or(Next::Begin, |attempt| attempt.next(now))
            }
            PayoutStatus::Failed if self.refunded => Next::Notify { ending: Ending::Refunded },
            PayoutStatus::Failed => {
                self.next_attempt_at.map_or(Next::AwaitAttention, |due| Next::AwaitRetry { due })
            }
            PayoutStatus::Completed => Next::Notify { ending: Ending::Completed },
            PayoutStatus::Rejected => Next::Notify { ending: Ending::Rejected },
            PayoutStatus::Cancelled => Next::Notify { ending: Ending::Cancelled },
            PayoutStatus::Reversed => Next::Notify { ending: Ending::Reversed },
        }
    }

    /// `None` once nothing is waited for. `window` is when the next batch leaves, where batches have windows.
    pub fn waiting(&self, now: DateTime<Utc>, window: Option<DateTime<Utc>>) -> Option<Waiting> {
        let next = self.next(now);
        if let (Some(by), true) = (self.paused, next.sends()) {
            let who = match by {
                PausedBy::Admin => WhoActs::Admin,
                PausedBy::Case => WhoActs::Finance,
            };
            return Some(Waiting { waiting_for: WaitingFor::PauseEnd, who, until: None });
        }
        let (waiting_for, who, until) = match next {
            Next::Assess => (WaitingFor::Assessment, WhoActs::System, None),
            Next::AwaitDecision => {
                let second = self.review.is_some_and(|review| review.awaits_second());
                let what = if second { WaitingFor::SecondApproval } else { WaitingFor::Decision };
                (what, WhoActs::Admin, None)
            }
            Next::AwaitRelease => match self.held {
                // The pause that once held it back is over.
                None | Some(Held::Paused) => (WaitingFor::Window, WhoActs::System, window),
                Some(Held::Funds) => (WaitingFor::Funds, WhoActs::Finance, window),
                Some(Held::Limit) => (WaitingFor::Limit, WhoActs::System, window),
            },
            Next::Begin => (WaitingFor::Transfer, WhoActs::System, self.turn_at.filter(|at| *at > now)),
            Next::Send { .. } => (WaitingFor::Transfer, WhoActs::System, None),
            Next::AwaitOutcome { check_at, .. } => {
                let unknown = self
                    .open_attempt
                    .as_ref()
                    .is_some_and(|attempt| attempt.status == AttemptStatus::Unknown);
                let what = if unknown { WaitingFor::UnknownOutcome } else { WaitingFor::Gateway };
                (what, WhoActs::Gateway, Some(check_at))
            }
            Next::AwaitRetry { due } => (WaitingFor::Retry, WhoActs::System, Some(due)),
            Next::AwaitAttention => (WaitingFor::Attention, WhoActs::Admin, None),
            Next::Notify { .. } => return None,
        };
        Some(Waiting { waiting_for, who, until })
    }
}

impl Next {
    /// Whether a pause stands in its way: it sends money, or waits to be let do so.
    fn sends(self) -> bool {
        match self {
            Self::AwaitRelease | Self::Begin | Self::Send { .. } => true,
            Self::Assess
            | Self::AwaitDecision
            | Self::AwaitOutcome { .. }
            | Self::AwaitRetry { .. }
            | Self::AwaitAttention
            | Self::Notify { .. } => false,
        }
    }
}

impl OpenAttempt {
    fn next(&self, now: DateTime<Utc>) -> Next {
        let attempt = self.number;
        match self.status {
            AttemptStatus::Submitting | AttemptStatus::Unknown if self.resend => Next::Send { attempt },
            AttemptStatus::Submitting if self.sends == 0 => Next::Send { attempt },
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            // A succeeded or reversed attempt has moved its payout in the same transaction; a look sets right what did not.
            | AttemptStatus::Succeeded
            | AttemptStatus::Failed
            | AttemptStatus::Reversed => Next::AwaitOutcome { attempt, check_at: self.check_at.unwrap_or(now) },
        }
    }
}

impl Held {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Funds => "funds",
            Self::Limit => "limit",
        }
    }
}

impl WaitingFor {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assessment => "assessment",
            Self::Decision => "decision",
            Self::SecondApproval => "second_approval",
            Self::Window => "window",
            Self::PauseEnd => "pause_end",
            Self::Funds => "funds",
            Self::Limit => "limit",
            Self::Transfer => "transfer",
            Self::Gateway => "gateway",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Retry => "retry",
            Self::Attention => "attention",
        }
    }
}

impl WhoActs {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Admin => "admin",
            Self::Finance => "finance",
            Self::Gateway => "gateway",
        }
    }
}

impl Ending {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Reversed => "reversed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processing(status: AttemptStatus, sends: u32, resend: bool) -> Next {
        Standing {
            status: PayoutStatus::Processing,
            risk: Some(Route::Auto),
            batch: Some(BatchId::mint()),
            held: None,
            paused: None,
            turn_at: None,
            next_attempt_at: None,
            refunded: false,
            failure: None,
            open_attempt: Some(OpenAttempt {
                number: AttemptNumber::FIRST,
                status,
                sends,
                resend,
                check_at: None,
            }),
            review: None,
        }
        .next(DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_recorded_attempt_is_sent_once_then_watched() {
        let send = Next::Send { attempt: AttemptNumber::FIRST };
        assert_eq!(processing(AttemptStatus::Submitting, 0, false), send);
        assert!(matches!(processing(AttemptStatus::Submitting, 1, false), Next::AwaitOutcome { .. }));
        assert!(matches!(processing(AttemptStatus::Unknown, 1, false), Next::AwaitOutcome { .. }));
        assert_eq!(processing(AttemptStatus::Unknown, 1, true), send);
        assert!(matches!(processing(AttemptStatus::Accepted, 1, true), Next::AwaitOutcome { .. }));
    }

    #[test]
    fn what_is_paused_waits_for_whoever_paused_it() {
        let approved = |held, paused| {
            let standing = Standing {
                status: PayoutStatus::Approved,
                risk: Some(Route::Auto),
                batch: None,
                held,
                paused,
                turn_at: None,
                next_attempt_at: None,
                refunded: false,
                failure: None,
                open_attempt: None,
                review: None,
            };
            let waiting = standing.waiting(DateTime::UNIX_EPOCH, None).unwrap();
            (waiting.waiting_for, waiting.who)
        };
        for held in [None, Some(Held::Paused), Some(Held::Funds), Some(Held::Limit)] {
            assert_eq!(approved(held, Some(PausedBy::Admin)), (WaitingFor::PauseEnd, WhoActs::Admin));
            assert_eq!(approved(held, Some(PausedBy::Case)), (WaitingFor::PauseEnd, WhoActs::Finance));
        }
        assert_eq!(approved(Some(Held::Paused), None), (WaitingFor::Window, WhoActs::System));
        assert_eq!(approved(Some(Held::Funds), None), (WaitingFor::Funds, WhoActs::Finance));
        assert_eq!(approved(Some(Held::Limit), None), (WaitingFor::Limit, WhoActs::System));
    }

    #[test]
    fn steps_keep_their_wire_form() {
        let json = serde_json::to_string(&Next::AwaitRetry { due: DateTime::UNIX_EPOCH }).unwrap();
        assert_eq!(json, r#"{"step":"await_retry","due":"1970-01-01T00:00:00Z"}"#);
    }
}
