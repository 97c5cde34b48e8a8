//! Temporal's own cancel: cancels the payout if that is still legal, else records the wish.

use std::sync::Arc;

use domain::Progress;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::EngineCancel;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct RequestCancelStep(pub Arc<World>);

#[activities]
impl RequestCancelStep {
    #[activity(definition = workflows::RequestCancel)]
    pub async fn request_cancel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: EngineCancel,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let now = world.clock.now();
        let by = store::ByHand { identity: &input.identity, key: &input.signal_key };
        let done = store::payouts::engine_cancel(&world.pool, input.payout, by, now).await;
        answer(world, "request_cancel", done)
    }
}
