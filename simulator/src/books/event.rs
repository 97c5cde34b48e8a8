//! What the books record. Replaying these, and nothing else, rebuilds them.
//!
//! Guarantee: the state is changed by applying events only, live and on replay by the same code, so what a
//! journal says is what the simulator did. Amounts are written as strings, moments are simulated unless they say
//! `real`.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::plan::Course;
use super::transfer::{Batch, Beneficiary, Order, Step};
use crate::clock::Anchor;
use crate::status::Status;

/// One line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Counts up by one, so that a missing line shows.
    pub(crate) n: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) event: Event,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// The simulator started, or its clock was moved.
    Clock(Anchor),
    WalletSet {
        balance: Decimal,
    },
    /// A `POST /v3/transfers` arrived and was dealt with.
    Posted(Arrival),
    Accepted(Box<Accepted>),
    /// A transfer took the next step of its plan, or was reversed.
    Moved {
        id: u64,
        status: Status,
        message: String,
        movement: Option<Movement>,
        reversal: bool,
    },
    /// A request that will be carried out later, whatever its caller was told.
    Deferred(Box<Deferred>),
    /// A deferred request's time has come.
    CarriedOut {
        id: u64,
    },
    HookQueued(Hook),
    HookTried {
        id: u64,
        answer: String,
        next: Option<DateTime<Utc>>,
    },
    /// A held webhook may go.
    HookReleased {
        id: u64,
        due: DateTime<Utc>,
    },
    BatchQueued(Batch),
    BeneficiaryAdded(Beneficiary),
    BeneficiaryRemoved {
        id: u64,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) id: u64,
    pub(crate) order: Order,
    pub(crate) fee: Decimal,
    pub(crate) plan: Vec<Step>,
    /// What left the wallet; nothing when it was too short.
    pub(crate) debited: Option<Decimal>,
    /// The transfer this is a retry of.
    pub(crate) retry_of: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deferred {
    pub(crate) id: u64,
    pub(crate) due: DateTime<Utc>,
    pub(crate) order: Order,
    pub(crate) course: Course,
}

/// A movement of money, as the wallet or the beneficiary saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub kind: MovementKind,
    pub amount: Decimal,
    /// Simulated.
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Amount and fee left the wallet.
    Debited,
    /// The amount reached the beneficiary.
    Paid,
    /// Amount and fee came back, since the transfer failed before it was paid.
    Returned,
    /// Money that had been paid came back.
    Reversed,
}

/// One `POST /v3/transfers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// On the wall clock.
    pub real_at: DateTime<Utc>,
    /// None when the request could not be read that far.
    pub reference: Option<String>,
    pub verdict: Verdict,
    /// The kind of the fault that struck the answer.
    pub fault: Option<String>,
}

/// What became of a request, whatever its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Accepted,
    Duplicate,
    /// Invalid, blacklisted, too short a wallet at once.
    Refused,
    /// 401, or an address that is not on the list.
    Unauthorized,
    /// A fault kept it from being carried out.
    NotCarriedOut,
    /// A fault has it carried out later.
    Deferred,
}

/// A webhook on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) transfer: u64,
    pub(crate) url: String,
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) due: DateTime<Utc>,
    /// Waits for another webhook to overtake it.
    pub(crate) held: bool,
    #[serde(default)]
    pub(crate) tries: u8,
}
