//! No order of decisions, cancels, releases, webhooks, manual actions, timeouts, repeats, garbage and deaths reaches two ends or
//! moves the money twice.
//!
//! The real script, the real inbox, the real meaning of each signal at each place, the real judge and the real legal moves, over
//! one row and one gateway in memory. The gateway of the first property never takes back a final answer; that of the second
//! does, and then the money may go twice, but never unseen where somebody looks.

use std::collections::VecDeque;

use domain::{
    AttemptFacts, AttemptTerms, Doubt, Failure, FailureClass, Observed, ProvenUnpaid, Reference,
    RetrySchedule, Sighting, Submitted,
    judge::{self, AfterFailure, AfterSend, Around, Consequence, Late, OtherAttempt, Watched},
    next_attempt,
};
use temporalio_common::{data_converters::RawValue, protos::temporal::api::common::v1::Payload};

use super::*;
use crate::payout::{
    signals::Inbox,
    waits::{Heard, Place},
};

const FIRST_LOOK: std::time::Duration = std::time::Duration::from_secs(30);
const LEASE: TimeDelta = TimeDelta::seconds(40);
const FRESH: TimeDelta = TimeDelta::minutes(2);
/// More than any payout takes, whatever happens to it.
const MAX_STEPS: u32 = 3_000;

/// What happens while the script works or waits.
#[derive(Debug, Clone, Copy)]
enum Act {
    Approve,
    Reject,
    Cancel,
    Undo,
    Claim,
    Pause,
    Resume,
    Retry,
    Refund,
    /// The gateway pays or fails the oldest transfer that it has queued.
    Settle {
        pays: bool,
    },
    /// Bytes that were long on their way arrive.
    Arrive,
    TakeBack,
    /// A webhook about this attempt, whether or not there is one.
    Webhook {
        attempt: u8,
    },
    /// The relay delivers the oldest wake-up that it has not delivered, or an old one once more.
    Deliver,
    DeliverAgain {
        nth: usize,
    },
    /// Somebody types something into Temporal.
    Type(&'static str, &'static str),
    /// Temporal's own cancel.
    EngineCancel,
    Pass {
        seconds: i64,
    },
    /// The worker dies with the next step, before or after it took effect; another run begins.
    Die {
        after: bool,
    },
    /// The next step runs twice.
    Twice,
}

/// What became of the provider's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reservation {
    Held,
    Paid,
    Refunded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Queued,
    Paid,
    Failed,
}

/// An attempt's row, and the gateway's record under its reference.
#[derive(Debug)]
struct Try {
    watched: Watched,
    resend: bool,
    check_at: Option<DateTime<Utc>>,
    failed_seen_at: Option<DateTime<Utc>>,
    doubt: Option<Doubt>,
    late: bool,
    record: Option<Transfer>,
    lingering: u32,
    /// How often money left under this reference.
    paid: u32,
}

/// The script was left in the middle.
#[derive(Debug, PartialEq, Eq)]
struct Died;

#[expect(clippy::struct_excessive_bools, reason = "a row and a world in one: each is a fact of its own")]
struct Life {
    status: PayoutStatus,
    risk: Option<Route>,
    next_attempt_at: Option<DateTime<Utc>>,
    refunded: bool,
    paused: bool,
    failures: u8,
    tries: Vec<Try>,
    reservation: Reservation,
    overpaid: u32,
    ends: Vec<Ending>,
    took_back: bool,
    now: DateTime<Utc>,
    acts: VecDeque<Act>,
    /// One number per chance; once they have run out the gateway answers, and pays.
    luck: VecDeque<u8>,
    twice: bool,
    dies: Option<bool>,
    cancel_typed: bool,
    inbox: Inbox,
    /// Wake-ups, and how many of them are delivered.
    outbox: Vec<(SignalName, WakeUp)>,
    delivered: usize,
    told: Vec<Ending>,
    steps: u32,
}

