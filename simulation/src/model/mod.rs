//! The store as plain structs: the same rows, the same transactions, the same accounts, with every decision taken by `domain`.
//!
//! One method is one transaction. What the store's constraints would refuse is [`Broken`] here, and ends the simulation.

mod attempts;
mod check;
mod ledger;
mod money;
mod people;
mod settle;

pub use attempts::Sending;
pub use attempts::may_go_on;
pub use ledger::{Account, Ledger};
pub use money::Adjusted;
pub use people::{Acted, Approver, Verdict};

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::{
    AccountName, AccountNumber, Assessment, AttemptFacts, AttemptNumber, AttemptStatus, AttemptTerms,
    BankCode, BatchId, Currency, Doubt, FailureCode, Held, Money, Next, OpenAttempt, PayoutEvent, PayoutId,
    PayoutStatus, Progress, RetrySchedule, RiskFacts, RiskPolicy, Route, Standing,
    risk::{Fact, FailedDay},
};
use rust_decimal::Decimal;
use uuid::Uuid;
use workflows::SignalName;

use crate::coverage::{Coverage, Mark};

/// Ten-thousandths of a naira: what the ledger's columns hold.
pub type Amount = i64;

/// How long a webhook is waited for before the gateway is asked.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a send may be on its way.
pub const SEND_LEASE: TimeDelta = TimeDelta::seconds(43);
/// An outcome that is unknown for this long is a case.
pub const UNKNOWN_TOO_LONG: TimeDelta = TimeDelta::hours(24);
/// Payouts in a row that failed for good on one account, before it is paused.
const FAILURES_IN_A_ROW: u8 = 3;

/// Something happened that must not. What, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

pub type Result<T> = std::result::Result<T, Broken>;

pub(crate) fn broken<T>(what: impl Into<String>) -> Result<T> {
    Err(Broken(what.into()))
}

/// Ends a transaction that met what must not be.
macro_rules! ensure {
    ($holds:expr, $($what:tt)*) => {
        if !$holds {
            return Err(crate::model::Broken(format!($($what)*)));
        }
    };
}
pub(crate) use ensure;

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "as many columns are yes or no")]
pub struct Provider {
    pub verified: bool,
    pub suspended: bool,
    /// By a person, and by cases about money that went twice.
    pub paused: bool,
    pub paused_by_case: bool,
    pub accounts: Vec<usize>,
    pub payouts: Vec<usize>,
    pub earnings: Vec<usize>,
    pub earned: Amount,
    /// Recoveries of debt, oldest first: earning and what of it is not given back.
    pub recoveries: Vec<(usize, Amount)>,
}

#[derive(Debug)]
pub struct BankAccount {
    pub provider: usize,
    pub bank: BankCode,
    pub number: AccountNumber,
    pub name: AccountName,
    pub removed: bool,
    pub paused: bool,
    pub failed_in_row: u8,
}

#[derive(Debug)]
pub struct Earning {
    pub provider: usize,
    pub amount: Amount,
    pub allocated: Amount,
    pub paid: Amount,
    pub recovered: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationState {
    Reserved,
    Paid,
    Refunded,
    Returned,
}

#[derive(Debug)]
pub struct Allocation {
    pub earning: usize,
    pub amount: Amount,
    pub state: AllocationState,
}

#[derive(Debug)]
pub struct Payout {
    pub id: PayoutId,
    pub provider: usize,
    pub account: usize,
    pub amount: Amount,
    pub status: PayoutStatus,
    pub risk: Option<Route>,
    pub batch: Option<usize>,
    pub held: Option<Held>,
    pub attempts: Vec<Attempt>,
    pub allocations: Vec<Allocation>,
    pub counted_failures: u8,
    pub counted_on_account: bool,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub needs_attention: bool,
    pub failure: Option<FailureCode>,
    pub refunded: bool,
    pub requested_at: DateTime<Utc>,
    pub approved_at: DateTime<Utc>,
    /// Who has approved it since it came before people, and how many must; nobody where it never did.
    pub approvals: Vec<Approver>,
    pub approvals_needed: usize,
    pub failed_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// The attempt that paid it.
    pub completed_by: Option<usize>,
    /// Its undelivered rows, oldest first.
    pub outbox: VecDeque<OutboxRow>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "as many columns are yes or no")]
