//! Looks at every attempt that has failed once more, just before money may move again: before a retry, and before a refund.

use std::sync::Arc;

use domain::{Clock, Next, PayoutId, PayoutStatus, Progress};
use gateway::{LookUpFailed, PayoutGateway};
use store::{
    Pool,
    attempts::{self, RetryPolicy},
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::PayoutRef;

use crate::{
    World,
    failure::{again, answer},
    heartbeat,
};

/// What the looks came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reobserved {
    /// Every attempt has been seen, just now, to have failed.
    AllFailed,
    /// One may still pay, or has: in words.
    NotProven(String),
}

#[derive(Debug, thiserror::Error)]
pub enum LookFailed {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Gateway(#[from] LookUpFailed),
}

/// Asks the gateway about each earlier attempt and writes down what it says. The API calls it before a refund.
pub async fn look_at_earlier_attempts(
    pool: &Pool,
    gateway: &dyn PayoutGateway,
    clock: &dyn Clock,
    policy: &RetryPolicy,
    payout: PayoutId,
) -> Result<Reobserved, LookFailed> {
    for place in attempts::terms_of_earlier(pool, payout).await? {
        let observed = gateway.observe(&place.terms.reference, place.gateway_id.as_deref()).await?;
        attempts::record_observation(pool, payout, &place, &observed, policy, clock.now()).await?;
    }
    Ok(match attempts::proven_unpaid(pool, payout, clock.now()).await? {
        Ok(()) => Reobserved::AllFailed,
        Err(why) => Reobserved::NotProven(why),
    })
}

/// The step; register it with a worker.
pub struct ReobserveStep(pub Arc<World>);

#[activities]
impl ReobserveStep {
    #[activity(definition = workflows::Reobserve)]
    pub async fn reobserve(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: PayoutRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        match heartbeat::while_waiting(&ctx, reobserve(world, input.payout)).await {
            Err(LookFailed::Gateway(failed)) => Err(again(world, "reobserve", &failed, failed.retry_after)),
            other => answer(world, "reobserve", other),
        }
    }
}

/// What the looks came to is judged under the payout's lock: begin, look again later, or, when the gateway has contradicted
/// itself for a day, a person.
async fn reobserve(world: &World, payout: PayoutId) -> Result<Progress, LookFailed> {
    let before = store::payouts::progress(&world.pool, payout, world.clock.now()).await?;
    if !may_begin(&before, world) {
        return Ok(before);
    }
    let gateway = world.gateway.as_ref();
    look_at_earlier_attempts(&world.pool, gateway, world.clock.as_ref(), &world.rules.retry, payout).await?;
    Ok(attempts::after_looking(&world.pool, payout, world.clock.now()).await?)
}

/// Released and not begun, or failed with a retry that is due.
fn may_begin(progress: &Progress, world: &World) -> bool {
    match progress.next {
        Next::Begin => true,
        Next::AwaitRetry { due } => progress.status == PayoutStatus::Failed && due <= world.clock.now(),
        Next::Assess
        | Next::AwaitDecision
        | Next::AwaitRelease
        | Next::Send { .. }
        | Next::AwaitOutcome { .. }
        | Next::AwaitAttention
        | Next::Notify { .. } => false,
    }
}
