//! Two at once, in both orders: one wins, the other is told or changes nothing, and nobody waits for ever.

use domain::{Next, Observed, PayoutStatus};
use sqlx::PgPool;
use store::{
    attempts, batches,
    decisions::{Decided, Verdict},
    inbox,
    manual::{self, Acted},
    payouts::{self, Cancelled},
};

use crate::fixtures::{World, ada, fails, number, prefix, reference, retries, sighting};

#[sqlx::test(migrations = "../migrations")]
async fn the_first_decision_counts(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for (first, second, status) in [
        (Verdict::Approve, Verdict::Reject, PayoutStatus::Approved),
        (Verdict::Reject, Verdict::Approve, PayoutStatus::Rejected),
        (Verdict::Approve, Verdict::Approve, PayoutStatus::Approved),
    ] {
        let payout = world.under_review(&payee, "1").await;
        let gate = world.hold_up(payout).await;
        let (won, lost) =
            world.in_turn(gate, world.decide(payout, first), world.decide(payout, second)).await;
        assert!(matches!(won, Decided::Done(_)));
        assert!(matches!(lost, Decided::NotUnderReview(ref conflict) if conflict.status == status));
        assert_eq!(world.status(payout).await, status);
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_cancel_and_a_decision_do_not_both_happen(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let cancel = async |payout| payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();

    let payout = world.under_review(&payee, "1").await;
    let gate = world.hold_up(payout).await;
    let (cancelled, decided) =
        world.in_turn(gate, cancel(payout), world.decide(payout, Verdict::Approve)).await;
    assert!(matches!(cancelled, Cancelled::Done(_)));
    assert!(matches!(decided, Decided::NotUnderReview(conflict) if conflict.by.starts_with("provider:")));

    let payout = world.under_review(&payee, "1").await;
    let gate = world.hold_up(payout).await;
    let (decided, cancelled) =
        world.in_turn(gate, world.decide(payout, Verdict::Reject), cancel(payout)).await;
    assert!(matches!(decided, Decided::Done(_)));
    assert!(matches!(cancelled, Cancelled::TooLate(conflict) if conflict.by == "admin:ada"));

    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_claim_passes_over_a_payout_that_is_being_cancelled(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "1").await;
    // The cancel has its payout and waits for the accounts.
    let mut gate = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM ledger_accounts FOR UPDATE").execute(&mut *gate).await.unwrap();
    let claim = async {
        world.until_waiting(1).await;
        let claimed = world.release().await;
        gate.rollback().await.unwrap();
        claimed
    };
    let (cancelled, claimed) = tokio::join!(payouts::cancel(&world.pool, payout, payee.id, world.now), claim);
    assert!(matches!(cancelled.unwrap(), Cancelled::Done(_)));
    assert_eq!((claimed, world.release().await), (0, 0));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_cancel_that_meets_a_claim_is_too_late(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "1").await;
    let batch = world.batch().await;
    // The claim has its payouts and waits for the batch's sum.
    let mut gate = world.pool.begin().await.unwrap();
    sqlx::query("INSERT INTO batch_sums VALUES ($1, 'NGN', 0)")
        .bind(batch.uuid())
        .execute(&mut *gate)
        .await
        .unwrap();
    let cancel = payouts::cancel(&world.pool, payout, payee.id, world.now);
    let (claimed, cancelled) = world.in_turn(gate, world.claim(batch), cancel).await;
    assert_eq!(claimed, 1);
    assert!(matches!(cancelled.unwrap(), Cancelled::TooLate(c) if c.status == PayoutStatus::Processing));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn batches_at_once_share_the_payouts(pool: PgPool) {
    let world = World::new(&pool).crowd(12).await;
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for _ in 0..40 {
        world.approved(&payee, "1").await;
    }
    let claimed = futures::future::join_all((0..6).map(|_| async {
        let batch = world.batch().await;
        let mut total = 0;
        loop {
            let claimed = batches::claim_chunk(&world.pool, batch, 3, world.now).await.unwrap().claimed;
            total += claimed;
            if claimed == 0 {
                assert_eq!(batches::close(&world.pool, batch, world.now).await.unwrap(), total);
                return total;
            }
        }
    }))
    .await;
    // A batch that found the rest locked leaves it to those who hold it.
    assert_eq!(claimed.iter().sum::<u32>() + world.release().await, 40);
    assert_eq!(
        world.count("SELECT count(DISTINCT payout_id) FROM outbox WHERE signal = 'release'").await,
        40
    );
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'release'").await, 40);
    assert_eq!(world.count("SELECT sum(amount)::bigint FROM batch_sums").await, 40);
    world.pool.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn one_batch_claimed_by_two_workers_takes_each_payout_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for _ in 0..10 {
        world.approved(&payee, "1").await;
    }
    let batch = world.batch().await;
    let two = [world.claim(batch), world.claim(batch)];
    assert_eq!(futures::future::join_all(two).await.iter().sum::<u32>(), 10);
    assert_eq!(batches::close(&world.pool, batch, world.now).await.unwrap(), 10);
}

#[sqlx::test(migrations = "../migrations")]
async fn two_begins_make_one_attempt(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    let gate = world.hold_up(payout).await;
    let (first, second) = world.in_turn(gate, world.begin(payout), world.begin(payout)).await;
    assert_eq!((first.next, second), (Next::Send { attempt: number(1) }, first));
    assert_eq!(world.count("SELECT count(*) FROM attempts").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn two_senders_are_one(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    let gate = world.hold_up(payout).await;
    let (first, second) = world.in_turn(gate, world.count_send(payout, 1), world.count_send(payout, 1)).await;
    assert!(matches!(first, attempts::Sending::Go { .. }) && matches!(second, attempts::Sending::Not(_)));
    assert_eq!(world.attempt(payout, 1).await.sends, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_retry_and_a_refund_do_not_both_happen(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let admin = ada();
    for retry_first in [true, false] {
        let payout = world.given_up(&payee, "1").await;
        let gate = world.hold_up(payout).await;
        let retry = manual::retry(&world.pool, payout, &admin, "again", world.now);
        let refund = manual::refund(&world.pool, payout, &admin, "back", world.now);
        let (won, lost) = if retry_first {
            world.in_turn(gate, retry, refund).await
        } else {
            let (refunded, retried) = world.in_turn(gate, refund, retry).await;
            (refunded, retried)
        };
        assert!(matches!(won.unwrap(), Acted::Done(_)));
        assert!(matches!(lost.unwrap(), Acted::NotWaiting(_)));
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn two_looks_that_see_the_payment_book_it_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    let gate = world.hold_up(payout).await;
    let look = || world.look(payout, 1, Observed::Succeeded);
    let (first, second) = world.in_turn(gate, look(), look()).await;
    assert_eq!((first.status, second), (PayoutStatus::Completed, first));
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'paid'").await, 1);
    world.books_are_right().await;
}

/// The second look was made before the first was written down. What it says about an attempt that is settled moves no money back;
/// that it paid counts, late, also when another look had seen it fail.
#[sqlx::test(migrations = "../migrations")]
async fn of_two_looks_that_differ_the_first_written_down_settles(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for paid_first in [true, false] {
        let payout = world.accepted(&payee, "1").await;
        let place = world.place(payout, 1).await;
        let paid = Observed::Succeeded(sighting(&place));
        let failed = fails("account closed")(sighting(&place));
        let write = async |seen| {
            attempts::record_observation(&world.pool, payout, &place, seen, &retries(), world.now)
                .await
                .unwrap()
        };
        let gate = world.hold_up(payout).await;
        let (one, two) = if paid_first { (&paid, &failed) } else { (&failed, &paid) };
        let (first, last) = world.in_turn(gate, write(one), write(two)).await;
        let expected = if paid_first { PayoutStatus::Completed } else { PayoutStatus::Failed };
        assert_eq!((first.status, last.status), (expected, PayoutStatus::Completed));
        assert_eq!(world.attempt(payout, 1).await.late, !paid_first);
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_webhook_and_a_settle_meet_without_harm(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for n in 0..10 {
        let payout = world.accepted(&payee, "1").await;
        let reference = reference(&world.place(payout, 1).await);
        let body = format!("{{{n}}}");
        let hear = inbox::receive(&world.pool, body.as_bytes(), Some(&reference), world.now);
        let (heard, settled) = tokio::join!(hear, world.look(payout, 1, Observed::Succeeded));
        let expected = [inbox::Disposition::Woken { payout }, inbox::Disposition::Finished { payout }];
        assert!(expected.contains(&heard.unwrap()));
        assert_eq!(settled.status, PayoutStatus::Completed);
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refund_and_a_late_success_do_not_both_move_money(pool: PgPool) {
    let world = World::new(&pool);
    let admin = ada();
    for refund_first in [true, false] {
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let payout = world.given_up(&payee, "1").await;
        let gate = world.hold_up(payout).await;
        let refund = manual::refund(&world.pool, payout, &admin, "back", world.now);
        let look = world.look(payout, 1, Observed::Succeeded);
        let refunded = if refund_first {
            world.in_turn(gate, refund, look).await.0
        } else {
            world.in_turn(gate, look, refund).await.1
        };
        assert_eq!(matches!(refunded.unwrap(), Acted::Done(_)), refund_first);
        // Refunded first, what was paid is owed, and taken from what the refund gave back.
        assert_eq!(world.accounts(&payee).await, ["9.00", "0.00", "1.00", "0.00"]);
    }
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind IN ('paid', 'overpaid')").await, 2);
    world.books_are_right().await;
    let nobody = attempts::begin(&world.pool, domain::PayoutId::mint(), &prefix(), world.now).await;
    assert!(nobody.is_err());
}
