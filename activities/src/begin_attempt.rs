//! The one gate to the gateway: records the next attempt if everything permits it.

use std::sync::Arc;

use domain::Progress;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::PayoutRef;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct BeginAttemptStep(pub Arc<World>);

#[activities]
impl BeginAttemptStep {
    #[activity(definition = workflows::BeginAttempt)]
    pub async fn begin_attempt(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PayoutRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let begun =
            store::attempts::begin(&world.pool, input.payout, &world.rules.prefix, world.clock.now()).await;
        answer(world, "begin_attempt", begun)
    }
}
