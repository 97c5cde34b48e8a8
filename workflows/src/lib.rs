//! The deterministic part: what a payout and a batch do, one step after the other, whatever dies in between.
//!
//! [`payout::payout`] is the product in one function; everything else here is how Temporal carries it out. [`contract`] is
//! what this crate asks of the world, `activities/` answers. Architecture invariant: no database, no HTTP, no clock, no
//! randomness and no Temporal client in this crate's tree: whatever happens here happens the same way on every replay.

mod batch;
mod books_check;
mod calls;
pub mod contract;
pub mod names;
pub mod payout;
mod reconciliation;
mod start;

pub use batch::BatchWorkflow;
pub use books_check::BooksCheckWorkflow;
pub use calls::{GATEWAY_HEARTBEAT, WORKFLOW_TASK_TIMEOUT};
pub use contract::{
    Assess, AttemptRef, BatchInput, BatchRef, BatchSummary, BeginAttempt, BooksCheckInput, BooksChecked,
    CallReviewers, CheckLedger, CheckRuns, ClaimChunk, Claimed, CloseBatch, Contract, EndingRef,
    EngineCancel, EngineDecision, LedgerChecked, Notify, Observe, OpenBatch, PayoutInput, PayoutRef,
    PrepareBatch, Prepared, RecordSignal, Reload, Reobserve, RequestCancel, RequestDecision, ReviewCall,
    RunsChecked, RunsLook, RunsPage, StraySignal, Transfer, UNNAMED, Verdict,
};
pub use contract::{
    CloseReconciliation, OpenReconciliation, ReconcileInput, ReconcileMissing, ReconcilePage, ReconcileRef,
    ReconcileStep, Reconciled,
};
pub use payout::{
    Memory, PayoutSignal, PayoutWorkflow, SignalName, Waiting, WakeUp, search_attributes, summary,
};
pub use reconciliation::ReconciliationWorkflow;
pub use start::Started;
