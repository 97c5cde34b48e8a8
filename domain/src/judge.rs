//! What one answer of the gateway does to an attempt and its payout, and whether money may move again.
//!
//! Pure functions: the store carries out what they answer, in one transaction with the evidence; the simulation that attacks
//! them does the same on its model. Absence never ends an attempt, a refusal of a re-send proves nothing, and time alone never
//! makes a failure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    AttemptFacts, AttemptNumber, AttemptStatus, AttemptTerms, Doubt, Failure, FailureClass, Money, NotProven,
    Observed, PayoutStatus, ProvenUnpaid, RetrySchedule, Submitted, next_attempt, poll_delay,
};

/// A failure seen at the gateway longer ago than this must be seen again before money moves on it.
pub const FRESH: TimeDelta = TimeDelta::minutes(2);

/// A doubt that looks have not settled for this long is given to a person: the gateway contradicts itself.
pub const DOUBT_GOES_TO_A_PERSON_AFTER: TimeDelta = TimeDelta::hours(24);

/// A paid transfer that the gateway calls failed is given back to the provider only when it still says so after this long
/// (or when finance confirms it): one answer may be a mistake, and credit that was paid out again cannot be taken back.
pub const REVERSAL_CONFIRMED_AFTER: TimeDelta = TimeDelta::hours(24);

/// How long an attested `not paid` cools before one more look may end the attempt.
pub const ATTESTATION_COOLS_FOR: TimeDelta = TimeDelta::hours(72);

/// The first look after an answer to a send that told nothing.
const FIRST_LOOK: TimeDelta = TimeDelta::seconds(5);

/// An attempt as far as an answer about it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub status: AttemptStatus,
    /// Sends whose bytes may have reached the gateway.
    pub sends: u32,
    /// Looks so far without a final answer.
    pub looks: u32,
    /// Until then a send may be on its way.
    pub send_deadline: Option<DateTime<Utc>>,
    /// The gateway has told an id for it.
    pub has_gateway_id: bool,
    /// Two finance admins have attested that it did not pay, and from this moment a look may end it.
    pub attested_unpaid_from: Option<DateTime<Utc>>,
    /// When the gateway first called this paid transfer failed or reversed, and has not taken it back since.
    pub reversal_seen_at: Option<DateTime<Utc>>,
}

/// The payout around the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    pub payout: PayoutStatus,
    pub refunded: bool,
    /// The payout's other attempt that has not conclusively failed.
    pub other: OtherAttempt,
}

/// How another attempt of the payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    pub status: AttemptStatus,
    /// Sends whose bytes may have reached the gateway.
    pub sends: u32,
    /// It paid what was not due, and that is booked as the provider's debt.
    pub excess: bool,
}

/// Of several others, the one that matters most: the last of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OtherAttempt {
    /// Each has conclusively failed, or its money came back, or is the provider's debt.
    None,
    /// Recorded, and no byte of it has left: it can be withdrawn.
    Unsent,
    /// It may still pay.
    MayPay,
    /// It has paid.
    Paid,
}

impl OtherAttempt {
    pub fn among(others: impl IntoIterator<Item = Beside>) -> Self {
        let one = |other: Beside| match other.status {
            AttemptStatus::Failed | AttemptStatus::Reversed => Self::None,
            AttemptStatus::Succeeded if other.excess => Self::None,
            AttemptStatus::Submitting if other.sends == 0 => Self::Unsent,
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => Self::MayPay,
            AttemptStatus::Succeeded => Self::Paid,
        };
        others.into_iter().map(one).max().unwrap_or(Self::None)
    }
}

/// What a look does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Paid: the attempt succeeded and its payout is completed.
    Succeed,
    /// Conclusively not paid.
    Fail(Failure),
    /// No final answer: ask again at `check_at`.
    LookAgain { becomes: Option<AttemptStatus>, check_at: DateTime<Utc> },
    /// The gateway does not know it, no send can be on its way, and nothing else has paid: the *same* attempt may be sent again.
    MayResend,
    /// The failure was seen again just now.
    ConfirmFailure,
    /// A failed attempt was not seen to have failed.
    Doubt(Doubt),
    /// A failed attempt has paid after all.
    Late(Late),
    /// A paid transfer is called failed or reversed for the first time: a case, nothing moves yet.
    ReversalSeen,
    /// Still so a day later: the money came back.
    Reverse,
    /// The gateway says again that it paid.
    NotReversed,
    /// Evidence only.
    Nothing,
}

/// What a late success means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Nothing else has paid or may: the payout is completed by it.
    Completes,
    /// Another attempt was recorded and not sent: it is withdrawn, then the payout is completed.
    WithdrawsAndCompletes,
    /// Another attempt may pay too: how that ends decides whether the payout is completed by this one or paid twice.
    Waits,
    /// The money went twice, or went after it had been given back to the balance: the excess is the provider's debt.
    Overpaid,
}