impl Life {
    fn new(acts: Vec<Act>, luck: Vec<u8>) -> Self {
        Self {
            status: PayoutStatus::Requested,
            risk: None,
            next_attempt_at: None,
            refunded: false,
            paused: false,
            failures: 0,
            tries: vec![],
            reservation: Reservation::Held,
            overpaid: 0,
            ends: vec![],
            took_back: false,
            now: AT,
            acts: acts.into(),
            luck: luck.into(),
            twice: false,
            dies: None,
            cancel_typed: false,
            inbox: Inbox::default(),
            outbox: vec![],
            delivered: 0,
            told: vec![],
            steps: 0,
        }
    }

    /// Runs of the script, one after the other, until one ends.
    fn live(&mut self) -> Ending {
        loop {
            if let Ok(ending) = payout(self).now_or_never().unwrap() {
                return ending;
            }
            self.inbox = Inbox::default();
            self.cancel_typed = false;
        }
    }

    // The row.

    fn next(&self) -> Next {
        let open = self.tries.iter().zip(1..).find(|(one, _)| is_open(one.watched.status));
        Standing {
            status: self.status,
            risk: self.risk,
            batch: None,
            held: None,
            paused: None,
            turn_at: None,
            next_attempt_at: self.next_attempt_at,
            refunded: self.refunded,
            failure: None,
            open_attempt: open.map(|(one, number)| OpenAttempt {
                number: AttemptNumber::new(number).unwrap(),
                status: one.watched.status,
                sends: one.watched.sends,
                resend: one.resend,
                check_at: one.check_at,
            }),
            review: None,
        }
        .next(self.now)
    }

    /// A legal move, or none at all.
    fn take(&mut self, event: PayoutEvent) {
        self.status = self.status.after(event).expect("only legal moves are made");
        match self.status {
            PayoutStatus::Completed => self.end(Ending::Completed, Reservation::Paid),
            PayoutStatus::Rejected => self.end(Ending::Rejected, Reservation::Refunded),
            PayoutStatus::Cancelled => self.end(Ending::Cancelled, Reservation::Refunded),
            PayoutStatus::Failed if event == PayoutEvent::Refund => {
                self.end(Ending::Refunded, Reservation::Refunded);
            }
            PayoutStatus::Requested
            | PayoutStatus::Approved
            | PayoutStatus::Processing
            | PayoutStatus::Failed
            | PayoutStatus::Reversed => {}
        }
    }

    fn end(&mut self, ending: Ending, reservation: Reservation) {
        assert_eq!(self.reservation, Reservation::Held, "the money moves twice: {:?} {ending:?}", self.ends);
        self.reservation = reservation;
        self.ends.push(ending);
        self.next_attempt_at = None;
    }

    fn wake(&mut self, name: SignalName, attempt: Option<AttemptNumber>) {
        let id = i64::try_from(self.outbox.len()).unwrap();
        self.outbox.push((name, WakeUp { id, attempt }));
    }

    fn needs_attention(&self) -> bool {
        self.status == PayoutStatus::Failed && self.next_attempt_at.is_none() && !self.refunded
    }

    /// A proof for every attempt, each fresh; `None` where one is missing.
    fn proofs(&self) -> Option<Vec<ProvenUnpaid>> {
        self.tries
            .iter()
            .zip(1..)
            .map(|(one, number)| {
                let facts = AttemptFacts {
                    number: AttemptNumber::new(number).unwrap(),
                    status: one.watched.status,
                    sends: one.watched.sends,
                    failed_seen_at: one.failed_seen_at,
                    doubt: one.doubt,
                    excess: false,
                };
                let fresh = one.failed_seen_at.is_some_and(|seen| self.now - seen <= FRESH);
                facts.proof_unpaid().ok().filter(|_| fresh)
            })
            .collect()
    }

    // What others do.

