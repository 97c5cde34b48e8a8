//! A payout that waits for people: they are reminded after four hours, others are told after a day, each once, by timers that
//! outlive the run. The production durations, by the server's own time skipping.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, ESCALATE_AFTER, Ending, PayoutId, REMIND_AFTER};
use sqlx::PgPool;
use store::decisions::{NewDecision, Verdict};
use temporalio_client::{WorkflowTerminateOptions, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, Payloads, TimeSkippingConfig, WorkflowType},
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::StartWorkflowExecutionRequest,
};
use workflows::{PayoutInput, names};

use crate::stage::{Stage, admin, eventually, naira};

/// A review opens and its payout's run starts at the same moment, give or take what a busy machine needs.
const ABOUT: TimeDelta = TimeDelta::minutes(30);

/// Starts the payout's workflow before the relay does, with a clock that jumps to the next timer whenever nothing else is to do.
async fn start_with_skipped_time(stage: &Stage, payout: PayoutId) {
    let input = PayoutInput {
        payout,
        provider: stage.provider,
        amount_minor: 160_000,
        currency: Currency::Ngn,
        memory: workflows::Memory::default(),
    };
    let payload = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::to_vec(&input).unwrap(),
        ..Payload::default()
    };
    let request = StartWorkflowExecutionRequest {
        namespace: stage.engine.namespace().to_owned(),
        workflow_id: payout.workflow_id(),
        workflow_type: Some(WorkflowType { name: names::PAYOUT_WORKFLOW.to_owned() }),
        task_queue: Some(TaskQueue { name: names::TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
        input: Some(Payloads { payloads: vec![payload] }),
        request_id: payout.to_string(),
        time_skipping_config: Some(TimeSkippingConfig { enabled: true, ..TimeSkippingConfig::default() }),
        ..StartWorkflowExecutionRequest::default()
    };
    let mut service = stage.client().connection().workflow_service();
    service.start_workflow_execution(request.into_request()).await.unwrap();
}

async fn review(stage: &Stage, payout: PayoutId) -> store::reviews::Review {
    store::reviews::get(&stage.pool, payout, Utc::now()).await.unwrap().unwrap()
}

async fn decide(stage: &Stage, payout: PayoutId, verdict: Verdict) {
    let decision = NewDecision { payout, verdict, reason: "looked at it" };
    store::decisions::decide(&stage.pool, &decision, &admin(), false, Utc::now()).await.unwrap();
}

fn timers(history: &[HistoryEvent]) -> Vec<i64> {
    let seconds = |event: &HistoryEvent| match &event.attributes {
        Some(Attributes::TimerStartedEventAttributes(timer)) => {
            timer.start_to_fire_timeout.as_ref().map(|timeout| timeout.seconds)
        }
        _ => None,
    };
    history.iter().filter_map(seconds).collect()
}

fn assert_about(at: Option<DateTime<Utc>>, since: DateTime<Utc>, wait: TimeDelta) {
    let late = at.unwrap() - since - wait;
    assert!((TimeDelta::zero()..ABOUT).contains(&late), "{late} after {wait}");
}

#[sqlx::test(migrations = "../migrations")]
async fn people_are_reminded_after_four_hours_and_others_told_after_a_day(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[]).await;
    stage.distrust_provider().await;
    let payout = stage.request("1600.00").await;
    start_with_skipped_time(&stage, payout).await;
    stage.start_worker();
    eventually("the review was escalated", async || {
        let open = store::reviews::get(&stage.pool, payout, Utc::now()).await.unwrap()?;
        open.wait.escalated_at
    })
    .await;
    let wait = review(&stage, payout).await.wait;
    assert_about(wait.reminded_at, wait.waiting_since, REMIND_AFTER);
    assert_about(wait.escalated_at, wait.waiting_since, ESCALATE_AFTER);
    stage.until_waiting(payout, "decision").await;
    decide(&stage, payout, Verdict::Reject).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Rejected);
    let told = ["requested", "review_opened", "review_reminded", "review_escalated", "rejected"];
    assert_eq!(stage.timeline(payout).await, told);
    assert_eq!(timers(&stage.history(payout).await).len(), 2);
    stage.record("escalated", payout).await;
    stage.close("0.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn whoever_decides_is_not_reminded_of_it(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.distrust_provider().await;
    let payout = stage.request("1600.00").await;
    stage.until_waiting(payout, "decision").await;
    decide(&stage, payout, Verdict::Approve).await;
    stage.until_waiting(payout, "window").await;
    let history = stage.history(payout).await;
    let [timer] = timers(&history)[..] else { panic!("{history:#?}") };
    assert!(timer > (REMIND_AFTER - ABOUT).num_seconds() && timer <= REMIND_AFTER.num_seconds(), "{timer}");
    let cancelled = history.iter().filter(|event| event.event_type == i32::from(EventType::TimerCanceled));
    assert_eq!(cancelled.count(), 1);
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.close("1600.00").await;
}

