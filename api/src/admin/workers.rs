//! `GET /api/admin/workers`

use chrono::{DateTime, Utc};
use ephemeral::beats::Beat;
use poem_openapi::{Object, OpenApi, payload::Json};
use worker::fleet::{self, Queue};

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
};

/// One of a worker's queues.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct WorkerQueue {
    /// `payouts` (workflow tasks), or the one for transfers or for look-ups.
    queue: String,
    /// What it carries out at the same time, at most.
    slots: u64,
    /// How many of them are taken. Absent for workflow tasks, which take milliseconds.
    used: Option<u64>,
    /// When it last asked Temporal for work (UTC). Absent where Temporal does not say.
    polled_at: Option<DateTime<Utc>>,
}

/// A worker process, as it says of itself.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Worker {
    /// Names the process; another one after a restart.
    id: String,
    /// What to call it: the same for as long as the process runs, whatever the host is called.
    name: String,
    /// How it is called in the Temporal UI.
    identity: String,
    /// The release it runs.
    version: String,
    /// What that was built from, where the build says so.
    commit: Option<String>,
    /// Since when it runs (UTC).
    started_at: DateTime<Utc>,
    /// When it last said so (UTC). One that has been silent for 20 seconds is not listed.
    seen_at: DateTime<Utc>,
    /// Its queues.
    queues: Vec<WorkerQueue>,
    /// Steps of workflows that it has carried out.
    steps_done: u64,
    /// Steps that asked to be tried again.
    steps_again: u64,
    /// Transfers it has sent to the gateway.
    transfers: u64,
    /// Those of the last minute.
    transfers_last_minute: u64,
    /// Payouts that it saw paid.
    payouts_completed: u64,
    /// Its memory. Absent where the system does not tell.
    rss_bytes: Option<u64>,
}

/// What waits in one of Temporal's queues.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct QueueBacklog {
    /// Which.
    queue: String,
    /// Tasks that wait, about. Absent while Temporal does not say.
    backlog: Option<i64>,
    /// Pollers that Temporal has seen in the last minutes. None while it does not say.
    pollers: usize,
}

/// The fleet at this moment.
#[derive(Debug, Object)]
#[oai(rename = "Workers")]
struct FleetNow {
    /// `ok`; `degraded` while Redis or Temporal is away, so that something is missing here. Payouts go on without Redis.
    status: String,
    /// Those that have said lately that they are there, the longest running first. Empty while Redis is away: that says nothing about
    /// the workers, and `queues` still tells who polls.
    workers: Vec<Worker>,
    /// What waits.
    queues: Vec<QueueBacklog>,
}

pub(crate) struct ListWorkers;

impl Refuses for ListWorkers {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListWorkers {
    /// The workers
    ///
    /// Who carries payouts on just now and what waits for them. Workers say so through Redis every five seconds; what waits is asked
    /// of Temporal. For people: no payout depends on it.
    #[oai(path = "/api/admin/workers", method = "get", operation_id = "listWorkers")]
    async fn list(&self, app: TheApp<'_>, _caller: AsAdmin) -> Result<Json<FleetNow>, Refused<Self>> {
        let fleet = fleet::read(&app.rates.links, &app.engine).await;
        let whole = fleet.workers.is_ok() && fleet.queues.iter().all(|queue| queue.backlog.is_some());
        let beats = fleet.workers.unwrap_or_default();
        Ok(Json(FleetNow {
            status: if whole { "ok" } else { "degraded" }.to_owned(),
            workers: beats.into_iter().map(|beat| tell(beat, &fleet.queues)).collect(),
            queues: fleet.queues.iter().map(backlog).collect(),
        }))
    }
}

fn tell(beat: Beat, queues: &[Queue]) -> Worker {
    let polled_at = |name: &str| {
        let pollers = &queues.iter().find(|queue| queue.name == name)?.pollers;
        let poller = pollers.iter().find(|poller| poller.identity == beat.identity)?;
        DateTime::from_timestamp(poller.polled_at, 0)
    };
    let own = beat.queues.iter().map(|own| WorkerQueue {
        queue: own.queue.clone(),
        slots: own.slots,
        used: own.used,
        polled_at: polled_at(&own.queue),
    });
    Worker {
        queues: own.collect(),
        name: format!("worker-{}", beat.id),
        id: beat.id,
        identity: beat.identity,
        version: beat.version,
        commit: beat.commit,
        started_at: beat.started_at,
        seen_at: beat.seen_at,
        steps_done: beat.steps_done,
        steps_again: beat.steps_again,
        transfers: beat.sends,
        transfers_last_minute: beat.sends_last_minute,
        payouts_completed: beat.completed,
        rss_bytes: beat.rss_bytes,
    }
}

fn backlog(queue: &Queue) -> QueueBacklog {
    QueueBacklog { queue: queue.name.to_owned(), backlog: queue.backlog, pollers: queue.pollers.len() }
}
