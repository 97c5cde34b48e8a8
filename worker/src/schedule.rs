//! The Temporal Schedule that ticks. Whether a window is due is for the database to say, so a tick costs little and a missed
//! one is caught up by the next.

use std::time::Duration;

use domain::BatchWindow;
use temporalio_client::{
    Client, RpcOptions,
    schedules::{
        CreateScheduleOptions, DeleteScheduleOptions, ScheduleAction, ScheduleError, ScheduleOverlapPolicy,
        ScheduleSpec,
    },
    tonic,
};
use workflows::{BatchInput, BatchWorkflow, names};

const SCHEDULE_ID: &str = "batch-windows";
const WORKFLOW_ID: &str = "batch-window";
/// How late a batch may leave after its window.
const TICK: Duration = Duration::from_mins(1);

/// Makes the schedule, or sets an existing one to this tick. Without windows an existing one is removed.
pub(crate) async fn ensure(client: &Client, window: BatchWindow) -> Result<(), ScheduleError> {
    let handle = client.get_schedule_handle(SCHEDULE_ID);
    let tick = match window {
        BatchWindow::Every(interval) => interval.min(TICK),
        BatchWindow::Open => {
            return match handle.delete(DeleteScheduleOptions::default()).await {
                Err(ScheduleError::Rpc(status)) if status.code() == tonic::Code::NotFound => Ok(()),
                other => other,
            };
        }
    };
    let created = client
        .create_schedule(
            SCHEDULE_ID,
            CreateScheduleOptions::builder()
                .action(ScheduleAction::start_workflow(
                    BatchWorkflow::run,
                    BatchInput::default(),
                    names::TASK_QUEUE,
                    WORKFLOW_ID,
                ))
                .spec(ScheduleSpec::from_interval(tick))
                .overlap_policy(ScheduleOverlapPolicy::Skip)
                .note("Asks the database whether a batch window is due")
                .build(),
        )
        .await;
    match created {
        Err(ScheduleError::Rpc(status)) if status.code() == tonic::Code::AlreadyExists => {
            handle
                .update(
                    move |update| {
                        update.set_spec(ScheduleSpec::from_interval(tick));
                    },
                    RpcOptions::default(),
                )
                .await
        }
        other => other.map(|_| ()),
    }
}
