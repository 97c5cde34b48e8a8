//! A paid transfer that the gateway calls failed: seen, taken back, confirmed.

use chrono::TimeDelta;
use domain::{AttemptStatus, CaseId, Ending, Next, Observed, PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::{
    cases::{self, CaseKind, CaseStatus},
    manual::{self, Acted},
    reversals::{self, Confirmed},
};

use crate::fixtures::{World, ada, fails, number, seconds};

const RETURNED: &str = "returned by the bank";
const GONE: Next = Next::Notify { ending: Ending::Reversed };

async fn case_of(world: &World, payout: PayoutId, kind: CaseKind) -> CaseId {
    let filter = cases::Filter { kind: Some(kind), payout: Some(payout), ..cases::Filter::default() };
    let found = cases::list(&world.pool, &filter, cases::Page { before: None, limit: 9 }).await.unwrap();
    found.first().unwrap().id
}

async fn status_of(world: &World, case: CaseId) -> CaseStatus {
    cases::get(&world.pool, case).await.unwrap().unwrap().status
}

async fn confirm(world: &World, case: CaseId) -> Confirmed {
    reversals::confirm_by_finance(&world.pool, case, "the bank's letter", &ada(), world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn the_money_comes_back_only_when_it_is_seen_again_a_day_later(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "4").await;
    for wait in [seconds(0), TimeDelta::hours(24) - seconds(1)] {
        world.pass(wait);
        world.look(payout, 1, fails(RETURNED)).await;
        assert_eq!(world.status(payout).await, PayoutStatus::Completed);
        assert_eq!(world.accounts(&payee).await, ["6.00", "0.00", "4.00", "0.00"]);
        assert_eq!(world.open_cases("reversal").await, 1);
        world.books_are_right().await;
    }
    world.pass(seconds(1));
    for _ in 0..2 {
        assert_eq!(world.look(payout, 1, fails(RETURNED)).await.next, GONE);
        assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Reversed);
        assert_eq!(world.accounts(&payee).await, ["10.00", "0.00", "0.00", "0.00"]);
        assert_eq!(world.open_cases("reversal").await, 0);
        world.books_are_right().await;
    }
    let told = "SELECT count(*) FROM notifications WHERE event = 'returned'";
    assert_eq!(world.count(told).await, 1);
    // It can be asked for again. The fee stays paid.
    world.requested(&payee, "10").await;
    assert!(world.payout(payout).await.fee.is_some());
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn the_gateway_may_take_its_word_back(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "4").await;
    for _ in 0..2 {
        world.look(payout, 1, fails(RETURNED)).await;
        let case = case_of(&world, payout, CaseKind::Reversal).await;
        world.pass(TimeDelta::hours(20));
        // Twice: hearing it again is nothing new.
        for _ in 0..2 {
            world.look(payout, 1, Observed::Succeeded).await;
        }
        assert_eq!(status_of(&world, case).await, CaseStatus::Closed);
        assert_eq!(world.attempt(payout, 1).await.reversal_seen_at, None);
        assert!(matches!(confirm(&world, case).await, Confirmed::NotWaiting(_)));
        // The day begins anew.
        world.pass(TimeDelta::hours(20));
    }
    assert_eq!(world.status(payout).await, PayoutStatus::Completed);
    assert_eq!(world.open_cases("reversal").await, 0);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn finance_confirms_at_once_and_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "4").await;
    assert_eq!(confirm(&world, CaseId::mint()).await, Confirmed::NotFound);
    world.look(payout, 1, Observed::Reversed).await;
    let case = case_of(&world, payout, CaseKind::Reversal).await;
    let (one, other) = tokio::join!(confirm(&world, case), confirm(&world, case));
    let done = [&one, &other].into_iter().filter(|c| matches!(c, Confirmed::Done(_))).count();
    let late = [&one, &other].into_iter().filter(|c| matches!(c, Confirmed::NotWaiting(_))).count();
    assert_eq!((done, late), (1, 1), "{one:?} {other:?}");
    let closed = cases::get(&world.pool, case).await.unwrap().unwrap();
    assert_eq!((closed.status, closed.closed_by.as_deref()), (CaseStatus::Closed, Some("admin:ada")));
    assert_eq!(world.status(payout).await, PayoutStatus::Reversed);
    assert_eq!(world.accounts(&payee).await, ["10.00", "0.00", "0.00", "0.00"]);
    // The second look finds it done.
    world.at(TimeDelta::hours(24)).look(payout, 1, fails(RETURNED)).await;
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn finance_confirms_only_a_reversal(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted_again(&payee, "1").await;
    for attempt in [1, 2] {
        world.look(payout, attempt, Observed::Succeeded).await;
    }
    let overpaid = case_of(&world, payout, CaseKind::Overpaid).await;
    assert_eq!(confirm(&world, overpaid).await, Confirmed::NotAReversal);
    assert_eq!(status_of(&world, overpaid).await, CaseStatus::Open);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_excess_that_comes_back_is_not_owed_and_what_was_taken_for_it_is_free_again(pool: PgPool) {
    // All recovered, a part of it, nothing.
    for (earned, before, after) in [
        ("10", ["2.00", "0.00", "8.00", "0.00"], ["6.00", "0.00", "4.00", "0.00"]),
        ("7", ["0.00", "0.00", "8.00", "1.00"], ["3.00", "0.00", "4.00", "0.00"]),
        ("4", ["0.00", "0.00", "8.00", "4.00"], ["0.00", "0.00", "4.00", "0.00"]),
    ] {
        let mut world = World::new(&pool);
        let payee = world.provider().await;
        world.earns(&payee, earned).await;
        let payout = world.accepted_again(&payee, "4").await;
        for attempt in [1, 2] {
            world.look(payout, attempt, Observed::Succeeded).await;
        }
        assert_eq!(world.accounts(&payee).await, before);
        world.books_are_right().await;
        for _ in 0..2 {
            world.look(payout, 1, fails(RETURNED)).await;
            world.pass(TimeDelta::hours(24));
        }
        assert_eq!(world.accounts(&payee).await, after);
        assert_eq!(world.status(payout).await, PayoutStatus::Completed);
        // What was too much is so no longer: the case is closed and their payouts go on.
        assert_eq!((world.open_cases("overpaid").await, world.open_cases("reversal").await), (0, 0));
        assert_eq!(world.count("SELECT count(*) FROM pauses").await, 0);
        world.books_are_right().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_transfer_that_paid_comes_back_while_the_other_was_too_much(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let payout = world.accepted_again(&payee, "4").await;
    for attempt in [1, 2] {
        world.look(payout, attempt, Observed::Succeeded).await;
    }
    assert_eq!(world.accounts(&payee).await, ["0.00", "0.00", "8.00", "4.00"]);
    for _ in 0..2 {
        world.look(payout, 2, fails(RETURNED)).await;
        world.pass(TimeDelta::hours(24));
    }
    // It is the provider's again, and goes against what they owe: they keep the other four.
    assert_eq!(world.accounts(&payee).await, ["0.00", "0.00", "4.00", "0.00"]);
    assert_eq!(world.status(payout).await, PayoutStatus::Reversed);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_that_comes_back_while_it_waits_moves_nothing(pool: PgPool) {
    for pays in [true, false] {
        let mut world = World::new(&pool);
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let payout = world.accepted_again(&payee, "4").await;
        world.look(payout, 1, Observed::Succeeded).await;
        for _ in 0..2 {
            world.look(payout, 1, fails(RETURNED)).await;
            world.pass(TimeDelta::hours(24));
        }
        assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Reversed);
        assert_eq!(world.accounts(&payee).await, ["6.00", "4.00", "0.00", "0.00"]);
        world.books_are_right().await;
        if pays {
            world.look(payout, 2, Observed::Succeeded).await;
            assert_eq!(world.accounts(&payee).await, ["6.00", "0.00", "4.00", "0.00"]);
        } else {
            world.look(payout, 2, fails("bank is not available")).await;
            world.pass(TimeDelta::hours(1));
            world.look(payout, 2, fails("bank is not available")).await;
            // Money moved and came back, seen twice a day apart: it goes once more.
            assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(3) });
        }
        world.books_are_right().await;
    }
}

/// It has paid nothing and its money is back: what comes after it is as if it had failed.
#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_that_came_back_while_it_waited_stands_in_nothings_way(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for refunded in [true, false] {
        let payout = world.accepted_again(&payee, "4").await;
        world.look(payout, 1, Observed::Succeeded).await;
        world.look(payout, 1, fails(RETURNED)).await;
        world.pass(TimeDelta::hours(24));
        world.look(payout, 1, fails(RETURNED)).await;
        assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Reversed);
        assert_eq!(world.status(payout).await, PayoutStatus::Processing);
        world.books_are_right().await;
        assert_eq!(world.look(payout, 2, fails("account closed")).await.next, Next::AwaitAttention);
        if refunded {
            let acted = manual::refund(&world.pool, payout, &ada(), "closed", world.now).await.unwrap();
            assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
        } else {
            manual::retry(&world.pool, payout, &ada(), "again", world.now).await.unwrap();
            assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(3) });
            world.goes(payout, 3).await;
            assert_eq!(world.look(payout, 3, Observed::Succeeded).await.status, PayoutStatus::Completed);
        }
        world.books_are_right().await;
    }
    assert_eq!(world.accounts(&payee).await, ["6.00", "0.00", "4.00", "0.00"]);
    // The gateway took its fee each time, also where the money came back.
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'fee'").await, 3);
}
