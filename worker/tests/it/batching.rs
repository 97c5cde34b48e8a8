//! Batches on the real stack: a short wallet, and the kill switch in the middle of a batch.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use domain::{Allowance, AttemptStatus, Held, Limit, Limits, PayoutId, PayoutStatus, Schedule};
use rust_decimal::Decimal;
use sqlx::PgPool;
use store::{batches::rules, control};
use worker::funding_watch;

use crate::stage::{Stage, admin, eventually};

async fn all_completed(stage: &Stage, payouts: &[PayoutId]) {
    for payout in payouts {
        stage.until_status(*payout, PayoutStatus::Completed).await;
    }
}

async fn statuses(stage: &Stage, payouts: &[PayoutId]) -> Vec<(PayoutStatus, Option<Held>)> {
    let mut statuses = vec![];
    for payout in payouts {
        let row = stage.payout(*payout).await;
        statuses.push((row.status, row.held));
    }
    statuses
}

#[sqlx::test(migrations = "../migrations")]
async fn a_short_wallet_is_shared_and_the_rest_leaves_when_it_is_topped_up(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let (many, one) = (stage.another(2).await, stage.another(3).await);
    let mut payouts = vec![];
    for provider in [many, many, many, one] {
        payouts.push(stage.approved(provider, "1000.00").await);
    }
    // Two of them with their fees, and not three.
    stage.gateway.set_wallet(Decimal::from(2_200)).await.unwrap();
    let batch = stage.run_batch().await;
    all_completed(&stage, &[payouts[0], payouts[3]]).await;
    eventually("the batch is closed", async || {
        store::batches::get(&stage.pool, batch).await.unwrap()?.closed_at
    })
    .await;
    let waits = (PayoutStatus::Approved, Some(Held::Funds));
    assert_eq!(statuses(&stage, &payouts[1..3]).await, [waits, waits]);
    let (_, left) = store::batches::record(&stage.pool, batch).await.unwrap();
    assert_eq!((left[0].reason.as_str(), left[0].payouts), ("funds", 2));
    let funds = store::funds::seen(&stage.pool).await.unwrap();
    assert!(funds.iter().any(|funds| funds.balance.is_some() && !funds.fee_each.is_zero()));
    stage.gateway.set_wallet(Decimal::from(1_000_000)).await.unwrap();
    stage.run_batch().await;
    all_completed(&stage, &payouts).await;
    stage.close("4000.00").await;
}

/// In time to move money from bank to bank by hand, once a window, and not for one that is far off.
#[sqlx::test(migrations = "../migrations")]
async fn finance_is_told_once_ahead_of_a_window_that_the_wallet_will_not_do_for(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[]).await;
    let somebody = stage.another(2).await;
    stage.approved(somebody, "1000.00").await;
    stage.gateway.set_wallet(Decimal::from(500)).await.unwrap();
    let world = worker::world(&stage.settings, stage.pool.clone()).unwrap();
    let look = async || funding_watch::look(&world).await.unwrap();
    let next_window_in = async |minutes| {
        let anchor = Utc::now() + TimeDelta::minutes(minutes);
        let schedule = Schedule::Interval { every_minutes: 120, anchor };
        rules::set_schedule(&stage.pool, Some(&schedule), &admin(), Utc::now()).await.unwrap();
    };
    next_window_in(90).await;
    assert_eq!(look().await, 0);
    next_window_in(30).await;
    assert_eq!((look().await, look().await), (1, 0));
    let told: Vec<String> = sqlx::query_scalar(
        "SELECT body FROM notifications WHERE audience = 'admins' AND event = 'funding_short'",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    stage.gateway.set_wallet(Decimal::from(1_000_000)).await.unwrap();
    next_window_in(31).await;
    assert_eq!(look().await, 0);
    stage.close("0").await;
}