/// The wait is the payout's, not the run's.
#[sqlx::test(migrations = "../migrations")]
async fn a_run_that_is_started_again_goes_on_waiting(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.distrust_provider().await;
    let (soon, late) = (stage.request("1600.00").await, stage.request("1700.00").await);
    for (payout, hours) in [(soon, 3), (late, 5)] {
        stage.until_waiting(payout, "decision").await;
        let waited = "UPDATE reviews SET opened_at = opened_at - $2 * interval '1 hour' WHERE payout_id = $1";
        sqlx::query(waited).bind(payout.uuid()).bind(hours).execute(&stage.pool).await.unwrap();
    }
    stage.stop_worker().await;
    for payout in [soon, late] {
        stage.workflow(payout).terminate(WorkflowTerminateOptions::default()).await.unwrap();
        stage.let_it_be_quiet(payout).await;
    }
    stage.start_worker();
    eventually("the one that has waited longer is told of", async || {
        review(&stage, late).await.wait.reminded_at
    })
    .await;
    let left = eventually("the other one's timer runs", async || {
        timers(&stage.history(soon).await).first().copied()
    })
    .await;
    assert!(
        left > TimeDelta::minutes(30).num_seconds() && left <= TimeDelta::hours(1).num_seconds(),
        "{left}"
    );
    assert_eq!(review(&stage, soon).await.wait.reminded_at, None);
    for payout in [soon, late] {
        decide(&stage, payout, Verdict::Reject).await;
        assert_eq!(stage.until_ended(payout).await, Ending::Rejected);
    }
    stage.close("0.00").await;
}

/// The first of two approvals is taken back: it waits anew, and its reminder with it.
#[sqlx::test(migrations = "../migrations")]
async fn an_undone_first_approval_is_reminded_of_from_then_on(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.distrust_provider().await;
    let limit = store::approval_limits::set(&stage.pool, naira("1000"), "two", &admin(), Utc::now()).await;
    assert!(matches!(limit.unwrap(), store::approval_limits::Limited::Counts(_)));
    let payout = stage.request("1600.00").await;
    stage.until_waiting(payout, "decision").await;
    // As if it had waited for three hours when the first one approved.
    let waited = "UPDATE reviews SET opened_at = opened_at - interval '3 hours' WHERE payout_id = $1";
    sqlx::query(waited).bind(payout.uuid()).execute(&stage.pool).await.unwrap();
    decide(&stage, payout, Verdict::Approve).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let asked = Utc::now();
    store::decisions::undo(&stage.pool, payout, &admin(), "look again", asked).await.unwrap();
    let since = review(&stage, payout).await.wait.waiting_since;
    assert!(since >= asked - TimeDelta::seconds(1), "{since}");
    eventually("its timer is another one", async || {
        let started = timers(&stage.history(payout).await);
        (started.len() >= 2).then_some(())
    })
    .await;
    decide(&stage, payout, Verdict::Reject).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Rejected);
    stage.close("0.00").await;
}
