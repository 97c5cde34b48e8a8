//! Asks the gateway about our attempts that were not in its list, from the run's cursor.

use std::{sync::Arc, time::Duration};

use store::reconciliations::{self, Counts, RunStatus};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant;
use workflows::{ReconcileRef, ReconcileStep};

use crate::{
    World,
    comparison::{CompareFailed, look},
    failure::{again, answer},
    heartbeat,
};

/// A step goes on for this long, then says where it is: the next one may run elsewhere.
const STEP_TAKES: Duration = Duration::from_secs(30);
/// Asked for between two movements of the cursor: what is asked again after a crash.
const CHUNK: i64 = 10;

/// The step; register it with a worker.
pub struct ReconcileMissingStep(pub Arc<World>);

#[activities]
impl ReconcileMissingStep {
    #[activity(definition = workflows::ReconcileMissing)]
    pub async fn reconcile_missing(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReconcileRef,
    ) -> Result<ReconcileStep, ActivityError> {
        let world = &self.0;
        match heartbeat::while_waiting(&ctx, chunks(world, input)).await {
            Err(CompareFailed::Gateway(failed)) => {
                Err(again(world, "reconcile_missing", &failed, failed.retry_after))
            }
            other => answer(world, "reconcile_missing", other),
        }
    }
}

async fn chunks(world: &World, input: ReconcileRef) -> Result<ReconcileStep, CompareFailed> {
    let began = Instant::now();
    loop {
        let run = reconciliations::get(&world.pool, input.run).await?;
        let Some(run) = run.filter(|run| run.status == RunStatus::Looking) else {
            return Ok(ReconcileStep { more: false });
        };
        let unseen = reconciliations::unseen(&world.pool, &run, CHUNK, world.clock.now()).await?;
        let Some(upto) = unseen.upto else { return Ok(ReconcileStep { more: false }) };
        let mut counts = Counts::default();
        for known in &unseen.attempts {
            look(world, known, &mut counts).await?;
        }
        reconciliations::looked_up(&world.pool, &run, upto, counts).await?;
        if began.elapsed() > STEP_TAKES {
            return Ok(ReconcileStep { more: true });
        }
    }
}
