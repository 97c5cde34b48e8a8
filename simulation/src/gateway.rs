//! A hostile gateway with books of its own: what they say is what happened.
//!
//! It carries out each reference once and is honest about what it refuses. It loses answers, carries requests out long after
//! they were sent, does not find what it has accepted, shows stale and foreign records, and takes back final answers.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Accepted, AttemptTerms, Failure, FailureCode, NotSent, NotSentClass, Observed, Sighting, Submitted,
};

use crate::{
    coverage::Fault,
    dice::Dice,
    model::{Amount, Result, naira},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Paid,
    Failed(FailureCode),
    /// Paid, and the money came back.
    Returned,
}

/// The gateway's own record of a transfer.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: u32,
    pub(crate) amount: Amount,
    pub(crate) fee: Amount,
    pub(crate) state: State,
    visible_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    before: State,
    /// It calls a paid transfer failed, by mistake, in this time.
    lies: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// It is not found in this time.
    gone: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub(crate) webhooks: u32,
}

/// What one payout is to the gateway: a transfer per reference.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    pub(crate) records: Vec<Option<Record>>,
    /// Attempts with a request that will be carried out later.
    pub(crate) pending: Vec<usize>,
    /// It took back a final answer about one of them, or people attested what is not so.
    pub(crate) excused: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Gateway {
    pub(crate) transfers: Vec<Transfers>,
    pub(crate) wallet: Amount,
    /// Bank accounts that take no money.
    pub(crate) closed_accounts: Vec<bool>,
    /// It takes nothing until then (a revoked key, a lost whitelist).
    shut_until: Option<DateTime<Utc>>,
    last_id: u32,
}

/// What a send led to, beside its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    Nothing,
    /// A new transfer.
    Queued,
    /// It will be one, unless its reference has been carried out before.
    Later,
}

impl Transfers {
    /// Transfers that have paid and stayed paid.
    pub(crate) fn paid(&self) -> usize {
        self.records.iter().flatten().filter(|record| record.state == State::Paid).count()
    }

    /// Something may still pay, or has.
    pub(crate) fn may_pay(&self) -> bool {
        self.pending.iter().any(|attempt| self.record(*attempt).is_none())
            || self.records.iter().flatten().any(|record| matches!(record.state, State::Queued | State::Paid))
    }

    pub(crate) fn record(&self, attempt: usize) -> Option<&Record> {
        self.records.get(attempt)?.as_ref()
    }
}

impl Gateway {
    pub(crate) fn of(&mut self, payout: usize) -> &mut Transfers {
        if self.transfers.len() <= payout {
            self.transfers.resize_with(payout + 1, Transfers::default);
        }
        &mut self.transfers[payout]
    }

    /// The bytes of a send arrive. `stalled`: another sender has taken over meanwhile, and its connection may be gone.
    pub(crate) fn submit(
        &mut self,
        (payout, attempt): (usize, usize),
        stalled: bool,
        amount: Amount,
        dice: &mut Dice,
        now: DateTime<Utc>,
    ) -> Result<(Submitted, Carried)> {
        if dice.hits(Fault::Shut) {
            self.shut_until = Some(now + TimeDelta::milliseconds(dice.span(60_000, 12 * 3_600_000)));
        }
        let shut = self.shut_until.is_some_and(|until| now < until);
        if dice.hits(Fault::NotSent) || shut || (stalled && dice.hits_often(Fault::NotSent)) {
            return Ok((Submitted::NotSent(not_sent(dice)), Carried::Nothing));
        }
        let known = self.of(payout).record(attempt).is_some();
        if known {
            if dice.hits(Fault::ResendDeclined) {
                return Ok((Submitted::Declined(refusal(dice)), Carried::Nothing));
            }
            let answer = if dice.hits(Fault::AnswerLost) { unknown() } else { Submitted::Duplicate };
            return Ok((answer, Carried::Nothing));
        }
        if dice.hits(Fault::RequestLost) {
            return Ok((unknown(), Carried::Nothing));
        }
        if dice.hits(Fault::ArrivesLate) {
            self.of(payout).pending.push(attempt);
            return Ok((unknown(), Carried::Later));
        }
        if self.wallet < amount && dice.one_in(2) {
            dice.coverage.fault(Fault::WalletEmpty);
            return Ok((
                Submitted::Declined(failure("insufficient funds in customer wallet")),
                Carried::Nothing,
            ));
        }
        if dice.hits(Fault::Declined) {
            return Ok((Submitted::Declined(refusal(dice)), Carried::Nothing));
        }
        let id = self.queue(payout, attempt, amount, dice, now);
        if dice.hits(Fault::AnswerLost) {
            return Ok((unknown(), Carried::Queued));
        }
        let fee = Some(naira(fee_of(amount))?);
        Ok((Submitted::Accepted(Accepted { gateway_id: id.to_string(), fee }), Carried::Queued))
    }

