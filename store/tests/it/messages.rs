//! What the provider is told, and what is written down.

use sqlx::PgPool;
use store::{
    audit::{self, Stray},
    bank_accounts,
    messages::{self, Channels},
    notifications,
};

use crate::fixtures::{World, fails, seconds};

#[sqlx::test(migrations = "../migrations")]
async fn the_provider_hears_each_thing_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "1").await;
    let feed = notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    let events: Vec<&str> = feed.iter().map(|message| message.event.as_str()).collect();
    assert_eq!(events, ["completed", "approved", "received"]);
    let rest = notifications::feed(&world.pool, payee.id, Some(feed[0].id), 10).await.unwrap();
    assert_eq!(rest.len(), 2);
    for handed_over in [3, 0] {
        let channels = Channels::default();
        let done = messages::hand_over_payout(&world.pool, payout, channels, world.now).await.unwrap();
        assert_eq!(done, handed_over);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_automatic_retry_is_not_worth_a_message(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    let feed = notifications::feed(&world.pool, payee.id, None, 1).await.unwrap();
    assert_eq!(feed[0].event, "approved");
}

#[sqlx::test(migrations = "../migrations")]
async fn messages_are_read_up_to_one(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let other = world.provider().await;
    world.earns(&payee, "10").await;
    world.completed(&payee, "1").await;
    let feed = notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    let read = async |who: &crate::fixtures::Payee, message: usize, after| {
        notifications::mark_read(&world.pool, who.id, feed[message].id, world.now + seconds(after))
            .await
            .unwrap()
    };
    assert_eq!(read(&other, 0, 0).await, 0);
    assert_eq!((read(&payee, 1, 0).await, read(&payee, 0, 9).await, read(&payee, 0, 99).await), (2, 1, 0));
    assert_eq!(notifications::unread(&world.pool, payee.id).await.unwrap(), 0);
    let times: Vec<_> = notifications::feed(&world.pool, payee.id, None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.read_at.unwrap() - world.now)
        .collect();
    assert_eq!(times, [seconds(9), seconds(0), seconds(0)]);
}

#[sqlx::test(migrations = "../migrations")]
async fn where_money_goes_is_not_changed_quietly(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let told = async || notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    assert!(told().await.is_empty(), "the first account is no change");
    let actor = store::Actor::provider(payee.id);
    for removed in [true, false] {
        let done =
            bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap();
        assert_eq!(done, removed);
    }
    let told = told().await;
    assert_eq!((told.len(), told[0].event.as_str(), told[0].payout), (1, "bank_account_changed", None));
    let number = bank_accounts::get(&world.pool, payee.account).await.unwrap().unwrap().number;
    assert!(!told[0].body.contains(number.expose()), "{}", told[0].body);
}

#[sqlx::test(migrations = "../migrations")]
async fn admins_are_told_once_and_each_reads_for_themselves(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.accepted(&payee, "1").await;
    let later = world.now + store::overdue::CASE_AFTER + seconds(3600);
    for _ in 0..2 {
        store::overdue::look(&world.pool, later).await.unwrap();
    }
    let feed = notifications::admin_feed(&world.pool, "admin:ada", None, 10).await.unwrap();
    let events: Vec<&str> = feed.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(events, ["case_opened", "attempt_unknown"]);
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[1].id, later).await.unwrap());
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[0].id, later).await.unwrap());
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[1].id, later).await.unwrap());
    assert!(!notifications::admin_read(&world.pool, "admin:ada", payee.id.uuid(), later).await.unwrap());
    for (admin, unread) in [("admin:ada", 0), ("admin:eve", 2)] {
        assert_eq!(notifications::admin_unread(&world.pool, admin).await.unwrap(), unread, "{admin}");
    }
    let feed = notifications::admin_feed(&world.pool, "admin:ada", Some(feed[0].id), 10).await.unwrap();
    assert_eq!(feed.iter().map(|line| line.read).collect::<Vec<_>>(), [true]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_stray_signal_is_written_down_once_per_key(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.requested(&payee, "1").await;
    let stray =
        |key: &'static str, count| Stray { payout, name: "relea\0se", why: "out of place", count, key };
    for (key, count) in [("run-1", 1), ("run-1", 1), ("run-2", 2)] {
        let stray = stray(key, count);
        let twice = [
            audit::record_stray(&world.pool, &stray, world.now),
            audit::record_stray(&world.pool, &stray, world.now),
        ];
        futures::future::try_join_all(twice).await.unwrap();
    }
    assert_eq!(world.trail(payout).await, ["requested", "signal_ignored", "signal_ignored"]);
}