/// What was being sent when the pause answered arrives; nothing else does until everything is resumed.
#[sqlx::test(migrations = "../migrations")]
async fn a_pause_in_the_middle_of_a_batch_lets_nothing_more_out(pool: PgPool) {
    const PAYOUTS: usize = 24;
    let slowly = [("PAYOUT_WORKER_RATE_LIMIT", "2"), ("PAYOUT_WORKER_CONCURRENCY", "2")];
    let mut stage = Stage::without_worker(&pool, &slowly).await;
    let mut payouts = vec![];
    let provider = stage.another(2).await;
    for _ in 0..PAYOUTS {
        payouts.push(stage.approved(provider, "100.00").await);
    }
    stage.start_worker();
    stage.run_batch().await;
    eventually("some were sent", async || {
        (stage.gateway.posts(None).await.unwrap().total >= 3).then_some(())
    })
    .await;
    control::set_paused(&stage.pool, true, "stop everything", &admin(), Utc::now()).await.unwrap();
    let counted = sent(&stage, &payouts).await;
    assert!(counted.len() < PAYOUTS, "the pause came in the middle");
    // Everything that can still move has: what had not begun waits again, what was sent has ended.
    eventually("nothing moves any more", async || {
        let mut still = true;
        for payout in &payouts {
            let row = stage.payout(*payout).await;
            let began = !store::attempts::of_payout(&stage.pool, *payout).await.unwrap().is_empty();
            still &= match row.status {
                PayoutStatus::Completed | PayoutStatus::Approved => true,
                PayoutStatus::Processing => began && !counted.contains(&stage.reference(*payout, 1)),
                PayoutStatus::Requested
                | PayoutStatus::Failed
                | PayoutStatus::Rejected
                | PayoutStatus::Cancelled
                | PayoutStatus::Reversed => false,
            };
        }
        still.then_some(())
    })
    .await;
    assert_eq!(posted(&stage).await, counted, "only what was being sent when the pause answered");
    for payout in &payouts {
        let row = stage.payout(*payout).await;
        if row.status == PayoutStatus::Approved {
            assert_eq!((row.held, row.attempts), (Some(Held::Paused), 0));
        }
    }
    control::resume(&stage.pool, "looked at it", &admin(), Utc::now()).await.unwrap();
    stage.run_batch().await;
    all_completed(&stage, &payouts).await;
    assert_eq!(stage.gateway.posts(None).await.unwrap().total, u64::try_from(PAYOUTS).unwrap());
    stage.close("2400.00").await;
}

/// References whose send was counted.
async fn sent(stage: &Stage, payouts: &[PayoutId]) -> BTreeSet<String> {
    let mut references = BTreeSet::new();
    for payout in payouts {
        for attempt in store::attempts::of_payout(&stage.pool, *payout).await.unwrap() {
            if attempt.sends > 0 || attempt.status != AttemptStatus::Submitting {
                references.insert(attempt.reference.as_str().to_owned());
            }
        }
    }
    references
}

async fn posted(stage: &Stage) -> BTreeSet<String> {
    let posts = stage.gateway.posts(None).await.unwrap();
    posts.timeline.into_iter().filter_map(|arrival| arrival.reference).collect()
}

/// Nobody runs it: the schedule's tick finds that a window is due.
#[sqlx::test(migrations = "../migrations")]
async fn a_window_that_falls_due_leaves_by_itself(pool: PgPool) {
    let mut stage = Stage::with(&pool, &[("BATCH_WINDOW", "10s")]).await;
    let payout = stage.request("1500.00").await;
    let paid = stage.until_status(payout, PayoutStatus::Completed).await;
    let batch = store::batches::get(&stage.pool, paid.batch.unwrap()).await.unwrap().unwrap();
    assert_eq!((batch.kind, batch.opened_by.as_str()), (store::batches::BatchKind::Window, "system"));
    let window = batch.window_at.unwrap();
    assert_eq!(window.timestamp() % 10, 0);
    assert!(window <= batch.opened_at && paid.approved_at.unwrap() <= batch.opened_at);
    stage.close("1500.00").await;
}

