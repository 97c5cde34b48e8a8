//! Answers as the payout stands; writes nothing.

use std::sync::Arc;

use domain::Progress;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::PayoutRef;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct ReloadStep(pub Arc<World>);

#[activities]
impl ReloadStep {
    #[activity(definition = workflows::Reload)]
    pub async fn reload(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PayoutRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let progress = store::payouts::progress(&world.pool, input.payout, world.clock.now()).await;
        answer(world, "reload", progress)
    }
}
