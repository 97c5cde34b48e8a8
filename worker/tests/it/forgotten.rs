//! Workflows whose payouts a restored database has forgotten.

use chrono::Utc;
use domain::{Currency, PayoutId};
use sqlx::PgPool;
use store::installation::{self, Place};
use temporalio_client::{WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowStartOptions};
use workflows::{Memory, PayoutInput, PayoutWorkflow, names};

use crate::stage::{Stage, eventually};

#[sqlx::test(migrations = "../migrations")]
async fn a_workflow_whose_payout_is_forgotten_is_ended_once_the_restore_is_known(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[]).await;
    let kept = stage.request("1500.00").await;
    let forgotten = PayoutId::mint();
    let input = PayoutInput {
        payout: forgotten,
        provider: stage.provider,
        amount_minor: 150_000,
        currency: Currency::Ngn,
        memory: Memory::default(),
    };
    let options = WorkflowStartOptions::new(names::TASK_QUEUE, forgotten.workflow_id()).build();
    stage.client().start_workflow(PayoutWorkflow::RUN, input, options).await.unwrap();
    // A process that saw later rows than there are.
    let place = installation::check(&stage.pool, Some(i64::MAX), Utc::now()).await.unwrap();
    assert!(matches!(place, Place::Moved { .. }), "{place:?}");
    stage.start_worker();
    eventually("the workflow is ended", async || {
        let described = stage.workflow(forgotten).describe(WorkflowDescribeOptions::default()).await.ok()?;
        (described.status() == WorkflowExecutionStatus::Terminated).then_some(())
    })
    .await;
    stage.until_running(kept).await;
    stage.close("0").await;
}
