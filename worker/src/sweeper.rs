//! Starts a workflow for every payout that is not final and has none: a terminated run, a reset, an emptied Temporal database cost
//! time, not money. Starting one that runs is refused by the engine and changes nothing.
//!
//! The opposite, a workflow that has no payout (any more), is [`forgotten`]'s. Beside them, and also while Temporal is away: says what has waited too long for the gateway to tell ([`store::overdue`]).

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::Clock;
use store::Pool;
use temporalio_client::{Client, errors::WorkflowStartError};
use tokio_util::sync::CancellationToken;

use crate::{Engine, forgotten, relay::start_payout_workflow};

const EVERY: Duration = Duration::from_secs(30);
/// Payouts that moved just now are being carried by somebody.
const QUIET_FOR: TimeDelta = TimeDelta::seconds(30);
const PAGE: i64 = 200;
/// Between two pages: at most a few hundred starts a second, a fraction of what the engine takes.
const BREATH: Duration = Duration::from_millis(500);

pub(crate) async fn sweep(
    pool: Pool,
    engine: Engine,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    tokio::join!(
        start_missing(&pool, &engine, clock.as_ref(), &stop),
        tell_overdue(&pool, clock.as_ref(), &stop),
        Box::pin(forgotten::end(&pool, &engine, clock.as_ref(), &stop))
    );
    Ok(())
}

async fn start_missing(pool: &Pool, engine: &Engine, clock: &dyn Clock, stop: &CancellationToken) {
    let Some(client) = engine.wait(stop).await else { return };
    loop {
        if let Err(error) = sweep_once(pool, client, clock).await {
            tracing::warn!("the sweep was cut short: {error:#}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn tell_overdue(pool: &Pool, clock: &dyn Clock, stop: &CancellationToken) {
    loop {
        match store::overdue::look(pool, clock.now()).await {
            Ok(round) => tell(&round),
            Err(error) => tracing::warn!("what has waited too long could not be looked for: {error:#}"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn tell(round: &store::overdue::Round) {
    for silent in &round.alerts {
        let (payout, attempt) = (silent.payout, silent.attempt.get());
        tracing::error!(
            payout.id = %payout, attempt.number = attempt,
            "attempt {attempt} of payout {payout} was sent and has no outcome; begun {}", silent.began_at
        );
    }
    if round.unknown > 0 {
        tracing::error!("{} attempts without outcome for a day were given to finance", round.unknown);
    }
    if round.doubted > 0 {
        tracing::error!("{} payouts whose failure nobody confirms were given to a person", round.doubted);
    }
}

async fn sweep_once(pool: &Pool, client: &Client, clock: &dyn Clock) -> anyhow::Result<()> {
    let now = clock.now();
    let quiet_since = now.checked_sub_signed(QUIET_FOR).unwrap_or(now);
    let mut after = None;
    loop {
        let page = store::sweep::open_payouts(pool, after, quiet_since, PAGE).await?;
        for start in &page {
            match start_payout_workflow(client, start).await {
                Ok(()) | Err(WorkflowStartError::AlreadyStarted { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        after = page.last().map(|start| start.payout);
        if page.len() < usize::try_from(PAGE)? {
            return Ok(());
        }
        tokio::time::sleep(BREATH).await;
    }
}