pub struct Attempt {
    pub number: AttemptNumber,
    pub terms: AttemptTerms,
    pub status: AttemptStatus,
    pub batch: Option<usize>,
    pub began_at: DateTime<Utc>,
    pub sends: u32,
    /// Whose answer counts: one per send that was counted.
    pub leases: u32,
    pub looks: u32,
    pub send_deadline: Option<DateTime<Utc>>,
    /// When the latest send was counted, unless its own sender has said that nothing left. Beside what the rules go by.
    counted_at: Option<DateTime<Utc>>,
    pub resend: bool,
    pub gateway_id: Option<u32>,
    pub check_at: Option<DateTime<Utc>>,
    pub failed_seen_at: Option<DateTime<Utc>>,
    pub doubt: Option<Doubt>,
    pub doubted_at: Option<DateTime<Utc>>,
    pub settled_at: Option<DateTime<Utc>>,
    /// It was seen to have failed and paid after all.
    pub late: bool,
    /// It paid what another had paid or what had been given back.
    pub overpaid: bool,
    /// It paid, and how the open attempt ends decides what that was.
    pub waits: bool,
    pub fee_booked: bool,
    pub reversal_seen_at: Option<DateTime<Utc>>,
    pub attested_unpaid_from: Option<DateTime<Utc>>,
    /// Two people have said that it paid.
    pub attested_paid: bool,
    // Open cases about it.
    pub unknown_too_long: bool,
    pub contradiction: bool,
    pub reversal: bool,
    pub overpaid_case: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct OutboxRow {
    pub id: i64,
    /// `None`: start the run.
    pub signal: Option<(SignalName, Option<AttemptNumber>)>,
}

#[derive(Debug)]
pub struct Batch {
    pub opened_at: DateTime<Utc>,
    pub open: bool,
}

/// The rows, and what has happened to them since the scheduler looked last.
#[derive(Debug)]
pub struct Model {
    pub policy: RiskPolicy,
    pub retries: RetrySchedule,
    prefix: domain::ReferencePrefix,
    pub providers: Vec<Provider>,
    pub accounts: Vec<BankAccount>,
    pub earnings: Vec<Earning>,
    pub payouts: Vec<Payout>,
    pub batches: Vec<Batch>,
    pub paused: bool,
    pub paused_bank: Option<BankCode>,
    /// Above it two different people approve.
    pub approval_limit: Amount,
    pub ledger: Ledger,
    pub coverage: Coverage,
    last_row: i64,
    /// Payouts that a transaction changed.
    pub touched: Vec<usize>,
    /// Payouts that have a new outbox row.
    pub told: Vec<usize>,
    /// Payouts whose excess was booked or whose outcome came late, for the trace.
    pub notes: Vec<&'static str>,
    /// Also keeps what each transaction did.
    pub noting: bool,
}

impl Model {
    pub fn new(policy: RiskPolicy) -> Result<Self> {
        Ok(Self {
            policy,
            retries: RetrySchedule::default(),
            prefix: "sim".parse().map_err(|_| Broken("prefix".to_owned()))?,
            providers: vec![],
            accounts: vec![],
            earnings: vec![],
            payouts: vec![],
            batches: vec![],
            paused: false,
            paused_bank: None,
            approval_limit: Amount::MAX,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            last_row: 0,
            touched: vec![],
            told: vec![],
            notes: vec![],
            noting: false,
        })
    }

    pub(crate) fn note(&mut self, what: &'static str) {
        if self.noting {
            self.notes.push(what);
        }
    }

    pub fn add_provider(&mut self, verified: bool) -> usize {
        let provider = self.providers.len();
        self.providers.push(Provider {
            verified,
            suspended: false,
            paused: false,
            paused_by_case: false,
            accounts: vec![],
            payouts: vec![],
            earnings: vec![],
            earned: 0,
            recoveries: vec![],
        });
        self.ledger.open(provider);
        provider
    }

