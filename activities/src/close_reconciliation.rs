//! Closes a comparison with the gateway, and says what it came to.

use std::sync::Arc;

use store::reconciliations::{self, RunStatus};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{ReconcileRef, Reconciled};

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct CloseReconciliationStep(pub Arc<World>);

#[activities]
impl CloseReconciliationStep {
    #[activity(definition = workflows::CloseReconciliation)]
    pub async fn close_reconciliation(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ReconcileRef,
    ) -> Result<Reconciled, ActivityError> {
        let world = &self.0;
        answer(world, "close_reconciliation", close(world, input).await)
    }
}

async fn close(world: &World, input: ReconcileRef) -> store::Result<Reconciled> {
    let run = reconciliations::finish(&world.pool, input.run, world.clock.now()).await?;
    let Some(run) = run.filter(|run| run.status == RunStatus::Finished) else {
        return Ok(Reconciled::default());
    };
    let counts = run.counts;
    let (listed, asked, healed, cases) = (counts.listed, counts.looked_up, counts.healed, counts.differences);
    if cases == 0 {
        tracing::info!("reconciled: {listed} transfers listed, {asked} attempts asked for, {healed} healed");
    } else {
        tracing::error!(
            "reconciled: {listed} transfers listed, {asked} attempts asked for, {healed} healed, {cases} differences for people"
        );
    }
    Ok(Reconciled { listed, looked_up: asked, healed, differences: cases })
}
