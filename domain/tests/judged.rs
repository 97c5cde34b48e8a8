//! The judge against one attempt at a gateway that loses, delays, repeats and garbles what is said: it never proves that an
//! attempt did not pay when it did or still may, unless the gateway took back a final answer or two people attested.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Accepted, AccountName, AttemptEvent, AttemptFacts, AttemptNumber, AttemptStatus, AttemptTerms, Currency,
    Doubt, Failure, FailureCode, Money, NotSent, NotSentClass, Observed, PayoutStatus, Reference, Sighting,
    Submitted,
    judge::{self, AfterSend, Around, Consequence, OtherAttempt, REVERSAL_CONFIRMED_AFTER, Watched},
};
use proptest::prelude::*;

const FIRST_LOOK: Duration = Duration::from_secs(30);
const LEASE: TimeDelta = TimeDelta::seconds(40);

/// What happens next, in the gateway, on the way to it, or with us.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Somebody would send the attempt.
    Send {
        way: Way,
        heard: Heard,
    },
    /// Bytes that were long on their way reach the gateway.
    Arrive {
        declined: bool,
    },
    /// The answer to an earlier send is written down at last.
    Write,
    /// The gateway pays or fails what it had queued.
    Settle {
        pays: bool,
    },
    /// The gateway takes back a final answer.
    TakeBack,
    /// We ask; the answer is written down at once, or only later ([`Event::WriteLook`]).
    Look {
        answer: Answer,
        late: bool,
    },
    WriteLook,
    Pass {
        seconds: i64,
    },
    /// Two finance admins have said that it did not pay.
    Attest,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    /// No byte left.
    NotSent,
    /// The gateway reads it now.
    Arrives { declined: bool },
    /// The gateway reads it, perhaps, some day.
    Lingers,
}

#[derive(Debug, Clone, Copy)]
enum Heard {
    /// And written down.
    AtOnce,
    /// The sender stalls between the answer and the database.
    Later,
    /// The connection broke: all we know is that bytes may have left.
    Nothing,
    /// The sender died: not even that is written down.
    Death,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Honest,
    /// A replica that has not caught up.
    Lagging,
    Unreadable,
    /// The record of somebody else's transfer.
    Foreign {
        paid: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Queued,
    Paid,
    Failed,
}

/// What is true.
#[derive(Debug, Default)]
struct Gateway {
    record: Option<Record>,
    lingering: u32,
    took_back: bool,
}

impl Gateway {
    /// A reference is carried out once; a refused one leaves no record.
    fn receive(&mut self, declined: bool) -> Submitted {
        match self.record {
            _ if declined => Submitted::Declined(Failure::known_refusal("unknown bank code").unwrap()),
            Some(_) => Submitted::Duplicate,
            None => {
                self.record = Some(Record::Queued);
                Submitted::Accepted(Accepted { gateway_id: "7".to_owned(), fee: None })
            }
        }
    }

    fn answer(&self, answer: Answer) -> Observed {
        match answer {
            Answer::Honest => match self.record {
                None => Observed::NotFound,
                Some(Record::Queued) => Observed::InFlight(sighting()),
                Some(Record::Paid) => Observed::Succeeded(sighting()),
                Some(Record::Failed) => Observed::Failed(sighting(), Failure::observed("no")),
            },
            Answer::Lagging => Observed::NotFound,
            Answer::Unreadable => Observed::Unrecognised { said: "<html>".to_owned() },
            Answer::Foreign { paid } => {
                let other = Sighting { account: "0690000032".to_owned(), ..sighting() };
                if paid {
                    Observed::Succeeded(other)
                } else {
                    Observed::Failed(other, Failure::observed("account closed"))
                }
            }
        }
    }

