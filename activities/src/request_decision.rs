//! A decision that somebody signalled from the Temporal UI or CLI: a request, honoured where the installation allows it.

use std::sync::Arc;

use domain::Progress;
use store::decisions::{NewDecision, Verdict};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::EngineDecision;

use crate::{World, failure::answer};

/// What stands for the reason of somebody who gave none.
const NO_REASON: &str = "no reason given";

/// The step; register it with a worker.
pub struct RequestDecisionStep(pub Arc<World>);

#[activities]
impl RequestDecisionStep {
    #[activity(definition = workflows::RequestDecision)]
    pub async fn request_decision(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: EngineDecision,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let verdict = match input.verdict {
            workflows::Verdict::Approve => Verdict::Approve,
            workflows::Verdict::Reject => Verdict::Reject,
        };
        let reason = if input.reason.trim().is_empty() { NO_REASON } else { input.reason.trim() };
        let decided = store::decisions::engine_request(
            &world.pool,
            &NewDecision { payout: input.payout, verdict, reason },
            store::ByHand { identity: &input.identity, key: &input.signal_key },
            world.rules.engine_approval,
            world.rules.instant(),
            world.clock.now(),
        )
        .await;
        answer(world, "request_decision", decided)
    }
}
