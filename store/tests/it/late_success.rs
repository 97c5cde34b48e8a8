//! A failed attempt that has paid after all: completed by it, whatever the payout waited for, or too much.

use chrono::TimeDelta;
use domain::{AttemptStatus, Ending, FailureCode, Next, Observed, PayoutId, PayoutStatus, Submitted};
use sqlx::PgPool;
use store::{
    attempts::{self, Sending},
    control,
    manual::{self, Acted},
    payouts,
};

use crate::fixtures::{Payee, World, absent, ada, decline, fails, not_sent, number, seconds, unknown};

const DONE: Next = Next::Notify { ending: Ending::Completed };
const TRY_LATER: &str = "bank is not available";

async fn waits_for_funds(world: &World, payee: &Payee) -> PayoutId {
    let payout = world.begun(payee, "1").await;
    let lease = world.goes(payout, 1).await;
    world.answered(payout, lease, &decline("Insufficient funds")).await;
    payout
}

#[sqlx::test(migrations = "../migrations")]
async fn it_completes_the_payout_wherever_that_waits(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let retrying = world.accepted(&payee, "1").await;
    world.look(retrying, 1, fails(TRY_LATER)).await;
    let with_a_person = world.given_up(&payee, "1").await;
    let claimed_again = waits_for_funds(&world, &payee).await;
    world.pass(seconds(1));
    assert_eq!(world.release().await, 1);
    let waiting = waits_for_funds(&world, &payee).await;
    let batch = world.payout(claimed_again).await.batch;
    for (payout, from) in [
        (retrying, PayoutStatus::Failed),
        (with_a_person, PayoutStatus::Failed),
        (claimed_again, PayoutStatus::Processing),
        (waiting, PayoutStatus::Approved),
    ] {
        assert_eq!(world.status(payout).await, from);
        for _ in 0..2 {
            assert_eq!(world.look(payout, 1, Observed::Succeeded).await.next, DONE, "{from}");
        }
        let attempt = world.attempt(payout, 1).await;
        assert_eq!((attempt.status, attempt.late, attempt.doubt), (AttemptStatus::Succeeded, true, None));
        let row = world.payout(payout).await;
        assert_eq!((row.fee, row.failure_code, row.needs_attention), (attempt.fee, None, false));
        let trail = world.trail(payout).await;
        for once in ["late_success", "completed"] {
            assert_eq!(trail.iter().filter(|action| *action == once).count(), 1, "{once}: {trail:?}");
        }
        // Whoever saw it wakes the payout's script.
        assert_eq!(world.told(payout).await.last().unwrap(), "transfer_update");
    }
    assert_eq!(world.payout(claimed_again).await.batch, batch);
    // A payout that waited for another batch ends in the one that sent it.
    assert_eq!(world.payout(waiting).await.batch, Some(world.attempt(waiting, 1).await.batch));
    assert_eq!(world.balance(&payee).await, ["6.00", "0.00", "4.00"]);
    assert_eq!(world.open_cases("overpaid").await, 0);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn it_completes_a_payout_that_went_back_to_review(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = waits_for_funds(&world, &payee).await;
    let undone = sqlx::query("UPDATE payouts SET status = 'REQUESTED', held = NULL WHERE id = $1")
        .bind(payout.uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(undone.rows_affected(), 1);
    assert_eq!(world.look(payout, 1, Observed::Succeeded).await.next, DONE);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_that_has_not_been_sent_is_withdrawn(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun_again(&payee, "1").await;
    assert_eq!(world.look(payout, 1, Observed::Succeeded).await.next, DONE);
    assert_eq!(world.evidence(payout, 1).await, "late_success");
    let withdrawn = world.attempt(payout, 2).await;
    assert_eq!(
        (withdrawn.status, withdrawn.failure_code, withdrawn.counted),
        (AttemptStatus::Failed, Some(FailureCode::Withdrawn), false)
    );
    // Nobody sends it any more.
    assert!(matches!(world.count_send(payout, 2).await, Sending::Not(_)));
    assert_eq!(world.balance(&payee).await, ["9.00", "0.00", "1.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn it_waits_for_an_open_attempt_and_completes_when_that_fails(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted_again(&payee, "1").await;
    for _ in 0..2 {
        let next = world.look(payout, 1, Observed::Succeeded).await.next;
        assert!(matches!(next, Next::AwaitOutcome { attempt, .. } if attempt == number(2)), "{next:?}");
        assert_eq!(world.balance(&payee).await, ["9.00", "1.00", "0.00"]);
        world.books_are_right().await;
    }
    assert_eq!(world.look(payout, 2, fails(TRY_LATER)).await.next, DONE);
    assert_eq!(world.attempt(payout, 2).await.status, AttemptStatus::Failed);
    assert_eq!(world.accounts(&payee).await, ["9.00", "0.00", "1.00", "0.00"]);
    assert_eq!(world.open_cases("overpaid").await, 0);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn it_waits_for_an_open_attempt_and_is_too_much_when_that_pays(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted_again(&payee, "1").await;
    world.look(payout, 1, Observed::Succeeded).await;
    for _ in 0..2 {
        assert_eq!(world.look(payout, 2, Observed::Succeeded).await.next, DONE);
        // What was paid twice is taken from what is free.
        assert_eq!(world.accounts(&payee).await, ["8.00", "0.00", "2.00", "0.00"]);
        assert_eq!(world.open_cases("overpaid").await, 1);
        world.books_are_right().await;
    }
    // Their payouts pause until finance has settled it.
    let other = world.approved(&payee, "1").await;
    assert_eq!(world.release().await, 0);
    assert_eq!(world.status(other).await, PayoutStatus::Approved);
    let pauses = "SELECT count(*) FROM pauses WHERE scope = 'provider' AND paused_by LIKE 'case:%'";
    assert_eq!(world.count(pauses).await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn after_the_money_was_given_back_it_is_too_much(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "3").await;
    let refunded = world.given_up(&payee, "1").await;
    let acted = manual::refund(&world.pool, refunded, &ada(), "closed", world.now).await.unwrap();
    assert!(matches!(acted, Acted::Done(_)));
    let cancelled = waits_for_funds(&world, &payee).await;
    payouts::cancel(&world.pool, cancelled, payee.id, world.now).await.unwrap();
    let completed = world.accepted_again(&payee, "1").await;
    world.look(completed, 2, Observed::Succeeded).await;
    assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "1.00", "0.00"]);
    let mut left = [
        ["1.00", "0.00", "2.00", "0.00"],
        ["0.00", "0.00", "3.00", "0.00"],
        ["0.00", "0.00", "4.00", "1.00"],
    ]
    .into_iter();
    for payout in [refunded, cancelled, completed] {
        let before = world.payout(payout).await;
        let expected = left.next().unwrap();
        for _ in 0..2 {
            world.look(payout, 1, Observed::Succeeded).await;
            assert_eq!(world.accounts(&payee).await, expected);
            assert_eq!(world.payout(payout).await, before);
            world.books_are_right().await;
        }
    }
    assert_eq!(world.open_cases("overpaid").await, 3);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_second_late_success_beside_one_that_waits_is_too_much_at_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted_again(&payee, "1").await;
    world.look(payout, 2, fails(TRY_LATER)).await;
    world.pass(TimeDelta::minutes(5));
    for attempt in [1, 2] {
        world.look(payout, attempt, fails(TRY_LATER)).await;
    }
    world.begin(payout).await;
    let lease = world.goes(payout, 3).await;
    world.answered(payout, lease, &unknown()).await;
    world.look(payout, 1, Observed::Succeeded).await;
    assert_eq!(world.open_cases("overpaid").await, 0);
    world.look(payout, 2, Observed::Succeeded).await;
    assert_eq!(
        (world.open_cases("overpaid").await, world.status(payout).await),
        (1, PayoutStatus::Processing)
    );
    world.books_are_right().await;
    assert_eq!(world.look(payout, 3, fails(TRY_LATER)).await.next, DONE);
    assert_eq!(world.accounts(&payee).await, ["8.00", "0.00", "2.00", "0.00"]);
    world.books_are_right().await;
}

/// The one that waited came back, the other is owed, and the last try failed: nothing stands in the way of the money any more.
#[sqlx::test(migrations = "../migrations")]
async fn what_is_owed_stands_in_the_way_of_neither_another_try_nor_a_refund(pool: PgPool) {
    const CLOSED: &str = "account closed";
    for refunds in [true, false] {
        let mut world = World::new(&pool);
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let payout = world.accepted_again(&payee, "1").await;
        world.look(payout, 2, fails(TRY_LATER)).await;
        world.pass(TimeDelta::minutes(5));
        for attempt in [1, 2] {
            world.look(payout, attempt, fails(TRY_LATER)).await;
        }
        world.begin(payout).await;
        let lease = world.goes(payout, 3).await;
        world.answered(payout, lease, &unknown()).await;
        for attempt in [1, 2] {
            world.look(payout, attempt, Observed::Succeeded).await;
        }
        world.look(payout, 1, fails(CLOSED)).await;
        world.pass(TimeDelta::hours(25));
        world.look(payout, 1, fails(CLOSED)).await;
        assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Reversed);
        assert_eq!(world.look(payout, 3, fails(CLOSED)).await.next, Next::AwaitAttention);
        assert_eq!(world.accounts(&payee).await, ["8.00", "1.00", "1.00", "0.00"]);
        world.books_are_right().await;
        if refunds {
            let refunded = manual::refund(&world.pool, payout, &ada(), "closed", world.now).await.unwrap();
            assert!(matches!(refunded, Acted::Done(_)), "{refunded:?}");
            assert_eq!(world.accounts(&payee).await, ["9.00", "0.00", "1.00", "0.00"]);
        } else {
            let retried = manual::retry(&world.pool, payout, &ada(), "again", world.now).await.unwrap();
            assert!(matches!(retried, Acted::Done(_)), "{retried:?}");
            // The pause ends with the case.
            assert!(matches!(world.begin(payout).await.next, Next::AwaitRetry { .. }));
            world.settle_overpaid().await;
            world.pass(TimeDelta::minutes(1));
            assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(4) });
            // Nor of its being sent again.
            let lease = world.goes(payout, 4).await;
            world.answered(payout, lease, &unknown()).await;
            world.pass(TimeDelta::minutes(2));
            assert_eq!(world.look(payout, 4, absent).await.next, Next::Send { attempt: number(4) });
            world.goes(payout, 4).await;
            assert_eq!(world.look(payout, 4, Observed::Succeeded).await.next, DONE);
            assert_eq!(world.accounts(&payee).await, ["8.00", "0.00", "2.00", "0.00"]);
        }
        world.books_are_right().await;
    }
}

/// And where that failure too turns out to have paid, that is what the payout wanted.
#[sqlx::test(migrations = "../migrations")]
async fn beside_what_is_owed_another_late_success_completes_the_payout(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted_again(&payee, "1").await;
    world.look(payout, 2, fails(TRY_LATER)).await;
    world.pass(TimeDelta::minutes(5));
    for attempt in [1, 2] {
        world.look(payout, attempt, fails(TRY_LATER)).await;
    }
    world.begin(payout).await;
    let lease = world.goes(payout, 3).await;
    world.answered(payout, lease, &unknown()).await;
    for attempt in [1, 2] {
        world.look(payout, attempt, Observed::Succeeded).await;
    }
    world.look(payout, 1, fails(TRY_LATER)).await;
    world.pass(TimeDelta::hours(25));
    world.look(payout, 1, fails(TRY_LATER)).await;
    world.look(payout, 3, fails("account closed")).await;
    assert_eq!(world.look(payout, 3, Observed::Succeeded).await.next, DONE);
    assert_eq!(world.open_cases("overpaid").await, 1);
    assert_eq!(world.accounts(&payee).await, ["8.00", "0.00", "2.00", "0.00"]);
    world.books_are_right().await;
}

/// Whoever is first, the money is where it belongs.
#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_against_a_refund(pool: PgPool) {
    let world = World::new(&pool);
    for late_first in [true, false] {
        let payee = world.provider().await;
        world.earns(&payee, "3").await;
        let payout = world.given_up(&payee, "1").await;
        let gate = world.hold_up(payout).await;
        let late = world.look(payout, 1, Observed::Succeeded);
        let admin = ada();
        let refund = manual::refund(&world.pool, payout, &admin, "closed", world.now);
        if late_first {
            let (progress, refunded) = world.in_turn(gate, late, refund).await;
            assert_eq!(progress.next, DONE);
            assert!(matches!(refunded.unwrap(), Acted::NotWaiting(_)));
            assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "1.00", "0.00"]);
        } else {
            let (refunded, progress) = world.in_turn(gate, refund, late).await;
            assert!(matches!(refunded.unwrap(), Acted::Done(_)));
            assert_eq!(progress.next, Next::Notify { ending: Ending::Refunded });
            assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "1.00", "0.00"]);
            assert_eq!(world.open_cases("overpaid").await, 1);
        }
        world.books_are_right().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_against_the_next_attempt(pool: PgPool) {
    let mut world = World::new(&pool);
    for late_first in [true, false] {
        let payee = world.provider().await;
        world.earns(&payee, "3").await;
        let payout = world.accepted(&payee, "1").await;
        world.look(payout, 1, fails(TRY_LATER)).await;
        world.pass(seconds(60));
        let gate = world.hold_up(payout).await;
        let (late, begin) = (world.look(payout, 1, Observed::Succeeded), world.begin(payout));
        if late_first {
            let (_, begun) = world.in_turn(gate, late, begin).await;
            assert_eq!((begun.next, world.payout(payout).await.attempts), (DONE, 1));
        } else {
            let (begun, progress) = world.in_turn(gate, begin, late).await;
            assert_eq!((begun.next, progress.next), (Next::Send { attempt: number(2) }, DONE));
        }
        assert_eq!(world.accounts(&payee).await, ["2.00", "0.00", "1.00", "0.00"]);
        world.books_are_right().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_against_the_send_of_the_next_attempt(pool: PgPool) {
    let mut world = World::new(&pool);
    for late_first in [true, false] {
        let payee = world.provider().await;
        world.earns(&payee, "3").await;
        let payout = world.begun_again(&payee, "1").await;
        let gate = world.hold_up(payout).await;
        let (late, send) = (world.look(payout, 1, Observed::Succeeded), world.count_send(payout, 2));
        if late_first {
            let (progress, sending) = world.in_turn(gate, late, send).await;
            assert_eq!(progress.next, DONE);
            assert!(matches!(sending, Sending::Not(_)));
        } else {
            let (sending, progress) = world.in_turn(gate, send, late).await;
            assert!(matches!(sending, Sending::Go { .. }));
            assert_eq!(progress.status, PayoutStatus::Processing);
        }
        world.books_are_right().await;
    }
}

/// Its own end is only waited for: what would be sent again would pay twice.
#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_sent_again_while_it_waits(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for allowed_before in [true, false] {
        let payout = world.begun_again(&payee, "1").await;
        let lease = world.goes(payout, 2).await;
        world.answered(payout, lease, &unknown()).await;
        world.pass(TimeDelta::minutes(2));
        let send = Next::Send { attempt: number(2) };
        if allowed_before {
            assert_eq!(world.look(payout, 2, absent).await.next, send);
        }
        world.look(payout, 1, Observed::Succeeded).await;
        if !allowed_before {
            assert_ne!(world.look(payout, 2, absent).await.next, send);
        }
        // In a pause too: it is not the pause that it waits for.
        control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
        let Sending::Not(progress) = world.count_send(payout, 2).await else { panic!("sent") };
        assert!(matches!(progress.next, Next::AwaitOutcome { .. }), "{progress:?}");
        control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
        for _ in 0..2 {
            world.pass(TimeDelta::minutes(20));
            assert!(matches!(world.look(payout, 2, absent).await.next, Next::AwaitOutcome { .. }));
            assert!(matches!(world.count_send(payout, 2).await, Sending::Not(_)));
        }
        assert_eq!(world.attempt(payout, 2).await.sends, 1);
        world.books_are_right().await;
        assert_eq!(world.look(payout, 2, fails(TRY_LATER)).await.next, DONE);
        world.books_are_right().await;
    }
    assert_eq!(world.accounts(&payee).await, ["8.00", "0.00", "2.00", "0.00"]);
}

