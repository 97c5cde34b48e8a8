//! What a payout and an attempt can be, and every legal move between.
//!
//! ```text
//! REQUESTED ─approve─► APPROVED ─claim─► PROCESSING ─confirm─► COMPLETED ─reverse─► REVERSED
//!     │  ▲                │  ▲               │  ▲
//!     │  └─undo───────────┘  └─hold──────────┘  └─retry─┐
//!     ├─reject─► REJECTED │                     fail    │
//!     └─cancel─► CANCELLED◄                       └─► FAILED ─refund─► FAILED, refunded (final)
//! ```
//!
//! A move that is not drawn is impossible here, in the `WHERE` of the UPDATE that makes it, and in the database's triggers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a payout stands. `Failed` is final only once its money has been refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PayoutStatus {
    Requested,
    Approved,
    Processing,
    Completed,
    Failed,
    Rejected,
    Cancelled,
    Reversed,
}

/// What can happen to a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutEvent {
    /// Low risk, or an admin's approve.
    Approve,
    /// An admin's reject, or a validation that refused.
    Reject,
    /// The provider took the request back.
    Cancel,
    /// An approval taken back, or the provider suspended: back to review.
    Undo,
    /// A batch took the payout for its window.
    Claim,
    /// Paused or short of funds: back to waiting, while no attempt may still pay.
    Hold,
    /// The gateway's own answer: paid.
    Confirm,
    /// The gateway's own answer: conclusively not paid.
    Fail,
    /// Another attempt is due.
    Retry,
    /// The reservation goes back to the balance; final.
    Refund,
    /// Paid, then given back by the bank.
    Reverse,
}

/// A move nobody may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {from} payout cannot take {event:?}")]
pub struct IllegalMove {
    pub from: PayoutStatus,
    pub event: PayoutEvent,
}

impl PayoutStatus {
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Approved,
        Self::Processing,
        Self::Completed,
        Self::Failed,
        Self::Rejected,
        Self::Cancelled,
        Self::Reversed,
    ];

    /// The status after `event`, or why there is none.
    pub fn after(self, event: PayoutEvent) -> Result<Self, IllegalMove> {
        use PayoutEvent as E;
        use PayoutStatus as S;
        let illegal = Err(IllegalMove { from: self, event });
        match self {
            S::Requested => match event {
                E::Approve => Ok(S::Approved),
                E::Reject => Ok(S::Rejected),
                E::Cancel => Ok(S::Cancelled),
                E::Undo | E::Claim | E::Hold | E::Confirm | E::Fail | E::Retry | E::Refund | E::Reverse => {
                    illegal
                }
            },
            S::Approved => match event {
                E::Claim => Ok(S::Processing),
                E::Cancel => Ok(S::Cancelled),
                E::Undo => Ok(S::Requested),
                E::Approve
                | E::Reject
                | E::Hold
                | E::Confirm
                | E::Fail
                | E::Retry
                | E::Refund
                | E::Reverse => illegal,
            },
            S::Processing => match event {
                E::Confirm => Ok(S::Completed),
                E::Fail => Ok(S::Failed),
                E::Hold => Ok(S::Approved),
                E::Approve
                | E::Reject
                | E::Cancel
                | E::Undo
                | E::Claim
                | E::Retry
                | E::Refund
                | E::Reverse => illegal,
            },
            S::Failed => match event {
                E::Retry => Ok(S::Processing),
                E::Refund => Ok(S::Failed),
                E::Approve
                | E::Reject
                | E::Cancel
                | E::Undo
                | E::Claim
                | E::Hold
                | E::Confirm
                | E::Fail
                | E::Reverse => illegal,
            },
            S::Completed => match event {
                E::Reverse => Ok(S::Reversed),
                E::Approve
                | E::Reject
                | E::Cancel
                | E::Undo
                | E::Claim
                | E::Hold
                | E::Confirm
                | E::Fail
                | E::Retry
                | E::Refund => illegal,
            },
            S::Rejected | S::Cancelled | S::Reversed => illegal,
        }
    }

    /// No move leads away from here (`Failed` is final only once refunded, which is not the status's to know).
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Rejected | Self::Cancelled | Self::Reversed => true,
            Self::Requested | Self::Approved | Self::Processing | Self::Failed => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Approved => "APPROVED",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
            Self::Reversed => "REVERSED",
        }
    }
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PayoutStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| format!("unknown payout status `{text}`"))
    }
}