    /// It has paid, or can without anybody's doing.
    fn may_pay(&self) -> bool {
        match self.record {
            None => self.lingering > 0,
            Some(Record::Queued | Record::Paid) => true,
            Some(Record::Failed) => false,
        }
    }
}

/// The attempt's row, and the little that the store does with the judge's answers.
struct Row {
    attempt: Watched,
    resend: bool,
    failed_seen_at: Option<DateTime<Utc>>,
    doubt: Option<Doubt>,
}

struct Play {
    gateway: Gateway,
    row: Row,
    now: DateTime<Utc>,
    unwritten: VecDeque<Submitted>,
    unwritten_looks: VecDeque<Observed>,
}

impl Play {
    fn new() -> Self {
        let attempt = Watched {
            status: AttemptStatus::Submitting,
            sends: 0,
            looks: 0,
            send_deadline: None,
            has_gateway_id: false,
            attested_unpaid_from: None,
            reversal_seen_at: None,
        };
        Self {
            gateway: Gateway::default(),
            row: Row { attempt, resend: false, failed_seen_at: None, doubt: None },
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
            unwritten: VecDeque::new(),
            unwritten_looks: VecDeque::new(),
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Send { way, heard } => self.send(way, heard),
            Event::Arrive { declined } => {
                if self.gateway.lingering > 0 {
                    self.gateway.lingering -= 1;
                    self.gateway.receive(declined);
                }
                Ok(())
            }
            Event::Write => match self.unwritten.pop_front() {
                Some(submitted) => self.write(&submitted),
                None => Ok(()),
            },
            Event::Settle { pays } => {
                if self.gateway.record == Some(Record::Queued) {
                    self.gateway.record = Some(if pays { Record::Paid } else { Record::Failed });
                }
                Ok(())
            }
            Event::TakeBack => {
                let other = match self.gateway.record {
                    Some(Record::Paid) => Record::Failed,
                    Some(Record::Failed) => Record::Paid,
                    None | Some(Record::Queued) => return Ok(()),
                };
                self.gateway.record = Some(other);
                self.gateway.took_back = true;
                Ok(())
            }
            Event::Look { answer, late } => {
                let observed = self.gateway.answer(answer);
                if late {
                    self.unwritten_looks.push_back(observed);
                    return Ok(());
                }
                self.look(&observed)
            }
            Event::WriteLook => match self.unwritten_looks.pop_front() {
                Some(observed) => self.look(&observed),
                None => Ok(()),
            },
            Event::Pass { seconds } => {
                self.now += TimeDelta::seconds(seconds);
                Ok(())
            }
            Event::Attest => {
                let attempt = &mut self.row.attempt;
                if attempt.sends > 0 && is_open(attempt.status) {
                    attempt.attested_unpaid_from = Some(self.now + judge::ATTESTATION_COOLS_FOR);
                }
                Ok(())
            }
        }
    }

    /// One sender at a time, and only what was never sent or not found.
    fn send(&mut self, way: Way, heard: Heard) -> Result<(), TestCaseError> {
        let attempt = &mut self.row.attempt;
        let first = attempt.status == AttemptStatus::Submitting && attempt.sends == 0;
        let leased = attempt.send_deadline.is_some_and(|deadline| self.now < deadline);
        if !(first || self.row.resend) || leased || attempt.attested_unpaid_from.is_some() {
            return Ok(());
        }
        attempt.sends += 1;
        attempt.send_deadline = Some(self.now + LEASE);
        self.row.resend = false;
        let submitted = match way {
            Way::NotSent => Submitted::NotSent(NotSent {
                class: NotSentClass::Unreachable,
                retry_after: None,
                message: String::new(),
            }),
            Way::Arrives { declined } => self.gateway.receive(declined),
            Way::Lingers => {
                self.gateway.lingering += 1;
                Submitted::Unknown { why: "timed out".to_owned() }
            }
        };
        match heard {
            Heard::AtOnce => self.write(&submitted),
            Heard::Later => {
                self.unwritten.push_back(submitted);
                Ok(())
            }
            Heard::Nothing => self.write(&Submitted::Unknown { why: "timed out".to_owned() }),
            Heard::Death => Ok(()),
        }
    }

