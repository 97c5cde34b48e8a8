//! Policies as data: who may put one in force, what is in force when, and what is known of the past by another one.

use chrono::TimeDelta;
use domain::{
    Currency, Money, Next, PayoutId, PayoutStatus, RiskFacts, RiskPolicyId, RiskRules, Route, RuleName,
    risk::{Fact, Mode, NameMatch, Replayed},
};
use rust_decimal::Decimal;
use sqlx::PgPool;
use store::{
    Actor, assessments, backtests,
    backtests::{Ended, Examples},
    decisions::Verdict,
    risk_policies::{self, Moved, Policy, Status},
};

use crate::fixtures::{Payee, World, ada, lenient, naira};

fn eve() -> Actor {
    Actor::admin("eve")
}

async fn propose(world: &World, rules: RiskRules) -> Policy {
    let (pool, now) = (&world.pool, world.now);
    risk_policies::propose(pool, Currency::Ngn, &rules, "too many reviews", &eve(), now).await.unwrap()
}

async fn activate(world: &World, id: RiskPolicyId) -> Moved {
    risk_policies::activate(&world.pool, id, &ada(), world.now).await.unwrap()
}

async fn shadow(world: &World, id: RiskPolicyId) -> Moved {
    risk_policies::shadow(&world.pool, id, &ada(), world.now).await.unwrap()
}

async fn retire(world: &World, id: RiskPolicyId) -> Moved {
    risk_policies::retire(&world.pool, id, &ada(), world.now).await.unwrap()
}

async fn status(world: &World, id: RiskPolicyId) -> Status {
    risk_policies::get(&world.pool, id).await.unwrap().unwrap().status
}

async fn active(world: &World) -> Option<String> {
    risk_policies::active(&world.pool, Currency::Ngn).await.unwrap().map(|policy| policy.version())
}

/// As a worker does, by whatever is in force.
async fn assess(world: &World, payout: PayoutId) -> Option<Route> {
    assessments::validate_and_assess(&world.pool, payout, false, world.now).await.unwrap().risk
}

fn up_to(amount: i64) -> RiskRules {
    let mut rules = lenient();
    rules.amount.at_most = Decimal::new(amount, 0);
    rules
}

/// Somebody who was paid 100 naira before, two days ago.
async fn trusted(world: &mut World) -> Payee {
    let payee = world.provider().await;
    world.earns(&payee, "100000").await;
    world.completed(&payee, "100").await;
    world.pass(TimeDelta::days(2));
    payee
}

#[sqlx::test(migrations = "../migrations")]
async fn a_fresh_database_has_the_rules_that_the_code_calls_first(pool: PgPool) {
    let world = World::new(&pool);
    let first = risk_policies::active(&world.pool, Currency::Ngn).await.unwrap().unwrap();
    assert_eq!((first.rules, first.version().as_str()), (RiskRules::first(), "NGN-1"));
    assert_eq!(first.rules.check(Currency::Ngn), []);
    assert_eq!(risk_policies::active(&world.pool, Currency::Ghs).await.unwrap(), None);
}

