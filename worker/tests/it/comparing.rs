//! Reconciliation end to end: what webhooks and polls have missed, what came back, and what nobody of ours has made.

use chrono::{TimeDelta, Utc};
use domain::{AccountName, AttemptTerms, Ending, PayoutId, PayoutStatus, Reference, Submitted};
use gateway::{PayoutGateway, flutterwave::v3::FlutterwaveV3};
use simulator::{Fault, Plan};
use sqlx::PgPool;
use store::reconciliations::{self, Counts, Opened, RunKind, RunStatus};
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowExecutionStatus,
    schedules::{ScheduleOverlapPolicy, TriggerScheduleOptions},
};
use workflows::ReconciliationWorkflow;

use crate::stage::{ACCOUNT, OWNER, Stage, admin, eventually, naira};

const WINDOW: TimeDelta = TimeDelta::days(5);

impl Stage {
    /// An admin's run, to its end.
    async fn reconcile(&self) -> Counts {
        let id = eventually("no other run is open", async || {
            let opened = reconciliations::open(&self.pool, RunKind::RunNow, WINDOW, &admin(), Utc::now())
                .await
                .unwrap();
            match opened {
                Opened::New(run) => Some(run.id),
                Opened::Running(_) => None,
            }
        })
        .await;
        eventually("the run is finished", async || {
            let run = reconciliations::get(&self.pool, id).await.unwrap().unwrap();
            (run.status == RunStatus::Finished).then_some(run.counts)
        })
        .await
    }

    /// Keeps the history of the latest admin's run, once it has ended.
    async fn record_run(&self, route: &str) {
        let run = reconciliations::list(&self.pool, None, 1).await.unwrap().remove(0);
        let id = format!("reconciliation-{}", run.id);
        eventually("the run's workflow has ended", async || {
            let workflow = self.client().get_workflow_handle::<ReconciliationWorkflow>(&id);
            let described = workflow.describe(WorkflowDescribeOptions::default()).await.ok()?;
            (described.status() == WorkflowExecutionStatus::Completed).then_some(())
        })
        .await;
        self.record_workflow(route, &id).await;
    }