/// What the gateway's answer to a look does. `terms` is what the attempt asked for: an answer that disagrees with it counts as
/// none. `first`: the webhook timeout, from which the times between looks grow.
pub fn look(
    attempt: &Watched,
    around: Around,
    terms: &AttemptTerms,
    observed: &Observed,
    first: Duration,
    now: DateTime<Utc>,
) -> Consequence {
    let sighting = match observed {
        Observed::InFlight(sighting)
        | Observed::Succeeded(sighting)
        | Observed::Failed(sighting, _)
        | Observed::Reversed(sighting) => Some(sighting),
        Observed::NotFound | Observed::Unrecognised { .. } => None,
    };
    if sighting.is_some_and(|sighting| sighting.disagreement(terms).is_some()) {
        return attempt.not_told(first, now);
    }
    match observed {
        Observed::InFlight(_) => match attempt.status {
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                attempt.look_again(Some(AttemptStatus::Accepted), first, now)
            }
            AttemptStatus::Failed => Consequence::Doubt(Doubt::InFlight),
            AttemptStatus::Succeeded | AttemptStatus::Reversed => Consequence::Nothing,
        },
        Observed::Succeeded(_) => match attempt.status {
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                Consequence::Succeed
            }
            AttemptStatus::Failed => Consequence::Late(late(around)),
            AttemptStatus::Succeeded if attempt.reversal_seen_at.is_some() => Consequence::NotReversed,
            AttemptStatus::Succeeded | AttemptStatus::Reversed => Consequence::Nothing,
        },
        Observed::Failed(_, failure) => match attempt.status {
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                Consequence::Fail(failure.clone())
            }
            AttemptStatus::Failed => Consequence::ConfirmFailure,
            AttemptStatus::Succeeded => attempt.given_back(now),
            AttemptStatus::Reversed => Consequence::Nothing,
        },
        // Flutterwave's v3 never says so; a gateway that does has moved the money twice, and a person looks at what is open.
        Observed::Reversed(_) => match attempt.status {
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                attempt.look_again(Some(AttemptStatus::Unknown), first, now)
            }
            AttemptStatus::Failed => Consequence::Doubt(Doubt::Unconfirmed),
            AttemptStatus::Succeeded => attempt.given_back(now),
            AttemptStatus::Reversed => Consequence::Nothing,
        },
        Observed::NotFound => attempt.not_found(around.other, first, now),
        Observed::Unrecognised { .. } => attempt.not_told(first, now),
    }
}

/// What a late success means where the payout stands so.
pub fn late(around: Around) -> Late {
    match around.payout {
        PayoutStatus::Completed
        | PayoutStatus::Reversed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled => Late::Overpaid,
        PayoutStatus::Failed if around.refunded => Late::Overpaid,
        PayoutStatus::Requested
        | PayoutStatus::Approved
        | PayoutStatus::Processing
        | PayoutStatus::Failed => match around.other {
            OtherAttempt::None => Late::Completes,
            OtherAttempt::Unsent => Late::WithdrawsAndCompletes,
            OtherAttempt::MayPay => Late::Waits,
            OtherAttempt::Paid => Late::Overpaid,
        },
    }
}

/// What it does that two finance admins have attested that an attempt paid: what the gateway's own word would, at once.
pub fn attested_paid(attempt: &Watched, around: Around) -> Consequence {
    match attempt.status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => Consequence::Succeed,
        AttemptStatus::Failed => Consequence::Late(late(around)),
        AttemptStatus::Succeeded | AttemptStatus::Reversed => Consequence::Nothing,
    }
}

/// Whether the next attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Every earlier attempt was seen, just now, to have failed, or its money came back or is owed.
    Begin(AttemptNumber),
    /// Nothing is to begin: not released, no retry due, or an attempt is open.
    Nothing,
    /// Earlier attempts must be looked at first.
    LookFirst(Unproven),
    /// An earlier attempt has paid: what is to become of the payout is for a person to say.
    HasPaid,
    /// There are no attempt numbers left.
    UsedUp,
}

/// Whether another attempt of a payout may begin. `due`: when its retry is; `attempts`: all it has made, in order. Pauses, the
/// provider and the account are judged beside it.
pub fn may_begin(
    payout: PayoutStatus,
    due: Option<DateTime<Utc>>,
    attempts: &[AttemptFacts],
    now: DateTime<Utc>,
) -> Gate {
    match payout {
        PayoutStatus::Processing => {}
        PayoutStatus::Failed if due.is_some_and(|due| due <= now) => {}
        PayoutStatus::Requested
        | PayoutStatus::Approved
        | PayoutStatus::Completed
        | PayoutStatus::Failed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => return Gate::Nothing,
    }
    if attempts.iter().any(|attempt| attempt.status.is_open()) {
        return Gate::Nothing;
    }
    if attempts.iter().any(|attempt| attempt.status == AttemptStatus::Succeeded && !attempt.excess) {
        return Gate::HasPaid;
    }
    let made = u8::try_from(attempts.len()).unwrap_or(u8::MAX);
    match proofs(attempts, now) {
        Ok(proofs) => next_attempt(made, &proofs).map_or(Gate::UsedUp, Gate::Begin),
        Err(unproven) => Gate::LookFirst(unproven),
    }
}

