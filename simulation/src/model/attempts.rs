//! Attempts: begun, sent, looked at. What an answer does is for `domain::judge` to say.

use chrono::{DateTime, Utc};
use domain::{
    AttemptEvent, AttemptNumber, AttemptStatus, AttemptTerms, Doubt, FailureCode, Held, Next, Observed,
    PayoutEvent, PayoutStatus, Progress, Reference, Sighting, Submitted,
    judge::{
        self, AfterSend, Around, BeforeSend, Beside, Consequence, Doubted, Gate, Late, OtherAttempt,
        Unproven, Watched,
    },
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use workflows::SignalName;

use super::{Amount, Attempt, Broken, Model, Result, SEND_LEASE, WEBHOOK_TIMEOUT, broken, ensure, naira};
use crate::coverage::Mark;

/// Whether the caller is the one sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// Counted: the answer counts for this lease only.
    Go {
        lease: u32,
    },
    Not(Progress),
    /// Try again later; nothing was counted.
    Paused,
    /// An earlier attempt must be looked at, then this comes next.
    Doubted(Progress),
}

impl Model {
    /// The one gate to the gateway.
    pub fn begin(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Progress> {
        let row = &self.payouts[payout];
        let gate = judge::may_begin(row.status, row.next_attempt_at, &self.facts_of_attempts(payout), now);
        if gate == Gate::Nothing {
            self.coverage.mark(Mark::GateNothing);
            return Ok(self.as_it_stands(payout, now));
        }
        if self.is_held(payout) {
            self.wait_for_resume(payout, now)?;
            return Ok(self.as_it_stands(payout, now));
        }
        let row = &self.payouts[payout];
        if self.accounts[row.account].removed {
            self.coverage.mark(Mark::GateAccountRemoved);
            self.give_to_a_person(payout, FailureCode::AccountInvalid, now)?;
            return Ok(self.as_it_stands(payout, now));
        }
        let number = match gate {
            Gate::Begin(number) => number,
            Gate::LookFirst(_) => {
                self.coverage.mark(Mark::GateLookAgain);
                let mut progress = self.as_it_stands(payout, now);
                progress.next = Next::AwaitRetry { due: now };
                return Ok(progress);
            }
            Gate::HasPaid | Gate::UsedUp => {
                self.give_to_a_person(payout, FailureCode::Other, now)?;
                return Ok(self.as_it_stands(payout, now));
            }
            Gate::Nothing => return Ok(self.as_it_stands(payout, now)),
        };
        if row.status == PayoutStatus::Failed {
            self.shift(payout, PayoutEvent::Retry, now)?;
        }
        self.check_proven(payout, now)?;
        let row = &self.payouts[payout];
        ensure!(
            row.attempts.iter().all(Attempt::is_over),
            "payout {payout} begins attempt {} while another may pay or has",
            number.get()
        );
        let account = &self.accounts[row.account];
        let terms = AttemptTerms {
            reference: Reference::new(&self.prefix, row.id, number),
            amount: naira(row.amount)?,
            bank: account.bank.clone(),
            account: account.number.clone(),
            beneficiary: account.name.clone(),
            narration: String::new(),
        };
        let batch = row.batch;
        if row.is_beside_excess() {
            self.coverage.mark(Mark::BegunBesideExcess);
        }
        let row = &mut self.payouts[payout];
        row.attempts.push(Attempt {
            number,
            terms,
            status: AttemptStatus::Submitting,
            batch,
            began_at: now,
            sends: 0,
            leases: 0,
            looks: 0,
            send_deadline: None,
            counted_at: None,
            resend: false,
            gateway_id: None,
            check_at: None,
            failed_seen_at: None,
            doubt: None,
            doubted_at: None,
            settled_at: None,
            late: false,
            overpaid: false,
            waits: false,
            fee_booked: false,
            reversal_seen_at: None,
            attested_unpaid_from: None,
            attested_paid: false,
            unknown_too_long: false,
            contradiction: false,
            reversal: false,
            overpaid_case: false,
        });
        row.next_attempt_at = None;
        row.failure = None;
        row.failed_at = None;
        if number.get() == 5 {
            self.coverage.mark(Mark::ManyAttempts);
        }
        self.note("attempt began");
        self.touch(payout, now);
        Ok(self.as_it_stands(payout, now))
    }

    /// The gate itself answered, so `Begin` would only come straight back.
    fn as_it_stands(&mut self, payout: usize, now: DateTime<Utc>) -> Progress {
        let mut progress = self.progress(payout, now);
        if progress.next == Next::Begin {
            progress.next = Next::AwaitRelease;
        }
        progress
    }

    fn wait_for_resume(&mut self, payout: usize, now: DateTime<Utc>) -> Result<()> {
        if self.payouts[payout].status == PayoutStatus::Failed {
            self.coverage.mark(Mark::GateHeldRetry);
            self.payouts[payout].next_attempt_at = Some(now + chrono::TimeDelta::minutes(1));
        } else {
            self.coverage.mark(Mark::GateHeldFirst);
            self.shift(payout, PayoutEvent::Hold, now)?;
            let row = &mut self.payouts[payout];
            row.batch = None;
            row.held = Some(Held::Paused);
        }
        self.touch(payout, now);
        Ok(())
    }

    /// Takes the lease of an attempt and counts the send.
    pub fn count_send(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<Sending> {
        let row = &self.payouts[payout];
        let Some(held) = row.attempts.get(attempt) else { return broken("a send of no attempt") };
        let sendable = match held.status {
            AttemptStatus::Submitting => held.sends == 0 || held.resend,
            AttemptStatus::Unknown => held.resend,
            AttemptStatus::Accepted
            | AttemptStatus::Succeeded
            | AttemptStatus::Failed
            | AttemptStatus::Reversed => false,
        };
        if !sendable {
            self.coverage.mark(Mark::SendLeased);
            return Ok(Sending::Not(self.progress(payout, now)));
        }
        let leased = held.send_deadline.is_some_and(|deadline| now < deadline);
        let attested = held.sends > 0 && held.attested_unpaid_from.is_some();
        let processing = row.status == PayoutStatus::Processing;
        let mut others = row.attempts.iter().enumerate().filter(|(at, _)| *at != attempt);
        let doubted = others.any(|(_, other)| other.doubt.is_some());
        let other = self.around(payout, attempt).other;
        let before = judge::before_send(&watched(held), other, doubted, now);
        let moves_money = match before {
            BeforeSend::Withdraw | BeforeSend::Look => false,
            BeforeSend::Send | BeforeSend::WithdrawForDoubt | BeforeSend::LookAtOthers { .. } => true,
        };
        if moves_money && self.is_held(payout) {
            self.coverage.mark(Mark::SendHeld);
            return Ok(Sending::Paused);
        }
        match before {
            BeforeSend::Send => {
                ensure!(
                    other != OtherAttempt::Paid,
                    "payout {payout} is sent although another attempt has paid"
                );
            }
            BeforeSend::Withdraw => {
                self.coverage.mark(Mark::SendNotNeeded);
                self.completes_instead(payout, attempt, now)?;
                return Ok(Sending::Not(self.progress(payout, now)));
            }
            BeforeSend::Look => {
                self.coverage.mark(if attested { Mark::SendAttested } else { Mark::SendPaidBefore });
                self.withdraw_leave(payout, attempt, now);
                return Ok(Sending::Not(self.progress(payout, now)));
            }
            BeforeSend::WithdrawForDoubt => {
                self.coverage.mark(Mark::SendWithdrawn);
                self.withdraw(payout, attempt, now)?;
                self.touched.push(payout);
                return Ok(Sending::Not(self.progress(payout, now)));
            }
            BeforeSend::LookAtOthers { check_at } => {
                self.coverage.mark(Mark::SendDoubted);
                self.withdraw_leave(payout, attempt, check_at);
                return Ok(Sending::Doubted(self.progress(payout, now)));
            }
        }
        if leased || !processing {
            self.coverage.mark(Mark::SendLeased);
            return Ok(Sending::Not(self.progress(payout, now)));
        }
        let held = &mut self.payouts[payout].attempts[attempt];
        if held.sends == 0 {
            // What people said of it before its first byte left is about nothing.
            held.attested_unpaid_from = None;
        }
        held.sends += 1;
        held.leases += 1;
        let alone = held.counted_at.is_none_or(|counted| now - counted >= SEND_LEASE);
        ensure!(alone, "payout {payout} is sent again while a send may be on its way");
        held.counted_at = Some(now);
        held.send_deadline = Some(now + SEND_LEASE);
        held.check_at = held.send_deadline;
        held.resend = false;
        let lease = held.leases;
        self.touched.push(payout);
        Ok(Sending::Go { lease })
    }

    fn withdraw_leave(&mut self, payout: usize, attempt: usize, check_at: DateTime<Utc>) {
        let held = &mut self.payouts[payout].attempts[attempt];
        if held.resend {
            held.resend = false;
            held.check_at = Some(check_at);
            self.touched.push(payout);
        }
    }

    /// Writes down the answer to a send.
    pub fn record_submitted(
        &mut self,
        payout: usize,
        attempt: usize,
        lease: u32,
        submitted: &Submitted,
        now: DateTime<Utc>,
    ) -> Result<Progress> {
        let held = &self.payouts[payout].attempts[attempt];
        let after = judge::answered(held.status, held.sends, submitted, WEBHOOK_TIMEOUT, now);
        let overtaken = held.leases != lease;
        let after = if overtaken {
            self.coverage.mark(Mark::AnswerOvertaken);
            judge::overtaken(after)
        } else {
            after
        };
        self.coverage.mark(match &after {
            AfterSend::Accepted { .. } => Mark::SendAccepted,
            AfterSend::Fail(_) => Mark::SendFail,
            AfterSend::LoseSight { .. } => Mark::SendLoseSight,
            AfterSend::TakeBack => Mark::SendTakeBack,
            AfterSend::Nothing => Mark::SendNothing,
        });
        match after {
            AfterSend::Accepted { check_at } => {
                self.step_attempt(payout, attempt, AttemptEvent::Accept)?;
                let held = &mut self.payouts[payout].attempts[attempt];
                if let Submitted::Accepted(accepted) = submitted {
                    held.gateway_id = gateway_id(&accepted.gateway_id);
                }
                held.resend = false;
                held.check_at = Some(check_at);
                held.looks = 0;
            }
            AfterSend::Fail(failure) => self.fail(payout, attempt, &failure, now)?,
            AfterSend::LoseSight { check_at } => {
                self.step_attempt(payout, attempt, AttemptEvent::LoseSight)?;
                let held = &mut self.payouts[payout].attempts[attempt];
                held.resend = false;
                held.check_at = Some(check_at);
            }
            AfterSend::TakeBack => {
                if !overtaken {
                    self.payouts[payout].attempts[attempt].counted_at = None;
                }
                self.take_back(payout, attempt, now)?;
            }
            AfterSend::Nothing => {}
        }
        self.touched.push(payout);
        Ok(self.progress(payout, now))
    }

    fn take_back(&mut self, payout: usize, attempt: usize, now: DateTime<Utc>) -> Result<()> {
        let held = &mut self.payouts[payout].attempts[attempt];
        let sent = match held.status {
            AttemptStatus::Submitting | AttemptStatus::Unknown => {
                held.sends > 0 && held.send_deadline.is_some()
            }
            AttemptStatus::Accepted
            | AttemptStatus::Succeeded
            | AttemptStatus::Failed
            | AttemptStatus::Reversed => false,
        };
        if sent {
            held.resend = held.sends > 1;
            held.sends -= 1;
            held.send_deadline = None;
            held.check_at = None;
        }
        let watched = watched(&self.payouts[payout].attempts[attempt]);
        if watched.is_not_needed(self.around(payout, attempt).other) {
            self.coverage.mark(Mark::TakenBackNotNeeded);
            self.completes_instead(payout, attempt, now)?;
        }
        Ok(())
    }

    /// The open attempt, of which nothing has left, is withdrawn: the late success that waits for its end completes the payout.
    fn completes_instead(&mut self, payout: usize, unsent: usize, now: DateTime<Utc>) -> Result<()> {
        self.withdraw(payout, unsent, now)?;
        self.complete_by_waiting(payout, now)?;
        self.touched.push(payout);
        Ok(())
    }

    /// Somebody else than the payout's own script looks: that is told, where what it waits for has ended.
    pub fn record_observation_and_wake(
        &mut self,
        payout: usize,
        attempt: usize,
        observed: &Observed,
        now: DateTime<Utc>,
    ) -> Result<Progress> {
        let open = self.payouts[payout].attempts[attempt].status.is_open();
        let progress = self.record_observation(payout, attempt, observed, now)?;
        let held = &self.payouts[payout].attempts[attempt];
        if open && !held.status.is_open() {
            let number = held.number;
            self.tell(payout, Some((SignalName::TransferUpdate, Some(number))));
        }
        Ok(progress)
    }

    /// Writes down one look and what follows from it.
    pub fn record_observation(
        &mut self,
        payout: usize,
        attempt: usize,
        observed: &Observed,
        now: DateTime<Utc>,
    ) -> Result<Progress> {
        let around = self.around(payout, attempt);
        let held = &self.payouts[payout].attempts[attempt];
        let watched = watched(held);
        let terms = &held.terms;
        let consequence = judge::look(&watched, around, terms, observed, WEBHOOK_TIMEOUT, now);
        let sighting = sighting(observed).filter(|sighting| sighting.disagreement(terms).is_none());
        let agrees = sighting.is_some();
        // Said here once more, because what the rules say is what is tested.
        let confirms = match observed {
            Observed::Failed(..) => agrees,
            Observed::NotFound => held.gateway_id.is_none(),
            Observed::InFlight(_)
            | Observed::Succeeded(_)
            | Observed::Reversed(_)
            | Observed::Unrecognised { .. } => false,
        };
        let attested = held.attested_unpaid_from.is_some_and(|from| from <= now);
        ensure!(
            consequence != Consequence::ConfirmFailure || confirms || attested,
            "a failure of payout {payout} is confirmed by {observed:?}"
        );
        let id = sighting.and_then(|sighting| gateway_id(&sighting.gateway_id));
        let contradicts = sighting.is_some()
            && matches!(observed, Observed::InFlight(_) | Observed::Succeeded(_) | Observed::Reversed(_));
        let disagrees = sighting.is_none() && self::sighting(observed).is_some();
        if disagrees {
            self.payouts[payout].attempts[attempt].contradiction = true;
        }
        self.consequence(payout, attempt, consequence, id, contradicts, now)?;
        let held = &self.payouts[payout].attempts[attempt];
        if agrees
            && !held.fee_booked
            && let Some(fee) = judge::fee_told(held.status, observed)
        {
            self.book_fee(payout, attempt, amount(fee.amount())?)?;
        }
        self.touched.push(payout);
        Ok(self.progress(payout, now))
    }

    pub(super) fn consequence(
        &mut self,
        payout: usize,
        attempt: usize,
        consequence: Consequence,
        id: Option<u32>,
        contradicts: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.coverage.mark(mark(&consequence));
        let held = &mut self.payouts[payout].attempts[attempt];
        if held.gateway_id.is_none() {
            held.gateway_id = id;
        }
        let had_paid = matches!(held.status, AttemptStatus::Succeeded | AttemptStatus::Reversed);
        if contradicts && !had_paid && held.attested_unpaid_from.take().is_some() {
            self.coverage.mark(Mark::AttestationWithdrawn);
        }
        let held = &mut self.payouts[payout].attempts[attempt];
        match consequence {
            Consequence::Succeed => self.succeed(payout, attempt, now),
            Consequence::Fail(failure) => {
                if failure.code == FailureCode::AttestedUnpaid {
                    let cooled = held.attested_unpaid_from.is_some_and(|from| from <= now);
                    ensure!(cooled, "payout {payout} fails on what people said before it has cooled");
                    self.coverage.mark(Mark::AttestedUnpaid);
                }
                self.fail(payout, attempt, &failure, now)
            }
            Consequence::LookAgain { becomes, check_at } => {
                held.looks += 1;
                held.check_at = Some(check_at);
                if let Some(becomes) = becomes {
                    held.resend = false;
                    let event = match becomes {
                        AttemptStatus::Accepted => AttemptEvent::Accept,
                        AttemptStatus::Unknown => AttemptEvent::LoseSight,
                        AttemptStatus::Submitting
                        | AttemptStatus::Succeeded
                        | AttemptStatus::Failed
                        | AttemptStatus::Reversed => {
                            return broken(format!("a look makes an attempt {becomes}"));
                        }
                    };
                    self.step_attempt(payout, attempt, event)?;
                }
                Ok(())
            }
            Consequence::MayResend => {
                let on_its_way = held.send_deadline.is_some_and(|deadline| now < deadline);
                ensure!(!on_its_way, "payout {payout} may be sent again while a send may be on its way");
                held.looks += 1;
                held.resend = true;
                self.step_attempt(payout, attempt, AttemptEvent::LoseSight)
            }
            Consequence::ConfirmFailure => {
                held.failed_seen_at = Some(now);
                held.doubt = None;
                if held.doubted_at.take().is_some() {
                    held.unknown_too_long = false;
                    held.contradiction = false;
                }
                Ok(())
            }
            Consequence::Doubt(doubt) => {
                held.doubt = Some(doubt);
                held.doubted_at = held.doubted_at.or(Some(now));
                Ok(())
            }
            Consequence::Late(late) => self.late(payout, attempt, late, now),
            Consequence::ReversalSeen => {
                held.reversal_seen_at = Some(now);
                held.reversal = true;
                self.note("reversal seen");
                Ok(())
            }
            Consequence::Reverse => self.reverse(payout, attempt, now),
            Consequence::NotReversed => {
                held.reversal_seen_at = None;
                held.reversal = false;
                Ok(())
            }
            Consequence::Nothing => Ok(()),
        }
    }

    /// The payout around one of its attempts.
    pub(super) fn around(&self, payout: usize, attempt: usize) -> Around {
        let row = &self.payouts[payout];
        let others = row.attempts.iter().enumerate().filter(|(at, _)| *at != attempt);
        let beside =
            |other: &Attempt| Beside { status: other.status, sends: other.sends, excess: other.overpaid };
        let other = OtherAttempt::among(others.map(|(_, other)| beside(other)));
        Around { payout: row.status, refunded: row.refunded, other }
    }

    /// Whether a webhook or the time makes the gateway be asked about it.
    pub fn is_looked_at(&self, payout: usize, attempt: usize) -> bool {
        match self.payouts[payout].attempts[attempt].status {
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Failed => true,
            AttemptStatus::Succeeded | AttemptStatus::Reversed => false,
        }
    }

    /// Which attempts must be looked at again before another try or a refund.
    pub fn failed_attempts(&self, payout: usize) -> Vec<usize> {
        let attempts = self.payouts[payout].attempts.iter().enumerate();
        attempts.filter(|(_, attempt)| attempt.status == AttemptStatus::Failed).map(|(at, _)| at).collect()
    }

    /// After the looks: begin, look again later, or a person.
    pub fn after_looks(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Progress> {
        let row = &self.payouts[payout];
        let gate = judge::may_begin(row.status, row.next_attempt_at, &self.facts_of_attempts(payout), now);
        let due = match gate {
            Gate::Begin(_) | Gate::HasPaid | Gate::UsedUp => {
                return Ok(Progress { next: Next::Begin, ..self.progress(payout, now) });
            }
            Gate::Nothing => return Ok(self.progress(payout, now)),
            Gate::LookFirst(Unproven::NotFresh(_)) => now,
            Gate::LookFirst(Unproven::NotProven(_)) => match self.wait_for_doubts(payout, now)? {
                Some(due) => due,
                None => return Ok(self.progress(payout, now)),
            },
        };
        let row = &mut self.payouts[payout];
        if row.status == PayoutStatus::Failed && due > now {
            row.next_attempt_at = Some(due);
            self.touch(payout, now);
        }
        Ok(Progress { next: Next::AwaitRetry { due }, ..self.progress(payout, now) })
    }

    /// `None`: one was in doubt for so long that a person has the payout now.
    fn wait_for_doubts(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let mut due: Option<DateTime<Utc>> = None;
        let mut too_long = false;
        for held in &mut self.payouts[payout].attempts {
            let Some(since) = held.doubted_at else { continue };
            match judge::doubted(since, now) {
                Doubted::LookAgain(at) => due = Some(due.map_or(at, |due| due.min(at))),
                Doubted::GiveToAPerson => {
                    held.contradiction = true;
                    too_long = true;
                }
            }
        }
        if too_long {
            self.coverage.mark(Mark::UnprovenGivenUp);
            self.give_to_a_person(payout, FailureCode::Other, now)?;
            return Ok(None);
        }
        Ok(Some(due.unwrap_or(now)))
    }

    /// An attempt may still pay, has paid, or was last seen to be anything but failed.
    pub(super) fn may_pay(&self, payout: usize) -> bool {
        self.payouts[payout].attempts.iter().any(|attempt| attempt.facts().proof_unpaid().is_err())
    }

    /// Moves an attempt as `domain` allows it.
    pub(super) fn step_attempt(&mut self, payout: usize, attempt: usize, event: AttemptEvent) -> Result<()> {
        let held = &mut self.payouts[payout].attempts[attempt];
        let Some(status) = held.status.after(event) else {
            return broken(format!(
                "attempt {} of payout {payout} is {} and cannot take {event:?}",
                held.number.get(),
                held.status
            ));
        };
        held.status = status;
        Ok(())
    }

    /// Which attempt has this number.
    pub fn place(&self, payout: usize, number: AttemptNumber) -> Option<usize> {
        self.payouts[payout].attempts.iter().position(|attempt| attempt.number == number)
    }
}

/// Released and not begun, or failed with a retry that is due.
pub fn may_go_on(progress: &Progress, now: DateTime<Utc>) -> bool {
    match progress.next {
        Next::Begin => true,
        Next::AwaitRetry { due } => progress.status == PayoutStatus::Failed && due <= now,
        Next::Assess
        | Next::AwaitDecision
        | Next::AwaitRelease
        | Next::Send { .. }
        | Next::AwaitOutcome { .. }
        | Next::AwaitAttention
        | Next::Notify { .. } => false,
    }
}

pub(super) fn watched(held: &Attempt) -> Watched {
    Watched {
        status: held.status,
        sends: held.sends,
        looks: held.looks,
        send_deadline: held.send_deadline,
        has_gateway_id: held.gateway_id.is_some(),
        attested_unpaid_from: held.attested_unpaid_from,
        reversal_seen_at: held.reversal_seen_at,
    }
}

fn sighting(observed: &Observed) -> Option<&Sighting> {
    match observed {
        Observed::InFlight(sighting)
        | Observed::Succeeded(sighting)
        | Observed::Failed(sighting, _)
        | Observed::Reversed(sighting) => Some(sighting),
        Observed::NotFound | Observed::Unrecognised { .. } => None,
    }
}

fn gateway_id(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn amount(money: Decimal) -> Result<Amount> {
    let units = money.checked_mul(Decimal::from(10_000)).and_then(|units| units.to_i64());
    units.ok_or_else(|| Broken("a fee that no ledger holds".to_owned()))
}

fn mark(consequence: &Consequence) -> Mark {
    match consequence {
        Consequence::Succeed => Mark::LookSucceed,
        Consequence::Fail(_) => Mark::LookFail,
        Consequence::LookAgain { .. } => Mark::LookAgain,
        Consequence::MayResend => Mark::LookMayResend,
        Consequence::ConfirmFailure => Mark::LookConfirmFailure,
        Consequence::Doubt(Doubt::InFlight) => Mark::LookDoubtInFlight,
        Consequence::Doubt(_) => Mark::LookDoubtUnconfirmed,
        Consequence::Late(Late::Completes | Late::WithdrawsAndCompletes | Late::Waits | Late::Overpaid) => {
            Mark::LookLate
        }
        Consequence::ReversalSeen => Mark::LookReversalSeen,
        Consequence::Reverse => Mark::LookReverse,
        Consequence::NotReversed => Mark::LookNotReversed,
        Consequence::Nothing => Mark::LookNothing,
    }
}
