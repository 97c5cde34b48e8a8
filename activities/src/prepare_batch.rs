//! Before a batch claims: has whoever is to be paid screened, where the installation has a hook ([`crate::screening`]), looks at
//! the wallet, and says at which pace the batch releases.
//!
//! A gateway that cannot be asked does not hold a batch up: its payouts go on as if there were enough, an attempt that meets an
//! empty wallet is no failure and waits for funds then. That is the lesser evil: where only the balance cannot be read, nobody
//! would be paid at all. Cost: two calls for each currency that somebody waits for; none for an instant batch right after another.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Money;
use gateway::{LookUpFailed, PayoutGateway};
use store::{
    batches::{self, BatchKind},
    funds::{self, Asked, Funds, Sight},
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{BatchRef, Prepared};

use crate::{World, failure::answer, heartbeat, screening};

/// A gateway that takes longer cannot be asked: a window does not wait for it.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// Instant batches follow one another: claims keep what is left of the last look.
const STILL_FRESH: TimeDelta = TimeDelta::seconds(15);

/// The step; register it with a worker.
pub struct PrepareBatchStep(pub Arc<World>);

#[activities]
impl PrepareBatchStep {
    #[activity(definition = workflows::PrepareBatch)]
    pub async fn prepare_batch(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: BatchRef,
    ) -> Result<Prepared, ActivityError> {
        let world = &self.0;
        let prepared = heartbeat::while_waiting(&ctx, prepare(world, input)).await;
        answer(world, "prepare_batch", prepared.map(|more| Prepared { more }))
    }
}

/// Answers whether there is more to do.
async fn prepare(world: &World, input: BatchRef) -> store::Result<bool> {
    let Some(batch) = batches::get(&world.pool, input.batch).await? else { return Ok(false) };
    if batch.closed_at.is_some() {
        return Ok(false);
    }
    if let Some(hook) = &world.screening
        && screening::screen(world, hook, &batch).await?
    {
        return Ok(true);
    }
    let now = world.clock.now();
    let seen = funds::seen(&world.pool).await?;
    for asked in funds::asked(&world.pool, now).await? {
        let fresh = seen.iter().any(|funds| is_enough(funds, &asked, now));
        match batch.kind {
            BatchKind::Instant if fresh => {}
            BatchKind::Instant | BatchKind::Window | BatchKind::RunNow => {
                look_at_wallet(world, &asked).await?;
            }
        }
    }
    batches::set_pace(&world.pool, input.batch, world.rules.releases_per_second, world.clock.now()).await?;
    Ok(false)
}

/// Whether the last look is young and leaves enough for everybody.
fn is_enough(funds: &Funds, asked: &Asked, now: DateTime<Utc>) -> bool {
    let young = funds.asked_at.is_some_and(|at| now.signed_duration_since(at) < STILL_FRESH);
    funds.currency == asked.currency
        && young
        && funds.left_for(asked).is_some_and(|left| !left.is_sign_negative())
}

/// Asks the gateway what the wallet holds and what a transfer costs, for batches to spend.
pub async fn look_at_wallet(world: &World, asked: &Asked) -> store::Result<()> {
    let (pool, currency) = (&world.pool, asked.currency);
    let asked_at = world.clock.now();
    let undebited = funds::claimed_and_not_debited(pool, currency, asked_at).await?;
    let gateway: &dyn PayoutGateway = world.gateway.as_ref();
    let balance = within_limit(gateway.balance(currency)).await.map(|balance| balance.available);
    let fee_each: Option<Money> = within_limit(gateway.fee_quote(asked.largest)).await;
    if balance.is_none() {
        tracing::warn!("the gateway cannot say what the {currency} wallet holds: the batch goes on without");
    }
    funds::see(pool, &Sight { currency, asked_at, balance, fee_each, undebited }).await
}

async fn within_limit<T>(question: impl Future<Output = Result<T, LookUpFailed>>) -> Option<T> {
    match tokio::time::timeout(QUESTION_LIMIT, question).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(failed)) => {
            tracing::debug!("a question about the wallet was not answered: {failed}");
            None
        }
        Err(_) => None,
    }
}