/// What stands against money moving again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error(transparent)]
    NotProven(NotProven),
    #[error("attempt {} has not been seen to have failed just now", .0.get())]
    NotFresh(AttemptNumber),
}

/// One proof for every attempt, each failure seen within [`FRESH`] (money that came back was seen twice, a day apart; a debt is a
/// posting, which does not age); or what stands against it, first of all what another look at the gateway may not settle. A next
/// attempt and a refund need them.
pub fn proofs(attempts: &[AttemptFacts], now: DateTime<Utc>) -> Result<Vec<ProvenUnpaid>, Unproven> {
    let proofs: Result<Vec<_>, _> = attempts.iter().map(AttemptFacts::proof_unpaid).collect();
    let proofs = proofs.map_err(Unproven::NotProven)?;
    let seen_lately = |attempt: &AttemptFacts| match attempt.status {
        AttemptStatus::Succeeded | AttemptStatus::Reversed => true,
        AttemptStatus::Submitting
        | AttemptStatus::Accepted
        | AttemptStatus::Unknown
        | AttemptStatus::Failed => {
            attempt.failed_seen_at.is_some_and(|seen| now.signed_duration_since(seen) <= FRESH)
        }
    };
    match attempts.iter().find(|attempt| !seen_lately(attempt)) {
        None => Ok(proofs),
        Some(stale) => Err(Unproven::NotFresh(stale.number)),
    }
}

/// What becomes of a payout whose next attempt waits for a doubt to be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubted {
    LookAgain(DateTime<Utc>),
    GiveToAPerson,
}

/// `since`: when a look first said something else than failed, and none has confirmed the failure after it. It waits as long
/// again as it has waited, so a doubt of a second costs seconds and one of hours costs the gateway little.
pub fn doubted(since: DateTime<Utc>, now: DateTime<Utc>) -> Doubted {
    const SHORTEST: TimeDelta = TimeDelta::seconds(10);
    const LONGEST: TimeDelta = TimeDelta::minutes(15);
    let waited = now.signed_duration_since(since);
    if waited >= DOUBT_GOES_TO_A_PERSON_AFTER {
        Doubted::GiveToAPerson
    } else {
        Doubted::LookAgain(later(now, waited.clamp(SHORTEST, LONGEST)))
    }
}

impl Watched {
    /// Two people have attested that it did not pay, and that has cooled.
    fn attested_unpaid(&self, now: DateTime<Utc>) -> bool {
        self.attested_unpaid_from.is_some_and(|from| from <= now)
    }

    /// Nothing of it has left, and another attempt has paid: it is withdrawn, and the late success that waits for its end
    /// completes the payout.
    pub fn is_not_needed(&self, other: OtherAttempt) -> bool {
        self.sends == 0 && !self.has_gateway_id && self.status.is_open() && other == OtherAttempt::Paid
    }

    fn may_be_on_its_way(&self, now: DateTime<Utc>) -> bool {
        self.send_deadline.is_some_and(|deadline| now < deadline)
    }

    fn given_back(&self, now: DateTime<Utc>) -> Consequence {
        match self.reversal_seen_at {
            None => Consequence::ReversalSeen,
            Some(seen) if now.signed_duration_since(seen) >= REVERSAL_CONFIRMED_AFTER => Consequence::Reverse,
            Some(_) => Consequence::Nothing,
        }
    }