    /// A new record under this reference.
    pub(crate) fn queue(
        &mut self,
        payout: usize,
        attempt: usize,
        amount: Amount,
        dice: &mut Dice,
        now: DateTime<Utc>,
    ) -> u32 {
        self.last_id += 1;
        let id = self.last_id;
        let gone = dice.hits(Fault::RecordGone).then(|| {
            let from = now + TimeDelta::milliseconds(dice.span(1_000, 3_600_000));
            (from, from + TimeDelta::milliseconds(dice.span(60_000, 4 * 24 * 3_600_000)))
        });
        let hidden = if dice.hits(Fault::InvisibleAtFirst) { dice.span(1_000, 30 * 60_000) } else { 0 };
        let records = &mut self.of(payout).records;
        if records.len() <= attempt {
            records.resize_with(attempt + 1, || None);
        }
        records[attempt] = Some(Record {
            id,
            amount,
            fee: fee_of(amount),
            state: State::Queued,
            visible_at: now + TimeDelta::milliseconds(hidden),
            changed_at: now,
            before: State::Queued,
            lies: None,
            gone,
            webhooks: 0,
        });
        id
    }

    /// A queued transfer ends.
    pub(crate) fn resolve(
        &mut self,
        payout: usize,
        attempt: usize,
        account: usize,
        dice: &mut Dice,
        now: DateTime<Utc>,
    ) -> State {
        let wallet = self.wallet;
        let closed = self.closed_accounts.get(account).copied().unwrap_or(false);
        let Some(record) = self.of(payout).records.get_mut(attempt).and_then(Option::as_mut) else {
            return State::Queued;
        };
        let state = if closed {
            State::Failed(FailureCode::AccountInvalid)
        } else if dice.hits(Fault::TransferFails) {
            State::Failed(refusal(dice).code)
        } else if wallet < record.amount + record.fee {
            dice.coverage.fault(Fault::WalletEmpty);
            State::Failed(FailureCode::WalletEmpty)
        } else {
            State::Paid
        };
        self.change(payout, attempt, state, now);
        state
    }

    /// Moves a transfer, and the money with it.
    pub(crate) fn change(&mut self, payout: usize, attempt: usize, state: State, now: DateTime<Utc>) {
        let Some(record) = self.of(payout).records.get_mut(attempt).and_then(Option::as_mut) else { return };
        record.before = record.state;
        record.state = state;
        record.changed_at = now;
        let moved = match state {
            State::Paid => -(record.amount + record.fee),
            // The fee stays.
            State::Returned => record.amount,
            State::Queued | State::Failed(_) => 0,
        };
        self.wallet += moved;
    }

    pub(crate) fn lie(&mut self, payout: usize, attempt: usize, from: DateTime<Utc>, until: DateTime<Utc>) {
        if let Some(record) = self.of(payout).records.get_mut(attempt).and_then(Option::as_mut) {
            record.lies = Some((from, until));
        }
    }

