//! The fault harness: every step a worker can run, and every way it can fail.
//!
//! Each row of the matrix is a step and where the payout stands when it begins. The step is first run undisturbed; then, each
//! time for a fresh payout, it runs twice, twice at once, with its database or its gateway away, is dropped after each of its polls
//! (its time is up, or its worker is dead), has all its database connections killed after its polls, and dies for good
//! after its polls, so that another run of the script takes over. Afterwards the step is run until it answers and the
//! payout is carried to its end. What anybody can see must be what it was without the disturbance, both then and in the end; or,
//! where the step died for good, as if it had never begun; or, where a transfer may have left, an unknown outcome with the money
//! still set aside.

mod bank;
mod play;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

use sqlx::{ConnectOptions, PgPool};
use store::Pool;

use bank::Fate;
use play::{Play, Stage, Step, Stuck, is_unknown};

/// A step, from where, and what the gateway makes of the payout's attempts.
struct Row {
    step: Step,
    stage: Stage,
    fates: &'static [Fate],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The step is never run at all.
    Skipped,
    Twice,
    TwiceAtOnce,
    DatabaseAway,
    GatewayAway,
    /// Dropped after so many polls, then run again.
    Dropped(u32),
    /// Every connection to the database is killed after so many polls; the step goes on, fails or not, and is run again.
    Killed(u32),
    /// Dropped after so many polls, and never run again.
    Buried(u32),
}

/// The fault that comes after so many polls.
type AtPoll = fn(u32) -> Fault;

/// What was seen after the step had answered, and in the end.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Seen {
    after: Option<String>,
    end: String,
    stuck: bool,
    paid: usize,
    unknown_after: bool,
    unknown_in_the_end: bool,
    /// The step had ended by itself before the fault came.
    in_time: bool,
}

struct Matrix {
    row: Row,
    /// What the steps use.
    pool: Pool,
    /// Kills the others.
    control: PgPool,
    payouts: i64,
}

impl Matrix {
    async fn run(control: PgPool, row: Row) {
        const CONNECTIONS: u32 = 4;
        let url = control.connect_options().to_url_lossy();
        let pool = store::connect(url.as_str(), CONNECTIONS).await.unwrap();
        let mut matrix = Self { row, pool, control, payouts: 0 };
        let calm = matrix.seen(Fault::None).await;
        let skipped = matrix.seen(Fault::Skipped).await;
        for fault in [Fault::Twice, Fault::TwiceAtOnce, Fault::DatabaseAway] {
            matrix.compare(fault, &calm, &skipped).await;
        }
        if matrix.row.step.asks_the_gateway() {
            matrix.compare(Fault::GatewayAway, &calm, &skipped).await;
        }
        // Every await is a poll or two; a killed connection breaks the same awaits that a dropped step does.
        let at_polls: [(AtPoll, u32); 3] = [(Fault::Dropped, 1), (Fault::Killed, 3), (Fault::Buried, 2)];
        for (fault, apart) in at_polls {
            let mut polls = 1;
            while !matrix.compare(fault(polls), &calm, &skipped).await {
                polls += apart;
            }
        }
        let findings = store::books::verify(&matrix.pool).await.unwrap().findings;
        assert!(findings.is_empty(), "{findings:#?}");
        eprintln!("{}: {} payouts", matrix.row.step.name(), matrix.payouts);
        matrix.pool.close().await;
    }

    /// Whether the step had ended before the fault came.
    async fn compare(&mut self, fault: Fault, calm: &Seen, skipped: &Seen) -> bool {
        let seen = self.seen(fault).await;
        let step = self.row.step;
        if let (Some(after), Some(undisturbed)) = (&seen.after, &calm.after)
            && !(step == Step::Transfer && seen.unknown_after)
        {
            assert_eq!(after, undisturbed, "after {fault:?} of {step:?}");
        }
        if step == Step::Transfer && seen.stuck && seen.unknown_in_the_end {
            assert_eq!(seen.paid, calm.paid, "{fault:?}");
            return seen.in_time;
        }
        let buried = matches!(fault, Fault::Buried(_));
        let calm = if buried && seen.end == skipped.end { skipped } else { calm };
        assert_eq!(seen.end, calm.end, "in the end, after {fault:?} of {step:?}");
        assert_eq!((seen.stuck, seen.paid), (calm.stuck, calm.paid), "{fault:?} of {step:?}");
        seen.in_time
    }

    async fn seen(&mut self, fault: Fault) -> Seen {
        self.payouts += 1;
        let Row { step, stage, fates } = self.row;
        let mut play = Play::at(&self.pool, self.payouts, stage, fates).await;
        let in_time = self.disturb(&play, fault).await;
        let after = match fault {
            Fault::Skipped | Fault::Buried(_) => None,
            Fault::None
            | Fault::Twice
            | Fault::TwiceAtOnce
            | Fault::DatabaseAway
            | Fault::GatewayAway
            | Fault::Dropped(_)
            | Fault::Killed(_) => {
                if fault != Fault::None {
                    run_until_it_answers(&play, step).await;
                }
                Some(play.state().await)
            }
        };
        let unknown_after = is_unknown(&play).await;
        let stuck = play.carry_on().await == Err(Stuck);
        let end = play.state().await;
        let unknown_in_the_end = is_unknown(&play).await;
        let attempts = store::attempts::of_payout(play.pool(), play.payout).await.unwrap();
        for (reference, posts) in play.bank.posts() {
            let attempt = attempts.iter().find(|attempt| attempt.reference.as_str() == reference);
            let attempt = attempt.expect("every reference the gateway knows was recorded before it was sent");
            assert!(attempt.sends >= posts, "{reference} was sent {posts} times, {} counted", attempt.sends);
        }
        let paid = play.bank.paid();
        assert!(paid <= 1, "{fault:?} of {step:?}: paid {paid} times");
        play.close(step).await;
        Seen { after, end, stuck, paid, unknown_after, unknown_in_the_end, in_time }
    }

