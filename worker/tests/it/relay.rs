//! The outbox is delivered in order per payout, by however many relays.

use std::sync::Arc;

use chrono::Utc;
use domain::{PayoutId, SystemClock};
use sqlx::PgPool;
use store::decisions::{NewDecision, Verdict};
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use tokio_util::sync::CancellationToken;
use workflows::names;

use crate::stage::{Stage, admin, eventually};

const PAYOUTS: usize = 20;
const RELAYS: usize = 4;

/// The signals that reached the payout's workflow, in order.
async fn signals(stage: &Stage, payout: PayoutId) -> Vec<String> {
    let history = stage.history(payout).await;
    let signals = history.into_iter().filter_map(|event| {
        let Attributes::WorkflowExecutionSignaledEventAttributes(signaled) = event.attributes? else {
            return None;
        };
        Some(signaled.signal_name)
    });
    signals.collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn several_relays_deliver_each_row_once_and_in_order(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[]).await;
    stage.distrust_provider().await;
    let mut payouts = vec![];
    for _ in 0..PAYOUTS {
        let (payout, now) = (stage.request("100.00").await, Utc::now());
        let pool = &stage.pool;
        store::assessments::validate_and_assess(pool, payout, false, now).await.unwrap();
        let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "looked at it" };
        store::decisions::decide(pool, &decision, &admin(), false, now).await.unwrap();
        payouts.push(payout);
    }
    let now = Utc::now();
    let batch = store::batches::open_instant(&stage.pool, now).await.unwrap();
    assert_eq!(store::batches::claim_chunk(&stage.pool, batch, 100, now).await.unwrap().claimed, 20);
    store::batches::close(&stage.pool, batch, now).await.unwrap();

    let stop = CancellationToken::new();
    let relay =
        || worker::relay(stage.pool.clone(), stage.engine.clone(), Arc::new(SystemClock), stop.clone());
    let mut relays: Vec<_> = (0..RELAYS).map(|_| tokio::spawn(relay())).collect();
    // One of them dies with the rows it holds: its lease runs out, and the others deliver them.
    eventually("a relay holds rows", async || {
        let held = "SELECT count(*) FROM outbox WHERE tries > 0 AND delivered_at IS NULL";
        let held: i64 = sqlx::query_scalar(held).fetch_one(&stage.pool).await.unwrap();
        (held > 0).then_some(())
    })
    .await;
    relays.remove(0).abort();
    eventually("everything is delivered", async || {
        (store::outbox::backlog(&stage.pool).await.unwrap().undelivered == 0).then_some(())
    })
    .await;
    stop.cancel();
    for relay in relays {
        relay.await.unwrap().unwrap();
    }
    for payout in payouts {
        assert_eq!(signals(&stage, payout).await, [names::SIGNAL_DECISION, names::SIGNAL_RELEASE]);
    }
    stage.close("0").await;
}
