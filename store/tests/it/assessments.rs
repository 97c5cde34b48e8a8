//! Validation and the risk route: what is refused, what goes by itself, what waits for people.

use chrono::TimeDelta;
use domain::{Next, PayoutId, PayoutStatus, Progress, Route, RuleName};
use sqlx::PgPool;
use store::{Actor, assessments, bank_accounts};

use crate::fixtures::{Payee, World, lenient, naira};

/// Nothing is wrong with the payout, and the provider has been paid before.
async fn trusted(world: &mut World) -> Payee {
    let payee = world.provider().await;
    world.earns(&payee, "100000").await;
    world.completed(&payee, "30000").await;
    world.pass(TimeDelta::days(2));
    payee
}

async fn assess(world: &World, payout: PayoutId) -> Progress {
    world.assess_by(lenient(), payout).await
}

#[sqlx::test(migrations = "../migrations")]
async fn low_risk_goes_by_itself(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let payout = world.requested(&payee, "50000").await;
    let progress = assess(&world, payout).await;
    assert_eq!((progress.next, progress.risk), (Next::AwaitRelease, Some(Route::Auto)));
    let stored = world.payout(payout).await;
    assert_eq!((stored.approved_by.as_deref(), stored.approved_at), (Some("system"), Some(world.now)));
    let (assessment, at) = assessments::of(&world.pool, payout).await.unwrap().unwrap();
    assert_eq!((assessment.route, assessment.findings.len(), at), (Route::Auto, 16, world.now));
    assert_eq!(world.queue().await.len(), 0);
    assert_eq!(world.told(payout).await, ["start"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn high_risk_opens_a_review_that_says_why(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let payout = world.requested(&payee, "50000.01").await;
    assert_eq!(assess(&world, payout).await.next, Next::AwaitDecision);
    let open = world.queue().await;
    let [review] = open.as_slice() else { panic!("{open:?}") };
    let fired: Vec<_> = review.findings.iter().filter(|f| f.counts()).map(|f| f.rule).collect();
    assert_eq!((review.payout, review.amount, fired), (payout, naira("50000.01"), vec![RuleName::Amount]));
}

#[sqlx::test(migrations = "../migrations")]
async fn assessing_twice_changes_nothing(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    for amount in ["100", "60000"] {
        let payout = world.requested(&payee, amount).await;
        let first = assess(&world, payout).await;
        let before = world.payout(payout).await;
        assert_eq!(assess(&world.at(TimeDelta::hours(1)), payout).await, first);
        assert_eq!(world.payout(payout).await, before);
    }
    assert_eq!(world.count("SELECT count(*) FROM assessments").await, 3);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_paid_is_refused_and_the_money_given_back(pool: PgPool) {
    let world = World::new(&pool);
    let cases = [("provider_suspended", 0), ("bank_account_removed", 1), ("bank_account_cooling_off", 2)];
    for (code, what) in cases {
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let mut payee = payee;
        if what == 2 {
            payee.account = world.account(payee.id, "0690000040").await;
        }
        let payout = world.at(TimeDelta::days(2)).requested(&payee, "10").await;
        match what {
            0 => world.suspend(&payee).await,
            1 => {
                let actor = Actor::provider(payee.id);
                bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap();
            }
            _ => {}
        }
        let progress = assess(&world, payout).await;
        assert_eq!(progress.status, PayoutStatus::Rejected, "{code}");
        assert_eq!(world.payout(payout).await.rejection_code.as_deref(), Some(code));
        assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    }
    assert_eq!(world.count("SELECT count(*) FROM assessments").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM assessments WHERE route = 'refuse'").await, 1);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn facts_are_the_providers_own_and_of_their_time(pool: PgPool) {
    let mut world = World::new(&pool);
    let other = world.provider().await;
    world.earns(&other, "10").await;
    world.completed(&other, "10").await;
    let payee = trusted(&mut world).await;
    world.given_up(&payee, "0.01").await;
    world.pass(TimeDelta::days(31));
    for amount in ["1", "1", "1"] {
        world.completed(&payee, amount).await;
    }
    world.given_up(&payee, "2").await;
    let payout = world.requested(&payee, "3").await;
    assess(&world, payout).await;
    let facts: serde_json::Value = sqlx::query_scalar("SELECT facts FROM assessments WHERE payout_id = $1")
        .bind(payout.uuid())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(facts["successful_payouts"], 4);
    assert_eq!(facts["failed_by_day"].as_array().unwrap().len(), 2);
    assert_eq!(facts["requests_last_day"], 5);
    assert_eq!(facts["sum_last_day"], "8.0000");
    assert_eq!(facts["requests_last_week"], 5);
    assert_eq!(facts["requests_in_baseline"], 2);
    assert_eq!(facts["sum_in_baseline"], "30000.0100");
    assert_eq!(facts["average_paid"], "7500.7500");
    assert_eq!(facts["account_name"], "same");
    assert_eq!(facts["other_providers_on_account"], 1);
    assert_eq!(facts["provider_suspended"], false);
    assert!(facts.as_object().unwrap().contains_key("bank_changed_at") && facts["bank_changed_at"].is_null());
}

#[sqlx::test(migrations = "../migrations")]
async fn an_average_of_thirds_can_be_read(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    for amount in ["0.01", "0.02", "0.01", "0.01", "0.01", "0.02"] {
        world.completed(&payee, amount).await;
    }
    let payout = world.requested(&payee, "1").await;
    assert_eq!(assess(&world, payout).await.next, Next::AwaitRelease);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_changed_account_raises_a_flag_for_a_while(pool: PgPool) {
    let mut world = World::new(&pool);
    let mut payee = trusted(&mut world).await;
    payee.account = world.account(payee.id, "0690000040").await;
    let route = async |days| {
        let world = world.at(TimeDelta::days(days));
        let payout = world.requested(&payee, "100").await;
        assess(&world, payout).await.risk
    };
    assert_eq!(route(6).await, Some(Route::Review));
    assert_eq!(route(7).await, Some(Route::Auto));
}

#[sqlx::test(migrations = "../migrations")]
async fn an_instant_approval_asks_for_a_batch(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let payout = world.requested(&payee, "1").await;
    world.in_force(lenient()).await;
    assessments::validate_and_assess(&world.pool, payout, true, world.now).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'instant_batch'").await, 1);
}
