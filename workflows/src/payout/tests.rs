//! The script over drivers that need no Temporal: one that plays back answers, one that plays a small world.
#![expect(clippy::arithmetic_side_effects, reason = "a small world counts small numbers")]

mod orders;

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptNumber, AttemptStatus, Ending, MAX_AUTOMATIC_RETRIES, Next, OpenAttempt, PayoutEvent,
    PayoutStatus, Route, Standing,
};
use futures::FutureExt;
use proptest::prelude::*;

use super::{SignalName, Steps, Waited, WakeUp, payout};

const FIRST: AttemptNumber = AttemptNumber::FIRST;
const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The answers have run out.
#[derive(Debug, PartialEq, Eq)]
struct OutOfAnswers;

/// Plays back answers, and writes down what it was asked to do.
#[derive(Debug, Default)]
struct Playback {
    answers: VecDeque<Next>,
    /// Waits that end with somebody moving the payout, instead of by themselves.
    interrupt: bool,
    asked: Vec<&'static str>,
}

impl Playback {
    fn of(answers: impl IntoIterator<Item = Next>) -> Self {
        Self { answers: answers.into_iter().collect(), ..Self::default() }
    }

    fn run(&mut self) -> Result<Ending, OutOfAnswers> {
        payout(self).now_or_never().unwrap()
    }

    fn answer(&mut self, asked: &'static str) -> Result<Next, OutOfAnswers> {
        self.asked.push(asked);
        self.answers.pop_front().ok_or(OutOfAnswers)
    }

    fn waited(&mut self, asked: &'static str) -> Result<Waited, OutOfAnswers> {
        if self.interrupt {
            self.answer(asked).map(Waited::Moved)
        } else {
            self.asked.push(asked);
            Ok(Waited::Over)
        }
    }
}

impl Steps for Playback {
    type Stop = OutOfAnswers;

    async fn validate_and_assess(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("assess")
    }
    async fn await_decision(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("await decision")
    }
    async fn await_window(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("await window")
    }
    async fn begin_attempt(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("begin")
    }
    async fn transfer(&mut self, _: AttemptNumber) -> Result<Next, OutOfAnswers> {
        self.answer("transfer")
    }
    async fn await_outcome(&mut self, _: AttemptNumber, _: DateTime<Utc>) -> Result<Waited, OutOfAnswers> {
        self.waited("await outcome")
    }
    async fn ask_gateway(&mut self, _: AttemptNumber) -> Result<Next, OutOfAnswers> {
        self.answer("ask")
    }
    async fn await_retry(&mut self, _: DateTime<Utc>) -> Result<Waited, OutOfAnswers> {
        self.waited("await retry")
    }
    async fn ask_gateway_about_all(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("ask about all")
    }
    async fn await_attention(&mut self) -> Result<Next, OutOfAnswers> {
        self.answer("await attention")
    }
    async fn notify(&mut self, _: Ending) -> Result<(), OutOfAnswers> {
        self.asked.push("notify");
        Ok(())
    }
}

const SEND: Next = Next::Send { attempt: FIRST };
const AWAIT_OUTCOME: Next = Next::AwaitOutcome { attempt: FIRST, check_at: AT };
const AWAIT_RETRY: Next = Next::AwaitRetry { due: AT };
const COMPLETED: Next = Next::Notify { ending: Ending::Completed };

#[test]
fn reads_as_the_product_is_described() {
    let mut steps = Playback::of([
        Next::AwaitDecision,
        Next::AwaitRelease,
        Next::Begin,
        SEND,
        AWAIT_OUTCOME,
        AWAIT_RETRY,
        Next::Begin,
        SEND,
        AWAIT_OUTCOME,
        COMPLETED,
    ]);
    assert_eq!(steps.run(), Ok(Ending::Completed));
    assert_eq!(
        steps.asked,
        [
            "assess",
            "await decision",
            "await window",
            "begin",
            "transfer",
            "await outcome",
            "ask",
            "await retry",
            "ask about all",
            "begin",
            "transfer",
            "await outcome",
            "ask",
            "notify"
        ]
    );
}

