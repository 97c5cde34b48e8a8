//! Terminated, reset and deleted workflows at every stage of a payout: each goes on from the database, ends as it would have, and
//! the gateway sees one transfer.

use std::time::Duration;

use chrono::Utc;
use domain::{Ending, PayoutId, PayoutStatus};
use simulator::{Fault, Plan, Span};
use sqlx::PgPool;
use store::decisions::{NewDecision, Verdict};
use temporalio_client::{
    RpcOptions, WorkflowTerminateOptions, schedules::DeleteScheduleOptions, tonic::IntoRequest,
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{DeleteWorkflowExecutionRequest, ResetWorkflowExecutionRequest},
};

use crate::stage::{Stage, admin, eventually};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Terminated,
    /// To the first workflow task: everything after it is forgotten.
    Reset,
    /// Nothing of it is left, as in a Temporal whose database was emptied.
    Deleted,
}

/// A retry waits this long: long enough to be lost meanwhile.
const RETRY: &str = "8s,8s,8s";
/// The end of the first workflow task.
const FIRST_TASK_ENDED: i64 = 4;

/// One payout at each stage.
struct Payouts {
    review: PayoutId,
    approved: PayoutId,
    accepted: PayoutId,
    unknown: PayoutId,
    retry: PayoutId,
    attention: PayoutId,
}

impl Payouts {
    async fn at_their_stages(stage: &mut Stage) -> Self {
        let (accepted, unknown) = (stage.request("1.00").await, stage.request("2.00").await);
        let (retry, attention) = (stage.request("4.00").await, stage.request("8.00").await);
        let plant = |payout, fault| {
            stage.gateway.plant(Plan::once(stage.reference(payout, 1), fault)).unwrap();
        };
        let refused = |words: &str| Fault::Fail { message: words.to_owned(), after: None };
        plant(accepted, Fault::WebhookLost {});
        plant(unknown, Fault::TimeoutMoneyMoves { stall: Span::from_secs(120) });
        plant(unknown, Fault::WebhookLost {});
        plant(retry, refused("bank is not available"));
        plant(attention, refused("account closed"));
        for payout in [accepted, unknown, retry, attention] {
            stage.until_waiting(payout, "window").await;
        }
        stage.run_batch().await;
        stage.until_waiting(accepted, "gateway").await;
        stage.until_waiting(attention, "attention").await;
        stage.until_status(retry, PayoutStatus::Failed).await;
        stage.distrust_provider().await;
        let (review, approved) = (stage.request("16.00").await, stage.request("32.00").await);
        stage.until_waiting(review, "decision").await;
        stage.until_waiting(approved, "decision").await;
        approve(stage, approved).await;
        stage.until_waiting(approved, "window").await;
        eventually("the send was not answered", async || {
            let attempts = store::attempts::of_payout(&stage.pool, unknown).await.unwrap();
            attempts.iter().any(|one| one.status == domain::AttemptStatus::Unknown).then_some(())
        })
        .await;
        Self { review, approved, accepted, unknown, retry, attention }
    }

    fn all(&self) -> [PayoutId; 6] {
        [self.review, self.approved, self.accepted, self.unknown, self.retry, self.attention]
    }
}

async fn approve(stage: &Stage, payout: PayoutId) {
    let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "looked at it" };
    store::decisions::decide(&stage.pool, &decision, &admin(), false, Utc::now()).await.unwrap();
}

async fn lose(stage: &Stage, payout: PayoutId, loss: Loss) {
    let namespace = stage.engine.namespace().to_owned();
    let workflow_execution =
        Some(WorkflowExecution { workflow_id: payout.workflow_id(), run_id: String::new() });
    let mut service = stage.client().connection().workflow_service();
    match loss {
        Loss::Terminated => {
            stage.workflow(payout).terminate(WorkflowTerminateOptions::default()).await.unwrap();
        }
        Loss::Reset => {
            let request = ResetWorkflowExecutionRequest {
                namespace,
                workflow_execution,
                reason: "a test".to_owned(),
                workflow_task_finish_event_id: FIRST_TASK_ENDED,
                request_id: payout.to_string(),
                ..ResetWorkflowExecutionRequest::default()
            };
            service.reset_workflow_execution(request.into_request()).await.unwrap();
        }
        Loss::Deleted => {
            let request = DeleteWorkflowExecutionRequest { namespace, workflow_execution };
            service.delete_workflow_execution(request.into_request()).await.unwrap();
            eventually("the workflow is gone", async || stage.history(payout).await.is_empty().then_some(()))
                .await;
        }
    }
}

async fn goes_on_after(loss: Loss, pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("RETRY_SCHEDULE", RETRY)]).await;
    let payouts = Payouts::at_their_stages(&mut stage).await;
    stage.stop_worker().await;
    for payout in payouts.all() {
        lose(&stage, payout, loss).await;
        stage.let_it_be_quiet(payout).await;
    }
    // Its sweep is the first thing it does.
    stage.start_worker();
    for payout in payouts.all() {
        stage.until_running(payout).await;
    }
    approve(&stage, payouts.review).await;
    stage.until_waiting(payouts.review, "window").await;
    stage.until_waiting(payouts.approved, "window").await;
    stage.run_batch().await;
    // The webhook that was lost comes after all.
    let body = format!("{{\"late\":\"{}\"}}", payouts.accepted);
    let place = store::attempts::terms(&stage.pool, payouts.accepted, domain::AttemptNumber::FIRST).await;
    let reference = place.unwrap().unwrap().terms.reference;
    store::inbox::receive(&stage.pool, body.as_bytes(), Some(&reference), Utc::now()).await.unwrap();
    let reason = "the bank says that it is open again";
    let ordered = store::manual::retry(&stage.pool, payouts.attention, &admin(), reason, Utc::now()).await;
    assert!(matches!(ordered.unwrap(), store::manual::Acted::Done(_)));
    for payout in payouts.all() {
        let ended = stage.until_ended(payout);
        let ended = tokio::time::timeout(Duration::from_mins(1), ended).await.expect("it ends");
        assert_eq!(ended, Ending::Completed, "{loss:?}");
    }
    for payout in [payouts.accepted, payouts.unknown] {
        let sent = stage.gateway.reference(&stage.reference(payout, 1)).await.unwrap().unwrap();
        assert_eq!(sent.posts, 1, "{loss:?}: what had been sent was sent again");
    }
    // Each amount a bit: whatever was paid twice or not at all shows.
    stage.close("63.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_terminated_run_goes_on_at_every_stage(pool: PgPool) {
    goes_on_after(Loss::Terminated, pool).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_run_reset_to_its_beginning_goes_on_at_every_stage(pool: PgPool) {
    goes_on_after(Loss::Reset, pool).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_emptied_temporal_costs_no_payout(pool: PgPool) {
    goes_on_after(Loss::Deleted, pool).await;
}

/// What an emptied Temporal has lost besides: without its schedules no window would come any more.
#[sqlx::test(migrations = "../migrations")]
async fn schedules_that_are_gone_are_made_again_while_the_worker_runs(pool: PgPool) {
    const ALL: [&str; 3] = ["batch-windows", "books-check", "reconciliation"];
    let stage = Stage::open(&pool).await;
    let there =
        async |id: &str| stage.client().get_schedule_handle(id).describe(RpcOptions::default()).await.ok();
    for id in ALL {
        eventually(id, async || there(id).await.map(drop)).await;
        stage.client().get_schedule_handle(id).delete(DeleteScheduleOptions::default()).await.unwrap();
    }
    for id in ALL {
        eventually(id, async || there(id).await.map(drop)).await;
    }
    stage.close("0").await;
}
