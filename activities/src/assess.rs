//! Loads the payout; one that was only requested is validated and assessed, in one transaction.

use std::sync::Arc;

use domain::Progress;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::PayoutRef;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct AssessStep(pub Arc<World>);

#[activities]
impl AssessStep {
    #[activity(definition = workflows::Assess)]
    pub async fn assess(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PayoutRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let now = world.clock.now();
        let done =
            store::assessments::validate_and_assess(&world.pool, input.payout, world.rules.instant(), now)
                .await;
        answer(world, "assess", done)
    }
}
