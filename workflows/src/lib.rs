//! The deterministic part: what a payout and a batch do, one step after the other, whatever dies in between.

pub mod contract;
pub mod names;

pub use contract::{
    Assess, AttemptRef, BatchInput, BatchRef, BatchSummary, BeginAttempt, ClaimChunk, Claimed, CloseBatch,
    Contract, EndingRef, EngineCancel, EngineDecision, Notify, Observe, OpenBatch, PayoutInput, PayoutRef,
    RecordSignal, Reload, Reobserve, RequestCancel, RequestDecision, StraySignal, Transfer, UNNAMED, Verdict,
};
