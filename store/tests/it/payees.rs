//! Providers, their accounts and what they earned.

use chrono::TimeDelta;
use domain::{AccountName, Currency};
use sqlx::PgPool;
use store::{
    Actor,
    bank_accounts::{self, Added, MAX_ACCOUNTS, NewBankAccount},
    earnings::{self, NewEarning, Pushed},
    providers,
};

use crate::fixtures::{World, naira};

#[sqlx::test(migrations = "../migrations")]
async fn telling_a_provider_again_changes_it(pool: PgPool) {
    let world = World::new(&pool);
    let id = world.upsert("p-1", false).await;
    assert_eq!(world.at(TimeDelta::days(1)).upsert("p-1", true).await, id);
    let provider = providers::by_external_id(&world.pool, "p-1").await.unwrap().unwrap();
    assert_eq!((provider.id, provider.status), (id, providers::ProviderStatus::Suspended));
    assert_eq!((provider.created_at, provider.updated_at), (world.now, world.now + TimeDelta::days(1)));
    assert_eq!(providers::get(&world.pool, id).await.unwrap(), Some(provider));
}

#[sqlx::test(migrations = "../migrations")]
async fn one_provider_told_many_times_at_once_is_one(pool: PgPool) {
    let world = World::new(&pool);
    let ids = futures::future::join_all((0..5).map(|_| world.upsert("p-1", false))).await;
    assert!(ids.iter().all(|id| *id == ids[0]));
}

fn earning(provider: &str, amount: &str) -> NewEarning {
    NewEarning {
        external_id: "e-1".to_owned(),
        provider_external_id: provider.to_owned(),
        amount: naira(amount),
        description: "a job".to_owned(),
        earned_at: "2026-11-01T10:00:00.123456789Z".parse().unwrap(),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn pushing_an_earning_again_books_nothing(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let push = async |amount| {
        let new = earning(&payee.external_id, amount);
        earnings::push(&world.pool, &new, &Actor::platform("shop"), world.now).await.unwrap()
    };
    let Pushed::New(first) = push("10.05").await else { panic!() };
    // Also with a time that is finer than the database's.
    assert_eq!(push("10.05").await, Pushed::Again(first.clone()));
    assert_eq!(push("10.06").await, Pushed::Differs(first.clone()));
    assert_eq!(world.balance(&payee).await, ["10.05", "0.00", "0.00"]);
    assert_eq!(
        earnings::list(&world.pool, payee.id, &earnings::Filter::default(), None, 10).await.unwrap(),
        std::slice::from_ref(&first)
    );
    assert!(
        earnings::list(&world.pool, payee.id, &earnings::Filter::default(), Some(first.id), 10)
            .await
            .unwrap()
            .is_empty()
    );
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn one_earning_pushed_many_times_at_once_is_booked_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let new = earning(&payee.external_id, "10");
    let actor = Actor::platform("shop");
    let pushed =
        futures::future::join_all((0..5).map(|_| earnings::push(&world.pool, &new, &actor, world.now))).await;
    assert_eq!(pushed.iter().filter(|pushed| matches!(pushed, Ok(Pushed::New(_)))).count(), 1);
    assert_eq!(pushed.iter().filter(|pushed| matches!(pushed, Ok(Pushed::Again(_)))).count(), 4);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_providers_first_earnings_may_arrive_together(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    futures::future::join_all((0..5).map(|_| world.earns(&payee, "2"))).await;
    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_earns_for_an_unknown_provider(pool: PgPool) {
    let world = World::new(&pool);
    let pushed =
        earnings::push(&world.pool, &earning("nobody", "1"), &Actor::platform("shop"), world.now).await;
    assert_eq!(pushed.unwrap(), Pushed::UnknownProvider);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_largest_amounts_fit(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "9999999999999999.99").await;
    let payout = world.completed(&payee, "9999999999999999.98").await;
    assert_eq!(world.payout(payout).await.amount, naira("9999999999999999.98"));
    assert_eq!(world.balance(&payee).await, ["0.01", "0.00", "9999999999999999.98"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn accounts_after_the_first_cool_off_and_are_few(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let add = async |digits: String| {
        let new = NewBankAccount {
            provider: payee.id,
            currency: Currency::Ngn,
            bank: "044".parse().unwrap(),
            number: digits.parse().unwrap(),
            name: AccountName::new("ADA OBI"),
        };
        let actor = Actor::provider(payee.id);
        bank_accounts::add(&world.pool, &new, None, TimeDelta::days(2), &actor, world.now).await.unwrap()
    };
    assert!(
        matches!(add("0690000032".to_owned()).await, Added::AlreadyThere(known) if known.id == payee.account)
    );
    for n in 1..MAX_ACCOUNTS {
        let Added::New(account) = add(format!("{n:010}")).await else { panic!() };
        assert_eq!(account.usable_from, world.now + TimeDelta::days(2));
    }
    assert_eq!(add("9999999999".to_owned()).await, Added::TooMany);
    // A removed account that comes back is another row, and a change.
    let actor = Actor::provider(payee.id);
    let remove =
        async || bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await;
    assert_eq!((remove().await.unwrap(), remove().await.unwrap()), (true, false));
    let Added::New(back) = add("0690000032".to_owned()).await else { panic!() };
    assert!(back.id != payee.account && back.usable_from > world.now);
    assert!(bank_accounts::get(&world.pool, payee.account).await.unwrap().unwrap().removed_at.is_some());
    assert_eq!(bank_accounts::list(&world.pool, payee.id).await.unwrap().len(), 10);
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_removes_the_account_of_another(pool: PgPool) {
    let world = World::new(&pool);
    let (payee, other) = (world.provider().await, world.provider().await);
    let actor = Actor::provider(other.id);
    assert!(!bank_accounts::remove(&world.pool, other.id, payee.account, &actor, world.now).await.unwrap());
}
