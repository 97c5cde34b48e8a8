//! Statements are the ledger, cut into months.

use chrono::TimeDelta;
use domain::{Currency, Money};
use sqlx::PgPool;
use store::provider_statements::{Kind, Made, Statement, make};

use crate::fixtures::{Payee, World, naira};

async fn statement(world: &World, payee: &Payee, from: TimeDelta, to: TimeDelta) -> Statement {
    let (from, to) = (world.now + from, world.now + to);
    match make(&world.pool, payee.id, Currency::Ngn, from, to).await.unwrap() {
        Made::Statement(statement) => *statement,
        Made::TooLong => panic!("too long"),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_month_opens_with_what_the_one_before_closed_with(pool: PgPool) {
    let mut world = World::new(&pool);
    let (payee, other) = (world.provider().await, world.provider().await);
    let hour = TimeDelta::hours(1);
    world.earns(&payee, "10").await;
    world.earns(&other, "99").await;
    let begin = world.now;
    world.completed(&payee, "4").await;
    world.pass(hour);
    world.earns(&payee, "5").await;
    let failed = world.given_up(&payee, "2").await;
    store::manual::refund(&world.pool, failed, &crate::fixtures::ada(), "closed", world.now).await.unwrap();
    world.pass(hour);
    world.completed(&payee, "3").await;
    world.under_review(&payee, "1").await;
    world.pass(hour);

    let ago = |hours: i32| begin - world.now + hour * hours;
    let mut closing = Money::zero(Currency::Ngn);
    let mut kinds = vec![];
    for hours in -1..4 {
        let month = statement(&world, &payee, ago(hours), ago(hours + 1)).await;
        assert_eq!(month.opening, closing, "what the month before closed with");
        let sum = month.lines.iter().try_fold(month.opening, |sum, line| {
            let sum = sum.checked_add(line.amount)?;
            assert_eq!(sum, line.balance);
            Ok::<_, domain::InvalidMoney>(sum)
        });
        assert_eq!(sum.unwrap(), month.closing);
        kinds.extend(month.lines.iter().map(|line| line.kind));
        closing = month.closing;
    }
    for kind in [Kind::Earned, Kind::Paid, Kind::Refunded] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
    let [available, reserved, _] = world.balance(&payee).await;
    let whole = statement(&world, &payee, ago(-1), ago(9)).await;
    assert_eq!(whole.opening, Money::zero(Currency::Ngn));
    assert_eq!(
        (whole.available.amount().to_string(), whole.reserved.amount().to_string()),
        (available, reserved)
    );
    assert_eq!(whole.lines.len(), kinds.len());
    // The moment a month ends belongs to the next.
    let instant = statement(&world, &payee, ago(1), ago(1)).await;
    assert_eq!(instant.lines, []);
    let first = statement(&world, &payee, ago(0), ago(1)).await;
    assert_eq!(first.lines.iter().filter(|line| line.kind == Kind::Earned).count(), 1);
    assert_eq!(first.closing, naira("6"));
}
