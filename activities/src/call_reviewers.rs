//! Tells people that a payout waits for them, once; after a day others, once.

use std::sync::Arc;

use domain::Progress;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ReviewCall;

use crate::{World, failure::answer};

/// The step; register it with a worker.
pub struct CallReviewersStep(pub Arc<World>);

#[activities]
impl CallReviewersStep {
    #[activity(definition = workflows::CallReviewers)]
    pub async fn call_reviewers(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ReviewCall,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let progress = store::reviews::call(&world.pool, input.payout, input.at).await;
        answer(world, "call_reviewers", progress)
    }
}