/// It had claimed some of them, and nobody had been told yet; another worker takes up its batch.
#[sqlx::test(migrations = "../migrations")]
async fn a_batch_whose_worker_died_in_the_middle_is_carried_on(pool: PgPool) {
    const PAYOUTS: usize = 12;
    let mut stage = Stage::without_worker(&pool, &[]).await;
    let provider = stage.another(2).await;
    let mut payouts = vec![];
    for _ in 0..PAYOUTS {
        payouts.push(stage.approved(provider, "100.00").await);
    }
    let batch = stage.run_batch().await;
    let chunk = store::batches::claim_chunk(&stage.pool, batch, 5, Utc::now()).await.unwrap();
    assert_eq!(chunk.claimed, 5);
    stage.start_worker();
    all_completed(&stage, &payouts).await;
    assert_eq!(stage.gateway.posts(None).await.unwrap().total, u64::try_from(PAYOUTS).unwrap());
    let closed = store::batches::get(&stage.pool, batch).await.unwrap().unwrap();
    assert_eq!((closed.payouts, closed.closed_at.is_some()), (12, true));
    // Said by the step that prepares it.
    let pace: Option<i32> = sqlx::query_scalar("SELECT releases_per_second FROM batches WHERE id = $1")
        .bind(batch.uuid())
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    assert_eq!(pace, Some(13), "10 a second may be sent");
    stage.close("1200.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_paused_provider_is_passed_by_and_leaves_when_it_is_resumed(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let (paused, other) = (stage.another(2).await, stage.another(3).await);
    let (waits, leaves) = (stage.approved(paused, "100.00").await, stage.approved(other, "200.00").await);
    let what = store::pauses::Paused::Provider(paused.0);
    store::pauses::pause(&stage.pool, &what, "look", &admin(), Utc::now()).await.unwrap();
    stage.run_batch().await;
    all_completed(&stage, &[leaves]).await;
    assert_eq!(stage.payout(waits).await.status, PayoutStatus::Approved);
    store::pauses::resume(&stage.pool, &what, "looked", &admin(), Utc::now()).await.unwrap();
    stage.run_batch().await;
    all_completed(&stage, &[waits]).await;
    stage.close("300.00").await;
}

/// The queue of transfers is full for half a minute; what somebody asks about is answered meanwhile.
#[sqlx::test(migrations = "../migrations")]
async fn look_ups_do_not_stand_behind_transfers(pool: PgPool) {
    let slowly =
        [("PAYOUT_WORKER_RATE_LIMIT", "1"), ("PAYOUT_WORKER_CONCURRENCY", "1"), ("WEBHOOK_TIMEOUT", "1s")];
    let mut stage = Stage::without_worker(&pool, &slowly).await;
    let provider = stage.another(2).await;
    let mut payouts = vec![];
    for _ in 0..20 {
        payouts.push(stage.approved(provider, "100.00").await);
    }
    for payout in &payouts {
        let lost = simulator::Plan::once(stage.reference(*payout, 1), simulator::Fault::WebhookLost {});
        stage.gateway.plant(lost).unwrap();
    }
    stage.start_worker();
    stage.run_batch().await;
    // Only a look tells that it was paid.
    let mut paid = 0;
    eventually("some are known to be paid", async || {
        let statuses = statuses(&stage, &payouts).await;
        paid = statuses.iter().filter(|(status, _)| *status == PayoutStatus::Completed).count();
        (paid >= 3).then_some(())
    })
    .await;
    let posted = stage.gateway.posts(None).await.unwrap().total;
    assert!(posted < 15, "{posted} of 20 were sent when {paid} had been looked up");
    all_completed(&stage, &payouts).await;
    stage.close("2000.00").await;
}

/// Two windows, and a limit that lets one payout out on a day.
#[sqlx::test(migrations = "../migrations")]
async fn a_days_limit_holds_over_batches(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let provider = stage.another(2).await;
    let (first, second) =
        (stage.approved(provider, "100.00").await, stage.approved(provider, "100.00").await);
    let claimed_today: i64 =
        sqlx::query_scalar("SELECT coalesce(sum(payouts), 0)::bigint FROM claimed_quarters")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
    let allowance =
        Allowance { payouts: u32::try_from(claimed_today).ok().map(|made| made + 1), amount: None };
    let limits = Limits {
        day: vec![Limit { currency: domain::Currency::Ngn, allowance }],
        ..rules::get(&stage.pool).await.unwrap().limits
    };
    rules::set_limits(&stage.pool, &limits, &admin(), Utc::now()).await.unwrap();
    for _ in 0..2 {
        let batch = stage.run_batch().await;
        eventually("the batch is closed", async || {
            store::batches::get(&stage.pool, batch).await.unwrap()?.closed_at
        })
        .await;
    }
    all_completed(&stage, &[first]).await;
    let waits = stage.payout(second).await;
    assert_eq!((waits.status, waits.held), (PayoutStatus::Approved, Some(Held::Limit)));
    stage.close("100.00").await;
}