    /// An answer that tells nothing, but is no absence either: the same attempt is not sent again on it.
    fn not_told(&self, first: Duration, now: DateTime<Utc>) -> Consequence {
        match self.status {
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                if self.attested_unpaid(now) && !self.may_be_on_its_way(now) {
                    Consequence::Fail(Failure::attested())
                } else {
                    self.look_again(Some(AttemptStatus::Unknown), first, now)
                }
            }
            AttemptStatus::Failed if self.attested_unpaid(now) => Consequence::ConfirmFailure,
            AttemptStatus::Failed => Consequence::Doubt(Doubt::Unconfirmed),
            AttemptStatus::Succeeded | AttemptStatus::Reversed => Consequence::Nothing,
        }
    }

    /// Once the last send can no longer be on its way, the same attempt may be sent again. One that the gateway has told an id
    /// for, that people have attested about, or whose end a late success waits for, is only looked at again.
    fn not_found(&self, other: OtherAttempt, first: Duration, now: DateTime<Utc>) -> Consequence {
        match self.status {
            // A declined send leaves no record behind: not finding one is what was to be expected. A record that was there and
            // is gone confirms nothing.
            AttemptStatus::Failed if !self.has_gateway_id || self.attested_unpaid(now) => {
                Consequence::ConfirmFailure
            }
            AttemptStatus::Failed => Consequence::Doubt(Doubt::Unconfirmed),
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                let on_its_way = self.may_be_on_its_way(now);
                if self.attested_unpaid(now) && !on_its_way {
                    return Consequence::Fail(Failure::attested());
                }
                let accepted = self.status == AttemptStatus::Accepted;
                // Had nothing of it left, whoever is to send it withdraws it: see [`before_send`].
                let paid_before = other == OtherAttempt::Paid && self.sends > 0;
                let attested = self.attested_unpaid_from.is_some();
                if accepted || on_its_way || self.has_gateway_id || attested || paid_before {
                    self.look_again(None, first, now)
                } else {
                    Consequence::MayResend
                }
            }
            AttemptStatus::Succeeded | AttemptStatus::Reversed => Consequence::Nothing,
        }
    }

    fn look_again(&self, becomes: Option<AttemptStatus>, first: Duration, now: DateTime<Utc>) -> Consequence {
        let after_wait = later(now, poll_delay(first, self.looks));
        // Moments that change what a look may conclude are not slept through: the end of a send's way, an attestation's cooling.
        let moments = [self.send_deadline.filter(|_| becomes.is_none()), self.attested_unpaid_from];
        let check_at =
            moments.into_iter().flatten().filter(|moment| *moment > now).fold(after_wait, DateTime::min);
        Consequence::LookAgain { becomes, check_at }
    }
}

/// What is done with an open attempt that is to be sent, or sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeSend {
    Send,
    /// [`Watched::is_not_needed`]: nothing of it ever leaves.
    Withdraw,
    /// It is not sent again: the gateway is asked about it.
    Look,
    /// An earlier attempt is in doubt, and nothing of this one has left: it is withdrawn, and the payout waits for that doubt.
    WithdrawForDoubt,
    /// An earlier attempt is in doubt: that is looked at now, and this one at `check_at`.
    LookAtOthers {
        check_at: DateTime<Utc>,
    },
}

/// Judges a send before it is counted. `doubted`: a look at another attempt said something else than failed. A pause is judged
/// beside it, and holds up what it says about doubts too.
pub fn before_send(attempt: &Watched, other: OtherAttempt, doubted: bool, now: DateTime<Utc>) -> BeforeSend {
    /// An open attempt that may not be sent again because an earlier one is in doubt is looked at again after this long.
    const DOUBTED_AGAIN: TimeDelta = TimeDelta::minutes(1);
    let sent = attempt.sends > 0;
    if sent && attempt.attested_unpaid_from.is_some() {
        // Nothing is sent again that two people say has not paid: it is looked at until their word may end it.
        BeforeSend::Look
    } else if attempt.is_not_needed(other) {
        BeforeSend::Withdraw
    } else if other == OtherAttempt::Paid {
        // Its own end is only waited for: what would be sent again would pay twice.
        BeforeSend::Look
    } else if doubted && sent {
        BeforeSend::LookAtOthers { check_at: now.checked_add_signed(DOUBTED_AGAIN).unwrap_or(now) }
    } else if doubted {
        BeforeSend::WithdrawForDoubt
    } else {
        BeforeSend::Send
    }
}

/// The fee that an answer tells of a transfer that has paid, also where its money came back later. It is booked once for each
/// transfer, at the first answer that tells it. `after`: the attempt's status once the answer was acted on; the answer agrees
/// with what was asked for. A transfer that is called failed tells none: who has never paid charges nothing.
pub fn fee_told(after: AttemptStatus, observed: &Observed) -> Option<Money> {
    match after {
        AttemptStatus::Succeeded | AttemptStatus::Reversed => {}
        AttemptStatus::Submitting
        | AttemptStatus::Accepted
        | AttemptStatus::Unknown
        | AttemptStatus::Failed => return None,
    }
    match observed {
        Observed::Succeeded(sighting) | Observed::Reversed(sighting) => sighting.fee,
        Observed::InFlight(_)
        | Observed::Failed(_, _)
        | Observed::NotFound
        | Observed::Unrecognised { .. } => None,
    }
}

/// What the answer to a send does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterSend {
    /// Queued: the webhook is waited for until `check_at`.
    Accepted { check_at: DateTime<Utc> },
    /// Conclusively not paid.
    Fail(Failure),
    /// It may pay or have paid.
    LoseSight { check_at: DateTime<Utc> },
    /// Nothing left: the send is not counted.
    TakeBack,
    /// The outcome was known before the answer came.
    Nothing,
}

