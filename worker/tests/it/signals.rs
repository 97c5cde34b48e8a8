//! Signals that people type into the Temporal UI or CLI: none of them stops a payout.

use chrono::Utc;
use domain::{Ending, PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::decisions::{NewDecision, Verdict};
use temporalio_client::{WorkflowCancelOptions, WorkflowTerminateOptions, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowExecution},
    workflowservice::v1::SignalWorkflowExecutionRequest,
};
use workflows::names;

use crate::stage::{Stage, admin, eventually};

/// Signals the payout's workflow as anybody can: any name, any payloads, or no input at all.
async fn signal(stage: &Stage, payout: PayoutId, name: &str, input: impl Into<Option<Vec<Payload>>>) {
    let request = SignalWorkflowExecutionRequest {
        namespace: stage.engine.namespace().to_owned(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: payout.workflow_id(),
            run_id: String::new(),
        }),
        signal_name: name.to_owned(),
        input: input.into().map(|payloads| Payloads { payloads }),
        identity: "somebody@test".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    let mut service = stage.client().connection().workflow_service();
    service.signal_workflow_execution(request.into_request()).await.unwrap();
}

fn payload(encoding: &str, data: impl Into<Vec<u8>>) -> Payload {
    let metadata = [("encoding".to_owned(), encoding.as_bytes().to_vec())].into();
    Payload { metadata, data: data.into(), ..Payload::default() }
}

fn json(text: &str) -> Vec<Payload> {
    vec![payload("json/plain", text)]
}

