//! What workflows may do to the world: one activity a file, each the implementation of a contract of `workflows`.
//!
//! Guarantee: every activity can be run twice, or at the same time by two workers, and the second run answers as the payout
//! stands. An error means "try again": an answer that trying again cannot change is a result. Cost: a database step is one
//! short transaction; `transfer` is two and one HTTP call between them; `observe` is one look-up and one transaction.
//! Architecture invariant: no activity remembers anything between two runs; what it knows is in the database.

mod assess;
mod begin_attempt;
mod claim_chunk;
mod close_batch;
mod failure;
mod heartbeat;
mod notify;
mod observe;
mod open_batch;
mod record_signal;
mod reload;
mod reobserve;
mod request_cancel;
mod request_decision;
mod tally;
mod transfer;
mod world;

pub use reobserve::{LookFailed, Reobserved, look_at_earlier_attempts};
pub use tally::Tally;
pub use world::{Rules, World};
pub use {
    assess::AssessStep, begin_attempt::BeginAttemptStep, claim_chunk::ClaimChunkStep,
    close_batch::CloseBatchStep, notify::NotifyStep, observe::ObserveStep, open_batch::OpenBatchStep,
    record_signal::RecordSignalStep, reload::ReloadStep, reobserve::ReobserveStep,
    request_cancel::RequestCancelStep, request_decision::RequestDecisionStep, transfer::TransferStep,
};

use std::sync::Arc;

use temporalio_sdk::{WorkerOptionsBuilder, worker_options_builder};

/// Adds the short database steps of payouts and batches.
pub fn register_database_steps<S: worker_options_builder::State>(
    options: WorkerOptionsBuilder<S>,
    world: &Arc<World>,
) -> WorkerOptionsBuilder<S> {
    options
        .register_activities(assess::AssessStep(world.clone()))
        .register_activities(reload::ReloadStep(world.clone()))
        .register_activities(request_decision::RequestDecisionStep(world.clone()))
        .register_activities(request_cancel::RequestCancelStep(world.clone()))
        .register_activities(record_signal::RecordSignalStep(world.clone()))
        .register_activities(begin_attempt::BeginAttemptStep(world.clone()))
        .register_activities(notify::NotifyStep(world.clone()))
        .register_activities(open_batch::OpenBatchStep(world.clone()))
        .register_activities(claim_chunk::ClaimChunkStep(world.clone()))
        .register_activities(close_batch::CloseBatchStep(world.clone()))
}

/// Adds the one step that moves money.
pub fn register_transfers<S: worker_options_builder::State>(
    options: WorkerOptionsBuilder<S>,
    world: &Arc<World>,
) -> WorkerOptionsBuilder<S> {
    options.register_activities(transfer::TransferStep(world.clone()))
}

/// Adds the steps that ask the gateway.
pub fn register_look_ups<S: worker_options_builder::State>(
    options: WorkerOptionsBuilder<S>,
    world: &Arc<World>,
) -> WorkerOptionsBuilder<S> {
    options
        .register_activities(observe::ObserveStep(world.clone()))
        .register_activities(reobserve::ReobserveStep(world.clone()))
}
