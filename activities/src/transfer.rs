//! Sends a recorded attempt under its one reference.
//!
//! The send is counted in its own commit before the call, under a lease: a second run, here or on another worker, finds it and
//! answers that the outcome is awaited. If the answer cannot be written down, the attempt is simply one that was sent and is
//! observed like any other.

use std::{sync::Arc, time::Duration};

use domain::{NotSent, NotSentClass, Progress, Submitted};
use store::attempts::{self, Sending};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::AttemptRef;

use crate::{
    World,
    failure::{again, answer},
    heartbeat,
    reobserve::look_at_earlier_attempts,
};

/// A pause is looked at again after this long.
const PAUSED_AGAIN: Duration = Duration::from_secs(15);
/// What an operator must mend (a wrong key, an address that is not whitelisted) is tried again after this long.
const OPERATOR_AGAIN: Duration = Duration::from_secs(30);
/// The gateway's own wish is honoured up to this long.
const LONGEST_WISH: Duration = Duration::from_mins(10);

#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("transfers are paused")]
    Paused,
    #[error("nothing was sent: {0}")]
    NotSent(String),
}

/// The step; register it with a worker.
pub struct TransferStep(pub Arc<World>);

#[activities]
impl TransferStep {
    #[activity(definition = workflows::Transfer)]
    pub async fn transfer(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: AttemptRef,
    ) -> Result<Progress, ActivityError> {
        let world = &self.0;
        let _under_way = world.tally.begin_transfer();
        let rules = &world.rules;
        let sending = attempts::count_send(
            &world.pool,
            input.payout,
            input.attempt,
            rules.send_lease,
            &rules.narration,
            world.clock.now(),
        )
        .await;
        let (lease, terms) = match sending {
            Ok(Sending::Go { lease, terms }) => (lease, terms),
            Ok(Sending::Not(progress)) => return answer(world, "transfer", Ok::<_, store::Error>(progress)),
            // Nothing else looks at it while this attempt is open.
            Ok(Sending::Doubted(progress)) => {
                let (gateway, clock) = (world.gateway.as_ref(), world.clock.as_ref());
                let looks = look_at_earlier_attempts(&world.pool, gateway, clock, &rules.retry, input.payout);
                let looked = heartbeat::while_waiting(&ctx, looks).await;
                return answer(world, "transfer", looked.map(|_| progress));
            }
            Ok(Sending::Paused) => return Err(again(world, "transfer", &NotNow::Paused, Some(PAUSED_AGAIN))),
            Err(error) => return Err(again(world, "transfer", &error, None)),
        };
        let submitted = heartbeat::while_waiting(&ctx, world.gateway.submit(&terms)).await;
        world.tally.count_send(&submitted);
        let now = world.clock.now();
        if let Submitted::NotSent(not_sent) = &submitted {
            if let Err(error) = attempts::record_not_sent(&world.pool, lease, not_sent, now).await {
                return Err(again(world, "transfer", &error, None));
            }
            return Err(again(
                world,
                "transfer",
                &NotNow::NotSent(not_sent.message.clone()),
                delay(not_sent),
            ));
        }
        let number = input.attempt.get();
        tracing::info!(
            payout.id = %input.payout, attempt.number = number,
            "attempt {number} of payout {} was sent: {}", input.payout, word(&submitted)
        );
        let recorded =
            attempts::record_submitted(&world.pool, input.payout, lease, &submitted, &rules.retry, now).await;
        answer(world, "transfer", recorded)
    }
}

fn delay(not_sent: &NotSent) -> Option<Duration> {
    let wish = not_sent.retry_after.map(|wish| wish.min(LONGEST_WISH));
    match not_sent.class {
        NotSentClass::Unreachable | NotSentClass::RateLimited => wish,
        NotSentClass::Unauthorized | NotSentClass::NotWhitelisted => Some(wish.unwrap_or(OPERATOR_AGAIN)),
    }
}

fn word(submitted: &Submitted) -> &'static str {
    match submitted {
        Submitted::Accepted(_) => "accepted",
        Submitted::Declined(_) => "declined",
        Submitted::Duplicate => "already known to the gateway",
        Submitted::NotSent(_) => "not sent",
        Submitted::Unknown { .. } => "no answer that tells",
    }
}