/// What the answer to a send does to an attempt whose bytes may have left `sends` times.
pub fn answered(
    status: AttemptStatus,
    sends: u32,
    submitted: &Submitted,
    first: Duration,
    now: DateTime<Utc>,
) -> AfterSend {
    match submitted {
        Submitted::NotSent(_) => return AfterSend::TakeBack,
        Submitted::Accepted(_)
        | Submitted::Declined(_)
        | Submitted::Duplicate
        | Submitted::Unknown { .. } => {}
    }
    match status {
        AttemptStatus::Submitting | AttemptStatus::Unknown => {}
        AttemptStatus::Accepted
        | AttemptStatus::Succeeded
        | AttemptStatus::Failed
        | AttemptStatus::Reversed => return AfterSend::Nothing,
    }
    match submitted {
        Submitted::Accepted(_) => {
            let first = TimeDelta::from_std(first).unwrap_or(TimeDelta::minutes(2));
            AfterSend::Accepted { check_at: later(now, first) }
        }
        // A refusal of a re-send proves nothing about the first send.
        Submitted::Declined(failure) if status == AttemptStatus::Submitting && sends == 1 => {
            AfterSend::Fail(failure.clone())
        }
        Submitted::Declined(_) | Submitted::Duplicate => AfterSend::LoseSight { check_at: now },
        Submitted::Unknown { .. } => AfterSend::LoseSight { check_at: later(now, FIRST_LOOK) },
        Submitted::NotSent(_) => AfterSend::TakeBack,
    }
}

/// What is left of it when the lease has passed to another sender meanwhile: that the gateway accepted the reference is true
/// whoever sent it; the rest is for that other's answer to say.
pub fn overtaken(means: AfterSend) -> AfterSend {
    match means {
        AfterSend::Accepted { .. } => means,
        AfterSend::Fail(_) | AfterSend::LoseSight { .. } | AfterSend::TakeBack | AfterSend::Nothing => {
            AfterSend::Nothing
        }
    }
}

/// What becomes of a payout whose attempt has conclusively failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Nobody's failure here: back to waiting for a batch, first in line.
    WaitForFunds,
    RetryAt(DateTime<Utc>),
    NeedsAttention,
}

/// `failures`: counted ones, this one included.
pub fn after_failure(
    class: FailureClass,
    failures: u8,
    schedule: &RetrySchedule,
    now: DateTime<Utc>,
) -> AfterFailure {
    match class {
        FailureClass::NeedsFinance => AfterFailure::WaitForFunds,
        FailureClass::Retry => match schedule.delay_after(failures) {
            Some(delay) => {
                let delay = TimeDelta::from_std(delay).unwrap_or(TimeDelta::days(1));
                AfterFailure::RetryAt(later(now, delay))
            }
            None => AfterFailure::NeedsAttention,
        },
        FailureClass::NeedsProvider | FailureClass::Permanent => AfterFailure::NeedsAttention,
    }
}

/// Whether a failure counts as a try of the payout's.
pub fn counts(class: FailureClass) -> bool {
    match class {
        FailureClass::Retry | FailureClass::NeedsProvider | FailureClass::Permanent => true,
        FailureClass::NeedsFinance => false,
    }
}

