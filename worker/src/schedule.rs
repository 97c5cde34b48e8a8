//! The Temporal Schedules that tick. What is due is for the database to say, so a tick costs little and a missed one is caught up
//! by the next. Any worker makes them at its start, and those that are gone while it runs; one that is there already is set to the
//! pace of the worker that started last.

use std::time::Duration;

use domain::BatchWindow;
use temporalio_client::{
    Client, RpcOptions,
    schedules::{
        CreateScheduleOptions, ScheduleAction, ScheduleError, ScheduleOverlapPolicy, ScheduleSpec,
        ScheduleUpdate,
    },
    tonic,
};
use tokio_util::sync::CancellationToken;
use workflows::{
    BatchInput, BatchWorkflow, BooksCheckInput, BooksCheckWorkflow, ReconcileInput, ReconciliationWorkflow,
    Started, names,
};

use crate::Settings;

/// How late a batch may leave after its window.
const BATCH_TICK: Duration = Duration::from_mins(1);

/// How soon a schedule that is gone is there again: three questions to the engine each time.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// One of them: what it starts, how often, and what an operator reads about it.
struct Ticking {
    id: &'static str,
    note: &'static str,
    every: Duration,
    starts: fn() -> ScheduleAction,
}

/// All of them.
fn list(settings: &Settings) -> Vec<Ticking> {
    vec![
        Ticking {
            id: "batch-windows",
            note: "Asks the database whether a batch window is due",
            // Also where payouts are instant: people may set windows at run time.
            every: match settings.window {
                BatchWindow::Every(interval) => interval.min(BATCH_TICK),
                BatchWindow::Open => BATCH_TICK,
            },
            starts: || {
                let input = Started::from(BatchInput::default());
                ScheduleAction::start_workflow(BatchWorkflow::run, input, names::TASK_QUEUE, "batch-window")
            },
        },
        Ticking {
            id: "reconciliation",
            note: "Compares the gateway's transfers with our attempts",
            every: settings.reconcile_every,
            starts: || {
                let input = Started::from(ReconcileInput::default());
                let run = ReconciliationWorkflow::run;
                ScheduleAction::start_workflow(run, input, names::TASK_QUEUE, "reconciliation")
            },
        },
        Ticking {
            id: "books-check",
            note: "Checks that the books add up and that payouts have the workflows they need",
            every: settings.books_check_every,
            starts: || {
                let input = Started::from(BooksCheckInput::default());
                let run = BooksCheckWorkflow::run;
                ScheduleAction::start_workflow(run, input, names::TASK_QUEUE, "books-check")
            },
        },
    ]
}

/// Makes every schedule, or sets an existing one to its pace.
pub(crate) async fn ensure(client: &Client, settings: &Settings) -> Result<(), ScheduleError> {
    for ticking in list(settings) {
        let (id, every) = (ticking.id, ticking.every);
        if create(client, ticking).await? == Made::WasThere {
            let set = move |update: &mut ScheduleUpdate| {
                update.set_spec(ScheduleSpec::from_interval(every));
            };
            client.get_schedule_handle(id).update(set, RpcOptions::default()).await?;
        }
    }
    Ok(())
}

/// Makes those that are missing, again and again until `stop`: an engine that comes back with nothing in it has no window any more, and
/// no worker that runs is started again for that.
pub(crate) async fn keep(client: &Client, settings: &Settings, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        for ticking in list(settings) {
            let id = ticking.id;
            match create(client, ticking).await {
                Ok(Made::New) => tracing::warn!("the schedule {id} was gone and is there again"),
                Ok(Made::WasThere) => {}
                Err(error) => tracing::debug!("the schedule {id} could not be looked at: {error}"),
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    New,
    WasThere,
}

async fn create(client: &Client, ticking: Ticking) -> Result<Made, ScheduleError> {
    let every = ticking.every;
    let created = client
        .create_schedule(
            ticking.id,
            CreateScheduleOptions::builder()
                .action((ticking.starts)())
                .spec(ScheduleSpec::from_interval(every))
                // A check that takes longer than its pace is not joined by a second one.
                .overlap_policy(ScheduleOverlapPolicy::Skip)
                .note(ticking.note)
                .build(),
        )
        .await;
    match created {
        Ok(_) => Ok(Made::New),
        Err(ScheduleError::Rpc(status)) if status.code() == tonic::Code::AlreadyExists => Ok(Made::WasThere),
        Err(error) => Err(error),
    }
}