#[sqlx::test(migrations = "../migrations")]
async fn who_proposed_a_policy_cannot_put_it_in_force(pool: PgPool) {
    let world = World::new(&pool);
    let (pool, now) = (&world.pool, world.now);
    let policy = propose(&world, lenient()).await;
    assert_eq!((policy.status, policy.version().as_str()), (Status::Draft, "NGN-2"));
    assert_eq!(risk_policies::activate(pool, policy.id, &eve(), now).await.unwrap(), Moved::SamePerson);
    assert_eq!(active(&world).await.unwrap(), "NGN-1");
    let Moved::Done(done) = activate(&world, policy.id).await else { panic!("not activated") };
    assert_eq!((done.status, done.activated_by.as_deref()), (Status::Active, Some("admin:ada")));
    assert!(matches!(activate(&world, policy.id).await, Moved::Again(_)));
    assert_eq!(active(&world).await.unwrap(), "NGN-2");
    let all = risk_policies::list(pool, Some(Currency::Ngn), None, None, 10).await.unwrap();
    let stands: Vec<_> = all.iter().map(|policy| (policy.version(), policy.status)).collect();
    assert_eq!(stands, [("NGN-2".to_owned(), Status::Active), ("NGN-1".to_owned(), Status::Retired)]);
    assert_eq!(activate(&world, all[1].id).await, Moved::NotFrom(Status::Retired));
    assert_eq!(activate(&world, RiskPolicyId::mint()).await, Moved::NotFound);
    let trail = world.count("SELECT count(*) FROM audit WHERE action LIKE 'risk_policy_%'").await;
    assert_eq!(trail, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_proposed_never_changes_and_the_database_says_so_too(pool: PgPool) {
    let world = World::new(&pool);
    let id = propose(&world, lenient()).await.id.uuid();
    for (sql, constraint) in [
        ("UPDATE risk_policies SET rules = '{}' WHERE id = $1", "risk_policies_terms_fixed"),
        ("DELETE FROM risk_policies WHERE id = $1", "risk_policies_never_deleted"),
        (
            "UPDATE risk_policies SET status = 'ACTIVE', activated_by = 'admin:ada', activated_at = proposed_at WHERE id = $1",
            "risk_policies_one_active",
        ),
        (
            "UPDATE risk_policies SET status = 'ACTIVE', activated_by = proposed_by, activated_at = proposed_at WHERE id = $1",
            "risk_policies_two_people",
        ),
    ] {
        assert_eq!(world.refused_by(sql, id).await, constraint);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_next_payout_goes_by_the_policy_that_was_activated(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    for (limit, route) in [(500, Route::Auto), (99, Route::Review), (100, Route::Auto)] {
        let policy = propose(&world, up_to(limit)).await;
        assert!(matches!(activate(&world, policy.id).await, Moved::Done(_)));
        let payout = world.requested(&payee, "100").await;
        assert_eq!(assess(&world, payout).await, Some(route));
        let (assessment, _) = assessments::of(&world.pool, payout).await.unwrap().unwrap();
        assert_eq!(assessment.policy_version, policy.version());
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn without_a_policy_everything_goes_to_people(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let policy = world.in_force(lenient()).await;
    assert!(matches!(retire(&world, policy.id).await, Moved::Done(_)));
    assert!(matches!(retire(&world, policy.id).await, Moved::Again(_)));
    assert_eq!(active(&world).await, None);
    let payout = world.requested(&payee, "100").await;
    assert_eq!(assess(&world, payout).await, Some(Route::Review));
    let (assessment, _) = assessments::of(&world.pool, payout).await.unwrap().unwrap();
    assert_eq!((assessment.findings[1].rule, assessment.findings[1].fired), (RuleName::ActivePolicy, true));
    let suspended = world.requested(&payee, "100").await;
    world.suspend(&payee).await;
    assert_eq!(assess(&world, suspended).await, Some(Route::Refuse));
    assert_eq!(world.payout(suspended).await.rejection_code.as_deref(), Some("provider_suspended"));
    world.books_are_right().await;
}

/// Whatever stands in the way of the facts, the payout is neither approved nor stuck.
#[sqlx::test(migrations = "../migrations")]
async fn facts_that_cannot_be_read_are_for_people(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    world.in_force(lenient()).await;
    let spoil = [
        // A policy that this version does not understand.
        "ALTER TABLE risk_policies DISABLE TRIGGER risk_policies_guard; \
         UPDATE risk_policies SET rules = '{\"moon_phase\": {\"mode\": \"enforced\"}}' WHERE status = 'ACTIVE'",
        // A statement that the database refuses.
        "ALTER TABLE provider_days RENAME TO provider_days_elsewhere",
    ];
    for sql in spoil {
        let payout = world.requested(&payee, "100").await;
        sqlx::raw_sql(sql).execute(&world.pool).await.unwrap();
        let progress = assessments::validate_and_assess(&world.pool, payout, false, world.now).await.unwrap();
        assert_eq!((progress.next, progress.risk), (Next::AwaitDecision, Some(Route::Review)), "{sql}");
        let (assessment, _) = assessments::of(&world.pool, payout).await.unwrap().unwrap();
        assert_eq!(assessment.findings[1].rule, RuleName::FactsGathered);
        assert_eq!(assessment.policy_version, "none");
    }
}

/// An activation waits for the assessments that are under way, and who comes behind it goes by the new policy.
#[sqlx::test(migrations = "../migrations")]
async fn once_activation_has_answered_nobody_goes_by_the_old_policy(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    world.in_force(up_to(1000)).await;
    let strict = propose(&world, up_to(1)).await;
    let payout = world.requested(&payee, "100").await;
    // As an assessment holds it until its transaction ends.
    let mut under_way = world.pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtextextended('risk policy NGN', 0))")
        .execute(&mut *under_way)
        .await
        .unwrap();
    let (moved, route) =
        world.in_turn(under_way, activate(&world, strict.id), async { assess(&world, payout).await }).await;
    assert!(matches!(moved, Moved::Done(_)));
    assert_eq!(route, Some(Route::Review));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_shadow_is_tried_and_decides_nothing(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    world.in_force(up_to(1000)).await;
    let (strict, other) = (propose(&world, up_to(50)).await, propose(&world, up_to(60)).await);
    assert!(matches!(shadow(&world, other.id).await, Moved::Done(_)));
    assert!(matches!(shadow(&world, strict.id).await, Moved::Done(_)));
    assert!(matches!(shadow(&world, strict.id).await, Moved::Again(_)));
    assert_eq!(
        (status(&world, other.id).await, status(&world, strict.id).await),
        (Status::Draft, Status::Shadow)
    );
    let mut disagreed = vec![];
    for amount in ["50", "51", "52"] {
        let payout = world.requested(&payee, amount).await;
        assert_eq!(assess(&world, payout).await, Some(Route::Auto));
        disagreed.push(payout);
    }
    let agreed = disagreed.remove(0);
    disagreed.reverse();
    let page = |before, limit| risk_policies::disagreements(&world.pool, &strict, before, limit);
    let found = page(None, 10).await.unwrap();
    assert_eq!(found.iter().map(|one| one.payout).collect::<Vec<_>>(), disagreed);
    assert!(found.iter().all(|one| (one.was, one.would) == (Route::Auto, Route::Review)));
    let fired: Vec<_> = found[0].findings.iter().filter(|finding| finding.counts()).map(|f| f.rule).collect();
    assert_eq!((fired, found[0].amount), (vec![RuleName::Amount], naira("52")));
    assert_eq!(page(Some(disagreed[0]), 10).await.unwrap()[0].payout, disagreed[1]);
    assert!(page(Some(agreed), 10).await.unwrap().is_empty());
    // In force, it is a shadow no more; and what it said stays.
    assert!(matches!(activate(&world, strict.id).await, Moved::Done(_)));
    assert_eq!(shadow(&world, strict.id).await, Moved::NotFrom(Status::Active));
    let payout = world.requested(&payee, "53").await;
    assert_eq!(assess(&world, payout).await, Some(Route::Review));
    assert_eq!(page(None, 10).await.unwrap().len(), 2);
    assert_eq!(world.count("SELECT count(*) FROM shadow_assessments").await, 3);
}

/// Up to so many of them.
fn first(most: usize) -> Examples {
    Examples { most, after: None }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_backtest_tells_what_would_have_changed_and_how_that_ended(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let began = world.now;
    world.in_force(up_to(1000)).await;
    for amount in ["10", "600", "700", "2000"] {
        let payout = world.requested(&payee, amount).await;
        assess(&world, payout).await;
        if amount == "2000" {
            world.decide(payout, Verdict::Reject).await;
        }
    }
    assert_eq!(world.release().await, 1);
    world.pass(TimeDelta::hours(1));
    let other = propose(&world, up_to(600)).await;
    let test = backtests::run(&world.pool, &other, began, world.now, first(10)).await.unwrap();
    assert_eq!((test.assessed, test.cut_at), (4, None));
    let seen: Vec<_> = test
        .changes
        .iter()
        .map(|change| (change.was, change.would, change.all.payouts, change.all.amount.amount().to_string()))
        .collect();
    // The average of what was paid is 100, so 600 and 700 were unusual.
    assert_eq!(
        seen,
        [
            (Route::Auto, Replayed::Auto, 1, "10.00".to_owned()),
            (Route::Review, Replayed::Review, 3, "3300.00".to_owned()),
        ]
    );
    assert_eq!(
        test.changes[1].ended.iter().map(|(ended, sum)| (*ended, sum.payouts)).collect::<Vec<_>>(),
        [(Ended::Open, 2), (Ended::Rejected, 1)]
    );
    let mut looser = up_to(5000);
    looser.amount_against_baseline.mode = Mode::Informational;
    let looser = propose(&world, looser).await;
    let test = backtests::run(&world.pool, &looser, began, world.now, first(2)).await.unwrap();
    let freed =
        test.changes.iter().find(|change| change.would == Replayed::Auto && change.was == Route::Review);
    assert_eq!(freed.unwrap().all.amount, naira("3300"));
    assert_eq!(test.examples.iter().map(|one| one.amount).collect::<Vec<_>>(), [naira("2000"), naira("700")]);
    assert_eq!(test.examples[0].ended, Ended::Rejected);
    // The rest of them, though all were assessed at one moment.
    let next = Examples { most: 2, after: test.more_after };
    let rest = backtests::run(&world.pool, &looser, began, world.now, next).await.unwrap();
    assert_eq!(rest.examples.iter().map(|one| one.amount).collect::<Vec<_>>(), [naira("600")]);
    assert_eq!((rest.assessed, rest.more_after), (test.assessed, None));
    let before =
        backtests::run(&world.pool, &looser, began - TimeDelta::days(9), began, first(9)).await.unwrap();
    assert_eq!(before.assessed, 1, "the payout that made them trusted");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_not_recorded_then_is_unknown_in_a_backtest(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = trusted(&mut world).await;
    let began = world.now;
    world.in_force(lenient()).await;
    let payout = world.requested(&payee, "100").await;
    assert_eq!(assess(&world, payout).await, Some(Route::Auto));
    let old = r#"{"amount":{"amount":"100.00","currency":"NGN"},"provider_verified":true,"successful_payouts":1,
        "recent_failed_payouts":0,"bank_changed_at":null,"requests_last_day":1,"average_paid":"100.0000",
        "observed_at":"2026-11-24T09:00:00Z"}"#;
    sqlx::raw_sql("ALTER TABLE assessments DISABLE TRIGGER assessments_append_only")
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE assessments SET facts = $2::jsonb WHERE payout_id = $1")
        .bind(payout.uuid())
        .bind(old)
        .execute(&world.pool)
        .await
        .unwrap();
    let mut rules = lenient();
    rules.recent_failures.mode = Mode::Off;
    let now = world.now + TimeDelta::seconds(1);
    for (mode, would) in [(Mode::Informational, Replayed::Auto), (Mode::Enforced, Replayed::Unknown)] {
        rules.account_name.mode = mode;
        let policy = propose(&world, rules).await;
        let test = backtests::run(&world.pool, &policy, began, now, first(9)).await.unwrap();
        assert_eq!(test.changes.iter().map(|change| change.would).collect::<Vec<_>>(), [would]);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_facts_tell_of_shared_accounts_other_names_and_new_providers(pool: PgPool) {
    let world = World::new(&pool);
    let (one, other) = (world.provider().await, world.provider().await);
    world.earns(&one, "10").await;
    sqlx::query("UPDATE providers SET display_name = 'Bayo Eze' WHERE id = $1")
        .bind(one.id.uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    store::bank_accounts::remove(&world.pool, other.id, other.account, &eve(), world.now).await.unwrap();
    let payout = world.requested(&one, "10").await;
    assess(&world, payout).await;
    let facts: serde_json::Value = sqlx::query_scalar("SELECT facts FROM assessments WHERE payout_id = $1")
        .bind(payout.uuid())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let facts: RiskFacts = serde_json::from_value(facts).unwrap();
    assert_eq!(facts.other_providers_on_account, Fact::Known(1), "also one who has removed it");
    assert_eq!(facts.account_name, Fact::Known(NameMatch::Differs));
    assert_eq!(facts.provider_since, Fact::Known(world.now));
    assert_eq!(facts.average_paid, Fact::Known(None));
}

/// Whoever changes a payout, and however: what the rules look at follows.
#[sqlx::test(migrations = "../migrations")]
async fn the_sums_follow_every_move_of_a_payout(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1000").await;
    world.completed(&payee, "10").await;
    let failed = world.given_up(&payee, "20").await;
    world.accepted_again(&payee, "30").await;
    world.pass(TimeDelta::days(1));
    world.given_up(&payee, "40").await;
    world.requested(&payee, "50").await;
    world.books_are_right().await;
    let failures = "SELECT coalesce(sum(failed), 0) FROM provider_days";
    assert_eq!(world.count(failures).await, 2);
    // By hand, past the program.
    sqlx::query(
        "UPDATE payouts SET status = 'PROCESSING', needs_attention = false, updated_at = updated_at WHERE id = $1",
    )
    .bind(failed.uuid())
    .execute(&world.pool)
    .await
    .unwrap();
    assert_eq!(world.status(failed).await, PayoutStatus::Processing);
    assert_eq!(world.count(failures).await, 1);
    sqlx::query("UPDATE provider_hours SET requested = requested + 1").execute(&world.pool).await.unwrap();
    let findings = store::books::verify(&world.pool).await.unwrap().findings;
    assert!(findings.iter().any(|finding| finding.contains("the hour")), "{findings:?}");
    sqlx::query("SELECT sum_up_all_payouts()").execute(&world.pool).await.unwrap();
    assert!(store::books::verify(&world.pool).await.unwrap().findings.is_empty());
}

/// A policy for another currency is another policy.
#[sqlx::test(migrations = "../migrations")]
async fn versions_count_by_currency(pool: PgPool) {
    let world = World::new(&pool);
    let (pool, rules, now) = (&world.pool, lenient(), world.now);
    let cedi = risk_policies::propose(pool, Currency::Ghs, &rules, "new", &eve(), now).await.unwrap();
    assert_eq!(cedi.version(), "GHS-1");
    assert!(matches!(activate(&world, cedi.id).await, Moved::Done(_)));
    assert_eq!(active(&world).await.unwrap(), "NGN-1");
    assert_eq!(Money::zero(cedi.currency).currency(), Currency::Ghs);
}