    async fn open_cases(&self, kind: &str) -> Vec<Option<uuid::Uuid>> {
        sqlx::query_scalar("SELECT payout_id FROM cases WHERE kind = $1 AND status = 'OPEN' ORDER BY id")
            .bind(kind)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Sent, with this fault planted, and waited for.
    async fn sent(&mut self, amount: &str, fault: Option<Fault>) -> PayoutId {
        let payout = self.request(amount).await;
        self.until_waiting(payout, "window").await;
        if let Some(fault) = fault {
            self.gateway.plant(Plan::once(self.reference(payout, 1), fault)).unwrap();
        }
        self.run_batch().await;
        payout
    }

    async fn at_the_gateway(&self, reference: &str, status: &str) {
        eventually("the gateway has settled", async || {
            let transfer = self.gateway.transfer(reference).await.unwrap()?;
            (transfer.status.as_str() == status).then_some(())
        })
        .await;
    }
}

/// Nobody hears of the success: no webhook, and the poll is an hour away.
#[sqlx::test(migrations = "../migrations")]
async fn a_success_that_nobody_heard_of_is_found(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.sent("1500.00", Some(Fault::WebhookLost {})).await;
    stage.until_waiting(payout, "gateway").await;
    let reference = stage.reference(payout, 1);
    stage.at_the_gateway(&reference, "SUCCESSFUL").await;
    let counts = stage.reconcile().await;
    assert_eq!((counts.healed, counts.differences), (1, 0), "{counts:?}");
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.record_run("reconciliation").await;
    // Found again, it agrees.
    let counts = stage.reconcile().await;
    assert_eq!((counts.listed, counts.matched, counts.looked_up), (1, 1, 0), "{counts:?}");
    stage.close("1500.00").await;
}

/// The hour is not waited for: the schedule's own action is what is asked for here.
#[sqlx::test(migrations = "../migrations")]
async fn the_schedules_tick_opens_a_run_and_carries_it_to_its_end(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("RECONCILE_EVERY", "24h")]).await;
    let payout = stage.sent("1500.00", Some(Fault::WebhookLost {})).await;
    stage.until_waiting(payout, "gateway").await;
    stage.at_the_gateway(&stage.reference(payout, 1), "SUCCESSFUL").await;
    eventually("the schedule ticks", async || {
        let schedule = stage.client().get_schedule_handle("reconciliation");
        schedule.trigger(ScheduleOverlapPolicy::Skip, TriggerScheduleOptions::default()).await.ok()
    })
    .await;
    let run = eventually("its run is finished", async || {
        let run = reconciliations::list(&stage.pool, None, 1).await.unwrap().pop()?;
        (run.status == RunStatus::Finished).then_some(run)
    })
    .await;
    assert_eq!((run.kind, run.opened_by.as_str(), run.counts.healed), (RunKind::Scheduled, "system", 1));
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reversal_is_found_and_booked_on_the_second_look(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.sent("1500.00", None).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.gateway.reverse(&stage.reference(payout, 1), None, Some(false)).await.unwrap();
    for _ in 0..2 {
        stage.reconcile().await;
        assert_eq!(stage.payout(payout).await.status, PayoutStatus::Completed);
        assert_eq!(stage.open_cases("reversal").await, [Some(payout.uuid())]);
    }
    // A day later.
    let earlier =
        "UPDATE attempts SET reversal_seen_at = reversal_seen_at - interval '24 hours' WHERE payout_id = $1";
    sqlx::query(earlier).bind(payout.uuid()).execute(&stage.pool).await.unwrap();
    let counts = stage.reconcile().await;
    assert_eq!(counts.healed, 1, "{counts:?}");
    assert_eq!(stage.payout(payout).await.status, PayoutStatus::Reversed);
    assert_eq!(stage.open_cases("reversal").await.len(), 0);
    let told: i64 =
        sqlx::query_scalar("SELECT count(*) FROM notifications WHERE payout_id = $1 AND event = 'returned'")
            .bind(payout.uuid())
            .fetch_one(&stage.pool)
            .await
            .unwrap();
    assert_eq!(told, 1);
    stage.stop_worker().await;
    assert_eq!(store::books::verify(&stage.pool).await.unwrap().findings, [""; 0]);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_done_behind_our_back_is_a_case(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    // Somebody pays from the same wallet.
    let other = AttemptTerms {
        reference: Reference::from_stored("rent-march"),
        amount: naira("900.00"),
        bank: "044".parse().unwrap(),
        account: ACCOUNT.parse().unwrap(),
        beneficiary: AccountName::new(OWNER),
        narration: "Rent".to_owned(),
    };
    let theirs = FlutterwaveV3::new(stage.settings.gateway.clone()).unwrap();
    assert!(matches!(theirs.submit(&other).await, Submitted::Accepted(_)));
    // And tries a payout again that had failed for good.
    let closed = Fault::Fail { message: "DISBURSE FAILED: account closed".to_owned(), after: None };
    let payout = stage.sent("1500.00", Some(closed)).await;
    stage.until_waiting(payout, "attention").await;
    let retry = stage.gateway.retry(&stage.reference(payout, 1)).await.unwrap();
    stage.at_the_gateway(&retry.reference, "SUCCESSFUL").await;
    stage.at_the_gateway("rent-march", "SUCCESSFUL").await;
    for _ in 0..2 {
        stage.reconcile().await;
        let mut cases = stage.open_cases("unknown_transfer").await;
        cases.sort();
        assert_eq!(cases, [None, Some(payout.uuid())]);
    }
    // What the retry has paid is not given back, nor paid again.
    let proven = store::attempts::proven_unpaid(&stage.pool, payout, Utc::now()).await.unwrap();
    assert!(proven.is_err());
    assert_eq!(stage.payout(payout).await.status, PayoutStatus::Failed);
    stage.stop_worker().await;
    assert_eq!(store::books::verify(&stage.pool).await.unwrap().findings, [""; 0]);
}