fn later(now: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    now.checked_add_signed(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepted, AccountName, Currency, Money, NotSent, NotSentClass, Reference, Sighting};

    const FIRST: Duration = Duration::from_secs(30);

    fn noon() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
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
        let terms = terms();
        Sighting {
            reference: terms.reference,
            gateway_id: "7".to_owned(),
            amount: terms.amount,
            bank: "044".to_owned(),
            account: "0690000031".to_owned(),
            fee: None,
        }
    }

    fn watched(status: AttemptStatus) -> Watched {
        Watched {
            status,
            sends: 1,
            looks: 0,
            send_deadline: Some(noon()),
            has_gateway_id: false,
            attested_unpaid_from: None,
            reversal_seen_at: None,
        }
    }

    const ALONE: Around =
        Around { payout: PayoutStatus::Processing, refunded: false, other: OtherAttempt::None };

    fn seen(attempt: &Watched, around: Around, observed: &Observed) -> Consequence {
        look(attempt, around, &terms(), observed, FIRST, noon())
    }

    #[test]
    fn absence_permits_only_the_same_attempt_again() {
        let unknown = watched(AttemptStatus::Unknown);
        assert_eq!(seen(&unknown, ALONE, &Observed::NotFound), Consequence::MayResend);
        for attempt in [
            Watched { send_deadline: Some(noon() + TimeDelta::seconds(1)), ..unknown.clone() },
            Watched { has_gateway_id: true, ..unknown.clone() },
            Watched { attested_unpaid_from: Some(noon() + TimeDelta::hours(1)), ..unknown },
            watched(AttemptStatus::Accepted),
        ] {
            let answer = seen(&attempt, ALONE, &Observed::NotFound);
            assert!(
                matches!(answer, Consequence::LookAgain { becomes: None, .. }),
                "{attempt:?}: {answer:?}"
            );
        }
    }

    #[test]
    fn an_attestation_ends_an_attempt_only_when_it_has_cooled_and_nothing_contradicts() {
        let cooled = Watched { attested_unpaid_from: Some(noon()), ..watched(AttemptStatus::Unknown) };
        assert_eq!(seen(&cooled, ALONE, &Observed::NotFound), Consequence::Fail(Failure::attested()));
        assert_eq!(seen(&cooled, ALONE, &Observed::Succeeded(sighting())), Consequence::Succeed);
        assert!(matches!(
            seen(&cooled, ALONE, &Observed::InFlight(sighting())),
            Consequence::LookAgain { becomes: Some(AttemptStatus::Accepted), .. }
        ));
        let cooling =
            Watched { attested_unpaid_from: Some(noon() + TimeDelta::seconds(1)), ..cooled.clone() };
        let answer = seen(&cooling, ALONE, &Observed::NotFound);
        let check_at = noon() + TimeDelta::seconds(1);
        assert_eq!(answer, Consequence::LookAgain { becomes: None, check_at });
    }

    #[test]
    fn an_answer_that_disagrees_is_no_answer() {
        let other = Sighting { account: "0690000032".to_owned(), ..sighting() };
        for observed in [Observed::Succeeded(other.clone()), Observed::Failed(other, Failure::observed("no"))]
        {
            assert!(matches!(
                seen(&watched(AttemptStatus::Unknown), ALONE, &observed),
                Consequence::LookAgain { .. }
            ));
            assert_eq!(
                seen(&watched(AttemptStatus::Failed), ALONE, &observed),
                Consequence::Doubt(Doubt::Unconfirmed)
            );
        }
    }

    #[test]
    fn a_reversal_needs_a_second_look_a_day_later() {
        let failed = Observed::Failed(sighting(), Failure::observed("returned"));
        let paid = watched(AttemptStatus::Succeeded);
        assert_eq!(seen(&paid, ALONE, &failed), Consequence::ReversalSeen);
        let early = Watched {
            reversal_seen_at: Some(noon() - REVERSAL_CONFIRMED_AFTER + TimeDelta::seconds(1)),
            ..paid.clone()
        };
        assert_eq!(seen(&early, ALONE, &failed), Consequence::Nothing);
        let due = Watched { reversal_seen_at: Some(noon() - REVERSAL_CONFIRMED_AFTER), ..paid };
        assert_eq!(seen(&due, ALONE, &failed), Consequence::Reverse);
        assert_eq!(seen(&due, ALONE, &Observed::Succeeded(sighting())), Consequence::NotReversed);
    }

    #[test]
    fn a_late_success_completes_waits_or_is_too_much() {
        let paid = Observed::Succeeded(sighting());
        let failed = watched(AttemptStatus::Failed);
        for (payout, refunded, other, expected) in [
            (PayoutStatus::Failed, false, OtherAttempt::None, Late::Completes),
            (PayoutStatus::Approved, false, OtherAttempt::None, Late::Completes),
            (PayoutStatus::Processing, false, OtherAttempt::Unsent, Late::WithdrawsAndCompletes),
            (PayoutStatus::Processing, false, OtherAttempt::MayPay, Late::Waits),
            (PayoutStatus::Completed, false, OtherAttempt::Paid, Late::Overpaid),
            (PayoutStatus::Failed, true, OtherAttempt::None, Late::Overpaid),
            (PayoutStatus::Cancelled, false, OtherAttempt::None, Late::Overpaid),
        ] {
            let around = Around { payout, refunded, other };
            assert_eq!(seen(&failed, around, &paid), Consequence::Late(expected), "{around:?}");
        }
    }

    #[test]
    fn nothing_is_sent_again_beside_an_attempt_that_has_paid() {
        let beside = |other| Around { payout: PayoutStatus::Processing, refunded: false, other };
        for status in [AttemptStatus::Submitting, AttemptStatus::Unknown] {
            let sent = Watched { send_deadline: Some(noon()), ..watched(status) };
            let absent = |other| seen(&sent, beside(other), &Observed::NotFound);
            assert_eq!(absent(OtherAttempt::None), Consequence::MayResend);
            assert!(matches!(absent(OtherAttempt::Paid), Consequence::LookAgain { becomes: None, .. }));
            // Not even where that was allowed before.
            let before = |other, doubted| before_send(&sent, other, doubted, noon());
            assert_eq!(before(OtherAttempt::None, false), BeforeSend::Send);
            assert!(matches!(before(OtherAttempt::None, true), BeforeSend::LookAtOthers { .. }));
            assert_eq!(before(OtherAttempt::Paid, true), BeforeSend::Look);
            let attested = Watched { attested_unpaid_from: Some(noon()), ..sent.clone() };
            assert_eq!(before_send(&attested, OtherAttempt::None, false, noon()), BeforeSend::Look);

            let unsent = Watched { sends: 0, ..watched(status) };
            let before = |other, doubted| before_send(&unsent, other, doubted, noon());
            assert_eq!(before(OtherAttempt::None, false), BeforeSend::Send);
            assert_eq!(before(OtherAttempt::None, true), BeforeSend::WithdrawForDoubt);
            assert_eq!(before(OtherAttempt::Paid, true), BeforeSend::Withdraw);
            // The gateway has something under its reference all the same.
            let known = Watched { has_gateway_id: true, ..unsent };
            assert!(!known.is_not_needed(OtherAttempt::Paid));
        }
    }

    #[test]
    fn of_several_other_attempts_the_worst_counts() {
        use AttemptStatus as A;
        let beside = |status, sends| Beside { status, sends, excess: false };
        let excess = Beside { excess: true, ..beside(A::Succeeded, 1) };
        for (others, expected) in [
            (vec![], OtherAttempt::None),
            (vec![beside(A::Failed, 1), beside(A::Reversed, 1)], OtherAttempt::None),
            (vec![beside(A::Failed, 1), beside(A::Submitting, 0)], OtherAttempt::Unsent),
            (vec![beside(A::Unknown, 0)], OtherAttempt::MayPay),
            (vec![beside(A::Submitting, 1), beside(A::Failed, 1)], OtherAttempt::MayPay),
            (vec![beside(A::Succeeded, 1), beside(A::Accepted, 1)], OtherAttempt::Paid),
            (vec![excess, beside(A::Failed, 1)], OtherAttempt::None),
            (vec![excess, beside(A::Accepted, 1)], OtherAttempt::MayPay),
            (vec![excess, beside(A::Succeeded, 1)], OtherAttempt::Paid),
        ] {
            assert_eq!(OtherAttempt::among(others.clone()), expected, "{others:?}");
        }
    }

    #[test]
    fn only_what_has_paid_tells_a_fee() {
        let fee = Money::parse("10.75", Currency::Ngn).unwrap();
        let told = Sighting { fee: Some(fee), ..sighting() };
        let failed = Observed::Failed(told.clone(), Failure::observed("closed"));
        for (status, observed, expected) in [
            (AttemptStatus::Succeeded, Observed::Succeeded(told.clone()), Some(fee)),
            (AttemptStatus::Reversed, Observed::Succeeded(told.clone()), Some(fee)),
            (AttemptStatus::Reversed, Observed::Reversed(told.clone()), Some(fee)),
            (AttemptStatus::Reversed, failed, None),
            (AttemptStatus::Accepted, Observed::InFlight(told.clone()), None),
            (AttemptStatus::Failed, Observed::Succeeded(told), None),
            (AttemptStatus::Succeeded, Observed::NotFound, None),
        ] {
            assert_eq!(fee_told(status, &observed), expected, "{status} {observed:?}");
        }
    }

    #[test]
    fn a_refusal_is_proof_only_of_a_single_send() {
        let declined = Submitted::Declined(Failure::observed("Unknown Bank Code"));
        let answer = |status, sends| answered(status, sends, &declined, FIRST, noon());
        assert!(matches!(answer(AttemptStatus::Submitting, 1), AfterSend::Fail(_)));
        assert_eq!(answer(AttemptStatus::Submitting, 2), AfterSend::LoseSight { check_at: noon() });
        assert_eq!(answer(AttemptStatus::Unknown, 1), AfterSend::LoseSight { check_at: noon() });
        assert_eq!(answer(AttemptStatus::Succeeded, 1), AfterSend::Nothing);
    }

    #[test]
    fn what_did_not_leave_is_taken_back() {
        let not_sent = Submitted::NotSent(NotSent {
            class: NotSentClass::Unreachable,
            retry_after: None,
            message: String::new(),
        });
        assert_eq!(answered(AttemptStatus::Submitting, 1, &not_sent, FIRST, noon()), AfterSend::TakeBack);
        let accepted = Submitted::Accepted(Accepted { gateway_id: "7".to_owned(), fee: None });
        assert_eq!(
            answered(AttemptStatus::Submitting, 1, &accepted, FIRST, noon()),
            AfterSend::Accepted { check_at: noon() + TimeDelta::seconds(30) }
        );
    }

    fn fact(number: u8, status: AttemptStatus) -> AttemptFacts {
        AttemptFacts {
            number: AttemptNumber::new(number).unwrap(),
            status,
            sends: 1,
            failed_seen_at: (status == AttemptStatus::Failed).then(noon),
            doubt: None,
            excess: false,
        }
    }

    #[test]
    fn what_is_owed_stands_in_the_way_of_nothing() {
        let returned = fact(1, AttemptStatus::Reversed);
        let excess = AttemptFacts { excess: true, ..fact(2, AttemptStatus::Succeeded) };
        let paid = fact(2, AttemptStatus::Succeeded);
        let failed = fact(3, AttemptStatus::Failed);
        let gate = |attempts: &[AttemptFacts]| may_begin(PayoutStatus::Processing, None, attempts, noon());
        let owed = [returned.clone(), excess, failed.clone()];
        assert_eq!(gate(&owed), Gate::Begin(AttemptNumber::new(4).unwrap()));
        assert_eq!(proofs(&owed, noon()).map(|proofs| proofs.len()), Ok(3));
        // The others' failures still have to be fresh.
        assert!(matches!(proofs(&owed, noon() + TimeDelta::days(9)), Err(Unproven::NotFresh(_))));
        let due = [returned, paid, failed];
        assert_eq!(gate(&due), Gate::HasPaid);
        assert!(proofs(&due, noon()).is_err());
    }

    #[test]
    fn the_gate_opens_only_on_fresh_proof_about_every_attempt() {
        let failed = |n| fact(n, AttemptStatus::Failed);
        let gate = |attempts: &[AttemptFacts], now| may_begin(PayoutStatus::Processing, None, attempts, now);
        let (first, second) = (AttemptNumber::new(1).unwrap(), AttemptNumber::new(2).unwrap());
        assert_eq!(gate(&[], noon()), Gate::Begin(first));
        assert_eq!(gate(&[failed(1)], noon() + FRESH), Gate::Begin(second));
        let stale = Gate::LookFirst(Unproven::NotFresh(first));
        assert_eq!(gate(&[failed(1)], noon() + FRESH + TimeDelta::seconds(1)), stale);
        let doubted = AttemptFacts { doubt: Some(Doubt::InFlight), ..failed(1) };
        assert!(matches!(gate(&[doubted, failed(2)], noon()), Gate::LookFirst(Unproven::NotProven(_))));
        for open in [AttemptStatus::Submitting, AttemptStatus::Accepted, AttemptStatus::Unknown] {
            assert_eq!(gate(&[failed(1), fact(2, open)], noon()), Gate::Nothing);
        }
        assert_eq!(gate(&[fact(1, AttemptStatus::Succeeded), failed(2)], noon()), Gate::HasPaid);
        // Its money came back, seen twice a day apart: that does not age.
        let returned = fact(1, AttemptStatus::Reversed);
        assert_eq!(gate(&[returned.clone(), failed(2)], noon()), Gate::Begin(AttemptNumber::new(3).unwrap()));
        assert_eq!(proofs(&[returned], noon() + TimeDelta::days(9)).map(|proofs| proofs.len()), Ok(1));
        let many: Vec<_> = (1..=99).map(failed).collect();
        assert_eq!(gate(&many, noon()), Gate::UsedUp);
    }

    #[test]
    fn the_gate_opens_only_where_an_attempt_is_wanted() {
        for status in PayoutStatus::ALL {
            let due = |due| matches!(may_begin(status, due, &[], noon()), Gate::Begin(_));
            assert_eq!(due(None), status == PayoutStatus::Processing, "{status}");
            let wanted = matches!(status, PayoutStatus::Processing | PayoutStatus::Failed);
            assert_eq!(due(Some(noon())), wanted, "{status}");
            let early = status == PayoutStatus::Processing;
            assert_eq!(due(Some(noon() + TimeDelta::seconds(1))), early, "{status}");
        }
    }

    #[test]
    fn a_doubt_is_looked_at_less_and_less_often_then_by_a_person() {
        let after = |waited: TimeDelta| doubted(noon(), noon() + waited);
        let again = |waited: TimeDelta, wait: TimeDelta| Doubted::LookAgain(noon() + waited + wait);
        assert_eq!(after(TimeDelta::zero()), again(TimeDelta::zero(), TimeDelta::seconds(10)));
        let minute = TimeDelta::minutes(1);
        assert_eq!(after(minute), again(minute, minute));
        let day = DOUBT_GOES_TO_A_PERSON_AFTER;
        let almost = day - TimeDelta::seconds(1);
        assert_eq!(after(almost), again(almost, TimeDelta::minutes(15)));
        assert_eq!(after(day), Doubted::GiveToAPerson);
    }

    #[test]
    fn failures_retry_three_times_and_an_empty_wallet_is_nobodys() {
        let schedule = RetrySchedule::default();
        let after = |class, failures| after_failure(class, failures, &schedule, noon());
        let due = AfterFailure::RetryAt(noon() + TimeDelta::minutes(1));
        assert_eq!(after(FailureClass::Retry, 1), due);
        assert_eq!(after(FailureClass::Retry, 4), AfterFailure::NeedsAttention);
        assert_eq!(after(FailureClass::NeedsProvider, 1), AfterFailure::NeedsAttention);
        assert_eq!(after(FailureClass::NeedsFinance, 0), AfterFailure::WaitForFunds);
    }
}
