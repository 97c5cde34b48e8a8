//! What a conclusive failure leads to: three retries, then a person; an empty wallet is nobody's failure.

use domain::{Held, Next, Observed, PayoutStatus};
use sqlx::PgPool;

use crate::fixtures::{World, accept, decline, fails, number, seconds};

#[sqlx::test(migrations = "../migrations")]
async fn three_automatic_retries_then_a_person(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    let batch = world.payout(payout).await.batch;
    for (attempt, wait) in [(1, Some(60)), (2, Some(300)), (3, Some(1800)), (4, None)] {
        for earlier in 1..attempt {
            world.look(payout, earlier, fails("bank is not available")).await;
        }
        assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(attempt) });
        let id = world.goes(payout, attempt).await;
        world.answered(payout, id, &accept()).await;
        let next = world.look(payout, attempt, fails("bank is not available")).await.next;
        let expected =
            wait.map_or(Next::AwaitAttention, |wait| Next::AwaitRetry { due: world.now + seconds(wait) });
        assert_eq!(next, expected);
        assert_eq!(world.payout(payout).await.counted_failures, attempt);
        assert_eq!(world.payout(payout).await.batch, batch);
        world.pass(seconds(wait.unwrap_or(0)));
    }
    assert!(world.payout(payout).await.needs_attention);
    assert_eq!(world.balance(&payee).await, ["9.00", "1.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_retry_that_pays_settles_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    world.pass(seconds(60));
    world.begin(payout).await;
    world.goes(payout, 2).await;
    for _ in 0..2 {
        assert_eq!(world.look(payout, 2, Observed::Succeeded).await.status, PayoutStatus::Completed);
    }
    let paid = world.payout(payout).await;
    assert_eq!((paid.failure_code, paid.failed_at, paid.next_attempt_at), (None, None, None));
    assert_eq!(world.balance(&payee).await, ["9.00", "0.00", "1.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_retrying_cannot_mend_goes_to_a_person_at_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for message in ["account number is invalid", "blacklisted account", "amount exceeds"] {
        let payout = world.accepted(&payee, "1").await;
        assert_eq!(world.look(payout, 1, fails(message)).await.next, Next::AwaitAttention, "{message}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_empty_wallet_counts_for_nothing_and_waits_for_the_next_batch(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "1").await;
    let batch = world.batch().await;
    assert_eq!(world.claim(batch).await, 1);
    world.begin(payout).await;
    let attempt = world.goes(payout, 1).await;
    world.pass(seconds(1));
    let next = world.answered(payout, attempt, &decline("Insufficient funds")).await.next;
    let held = world.payout(payout).await;
    assert_eq!((next, held.held, held.counted_failures), (Next::AwaitRelease, Some(Held::Funds), 0));
    assert!(!world.attempt(payout, 1).await.counted);
    // The same batch, however long it runs, does not take it again; the next one does.
    world.pass(seconds(1));
    assert_eq!(world.claim(batch).await, 0);
    assert_eq!(world.release().await, 1);
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(2) });
    world.goes(payout, 2).await;
    world.look(payout, 2, Observed::Succeeded).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Completed);
    world.books_are_right().await;
}