    async fn disturb(&self, play: &Play, fault: Fault) -> bool {
        let step = self.row.step;
        match fault {
            Fault::Skipped => true,
            Fault::None | Fault::Twice => {
                play.run(step).await.unwrap();
                true
            }
            Fault::TwiceAtOnce => {
                let (one, other) = tokio::join!(play.run(step), play.run(step));
                one.and(other).unwrap();
                true
            }
            Fault::DatabaseAway => {
                let again = play.run_without_database(step).await.unwrap_err();
                assert!(again.after.is_none(), "{again:?}");
                true
            }
            Fault::GatewayAway => {
                play.bank.set_away(true);
                // Without an attempt to ask about it may well answer.
                let _ = play.run(step).await;
                play.bank.set_away(false);
                true
            }
            Fault::Dropped(polls) | Fault::Buried(polls) => {
                polled(pin!(play.run(step)), polls).await.is_some()
            }
            Fault::Killed(polls) => {
                let mut run = pin!(play.run(step));
                let in_time = polled(run.as_mut(), polls).await.is_some();
                if !in_time {
                    self.kill_connections().await;
                    let _ = run.await;
                }
                in_time
            }
        }
    }

    /// Returns once they are gone.
    async fn kill_connections(&self) {
        const KILL: &str = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                            WHERE datname = current_database() AND application_name = 'payouts'";
        let killed: i64 = sqlx::query_scalar(KILL).fetch_one(&self.control).await.unwrap();
        assert!(killed > 0);
    }
}

async fn run_until_it_answers(play: &Play, step: Step) {
    const TRIES: u32 = 5;
    for _ in 0..TRIES {
        if play.run(step).await.is_ok() {
            return;
        }
    }
    panic!("{step:?} does not answer any more");
}

/// Polls at most so many times; `None` if it was not done by then.
async fn polled<T>(mut future: Pin<&mut impl Future<Output = T>>, polls: u32) -> Option<T> {
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

macro_rules! matrix {
    ($($test:ident: $step:ident at $stage:ident $([$($fate:expr),+])?;)+) => {
        const STEPS: &[Step] = &[$(Step::$step),+];
        $(
            #[sqlx::test(migrations = "../migrations")]
            async fn $test(pool: PgPool) {
                Matrix::run(pool, Row { step: Step::$step, stage: Stage::$stage, fates: &[$($($fate),+)?] }).await;
            }
        )+
    };
}

/// Words of a bank that is worth another try, and of one that is not.
const LATER: &str = "bank is not available";
const NEVER: &str = "account closed";
const REFUSED: &str = "unknown bank code";

matrix! {
    assess_sends_to_review: Assess at Requested;
    assess_refuses: Assess at Suspended;
    reload: Reload at Accepted;
    request_decision_approves: Approve at UnderReview;
    request_decision_rejects: Reject at UnderReview;
    request_decision_comes_too_late: Reject at Accepted;
    request_cancel_cancels: Cancel at Approved;
    record_signal: Stray at Approved;
    call_reviewers_reminds: Remind at UnderReview;
    call_reviewers_escalates: Escalate at UnderReview;
    call_reviewers_comes_too_late: Remind at Approved;
    begin_attempt: Begin at Claimed;
    begin_attempt_is_held: Begin at Paused;
    begin_attempt_again: Begin at Reobserved [Fate::Failed(LATER)];
    transfer: Transfer at Begun;
    transfer_is_refused: Transfer at Begun [Fate::Declined(REFUSED)];
    transfer_is_not_answered: Transfer at Begun [Fate::PaidUnheard];
    transfer_of_what_was_not_found: Transfer at NotFound;
    observe_sees_payment: Observe at Accepted;
    observe_sees_a_failure_to_retry: Observe at Accepted [Fate::Failed(LATER)];
    observe_sees_a_final_failure: Observe at Accepted [Fate::Failed(NEVER)];
    reobserve_confirms: Reobserve at RetryDue [Fate::Failed(LATER)];
    reobserve_sees_a_late_success: Reobserve at RetryDue [Fate::PaidLate(LATER)];
    notify: Notify at Completed;
    open_batch: OpenBatch at Approved;
    prepare_batch: PrepareBatch at Opened;
    prepare_batch_stops_a_hit: PrepareBatch at Listed;
    claim_chunk: ClaimChunk at Opened;
    close_batch: CloseBatch at Claimed;
    open_reconciliation: OpenReconciliation at Accepted;
    reconcile_page_sees_payment: ReconcilePage at Listing;
    reconcile_page_sees_a_failure: ReconcilePage at Listing [Fate::Failed(NEVER)];
    reconcile_missing: ReconcileMissing at Unlisted;
    close_reconciliation: CloseReconciliation at Compared;
    check_ledger: CheckLedger at Completed;
}

/// It asks Temporal, which is not here, and changes no payout and no money: its row is `worker/tests/it/disturbed_looks.rs`.
const NEEDS_TEMPORAL: &str = "check_runs";

#[test]
fn every_registered_step_has_a_row() {
    for name in activities::registered() {
        let has_row = STEPS.iter().any(|step| step.name() == name) || name == NEEDS_TEMPORAL;
        assert!(has_row, "the fault harness has no row for `{name}`");
    }
}