/// Everything that means nothing.
fn nonsense() -> Vec<(&'static str, Option<Vec<Payload>>)> {
    vec![
        (names::SIGNAL_DECISION, Some(vec![payload("binary/plain", vec![0xff, 0x00, 0xfe])])),
        (names::SIGNAL_DECISION, Some(vec![payload("binary/null", vec![])])),
        (names::SIGNAL_DECISION, Some(vec![payload("of/another-world", b"{}".as_slice())])),
        (names::SIGNAL_DECISION, None),
        (names::SIGNAL_DECISION, Some(vec![])),
        (names::SIGNAL_DECISION, Some(vec![payload("json/plain", "1"), payload("json/plain", "2")])),
        (names::SIGNAL_DECISION, Some(json("null"))),
        (names::SIGNAL_DECISION, Some(json(r#"{"decision":"maybe"}"#))),
        (names::SIGNAL_RELEASE, Some(json(r#"["id", 1]"#))),
        (names::SIGNAL_CANCEL, Some(json(&format!("\"{}\"", "x".repeat(1024 * 1024))))),
        ("aprove", Some(json(r#"{"decision":"approve"}"#))),
        ("\u{1b}[31m", Some(json("{}"))),
    ]
}

async fn ignored(stage: &Stage, payout: PayoutId) -> usize {
    stage.timeline(payout).await.iter().filter(|action| *action == "signal_ignored").count()
}

async fn under_review(stage: &mut Stage) -> PayoutId {
    stage.distrust_provider().await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "decision").await;
    payout
}

async fn approve(stage: &Stage, payout: PayoutId) {
    let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "looked at it" };
    store::decisions::decide(&stage.pool, &decision, &admin(), false, Utc::now()).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_not_understood_is_recorded_and_the_payout_goes_on(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = under_review(&mut stage).await;
    let sent = nonsense();
    let count = sent.len();
    for (name, input) in sent {
        signal(&stage, payout, name, input).await;
    }
    eventually("each is recorded", async || (ignored(&stage, payout).await == count).then_some(())).await;
    approve(&stage, payout).await;
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(ignored(&stage, payout).await, count);
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn after_twenty_ignored_signals_only_a_counter_moves(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = under_review(&mut stage).await;
    for _ in 0..30 {
        signal(&stage, payout, "nonsense", None).await;
    }
    eventually("all were heard", async || (stage.waiting(payout).await?.stray_signals == 30).then_some(()))
        .await;
    approve(&stage, payout).await;
    stage.until_waiting(payout, "window").await;
    assert_eq!(ignored(&stage, payout).await, 20);
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_out_of_place_is_recorded_and_what_is_repeated_is_dropped(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = under_review(&mut stage).await;
    for name in [names::SIGNAL_RELEASE, names::SIGNAL_TRANSFER_UPDATE, names::SIGNAL_MANUAL_ACTION] {
        for _ in 0..3 {
            signal(&stage, payout, name, json(r#"{"id":1,"attempt":1}"#)).await;
        }
    }
    eventually("one of each is recorded", async || (ignored(&stage, payout).await == 3).then_some(())).await;
    approve(&stage, payout).await;
    stage.until_waiting(payout, "window").await;
    signal(&stage, payout, names::SIGNAL_DECISION, json(r#"{"decision":"reject"}"#)).await;
    eventually("too late to decide", async || (ignored(&stage, payout).await == 4).then_some(())).await;
    // A release that no batch sent: the gate looks at the row and sends the payout back to waiting.
    signal(&stage, payout, names::SIGNAL_RELEASE, json(r#"{"id":2}"#)).await;
    stage.until_waiting(payout, "window").await;
    assert_eq!(stage.payout(payout).await.status, PayoutStatus::Approved);
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.record("signals_out_of_place", payout).await;
    stage.close("1500.00").await;
}

const APPROVE: &str = r#"{"decision":"approve","reason":"known","by":"ada"}"#;

#[sqlx::test(migrations = "../migrations")]
async fn approve_by_hand_is_honoured_where_the_installation_allows_it(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("ALLOW_ENGINE_APPROVAL", "true")]).await;
    let payout = under_review(&mut stage).await;
    signal(&stage, payout, names::SIGNAL_DECISION, json(r#"{"decision":"aprove"}"#)).await;
    signal(&stage, payout, names::SIGNAL_DECISION, json(APPROVE)).await;
    let approved = stage.until_status(payout, PayoutStatus::Approved).await;
    assert_eq!(approved.approved_by.as_deref(), Some("engine:ada"));
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.record("approved_by_hand", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn approve_by_hand_is_refused_elsewhere_and_reject_is_not(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("ALLOW_ENGINE_APPROVAL", "false")]).await;
    let payout = under_review(&mut stage).await;
    signal(&stage, payout, names::SIGNAL_DECISION, json(APPROVE)).await;
    eventually("that is recorded", async || {
        stage.timeline(payout).await.contains(&"decision_ignored".to_owned()).then_some(())
    })
    .await;
    assert_eq!(stage.until_waiting(payout, "decision").await.status, Some(PayoutStatus::Requested));
    signal(&stage, payout, names::SIGNAL_DECISION, json(r#"{"decision":"reject"}"#)).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Rejected);
    stage.record("rejected_by_hand", payout).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn temporals_own_cancel_cancels_what_can_be_cancelled(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "window").await;
    stage.workflow(payout).cancel(WorkflowCancelOptions::default()).await.unwrap();
    assert_eq!(stage.until_ended(payout).await, Ending::Cancelled);
    assert_eq!(stage.payout(payout).await.status, PayoutStatus::Cancelled);
    stage.record("cancelled_by_hand", payout).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn temporals_own_cancel_comes_too_late_for_what_is_on_its_way(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.gateway.change_settings(|settings| settings.settle_after = simulator::Span::from_secs(2)).unwrap();
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    stage.until_waiting(payout, "gateway").await;
    stage.workflow(payout).cancel(WorkflowCancelOptions::default()).await.unwrap();
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert!(stage.timeline(payout).await.contains(&"cancel_ignored".to_owned()));
    stage.record("cancelled_too_late", payout).await;
    stage.close("1500.00").await;
}

/// The sweeper runs when a worker starts; a wake-up restarts what has no run, too.
#[sqlx::test(migrations = "../migrations")]
async fn a_terminated_workflow_goes_on_from_the_database(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let woken = stage.request("100.00").await;
    stage.until_waiting(woken, "window").await;
    let swept = under_review(&mut stage).await;
    for payout in [woken, swept] {
        stage.workflow(payout).terminate(WorkflowTerminateOptions::default()).await.unwrap();
    }
    stage.run_batch().await;
    assert_eq!(stage.until_ended(woken).await, Ending::Completed);
    stage.stop_worker().await;
    stage.let_it_be_quiet(swept).await;
    stage.start_worker();
    stage.until_running(swept).await;
    stage.until_waiting(swept, "decision").await;
    approve(&stage, swept).await;
    stage.until_waiting(swept, "window").await;
    stage.record("started_again_by_release", woken).await;
    stage.record("started_again_by_sweeper", swept).await;
    stage.close("100.00").await;
}

/// The database was put back, and gives a release the id of one that this run has heard: it is another one.
#[sqlx::test(migrations = "../migrations")]
async fn a_release_under_an_id_that_was_heard_before_is_heard(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "window").await;
    let last: i64 = sqlx::query_scalar("SELECT max(id) FROM outbox").fetch_one(&stage.pool).await.unwrap();
    for id in last + 1..last + 5 {
        signal(&stage, payout, names::SIGNAL_RELEASE, json(&format!("{{\"id\":{id}}}"))).await;
    }
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    let id: i64 = sqlx::query_scalar("SELECT id FROM outbox WHERE signal = 'release' AND payout_id = $1")
        .bind(payout.uuid())
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    assert!((last + 1..last + 5).contains(&id), "the test is about this");
    stage.close("1500.00").await;
}
