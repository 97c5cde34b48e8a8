//! The gate through which money leaves.

use chrono::TimeDelta;
use domain::{Next, PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::{
    Actor, another_account::Given, attempts, bank_accounts, control, manual, payouts::RequestRefused,
};

use crate::fixtures::{World, absent, ada, decline, fails, number, prefix, seconds};

#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_is_recorded_under_its_reference_before_anything_is_sent(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let attempt = world.attempt(payout, 1).await;
    assert_eq!(attempt.reference.as_str(), format!("test-{}-1", payout.uuid().simple()));
    assert_eq!((attempt.sends, attempt.status.as_str()), (0, "SUBMITTING"));
    let again = world.begin(payout).await;
    assert_eq!(again.next, Next::Send { attempt: number(1) });
    assert_eq!(world.count("SELECT count(*) FROM attempts").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_begins_that_was_not_released(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let requested = world.requested(&payee, "1").await;
    assert_eq!(world.begin(requested).await.next, Next::Assess);
    let approved = world.approved(&payee, "1").await;
    assert_eq!(world.begin(approved).await.next, Next::AwaitRelease);
    let failed = world.given_up(&payee, "1").await;
    assert_eq!(world.begin(failed).await.next, Next::AwaitAttention);
    let paid = world.completed(&payee, "1").await;
    assert!(matches!(world.begin(paid).await.next, Next::Notify { .. }));
    let nobody = attempts::begin(&world.pool, PayoutId::mint(), &prefix(), world.now).await;
    assert!(nobody.is_err());
    assert_eq!(world.count("SELECT count(*) FROM attempts").await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_sends_the_released_payout_back_to_wait(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    assert_eq!(world.begin(payout).await.next, Next::AwaitRelease);
    let held = world.payout(payout).await;
    assert_eq!(
        (held.status, held.held, held.batch),
        (PayoutStatus::Approved, Some(domain::Held::Paused), None)
    );
    assert_eq!(world.release().await, 0);
    control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    assert_eq!(world.release().await, 1);
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(1) });
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_retry_that_meets_a_pause_looks_again_soon_and_says_so_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    world.pass(seconds(60));
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    for _ in 0..3 {
        let due = world.now + seconds(60);
        assert_eq!(world.begin(payout).await.next, Next::AwaitRetry { due });
        world.pass(seconds(60));
    }
    let held = world.trail(payout).await.into_iter().filter(|action| action == "held").count();
    assert_eq!(held, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn pauses_by_provider_bank_and_account_hold_too(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for (scope, subject) in [
        ("provider", payee.id.to_string()),
        ("bank", "044".to_owned()),
        ("bank_account", payee.account.to_string()),
    ] {
        let payout = world.released(&payee, "1").await;
        sqlx::query("INSERT INTO pauses VALUES ($1, $2, 'drill', 'admin:ada', '2026-01-01')")
            .bind(scope)
            .bind(&subject)
            .execute(&world.pool)
            .await
            .unwrap();
        assert_eq!(world.begin(payout).await.next, Next::AwaitRelease, "{scope}");
        assert_eq!(world.release().await, 0, "{scope}");
        sqlx::query("DELETE FROM pauses").execute(&world.pool).await.unwrap();
        assert_eq!(world.release().await, 1, "{scope}");
        assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(1) });
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_suspended_providers_payout_waits_and_is_passed_over(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    world.suspend(&payee).await;
    assert_eq!(world.begin(payout).await.next, Next::AwaitRelease);
    assert_eq!(world.release().await, 0);
    world.upsert(&payee.external_id, false).await;
    assert_eq!(world.release().await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn money_never_begins_its_way_to_a_removed_account(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let first = world.released(&payee, "1").await;
    let retried = world.accepted(&payee, "1").await;
    world.look(retried, 1, fails("bank is not available")).await;
    let actor = Actor::provider(payee.id);
    bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap();
    world.pass(seconds(60));
    for payout in [first, retried] {
        assert_eq!(world.begin(payout).await.next, Next::AwaitAttention);
        let failed = world.payout(payout).await;
        assert_eq!(failed.failure_code, Some(domain::FailureCode::AccountInvalid));
    }
    let refunded = manual::refund(&world.pool, first, &ada(), "gone", world.now).await.unwrap();
    assert!(matches!(refunded, manual::Acted::Done(_)));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_next_attempt_needs_every_earlier_one_seen_to_have_failed_just_now(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    world.pass(seconds(60));
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(2) });

    let attempt = world.goes(payout, 2).await;
    world.answered(payout, attempt, &decline("bank is not available")).await;
    world.pass(TimeDelta::minutes(5));
    assert_eq!(world.begin(payout).await.next, Next::AwaitRetry { due: world.now });
    assert!(attempts::proven_unpaid(&world.pool, payout, world.now).await.unwrap().is_err());
    // One of two is not enough.
    world.look(payout, 1, fails("bank is not available")).await;
    assert_eq!(world.begin(payout).await.next, Next::AwaitRetry { due: world.now });
    // A declined send leaves no record behind.
    world.look(payout, 2, absent).await;
    assert_eq!(attempts::proven_unpaid(&world.pool, payout, world.now).await.unwrap(), Ok(()));
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(3) });
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_retry_does_not_begin_before_it_is_due(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    let due = world.now + seconds(60);
    world.pass(seconds(59));
    assert_eq!(world.begin(payout).await.next, Next::AwaitRetry { due });
    assert_eq!(world.status(payout).await, PayoutStatus::Failed);
}

#[sqlx::test(migrations = "../migrations")]
async fn when_the_attempt_numbers_are_used_up_a_person_is_asked(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "1").await;
    for attempt in 1..=99 {
        assert_eq!(world.release().await, 1);
        assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(attempt) });
        let id = world.goes(payout, attempt).await;
        world.answered(payout, id, &decline("Insufficient funds")).await;
        world.pass(seconds(1));
    }
    assert_eq!(world.release().await, 1);
    assert_eq!(world.begin(payout).await.next, Next::AwaitAttention);
    world.books_are_right().await;
}

/// What was approved goes to the account that it was asked for. Another account, added meanwhile, changes nothing; where the one
/// it was asked for is removed nothing leaves, and the other one serves only once it has cooled off.
#[sqlx::test(migrations = "../migrations")]
async fn what_was_approved_before_the_account_changed_does_not_go_to_the_new_one_before_it_has_cooled_off(
    pool: PgPool,
) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let kept = world.released(&payee, "1").await;
    let removed = world.released(&payee, "1").await;
    let other = world.account(payee.id, "0690000040").await;
    assert_eq!(world.begin(kept).await.next, Next::Send { attempt: number(1) });
    assert_eq!(world.place(kept, 1).await.terms.account.expose(), "0690000032");

    let actor = Actor::provider(payee.id);
    bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap();
    assert_eq!(world.begin(removed).await.next, Next::AwaitAttention);
    let give = async |world: &World, key: &str| {
        let new = store::another_account::AnotherAccount {
            payout: removed,
            provider: payee.id,
            bank_account: other,
            idempotency_key: key.to_owned(),
            body_hash: [7; 32],
        };
        store::another_account::give(&world.pool, &new, |_| serde_json::json!({}), world.now).await.unwrap()
    };
    assert!(matches!(
        give(&world, "early").await,
        Given::Refused(RequestRefused::BankAccountCoolingOff { .. })
    ));
    world.pass(TimeDelta::days(2));
    let Given::New { payout, .. } = give(&world, "late").await else { panic!() };
    assert_eq!(payout.bank_account, other);
    world.books_are_right().await;
}

/// The last wall: whoever has written rows past the others' checks.
#[sqlx::test(migrations = "../migrations")]
async fn nothing_begins_for_an_account_that_cools_off(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let released = world.released(&payee, "1").await;
    let sql = "ALTER TABLE bank_accounts DISABLE TRIGGER bank_accounts_guard;
               UPDATE bank_accounts SET usable_from = '2026-11-24T09:00:00Z';
               ALTER TABLE bank_accounts ENABLE TRIGGER bank_accounts_guard";
    sqlx::raw_sql(sql).execute(&world.pool).await.unwrap();
    assert_eq!(world.begin(released).await.status, PayoutStatus::Approved);
    world.pass(TimeDelta::days(2));
    assert_eq!(world.release().await, 1);
    assert_eq!(world.begin(released).await.next, Next::Send { attempt: number(1) });
}
