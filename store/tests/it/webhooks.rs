//! Webhooks, kept before they are answered.

use domain::{Observed, Reference};
use sqlx::PgPool;
use store::inbox::{self, Disposition};

use crate::fixtures::{World, reference};

async fn receive(world: &World, body: &str, reference: Option<&Reference>) -> Disposition {
    inbox::receive(&world.pool, body.as_bytes(), reference, world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_webhook_wakes_its_payout_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    let reference = reference(&world.place(payout, 1).await);
    assert_eq!(receive(&world, "{1}", Some(&reference)).await, Disposition::Woken { payout });
    let again = futures::future::join_all((0..4).map(|_| receive(&world, "{1}", Some(&reference)))).await;
    assert_eq!(again, [Disposition::Again; 4]);
    assert_eq!(world.told(payout).await, ["start", "decision", "release", "transfer_update"]);
    assert_eq!(world.count("SELECT repeats::bigint FROM inbox").await, 4);
    // Another body is another hint.
    assert_eq!(receive(&world, "{2}", Some(&reference)).await, Disposition::Woken { payout });
    assert_eq!(world.told(payout).await.len(), 5);
}

#[sqlx::test(migrations = "../migrations")]
async fn one_body_many_times_at_once_wakes_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    let reference = reference(&world.place(payout, 1).await);
    let all = futures::future::join_all((0..5).map(|_| receive(&world, "{}", Some(&reference)))).await;
    assert_eq!(all.iter().filter(|done| **done == Disposition::Woken { payout }).count(), 1);
    assert_eq!(world.told(payout).await.len(), 4);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_placed_is_kept(pool: PgPool) {
    let world = World::new(&pool);
    assert_eq!(receive(&world, "{}", None).await, Disposition::Unreadable);
    for (n, foreign) in ["other-1", "", "a\0b"].into_iter().enumerate() {
        let foreign = Reference::from_stored(foreign);
        assert_eq!(receive(&world, &n.to_string(), Some(&foreign)).await, Disposition::Unknown);
    }
    let counts = inbox::counts(&world.pool).await.unwrap();
    assert_eq!(counts, [("unknown".to_owned(), 3), ("unreadable".to_owned(), 1)]);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_that_has_ended_is_left_alone(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let paid = world.accepted(&payee, "1").await;
    let reference_of_paid = reference(&world.place(paid, 1).await);
    world.look(paid, 1, Observed::Succeeded).await;
    assert_eq!(
        receive(&world, "{1}", Some(&reference_of_paid)).await,
        Disposition::Finished { payout: paid }
    );

    let refunded = world.given_up(&payee, "1").await;
    let failed = reference(&world.place(refunded, 1).await);
    assert_eq!(receive(&world, "{2}", Some(&failed)).await, Disposition::Woken { payout: refunded });
    store::manual::refund(&world.pool, refunded, &crate::fixtures::ada(), "x", world.now).await.unwrap();
    assert_eq!(receive(&world, "{3}", Some(&failed)).await, Disposition::Finished { payout: refunded });
}
