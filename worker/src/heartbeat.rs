//! Says every few seconds, in Redis, that this worker is there and how it is. Nothing depends on it: while Redis is away it is not
//! said, and that is all.

use std::{collections::VecDeque, sync::Arc};

use activities::World;
use chrono::{DateTime, Utc};
use ephemeral::{
    Links,
    beats::{self, Beat, EVERY, QueueBeat},
};
use tokio_util::sync::CancellationToken;
use workflows::names;

use crate::{
    Engine, Settings,
    processes::{LOOK_UPS, WORKFLOW_TASKS},
};

/// Samples of what was sent that make up a minute.
const SAMPLES: usize = 12;
/// What the program was built from, where the build says so (`PAYOUTS_COMMIT`).
const COMMIT: Option<&str> = option_env!("PAYOUTS_COMMIT");
/// Linux counts memory in these; elsewhere nothing is told.
const PAGE_BYTES: u64 = 4096;

/// What does not change while the process runs.
pub(crate) struct Told {
    transfers: usize,
}

impl Told {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self { transfers: settings.payout_concurrency }
    }
}

pub(crate) async fn beat(
    world: Arc<World>,
    engine: Engine,
    links: Arc<Links>,
    told: Told,
    stop: CancellationToken,
) {
    let started_at = world.clock.now();
    let mut sent = VecDeque::from([0]);
    loop {
        let sends = world.tally.sends().map(|(_, count)| count).fold(0, u64::saturating_add);
        let before = sent.front().copied().unwrap_or(0);
        let said =
            say(&world, &engine, links.instance(), &told, started_at, sends, sends.saturating_sub(before));
        // Away is away: it is said again in a moment.
        let _ = beats::say(&links, &said).await;
        sent.push_back(sends);
        if sent.len() > SAMPLES {
            sent.pop_front();
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    beats::leave(&links, links.instance()).await;
}

fn say(
    world: &World,
    engine: &Engine,
    id: &str,
    told: &Told,
    started_at: DateTime<Utc>,
    sends: u64,
    sends_last_minute: u64,
) -> Beat {
    let queue = |queue: &str, slots: usize, used: Option<u64>| QueueBeat {
        queue: queue.to_owned(),
        slots: u64::try_from(slots).unwrap_or(u64::MAX),
        used,
    };
    let tally = &world.tally;
    Beat {
        id: id.to_owned(),
        identity: engine.identity().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: COMMIT.map(str::to_owned),
        started_at,
        seen_at: world.clock.now(),
        queues: vec![
            queue(names::TASK_QUEUE, WORKFLOW_TASKS, None),
            queue(names::TRANSFER_QUEUE, told.transfers, Some(tally.transfers_under_way())),
            queue(names::LOOKUP_QUEUE, LOOK_UPS, Some(tally.looks_under_way())),
        ],
        steps_done: tally.done(),
        steps_again: tally.failed(),
        sends,
        sends_last_minute,
        completed: tally.completed(),
        rss_bytes: rss_bytes(),
    }
}

/// Resident memory of this process.
fn rss_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(PAGE_BYTES)
}