/// What we know about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AttemptStatus {
    /// Recorded; the call may or may not have been made.
    Submitting,
    /// The gateway queued it.
    Accepted,
    /// It may pay, or have paid: we cannot tell yet.
    Unknown,
    Succeeded,
    /// Conclusively not paid.
    Failed,
    Reversed,
}

/// What can happen to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptEvent {
    Accept,
    LoseSight,
    Succeed,
    Fail,
    /// It was seen to have failed, and paid after all.
    SucceedLate,
    Reverse,
}

impl AttemptStatus {
    pub const ALL: [Self; 6] =
        [Self::Submitting, Self::Accepted, Self::Unknown, Self::Succeeded, Self::Failed, Self::Reversed];

    /// The status after `event`, `None` where the move is illegal. Hearing the same thing again is a move to itself.
    pub fn after(self, event: AttemptEvent) -> Option<Self> {
        use AttemptEvent as E;
        match self {
            Self::Submitting | Self::Accepted | Self::Unknown => match event {
                E::Accept => Some(Self::Accepted),
                E::LoseSight => Some(Self::Unknown),
                E::Succeed => Some(Self::Succeeded),
                E::Fail => Some(Self::Failed),
                E::SucceedLate | E::Reverse => None,
            },
            Self::Succeeded => match event {
                E::Reverse => Some(Self::Reversed),
                E::Succeed => Some(Self::Succeeded),
                E::Accept | E::LoseSight | E::Fail | E::SucceedLate => None,
            },
            Self::Failed => match event {
                E::Fail => Some(Self::Failed),
                E::SucceedLate => Some(Self::Succeeded),
                E::Accept | E::LoseSight | E::Succeed | E::Reverse => None,
            },
            Self::Reversed => None,
        }
    }

    /// It may still pay, and nobody has said how it ended.
    pub fn is_open(self) -> bool {
        match self {
            Self::Submitting | Self::Accepted | Self::Unknown => true,
            Self::Succeeded | Self::Failed | Self::Reversed => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitting => "SUBMITTING",
            Self::Accepted => "ACCEPTED",
            Self::Unknown => "UNKNOWN",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Reversed => "REVERSED",
        }
    }
}

impl fmt::Display for AttemptStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AttemptStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| format!("unknown attempt status `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENTS: [PayoutEvent; 11] = [
        PayoutEvent::Approve,
        PayoutEvent::Reject,
        PayoutEvent::Cancel,
        PayoutEvent::Undo,
        PayoutEvent::Claim,
        PayoutEvent::Hold,
        PayoutEvent::Confirm,
        PayoutEvent::Fail,
        PayoutEvent::Retry,
        PayoutEvent::Refund,
        PayoutEvent::Reverse,
    ];

    #[test]
    fn money_leaves_only_from_processing() {
        for status in PayoutStatus::ALL {
            assert_eq!(status.after(PayoutEvent::Confirm).is_ok(), status == PayoutStatus::Processing);
        }
    }

    #[test]
    fn statuses_read_back() {
        for status in PayoutStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for status in AttemptStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }

    proptest! {
        /// No sequence of events reaches two terminal statuses, but paid and then returned.
        #[test]
        fn one_terminal_status(events in prop::collection::vec(0_usize..EVENTS.len(), 0..60)) {
            let mut status = PayoutStatus::Requested;
            let mut ends = vec![];
            for event in events {
                if let Ok(next) = status.after(EVENTS[event]) {
                    status = next;
                    if status.is_final() && ends.last() != Some(&status) { ends.push(status); }
                }
            }
            let paid_then_returned = ends == [PayoutStatus::Completed, PayoutStatus::Reversed];
            prop_assert!(ends.len() <= 1 || paid_then_returned, "{:?}", ends);
        }
    }
}
