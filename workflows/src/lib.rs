//! The deterministic part: what a payout and a batch do, one step after the other, whatever dies in between.
//!
//! [`payout::payout`] is the product in one function; everything else here is how Temporal carries it out. [`contract`] is
//! what this crate asks of the world, `activities/` answers. Architecture invariant: no database, no HTTP, no clock, no
//! randomness and no Temporal client in this crate's tree: whatever happens here happens the same way on every replay.

mod batch;
mod calls;
pub mod contract;
pub mod names;
pub mod payout;

pub use batch::BatchWorkflow;
pub use calls::{GATEWAY_HEARTBEAT, WORKFLOW_TASK_TIMEOUT};
pub use contract::{
    Assess, AttemptRef, BatchInput, BatchRef, BatchSummary, BeginAttempt, ClaimChunk, Claimed, CloseBatch,
    Contract, EndingRef, EngineCancel, EngineDecision, Notify, Observe, OpenBatch, PayoutInput, PayoutRef,
    RecordSignal, Reload, Reobserve, RequestCancel, RequestDecision, StraySignal, Transfer, UNNAMED, Verdict,
};
pub use payout::{
    Memory, PayoutSignal, PayoutWorkflow, SignalName, Waiting, WakeUp, search_attributes, summary,
};
