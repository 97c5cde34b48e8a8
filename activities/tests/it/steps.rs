//! The database steps: run twice, and at the same time as themselves.

use std::time::Duration;

use activities::{
    AssessStep, BeginAttemptStep, ClaimChunkStep, CloseBatchStep, NotifyStep, OpenBatchStep,
    RecordSignalStep, ReloadStep, RequestCancelStep, RequestDecisionStep,
};
use domain::{Ending, Next, PayoutStatus};
use sqlx::PgPool;
use workflows::{BatchInput, BatchRef, EndingRef, EngineCancel, EngineDecision, StraySignal, Verdict};

use crate::harness::{FIRST, Play, accepted};

fn decision(play: &Play, verdict: Verdict) -> EngineDecision {
    EngineDecision {
        payout: play.payout,
        verdict,
        reason: String::new(),
        identity: "ada".to_owned(),
        signal_key: "run/1".to_owned(),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_is_assessed_once(pool: PgPool) {
    let play = Play::requested(&pool).await;
    let input = play.payout_ref();
    let (one, other) = tokio::join!(play.run(AssessStep::assess, input), play.run(AssessStep::assess, input));
    assert_eq!((one.unwrap().next, other.unwrap().next), (Next::AwaitDecision, Next::AwaitDecision));
    assert_eq!(play.run(AssessStep::assess, input).await.unwrap().next, Next::AwaitDecision);
    assert_eq!(play.actions("review_opened").await, 1);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_decision_by_hand_is_taken_once(pool: PgPool) {
    let play = Play::requested(&pool).await;
    play.run(AssessStep::assess, play.payout_ref()).await.unwrap();
    let step = || play.run(RequestDecisionStep::request_decision, decision(&play, Verdict::Approve));
    let (one, other) = tokio::join!(step(), step());
    assert_eq!((one.unwrap().next, other.unwrap().next), (Next::AwaitRelease, Next::AwaitRelease));
    assert_eq!(play.actions("approved").await, 1);
    let late = play.run(RequestDecisionStep::request_decision, decision(&play, Verdict::Reject)).await;
    assert_eq!(late.unwrap().status, PayoutStatus::Approved);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_cancel_by_hand_cancels_once_and_not_too_late(pool: PgPool) {
    let play = Play::approved(&pool).await;
    let cancel = EngineCancel {
        payout: play.payout,
        reason: String::new(),
        identity: "unnamed".to_owned(),
        signal_key: "run/cancel".to_owned(),
    };
    let step = || play.run(RequestCancelStep::request_cancel, cancel.clone());
    let (one, other) = tokio::join!(step(), step());
    let done = Next::Notify { ending: Ending::Cancelled };
    assert_eq!((one.unwrap().next, other.unwrap().next), (done, done));
    assert_eq!(play.actions("cancelled").await, 1);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_cancel_by_hand_leaves_what_is_on_its_way(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let cancel = EngineCancel {
        payout: play.payout,
        reason: String::new(),
        identity: "unnamed".to_owned(),
        signal_key: "run/cancel".to_owned(),
    };
    let progress = play.run(RequestCancelStep::request_cancel, cancel).await.unwrap();
    assert_eq!((progress.status, play.actions("cancel_ignored").await), (PayoutStatus::Processing, 1));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_ignored_signal_is_recorded_once_per_key(pool: PgPool) {
    let play = Play::approved(&pool).await;
    let stray = |key: &str| StraySignal {
        payout: play.payout,
        name: "aprove\u{0}".to_owned(),
        why: "no payout listens to a signal of this name".to_owned(),
        count: 1,
        signal_key: key.to_owned(),
    };
    let step = |key| play.run(RecordSignalStep::record_signal, stray(key));
    let (one, other) = tokio::join!(step("run/1"), step("run/1"));
    one.unwrap();
    other.unwrap();
    step("run/1").await.unwrap();
    step("run/2").await.unwrap();
    assert_eq!(play.actions("signal_ignored").await, 2);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_is_begun_once(pool: PgPool) {
    let play = Play::claimed(&pool).await;
    let step = || play.run(BeginAttemptStep::begin_attempt, play.payout_ref());
    let (one, other) = tokio::join!(step(), step());
    let send = Next::Send { attempt: FIRST };
    assert_eq!((one.unwrap().next, other.unwrap().next), (send, send));
    play.answers(accepted());
    play.transfer().await.unwrap();
    assert!(matches!(step().await.unwrap().next, Next::AwaitOutcome { .. }));
    assert_eq!((play.attempts().await.len(), play.actions("attempt_began").await), (1, 1));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_release_that_no_batch_sent_begins_nothing(pool: PgPool) {
    let play = Play::approved(&pool).await;
    let progress = play.run(BeginAttemptStep::begin_attempt, play.payout_ref()).await.unwrap();
    assert_eq!((progress.next, play.attempts().await.len()), (Next::AwaitRelease, 0));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_window_is_opened_claimed_and_closed_once(pool: PgPool) {
    let play = Play::approved(&pool).await;
    let open = || play.run(OpenBatchStep::open_batch, BatchInput::default());
    let (one, other) = tokio::join!(open(), open());
    let (one, other) = (one.unwrap(), other.unwrap());
    let batch: BatchRef = one.or(other).expect("a window is due");
    assert_eq!(open().await.unwrap(), Some(batch));
    let claim = || play.run(ClaimChunkStep::claim_chunk, batch);
    let (one, other) = tokio::join!(claim(), claim());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.claimed + other.claimed, one.more || other.more), (1, false));
    assert_eq!(claim().await.unwrap().claimed, 0);
    let close = || play.run(CloseBatchStep::close_batch, batch);
    let (one, other) = tokio::join!(close(), close());
    assert_eq!((one.unwrap().payouts, other.unwrap().payouts), (1, 1));
    assert_eq!(open().await.unwrap(), None);
    assert_eq!(play.actions("claimed").await, 1);
    let progress = play.run(ReloadStep::reload, play.payout_ref()).await.unwrap();
    assert_eq!((progress.next, progress.batch), (Next::Begin, Some(batch.batch)));
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_message_is_delivered_once(pool: PgPool) {
    let play = Play::approved(&pool).await;
    let input = EndingRef { payout: play.payout, ending: Ending::Completed };
    let (one, other) = tokio::join!(play.run(NotifyStep::notify, input), play.run(NotifyStep::notify, input));
    one.unwrap();
    other.unwrap();
    let delivered = play.now();
    play.wait(Duration::from_hours(1));
    play.run(NotifyStep::notify, input).await.unwrap();
    // What admins are told is not the payout's to deliver.
    let late =
        "SELECT count(*) FROM notifications WHERE audience = 'provider' AND delivered_at IS DISTINCT FROM $1";
    let late: i64 = sqlx::query_scalar(late).bind(delivered).fetch_one(&play.world.pool).await.unwrap();
    assert_eq!(late, 0);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_database_that_is_away_is_tried_again(pool: PgPool) {
    let play = Play::approved(&pool).await;
    play.world.pool.close().await;
    let again = play.run(ReloadStep::reload, play.payout_ref()).await.unwrap_err();
    assert_eq!((again.after, play.world.tally.failed()), (None, 1));
}
