//! Delivers what has not been delivered of the messages about a payout.

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::EndingRef;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct NotifyStep(pub Arc<World>);

#[activities]
impl NotifyStep {
    #[activity(definition = workflows::Notify)]
    pub async fn notify(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: EndingRef,
    ) -> Result<(), ActivityError> {
        let world = &self.0;
        let delivered = store::notifications::deliver(&world.pool, input.payout, world.clock.now()).await;
        answer(world, "notify", delivered.map(|_| ()))
    }
}