#[test]
fn goes_on_from_whatever_it_finds() {
    for (found, then) in [
        (Next::AwaitDecision, "await decision"),
        (Next::AwaitRelease, "await window"),
        (Next::Begin, "begin"),
        (SEND, "transfer"),
        (AWAIT_OUTCOME, "await outcome"),
        (AWAIT_RETRY, "await retry"),
        (Next::AwaitAttention, "await attention"),
        (COMPLETED, "notify"),
    ] {
        let mut steps = Playback::of([found]);
        let _ = steps.run();
        assert_eq!(steps.asked.get(..2), Some(["assess", then].as_slice()));
    }
}

#[test]
fn somebody_may_move_the_payout_while_it_waits() {
    let refunded = Next::Notify { ending: Ending::Refunded };
    let mut steps = Playback { interrupt: true, ..Playback::of([AWAIT_OUTCOME, AWAIT_RETRY, refunded]) };
    assert_eq!(steps.run(), Ok(Ending::Refunded));
    assert_eq!(steps.asked, ["assess", "await outcome", "await retry", "notify"]);
}

fn any_answer() -> impl Strategy<Value = Next> {
    let attempt = (1_u8..99).prop_map(|number| AttemptNumber::new(number).unwrap());
    let ending = prop::sample::select(vec![
        Ending::Completed,
        Ending::Rejected,
        Ending::Cancelled,
        Ending::Refunded,
        Ending::Reversed,
    ]);
    prop_oneof![
        Just(Next::Assess),
        Just(Next::AwaitDecision),
        Just(Next::AwaitRelease),
        Just(Next::Begin),
        attempt.clone().prop_map(|attempt| Next::Send { attempt }),
        attempt.prop_map(|attempt| Next::AwaitOutcome { attempt, check_at: AT }),
        Just(AWAIT_RETRY),
        Just(Next::AwaitAttention),
        ending.prop_map(|ending| Next::Notify { ending }),
    ]
}

/// A payout's row, a gateway that fails as it likes, and people who do something at last.
struct World {
    row: Standing,
    now: DateTime<Utc>,
    /// One number per chance.
    luck: VecDeque<u8>,
    failures: u8,
    last: Option<AttemptNumber>,
    paid: u32,
    notified: u32,
    steps: u32,
}

impl World {
    fn next(&mut self) -> Result<Next, OutOfAnswers> {
        self.steps += 1;
        if self.steps > 500 { Err(OutOfAnswers) } else { Ok(self.row.next(self.now)) }
    }

    /// True once in `of`, and once the luck has run out.
    fn chance(&mut self, of: u8) -> bool {
        self.luck.pop_front().is_none_or(|luck| luck.is_multiple_of(of))
    }

    fn take(&mut self, event: PayoutEvent) {
        self.row.status = self.row.status.after(event).unwrap();
    }

    fn look(&mut self) {
        let Some(attempt) = &self.row.open_attempt else { return };
        if attempt.sends == 0 {
            return;
        }
        if self.chance(2) {
            self.paid += 1;
            self.row.open_attempt = None;
            self.take(PayoutEvent::Confirm);
        } else if self.chance(3) {
            self.row.open_attempt = None;
            self.take(PayoutEvent::Fail);
            self.failures += 1;
            let retry = self.failures <= MAX_AUTOMATIC_RETRIES;
            self.row.next_attempt_at = retry.then(|| self.now + TimeDelta::minutes(1));
        }
    }
}

impl Steps for World {
    type Stop = OutOfAnswers;

