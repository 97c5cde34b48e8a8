//! Every route of a payout to its end.

use chrono::Utc;
use domain::{Ending, Held, PayoutId, PayoutStatus};
use simulator::{Fault, Plan, Span, Status, WebhookOrder};
use sqlx::PgPool;
use store::{
    decisions::{Decided, NewDecision, Verdict},
    inbox,
    manual::Acted,
    payouts::Cancelled,
};

use crate::stage::{Stage, admin, eventually};

async fn decide(stage: &Stage, payout: PayoutId, verdict: Verdict) {
    let decision = NewDecision { payout, verdict, reason: "looked at it" };
    let decided =
        store::decisions::decide(&stage.pool, &decision, &admin(), false, Utc::now()).await.unwrap();
    assert!(matches!(decided, Decided::Done(_)), "{decided:?}");
}

async fn cancel(stage: &Stage, payout: PayoutId) {
    let cancelled = store::payouts::cancel(&stage.pool, payout, stage.provider, Utc::now()).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Done(_)), "{cancelled:?}");
}

/// Approved and taken by a batch; the gateway does what the test has planted.
async fn send(stage: &Stage, payout: PayoutId) {
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
}

fn plant(stage: &Stage, payout: PayoutId, attempt: u8, fault: Fault) {
    stage.gateway.plant(Plan::once(stage.reference(payout, attempt), fault)).unwrap();
}

fn refused(message: &str) -> Fault {
    Fault::Fail { message: message.to_owned(), after: None }
}