    pub fn add_account(&mut self, provider: usize, bank: &str) -> Result<usize> {
        let account = self.accounts.len();
        let number = format!("{:010}", 690_000_000 + account);
        self.accounts.push(BankAccount {
            provider,
            bank: bank.parse().map_err(|_| Broken("bank".to_owned()))?,
            number: number.parse().map_err(|_| Broken("account".to_owned()))?,
            name: AccountName::new("Ada Obi"),
            removed: false,
            paused: false,
            failed_in_row: 0,
        });
        self.providers[provider].accounts.push(account);
        Ok(account)
    }

    /// `None`: the balance is too small.
    pub fn request(
        &mut self,
        provider: usize,
        account: usize,
        amount: Amount,
        now: DateTime<Utc>,
    ) -> Result<Option<usize>> {
        if self.providers[provider].suspended || self.accounts[account].removed {
            return Ok(None);
        }
        if self.ledger.of(Account::Available(provider)) < amount {
            return Ok(None);
        }
        let payout = self.payouts.len();
        let serial = u128::try_from(payout).unwrap_or_default() + 1;
        self.payouts.push(Payout {
            id: PayoutId::from_uuid(Uuid::from_u128((0x0199_a000_0000_7000_8000 << 48) | serial)),
            provider,
            account,
            amount,
            status: PayoutStatus::Requested,
            risk: None,
            batch: None,
            held: None,
            attempts: vec![],
            allocations: vec![],
            counted_failures: 0,
            counted_on_account: false,
            next_attempt_at: None,
            needs_attention: false,
            failure: None,
            refunded: false,
            requested_at: now,
            approved_at: now,
            approvals: vec![],
            approvals_needed: 0,
            failed_at: None,
            updated_at: now,
            completed_by: None,
            outbox: VecDeque::new(),
        });
        self.providers[provider].payouts.push(payout);
        self.reserve(payout)?;
        self.tell(payout, None);
        self.touch(payout, now);
        Ok(Some(payout))
    }

    /// Validates and assesses a payout that was only requested; any other is answered as it stands.
    pub fn assess(&mut self, payout: usize, now: DateTime<Utc>) -> Result<Progress> {
        let row = &self.payouts[payout];
        if row.status == PayoutStatus::Requested && row.risk.is_none() {
            if self.accounts[row.account].removed {
                self.reject_locked(payout, now)?;
            } else {
                let facts = self.facts(payout, now)?;
                let Assessment { route, .. } = domain::assess(&self.policy, &facts);
                self.payouts[payout].risk = Some(route);
                match route {
                    Route::Auto => self.approve_locked(payout, now)?,
                    Route::Review => self.open_review(payout),
                    Route::Refuse => self.reject_locked(payout, now)?,
                }
            }
            self.touch(payout, now);
        }
        Ok(self.progress(payout, now))
    }

    /// Counted as the store's sums are: in whole hours and days.
    fn facts(&self, payout: usize, now: DateTime<Utc>) -> Result<RiskFacts> {
        let row = &self.payouts[payout];
        let provider = &self.providers[row.provider];
        let hour = |at: DateTime<Utc>| at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
        let (day_ago, week_ago) = (hour(now - TimeDelta::days(1)), hour(now - TimeDelta::days(7)));
        let (mut successful, mut paid, mut failed_by_day) = (0_u32, 0_i64, vec![]);
        let (mut day, mut week) = ((0_u32, 0_i64), (0_u32, 0_i64));
        for other in provider.payouts.iter().map(|other| &self.payouts[*other]) {
            if other.status == PayoutStatus::Completed {
                successful += 1;
                paid += other.amount;
            }
            if let (PayoutStatus::Failed, Some(at)) = (other.status, other.failed_at) {
                failed_by_day.push(FailedDay { day: at.date_naive(), payouts: 1 });
            }
            for (since, (count, sum)) in [(day_ago, &mut day), (week_ago, &mut week)] {
                if other.requested_at >= since {
                    *count += 1;
                    *sum += other.amount;
                }
            }
        }
        let average_paid = (successful > 0)
            .then(|| Decimal::new(paid, 4).checked_div(Decimal::from(successful)))
            .flatten()
            .map(|average| average.round_dp(4));
        Ok(RiskFacts {
            provider_verified: Fact::Known(provider.verified),
            provider_suspended: Fact::Known(provider.suspended),
            successful_payouts: Fact::Known(successful),
            average_paid: Fact::Known(average_paid),
            failed_by_day: Fact::Known(failed_by_day),
            bank_changed_at: Fact::Known(None),
            requests_last_day: Fact::Known(day.0),
            sum_last_day: Fact::Known(Decimal::new(day.1, 4)),
            requests_last_week: Fact::Known(week.0),
            sum_last_week: Fact::Known(Decimal::new(week.1, 4)),
            requests_in_baseline: Fact::Known(0),
            sum_in_baseline: Fact::Known(Decimal::ZERO),
            ..RiskFacts::unknown(naira(row.amount)?, now)
        })
    }