    fn happen(&mut self, act: Act) {
        match act {
            Act::Approve if self.is_under_review() => {
                self.take(PayoutEvent::Approve);
                self.wake(SignalName::Decision, None);
            }
            Act::Reject if self.is_under_review() => {
                self.take(PayoutEvent::Reject);
                self.wake(SignalName::Decision, None);
            }
            Act::Cancel if self.status.after(PayoutEvent::Cancel).is_ok() && self.no_doubt() => {
                self.take(PayoutEvent::Cancel);
                self.wake(SignalName::Cancel, None);
            }
            Act::Undo if self.status == PayoutStatus::Approved => {
                self.take(PayoutEvent::Undo);
                self.wake(SignalName::Decision, None);
            }
            Act::Claim if self.status == PayoutStatus::Approved && !self.paused => {
                self.take(PayoutEvent::Claim);
                self.wake(SignalName::Release, None);
            }
            Act::Retry if self.needs_attention() => {
                self.next_attempt_at = Some(self.now);
                self.wake(SignalName::ManualAction, None);
            }
            Act::Refund if self.needs_attention() => {
                self.look_at_all();
                if self.needs_attention() && self.proofs().is_some() {
                    self.take(PayoutEvent::Refund);
                    self.refunded = true;
                    self.wake(SignalName::ManualAction, None);
                }
            }
            Act::Approve | Act::Reject | Act::Cancel | Act::Undo | Act::Claim | Act::Retry | Act::Refund => {}
            Act::Pause => self.paused = true,
            Act::Resume => self.paused = false,
            Act::Settle { pays } => self.settle_oldest(pays),
            Act::Arrive => {
                if let Some(one) = self.tries.iter_mut().find(|one| one.lingering > 0) {
                    one.lingering -= 1;
                    one.record.get_or_insert(Transfer::Queued);
                }
            }
            Act::TakeBack => {
                let settled = self.tries.iter_mut().find(|one| one.record == Some(Transfer::Failed));
                if let Some(one) = settled {
                    one.record = Some(Transfer::Paid);
                    one.paid += 1;
                    self.took_back = true;
                }
            }
            Act::Webhook { attempt } => self.wake(SignalName::TransferUpdate, AttemptNumber::new(attempt)),
            Act::Deliver => self.deliver(),
            Act::DeliverAgain { nth } => {
                if let Some((name, wake_up)) = self.outbox.get(nth).copied() {
                    self.say(name.as_str(), &serde_json::to_string(&wake_up).unwrap());
                }
            }
            Act::Type(name, text) => self.say(name, text),
            Act::EngineCancel => self.cancel_typed = true,
            Act::Pass { seconds } => self.now += TimeDelta::seconds(seconds),
            Act::Die { after } => self.dies = Some(after),
            Act::Twice => self.twice = true,
        }
    }

    fn is_under_review(&self) -> bool {
        self.status == PayoutStatus::Requested && self.risk.is_some()
    }

    /// No earlier attempt was last seen to be anything but failed.
    fn no_doubt(&self) -> bool {
        self.tries.iter().all(|one| one.doubt.is_none())
    }

    fn settle_oldest(&mut self, pays: bool) {
        if let Some(one) = self.tries.iter_mut().find(|one| one.record == Some(Transfer::Queued)) {
            one.record = Some(if pays { Transfer::Paid } else { Transfer::Failed });
            one.paid += u32::from(pays);
        }
    }

    fn deliver(&mut self) {
        if let Some((name, wake_up)) = self.outbox.get(self.delivered).copied() {
            self.delivered += 1;
            self.say(name.as_str(), &serde_json::to_string(&wake_up).unwrap());
        }
    }

    fn say(&mut self, name: &str, text: &str) {
        let payload = Payload { data: text.as_bytes().to_vec(), ..Payload::default() };
        self.inbox.receive("run", name, &RawValue::new(vec![payload]));
    }

    fn chance(&mut self) -> u8 {
        self.luck.pop_front().unwrap_or(0)
    }

    // The steps' work, done as the store does it.

    /// Around every step: others act, the worker may die, the step may run twice.
    fn step(&mut self, work: impl Fn(&mut Self) -> Next) -> Result<Next, Died> {
        self.count_step();
        if let Some(act) = self.acts.pop_front() {
            self.happen(act);
        }
        let dies = self.dies.take();
        if dies == Some(false) {
            return Err(Died);
        }
        let mut next = work(self);
        if std::mem::take(&mut self.twice) {
            next = work(self);
        }
        if dies == Some(true) { Err(Died) } else { Ok(next) }
    }

