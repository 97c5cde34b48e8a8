//! Batches on the real stack: a short wallet, and the kill switch in the middle of a batch.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use domain::{AttemptStatus, Held, PayoutId, PayoutStatus, Schedule};
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
