//! The last step: makes sure that everything this payout had to tell is handed over to its channels.
//!
//! The rows of the feed were written in the transactions they tell about; messages to the other channels are rows too, from here
//! on delivered by the worker's deliverer, with its own retries. So a mail server that is away costs a payout nothing.

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
        let delivered = store::messages::hand_over_payout(
            &world.pool,
            input.payout,
            world.rules.channels,
            world.clock.now(),
        )
        .await;
        answer(world, "notify", delivered.map(|_| ()))
    }
}
