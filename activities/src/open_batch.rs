//! Opens the batch that is asked for, the one whose window is due, or one for instant payouts.

use std::{sync::Arc, time::Duration};

use store::batches;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{BatchInput, BatchRef};

use crate::{
    World,
    failure::{again, answer},
};

/// A batch that would be one too many within a minute asks again after this long.
const TURN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
#[error("BATCH_WORKER_RATE_LIMIT is reached: the batch waits for its turn")]
struct NotYet;

/// The step; register it with a worker.
pub struct OpenBatchStep(pub Arc<World>);

#[activities]
impl OpenBatchStep {
    #[activity(definition = workflows::OpenBatch)]
    pub async fn open_batch(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: BatchInput,
    ) -> Result<Option<BatchRef>, ActivityError> {
        let world = &self.0;
        match open(world, input).await {
            Ok(Some(batch)) if !input.open => match its_turn(world, batch).await {
                Ok(true) => answer(world, "open_batch", Ok::<_, store::Error>(Some(batch))),
                Ok(false) => Err(again(world, "open_batch", &NotYet, Some(TURN))),
                Err(error) => Err(again(world, "open_batch", &error, None)),
            },
            other => answer(world, "open_batch", other),
        }
    }
}

async fn open(world: &World, input: BatchInput) -> store::Result<Option<BatchRef>> {
    let now = world.clock.now();
    let batch = match input.batch {
        Some(batch) => batches::is_open(&world.pool, batch).await?.then_some(batch),
        None if input.open => {
            if batches::any_approved(&world.pool).await? {
                Some(batches::open_instant(&world.pool, now).await?)
            } else {
                None
            }
        }
        None => batches::open_due(&world.pool, world.rules.window, world.rules.zone, now).await?,
    };
    Ok(batch.map(|batch| BatchRef { batch }))
}

async fn its_turn(world: &World, batch: BatchRef) -> store::Result<bool> {
    let ahead = batches::begun_within_a_minute(&world.pool, batch.batch, world.clock.now()).await?;
    Ok(ahead < world.rules.batches_per_minute)
}
