//! Looks ahead: tells finance before a window that the wallet will not do for.
//!
//! In the last [`AHEAD`] before a window the wallet is looked at every [`EVERY`], by every worker; the first to find it short tells,
//! once a window and currency. Cost: a call to the gateway each time, where something is approved.

use std::{sync::Arc, time::Duration};

use activities::World;
use chrono::TimeDelta;
use domain::{Schedule, forecast};
use rust_decimal::Decimal;
use store::funds;
use tokio_util::sync::CancellationToken;

/// Long enough to move money between two banks' accounts by hand.
const AHEAD: TimeDelta = TimeDelta::minutes(45);
const EVERY: Duration = Duration::from_mins(5);

/// Runs until `stop`.
pub(crate) async fn watch(world: Arc<World>, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        look(&world).await?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One look. Answers in how many currencies finance was told now.
pub async fn look(world: &World) -> store::Result<usize> {
    let settings = Schedule::of_settings(world.rules.window, world.rules.zone);
    let schedule = store::batches::rules::schedule(&world.pool, &settings).await?;
    let now = world.clock.now();
    let Some(window) = schedule.after(now).filter(|at| at.signed_duration_since(now) <= AHEAD) else {
        return Ok(0);
    };
    for asked in funds::asked(&world.pool, now).await? {
        activities::look_at_wallet(world, &asked).await?;
    }
    let mut told = 0_usize;
    for (waiting, _) in store::forecast::waiting(&world.pool, now).await? {
        let short = forecast::forecast(&waiting, &[window]).first().and_then(|expected| expected.shortfall);
        if let Some(short) = short.filter(|short| *short > Decimal::ZERO)
            && store::forecast::warn(&world.pool, window, waiting.currency, short, now).await?
        {
            told = told.saturating_add(1);
        }
    }
    Ok(told)
}
