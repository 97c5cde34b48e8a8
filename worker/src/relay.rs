//! Delivers the outbox to Temporal: starts, signals and batches that a transaction promised.
//!
//! At least once and in order per payout; any number of relays may run. It listens for the database's notification and sweeps every
//! [`SWEEP_EVERY`] for what a lost one left behind. While Temporal is away rows go back untouched and nothing is lost.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{Clock, PayoutId};
use futures::{StreamExt, stream};
use sqlx::postgres::PgListener;
use store::{
    Pool,
    outbox::{self, Row, Start, Work},
};
use temporalio_client::{
    Client, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
    tonic,
};
use temporalio_common::data_converters::RawValue;
use tokio_util::sync::CancellationToken;
use workflows::{
    BatchInput, BatchWorkflow, Memory, PayoutInput, PayoutSignal, PayoutWorkflow, ReconcileInput,
    ReconciliationWorkflow, SignalName, Started, WakeUp, names, search_attributes,
};

use crate::{
    Engine,
    metrics::{DELIVERIES, Deliveries},
};

/// Finds what a lost notification left, and rows whose back-off has run out.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Rows taken at once.
const ROWS: i64 = 100;
/// Calls to Temporal in flight: beyond this the server's CPU is the limit anyway.
const IN_FLIGHT: usize = 16;
/// A call that takes longer is given up and its row tried again: signals carry a request id and starts keep a running workflow,
/// so a row that is delivered twice is one wake-up.
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// A relay that dies with rows leaves them to the others after this long: a payout must go on within ten seconds of a kill.
const LEASE: Duration = Duration::from_secs(4);
/// After Temporal was found away.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// A worker that dies with a workflow task is noticed after this long.
const WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until `stop`. Returns early only by error of the listener's database connection, to be started again.
pub async fn relay(
    pool: Pool,
    engine: Engine,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Some(client) = engine.wait(&stop).await else { return Ok(()) };
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("outbox").await?;
    loop {
        let delivered = deliver_due(&pool, client, clock.as_ref()).await;
        let wait = match delivered {
            Ok(Round { taken: 0, .. }) => SWEEP_EVERY,
            Ok(Round { away: true, .. }) => AWAY_PAUSE,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!("the outbox could not be read: {error}");
                AWAY_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
            heard = listener.recv() => { heard?; }
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    }
}

struct Round {
    taken: usize,
    away: bool,
}

enum Delivery {
    Done,
    /// Temporal is away: not this row's fault.
    Away,
    Refused(String),
}

async fn deliver_due(pool: &Pool, client: &Client, clock: &dyn Clock) -> store::Result<Round> {
    let rows = outbox::lease(pool, ROWS, LEASE, clock.now()).await?;
    let taken = rows.len();
    let instant: Vec<i64> =
        rows.iter().filter(|row| row.work == Work::InstantBatch).map(|row| row.id).collect();
    let rest = rows.into_iter().filter(|row| row.work != Work::InstantBatch);
    let mut done = Vec::new();
    let mut away = Vec::new();
    // Many approvals are one batch.
    if !instant.is_empty() {
        match within_limit(ask_for_instant_batch(client)).await {
            Delivery::Done => done.extend(&instant),
            Delivery::Away => away.extend(&instant),
            Delivery::Refused(error) => {
                tracing::error!("the instant batch was refused: {error}");
                away.extend(&instant);
            }
        }
    }
    let mut outcomes = stream::iter(rest)
        .map(|row| async move {
            let delivery = within_limit(deliver(pool, client, &row)).await;
            (row, delivery)
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some((row, delivery)) = outcomes.next().await {
        match delivery {
            Delivery::Done => done.push(row.id),
            Delivery::Away => away.push(row.id),
            Delivery::Refused(error) => {
                Deliveries::count(&DELIVERIES.refused, 1);
                tracing::error!(outbox.id = row.id, "outbox row {} was refused: {error}", row.id);
                outbox::failed(pool, &row, &error, clock.now()).await?;
            }
        }
    }
    drop(outcomes);
    let now = clock.now();
    Deliveries::count(&DELIVERIES.delivered, done.len());
    Deliveries::count(&DELIVERIES.given_back, away.len());
    if !done.is_empty() {
        outbox::delivered(pool, &done, now).await?;
    }
    if !away.is_empty() {
        let due = TimeDelta::from_std(AWAY_PAUSE)
            .ok()
            .and_then(|pause| now.checked_add_signed(pause))
            .unwrap_or(now);
        outbox::give_back(pool, &away, due).await?;
        tracing::warn!("Temporal is away: {} starts and signals wait", away.len());
    }
    Ok(Round { taken, away: !away.is_empty() })
}

async fn within_limit(call: impl Future<Output = Delivery>) -> Delivery {
    tokio::time::timeout(CALL_LIMIT, call).await.unwrap_or(Delivery::Away)
}

async fn deliver(pool: &Pool, client: &Client, row: &Row) -> Delivery {
    match &row.work {
        Work::Start(start) => start_payout(client, start).await,
        Work::Signal { payout, signal, body } => {
            let Some(name) = SignalName::ALL.into_iter().find(|name| name.as_str() == signal) else {
                return Delivery::Refused(format!("no signal is called {signal}"));
            };
            let attempt =
                body.get("attempt").and_then(|attempt| serde_json::from_value(attempt.clone()).ok());
            signal_payout(pool, client, payout, name, WakeUp { id: row.wake, attempt }).await
        }
        Work::Batch { batch } => {
            let options = start_options(format!("batch-{batch}"), "Batch run by an admin".to_owned());
            let input = Started::from(BatchInput { batch: Some(*batch), open: false });
            started(client.start_workflow(BatchWorkflow::run, input, options).await.map(|_| ()))
        }
        Work::InstantBatch => ask_for_instant_batch(client).await,
        Work::Reconciliation { run } => {
            let options =
                start_options(format!("reconciliation-{run}"), "Comparison run by an admin".to_owned());
            let input = Started::from(ReconcileInput { run: Some(*run) });
            started(client.start_workflow(ReconciliationWorkflow::run, input, options).await.map(|_| ()))
        }
    }
}

/// Starts a payout's workflow; one that runs is kept.
pub(crate) async fn start_payout_workflow(client: &Client, start: &Start) -> Result<(), WorkflowStartError> {
    let input = PayoutInput {
        payout: start.payout,
        provider: start.provider,
        amount_minor: start.amount.minor_units().unwrap_or_default(),
        currency: start.amount.currency(),
        memory: Memory::default(),
    };
    let summary = format!("{} to provider {}", start.amount, start.provider);
    let mut options = start_options(start.payout.workflow_id(), summary);
    options.search_attributes = Some(search_attributes(&input));
    client.start_workflow(PayoutWorkflow::RUN, input, options).await.map(|_| ())
}

/// Ids may be used again: a payout whose run was terminated gets another one.
fn start_options(id: String, summary: String) -> WorkflowStartOptions {
    WorkflowStartOptions::new(names::TASK_QUEUE, id)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .task_timeout(WORKFLOW_TASK_TIMEOUT)
        .static_summary(summary)
        .build()
}

async fn start_payout(client: &Client, start: &Start) -> Delivery {
    started(start_payout_workflow(client, start).await)
}

async fn signal_payout(
    pool: &Pool,
    client: &Client,
    start: &Start,
    name: SignalName,
    wake: WakeUp,
) -> Delivery {
    let handle = client.get_workflow_handle::<PayoutWorkflow>(start.payout.workflow_id());
    // The server drops a second signal with the same request id.
    let options = WorkflowSignalOptions::builder().request_id(format!("outbox-{}", wake.id)).build();
    match handle.signal(PayoutSignal(name), wake, options).await {
        Ok(()) => Delivery::Done,
        Err(WorkflowInteractionError::NotFound(_)) => restart_if_open(pool, client, start).await,
        Err(WorkflowInteractionError::Rpc(status)) => refused(&status),
        Err(other) => Delivery::Refused(other.to_string()),
    }
}

/// A wake-up that finds no workflow: an ended payout needs none, an open one gets one, which reads the row anyway.
async fn restart_if_open(pool: &Pool, client: &Client, start: &Start) -> Delivery {
    match is_open(pool, start.payout).await {
        Ok(true) => start_payout(client, start).await,
        Ok(false) => Delivery::Done,
        Err(error) => Delivery::Refused(error.to_string()),
    }
}

async fn is_open(pool: &Pool, id: PayoutId) -> store::Result<bool> {
    let payout = store::payouts::get(pool, id).await?;
    Ok(payout.is_some_and(|payout| !payout.status.is_final() && payout.refunded_at.is_none()))
}

async fn ask_for_instant_batch(client: &Client) -> Delivery {
    let options = start_options(names::BATCH_OPEN_WORKFLOW_ID.to_owned(), "Instant payouts".to_owned());
    let input = Started::from(BatchInput { batch: None, open: true });
    let asked = client
        .signal_with_start_workflow(
            BatchWorkflow::run,
            input,
            BatchWorkflow::run_again,
            RawValue::default(),
            options,
        )
        .await;
    started(asked.map(|_| ()))
}

fn started(result: Result<(), WorkflowStartError>) -> Delivery {
    match result {
        Ok(()) | Err(WorkflowStartError::AlreadyStarted { .. }) => Delivery::Done,
        Err(WorkflowStartError::Rpc(status)) => refused(&status),
        Err(other) => Delivery::Refused(other.to_string()),
    }
}

fn refused(status: &tonic::Status) -> Delivery {
    match status.code() {
        tonic::Code::Unavailable
        | tonic::Code::DeadlineExceeded
        | tonic::Code::ResourceExhausted
        | tonic::Code::Cancelled
        | tonic::Code::Unknown
        | tonic::Code::Internal
        | tonic::Code::Aborted => Delivery::Away,
        tonic::Code::Ok
        | tonic::Code::InvalidArgument
        | tonic::Code::NotFound
        | tonic::Code::AlreadyExists
        | tonic::Code::PermissionDenied
        | tonic::Code::FailedPrecondition
        | tonic::Code::OutOfRange
        | tonic::Code::Unimplemented
        | tonic::Code::DataLoss
        | tonic::Code::Unauthenticated => Delivery::Refused(status.to_string()),
    }
}
