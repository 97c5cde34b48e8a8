//! The SDK's workers: one for workflows and database steps, one for transfers, one for look-ups, each on a thread of its own
//! (a worker cannot move between threads, and all workflow code of one runs on one thread).
//!
//! The SDK (1.1) keeps an entry of about 230 bytes for every step that a worker carries out and frees them with the worker. So the
//! three drain and are made anew after [`Settings::recycle_after`] steps, in the same process: what is open goes on within seconds,
//! as after a restart. Cost: while a transfer that is under way ends (38 s at worst), this process begins no other.

use std::{sync::Arc, thread, time::Duration};

use activities::World;
use anyhow::Context;
use futures::{StreamExt, stream::FuturesUnordered};
use temporalio_client::Client;
use temporalio_common::telemetry::{
    PrometheusExporterOptions, TelemetryOptions, metrics::CoreMeter, start_prometheus_metric_exporter,
};
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    runtime::{
        PollerBehavior, RuntimeOptions,
        worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
    },
};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;
use workflows::{BatchWorkflow, BooksCheckWorkflow, PayoutWorkflow, ReconciliationWorkflow, names};

use crate::Settings;

/// Waiting payouts kept in memory, about 12 KB each; others are rebuilt from history when they move.
const CACHED_WORKFLOWS: usize = 3000;
/// Workflow tasks at the same time: they are CPU of one thread, and mostly wait for their database step.
pub(crate) const WORKFLOW_TASKS: usize = 50;
/// A killed worker's payouts wait this long for it before another takes them.
const STICKY_TIMEOUT: Duration = Duration::from_secs(2);
/// Of the limit, given to the engine as the rate: it lets a second's worth through at once after a pause, and calls take unequally long
/// on their way, yet the gateway must not see the limit exceeded.
const SHARE_OF_THE_LIMIT: f64 = 0.95;
/// Look-ups at the same time: cheap, and somebody waits for the answer.
pub(crate) const LOOK_UPS: usize = 10;
/// Look-ups per second over the fleet, apart from transfers so that neither starves the other.
const LOOK_UPS_PER_SECOND: f64 = 50.0;
/// On SIGTERM: a transfer's call may take 38 s; what is not done by then is tried again elsewhere, and never sent twice.
const GRACE: Duration = Duration::from_secs(45);

/// An activity that ignores its cancel would be waited for without end.
const LAST_CALL: Duration = Duration::from_secs(50);

/// How often the steps are counted: a few hundred more or less are nothing.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Runs the three workers until `stop`, or until one of them fails; made anew when they have grown.
pub(crate) async fn run(
    world: Arc<World>,
    client: Client,
    settings: &Settings,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let options = RuntimeOptions::builder().telemetry_options(telemetry(settings)?).build();
    let options = options.map_err(|error| anyhow::anyhow!("the SDK's options: {error}"))?;
    let runtime = Arc::new(Runtime::from_current_tokio(options).context("the SDK's runtime")?);
    loop {
        let (generation, grown) = (stop.child_token(), CancellationToken::new());
        let count = count_steps(world.clone(), settings.recycle_after, grown.clone(), generation.clone());
        let counting = tokio::spawn(count);
        let ended = run_generation(&world, &client, settings, &runtime, &generation).await;
        counting.abort();
        if ended.is_err() || stop.is_cancelled() || !grown.is_cancelled() {
            stop.cancel();
            return ended;
        }
        world.tally.count_recycled();
    }
}

/// Ends a generation that has carried out so many steps.
async fn count_steps(world: Arc<World>, most: u64, grown: CancellationToken, generation: CancellationToken) {
    let steps = || world.tally.done().saturating_add(world.tally.failed());
    let began = steps();
    while steps().saturating_sub(began) < most {
        tokio::time::sleep(COUNT_EVERY).await;
    }
    tracing::info!("the workers are made anew after {} steps", steps().saturating_sub(began));
    grown.cancel();
    generation.cancel();
}