    /// `None`: it could not be asked.
    pub(crate) fn look(
        &mut self,
        payout: usize,
        attempt: usize,
        terms: &AttemptTerms,
        knows_id: bool,
        dice: &mut Dice,
        now: DateTime<Utc>,
    ) -> Option<Observed> {
        if dice.hits(Fault::LookFails) {
            return None;
        }
        if dice.hits(Fault::Unrecognised) {
            return Some(Observed::Unrecognised { said: String::new() });
        }
        if dice.hits(Fault::Disagrees) {
            return Some(foreign(terms, dice));
        }
        let stale = dice.hits(Fault::StaleLook);
        let Some(record) = self.of(payout).records.get(attempt).and_then(Option::as_ref) else {
            return Some(Observed::NotFound);
        };
        let gone = record.gone.is_some_and(|(from, until)| from <= now && now < until);
        if gone || (record.visible_at > now && !knows_id) {
            return Some(Observed::NotFound);
        }
        let fresh = now - record.changed_at < TimeDelta::minutes(10);
        let sighting = Sighting {
            reference: terms.reference.clone(),
            gateway_id: record.id.to_string(),
            amount: terms.amount,
            bank: terms.bank.as_str().to_owned(),
            account: terms.account.expose().to_owned(),
            fee: naira(record.fee).ok(),
        };
        let lies = record.lies.is_some_and(|(from, until)| from <= now && now < until);
        Some(match if stale && fresh { record.before } else { record.state } {
            State::Queued => Observed::InFlight(sighting),
            State::Paid if lies => Observed::Failed(sighting, failure("returned by the bank")),
            State::Paid => Observed::Succeeded(sighting),
            State::Failed(code) => Observed::Failed(sighting, Failure { code, message: String::new() }),
            State::Returned if record.id.is_multiple_of(4) => Observed::Reversed(sighting),
            State::Returned => Observed::Failed(sighting, failure("returned by the bank")),
        })
    }
}

/// 10.75 to 53.75 naira, as the gateway's table has it; the middle one has three decimals.
pub(crate) fn fee_of(amount: Amount) -> Amount {
    match amount {
        ..=50_000_000 => 107_500,
        50_000_001..=500_000_000 => 268_750,
        _ => 537_500,
    }
}

fn unknown() -> Submitted {
    Submitted::Unknown { why: String::new() }
}

fn failure(message: &str) -> Failure {
    Failure::observed(message)
}

fn refusal(dice: &mut Dice) -> Failure {
    failure(match dice.below(12) {
        0 | 1 => "invalid account",
        2 => "blacklisted account",
        3 => "unknown bank code",
        4 => "wallet currently restricted",
        5..=8 => "bank is not available",
        _ => "timed out at the bank",
    })
}

fn not_sent(dice: &mut Dice) -> NotSent {
    let class = match dice.below(4) {
        0 => NotSentClass::Unreachable,
        1 => NotSentClass::RateLimited,
        2 => NotSentClass::Unauthorized,
        _ => NotSentClass::NotWhitelisted,
    };
    NotSent { class, retry_after: None, message: String::new() }
}

/// The record of somebody else's transfer, under our reference or in place of it, with whatever status it has.
fn foreign(terms: &AttemptTerms, dice: &mut Dice) -> Observed {
    let mut sighting = Sighting {
        reference: terms.reference.clone(),
        gateway_id: "4000000000".to_owned(),
        amount: terms.amount,
        bank: terms.bank.as_str().to_owned(),
        account: terms.account.expose().to_owned(),
        fee: None,
    };
    match dice.below(3) {
        0 => "0690999999".clone_into(&mut sighting.account),
        1 => sighting.amount = terms.amount.checked_add(terms.amount).unwrap_or(terms.amount),
        _ => sighting.reference = domain::Reference::from_stored("somebody-elses"),
    }
    match dice.below(4) {
        0 => Observed::Succeeded(sighting),
        1 => Observed::InFlight(sighting),
        _ => Observed::Failed(sighting, failure("invalid account")),
    }
}
