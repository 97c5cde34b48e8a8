//! `observe` and `reobserve`: what follows from everything the gateway may say, and from its silence.

use std::time::Duration;

use activities::{Reobserved, look_at_earlier_attempts};
use domain::{AttemptStatus, Clock, Ending, Failure, Next, Observed, PayoutStatus, Sighting};
use sqlx::PgPool;

use crate::harness::{FIRST, LEASE, Play};

const TRY_LATER: &str = "bank is not available";

async fn look(play: &Play) -> Result<Reobserved, activities::LookFailed> {
    let world = &play.world;
    let gateway = world.gateway.as_ref();
    let clock: &dyn Clock = world.clock.as_ref();
    look_at_earlier_attempts(&world.pool, gateway, clock, &world.rules.retry, play.payout).await
}

#[sqlx::test(migrations = "../migrations")]
async fn success_is_booked_once_however_often_it_is_seen(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let paid = Observed::Succeeded(play.sighting().await);
    play.shows(paid.clone());
    play.shows(paid);
    let done = Next::Notify { ending: Ending::Completed };
    assert_eq!(play.observe_twice_at_once().await.map(|progress| progress.next), [done, done]);
    assert_eq!(play.looks(), 2);
    assert_eq!(play.actions("completed").await, 1);
    // What has ended is not asked about any more.
    assert_eq!(play.observe().await.unwrap().next, done);
    assert_eq!(play.looks(), 2);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_on_its_way_is_asked_about_less_and_less_often(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let mut wait = play.world.rules.retry.webhook_timeout;
    for _ in 0..3 {
        play.shows(Observed::InFlight(play.sighting().await));
        let next = play.observe().await.unwrap().next;
        assert_eq!(next, Next::AwaitOutcome { attempt: FIRST, check_at: play.now() + wait });
        wait *= 2;
    }
    assert_eq!(play.row().await.status, PayoutStatus::Processing);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_failure_waits_for_its_retry_and_is_counted_once(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let failed = Observed::Failed(play.sighting().await, Failure::observed(TRY_LATER));
    play.shows(failed.clone());
    play.shows(failed);
    let retry = Next::AwaitRetry { due: play.now() + Duration::from_mins(1) };
    assert_eq!(play.observe_twice_at_once().await.map(|progress| progress.next), [retry, retry]);
    assert_eq!((play.row().await.counted_failures, play.actions("failed").await), (1, 1));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_else_ends_an_accepted_attempt(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let right = play.sighting().await;
    let wrong = Sighting { account: "0690000041".to_owned(), ..right.clone() };
    for observed in [
        Observed::Unrecognised { said: "PROCESSING".to_owned() },
        Observed::NotFound,
        Observed::Reversed(right),
        Observed::Succeeded(wrong.clone()),
        Observed::Failed(wrong, Failure::observed("account closed")),
    ] {
        play.shows(observed.clone());
        let next = play.observe().await.unwrap().next;
        assert!(matches!(next, Next::AwaitOutcome { .. }), "{observed:?}: {next:?}");
        assert_eq!(play.row().await.status, PayoutStatus::Processing, "{observed:?}");
        play.wait(Duration::from_hours(1));
    }
    assert_eq!((play.attempts().await.len(), play.sends()), (1, 1));
    play.check().await;
}

/// The send may still be on its way: not finding it means nothing before the lease has run out.
#[sqlx::test(migrations = "../migrations")]
async fn what_is_not_found_is_sent_again_only_after_the_lease(pool: PgPool) {
    let play = Play::begun(&pool).await;
    let (world, now) = (&play.world, play.now());
    store::attempts::count_send(&world.pool, play.payout, FIRST, LEASE, "Payout", now).await.unwrap();
    play.shows(Observed::NotFound);
    assert!(matches!(play.observe().await.unwrap().next, Next::AwaitOutcome { .. }));
    play.wait(LEASE);
    play.shows(Observed::NotFound);
    assert_eq!(play.observe().await.unwrap().next, Next::Send { attempt: FIRST });
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_gateway_that_cannot_be_asked_is_asked_again_when_it_wishes(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let before = play.attempt().await;
    play.is_silent(Some(Duration::from_secs(20)));
    assert_eq!(play.observe().await.unwrap_err().after, Some(Duration::from_secs(20)));
    play.is_silent(None);
    assert_eq!(play.observe().await.unwrap_err().after, None);
    let after = play.attempt().await;
    assert_eq!((after.status, after.evidence.len()), (before.status, before.evidence.len()));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_retry_begins_only_after_another_look_at_what_failed(pool: PgPool) {
    let play = Play::failed(&pool, TRY_LATER).await;
    // Not due yet: nobody is asked.
    assert!(matches!(play.reobserve().await.unwrap().next, Next::AwaitRetry { .. }));
    assert_eq!(play.looks(), 1);
    play.wait(Duration::from_mins(1));
    play.shows(Observed::Failed(play.sighting().await, Failure::observed(TRY_LATER)));
    assert_eq!(play.reobserve().await.unwrap().next, Next::Begin);
    assert_eq!(play.looks(), 2);
    let begun = play.run(activities::BeginAttemptStep::begin_attempt, play.payout_ref()).await.unwrap();
    assert_eq!(begun.next, Next::Send { attempt: FIRST.next().unwrap() });
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_completes_the_payout_instead_of_a_retry(pool: PgPool) {
    let play = Play::failed(&pool, TRY_LATER).await;
    play.wait(Duration::from_mins(1));
    play.shows(Observed::Succeeded(play.sighting().await));
    let done = Next::Notify { ending: Ending::Completed };
    assert_eq!(play.reobserve().await.unwrap().next, done);
    let attempt = play.attempt().await;
    assert_eq!((attempt.status, attempt.late), (AttemptStatus::Succeeded, true));
    let begun = play.run(activities::BeginAttemptStep::begin_attempt, play.payout_ref()).await.unwrap();
    assert_eq!((begun.next, play.attempts().await.len()), (done, 1));
    play.check().await;
}

/// A webhook makes its script ask, also while the payout waits for a person.
#[sqlx::test(migrations = "../migrations")]
async fn a_hint_about_a_failed_attempt_finds_that_it_has_paid(pool: PgPool) {
    let play = Play::failed(&pool, "account closed").await;
    assert_eq!((play.row().await.status, play.row().await.needs_attention), (PayoutStatus::Failed, true));
    play.shows(Observed::Succeeded(play.sighting().await));
    assert_eq!(play.observe().await.unwrap().next, Next::Notify { ending: Ending::Completed });
    assert_eq!(play.looks(), 2);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn no_retry_begins_on_an_answer_that_does_not_confirm_the_failure(pool: PgPool) {
    let play = Play::failed(&pool, TRY_LATER).await;
    play.wait(Duration::from_mins(1));
    let right = play.sighting().await;
    // Looked at less and less often: as long again as the doubt has lasted.
    for (observed, wait) in [
        (Observed::InFlight(right.clone()), Duration::from_secs(10)),
        (Observed::NotFound, Duration::from_secs(10)),
        (Observed::Unrecognised { said: "?".to_owned() }, Duration::from_secs(20)),
    ] {
        play.shows(observed.clone());
        let due = play.now() + wait;
        assert_eq!(play.reobserve().await.unwrap().next, Next::AwaitRetry { due }, "{observed:?}");
        // Not before.
        assert_eq!(play.reobserve().await.unwrap().next, Next::AwaitRetry { due });
        play.wait(wait);
    }
    play.is_silent(Some(Duration::from_secs(7)));
    assert_eq!(play.reobserve().await.unwrap_err().after, Some(Duration::from_secs(7)));
    assert_eq!((play.attempts().await.len(), play.sends()), (1, 1));
    play.shows(Observed::Failed(right, Failure::observed(TRY_LATER)));
    assert_eq!(play.reobserve().await.unwrap().next, Next::Begin);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_doubt_that_lasts_a_day_is_given_to_a_person(pool: PgPool) {
    let play = Play::failed(&pool, TRY_LATER).await;
    play.wait(Duration::from_mins(1));
    play.shows(Observed::NotFound);
    assert!(matches!(play.reobserve().await.unwrap().next, Next::AwaitRetry { .. }));
    play.wait(Duration::from_hours(24));
    play.shows(Observed::NotFound);
    assert_eq!(play.reobserve().await.unwrap().next, Next::AwaitAttention);
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM cases WHERE kind = 'contradiction' AND status = 'OPEN'")
            .fetch_one(&play.world.pool)
            .await
            .unwrap();
    assert_eq!((open, play.row().await.needs_attention), (1, true));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refund_needs_a_look_that_confirms_every_failure(pool: PgPool) {
    let play = Play::failed(&pool, "account closed").await;
    let admin = store::Actor::admin("ada");
    play.wait(Duration::from_hours(1));
    let (pool, payout) = (&play.world.pool, play.payout);
    let early = store::manual::refund(pool, payout, &admin, "closed", play.now()).await.unwrap();
    assert!(matches!(early, store::manual::Acted::NotProven { .. }), "{early:?}");
    play.shows(Observed::InFlight(play.sighting().await));
    assert!(matches!(look(&play).await.unwrap(), Reobserved::NotProven(_)));
    play.is_silent(None);
    assert!(look(&play).await.is_err());
    play.shows(Observed::Failed(play.sighting().await, Failure::observed("account closed")));
    assert_eq!(look(&play).await.unwrap(), Reobserved::AllFailed);
    let refunded = store::manual::refund(pool, payout, &admin, "closed", play.now()).await.unwrap();
    assert!(matches!(refunded, store::manual::Acted::Done(_)), "{refunded:?}");
    assert_eq!(play.attempt().await.status, AttemptStatus::Failed);
    assert_eq!(play.reobserve().await.unwrap().next, Next::Notify { ending: Ending::Refunded });
    play.check().await;
}
