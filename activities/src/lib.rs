//! What workflows may do to the world: one activity a file, each the implementation of a contract of `workflows`.
//!
//! Guarantee: every activity can be run twice, or at the same time by two workers, and the second run answers as the payout
//! stands. An error means "try again": an answer that trying again cannot change is a result. Cost: a database step is one
//! short transaction; `transfer` is two and one HTTP call between them; `observe` is one look-up and one transaction.
//! Architecture invariant: no activity remembers anything between two runs; what it knows is in the database.

mod assess;
mod begin_attempt;
mod call_reviewers;
mod check_ledger;
mod check_runs;
mod claim_chunk;
mod close_batch;
mod close_reconciliation;
mod comparison;
mod failure;
mod heartbeat;
mod notify;
mod observe;
mod open_batch;
mod open_reconciliation;
mod prepare_batch;
mod reconcile_missing;
mod reconcile_page;
mod record_signal;
mod reload;
mod reobserve;
mod request_cancel;
mod request_decision;
mod screening;
mod tally;
mod transfer;
mod world;

pub use prepare_batch::look_at_wallet;
pub use reobserve::{LookFailed, Reobserved, look_at_earlier_attempts};
pub use screening::Screening;
pub use tally::Tally;
pub use world::{Rules, World};
pub use {
    assess::AssessStep, begin_attempt::BeginAttemptStep, call_reviewers::CallReviewersStep,
    check_ledger::CheckLedgerStep, check_runs::CheckRunsStep, claim_chunk::ClaimChunkStep,
    close_batch::CloseBatchStep, notify::NotifyStep, observe::ObserveStep, open_batch::OpenBatchStep,
    prepare_batch::PrepareBatchStep, record_signal::RecordSignalStep, reload::ReloadStep,
    reobserve::ReobserveStep, request_cancel::RequestCancelStep, request_decision::RequestDecisionStep,
    transfer::TransferStep,
};
pub use {
    close_reconciliation::CloseReconciliationStep, open_reconciliation::OpenReconciliationStep,
    reconcile_missing::ReconcileMissingStep, reconcile_page::ReconcilePageStep,
};

use std::sync::Arc;

use temporalio_sdk::{WorkerOptionsBuilder, worker_options_builder};

/// A function that registers steps, and one that names what it registers: one list, so that the fault harness knows of every step
/// a worker can run.
macro_rules! steps {
    ($(#[$says:meta])* $register:ident, $names:ident: $($module:ident::$step:ident),+ $(,)?) => {
        $(#[$says])*
        pub fn $register<S: worker_options_builder::State>(
            options: WorkerOptionsBuilder<S>,
            world: &Arc<World>,
        ) -> WorkerOptionsBuilder<S> {
            options$(.register_activities($module::$step(world.clone())))+
        }

        fn $names() -> Vec<String> {
            vec![$($module::$step::$module.name().to_owned()),+]
        }
    };
}

steps! {
    /// Adds the short database steps of payouts and batches.
    register_database_steps, database_steps:
    assess::AssessStep,
    reload::ReloadStep,
    request_decision::RequestDecisionStep,
    request_cancel::RequestCancelStep,
    record_signal::RecordSignalStep,
    call_reviewers::CallReviewersStep,
    begin_attempt::BeginAttemptStep,
    notify::NotifyStep,
    open_batch::OpenBatchStep,
    claim_chunk::ClaimChunkStep,
    close_batch::CloseBatchStep,
    open_reconciliation::OpenReconciliationStep,
    close_reconciliation::CloseReconciliationStep,
}

steps! {
    /// Adds the one step that moves money.
    register_transfers, transfers:
    transfer::TransferStep,
}

steps! {
    /// Adds the steps that ask the gateway.
    register_look_ups, look_ups:
    observe::ObserveStep,
    reobserve::ReobserveStep,
    prepare_batch::PrepareBatchStep,
    reconcile_page::ReconcilePageStep,
    reconcile_missing::ReconcileMissingStep,
}

steps! {
    /// Adds the steps that check the books.
    register_checks, checks:
    check_ledger::CheckLedgerStep,
    check_runs::CheckRunsStep,
}

/// The wire names of all steps, as a history shows them.
pub fn registered() -> Vec<String> {
    [database_steps(), transfers(), look_ups(), checks()].concat()
}
