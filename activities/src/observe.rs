//! Asks the gateway about one attempt, writes down what it says, and acts on it.
//!
//! One that has failed is asked about too: a webhook may say that it has paid after all, and that is known before its payout is
//! tried again or given up. How often is the script's to limit: a webhook causes one look a minute.

use std::sync::Arc;

use domain::{AttemptStatus, PayoutStatus, Progress};
use store::attempts;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::AttemptRef;

use crate::{
    World,
    failure::{again, answer},
    heartbeat,
};

/// The step; register it with a worker.
pub struct ObserveStep(pub Arc<World>);

#[activities]
impl ObserveStep {
    #[activity(definition = workflows::Observe)]
    pub async fn observe(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: AttemptRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let _under_way = world.tally.begin_look();
        let place = match attempts::terms(&world.pool, input.payout, input.attempt).await {
            Ok(place) => place.filter(|place| may_change(place.status)),
            Err(error) => return Err(again(world, "observe", &error, None)),
        };
        let Some(place) = place else {
            let progress = store::payouts::progress(&world.pool, input.payout, world.clock.now()).await;
            return answer(world, "observe", progress);
        };
        let look = world.gateway.observe(&place.terms.reference, place.gateway_id.as_deref());
        let looked = heartbeat::while_waiting(&ctx, look).await;
        world.tally.count_look(looked.as_ref().ok());
        let observed = match looked {
            Ok(observed) => observed,
            Err(failed) => return Err(again(world, "observe", &failed, failed.retry_after)),
        };
        let now = world.clock.now();
        let recorded = attempts::record_observation(
            &world.pool,
            input.payout,
            &place,
            &observed,
            &world.rules.retry,
            now,
        )
        .await;
        if recorded.as_ref().is_ok_and(|progress| progress.status == PayoutStatus::Completed) {
            world.tally.count_completed();
        }
        answer(world, "observe", recorded)
    }
}

/// What has paid is reconciliation's.
fn may_change(status: AttemptStatus) -> bool {
    match status {
        AttemptStatus::Submitting
        | AttemptStatus::Accepted
        | AttemptStatus::Unknown
        | AttemptStatus::Failed => true,
        AttemptStatus::Succeeded | AttemptStatus::Reversed => false,
    }
}
