//! What a batch takes where the screening hook has to have cleared it first.

use chrono::TimeDelta;
use domain::{BatchId, PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::{
    batches,
    decisions::Verdict as Decision,
    screening::{self, Screening, Verdict},
};

use crate::fixtures::{Payee, World, seconds};

const VALID_FOR: TimeDelta = TimeDelta::hours(24);

async fn world(pool: &PgPool) -> (World, Payee) {
    let world = World::new(pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    (world, payee)
}

/// A batch as the step before its claims leaves it: whoever is due is asked, and the hook says this.
async fn prepared(world: &mut World, verdict: Verdict, list: Option<&str>) -> (BatchId, usize) {
    world.pass(seconds(1));
    let batch = world.batch().await;
    let since = world.now - VALID_FOR;
    screening::demand(&world.pool, batch, since).await.unwrap();
    let mut asked = 0;
    loop {
        let subjects = screening::to_ask(&world.pool, since, world.now, 1).await.unwrap();
        let Some(subject) = subjects.first() else { break };
        let list_version = list.map(str::to_owned);
        let said = Screening { verdict, list_version, reason: None, answered_at: world.now };
        screening::record(&world.pool, subject, &said).await.unwrap();
        asked += 1;
        assert!(asked < 10, "nobody is asked about twice for one batch");
    }
    world.pass(seconds(1));
    assert!(!screening::send_to_review(&world.pool, since, 100, world.now).await.unwrap());
    (batch, asked)
}

/// How many were asked about, and how many the batch then took.
async fn leaves(world: &mut World, verdict: Verdict, list: Option<&str>) -> (usize, u32) {
    let (batch, asked) = prepared(world, verdict, list).await;
    let claimed = world.claim(batch).await;
    batches::close(&world.pool, batch, world.now).await.unwrap();
    (asked, claimed)
}

async fn approved_again(world: &mut World, payout: PayoutId) {
    assert_eq!(world.status(payout).await, PayoutStatus::Requested);
    world.pass(seconds(1));
    world.decide(payout, Decision::Approve).await;
}

const LIST: Option<&str> = Some("list-1");

#[sqlx::test(migrations = "../migrations")]
async fn a_clear_answer_lets_it_leave_and_is_good_for_a_named_time(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Clear, LIST).await, (1, 1));
    let detail = "SELECT count(*) FROM audit WHERE action = 'claimed' AND detail ->> 'screening' = 'clear' AND detail ->> 'list_version' = 'list-1'";
    assert_eq!(world.count(detail).await, 1, "what it left with stands in its trail");
    let row = world.payout(payout).await;
    let shown = screening::of_payout(&world.pool, &row).await.unwrap().unwrap();
    assert_eq!((shown.verdict, shown.list_version.as_deref()), (Verdict::Clear, LIST));
    world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Clear, LIST).await, (0, 1));
    world.pass(VALID_FOR);
    world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Clear, LIST).await, (1, 1));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_newer_list_asks_about_everybody_again(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let other = world.provider().await;
    world.earns(&other, "100").await;
    world.approved(&payee, "1").await;
    prepared(&mut world, Verdict::Clear, LIST).await;
    world.approved(&other, "1").await;
    let (_, asked) = prepared(&mut world, Verdict::Clear, LIST).await;
    assert_eq!(asked, 1, "the other one");
    let third = world.provider().await;
    world.earns(&third, "100").await;
    world.approved(&third, "1").await;
    let (_, asked) = prepared(&mut world, Verdict::Clear, Some("list-2")).await;
    assert_eq!(asked, 3, "the new one, and with the newer list both others");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_answer_is_about_a_name(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    world.approved(&payee, "1").await;
    let (batch, _) = prepared(&mut world, Verdict::Clear, LIST).await;
    sqlx::query("UPDATE providers SET display_name = 'Somebody Else'").execute(&pool).await.unwrap();
    assert_eq!(world.claim(batch).await, 0, "nobody has asked about that name");
    assert_eq!(leaves(&mut world, Verdict::Clear, LIST).await, (1, 1));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_nobody_has_asked_about_does_not_leave(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let (batch, _) = prepared(&mut world, Verdict::Clear, LIST).await;
    world.approved(&payee, "1").await;
    assert_eq!(world.claim(batch).await, 0, "approved after the questions were asked");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_hit_leaves_only_when_an_admin_approves_it_knowing_that(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Hit, LIST).await, (1, 0));
    let review = world.queue().await.remove(0);
    assert_eq!(review.undone.unwrap().reason, "screening: a hit in list list-1");
    let filter = store::reviews::Filter { rule: Some("screening".to_owned()), ..Default::default() };
    assert_eq!(store::reviews::count(&world.pool, &filter, world.now).await.unwrap(), 1);
    assert!(world.trail(payout).await.contains(&"screening_stopped".to_owned()));
    assert_eq!(world.told(payout).await.last().unwrap(), "decision", "the workflow is woken");
    approved_again(&mut world, payout).await;
    assert_eq!(leaves(&mut world, Verdict::Clear, LIST).await, (0, 1), "nobody is asked again");

    let payout = world.approved(&payee, "1").await;
    assert_eq!(
        leaves(&mut world, Verdict::Clear, LIST).await,
        (0, 0),
        "known to be one, whoever approved it before"
    );
    approved_again(&mut world, payout).await;
    world.pass(VALID_FOR);
    assert_eq!(leaves(&mut world, Verdict::Hit, Some("list-2")).await, (1, 0), "a new hit is decided anew");
    assert_eq!(world.status(payout).await, PayoutStatus::Requested);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_no_person_has_approved_does_not_leave_against_a_hit(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    let (batch, _) = prepared(&mut world, Verdict::Hit, LIST).await;
    approved_again(&mut world, payout).await;
    for by in ["system", "engine:ada"] {
        sqlx::query("UPDATE payouts SET approved_by = $1").bind(by).execute(&pool).await.unwrap();
        assert_eq!(world.claim(batch).await, 0, "{by}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn no_answer_goes_before_people_and_whoever_approves_then_has_seen_that(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Error, None).await, (1, 0));
    approved_again(&mut world, payout).await;
    assert_eq!(
        leaves(&mut world, Verdict::Error, None).await,
        (1, 1),
        "asked once more, and no answer again"
    );

    let payout = world.approved(&payee, "1").await;
    assert_eq!(leaves(&mut world, Verdict::Error, None).await, (1, 0), "another payout is another decision");
    approved_again(&mut world, payout).await;
    assert_eq!(
        leaves(&mut world, Verdict::Hit, LIST).await,
        (1, 0),
        "silence that was seen is no hit that was seen"
    );
    approved_again(&mut world, payout).await;
    assert_eq!(leaves(&mut world, Verdict::Hit, LIST).await, (0, 1));
}

#[sqlx::test(migrations = "../migrations")]
async fn without_a_hook_nothing_is_asked_and_nothing_waits(pool: PgPool) {
    let (world, payee) = world(&pool).await;
    world.approved(&payee, "1").await;
    assert_eq!(world.release().await, 1);
    assert_eq!(world.count("SELECT count(*) FROM screenings").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_answered_never_changes(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    world.approved(&payee, "1").await;
    prepared(&mut world, Verdict::Hit, LIST).await;
    for sql in ["UPDATE screenings SET verdict = 'clear'", "DELETE FROM screenings"] {
        let refused = sqlx::query(sql).execute(&world.pool).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().constraint(), Some("screenings_append_only"));
    }
}

/// The newer list became known after this one was asked about, in the same batch: it waits for the next, which asks again.
#[sqlx::test(migrations = "../migrations")]
async fn an_answer_from_an_older_list_lets_nobody_out(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    let (batch, asked) = prepared(&mut world, Verdict::Clear, LIST).await;
    assert_eq!(asked, 1);
    let somebody = world.provider().await;
    world.earns(&somebody, "10").await;
    world.approved(&somebody, "1").await;
    let since = world.now - VALID_FOR;
    let subject = screening::to_ask(&world.pool, since, world.now, 1).await.unwrap().remove(0);
    let newer = Screening {
        verdict: Verdict::Clear,
        list_version: Some("list-2".to_owned()),
        reason: None,
        answered_at: world.now,
    };
    screening::record(&world.pool, &subject, &newer).await.unwrap();
    world.pass(seconds(1));
    world.claim(batch).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Approved);
    batches::close(&world.pool, batch, world.now).await.unwrap();
    leaves(&mut world, Verdict::Clear, Some("list-2")).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Processing);
}
