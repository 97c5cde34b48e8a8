//! What a provider owes is taken from whatever becomes free.

use chrono::TimeDelta;
use domain::{Observed, PayoutId};
use sqlx::PgPool;
use store::{
    decisions::Verdict,
    manual::{self, Acted},
    payouts,
};

use crate::fixtures::{Payee, World, ada, fails};

/// Four naira were paid twice, and the provider has nothing that is free.
async fn indebted(world: &mut World) -> (Payee, PayoutId) {
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let payout = world.accepted_again(&payee, "4").await;
    for attempt in [1, 2] {
        world.look(payout, attempt, Observed::Succeeded).await;
    }
    assert_eq!(world.accounts(&payee).await, ["0.00", "0.00", "8.00", "4.00"]);
    sqlx::query("DELETE FROM pauses").execute(&world.pool).await.unwrap();
    (payee, payout)
}

#[sqlx::test(migrations = "../migrations")]
async fn later_earnings_pay_it_first(pool: PgPool) {
    let mut world = World::new(&pool);
    let (payee, _) = indebted(&mut world).await;
    for (earned, accounts) in [
        ("1.50", ["0.00", "0.00", "8.00", "2.50"]),
        ("2.50", ["0.00", "0.00", "8.00", "0.00"]),
        ("3", ["3.00", "0.00", "8.00", "0.00"]),
    ] {
        world.earns(&payee, earned).await;
        assert_eq!(world.accounts(&payee).await, accounts);
        world.books_are_right().await;
    }
    let status = async || -> Vec<String> {
        sqlx::query_scalar("SELECT status FROM earnings ORDER BY created_at, id")
            .fetch_all(&world.pool)
            .await
            .unwrap()
    };
    assert_eq!(status().await, ["PAID_OUT", "RECOVERED", "RECOVERED", "AVAILABLE"]);
    // What is left can be asked for and paid.
    world.completed(&payee, "3").await;
    assert_eq!(status().await[3], "PAID_OUT");
    world.books_are_right().await;
}

/// Reserved while the debt arose, and free again.
#[sqlx::test(migrations = "../migrations")]
async fn what_comes_back_from_a_payout_pays_it(pool: PgPool) {
    for way in ["reject", "cancel", "refund", "reversal"] {
        let mut world = World::new(&pool);
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let twice = world.accepted_again(&payee, "4").await;
        let other = match way {
            "reversal" => world.completed(&payee, "6").await,
            "refund" => world.given_up(&payee, "6").await,
            _ => world.under_review(&payee, "6").await,
        };
        for attempt in [1, 2] {
            world.look(twice, attempt, Observed::Succeeded).await;
        }
        let (reserved, paid) = if way == "reversal" { ("0.00", "14.00") } else { ("6.00", "8.00") };
        assert_eq!(world.accounts(&payee).await, ["0.00", reserved, paid, "4.00"], "{way}");
        world.books_are_right().await;
        match way {
            "reject" => drop(world.decide(other, Verdict::Reject).await),
            "cancel" => drop(payouts::cancel(&world.pool, other, payee.id, world.now).await.unwrap()),
            "refund" => {
                world.look(other, 1, fails("account closed")).await;
                let acted = manual::refund(&world.pool, other, &ada(), "closed", world.now).await.unwrap();
                assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
            }
            _ => {
                for _ in 0..2 {
                    world.look(other, 1, fails("returned")).await;
                    world.pass(TimeDelta::hours(24));
                }
            }
        }
        assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "8.00", "0.00"], "{way}");
        world.books_are_right().await;
    }
}

/// Many become free at once, and a debt arises among them.
#[sqlx::test(migrations = "../migrations")]
async fn it_is_taken_once_however_many_come_at_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let twice = world.accepted_again(&payee, "4").await;
    let first = world.requested(&payee, "3").await;
    let second = world.requested(&payee, "3").await;
    world.look(twice, 1, Observed::Succeeded).await;
    let cancel = async |payout| payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();
    tokio::join!(
        world.look(twice, 2, Observed::Succeeded),
        cancel(first),
        cancel(second),
        world.earns(&payee, "1"),
        world.earns(&payee, "1"),
    );
    assert_eq!(world.accounts(&payee).await, ["4.00", "0.00", "8.00", "0.00"]);
    world.books_are_right().await;
}
