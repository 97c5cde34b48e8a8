//! Delivers messages: hands over what was told, takes what is due, and writes down what became of it.
//!
//! At least once; any number of deliverers may run. It looks every [`SWEEP_EVERY`], and at once when somebody asks for something to
//! be sent (again). What payouts tell is not announced: `NOTIFY` would make their commits follow one another.
//! Each lane (all e-mail, one push service, one webhook endpoint) is a task of its own with a few calls at a time, so one that is
//! slow holds up itself alone. A payout never waits for any of this: no workflow and no transaction of one calls out.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use channels::{Delivery, Post, TRY_LIMIT};
use chrono::TimeDelta;
use domain::Clock;
use futures::{StreamExt, stream};
use sqlx::postgres::PgListener;
use store::{
    Pool,
    messages::{self, Channels, Due},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Finds what was told, and messages whose back-off has run out: two look-ups in small indexes.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Between two rounds, whoever asks for them.
const BREATH: Duration = Duration::from_millis(100);
/// Notifications handed over at once.
const HANDED_OVER: i64 = 200;
/// Messages of one lane taken at once, and of these under way at the same time.
const EACH_LANE: i64 = 16;
const AT_ONCE: usize = 4;
/// Lanes under way at the same time, in this process.
const MOST_LANES: usize = 64;
/// A deliverer that dies leaves its messages to the others after this long: a whole lane's turn, each try at its limit.
const LEASE: TimeDelta = messages::LONGEST_LEASE;
const FORGET_EVERY: Duration = Duration::from_mins(10);
const FORGOTTEN_AT_ONCE: i64 = 1000;

const _: () =
    assert!(TRY_LIMIT.as_secs() * 4 < 90, "a lane's turn (16 in fours) must end before its lease does");

/// Runs until `stop`. Returns early only by error of the listener's database connection, to be started again.
pub(crate) async fn deliver(
    pool: Pool,
    post: Arc<Post>,
    channels: Channels,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("messages").await?;
    let mut lanes: JoinSet<String> = JoinSet::new();
    let mut busy = BTreeSet::new();
    let mut forgot = tokio::time::Instant::now();
    loop {
        let more = match round(&pool, &post, channels, &clock, &mut lanes, &mut busy).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!("messages could not be read: {error}");
                false
            }
        };
        if forgot.elapsed() >= FORGET_EVERY {
            forgot = tokio::time::Instant::now();
            if let Err(error) = messages::forget_old(&pool, FORGOTTEN_AT_ONCE, clock.now()).await {
                tracing::warn!("old messages could not be forgotten: {error}");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(BREATH) => {}
        }
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            heard = listener.recv() => { heard?; }
            Some(ended) = lanes.join_next() => free(&mut busy, ended),
        }
    }
}

fn free(busy: &mut BTreeSet<String>, ended: Result<String, tokio::task::JoinError>) {
    match ended {
        Ok(lane) => {
            busy.remove(&lane);
        }
        Err(error) => {
            // Its rows come back when their lease has run out; which lane it was is not known any more.
            tracing::error!("a lane of messages ended badly: {error}");
            busy.clear();
        }
    }
}

/// Hands over and begins what is due. `true`: there is more at once.
async fn round(
    pool: &Pool,
    post: &Arc<Post>,
    channels: Channels,
    clock: &Arc<dyn Clock>,
    lanes: &mut JoinSet<String>,
    busy: &mut BTreeSet<String>,
) -> store::Result<bool> {
    while let Some(ended) = lanes.try_join_next() {
        free(busy, ended);
    }
    let handed_over = messages::hand_over(pool, channels, HANDED_OVER, clock.now()).await?;
    if busy.len() >= MOST_LANES {
        return Ok(false);
    }
    let taken: Vec<String> = busy.iter().cloned().collect();
    let due = messages::lease(pool, &taken, EACH_LANE, LEASE, clock.now()).await?;
    let mut by_lane: std::collections::BTreeMap<String, Vec<Due>> = std::collections::BTreeMap::new();
    for message in due {
        by_lane.entry(message.lane.clone()).or_default().push(message);
    }
    for (lane, messages) in by_lane {
        busy.insert(lane.clone());
        let (pool, post, clock) = (pool.clone(), Arc::clone(post), Arc::clone(clock));
        lanes.spawn(async move {
            stream::iter(messages)
                .for_each_concurrent(AT_ONCE, |due| one(&pool, &post, clock.as_ref(), due))
                .await;
            lane
        });
    }
    Ok(handed_over >= HANDED_OVER.unsigned_abs())
}

async fn one(pool: &Pool, post: &Post, clock: &dyn Clock, due: Due) {
    let recorded = match post.deliver(&due, clock.now()).await {
        Delivery::Tried(tried) => {
            let (id, number, outcome) = (due.id, due.tries, tried.outcome.as_str());
            tracing::debug!(message.id = %id, message.tries = number, "message {id} by {}: {outcome}", due.lane);
            messages::record(pool, &due, &tried, clock.now()).await
        }
        Delivery::Unwanted(why) => messages::drop_unwanted(pool, &due, why, clock.now()).await,
    };
    if let Err(error) = recorded {
        // It may have arrived: it will arrive again, under the same id.
        tracing::warn!("what became of message {} could not be written down: {error}", due.id);
    }
}
