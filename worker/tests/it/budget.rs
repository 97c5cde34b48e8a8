//! What a payout costs the engine: server CPU goes with the number of history events, so it is held.

use domain::{Ending, PayoutId};
use simulator::{Fault, Plan, Status, WebhookOrder};
use sqlx::PgPool;
use temporalio_common::protos::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};

use crate::stage::{Stage, eventually};

/// An auto-approved payout whose release and webhook come one after the other. ARCHITECTURE lists them.
const HAPPY: [&str; 33] = [
    // Started; validated and assessed.
    "WorkflowExecutionStarted",
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "MarkerRecorded",
    "UpsertWorkflowSearchAttributes",
    // Released by a batch: the attempt is recorded.
    "WorkflowExecutionSignaled",
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "MarkerRecorded",
    "UpsertWorkflowSearchAttributes",
    // Sent.
    "ActivityTaskScheduled",
    "ActivityTaskStarted",
    "ActivityTaskCompleted",
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "TimerStarted",
    // The webhook: the gateway is asked.
    "WorkflowExecutionSignaled",
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "TimerCanceled",
    "ActivityTaskScheduled",
    "ActivityTaskStarted",
    "ActivityTaskCompleted",
    // Paid: told.
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "UpsertWorkflowSearchAttributes",
    "MarkerRecorded",
    "WorkflowExecutionCompleted",
];

/// Nobody asks the workflow anything meanwhile: a query in the middle of a step would cost a workflow task of its own.
#[sqlx::test(migrations = "../migrations")]
async fn a_happy_payout_costs_33_events(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    let reference = stage.reference(payout, 1);
    stage.gateway.plant(Plan::once(&reference, Fault::WebhookLost {})).unwrap();
    until_last(&stage, payout, "UpsertWorkflowSearchAttributes").await;
    stage.run_batch().await;
    until_last(&stage, payout, "TimerStarted").await;
    eventually("the gateway has paid", async || {
        let transfer = stage.gateway.transfer(&reference).await.unwrap()?;
        (transfer.status == Status::Successful).then_some(())
    })
    .await;
    let webhook = WebhookOrder { reference: Some(reference), ..WebhookOrder::default() };
    stage.gateway.send_webhook(webhook).await.unwrap();
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(names(&stage, payout).await, HAPPY);
    stage.record("auto_approved", payout).await;
    stage.close("1500.00").await;
}

async fn until_last(stage: &Stage, payout: PayoutId, last: &str) {
    let what = format!("{last} is the last event");
    eventually(&what, async || (names(stage, payout).await.last()? == last).then_some(())).await;
}

async fn names(stage: &Stage, payout: PayoutId) -> Vec<String> {
    stage.history(payout).await.iter().map(name).collect()
}

/// As the Temporal UI spells it.
fn name(event: &HistoryEvent) -> String {
    let kind = EventType::try_from(event.event_type).unwrap_or_default();
    let words = kind.as_str_name().trim_start_matches("EVENT_TYPE_").split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect()
}
