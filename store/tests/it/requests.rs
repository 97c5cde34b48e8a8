//! Asking for a payout: idempotency, refusals, and which earnings it is made of.

use chrono::TimeDelta;
use domain::{Currency, Money, PayoutId};
use rust_decimal::Decimal;
use sqlx::PgPool;
use store::{
    Actor, bank_accounts,
    payouts::{self, Cancelled, NewPayout, RequestRefused, Requested},
};

use crate::fixtures::{Payee, World, answer, naira};

#[sqlx::test(migrations = "../migrations")]
async fn the_same_key_and_body_get_the_first_answer_again(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let Ok(Requested::New { answer, .. }) = world.request(&payee, "60", "key").await else { panic!() };
    let again = world.at(TimeDelta::days(1)).request(&payee, "60", "key").await;
    assert_eq!(again, Ok(Requested::Again { answer }));
    assert_eq!(world.balance(&payee).await, ["40.00", "60.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn the_same_key_with_another_body_is_refused(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let new = |body_hash| NewPayout {
        provider: payee.id,
        bank_account: payee.account,
        amount: naira("10"),
        idempotency_key: "key".to_owned(),
        body_hash,
    };
    let ask = async |body| payouts::request(&world.pool, &new([body; 32]), answer, world.now).await.unwrap();
    assert!(matches!(ask(1).await, Ok(Requested::New { .. })));
    assert_eq!(ask(2).await, Err(RequestRefused::KeyReused));
    assert!(matches!(ask(1).await, Ok(Requested::Again { .. })));
}

#[sqlx::test(migrations = "../migrations")]
async fn one_key_asked_for_many_times_at_once_is_one_payout_with_one_answer(pool: PgPool) {
    let world = World::new(&pool).crowd(20).await;
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let asked = (0..20).map(|_| world.request(&payee, "5", "key"));
    let answers: Vec<_> = futures::future::join_all(asked)
        .await
        .into_iter()
        .map(|requested| match requested.unwrap() {
            Requested::New { answer, .. } | Requested::Again { answer } => answer,
        })
        .collect();
    assert!(answers.iter().all(|answer| answer == &answers[0]));
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 1);
    world.pool.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn keys_are_a_providers_own(pool: PgPool) {
    let world = World::new(&pool);
    for _ in 0..2 {
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        assert!(matches!(world.request(&payee, "5", "key").await, Ok(Requested::New { .. })));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_request_writes_nothing_and_leaves_the_key_free(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let short = RequestRefused::InsufficientBalance { available: naira("0") };
    assert_eq!(world.request(&payee, "5", "key").await, Err(short));
    world.earns(&payee, "4.99").await;
    let short = RequestRefused::InsufficientBalance { available: naira("4.99") };
    assert_eq!(world.request(&payee, "5", "key").await, Err(short));
    for table in [
        "SELECT count(*) FROM payouts",
        "SELECT count(*) FROM idempotency_keys",
        "SELECT count(*) FROM outbox",
        "SELECT count(*) FROM notifications",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    world.earns(&payee, "0.01").await;
    assert!(matches!(world.request(&payee, "5", "key").await, Ok(Requested::New { .. })));
}

#[sqlx::test(migrations = "../migrations")]
async fn old_keys_are_forgotten(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.request(&payee, "1", "key").await.unwrap();
    assert_eq!(payouts::forget_old_keys(&world.pool, world.now).await.unwrap(), 0);
    let later = world.at(TimeDelta::days(30));
    assert_eq!(payouts::forget_old_keys(&world.pool, later.now).await.unwrap(), 1);
    assert!(matches!(world.request(&payee, "1", "key").await, Ok(Requested::New { .. })));
}

#[sqlx::test(migrations = "../migrations")]
async fn accounts_that_cannot_be_paid_are_refused(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let other = world.provider().await;
    world.earns(&payee, "10").await;
    let to = |account| Payee { account, ..payee.clone() };

    let foreign = world.request(&to(other.account), "1", "a").await;
    assert_eq!(foreign, Err(RequestRefused::UnknownBankAccount));

    let second = world.account(payee.id, "0690000040").await;
    let until = world.now + TimeDelta::days(2);
    let cooling = world.request(&to(second), "1", "b").await;
    assert_eq!(cooling, Err(RequestRefused::BankAccountCoolingOff { until }));
    let cooled = world.at(TimeDelta::days(2)).request(&to(second), "1", "b").await;
    assert!(matches!(cooled, Ok(Requested::New { .. })));

    assert!(bank_accounts::remove(&world.pool, payee.id, second, &Actor::system(), world.now).await.unwrap());
    let removed = world.at(TimeDelta::days(2)).request(&to(second), "1", "c").await;
    assert_eq!(removed, Err(RequestRefused::UnknownBankAccount));

    world.suspend(&payee).await;
    assert_eq!(world.request(&payee, "1", "d").await, Err(RequestRefused::ProviderSuspended));
}

#[sqlx::test(migrations = "../migrations")]
async fn unknown_providers_and_other_currencies_are_refused(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let new = NewPayout {
        provider: payee.id,
        bank_account: payee.account,
        amount: Money::parse("1", Currency::Ghs).unwrap(),
        idempotency_key: "key".to_owned(),
        body_hash: [1; 32],
    };
    let cedi = payouts::request(&world.pool, &new, answer, world.now).await.unwrap();
    assert_eq!(cedi, Err(RequestRefused::BankAccountCurrency));
    let nobody = Payee { id: domain::ProviderId::mint(), ..payee };
    assert_eq!(world.request(&nobody, "1", "key").await, Err(RequestRefused::UnknownProvider));
}

async fn parts(world: &World, payout: PayoutId) -> Vec<(String, Decimal, String)> {
    sqlx::query_as(
        "SELECT e.external_id, l.amount, e.status FROM allocations l JOIN earnings e ON e.id = l.earning_id
         WHERE l.payout_id = $1 ORDER BY e.earned_at, e.id",
    )
    .bind(payout.uuid())
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn earnings_are_taken_oldest_first_and_in_part(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let young = world.earns_at(&payee, "30.01", world.now).await;
    let old = world.earns_at(&payee, "10.50", world.now - TimeDelta::days(2)).await;
    let middle = world.earns_at(&payee, "20", world.now - TimeDelta::days(1)).await;

    let first = world.requested(&payee, "15.25").await;
    let of = |id: &String, amount: &str, status: &str| {
        (id.clone(), amount.parse::<Decimal>().unwrap(), status.to_owned())
    };
    assert_eq!(parts(&world, first).await, [of(&old, "10.50", "RESERVED"), of(&middle, "4.75", "RESERVED")]);
    let second = world.requested(&payee, "45.26").await;
    assert_eq!(
        parts(&world, second).await,
        [of(&middle, "15.25", "RESERVED"), of(&young, "30.01", "RESERVED")]
    );
    assert_eq!(world.balance(&payee).await, ["0.00", "60.51", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn earnings_of_one_moment_are_each_taken_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    for _ in 0..5 {
        world.earns(&payee, "10").await;
    }
    let payout = world.requested(&payee, "25").await;
    let amounts: Vec<String> = parts(&world, payout)
        .await
        .into_iter()
        .map(|(_, amount, _)| amount.normalize().to_string())
        .collect();
    assert_eq!(amounts, ["10", "10", "5"]);
    world.books_are_right().await;
}

/// What a request costs depends on what it takes, not on how many earnings are left.
#[sqlx::test(migrations = "../migrations")]
async fn many_small_earnings_are_taken_to_the_last_kobo(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    for n in 0..30 {
        world.earns_at(&payee, "0.03", world.now - TimeDelta::hours(n % 7)).await;
    }
    for (amount, taken) in [("0.01", 1), ("0.02", 1), ("0.04", 2), ("0.80", 27)] {
        let payout = world.requested(&payee, amount).await;
        assert_eq!(parts(&world, payout).await.len(), taken, "{amount}");
    }
    assert_eq!(world.balance(&payee).await, ["0.03", "0.87", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn paid_earnings_say_so_and_given_back_ones_are_available_again(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let id = world.earns_at(&payee, "10", world.now).await;
    let status = async || {
        let earning = store::earnings::by_external_id(&world.pool, &id).await.unwrap().unwrap();
        earning.status.as_str()
    };
    assert_eq!(status().await, "AVAILABLE");
    let cancelled = world.requested(&payee, "10").await;
    assert_eq!(status().await, "RESERVED");
    assert!(matches!(
        payouts::cancel(&world.pool, cancelled, payee.id, world.now).await.unwrap(),
        Cancelled::Done(_)
    ));
    assert_eq!(status().await, "AVAILABLE");
    world.completed(&payee, "4").await;
    assert_eq!(status().await, "RESERVED");
    world.completed(&payee, "6").await;
    assert_eq!(status().await, "PAID_OUT");
    assert_eq!(world.balance(&payee).await, ["0.00", "0.00", "10.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn two_hundred_at_once_against_a_balance_for_ten_are_ten(pool: PgPool) {
    let world = World::new(&pool).crowd(40).await;
    let payee = world.provider().await;
    for _ in 0..4 {
        world.earns(&payee, "25.03").await;
    }
    let asked = (0..200).map(|n| {
        let world = world.clone();
        let payee = payee.clone();
        async move { world.request(&payee, "10", &format!("key-{n}")).await }
    });
    let answers = futures::future::join_all(asked).await;
    let made = answers.iter().filter(|answer| matches!(answer, Ok(Requested::New { .. }))).count();
    let short = RequestRefused::InsufficientBalance { available: naira("0.12") };
    let refused = answers.iter().filter(|answer| **answer == Err(short.clone())).count();
    assert_eq!((made, refused), (10, 190));
    assert_eq!(world.balance(&payee).await, ["0.12", "100.00", "0.00"]);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'start'").await, 10);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_keys").await, 10);
    world.books_are_right().await;
    world.pool.close().await;
}

/// A settle holds the reserved account when it comes to the earnings; a request that held an earning while it waited for that
/// account would meet it there.
#[sqlx::test(migrations = "../migrations")]
async fn a_request_touches_no_earning_before_it_has_the_accounts(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    world.accepted(&payee, "50").await;
    let mut settle = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM ledger_accounts WHERE kind = 'provider_reserved' FOR NO KEY UPDATE")
        .execute(&mut *settle)
        .await
        .unwrap();
    let goes_on = async {
        world.until_waiting(1).await;
        sqlx::query("SELECT FROM earnings FOR NO KEY UPDATE NOWAIT").execute(&mut *settle).await.unwrap();
        settle.rollback().await.unwrap();
    };
    let (_, ()) = tokio::join!(world.requested(&payee, "20"), goes_on);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_earning_that_arrives_during_a_request_waits_for_the_next(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns_at(&payee, "10", world.now).await;
    // A push that is older by its date but has not booked yet.
    let mut push = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM ledger_accounts WHERE kind = 'provider_available' FOR NO KEY UPDATE")
        .execute(&mut *push)
        .await
        .unwrap();
    let pushed = async {
        world.until_waiting(2).await;
        push.rollback().await.unwrap();
    };
    let (_, _, ()) = tokio::join!(
        world.requested(&payee, "8"),
        world.earns_at(&payee, "5", world.now - TimeDelta::days(1)),
        pushed
    );
    assert_eq!(world.balance(&payee).await, ["7.00", "8.00", "0.00"]);
    world.books_are_right().await;
}