    pub(crate) fn approve_locked(&mut self, payout: usize, now: DateTime<Utc>) -> Result<()> {
        self.shift(payout, PayoutEvent::Approve, now)?;
        self.payouts[payout].approved_at = now;
        self.note("approved");
        Ok(())
    }

    pub(crate) fn reject_locked(&mut self, payout: usize, now: DateTime<Utc>) -> Result<()> {
        self.shift(payout, PayoutEvent::Reject, now)?;
        self.release(payout)?;
        self.note("rejected");
        Ok(())
    }

    pub fn open_batch(&mut self, now: DateTime<Utc>) -> usize {
        self.batches.push(Batch { opened_at: now, open: true });
        self.batches.len() - 1
    }

    pub fn close_batch(&mut self, batch: usize) {
        self.batches[batch].open = false;
    }

    /// Claims up to `limit` approved payouts, oldest approval first, each with its release signal. Answers how many.
    pub fn claim_chunk(&mut self, batch: usize, limit: usize, now: DateTime<Utc>) -> Result<usize> {
        if !self.batches[batch].open || self.paused {
            return Ok(0);
        }
        let opened_at = self.batches[batch].opened_at;
        let mut next: Vec<usize> = vec![];
        for (payout, row) in self.payouts.iter().enumerate() {
            if row.status != PayoutStatus::Approved || row.approved_at > now {
                continue;
            }
            let waits_for_funds = row.held == Some(Held::Funds) && row.updated_at >= opened_at;
            if waits_for_funds || self.is_held(payout) {
                self.coverage.mark(Mark::ClaimPassedOver);
            } else {
                next.push(payout);
            }
        }
        next.sort_by_key(|payout| (self.payouts[*payout].approved_at, *payout));
        next.truncate(limit);
        for payout in &next {
            self.check_approved(*payout)?;
            self.shift(*payout, PayoutEvent::Claim, now)?;
            let row = &mut self.payouts[*payout];
            row.batch = Some(batch);
            row.held = None;
            self.tell(*payout, Some((SignalName::Release, None)));
            self.touch(*payout, now);
        }
        Ok(next.len())
    }

    /// Something pauses it, its provider, its bank or its account, or the provider is suspended.
    pub(crate) fn is_held(&self, payout: usize) -> bool {
        let row = &self.payouts[payout];
        let (provider, account) = (&self.providers[row.provider], &self.accounts[row.account]);
        self.paused
            || provider.suspended
            || provider.paused
            || provider.paused_by_case
            || account.paused
            || self.paused_bank.as_ref() == Some(&account.bank)
    }

    pub fn progress(&mut self, payout: usize, now: DateTime<Utc>) -> Progress {
        let progress = self.standing(payout).progress(now);
        self.coverage.mark(match progress.next {
            Next::Assess => Mark::NextAssess,
            Next::AwaitDecision => Mark::NextAwaitDecision,
            Next::AwaitRelease => Mark::NextAwaitRelease,
            Next::Begin => Mark::NextBegin,
            Next::Send { .. } => Mark::NextSend,
            Next::AwaitOutcome { .. } => Mark::NextAwaitOutcome,
            Next::AwaitRetry { .. } => Mark::NextAwaitRetry,
            Next::AwaitAttention => Mark::NextAwaitAttention,
            Next::Notify { .. } => Mark::NextNotify,
        });
        progress
    }

