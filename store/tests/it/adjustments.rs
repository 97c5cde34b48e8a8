//! Corrections of what was earned.

use domain::{Currency, Money};
use sqlx::PgPool;
use store::{
    Actor,
    earnings::{self, Adjusted, EarningStatus, NewAdjustment},
};

use crate::fixtures::{World, naira};

async fn adjust(world: &World, earning: &str, external_id: &str, amount: &str) -> Adjusted {
    adjust_by(world, earning, external_id, naira(amount)).await
}

async fn adjust_by(world: &World, earning: &str, external_id: &str, amount: Money) -> Adjusted {
    let new = NewAdjustment {
        external_id: external_id.to_owned(),
        earning_external_id: earning.to_owned(),
        amount,
        reason: "the job was shorter".to_owned(),
    };
    earnings::adjust(&world.pool, &new, &Actor::platform("shop"), world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_raise_is_an_earning_of_its_own(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let job = world.earns_at(&payee, "10", world.now).await;
    let Adjusted::New(raise) = adjust(&world, &job, "tip-1", "2.50").await else { panic!() };
    assert_eq!(adjust(&world, &job, "tip-1", "2.50").await, Adjusted::Again(raise.clone()));
    assert_eq!(adjust(&world, &job, "tip-1", "2.51").await, Adjusted::Differs(raise.clone()));
    assert_eq!(world.accounts(&payee).await, ["12.50", "0.00", "0.00", "0.00"]);
    let made = earnings::by_external_id(&world.pool, "tip-1").await.unwrap().unwrap();
    assert_eq!((Some(made.id), made.adjusts), (raise.raised, Some(raise.earning)));
    // It is paid like any other, and is not adjusted itself.
    assert_eq!(adjust(&world, "tip-1", "tip-2", "1").await, Adjusted::UnknownEarning);
    world.completed(&payee, "12.50").await;
    assert_eq!(earnings::adjustments_of(&world.pool, &[raise.earning]).await.unwrap(), [raise]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_cut_comes_first_from_the_earning_itself_then_from_the_oldest_then_is_owed(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let oldest = world.earns_at(&payee, "10", world.now - chrono::TimeDelta::hours(2)).await;
    let job = world.earns_at(&payee, "10", world.now).await;
    let left = async |earning: String| {
        let earning = earnings::by_external_id(&world.pool, &earning).await.unwrap().unwrap();
        (earning.amount.amount() - earning.allocated.amount()).to_string()
    };
    let Adjusted::New(cut) = adjust(&world, &job, "cut-1", "-4").await else { panic!() };
    assert_eq!(adjust(&world, &job, "cut-1", "-4").await, Adjusted::Again(cut));
    assert_eq!(
        (left(oldest.clone()).await, left(job.clone()).await),
        ("10.00".to_owned(), "6.00".to_owned())
    );
    assert_eq!(world.accounts(&payee).await, ["16.00", "0.00", "0.00", "0.00"]);
    world.books_are_right().await;
    // Twelve are paid: ten of the oldest, two of the job.
    world.completed(&payee, "12").await;
    assert!(matches!(adjust(&world, &job, "cut-2", "-5").await, Adjusted::New(_)));
    assert_eq!(world.accounts(&payee).await, ["0.00", "0.00", "12.00", "1.00"]);
    world.books_are_right().await;
    // A later earning pays the debt first.
    let next = world.earns_at(&payee, "3", world.now).await;
    assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "12.00", "0.00"]);
    let next = earnings::by_external_id(&world.pool, &next).await.unwrap().unwrap();
    assert_eq!((next.recovered, next.status), (naira("1"), EarningStatus::Available));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_worth_less_than_nothing(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let job = world.earns_at(&payee, "10", world.now).await;
    assert!(matches!(adjust(&world, &job, "cut-1", "-4").await, Adjusted::New(_)));
    assert!(matches!(adjust(&world, &job, "tip-1", "1").await, Adjusted::New(_)));
    assert_eq!(adjust(&world, &job, "cut-2", "-7.01").await, Adjusted::TooMuch { left: naira("7") });
    assert!(matches!(adjust(&world, &job, "cut-2", "-7").await, Adjusted::New(_)));
    assert_eq!(adjust(&world, &job, "cut-3", "-0.01").await, Adjusted::TooMuch { left: naira("0") });
    assert_eq!(adjust(&world, "no-such-job", "cut-3", "-1").await, Adjusted::UnknownEarning);
    assert_eq!(adjust(&world, &job, "cut-3", "0").await, Adjusted::WrongAmount);
    let cedi = Money::parse("-1", Currency::Ghs).unwrap();
    assert_eq!(adjust_by(&world, &job, "cut-3", cedi).await, Adjusted::WrongAmount);
    let taken = world.earns_at(&payee, "1", world.now).await;
    assert_eq!(adjust(&world, &job, &taken, "1").await, Adjusted::IdIsAnEarnings);
    assert_eq!(world.accounts(&payee).await, ["1.00", "0.00", "0.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn two_who_tell_the_same_adjustment_make_one(pool: PgPool) {
    let world = World::new(&pool);
    for amount in ["2", "-2"] {
        let payee = world.provider().await;
        let job = world.earns_at(&payee, "10", world.now).await;
        let id = format!("{job}-adjusted");
        let (one, other) = tokio::join!(adjust(&world, &job, &id, amount), adjust(&world, &job, &id, amount));
        let new = [&one, &other].into_iter().filter(|a| matches!(a, Adjusted::New(_))).count();
        let again = [&one, &other].into_iter().filter(|a| matches!(a, Adjusted::Again(_))).count();
        assert_eq!((new, again), (1, 1), "{one:?} {other:?}");
        world.books_are_right().await;
    }
}

/// A cut and a request for the same money: whoever is second finds what is left.
#[sqlx::test(migrations = "../migrations")]
async fn a_cut_against_a_request(pool: PgPool) {
    let world = World::new(&pool);
    for _ in 0..8 {
        let payee = world.provider().await;
        let job = world.earns_at(&payee, "10", world.now).await;
        let (id, key) = (format!("{job}-cut"), format!("{job}-key"));
        let (cut, asked) = tokio::join!(adjust(&world, &job, &id, "-4"), world.request(&payee, "10", &key));
        assert!(matches!(cut, Adjusted::New(_)));
        let expected =
            if asked.is_ok() { ["0.00", "10.00", "0.00", "4.00"] } else { ["6.00", "0.00", "0.00", "0.00"] };
        assert_eq!(world.accounts(&payee).await, expected);
        world.books_are_right().await;
    }
}
