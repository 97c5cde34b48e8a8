//! The check of the books, and what becomes of workflows that were started by hand with something unreadable.

use domain::Ending;
use sqlx::PgPool;
use store::books_check;
use temporalio_client::{
    UntypedWorkflow, WorkflowGetResultOptions, WorkflowStartOptions, WorkflowTerminateOptions,
    errors::WorkflowGetResultError,
};
use temporalio_common::{data_converters::RawValue, protos::temporal::api::common::v1::Payload};
use workflows::{BooksCheckInput, BooksCheckWorkflow, BooksChecked, Started, names};

use crate::stage::{Stage, eventually};

/// As if nobody had touched any payout for ten minutes.
async fn let_all_be_quiet(stage: &Stage) {
    sqlx::query("UPDATE payouts SET updated_at = updated_at - interval '10 minutes'")
        .execute(&stage.pool)
        .await
        .unwrap();
}

fn options(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(names::TASK_QUEUE, id.to_owned()).build()
}

async fn check(stage: &Stage) -> BooksChecked {
    let input = Started::from(BooksCheckInput::default());
    let run = stage.client().start_workflow(BooksCheckWorkflow::run, input, options("check")).await.unwrap();
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_check_reads_the_ledger_and_looks_at_every_workflow(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let paid = stage.request("1500.00").await;
    stage.until_waiting(paid, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(paid).await, Ending::Completed);
    let waits = stage.request("100.00").await;
    stage.until_waiting(waits, "window").await;
    let_all_be_quiet(&stage).await;
    let checked = check(&stage).await;
    assert!(checked.ledger_read, "{checked:?}");
    // Those that made the provider one to be trusted have ended too.
    assert_eq!((checked.findings, checked.suspects, checked.payouts), (0, 0, 5), "{checked:?}");
    let vitals = store::vitals::read(&stage.pool).await.unwrap();
    assert!(vitals.ledger_right_at.is_some() && vitals.open_cases.is_empty(), "{vitals:?}");
    stage.close("1500.00").await;
}

/// What looks wrong waits for the second look: the sweeper may mend it.
#[sqlx::test(migrations = "../migrations")]
async fn a_payout_without_a_workflow_is_noticed(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "window").await;
    stage.workflow(payout).terminate(WorkflowTerminateOptions::default()).await.unwrap();
    let_all_be_quiet(&stage).await;
    let input = Started::from(BooksCheckInput::default());
    stage.client().start_workflow(BooksCheckWorkflow::run, input, options("check")).await.unwrap();
    let suspects = eventually("the first look is over", async || {
        let suspects = books_check::suspects(&stage.pool).await.unwrap();
        (!suspects.is_empty()).then_some(suspects)
    })
    .await;
    assert_eq!(suspects.iter().map(|one| (one.payout, one.ended)).collect::<Vec<_>>(), [(payout, false)]);
    stage.close("0").await;
}

/// Decoded by the SDK it would fail its workflow task for ever, and hold the id up for those who come after.
#[sqlx::test(migrations = "../migrations")]
async fn a_start_that_cannot_be_read_ends_at_once(pool: PgPool) {
    let stage = Stage::open(&pool).await;
    let junk = || Payload { data: b"junk".to_vec(), ..Payload::default() };
    for (name, id) in [
        (names::BATCH_WORKFLOW, "batch-window"),
        (names::BATCH_WORKFLOW, names::BATCH_OPEN_WORKFLOW_ID),
        (names::BOOKS_CHECK_WORKFLOW, "books-check"),
        (names::PAYOUT_WORKFLOW, "payout-of-nobody"),
    ] {
        for input in [RawValue::new(vec![]), RawValue::new(vec![junk()])] {
            let workflow = UntypedWorkflow::new(name);
            let run = stage.client().start_workflow(workflow, input, options(id)).await.unwrap();
            let ended = run.get_result(WorkflowGetResultOptions::default()).await;
            assert!(matches!(ended, Err(WorkflowGetResultError::Failed(_))), "{name}: {ended:?}");
        }
    }
    stage.close("0").await;
}