/// Nothing of the open attempt has left after all: it makes way for the one that has paid.
#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_with_no_send_left_is_withdrawn_for_it(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for way in ["not sent", "the answer", "found as it was"] {
        let payout = world.begun_again(&payee, "1").await;
        let lease = world.goes(payout, 2).await;
        world.look(payout, 1, Observed::Succeeded).await;
        assert_eq!(world.status(payout).await, PayoutStatus::Processing);
        match way {
            "not sent" => {
                for _ in 0..2 {
                    let why = not_sent("no route");
                    attempts::record_not_sent(&world.pool, lease, &why, world.now).await.unwrap();
                }
            }
            "the answer" => {
                let answer = Submitted::NotSent(not_sent("no route"));
                for _ in 0..2 {
                    assert_eq!(world.answered(payout, lease, &answer).await.next, DONE);
                }
            }
            _ => {
                let taken_back = "UPDATE attempts SET sends = 0, send_deadline = NULL, check_at = NULL WHERE payout_id = $1 AND number = 2";
                sqlx::query(taken_back).bind(payout.uuid()).execute(&world.pool).await.unwrap();
            }
        }
        let Sending::Not(progress) = world.count_send(payout, 2).await else { panic!("sent") };
        assert_eq!(progress.next, DONE, "{way}");
        let unsent = world.attempt(payout, 2).await;
        let code = Some(FailureCode::Withdrawn);
        assert_eq!((unsent.status, unsent.failure_code, unsent.sends), (AttemptStatus::Failed, code, 0));
        world.books_are_right().await;
    }
    assert_eq!(world.accounts(&payee).await, ["7.00", "0.00", "3.00", "0.00"]);
    assert_eq!(world.open_cases("overpaid").await, 0);
}