    pub fn standing(&self, payout: usize) -> Standing {
        let row = &self.payouts[payout];
        Standing {
            status: row.status,
            risk: row.risk,
            batch: row
                .batch
                .map(|batch| BatchId::from_uuid(Uuid::from_u128(u128::try_from(batch).unwrap_or_default()))),
            held: row.held,
            paused: None,
            turn_at: None,
            next_attempt_at: row.next_attempt_at,
            refunded: row.refunded,
            failure: row.failure,
            open_attempt: row.attempts.iter().find(|attempt| attempt.stands()).map(|attempt| OpenAttempt {
                number: attempt.number,
                status: attempt.status,
                sends: attempt.sends,
                resend: attempt.resend,
                check_at: attempt.check_at,
            }),
            // Whom people are reminded of moves nothing.
            review: None,
        }
    }

    pub(crate) fn facts_of_attempts(&self, payout: usize) -> Vec<AttemptFacts> {
        self.payouts[payout].attempts.iter().map(Attempt::facts).collect()
    }

    /// Moves a payout as `domain` allows it.
    pub(crate) fn shift(&mut self, payout: usize, event: PayoutEvent, now: DateTime<Utc>) -> Result<()> {
        let row = &mut self.payouts[payout];
        row.status =
            row.status.after(event).map_err(|illegal| Broken(format!("payout {payout}: {illegal}")))?;
        row.updated_at = now;
        Ok(())
    }

    /// Its own row was written.
    pub(crate) fn touch(&mut self, payout: usize, now: DateTime<Utc>) {
        self.payouts[payout].updated_at = now;
        self.touched.push(payout);
    }

    /// Writes an outbox row: a start, or a signal.
    pub(crate) fn tell(&mut self, payout: usize, signal: Option<(SignalName, Option<AttemptNumber>)>) {
        self.last_row += 1;
        self.payouts[payout].outbox.push_back(OutboxRow { id: self.last_row, signal });
        self.told.push(payout);
    }

    /// A webhook about an attempt. True: its payout is told to look; else it has ended.
    pub fn receive(&mut self, payout: usize, attempt: usize) -> bool {
        let row = &self.payouts[payout];
        if row.has_ended() {
            self.coverage.mark(Mark::WebhookAfterEnd);
            return false;
        }
        let number = row.attempts[attempt].number;
        self.tell(payout, Some((SignalName::TransferUpdate, Some(number))));
        true
    }

    /// The engine has the oldest row of this payout.
    pub fn delivered(&mut self, payout: usize, row: i64) {
        let outbox = &mut self.payouts[payout].outbox;
        if outbox.front().is_some_and(|oldest| oldest.id == row) {
            outbox.pop_front();
        }
    }
}

impl Payout {
    /// Since when the oldest doubt about an attempt stands.
    pub fn doubted_since(&self) -> Option<DateTime<Utc>> {
        self.attempts.iter().filter_map(|attempt| attempt.doubted_at).min()
    }

    /// What one of its attempts paid is owed by the provider.
    pub(crate) fn is_beside_excess(&self) -> bool {
        self.attempts.iter().any(|held| held.overpaid && held.status == AttemptStatus::Succeeded)
    }

    /// Nothing happens to it any more unless the gateway takes back what it said.
    pub fn has_ended(&self) -> bool {
        self.status.is_final() || self.refunded
    }
}

impl Attempt {
    /// It is the one that has not conclusively failed; a late success has let go of that place.
    pub fn stands(&self) -> bool {
        self.status != AttemptStatus::Failed && !self.late
    }

    /// It has failed, or its money came back, or is owed.
    pub(crate) fn is_over(&self) -> bool {
        match self.status {
            AttemptStatus::Failed | AttemptStatus::Reversed => true,
            AttemptStatus::Succeeded => self.overpaid,
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => false,
        }
    }

    pub(crate) fn facts(&self) -> AttemptFacts {
        AttemptFacts {
            number: self.number,
            status: self.status,
            sends: self.sends,
            failed_seen_at: self.failed_seen_at.filter(|_| self.status == AttemptStatus::Failed),
            doubt: self.doubt,
            excess: self.overpaid,
        }
    }
}

/// An amount as `domain` takes it.
pub fn naira(amount: Amount) -> Result<Money> {
    Money::exact(Decimal::new(amount, 4), Currency::Ngn).map_err(|error| Broken(error.to_string()))
}