    fn write(&mut self, submitted: &Submitted) -> Result<(), TestCaseError> {
        let Row { attempt, .. } = &self.row;
        match judge::answered(attempt.status, attempt.sends, submitted, FIRST_LOOK, self.now) {
            AfterSend::Accepted { check_at } => {
                prop_assert!(matches!(submitted, Submitted::Accepted(_)) && check_at > self.now);
                self.row.attempt.has_gateway_id = true;
                self.row.resend = false;
                self.become_after(AttemptEvent::Accept)
            }
            AfterSend::Fail(_) => {
                prop_assert!(matches!(submitted, Submitted::Declined(_)), "{:?} is no refusal", submitted);
                prop_assert_eq!((attempt.status, attempt.sends), (AttemptStatus::Submitting, 1));
                self.fail()
            }
            AfterSend::LoseSight { .. } => {
                self.row.resend = false;
                self.become_after(AttemptEvent::LoseSight)
            }
            AfterSend::TakeBack => {
                prop_assert!(matches!(submitted, Submitted::NotSent(_)));
                let open = matches!(attempt.status, AttemptStatus::Submitting | AttemptStatus::Unknown);
                if open && attempt.sends > 0 && attempt.send_deadline.is_some() {
                    self.row.resend = attempt.sends > 1;
                    self.row.attempt.sends -= 1;
                    self.row.attempt.send_deadline = None;
                }
                Ok(())
            }
            AfterSend::Nothing => Ok(()),
        }
    }

    fn look(&mut self, observed: &Observed) -> Result<(), TestCaseError> {
        let around = Around { payout: PayoutStatus::Processing, refunded: false, other: OtherAttempt::None };
        let Row { attempt, .. } = &self.row;
        let (before, now) = (attempt.clone(), self.now);
        let leased = before.send_deadline.is_some_and(|deadline| now < deadline);
        let cooled = before.attested_unpaid_from.is_some_and(|from| from <= now);
        let agrees = |seen: &Sighting| seen.disagreement(&terms()).is_none();
        match judge::look(attempt, around, &terms(), observed, FIRST_LOOK, now) {
            Consequence::Succeed => {
                prop_assert!(matches!(observed, Observed::Succeeded(seen) if agrees(seen)));
                self.become_after(AttemptEvent::Succeed)
            }
            Consequence::Fail(failure) => {
                let told = matches!(observed, Observed::Failed(seen, _) if agrees(seen));
                let attested = failure.code == FailureCode::AttestedUnpaid && cooled && !leased;
                prop_assert!(told || attested, "{before:?} failed on {observed:?}");
                self.row.attempt.has_gateway_id |= told;
                self.fail()
            }
            Consequence::LookAgain { becomes, check_at } => {
                prop_assert!(check_at > now, "asking again at once and for ever");
                self.row.attempt.looks += 1;
                if matches!(observed, Observed::InFlight(seen) if agrees(seen)) {
                    self.row.attempt.has_gateway_id = true;
                }
                match becomes {
                    None => Ok(()),
                    Some(status) => {
                        self.row.resend = false;
                        let event = match status {
                            AttemptStatus::Accepted => AttemptEvent::Accept,
                            AttemptStatus::Unknown => AttemptEvent::LoseSight,
                            AttemptStatus::Submitting
                            | AttemptStatus::Succeeded
                            | AttemptStatus::Failed
                            | AttemptStatus::Reversed => {
                                return Err(TestCaseError::fail("a look without an answer ended it"));
                            }
                        };
                        self.become_after(event)
                    }
                }
            }
            Consequence::MayResend => {
                prop_assert_eq!(observed, &Observed::NotFound);
                prop_assert!(!leased && !before.has_gateway_id && before.attested_unpaid_from.is_none());
                self.row.resend = true;
                self.row.attempt.looks += 1;
                self.become_after(AttemptEvent::LoseSight)
            }
            Consequence::ConfirmFailure => {
                prop_assert_eq!(before.status, AttemptStatus::Failed);
                self.row.failed_seen_at = Some(now);
                self.row.doubt = None;
                Ok(())
            }
            Consequence::Doubt(doubt) => {
                prop_assert_eq!(before.status, AttemptStatus::Failed);
                self.row.doubt = Some(doubt);
                Ok(())
            }
            Consequence::Late(_) => {
                prop_assert!(self.excused(), "it was called failed although it could pay");
                self.row.attempt.status = AttemptStatus::Succeeded;
                self.row.failed_seen_at = None;
                self.row.doubt = None;
                Ok(())
            }
            Consequence::ReversalSeen => {
                prop_assert!(self.gateway.took_back);
                self.row.attempt.reversal_seen_at = Some(now);
                Ok(())
            }
            Consequence::Reverse => {
                let seen = before.reversal_seen_at.unwrap();
                prop_assert!(now - seen >= REVERSAL_CONFIRMED_AFTER);
                self.become_after(AttemptEvent::Reverse)
            }
            Consequence::NotReversed => {
                self.row.attempt.reversal_seen_at = None;
                Ok(())
            }
            Consequence::Nothing => {
                prop_assert!(
                    !is_open(before.status),
                    "{observed:?} left an open attempt without a next look"
                );
                Ok(())
            }
        }
    }