#[sqlx::test(migrations = "../migrations")]
async fn instant_payouts_ask_for_their_batch_themselves(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("BATCH_WINDOW", "open")]).await;
    let first = stage.request("100.00").await;
    let second = stage.request("200.00").await;
    assert_eq!(stage.until_ended(first).await, Ending::Completed);
    assert_eq!(stage.until_ended(second).await, Ending::Completed);
    stage.record("instant", first).await;
    stage.record_workflow("batch_instant", workflows::names::BATCH_OPEN_WORKFLOW_ID).await;
    stage.close("300.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_admin_approves(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.distrust_provider().await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "decision").await;
    decide(&stage, payout, Verdict::Approve).await;
    stage.until_waiting(payout, "window").await;
    let batch = stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    let timeline = stage.timeline(payout).await;
    let expected = ["requested", "review_opened", "approved", "claimed", "attempt_began", "completed"];
    assert_eq!(timeline, expected);
    stage.record("approved_by_admin", payout).await;
    stage.record_workflow("batch_run_now", &format!("batch-{batch}")).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_admin_rejects(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    stage.distrust_provider().await;
    let payout = stage.request("1500.00").await;
    stage.until_waiting(payout, "decision").await;
    decide(&stage, payout, Verdict::Reject).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Rejected);
    stage.record("rejected", payout).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_provider_cancels_under_review_and_before_the_batch(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let approved = stage.request("1500.00").await;
    stage.until_waiting(approved, "window").await;
    stage.distrust_provider().await;
    let reviewed = stage.request("1500.00").await;
    stage.until_waiting(reviewed, "decision").await;
    cancel(&stage, approved).await;
    cancel(&stage, reviewed).await;
    assert_eq!(stage.until_ended(approved).await, Ending::Cancelled);
    assert_eq!(stage.until_ended(reviewed).await, Ending::Cancelled);
    stage.record("cancelled_before_batch", approved).await;
    stage.record("cancelled_under_review", reviewed).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_the_gateway_refuses_once_is_paid_by_the_retry(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, refused("DISBURSE FAILED: bank is not available"));
    send(&stage, payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(stage.payout(payout).await.attempts, 2);
    stage.record("retried", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn after_three_retries_a_person_is_asked(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    for attempt in 1..=4 {
        plant(&stage, payout, attempt, refused("DISBURSE FAILED: bank is not available"));
    }
    send(&stage, payout).await;
    stage.until_waiting(payout, "attention").await;
    let failed = stage.payout(payout).await;
    assert_eq!((failed.status, failed.attempts), (PayoutStatus::Failed, 4));
    stage.record("retries_used_up", payout).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_refused_for_good_is_retried_by_an_admin_and_paid(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, refused("DISBURSE FAILED: account closed"));
    send(&stage, payout).await;
    stage.until_waiting(payout, "attention").await;
    let retried = store::manual::retry(&stage.pool, payout, &admin(), "reopened", Utc::now()).await.unwrap();
    assert!(matches!(retried, Acted::Done(_)), "{retried:?}");
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(stage.payout(payout).await.attempts, 2);
    stage.record("retried_by_admin", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_refused_for_good_is_refunded_by_an_admin(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, refused("DISBURSE FAILED: account closed"));
    send(&stage, payout).await;
    stage.until_waiting(payout, "attention").await;
    let refunded = store::manual::refund(&stage.pool, payout, &admin(), "closed", Utc::now()).await.unwrap();
    assert!(matches!(refunded, Acted::Done(_)), "{refunded:?}");
    assert_eq!(stage.until_ended(payout).await, Ending::Refunded);
    stage.record("refunded_by_admin", payout).await;
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_empty_wallet_is_nobodys_failure(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    // The wallet had enough when the batch looked, and not any more when the transfer was made.
    plant(&stage, payout, 1, refused("DISBURSE FAILED: Insufficient funds in customer wallet"));
    send(&stage, payout).await;
    let held = stage.until(payout, "held", |payout| payout.held == Some(Held::Funds)).await;
    assert_eq!((held.status, held.counted_failures), (PayoutStatus::Approved, 0));
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.record("held_for_funds", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_call_that_times_out_after_the_money_moved_is_paid_once(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, Fault::TimeoutMoneyMoves { stall: Span::from_secs(120) });
    send(&stage, payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    let known = stage.gateway.reference(&stage.reference(payout, 1)).await.unwrap().unwrap();
    assert_eq!((known.posts, stage.payout(payout).await.attempts), (1, 1));
    stage.record("timed_out_and_paid", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_call_that_was_never_carried_out_is_sent_again_under_its_reference(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("WEBHOOK_TIMEOUT", "1s"), ("GATEWAY_TIMEOUT", "1s")]).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, Fault::ResetBefore {});
    send(&stage, payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    let known = stage.gateway.reference(&stage.reference(payout, 1)).await.unwrap().unwrap();
    assert_eq!((known.transfers.len(), stage.payout(payout).await.attempts), (1, 1));
    stage.record("sent_again", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn without_its_webhook_the_outcome_is_found_by_asking(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("WEBHOOK_TIMEOUT", "1s")]).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, Fault::WebhookLost {});
    send(&stage, payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert!(inbox::counts(&stage.pool).await.unwrap().is_empty());
    stage.record("webhook_lost", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_webhook_that_comes_twice_is_kept_once(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, Fault::WebhookDuplicate { copies: 2, apart: Span::from_millis(50) });
    send(&stage, payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    eventually("all three have come", async || {
        let repeats: i32 =
            sqlx::query_scalar("SELECT repeats FROM inbox").fetch_one(&stage.pool).await.unwrap();
        (repeats == 2).then_some(())
    })
    .await;
    assert_eq!(inbox::counts(&stage.pool).await.unwrap(), [("woken".to_owned(), 1)]);
    stage.record("webhook_twice", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_webhook_is_a_hint_whatever_it_claims(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("WEBHOOK_TIMEOUT", "2s")]).await;
    stage.gateway.change_settings(|settings| settings.settle_after = Span::from_millis(2500)).unwrap();
    let payout = stage.request("1500.00").await;
    plant(&stage, payout, 1, Fault::WebhookLost {});
    send(&stage, payout).await;
    stage.until_waiting(payout, "gateway").await;
    let reference = stage.reference(payout, 1);
    let claim = |hash: Option<&str>| WebhookOrder {
        reference: Some(reference.clone()),
        status: Some(Status::Failed),
        hash: hash.map(str::to_owned),
        ..WebhookOrder::default()
    };
    let forged = stage.gateway.send_webhook(claim(Some("forged"))).await.unwrap();
    assert_eq!(forged.answers, ["401"]);
    let signed = stage.gateway.send_webhook(claim(None)).await.unwrap();
    assert_eq!(signed.answers, ["200"]);
    let attempt = eventually("the gateway was asked because of it", async || {
        let attempt = store::attempts::of_payout(&stage.pool, payout).await.unwrap().remove(0);
        (attempt.evidence.len() > 1).then_some(attempt)
    })
    .await;
    assert_eq!(attempt.evidence[1].verdict, "in_flight");
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.record("webhook_wrong", payout).await;
    stage.close("1500.00").await;
}
