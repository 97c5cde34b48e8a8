//! Closes a batch that has nothing left to claim.

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{BatchRef, BatchSummary};

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct CloseBatchStep(pub Arc<World>);

#[activities]
impl CloseBatchStep {
    #[activity(definition = workflows::CloseBatch)]
    pub async fn close_batch(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: BatchRef,
    ) -> Result<BatchSummary, ActivityError> {
        let world = &self.0;
        let closed = store::batches::close(&world.pool, input.batch, world.clock.now()).await;
        answer(world, "close_batch", closed.map(|payouts| BatchSummary { payouts }))
    }
}
