//! `transfer`: counted before the call, called once within the lease, and what follows from every answer.

use std::time::Duration;

use domain::{AttemptStatus, Failure, Next, NotSentClass, PayoutStatus, Submitted};
use sqlx::PgPool;

use crate::harness::{FIRST, LEASE, Play, accepted, not_sent};

fn unknown() -> Submitted {
    Submitted::Unknown { why: "timed out".to_owned() }
}

fn declined(message: &str) -> Submitted {
    Submitted::Declined(Failure::known_refusal(message).unwrap())
}

#[sqlx::test(migrations = "../migrations")]
async fn an_accepted_send_waits_for_its_webhook_and_is_not_repeated(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(accepted());
    let progress = play.transfer().await.unwrap();
    let check_at = play.now() + play.world.rules.retry.webhook_timeout;
    assert_eq!(progress.next, Next::AwaitOutcome { attempt: FIRST, check_at });
    assert_eq!(play.transfer().await.unwrap(), progress);
    play.wait(LEASE * 2);
    assert_eq!(play.transfer().await.unwrap(), progress);
    assert_eq!((play.sends(), play.attempt().await.status), (1, AttemptStatus::Accepted));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn two_workers_that_transfer_at_once_send_once(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(accepted());
    let (one, other) = tokio::join!(play.transfer(), play.transfer());
    for progress in [one.unwrap(), other.unwrap()] {
        assert!(matches!(progress.next, Next::AwaitOutcome { .. }), "{progress:?}");
    }
    assert_eq!((play.sends(), play.attempt().await.sends), (1, 1));
    play.check().await;
}

/// A worker counted the send and died: whether it called is not known.
#[sqlx::test(migrations = "../migrations")]
async fn within_the_lease_of_another_run_nothing_is_sent(pool: PgPool) {
    let play = Play::begun(&pool).await;
    let (world, now) = (&play.world, play.now());
    store::attempts::count_send(&world.pool, play.payout, FIRST, LEASE, "Payout", now).await.unwrap();
    let progress = play.transfer().await.unwrap();
    assert_eq!(progress.next, Next::AwaitOutcome { attempt: FIRST, check_at: now + LEASE });
    play.wait(LEASE * 2);
    assert!(matches!(play.transfer().await.unwrap().next, Next::AwaitOutcome { .. }));
    assert_eq!(play.sends(), 0);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_not_sent_uses_nothing_up_and_goes_out_again(pool: PgPool) {
    let play = Play::begun(&pool).await;
    let wish = Some(Duration::from_secs(30));
    for (class, wish, expected) in [
        (NotSentClass::RateLimited, wish, wish),
        (NotSentClass::RateLimited, Some(Duration::from_hours(9)), Some(Duration::from_mins(10))),
        (NotSentClass::Unreachable, None, None),
        (NotSentClass::Unauthorized, None, Some(Duration::from_secs(30))),
        (NotSentClass::NotWhitelisted, None, Some(Duration::from_secs(30))),
    ] {
        play.answers(not_sent(class, wish));
        let again = play.transfer().await.unwrap_err();
        assert_eq!(again.after, expected, "{class:?}");
        let attempt = play.attempt().await;
        assert_eq!((attempt.status, attempt.sends), (AttemptStatus::Submitting, 0), "{class:?}");
        assert_eq!(play.row().await.counted_failures, 0);
    }
    play.answers(accepted());
    play.transfer().await.unwrap();
    let attempt = play.attempt().await;
    assert_eq!((attempt.status, attempt.sends, play.attempts().await.len()), (AttemptStatus::Accepted, 1, 1));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_known_refusal_of_the_only_send_is_a_failure(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(declined("account number is invalid"));
    assert_eq!(play.transfer().await.unwrap().next, Next::AwaitAttention);
    assert_eq!(play.transfer().await.unwrap().next, Next::AwaitAttention);
    let (row, attempt) = (play.row().await, play.attempt().await);
    assert_eq!(
        (row.status, row.needs_attention, attempt.status),
        (PayoutStatus::Failed, true, AttemptStatus::Failed)
    );
    assert_eq!(play.sends(), 1);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_empty_wallet_sends_the_payout_back_to_waiting(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(declined("insufficient funds in customer wallet"));
    assert_eq!(play.transfer().await.unwrap().next, Next::AwaitRelease);
    assert_eq!(play.row().await.held, Some(domain::Held::Funds));
    let told = "SELECT subject FROM notifications WHERE audience = 'admins' AND event = 'funding_short'";
    let told: Vec<String> = sqlx::query_scalar(told).fetch_all(&play.world.pool).await.unwrap();
    assert_eq!(told, ["gateway:wallet_empty:2026-11-20T12"], "finance is told at once, once an hour");
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_duplicate_is_looked_at_at_once_and_an_unknown_answer_soon(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(Submitted::Duplicate);
    let next = play.transfer().await.unwrap().next;
    assert_eq!(next, Next::AwaitOutcome { attempt: FIRST, check_at: play.now() });
    assert_eq!((play.attempt().await.status, play.sends()), (AttemptStatus::Unknown, 1));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_answer_that_tells_nothing_is_neither_failure_nor_leave_to_send_again(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(unknown());
    assert!(matches!(play.transfer().await.unwrap().next, Next::AwaitOutcome { .. }));
    play.wait(Duration::from_hours(48));
    assert!(matches!(play.transfer().await.unwrap().next, Next::AwaitOutcome { .. }));
    assert_eq!((play.attempt().await.status, play.sends()), (AttemptStatus::Unknown, 1));
    play.check().await;
}

/// The first attempt is on its way after all: the second is not sent again, and the first is looked at.
#[sqlx::test(migrations = "../migrations")]
async fn a_doubt_about_an_earlier_attempt_is_looked_at_before_anything_is_sent_again(pool: PgPool) {
    let play = Play::failed(&pool, "bank is not available").await;
    let (store, policy) = (&play.world.pool, &play.world.rules.retry);
    let second = FIRST.next().unwrap();
    play.wait(Duration::from_mins(1));
    store::attempts::begin(store, play.payout, &play.world.rules.prefix, play.now()).await.unwrap();
    store::attempts::count_send(store, play.payout, second, LEASE, "Payout", play.now()).await.unwrap();
    play.wait(LEASE);
    let looked = async |attempt, observed| {
        let place = store::attempts::terms(store, play.payout, attempt).await.unwrap().unwrap();
        store::attempts::record_observation(store, play.payout, &place, &observed, policy, play.now())
            .await
            .unwrap()
    };
    looked(second, domain::Observed::NotFound).await;
    looked(FIRST, domain::Observed::InFlight(play.sighting().await)).await;
    play.shows(domain::Observed::Failed(play.sighting().await, Failure::observed("bank is not available")));
    let input = workflows::AttemptRef { payout: play.payout, attempt: second };
    let progress = play.run(activities::TransferStep::transfer, input).await.unwrap();
    assert!(matches!(progress.next, Next::AwaitOutcome { attempt, .. } if attempt == second));
    assert_eq!((play.sends(), play.attempt().await.doubt), (1, None));
    play.check().await;
}

/// Not found after the lease: the same attempt goes out again, and a refusal of that says nothing about the first send.
#[sqlx::test(migrations = "../migrations")]
async fn a_refusal_of_a_re_send_proves_nothing(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(unknown());
    play.transfer().await.unwrap();
    play.wait(LEASE * 2);
    play.shows(domain::Observed::NotFound);
    assert_eq!(play.observe().await.unwrap().next, Next::Send { attempt: FIRST });
    play.answers(declined("account number is invalid"));
    assert!(matches!(play.transfer().await.unwrap().next, Next::AwaitOutcome { .. }));
    assert_eq!((play.attempt().await.status, play.sends()), (AttemptStatus::Unknown, 2));
    assert_eq!(play.attempts().await.len(), 1);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_sent_while_transfers_are_paused(pool: PgPool) {
    let play = Play::begun(&pool).await;
    let pool = &play.world.pool;
    let admin = store::Actor::admin("ada");
    store::control::set_paused(pool, true, "look first", &admin, play.now()).await.unwrap();
    assert_eq!(play.transfer().await.unwrap_err().after, Some(Duration::from_secs(15)));
    assert_eq!((play.sends(), play.attempt().await.sends), (0, 0));
    store::control::set_paused(pool, false, "", &admin, play.now()).await.unwrap();
    play.answers(accepted());
    play.transfer().await.unwrap();
    play.check().await;
}

/// The call was made, the answer could not be written down: the second run finds the count and does not call.
#[sqlx::test(migrations = "../migrations")]
async fn a_database_that_goes_away_in_the_middle_of_a_call_does_not_cause_a_second_one(pool: PgPool) {
    let play = Play::begun(&pool).await;
    play.answers(accepted());
    let broken = "ALTER TABLE evidence RENAME TO evidence_away";
    sqlx::query(broken).execute(&play.world.pool).await.unwrap();
    assert!(!play.transfer().await.unwrap_err().why.contains("0690000040"));
    sqlx::query("ALTER TABLE evidence_away RENAME TO evidence").execute(&play.world.pool).await.unwrap();
    assert!(matches!(play.transfer().await.unwrap().next, Next::AwaitOutcome { .. }));
    assert_eq!((play.sends(), play.attempt().await.sends), (1, 1));
    play.shows(domain::Observed::Succeeded(play.sighting().await));
    play.observe().await.unwrap();
    assert_eq!(play.row().await.status, PayoutStatus::Completed);
    play.check().await;
}
