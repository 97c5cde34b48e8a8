//! Claims the next approved payouts for a batch, with their release signals in the same transaction.

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{BatchRef, Claimed};

use crate::{World, failure::answer};

/// One transaction of about 200 ms: well within the step's two seconds on a busy machine. The look for them is over all that are
/// approved, so fewer and larger chunks are faster.
const CHUNK: i64 = 2000;

/// The step; register it with a worker.
pub struct ClaimChunkStep(pub Arc<World>);

#[activities]
impl ClaimChunkStep {
    #[activity(definition = workflows::ClaimChunk)]
    pub async fn claim_chunk(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: BatchRef,
    ) -> Result<Claimed, ActivityError> {
        let world = &self.0;
        // Closed only when the process ends; then the step is tried again elsewhere.
        let _slot = world.batch_slots.acquire().await;
        let claimed = store::batches::claim_chunk(&world.pool, input.batch, CHUNK, world.clock.now()).await;
        answer(
            world,
            "claim_chunk",
            claimed.map(|chunk| Claimed { claimed: chunk.claimed, more: chunk.more }),
        )
    }
}
