//! Approve, reject and cancel, over the API and by hand at the engine.

use domain::{Next, PayoutStatus};
use sqlx::PgPool;
use store::{
    ByHand, Conflict,
    decisions::{self, Decided, NewDecision, Undone, Verdict},
    payouts::{self, Cancelled},
};

use crate::fixtures::{World, ada, decline};

/// The one request of somebody at the engine.
fn by_hand_of(identity: &str) -> ByHand<'_> {
    ByHand { identity, key: identity }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_approval_leaves_the_payout_waiting_for_a_batch(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "10").await;
    let Decided::Done(decided) = world.decide(payout, Verdict::Approve).await else { panic!() };
    assert_eq!((decided.status, decided.approved_by.as_deref()), (PayoutStatus::Approved, Some("admin:ada")));
    assert_eq!(world.told(payout).await, ["start", "decision"]);
    assert!(world.queue().await.is_empty());
    assert_eq!(world.trail(payout).await, ["requested", "review_opened", "approved"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_rejection_gives_the_money_back(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "10").await;
    let Decided::Done(decided) = world.decide(payout, Verdict::Reject).await else { panic!() };
    assert_eq!(decided.status, PayoutStatus::Rejected);
    assert_eq!(decided.rejection_reason.as_deref(), Some("looked at it"));
    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_second_decision_hears_who_decided(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "10").await;
    // What was only written down after it decided nothing.
    let new = NewDecision { payout, verdict: Verdict::Reject, reason: "no" };
    decisions::engine_request(&world.pool, &new, by_hand_of("eve"), true, false, world.now).await.unwrap();
    for verdict in [Verdict::Approve, Verdict::Reject] {
        let conflict = Conflict { status: PayoutStatus::Approved, by: "admin:ada".to_owned() };
        assert_eq!(world.decide(payout, verdict).await, Decided::NotUnderReview(conflict));
    }
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_not_under_review_is_not_decided(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let fresh = world.requested(&payee, "1").await;
    assert!(matches!(world.decide(fresh, Verdict::Approve).await, Decided::NotUnderReview(_)));
    let paid = world.completed(&payee, "1").await;
    assert!(matches!(world.decide(paid, Verdict::Reject).await, Decided::NotUnderReview(_)));
    assert_eq!(world.decide(domain::PayoutId::mint(), Verdict::Reject).await, Decided::NotFound);
    assert_eq!(world.status(fresh).await, PayoutStatus::Requested);
}

#[sqlx::test(migrations = "../migrations")]
async fn at_the_engine_reject_is_honoured_and_approve_where_it_is_allowed(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let by_hand = async |payout, verdict, allowed| {
        let new = NewDecision { payout, verdict, reason: "by hand" };
        decisions::engine_request(&world.pool, &new, by_hand_of("bob"), allowed, false, world.now)
            .await
            .unwrap()
    };
    let first = world.under_review(&payee, "1").await;
    for _ in 0..2 {
        assert_eq!(by_hand(first, Verdict::Approve, false).await.next, Next::AwaitDecision);
    }
    assert_eq!(world.trail(first).await, ["requested", "review_opened", "decision_ignored"]);
    assert_eq!(by_hand(first, Verdict::Approve, true).await.next, Next::AwaitRelease);
    assert_eq!(world.payout(first).await.approved_by.as_deref(), Some("engine:bob"));
    let second = world.under_review(&payee, "1").await;
    assert_eq!(by_hand(second, Verdict::Reject, false).await.status, PayoutStatus::Rejected);
    assert_eq!(world.count("SELECT count(*) FROM decisions WHERE verified").await, 0);
    world.books_are_right().await;
}

/// A step at the engine is carried out at least once.
#[sqlx::test(migrations = "../migrations")]
async fn the_same_request_at_the_engine_twice_is_one(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "1").await;
    for _ in 0..2 {
        let new = NewDecision { payout, verdict: Verdict::Reject, reason: "by hand" };
        decisions::engine_request(&world.pool, &new, by_hand_of("bob"), false, false, world.now)
            .await
            .unwrap();
    }
    assert_eq!(world.trail(payout).await, ["requested", "review_opened", "rejected"]);
    let cancelled = world.requested(&payee, "1").await;
    for _ in 0..2 {
        payouts::engine_cancel(&world.pool, cancelled, by_hand_of("bob"), world.now).await.unwrap();
    }
    assert_eq!(world.trail(cancelled).await, ["requested", "cancelled"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_decision_by_hand_is_kept_however_it_is_worded(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let long = "x".repeat(5000);
    for reason in ["", " \0 ", "a\0b", &long] {
        let payout = world.under_review(&payee, "1").await;
        let new = NewDecision { payout, verdict: Verdict::Reject, reason };
        let progress =
            decisions::engine_request(&world.pool, &new, by_hand_of("b\0b"), false, false, world.now)
                .await
                .unwrap();
        assert_eq!(progress.status, PayoutStatus::Rejected);
        let ignored = NewDecision { payout, verdict: Verdict::Approve, reason };
        decisions::engine_request(&world.pool, &ignored, by_hand_of("eve"), true, false, world.now)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_request_can_be_taken_back_until_a_batch_has_it(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let cancel = async |payout| payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();
    for payout in [
        world.requested(&payee, "1").await,
        world.under_review(&payee, "1").await,
        world.approved(&payee, "1").await,
    ] {
        assert!(matches!(cancel(payout).await, Cancelled::Done(_)));
        let by = format!("provider:{}", payee.id);
        let conflict = Conflict { status: PayoutStatus::Cancelled, by };
        assert_eq!(cancel(payout).await, Cancelled::TooLate(conflict));
        assert_eq!(world.told(payout).await.last().unwrap(), "cancel");
    }
    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    let released = world.released(&payee, "1").await;
    let conflict = Conflict { status: PayoutStatus::Processing, by: "system".to_owned() };
    assert_eq!(cancel(released).await, Cancelled::TooLate(conflict));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_cancels_for_another(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let other = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.requested(&payee, "1").await;
    let cancelled = payouts::cancel(&world.pool, payout, other.id, world.now).await.unwrap();
    assert_eq!(cancelled, Cancelled::NotFound);
    assert_eq!(world.status(payout).await, PayoutStatus::Requested);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_engines_cancel_is_ignored_once_a_batch_has_the_payout(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let waiting = world.approved(&payee, "1").await;
    let progress = payouts::engine_cancel(&world.pool, waiting, by_hand_of("bob"), world.now).await.unwrap();
    assert_eq!(progress.status, PayoutStatus::Cancelled);
    let released = world.released(&payee, "1").await;
    let progress = payouts::engine_cancel(&world.pool, released, by_hand_of("bob"), world.now).await.unwrap();
    assert_eq!(progress.next, Next::Begin);
    assert_eq!(world.trail(released).await.last().unwrap(), "cancel_ignored");
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_approval_can_be_undone_until_a_batch_has_the_payout(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let undo = async |payout| decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    let payout = world.approved(&payee, "1").await;
    let Undone::Done(undone) = undo(payout).await else { panic!() };
    assert_eq!(
        (undone.status, undone.approved_at, undone.approved_by),
        (PayoutStatus::Requested, None, None)
    );
    assert_eq!(world.queue().await.len(), 1);
    assert_eq!(world.next(payout).await, Next::AwaitDecision);
    assert_eq!(world.told(payout).await, ["start", "decision", "decision"]);
    let conflict = Conflict { status: PayoutStatus::Requested, by: "admin:ada".to_owned() };
    assert_eq!(undo(payout).await, Undone::TooLate(conflict));
    assert_eq!(world.release().await, 0);
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Done(_)));
    assert_eq!(world.release().await, 1);
    let conflict = Conflict { status: PayoutStatus::Processing, by: "system".to_owned() };
    assert_eq!(undo(payout).await, Undone::TooLate(conflict));
    assert_eq!(undo(domain::PayoutId::mint()).await, Undone::NotFound);
    world.books_are_right().await;
}

/// The risk engine's approval too: then people see the payout for the first time.
#[sqlx::test(migrations = "../migrations")]
async fn what_no_person_approved_goes_to_people_when_it_is_undone(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.completed(&payee, "1").await;
    let payout = world.requested(&payee, "1").await;
    let (pool, now) = (&world.pool, world.now);
    world.assess_by(crate::fixtures::lenient(), payout).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Approved);
    assert!(matches!(decisions::undo(pool, payout, &ada(), "wait", now).await.unwrap(), Undone::Done(_)));
    assert_eq!(world.queue().await.len(), 1);
    assert!(matches!(world.decide(payout, Verdict::Reject).await, Decided::Done(_)));
    assert!(world.queue().await.is_empty());
    world.books_are_right().await;
}

/// A step at the engine is carried out at least once; what it decided may have been undone before it runs again.
#[sqlx::test(migrations = "../migrations")]
async fn an_approval_by_hand_that_was_undone_is_not_taken_again_by_its_second_run(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "1").await;
    let new = NewDecision { payout, verdict: Verdict::Approve, reason: "by hand" };
    let run =
        async |by| decisions::engine_request(&world.pool, &new, by, true, false, world.now).await.unwrap();
    assert_eq!(run(by_hand_of("bob")).await.next, Next::AwaitRelease);
    decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    assert_eq!(run(by_hand_of("bob")).await.next, Next::AwaitDecision);
    // Another signal is another decision.
    assert_eq!(run(ByHand { identity: "bob", key: "again" }).await.next, Next::AwaitRelease);
}

/// It came back from a batch for want of funds, and now the gateway is at its attempt again.
#[sqlx::test(migrations = "../migrations")]
async fn money_that_may_be_on_its_way_is_not_given_back(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let attempt = world.goes(payout, 1).await;
    world.answered(payout, attempt, &decline("insufficient funds in customer wallet")).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Approved);
    world.look(payout, 1, domain::Observed::InFlight).await;
    let cancel = async || payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();
    assert!(matches!(cancel().await, Cancelled::TooLate(_)));
    payouts::engine_cancel(&world.pool, payout, by_hand_of("bob"), world.now).await.unwrap();
    assert_eq!(world.status(payout).await, PayoutStatus::Approved);
    decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    assert!(matches!(world.decide(payout, Verdict::Reject).await, Decided::NotUnderReview(_)));
    world.look(payout, 1, crate::fixtures::fails("insufficient funds")).await;
    assert!(matches!(world.decide(payout, Verdict::Reject).await, Decided::Done(_)));
    world.books_are_right().await;
}