    fn count_step(&mut self) {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "it never ends: {:?} {:?}", self.status, self.tries);
    }

    fn begin(&mut self) -> Next {
        let due = self.next_attempt_at.is_some_and(|due| due <= self.now);
        let retry = self.status == PayoutStatus::Failed && due;
        let open = self.tries.iter().any(|one| is_open(one.watched.status));
        if !(retry || self.status == PayoutStatus::Processing) || open {
            return self.next();
        }
        if self.paused && retry {
            self.next_attempt_at = Some(self.now + TimeDelta::minutes(1));
            return self.next();
        }
        if self.paused {
            self.take(PayoutEvent::Hold);
            return self.next();
        }
        let made = u8::try_from(self.tries.len()).unwrap();
        let Some(number) = self.proofs().and_then(|proofs| next_attempt(made, &proofs)) else {
            return Next::AwaitRetry { due: self.now };
        };
        assert_eq!(number.get(), made + 1);
        if retry {
            self.take(PayoutEvent::Retry);
        }
        self.next_attempt_at = None;
        self.tries.push(Try {
            watched: Watched {
                status: AttemptStatus::Submitting,
                sends: 0,
                looks: 0,
                send_deadline: None,
                has_gateway_id: false,
                attested_unpaid_from: None,
                reversal_seen_at: None,
            },
            resend: false,
            check_at: None,
            failed_seen_at: None,
            doubt: None,
            late: false,
            record: None,
            lingering: 0,
            paid: 0,
        });
        self.next()
    }

    fn send(&mut self, number: AttemptNumber) -> Next {
        let (now, processing) = (self.now, self.status == PayoutStatus::Processing);
        let [how, heard] = [self.chance(), self.chance()];
        if self.paused {
            // The step is tried again until it may.
            self.paused = false;
        }
        let nth = usize::from(number.get() - 1);
        // Nothing else looks at a doubted attempt while this one is open.
        if self.tries.iter().take(nth).any(|one| one.doubt.is_some()) {
            self.look_at_all();
            return self.next();
        }
        let one = self.tries.get_mut(nth).expect("only a recorded attempt is sent");
        let watched = &mut one.watched;
        let leased = watched.send_deadline.is_some_and(|deadline| now < deadline);
        let first = watched.status == AttemptStatus::Submitting && watched.sends == 0;
        if !processing || leased || !(first || one.resend) {
            self.look(number);
            return self.next();
        }
        watched.sends += 1;
        watched.send_deadline = Some(now + LEASE);
        one.check_at = watched.send_deadline;
        one.resend = false;
        let declined = || Failure::known_refusal("unknown bank code").unwrap();
        let submitted = match (how % 6, one.record) {
            (1, _) => Submitted::Declined(declined()),
            (2, _) => {
                one.lingering += 1;
                Submitted::Unknown { why: "timed out".to_owned() }
            }
            (3, _) => Submitted::NotSent(domain::NotSent {
                class: domain::NotSentClass::Unreachable,
                retry_after: None,
                message: String::new(),
            }),
            (_, Some(_)) => Submitted::Duplicate,
            (_, None) => {
                one.record = Some(Transfer::Queued);
                Submitted::Accepted(domain::Accepted { gateway_id: "7".to_owned(), fee: None })
            }
        };
        match heard % 4 {
            1 => self.written(number, &Submitted::Unknown { why: "no answer".to_owned() }),
            // The worker died with the answer; the step runs again.
            2 => {}
            _ => self.written(number, &submitted),
        }
        self.next()
    }

    fn written(&mut self, number: AttemptNumber, submitted: &Submitted) {
        let now = self.now;
        let one = self.tries.get_mut(usize::from(number.get() - 1)).unwrap();
        let watched = &mut one.watched;
        match judge::answered(watched.status, watched.sends, submitted, FIRST_LOOK, now) {
            AfterSend::Accepted { check_at } => {
                watched.status = watched.status.after(domain::AttemptEvent::Accept).unwrap();
                watched.has_gateway_id = true;
                one.check_at = Some(check_at);
            }
            AfterSend::Fail(failure) => self.fail(number, &failure),
            AfterSend::LoseSight { check_at } => {
                watched.status = watched.status.after(domain::AttemptEvent::LoseSight).unwrap();
                one.check_at = Some(check_at);
            }
            AfterSend::TakeBack => {
                one.resend = watched.sends > 1;
                watched.sends -= 1;
                watched.send_deadline = None;
                one.check_at = None;
            }
            AfterSend::Nothing => {}
        }
    }

    /// Asks the gateway about one attempt, and does what the judge says.
    fn look(&mut self, number: AttemptNumber) {
        let luck = self.chance();
        let now = self.now;
        let Some(one) = self.tries.get(usize::from(number.get() - 1)) else { return };
        let observed = match (luck % 8, one.record) {
            (1, _) => Observed::Unrecognised { said: String::new() },
            (2, _) => return, // It does not answer at all.
            (_, None) => Observed::NotFound,
            (_, Some(Transfer::Queued)) => Observed::InFlight(sighting()),
            (_, Some(Transfer::Paid)) => Observed::Succeeded(sighting()),
            (_, Some(Transfer::Failed)) => Observed::Failed(sighting(), Failure::observed("no")),
        };
        let around = Around { payout: self.status, refunded: self.refunded, other: self.other_than(number) };
        let consequence = judge::look(&one.watched, around, &terms(), &observed, FIRST_LOOK, now);
        let one = self.tries.get_mut(usize::from(number.get() - 1)).unwrap();
        match consequence {
            Consequence::Succeed => {
                one.watched.status = one.watched.status.after(domain::AttemptEvent::Succeed).unwrap();
                self.take(PayoutEvent::Confirm);
                self.count_what_came_late();
            }
            Consequence::Fail(failure) => {
                one.watched.has_gateway_id = true;
                self.fail(number, &failure);
            }
            Consequence::LookAgain { becomes, check_at } => {
                one.watched.looks += 1;
                one.check_at = Some(check_at);
                if let Some(status) = becomes {
                    one.watched.status = status;
                    one.resend = false;
                    one.watched.has_gateway_id |= status == AttemptStatus::Accepted;
                }
            }
            Consequence::MayResend => {
                one.watched.status = AttemptStatus::Unknown;
                one.watched.looks += 1;
                one.resend = true;
            }
            Consequence::ConfirmFailure => {
                one.failed_seen_at = Some(now);
                one.doubt = None;
            }
            Consequence::Doubt(doubt) => one.doubt = Some(doubt),
            Consequence::Late(late) => {
                assert!(self.took_back, "a success came late from a gateway that keeps its word");
                self.pay_late(number, late);
            }
            Consequence::Nothing => {}
            Consequence::ReversalSeen | Consequence::Reverse | Consequence::NotReversed => {
                unreachable!("this gateway gives nothing back")
            }
        }
    }

    fn other_than(&self, number: AttemptNumber) -> OtherAttempt {
        let mut found = OtherAttempt::None;
        for (one, nth) in self.tries.iter().zip(1..) {
            if nth == number.get() {
                continue;
            }
            match one.watched.status {
                AttemptStatus::Succeeded | AttemptStatus::Reversed if !one.late => return OtherAttempt::Paid,
                AttemptStatus::Submitting if one.watched.sends == 0 => found = OtherAttempt::Unsent,
                AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                    found = OtherAttempt::MayPay;
                }
                AttemptStatus::Succeeded | AttemptStatus::Failed | AttemptStatus::Reversed => {}
            }
        }
        found
    }

    fn pay_late(&mut self, number: AttemptNumber, late: Late) {
        let nth = usize::from(number.get() - 1);
        let one = self.tries.get_mut(nth).unwrap();
        one.watched.status = AttemptStatus::Succeeded;
        one.failed_seen_at = None;
        one.doubt = None;
        one.late = true;
        match late {
            Late::Completes => self.complete_late(number),
            Late::WithdrawsAndCompletes => {
                let unsent = self.tries.iter_mut().find(|one| is_open(one.watched.status)).unwrap();
                assert_eq!(unsent.watched.sends, 0);
                unsent.watched.status = AttemptStatus::Failed;
                unsent.failed_seen_at = Some(self.now);
                self.complete_late(number);
            }
            // How the other ends decides: see `fail` and `count_what_came_late`.
            Late::Waits => {}
            Late::Overpaid => {
                self.tries.get_mut(nth).unwrap().late = true;
                self.overpaid += 1;
            }
        }
    }

    /// By legal moves, whatever the payout was waiting for.
    fn complete_late(&mut self, number: AttemptNumber) {
        self.tries.get_mut(usize::from(number.get() - 1)).unwrap().late = false;
        if self.status == PayoutStatus::Requested {
            self.take(PayoutEvent::Approve);
        }
        if self.status == PayoutStatus::Approved {
            self.take(PayoutEvent::Claim);
        }
        if self.status == PayoutStatus::Failed {
            self.next_attempt_at = None;
            self.take(PayoutEvent::Retry);
        }
        self.take(PayoutEvent::Confirm);
        self.count_what_came_late();
    }

    /// The payout is paid: whatever else succeeded is too much.
    fn count_what_came_late(&mut self) {
        let late = self.tries.iter().filter(|one| one.late).count();
        self.overpaid = u32::try_from(late).unwrap();
    }

    fn fail(&mut self, number: AttemptNumber, failure: &Failure) {
        let one = self.tries.get_mut(usize::from(number.get() - 1)).unwrap();
        one.watched.status = one.watched.status.after(domain::AttemptEvent::Fail).unwrap();
        one.failed_seen_at = Some(self.now);
        one.resend = false;
        self.take(PayoutEvent::Fail);
        self.failures += u8::from(judge::counts(failure.class()));
        let schedule = RetrySchedule::default();
        match judge::after_failure(failure.class(), self.failures, &schedule, self.now) {
            AfterFailure::RetryAt(due) => self.next_attempt_at = Some(due),
            AfterFailure::NeedsAttention => {}
            AfterFailure::WaitForFunds => {
                assert_eq!(failure.class(), FailureClass::NeedsFinance);
                unreachable!("this gateway's wallet is full")
            }
        }
        let waiting = self.tries.iter().zip(1..).find(|(one, _)| one.late).map(|(_, number)| number);
        if let Some(late) = waiting {
            self.complete_late(AttemptNumber::new(late).unwrap());
        }
    }

    /// Every attempt that has failed is looked at once more.
    fn look_at_all(&mut self) {
        for number in 1..=u8::try_from(self.tries.len()).unwrap() {
            let failed =
                self.tries.get(usize::from(number - 1)).unwrap().watched.status == AttemptStatus::Failed;
            if failed {
                self.look(AttemptNumber::new(number).unwrap());
            }
        }
    }

    fn look_at_all_and_begin(&mut self) -> Next {
        self.look_at_all();
        let open = self.tries.iter().any(|one| is_open(one.watched.status));
        let due = self.next_attempt_at.is_some_and(|due| due <= self.now);
        let may = (self.status == PayoutStatus::Processing && !open)
            || (self.status == PayoutStatus::Failed && due);
        if !may {
            return self.next();
        }
        if self.proofs().is_some() {
            return Next::Begin;
        }
        // Looked at again and again, later each time.
        self.now += TimeDelta::minutes(1);
        Next::AwaitRetry { due: self.now }
    }

    // Waiting, as the workflow does it.

    fn wait(&mut self, place: Place) -> Result<Waited, Died> {
        loop {
            self.count_step();
            if let Some(next) = self.hear(place) {
                return Ok(Waited::Moved(next));
            }
            if place.due().is_some_and(|due| due <= self.now) {
                return Ok(Waited::Over);
            }
            let hinted = self.inbox.memory.hinted(self.now).filter(|(_, at)| *at <= self.now);
            if let Some((attempt, _)) = hinted {
                self.inbox.memory.follow_hint(attempt, self.now);
                if place.is_about(attempt) {
                    return Ok(Waited::Over);
                }
                self.look_if_open_or_failed(attempt);
                if self.next() != place.next() {
                    return Ok(Waited::Moved(self.next()));
                }
                continue;
            }
            match self.acts.pop_front() {
                Some(act) => self.happen(act),
                None => self.somebody_acts_at_last(place),
            }
            if self.dies.take().is_some() {
                return Err(Died);
            }
        }
    }

    fn look_if_open_or_failed(&mut self, attempt: AttemptNumber) {
        let known = self.tries.get(usize::from(attempt.get() - 1)).map(|one| one.watched.status);
        if known.is_some_and(|status| is_open(status) || status == AttemptStatus::Failed) {
            self.look(attempt);
        }
    }

    fn hear(&mut self, place: Place) -> Option<Next> {
        let moved = |life: &Self| Some(life.next()).filter(|next| *next != place.next());
        if std::mem::take(&mut self.cancel_typed)
            && self.status.after(PayoutEvent::Cancel).is_ok()
            && self.no_doubt()
        {
            self.take(PayoutEvent::Cancel);
        }
        let mut look = false;
        while let Some(request) = self.inbox.next_request() {
            // The step that writes it down answers how the payout stands.
            look |= place == Place::Decision;
            if place == Place::Decision && self.is_under_review() {
                self.take(match request.verdict {
                    crate::contract::Verdict::Approve => PayoutEvent::Approve,
                    crate::contract::Verdict::Reject => PayoutEvent::Reject,
                });
            }
        }
        for (name, wake_up) in self.inbox.take_wake_ups() {
            match place.hears(name, wake_up) {
                Heard::Release => return Some(Next::Begin),
                Heard::Hint(attempt) => self.inbox.memory.hint(attempt),
                Heard::Look | Heard::Unexpected => look = true,
            }
        }
        while self.inbox.next_stray().is_some() {}
        if look || self.status.is_final() || self.refunded { moved(self) } else { None }
    }

    /// Nothing is left to go wrong: what is undelivered is delivered, bytes arrive, the gateway pays, people do their work.
    fn somebody_acts_at_last(&mut self, place: Place) {
        if self.delivered < self.outbox.len() {
            return self.deliver();
        }
        self.happen(Act::Arrive);
        self.settle_oldest(true);
        self.happen(Act::Resume);
        match place {
            Place::Decision => self.happen(Act::Approve),
            Place::Window => self.happen(Act::Claim),
            Place::Outcome { check_at: at, .. } | Place::Retry { due: at } => self.now = self.now.max(at),
            Place::Attention => self.happen(Act::Refund),
        }
    }
}