    fn fail(&mut self) -> Result<(), TestCaseError> {
        self.row.resend = false;
        self.row.failed_seen_at = Some(self.now);
        self.become_after(AttemptEvent::Fail)
    }

    fn become_after(&mut self, event: AttemptEvent) -> Result<(), TestCaseError> {
        let before = self.row.attempt.status;
        let Some(after) = before.after(event) else {
            return Err(TestCaseError::fail(format!("a {before} attempt cannot take {event:?}")));
        };
        self.row.attempt.status = after;
        Ok(())
    }

    /// The gateway contradicted itself, or people answered for what it did not tell.
    fn excused(&self) -> bool {
        self.gateway.took_back || self.row.attempt.attested_unpaid_from.is_some()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let facts = AttemptFacts {
            number: AttemptNumber::FIRST,
            status: self.row.attempt.status,
            sends: self.row.attempt.sends,
            failed_seen_at: self.row.failed_seen_at,
            doubt: self.row.doubt,
            excess: false,
        };
        if facts.proof_unpaid().is_ok() && !self.excused() {
            prop_assert!(!self.gateway.may_pay(), "proof about {:?} against {:?}", facts, self.gateway);
        }
        if self.row.attempt.status == AttemptStatus::Succeeded && !self.excused() {
            prop_assert_eq!(self.gateway.record, Some(Record::Paid));
        }
        Ok(())
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
        amount: Money::parse("1500.00", Currency::Ngn).unwrap(),
        bank: "044".parse().unwrap(),
        account: "0690000031".parse().unwrap(),
        beneficiary: AccountName::new("Ada"),
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

fn any_event() -> impl Strategy<Value = Event> {
    let way = prop_oneof![
        Just(Way::NotSent),
        any::<bool>().prop_map(|declined| Way::Arrives { declined }),
        Just(Way::Lingers),
    ];
    let heard = prop::sample::select(vec![Heard::AtOnce, Heard::Later, Heard::Nothing, Heard::Death]);
    let answer = prop_oneof![
        4 => Just(Answer::Honest),
        1 => Just(Answer::Lagging),
        1 => Just(Answer::Unreadable),
        1 => any::<bool>().prop_map(|paid| Answer::Foreign { paid }),
    ];
    // A moment, a lease, an hour, a day, the cooling of an attestation.
    let seconds = prop::sample::select(vec![1, 41, 3_600, 86_400, 259_200]);
    prop_oneof![
        5 => (way, heard).prop_map(|(way, heard)| Event::Send { way, heard }),
        2 => any::<bool>().prop_map(|declined| Event::Arrive { declined }),
        2 => Just(Event::Write),
        3 => any::<bool>().prop_map(|pays| Event::Settle { pays }),
        6 => (answer, prop::bool::weighted(0.2)).prop_map(|(answer, late)| Event::Look { answer, late }),
        2 => Just(Event::WriteLook),
        5 => seconds.prop_map(|seconds| Event::Pass { seconds }),
    ]
}

/// The same, with a gateway that takes its word back and people who attest.
fn any_trouble() -> impl Strategy<Value = Event> {
    prop_oneof![12 => any_event(), 1 => Just(Event::TakeBack), 1 => Just(Event::Attest)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_may_have_paid_is_never_proven_unpaid(events in prop::collection::vec(any_event(), 0..40)) {
        let mut play = Play::new();
        for event in events {
            play.happen(event)?;
            play.check()?;
        }
    }

    /// What a gateway that contradicts itself, and people who err, can and cannot cause: the same rules for every single move.
    #[test]
    fn only_evidence_moves_an_attempt(events in prop::collection::vec(any_trouble(), 0..40)) {
        let mut play = Play::new();
        for event in events {
            play.happen(event)?;
            play.check()?;
        }
    }
}
