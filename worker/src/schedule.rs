//! The Temporal Schedules that tick. What is due is for the database to say, so a tick costs little and a missed one is caught up
//! by the next. Any worker makes them at its start; one that is there already is set to this worker's pace.

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
use workflows::{
    BatchInput, BatchWorkflow, BooksCheckInput, BooksCheckWorkflow, ReconcileInput, ReconciliationWorkflow,
    Started, names,
};

use crate::Settings;

/// How late a batch may leave after its window.
const BATCH_TICK: Duration = Duration::from_mins(1);

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
        ensure_one(client, ticking).await?;
    }
    Ok(())
}

async fn ensure_one(client: &Client, ticking: Ticking) -> Result<(), ScheduleError> {
    let handle = client.get_schedule_handle(ticking.id);
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
        Err(ScheduleError::Rpc(status)) if status.code() == tonic::Code::AlreadyExists => {
            let set = move |update: &mut ScheduleUpdate| {
                update.set_spec(ScheduleSpec::from_interval(every));
            };
            handle.update(set, RpcOptions::default()).await
        }
        other => other.map(|_| ()),
    }
}