impl Steps for Life {
    type Stop = Died;

    async fn validate_and_assess(&mut self) -> Result<Next, Died> {
        self.step(|life| {
            if life.status == PayoutStatus::Requested && life.risk.is_none() {
                let auto = life.chance().is_multiple_of(2);
                life.risk = Some(if auto { Route::Auto } else { Route::Review });
                if auto {
                    life.take(PayoutEvent::Approve);
                }
            }
            life.next()
        })
    }
    async fn await_decision(&mut self) -> Result<Next, Died> {
        self.until_moved(Place::Decision)
    }
    async fn await_window(&mut self) -> Result<Next, Died> {
        self.until_moved(Place::Window)
    }
    async fn begin_attempt(&mut self) -> Result<Next, Died> {
        self.step(Self::begin)
    }
    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, Died> {
        self.step(|life| life.send(attempt))
    }
    async fn await_outcome(
        &mut self,
        attempt: AttemptNumber,
        check_at: DateTime<Utc>,
    ) -> Result<Waited, Died> {
        self.wait(Place::Outcome { attempt, check_at })
    }
    async fn ask_gateway(&mut self, attempt: AttemptNumber) -> Result<Next, Died> {
        self.inbox.memory.drop_hint(attempt);
        self.step(|life| {
            life.look_if_open_or_failed(attempt);
            life.next()
        })
    }
    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, Died> {
        self.wait(Place::Retry { due })
    }
    async fn ask_gateway_about_all(&mut self) -> Result<Next, Died> {
        self.inbox.memory.drop_hints();
        self.step(Self::look_at_all_and_begin)
    }
    async fn await_attention(&mut self) -> Result<Next, Died> {
        self.until_moved(Place::Attention)
    }
    async fn notify(&mut self, ending: Ending) -> Result<(), Died> {
        self.step(|life| {
            // Written once per payout and event.
            if !life.told.contains(&ending) {
                life.told.push(ending);
            }
            life.next()
        })
        .map(drop)
    }
}

