//! Opens a comparison with the gateway, or answers the one to carry on.

use std::sync::Arc;

use store::{
    Actor,
    reconciliations::{self, Opened, RunKind, RunStatus},
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{ReconcileInput, ReconcileRef};

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct OpenReconciliationStep(pub Arc<World>);

#[activities]
impl OpenReconciliationStep {
    #[activity(definition = workflows::OpenReconciliation)]
    pub async fn open_reconciliation(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ReconcileInput,
    ) -> Result<Option<ReconcileRef>, ActivityError> {
        let world = &self.0;
        answer(world, "open_reconciliation", open(world, input).await)
    }
}

async fn open(world: &World, input: ReconcileInput) -> store::Result<Option<ReconcileRef>> {
    let run = if let Some(run) = input.run {
        reconciliations::get(&world.pool, run).await?
    } else {
        let (window, now) = (world.rules.return_window, world.clock.now());
        match reconciliations::open(&world.pool, RunKind::Scheduled, window, &Actor::system(), now).await? {
            Opened::New(run) | Opened::Running(run) => Some(run),
        }
    };
    let run = run.filter(|run| match run.status {
        RunStatus::Listing | RunStatus::Looking => true,
        RunStatus::Finished => false,
    });
    Ok(run.map(|run| ReconcileRef { run: run.id }))
}
