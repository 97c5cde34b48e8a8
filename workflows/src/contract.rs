//! What workflows may ask of the world: the name, input and result of every activity. `activities/` implements them
//! (`#[activity(definition = workflows::Assess)]`), so a mismatch is a compile error.
//!
//! Guarantee to the implementer: one struct in, one value out, and fields are only ever added, with a default. Demand on the
//! implementer: every activity runs at least once, maybe twice at the same time, and must be idempotent by row; a failure
//! means "try again" and is tried again for ever, so an answer that trying again cannot change is a result, not an error.
//!
//! Nothing here may carry an account number, a name or a token: inputs and results stay readable in the history for years.

use domain::{AttemptNumber, BatchId, Currency, Ending, PayoutId, Progress, ProviderId};
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;

use crate::payout::Memory;

/// What a payout's workflow is started with. Everything else is read from the row. The last three only fill the search
/// attributes; whoever starts the workflow may set those too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutInput {
    pub payout: PayoutId,
    pub provider: ProviderId,
    /// In the currency's minor unit.
    pub amount_minor: i64,
    pub currency: Currency,
    /// Filled by the workflow itself when it continues as new; whoever starts one leaves it at its default.
    #[serde(default, skip_serializing_if = "Memory::is_fresh")]
    pub memory: Memory,
}

/// One payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRef {
    pub payout: PayoutId,
}

/// One attempt of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRef {
    pub payout: PayoutId,
    pub attempt: AttemptNumber,
}

/// A payout and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingRef {
    pub payout: PayoutId,
    pub ending: Ending,
}

/// A decision that somebody signalled from the Temporal UI or CLI. It is a request: the database says what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineDecision {
    pub payout: PayoutId,
    pub verdict: Verdict,
    /// Empty where none was given.
    #[serde(default)]
    pub reason: String,
    /// What the sender calls themselves, unverified; [`UNNAMED`] where they did not say.
    pub identity: String,
    /// The same for every try of this request and for no other.
    pub signal_key: String,
}

/// What a reviewer, or somebody in their place, wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    Reject,
}

/// Temporal's own cancel: cancel the payout if that is still legal, else record that somebody wanted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineCancel {
    pub payout: PayoutId,
    /// Empty where none was given.
    #[serde(default)]
    pub reason: String,
    /// [`UNNAMED`]: the SDK does not tell a workflow who asked for its cancel.
    pub identity: String,
    /// The same for every try of this request and for no other.
    pub signal_key: String,
}

/// The identity of a sender who did not give one.
pub const UNNAMED: &str = "unnamed";

/// A signal that was ignored: malformed, of an unknown name, or out of place. Never its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StraySignal {
    pub payout: PayoutId,
    /// As it was sent, shortened.
    pub name: String,
    /// Why it was ignored, in words for an operator.
    pub why: String,
    /// How many of them this workflow has met, this one included.
    pub count: u32,
    /// The same for every try to record this signal and for no other.
    pub signal_key: String,
}

/// Which batch to run, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchInput {
    /// A batch that somebody made (run-now). `None`: ask the database whether a window is due.
    #[serde(default)]
    pub batch: Option<BatchId>,
    /// Instant payouts: batch whatever is approved, again for every [`crate::names::SIGNAL_RUN`] that came meanwhile.
    #[serde(default)]
    pub open: bool,
}

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRef {
    pub batch: BatchId,
}

/// What one chunk of a batch took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub claimed: u32,
    /// Another chunk may find more.
    pub more: bool,
}

/// A closed batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    pub payouts: u32,
}

/// The activities. Its constants (`Contract::assess`) name them in workflow code, its markers (`Assess`) in `activities/`.
pub struct Contract;

#[expect(clippy::needless_pass_by_value, reason = "the macro wants the input by value")]
#[activity_definitions]
impl Contract {
    /// Loads the payout; one that is `REQUESTED` and not assessed yet is validated and assessed, any other is answered as it
    /// stands. A refusal is a rejected payout, not an error.
    #[activity(name = "assess")]
    pub fn assess(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Answers as the row stands, and writes nothing.
    #[activity(name = "reload")]
    pub fn reload(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Honours, or refuses and records, a decision signalled by hand.
    #[activity(name = "request_decision")]
    pub fn request_decision(decision: EngineDecision) -> Progress {
        unimplemented!()
    }

    /// Cancels the payout if that is still legal, else records the wish.
    #[activity(name = "request_cancel")]
    pub fn request_cancel(cancel: EngineCancel) -> Progress {
        unimplemented!()
    }

    /// Writes an audit row about a signal that was ignored.
    #[activity(name = "record_signal")]
    pub fn record_signal(signal: StraySignal) {
        unimplemented!()
    }

    /// The one gate to the gateway: records the next attempt if everything permits it. Called after a release without
    /// another look at the row, so a payout that was not released is answered as it stands (`AwaitRelease`).
    #[activity(name = "begin_attempt")]
    pub fn begin_attempt(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Sends a recorded attempt under its one reference, on [`crate::names::TRANSFER_QUEUE`]. A second run that finds it sent
    /// does not send again: it answers `AwaitOutcome`. Heartbeats: see [`crate::calls::GATEWAY_HEARTBEAT`].
    #[activity(name = "transfer")]
    pub fn transfer(attempt: AttemptRef) -> Progress {
        unimplemented!()
    }

    /// Asks the gateway about one attempt and writes down what it says, on [`crate::names::LOOKUP_QUEUE`].
    #[activity(name = "observe")]
    pub fn observe(attempt: AttemptRef) -> Progress {
        unimplemented!()
    }

    /// Asks the gateway about every attempt that ever was, on [`crate::names::LOOKUP_QUEUE`]. Answers `Begin` only where the
    /// retry is due and every attempt has failed conclusively; a late success or a retry that is not due yet is answered as
    /// it stands.
    #[activity(name = "reobserve")]
    pub fn reobserve(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Writes the messages about how the payout ended, once.
    #[activity(name = "notify")]
    pub fn notify(ending: EndingRef) {
        unimplemented!()
    }

    /// Opens the batch that is asked for, or the one whose window is due, or (`open`) one for whatever is approved now. An
    /// open batch is answered again. `None`: nothing is due, paused, or nothing is approved.
    #[activity(name = "open_batch")]
    pub fn open_batch(input: BatchInput) -> Option<BatchRef> {
        unimplemented!()
    }

    /// Claims the next approved payouts, oldest first, and stores their release signals in the same transaction.
    #[activity(name = "claim_chunk")]
    pub fn claim_chunk(batch: BatchRef) -> Claimed {
        unimplemented!()
    }

    /// Closes the batch; a closed one is answered again.
    #[activity(name = "close_batch")]
    pub fn close_batch(batch: BatchRef) -> BatchSummary {
        unimplemented!()
    }
}

pub use contract::{
    Assess, BeginAttempt, ClaimChunk, CloseBatch, Notify, Observe, OpenBatch, RecordSignal, Reload,
    Reobserve, RequestCancel, RequestDecision, Transfer,
};