impl Life {
    fn until_moved(&mut self, place: Place) -> Result<Next, Died> {
        loop {
            if let Waited::Moved(next) = self.wait(place)? {
                return Ok(next);
            }
        }
    }
}

fn is_open(status: AttemptStatus) -> bool {
    match status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => true,
        AttemptStatus::Succeeded | AttemptStatus::Failed | AttemptStatus::Reversed => false,
    }
}

fn terms() -> AttemptTerms {
    AttemptTerms {
        reference: Reference::from_stored("p-1"),
        amount: domain::Money::parse("1500.00", domain::Currency::Ngn).unwrap(),
        bank: "044".parse().unwrap(),
        account: "0690000031".parse().unwrap(),
        beneficiary: domain::AccountName::new("Ada"),
        narration: String::new(),
    }
}

fn sighting() -> Sighting {
    let AttemptTerms { reference, amount, .. } = terms();
    Sighting {
        reference,
        gateway_id: "7".to_owned(),
        amount,
        bank: "044".to_owned(),
        account: "0690000031".to_owned(),
        fee: None,
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let typed = prop::sample::select(vec![
        ("decision", r#"{"decision":"approve","reason":"known"}"#),
        ("decision", r#"{"decision":"reject"}"#),
        ("decision", r#"{"decision":"maybe"}"#),
        ("release", r#"{"id":9000}"#),
        ("release", "null"),
        ("cancel", r#"{"id":"14"}"#),
        ("transfer_update", r#"{"id":9001,"attempt":1}"#),
        ("transfer_update", r#"{"id":9002,"attempt":99}"#),
        ("manual_action", r#"{"id":9003}"#),
        ("manual_action", "[[["),
        ("aprove", "{}"),
    ]);
    prop_oneof![
        3 => prop::sample::select(vec![Act::Approve, Act::Reject, Act::Cancel, Act::Undo]),
        2 => Just(Act::Approve),
        3 => Just(Act::Claim),
        1 => prop::sample::select(vec![Act::Pause, Act::Resume]),
        2 => prop::sample::select(vec![Act::Retry, Act::Refund]),
        3 => any::<bool>().prop_map(|pays| Act::Settle { pays }),
        1 => Just(Act::Arrive),
        2 => (1_u8..5).prop_map(|attempt| Act::Webhook { attempt }),
        3 => Just(Act::Deliver),
        1 => (0_usize..8).prop_map(|nth| Act::DeliverAgain { nth }),
        1 => typed.prop_map(|(name, text)| Act::Type(name, text)),
        1 => Just(Act::EngineCancel),
        3 => prop::sample::select(vec![1_i64, 45, 300, 3_600]).prop_map(|seconds| Act::Pass { seconds }),
        1 => any::<bool>().prop_map(|after| Act::Die { after }),
        1 => Just(Act::Twice),
    ]
}

fn any_luck() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn ends_once_and_pays_at_most_once(acts in prop::collection::vec(any_act(), 0..60), luck in any_luck()) {
        let mut life = Life::new(acts, luck);
        let ending = life.live();
        prop_assert_eq!(&life.ends, &[ending]);
        prop_assert_eq!(&life.told, &[ending]);
        prop_assert_ne!(life.reservation, Reservation::Held);
        let paid: u32 = life.tries.iter().map(|one| one.paid).sum();
        prop_assert_eq!(paid, u32::from(ending == Ending::Completed));
        // Nothing is left at the gateway, or on its way there, that could pay now.
        let may_pay = |one: &Try| match one.record {
            Some(Transfer::Queued) => true,
            Some(Transfer::Paid | Transfer::Failed) => false,
            None => one.lingering > 0,
        };
        prop_assert!(!life.tries.iter().any(may_pay), "{:?}", life.tries);
    }

    /// A gateway that takes back what it had called failed can pay twice; the payout still ends once, its money still moves
    /// once, and what is seen to have been paid too much is counted.
    #[test]
    fn ends_once_though_the_gateway_takes_back(
        acts in prop::collection::vec(prop_oneof![9 => any_act(), 1 => Just(Act::TakeBack)], 0..60),
        luck in any_luck(),
    ) {
        let mut life = Life::new(acts, luck);
        let ending = life.live();
        prop_assert_eq!(&life.ends, &[ending]);
        prop_assert_eq!(&life.told, &[ending]);
        prop_assert_ne!(life.reservation, Reservation::Held);
        let paid: u32 = life.tries.iter().map(|one| one.paid).sum();
        let booked = u32::from(ending == Ending::Completed) + life.overpaid;
        prop_assert!(booked <= paid, "{booked} booked and {paid} paid");
        prop_assert!(paid <= 1 || life.took_back);
    }
}