/// Runs three workers until `stop`, or until one of them fails; then it is cancelled.
async fn run_generation(
    world: &Arc<World>,
    client: &Client,
    settings: &Settings,
    runtime: &Arc<Runtime>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let pool_size = usize::try_from(settings.database_pool_size)?;
    let payouts = activities::register_database_steps(
        WorkerOptions::new(names::TASK_QUEUE)
            .register_workflow::<PayoutWorkflow>()?
            .register_workflow::<BatchWorkflow>()?
            .register_workflow::<ReconciliationWorkflow>()?
            .register_workflow::<BooksCheckWorkflow>()?
            .max_cached_workflows(CACHED_WORKFLOWS)
            .sticky_queue_schedule_to_start_timeout(STICKY_TIMEOUT)
            .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(4))
            .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(2))
            // As many steps at once as there are connections: more would only wait for one.
            .tuner(slots(WORKFLOW_TASKS, pool_size, pool_size))
            .graceful_shutdown_period(GRACE),
        world,
    );
    let payouts = activities::register_checks(payouts, world).build();
    let transfers = activities::register_transfers(
        WorkerOptions::new(names::TRANSFER_QUEUE)
            .max_task_queue_activities_per_second(transfer_rate(settings.payout_rate_limit))
            .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(2))
            .tuner(slots(2, settings.payout_concurrency, 1))
            .graceful_shutdown_period(GRACE),
        world,
    )
    .build();
    let look_ups = activities::register_look_ups(
        WorkerOptions::new(names::LOOKUP_QUEUE)
            .max_task_queue_activities_per_second(LOOK_UPS_PER_SECOND)
            .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(2))
            .tuner(slots(2, LOOK_UPS, 1))
            .graceful_shutdown_period(GRACE),
        world,
    )
    .build();
    let mut ended = FuturesUnordered::new();
    for (name, options) in [("payouts", payouts), ("transfers", transfers), ("look-ups", look_ups)] {
        ended.push(on_a_thread(name, options, client.clone(), runtime.clone(), stop.clone())?);
    }
    // When one worker ends, the process ends: a supervisor starts it again whole.
    let first = outcome(ended.next().await);
    stop.cancel();
    let rest = async {
        let mut rest = Ok(());
        while let Some(one) = ended.next().await {
            rest = rest.and(outcome(Some(one)));
        }
        rest
    };
    let rest = tokio::time::timeout(LAST_CALL, rest)
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("a worker did not drain in time")));
    first.and(rest)
}

#[expect(
    clippy::float_arithmetic,
    reason = "transfers a second, which the SDK takes as a fraction: no money"
)]
fn transfer_rate(limit: u32) -> f64 {
    f64::from(limit) * SHARE_OF_THE_LIMIT
}

/// The SDK's own metrics (failing workflow tasks, latencies, slots), on an address of their own: it serves them itself.
fn telemetry(settings: &Settings) -> anyhow::Result<TelemetryOptions> {
    let Some(address) = settings.sdk_metrics else { return Ok(TelemetryOptions::builder().build()) };
    let exporter = PrometheusExporterOptions::builder()
        .socket_addr(address)
        .counters_total_suffix(true)
        .unit_suffix(true)
        .use_seconds_for_durations(true)
        .build();
    let serving = start_prometheus_metric_exporter(exporter).context("TEMPORAL_METRICS_ADDRESS")?;
    let meter: Arc<dyn CoreMeter> = serving.meter;
    Ok(TelemetryOptions::builder().metrics(meter).build())
}

/// A thread that died has told nothing.
fn outcome(told: Option<Result<anyhow::Result<()>, oneshot::error::RecvError>>) -> anyhow::Result<()> {
    told.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| Err(anyhow::anyhow!("a worker thread died")))
}

fn slots(workflow_tasks: usize, activities: usize, local: usize) -> TunerHolder {
    TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(workflow_tasks))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(activities))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(local))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .build()
}

fn on_a_thread(
    name: &'static str,
    options: WorkerOptions,
    client: Client,
    runtime: Arc<Runtime>,
    stop: CancellationToken,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<()>>> {
    let (tell, ended) = oneshot::channel();
    let handle = Handle::current();
    thread::Builder::new().name(format!("worker-{name}")).spawn(move || {
        let result = handle.block_on(async {
            let mut worker = Worker::new(&runtime, client, options)
                .map_err(|error| anyhow::anyhow!("the {name} worker: {error}"))?;
            let shut_down = worker.shutdown_handle();
            tokio::spawn(async move {
                stop.cancelled().await;
                shut_down();
            });
            tracing::info!("the {name} worker is polling");
            worker.run().await.with_context(|| format!("the {name} worker"))
        });
        // Nobody listens only when the process is ending.
        let _ = tell.send(result);
    })?;
    Ok(ended)
}
