//! Workers that are made anew before they have grown.

use domain::Ending;
use sqlx::PgPool;

use crate::stage::{Stage, eventually};

#[sqlx::test(migrations = "../migrations")]
async fn payouts_go_on_while_the_workers_are_made_anew(pool: PgPool) {
    // A payout takes more steps than that.
    let mut stage = Stage::with(&pool, &[("WORKER_RECYCLE_AFTER", "5")]).await;
    let first = stage.request("1500.00").await;
    stage.until_waiting(first, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(first).await, Ending::Completed);
    // Waits for its window while the workers that began it go.
    let waits = stage.request("1000.00").await;
    eventually("the workers are made anew", async || (stage.recycled() >= 1).then_some(())).await;
    stage.until_waiting(waits, "window").await;
    let second = stage.request("1500.00").await;
    stage.until_waiting(second, "window").await;
    stage.run_batch().await;
    assert_eq!(stage.until_ended(waits).await, Ending::Completed);
    assert_eq!(stage.until_ended(second).await, Ending::Completed);
    eventually("they are made anew again", async || (stage.recycled() >= 2).then_some(())).await;
    stage.close("4000.00").await;
}
