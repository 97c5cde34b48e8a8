//! Writes an audit row about a signal that was ignored; once per signal.

use std::sync::Arc;

use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::StraySignal;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct RecordSignalStep(pub Arc<World>);

#[activities]
impl RecordSignalStep {
    #[activity(definition = workflows::RecordSignal)]
    pub async fn record_signal(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StraySignal,
    ) -> Result<(), ActivityError> {
        let world = &self.0;
        let stray = store::audit::Stray {
            payout: input.payout,
            name: &input.name,
            why: &input.why,
            count: input.count,
            key: &input.signal_key,
        };
        let recorded = store::audit::record_stray(&world.pool, &stray, world.clock.now()).await;
        answer(world, "record_signal", recorded)
    }
}