    async fn validate_and_assess(&mut self) -> Result<Next, OutOfAnswers> {
        if self.row.status == PayoutStatus::Requested && self.row.risk.is_none() {
            if self.chance(2) {
                self.row.risk = Some(Route::Auto);
                self.take(PayoutEvent::Approve);
            } else {
                self.row.risk = Some(Route::Review);
            }
        }
        self.next()
    }
    async fn await_decision(&mut self) -> Result<Next, OutOfAnswers> {
        if self.chance(2) {
            self.take(PayoutEvent::Approve);
        } else {
            self.take(PayoutEvent::Reject);
        }
        self.next()
    }
    async fn await_window(&mut self) -> Result<Next, OutOfAnswers> {
        match (self.chance(2), self.chance(2)) {
            (true, _) => self.take(PayoutEvent::Claim),
            (false, true) => self.take(PayoutEvent::Undo),
            (false, false) => self.take(PayoutEvent::Cancel),
        }
        self.next()
    }
    async fn begin_attempt(&mut self) -> Result<Next, OutOfAnswers> {
        assert!(self.row.open_attempt.is_none(), "an attempt is begun only when no other may still pay");
        let number = self.last.map_or(FIRST, |last| last.next().unwrap());
        self.last = Some(number);
        self.row.open_attempt = Some(OpenAttempt {
            number,
            status: AttemptStatus::Submitting,
            sends: 0,
            resend: false,
            check_at: None,
        });
        self.next()
    }
    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, OutOfAnswers> {
        let lost = self.chance(2);
        let open = self.row.open_attempt.as_mut().unwrap();
        assert_eq!(open.number, attempt, "only the recorded attempt is sent");
        open.sends += 1;
        open.status = if lost { AttemptStatus::Unknown } else { AttemptStatus::Accepted };
        open.check_at = Some(self.now + TimeDelta::seconds(30));
        self.next()
    }
    async fn await_outcome(
        &mut self,
        _: AttemptNumber,
        check_at: DateTime<Utc>,
    ) -> Result<Waited, OutOfAnswers> {
        self.now = self.now.max(check_at);
        Ok(Waited::Over)
    }
    async fn ask_gateway(&mut self, _: AttemptNumber) -> Result<Next, OutOfAnswers> {
        self.look();
        self.next()
    }
    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, OutOfAnswers> {
        self.now = self.now.max(due);
        Ok(Waited::Over)
    }
    async fn ask_gateway_about_all(&mut self) -> Result<Next, OutOfAnswers> {
        self.row.next_attempt_at = None;
        self.take(PayoutEvent::Retry);
        self.next()
    }
    async fn await_attention(&mut self) -> Result<Next, OutOfAnswers> {
        if self.chance(2) {
            self.row.refunded = true;
        } else {
            self.row.next_attempt_at = Some(self.now);
        }
        self.next()
    }
    async fn notify(&mut self, _: Ending) -> Result<(), OutOfAnswers> {
        self.notified += 1;
        Ok(())
    }
}

proptest! {
    /// Whatever is answered in whatever order: it ends at most once, and does only what the last answer called for.
    #[test]
    fn does_what_it_is_answered(answers in prop::collection::vec(any_answer(), 0..60), interrupt: bool) {
        let mut steps = Playback { interrupt, ..Playback::of(answers.clone()) };
        let end = steps.run();
        let called = |step: &str| steps.asked.iter().filter(|asked| **asked == step).count();
        let answered = |is: fn(&Next) -> bool| answers.iter().filter(|next| is(next)).count();

        let sends = answered(|next| matches!(next, Next::Send { .. }));
        let begins = answered(|next| matches!(next, Next::Begin));
        prop_assert!(called("transfer") <= sends);
        prop_assert!(called("begin") <= begins);
        prop_assert_eq!(called("notify"), usize::from(end.is_ok()));
        if end.is_ok() {
            prop_assert_eq!(steps.asked.last(), Some(&"notify"));
        }
    }

    /// Whatever the gateway and people do, a payout ends, tells so once, and has paid once or not at all; also when its
    /// script is started again in the middle.
    #[test]
    fn ends_and_pays_at_most_once(luck in prop::collection::vec(any::<u8>(), 0..80), restart_after in 0_u32..40) {
        let row = Standing {
            status: PayoutStatus::Requested,
            risk: None,
            batch: None,
            held: None,
            paused: None,
            turn_at: None,
            next_attempt_at: None,
            refunded: false,
            failure: None,
            open_attempt: None,
            review: None,
        };
        let mut world = World {
            row, now: AT, luck: luck.into(), failures: 0, last: None, paid: 0, notified: 0, steps: 500 - restart_after,
        };
        let mut end = payout(&mut world).now_or_never().unwrap();
        if end.is_err() {
            world.steps = 0;
            end = payout(&mut world).now_or_never().unwrap();
        }
        let paid = end == Ok(Ending::Completed);
        prop_assert!(end.is_ok());
        prop_assert_eq!((world.notified, world.paid), (1, u32::from(paid)));
    }
}
