//! Sending an attempt: counted before the call, one sender at a time, and what each answer means.

use domain::{AttemptStatus, Next, NotSentClass, Submitted};
use sqlx::PgPool;
use store::{
    attempts::{self, Sending},
    control,
};

use crate::fixtures::{
    World, absent, accept, ada, decline, fails, not_sent, number, seconds, unknown, unreadable,
};

const SEND: Next = Next::Send { attempt: domain::AttemptNumber::FIRST };

#[sqlx::test(migrations = "../migrations")]
async fn every_answer_to_a_first_send_leaves_its_trace(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let wait = |after| Next::AwaitOutcome { attempt: number(1), check_at: world.now + seconds(after) };
    for (answer, status, next, evidence) in [
        (accept(), AttemptStatus::Accepted, wait(30), "accepted"),
        (Submitted::Duplicate, AttemptStatus::Unknown, wait(0), "duplicate"),
        (unknown(), AttemptStatus::Unknown, wait(5), "unknown"),
        (decline("account number is invalid"), AttemptStatus::Failed, Next::AwaitAttention, "declined"),
        (decline("Insufficient funds"), AttemptStatus::Failed, Next::AwaitRelease, "declined"),
        (Submitted::NotSent(not_sent("no route")), AttemptStatus::Submitting, SEND, "not_sent"),
    ] {
        let payout = world.begun(&payee, "1").await;
        let attempt = world.goes(payout, 1).await;
        assert_eq!(world.answered(payout, attempt, &answer).await.next, next, "{answer:?}");
        let stored = world.attempt(payout, 1).await;
        assert_eq!((stored.status, stored.evidence[0].verdict.as_str()), (status, evidence));
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn one_sender_at_a_time(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    world.goes(payout, 1).await;
    for wait in [0, 39, 41] {
        let later = world.at(seconds(wait));
        let Sending::Not(progress) = later.count_send(payout, 1).await else { panic!("sent after {wait} s") };
        assert!(matches!(progress.next, Next::AwaitOutcome { .. }));
    }
    world.pass(seconds(41));
    assert_eq!(world.attempt(payout, 1).await.sends, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_may_still_be_on_its_way_is_not_concluded_to_be_absent(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let deadline = world.now + seconds(40);
    world.goes(payout, 1).await;
    world.pass(seconds(20));
    let next = world.look(payout, 1, absent).await.next;
    assert_eq!(next, Next::AwaitOutcome { attempt: number(1), check_at: deadline });
    assert!(matches!(world.count_send(payout, 1).await, Sending::Not(_)));
}

#[sqlx::test(migrations = "../migrations")]
async fn after_the_deadline_absence_permits_the_same_attempt_again(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let attempt = world.goes(payout, 1).await;
    world.answered(payout, attempt, &unknown()).await;
    let before = world.place(payout, 1).await;
    world.pass(seconds(40));
    assert_eq!(world.look(payout, 1, absent).await.next, SEND);
    let Sending::Go { terms, .. } = world.count_send(payout, 1).await else { panic!() };
    assert_eq!(terms.reference, before.terms.reference);
    assert_eq!(world.attempt(payout, 1).await.sends, 2);
    assert_eq!(world.count("SELECT count(*) FROM attempts").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refusal_of_a_second_send_proves_nothing(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    world.goes(payout, 1).await;
    world.pass(seconds(40));
    world.look(payout, 1, absent).await;
    let attempt = world.goes(payout, 1).await;
    let next = world.answered(payout, attempt, &decline("account number is invalid")).await.next;
    assert_eq!(next, Next::AwaitOutcome { attempt: number(1), check_at: world.now });
    assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Unknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_answer_that_tells_nothing_withdraws_the_leave_to_send_again(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    world.goes(payout, 1).await;
    world.pass(seconds(40));
    assert_eq!(world.look(payout, 1, absent).await.next, SEND);
    assert!(matches!(world.look(payout, 1, unreadable).await.next, Next::AwaitOutcome { .. }));
    assert!(matches!(world.count_send(payout, 1).await, Sending::Not(_)));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_not_sent_uses_nothing_up(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    for message in ["no route", "no route", "no route", "429"] {
        let attempt = world.goes(payout, 1).await;
        attempts::record_not_sent(&world.pool, attempt, &not_sent(message), world.now).await.unwrap();
        assert_eq!(world.next(payout).await, SEND);
    }
    let attempt = world.attempt(payout, 1).await;
    assert_eq!((attempt.sends, attempt.not_sent_reason.as_deref()), (0, Some("429")));
    // The same trouble again is one observation.
    assert_eq!(attempt.evidence.len(), 2);
    // The one send that leaves is the first: its refusal is proof.
    let attempt = world.goes(payout, 1).await;
    let next = world.answered(payout, attempt, &decline("account number is invalid")).await.next;
    assert_eq!(next, Next::AwaitAttention);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_send_is_taken_back_once_however_often_it_is_told(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    world.goes(payout, 1).await;
    world.pass(seconds(40));
    world.look(payout, 1, absent).await;
    let attempt = world.goes(payout, 1).await;
    for _ in 0..3 {
        attempts::record_not_sent(&world.pool, attempt, &not_sent("no route"), world.now).await.unwrap();
    }
    let stored = world.attempt(payout, 1).await;
    assert_eq!((stored.sends, stored.status), (1, AttemptStatus::Unknown));
    assert_eq!(world.next(payout).await, SEND);
}

#[sqlx::test(migrations = "../migrations")]
async fn answers_that_come_late_or_twice_are_evidence_only(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for settled in [true, false] {
        let payout = world.begun(&payee, "1").await;
        let attempt = world.goes(payout, 1).await;
        let seen = if settled { domain::Observed::Succeeded } else { |s| fails("account closed")(s) };
        let progress = world.look(payout, 1, seen).await;
        for answer in [accept(), decline("Insufficient funds"), Submitted::Duplicate, unknown()] {
            assert_eq!(world.answered(payout, attempt, &answer).await, progress);
        }
        let taken_back = not_sent("no route");
        assert_eq!(taken_back.class, NotSentClass::Unreachable);
        attempts::record_not_sent(&world.pool, attempt, &taken_back, world.now).await.unwrap();
        let stored = world.attempt(payout, 1).await;
        assert_eq!((stored.sends, stored.evidence.len()), (1, 5));
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_sent_during_a_pause(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    assert!(matches!(world.count_send(payout, 1).await, Sending::Paused));
    control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    world.goes(payout, 1).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_sent_while_an_earlier_attempt_is_in_doubt(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    world.pass(seconds(60));
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(2) });
    world.look(payout, 1, domain::Observed::InFlight).await;
    // Nothing of the second has left: it is withdrawn, and another begins once the doubt is lifted.
    assert!(matches!(world.count_send(payout, 2).await, Sending::Not(_)));
    let withdrawn = world.attempt(payout, 2).await;
    assert_eq!(withdrawn.failure_code, Some(domain::FailureCode::Withdrawn));
    assert_eq!(world.begin(payout).await.next, Next::AwaitRetry { due: world.now });
    world.look(payout, 1, fails("bank is not available")).await;
    assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(3) });
    world.goes(payout, 3).await;
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_sent_again_while_an_earlier_attempt_is_in_doubt(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    world.pass(seconds(60));
    world.begin(payout).await;
    world.goes(payout, 2).await;
    world.pass(seconds(40));
    assert!(matches!(world.look(payout, 2, absent).await.next, Next::Send { .. }));
    world.look(payout, 1, domain::Observed::InFlight).await;
    let Sending::Doubted(progress) = world.count_send(payout, 2).await else { panic!("sent") };
    let again = Next::AwaitOutcome { attempt: number(2), check_at: world.now + seconds(60) };
    assert_eq!(progress.next, again);
    world.look(payout, 1, fails("bank is not available")).await;
    world.look(payout, 2, absent).await;
    world.goes(payout, 2).await;
    world.books_are_right().await;
}

/// The first sender was away for longer than its lease, and another has sent since.
#[sqlx::test(migrations = "../migrations")]
async fn what_a_late_sender_tells_does_not_touch_the_next_ones_lease(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let first = world.goes(payout, 1).await;
    world.pass(seconds(40));
    world.look(payout, 1, absent).await;
    let second = world.goes(payout, 1).await;
    let before = world.attempt(payout, 1).await;
    attempts::record_not_sent(&world.pool, first, &not_sent("no route"), world.now).await.unwrap();
    for answer in [decline("account number is invalid"), Submitted::Duplicate, unknown()] {
        world.answered(payout, first, &answer).await;
    }
    let after = world.attempt(payout, 1).await;
    assert_eq!((after.sends, after.status, after.check_at), (2, before.status, before.check_at));
    assert!(matches!(world.look(payout, 1, absent).await.next, Next::AwaitOutcome { .. }));
    // The one whose lease it is can take its own back.
    attempts::record_not_sent(&world.pool, second, &not_sent("no route"), world.now).await.unwrap();
    assert_eq!(world.attempt(payout, 1).await.sends, 1);
    // That the gateway took the reference is true whoever tells it.
    world.answered(payout, first, &accept()).await;
    assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Accepted);
}
