//! What an admin does about a payout that needs attention.

use chrono::TimeDelta;
use domain::{Ending, Next, PayoutId, PayoutStatus, judge::FRESH};
use sqlx::PgPool;
use store::{
    Conflict,
    manual::{self, Acted},
};

use crate::fixtures::{World, ada, fails, number};

async fn retry(world: &World, payout: PayoutId) -> Acted {
    manual::retry(&world.pool, payout, &ada(), "once more", world.now).await.unwrap()
}

async fn refund(world: &World, payout: PayoutId) -> Acted {
    manual::refund(&world.pool, payout, &ada(), "closed", world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn only_what_needs_attention_is_retried_or_refunded(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let retrying = world.accepted(&payee, "1").await;
    world.look(retrying, 1, fails("bank is not available")).await;
    for payout in [
        world.requested(&payee, "1").await,
        world.approved(&payee, "1").await,
        world.accepted(&payee, "1").await,
        world.completed(&payee, "1").await,
        retrying,
    ] {
        let before = world.payout(payout).await;
        assert!(matches!(retry(&world, payout).await, Acted::NotWaiting(_)), "{}", before.status);
        assert!(matches!(refund(&world, payout).await, Acted::NotWaiting(_)), "{}", before.status);
        assert_eq!(world.payout(payout).await, before);
    }
    assert_eq!(retry(&world, PayoutId::mint()).await, Acted::NotFound);
    assert_eq!(refund(&world, PayoutId::mint()).await, Acted::NotFound);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_ordered_retry_is_due_at_once_and_only_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "1").await;
    assert!(matches!(retry(&world, payout).await, Acted::Done(_)));
    assert_eq!(world.next(payout).await, Next::AwaitRetry { due: world.now });
    assert_eq!(world.told(payout).await.last().unwrap(), "manual_action");
    let conflict = Conflict { status: PayoutStatus::Failed, by: "admin:ada".to_owned() };
    assert_eq!(retry(&world, payout).await, Acted::NotWaiting(conflict.clone()));
    assert_eq!(refund(&world, payout).await, Acted::NotWaiting(conflict));
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(2) });
    // It fails again: the automatic retries stay used up for a closed account.
    world.goes(payout, 2).await;
    assert_eq!(world.look(payout, 2, fails("account closed")).await.next, Next::AwaitAttention);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refund_gives_the_money_back_once_and_for_good(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "1").await;
    let Acted::Done(refunded) = refund(&world, payout).await else { panic!() };
    assert_eq!((refunded.status, refunded.refunded_at), (PayoutStatus::Failed, Some(world.now)));
    assert_eq!(world.next(payout).await, Next::Notify { ending: Ending::Refunded });
    assert!(matches!(refund(&world, payout).await, Acted::NotWaiting(_)));
    assert!(matches!(retry(&world, payout).await, Acted::NotWaiting(_)));
    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refund_needs_a_failure_that_was_seen_just_now(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "1").await;
    world.pass(FRESH + TimeDelta::microseconds(1));
    assert!(matches!(refund(&world, payout).await, Acted::NotProven { .. }));
    assert_eq!(world.balance(&payee).await, ["9.00", "1.00", "0.00"]);
    world.look(payout, 1, fails("account closed")).await;
    world.pass(FRESH);
    assert!(matches!(refund(&world, payout).await, Acted::Done(_)));
}
