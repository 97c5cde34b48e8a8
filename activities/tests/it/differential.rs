//! The simulation's model against the real thing: the same steps, drawn from a seed, through the activities on a real database
//! and through the model, and after each the same to be seen. What the simulation shows about the model holds for the store as
//! far as this shows that they are the same.
//!
//! `DIFFERENTIAL_SEEDS` and `DIFFERENTIAL_FROM` say how many and which; a failure prints the seed and every step.

#![expect(clippy::indexing_slicing, reason = "what is missing should stop the test at once")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use activities::look_at_earlier_attempts;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    Accepted, AccountName, AccountNumber, AttemptNumber, AttemptTerms, BankCode, Currency, Failure,
    ManualClock, Money, Next, NotSent, NotSentClass, Observed, PayoutId, PayoutStatus, Progress, ProviderId,
    Reference, RiskPolicy, RiskRules, Sighting, Submitted, reconcile::TransferPage,
};
use fastrand::Rng;
use gateway::{Balance, Bank, LookUpFailed, PayoutGateway, ResolveFailed};
use rust_decimal::Decimal;
use simulation::{
    Coverage, Mark,
    model::{self, Account, Acted, Amount, Approver, Model},
};
use sqlx::{ConnectOptions, PgPool};
use store::{
    Actor, Pool,
    attempts::{self, Lease, Sending},
    attestations::{self, NewAttestation},
    decisions::{self, Decided, NewDecision},
};
use temporalio_sdk::activities::ExecutableActivity;
use workflows::{AttemptRef, PayoutRef};

use crate::harness::{LEASE, again, environment, naira, world};

/// What a fresh database has in force.
fn first_policy() -> RiskPolicy {
    RiskPolicy { version: "NGN-1".to_owned(), currency: Currency::Ngn, rules: RiskRules::first() }
}

const SEEDS: u64 = 60;
const STEPS: usize = 40;
/// Seeds from here on need two approvers, more often than not.
const TWO_FROM: u64 = 1_000_000;
const TWO_SEEDS: u64 = 24;
/// Ten-thousandths of a naira.
const EARNED: Amount = 50_000_000;
const ASKED: Amount = 15_000_000;
/// Limits for one approver: what is asked for is above the one and below the other.
const LEAST: Amount = 1_000_000;
const MOST: Amount = 1_000_000_000;

/// What the seeds must meet, or the comparison says little.
const COMPARED: [Mark; 27] = [
    Mark::LookSucceed,
    Mark::LookFail,
    Mark::LookAgain,
    Mark::LookMayResend,
    Mark::LookConfirmFailure,
    Mark::LookDoubtUnconfirmed,
    Mark::LookDoubtInFlight,
    Mark::LookReversalSeen,
    Mark::LookReverse,
    Mark::LookNotReversed,
    Mark::SendAccepted,
    Mark::SendFail,
    Mark::SendLoseSight,
    Mark::SendTakeBack,
    Mark::AnswerOvertaken,
    Mark::LateCompletes,
    Mark::LateWithdraws,
    Mark::LateWaits,
    Mark::LateOverpaid,
    Mark::FailureWaitsForFunds,
    Mark::AttestedPaid,
    Mark::RefundWon,
    Mark::RetryWon,
    Mark::DebtRecovered,
    Mark::ApprovedOnce,
    Mark::ApprovedByThem,
    Mark::FirstApprovalUndone,
];

/// Answers what the step was given.
#[derive(Default)]
struct Script {
    submits: Mutex<VecDeque<Submitted>>,
    looks: Mutex<VecDeque<Observed>>,
}

#[async_trait]
impl PayoutGateway for Script {
    async fn submit(&self, _: &AttemptTerms) -> Submitted {
        self.submits.lock().unwrap().pop_front().expect("a send that the model does not make")
    }

    async fn observe(&self, _: &Reference, _: Option<&str>) -> Result<Observed, LookUpFailed> {
        Ok(self.looks.lock().unwrap().pop_front().expect("a look that the model does not take"))
    }

    async fn transfers(&self, _: NaiveDate, _: NaiveDate, _: u32) -> Result<TransferPage, LookUpFailed> {
        unreachable!("nothing is reconciled")
    }

    async fn resolve_account(&self, _: &BankCode, _: &AccountNumber) -> Result<AccountName, ResolveFailed> {
        unreachable!("no step asks for a name")
    }

    async fn banks(&self) -> Result<Vec<Bank>, LookUpFailed> {
        unreachable!("no step asks for the banks")
    }

    async fn balance(&self, _: Currency) -> Result<Balance, LookUpFailed> {
        unreachable!("no step asks for the balance")
    }

    async fn fee_quote(&self, _: Money) -> Result<Money, LookUpFailed> {
        unreachable!("no step asks for a quote")
    }
}

/// One step, for both.
#[derive(Debug, Clone)]
enum Do {
    Assess,
    /// By one of a few: two of them must approve what is above the limit.
    Decide(bool, Approver),
    /// Above how much two people approve: nothing, or everything.
    Limit(Amount),
    Cancel,
    Undo,
    Claim,
    Begin,
    Transfer(usize, Reply),
    /// A worker counts a send and is not heard of for a while.
    Count(usize),
    /// It writes down the answer of the oldest such send.
    Write(Reply),
    Observe(usize, Seen),
    /// Reconciliation looks.
    LookBack(usize, Seen),
    Reobserve(Vec<Seen>),
    Retry,
    Refund(Vec<Seen>),
    Pause(bool),
    Pass(i64),
    Attest(usize, bool),
    Earn(Amount),
    Adjust(Amount),
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    Accepted,
    Declined(&'static str),
    Duplicate,
    NotSent,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    InFlight,
    Succeeded,
    Failed(&'static str),
    Reversed,
    NotFound,
    Unrecognised,
    /// Somebody else's.
    Foreign(bool),
}

impl Reply {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..12) {
            0..=3 => Self::Accepted,
            4 => Self::Declined("invalid account"),
            5 => Self::Declined("bank is not available"),
            6 => Self::Declined("insufficient funds"),
            7 => Self::Duplicate,
            8 => Self::NotSent,
            _ => Self::Unknown,
        }
    }

    fn submitted(self, attempt: usize) -> Submitted {
        match self {
            Self::Accepted => {
                Submitted::Accepted(Accepted { gateway_id: format!("7{attempt}"), fee: Some(naira("26.88")) })
            }
            Self::Declined(message) => Submitted::Declined(Failure::observed(message)),
            Self::Duplicate => Submitted::Duplicate,
            Self::NotSent => Submitted::NotSent(NotSent {
                class: NotSentClass::Unreachable,
                retry_after: None,
                message: "nothing left".to_owned(),
            }),
            Self::Unknown => Submitted::Unknown { why: "timed out".to_owned() },
        }
    }
}

impl Seen {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..20) {
            0..=2 => Self::InFlight,
            3..=6 => Self::Succeeded,
            7..=9 => Self::Failed("bank is not available"),
            10..=11 => Self::Failed("invalid account"),
            12 => Self::Failed("insufficient funds"),
            13 => Self::Reversed,
            14..=16 => Self::NotFound,
            17 => Self::Unrecognised,
            18 => Self::Foreign(true),
            _ => Self::Foreign(false),
        }
    }

    /// Of an attempt that has failed: mostly that it has.
    fn again(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0..=6 => Self::Failed("invalid account"),
            7 => Self::NotFound,
            _ => Self::draw(rng),
        }
    }

    fn observed(self, attempt: usize, terms: &AttemptTerms) -> Observed {
        let mut sighting = Sighting {
            reference: terms.reference.clone(),
            gateway_id: format!("7{attempt}"),
            amount: terms.amount,
            bank: terms.bank.as_str().to_owned(),
            account: terms.account.expose().to_owned(),
            fee: Some(naira("26.88")),
        };
        match self {
            Self::InFlight => Observed::InFlight(sighting),
            Self::Succeeded => Observed::Succeeded(sighting),
            Self::Failed(message) => Observed::Failed(sighting, Failure::observed(message)),
            Self::Reversed => Observed::Reversed(sighting),
            Self::NotFound => Observed::NotFound,
            Self::Unrecognised => Observed::Unrecognised { said: "PENDING?".to_owned() },
            Self::Foreign(paid) => {
                "0690999999".clone_into(&mut sighting.account);
                let failure = Failure::observed("no");
                if paid { Observed::Succeeded(sighting) } else { Observed::Failed(sighting, failure) }
            }
        }
    }
}

/// What can be seen of a payout from outside.
#[derive(Debug, PartialEq)]
struct View {
    payout: String,
    /// Of how many that are needed, while it is before people.
    approvals: Option<(usize, usize)>,
    next: Next,
    next_attempt_at: Option<DateTime<Utc>>,
    attempts: Vec<String>,
    /// Available, reserved, paid out, debt.
    balances: [Decimal; 4],
    cases: BTreeMap<String, i64>,
}

/// Both, at the same moment.
struct Pair {
    pool: Pool,
    world: Arc<activities::World>,
    script: Arc<Script>,
    clock: Arc<ManualClock>,
    now: DateTime<Utc>,
    provider: ProviderId,
    payout: PayoutId,
    earning: String,
    tag: String,
    serial: u32,
    /// Sends that were counted and not answered: attempt, and the lease in each.
    leases: VecDeque<(usize, Lease, u32)>,
    /// Somebody else of two decides, and what is asked for needs both.
    two: bool,
    model: Model,
}

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn decimal(amount: Amount) -> Decimal {
    Decimal::new(amount, 4).normalize()
}

fn money(amount: Amount) -> Money {
    Money::new(decimal(amount), Currency::Ngn).unwrap()
}

/// Two ask for it: raising it takes two.
async fn limit(pool: &Pool, amount: Amount, now: DateTime<Utc>) {
    for admin in ["ife", "ngozi"] {
        let admin = Actor::admin(admin);
        store::approval_limits::set(pool, money(amount), "a test", &admin, now).await.unwrap();
    }
}

impl Pair {
    async fn new(pool: Pool, tag: &str, two: bool) -> Self {
        let clock = Arc::new(ManualClock::at(start()));
        let script = Arc::new(Script::default());
        let now = start();
        let platform = Actor::platform("test");
        let provider = store::providers::NewProvider {
            external_id: format!("provider-{tag}"),
            display_name: "Provider".to_owned(),
            email: None,
            verified: true,
            suspended: false,
        };
        let (provider, _) = store::providers::upsert(&pool, &provider, &platform, now).await.unwrap();
        let above = if two { LEAST } else { MOST };
        limit(&pool, above, now).await;
        let earning = store::earnings::NewEarning {
            external_id: format!("earning-{tag}"),
            provider_external_id: provider.external_id,
            amount: money(EARNED),
            description: String::new(),
            earned_at: now,
        };
        store::earnings::push(&pool, &earning, &platform, now).await.unwrap();
        let account = store::bank_accounts::NewBankAccount {
            provider: provider.id,
            currency: Currency::Ngn,
            bank: "044".parse().unwrap(),
            number: "0690000040".parse().unwrap(),
            name: AccountName::new("Ada Obi"),
        };
        let added = store::bank_accounts::add(&pool, &account, None, TimeDelta::zero(), &platform, now)
            .await
            .unwrap();
        let store::bank_accounts::Added::New(account) = added else { panic!("{added:?}") };
        let new = store::payouts::NewPayout {
            provider: provider.id,
            bank_account: account.id,
            amount: money(ASKED),
            idempotency_key: format!("once-{tag}"),
            body_hash: [0; 32],
        };
        let requested =
            store::payouts::request(&pool, &new, |_| serde_json::json!({}), now).await.unwrap().unwrap();
        let store::payouts::Requested::New { payout, .. } = requested else { panic!("{requested:?}") };

        let mut model = Model::new(first_policy()).unwrap();
        model.approval_limit = above;
        let provider_here = model.add_provider(true);
        let account_here = model.add_account(provider_here, "044").unwrap();
        model.earn(provider_here, EARNED).unwrap();
        assert_eq!(model.request(provider_here, account_here, ASKED, now), Ok(Some(0)));
        let world = Arc::new(world(pool.clone(), script.clone(), clock.clone()));
        Self {
            pool,
            world,
            script,
            clock,
            now,
            provider: provider.id,
            payout: payout.id,
            earning: earning.external_id,
            tag: tag.to_owned(),
            serial: 0,
            leases: VecDeque::new(),
            two,
            model,
        }
    }

    async fn run<A: ExecutableActivity>(&self, step: A, input: A::Input) -> Option<A::Output> {
        environment(&self.world).run(step, input).await.map_err(again).ok()
    }

    fn number(attempt: usize) -> AttemptNumber {
        AttemptNumber::new(u8::try_from(attempt + 1).unwrap()).unwrap()
    }

    fn payout_ref(&self) -> PayoutRef {
        PayoutRef { payout: self.payout }
    }

    fn attempt_ref(&self, attempt: usize) -> AttemptRef {
        AttemptRef { payout: self.payout, attempt: Self::number(attempt) }
    }

    async fn terms(&self, attempt: usize) -> attempts::TermsAndPlace {
        attempts::terms(&self.pool, self.payout, Self::number(attempt)).await.unwrap().unwrap()
    }

    fn seen_here(&self, attempt: usize, seen: Seen) -> Observed {
        seen.observed(attempt, &self.model.payouts[0].attempts[attempt].terms)
    }

    async fn show(&self, attempt: usize, seen: Seen) {
        let observed = seen.observed(attempt, &self.terms(attempt).await.terms);
        self.script.looks.lock().unwrap().push_back(observed);
    }

    /// The model looks at every failed attempt; the gateway is told the same answers.
    async fn looks(&mut self, seen: &[Seen]) {
        for (at, attempt) in self.model.failed_attempts(0).into_iter().enumerate() {
            let seen = seen[at % seen.len()];
            self.show(attempt, seen).await;
            let observed = self.seen_here(attempt, seen);
            self.model.record_observation(0, attempt, &observed, self.now).unwrap();
        }
    }

    /// Does it in both; what each answered, where it answers.
    #[expect(clippy::too_many_lines, reason = "one arm a step, each the same in both")]
    async fn step(&mut self, what: &Do) -> (Option<Progress>, Option<Progress>) {
        let (pool, now, payout) = (self.pool.clone(), self.now, self.payout);
        let admin = Actor::admin("ada");
        let (pool, retry) = (&pool, self.world.rules.retry.clone());
        match what {
            Do::Assess => {
                let here = self.model.assess(0, now).unwrap();
                (Some(here), self.run(activities::AssessStep::assess, self.payout_ref()).await)
            }
            Do::Decide(approve, who) => {
                let verdict = if *approve { decisions::Verdict::Approve } else { decisions::Verdict::Reject };
                let decision = NewDecision { payout, verdict, reason: "looked at it" };
                // Who has had a hand in the payout may not approve it; these only decide.
                let eze = Actor::admin(&format!("eze-{who}"));
                let there = decisions::decide(pool, &decision, &eze, false, now).await.unwrap();
                let verdict = if *approve { model::Verdict::Approve } else { model::Verdict::Reject };
                let here = self.model.decide(0, verdict, *who, now).unwrap();
                match (here, there) {
                    (Acted::Done, Decided::Done(_))
                    | (Acted::Second, Decided::Second(_))
                    | (Acted::ApprovedByThem, Decided::ApprovedByThem)
                    | (Acted::TooLate, Decided::NotUnderReview(_)) => (None, None),
                    (here, there) => panic!("the model: {here:?}, the store: {there:?}"),
                }
            }
            Do::Limit(amount) => {
                limit(pool, *amount, now).await;
                self.model.approval_limit = *amount;
                (None, None)
            }
            Do::Cancel => {
                store::payouts::cancel(pool, payout, self.provider, now).await.unwrap();
                self.model.cancel(0, now).unwrap();
                (None, None)
            }
            Do::Undo => {
                decisions::undo(pool, payout, &admin, "not so fast", now).await.unwrap();
                self.model.undo(0, now).unwrap();
                (None, None)
            }
            Do::Claim => {
                let batch = store::batches::run_now(pool, &admin, now).await.unwrap().id;
                store::batches::claim_chunk(pool, batch, 1000, now).await.unwrap();
                store::batches::close(pool, batch, now).await.unwrap();
                let batch = self.model.open_batch(now);
                self.model.claim_chunk(batch, 1000, now).unwrap();
                self.model.close_batch(batch);
                (None, None)
            }
            Do::Begin => {
                let here = self.model.begin(0, now).unwrap();
                let there = self.run(activities::BeginAttemptStep::begin_attempt, self.payout_ref()).await;
                (Some(here), there)
            }
            Do::Transfer(attempt, sent) => {
                let submitted = sent.submitted(*attempt);
                let here = match self.model.count_send(0, *attempt, now).unwrap() {
                    model::Sending::Go { lease } => {
                        self.script.submits.lock().unwrap().push_back(submitted.clone());
                        let progress = self.model.record_submitted(0, *attempt, lease, &submitted, now);
                        Some(progress.unwrap()).filter(|_| !matches!(sent, Reply::NotSent))
                    }
                    model::Sending::Not(progress) => Some(progress),
                    model::Sending::Paused => None,
                    model::Sending::Doubted(progress) => {
                        self.looks(&[Seen::NotFound]).await;
                        Some(progress)
                    }
                };
                (here, self.run(activities::TransferStep::transfer, self.attempt_ref(*attempt)).await)
            }
            Do::Count(attempt) => {
                let here = self.model.count_send(0, *attempt, now).unwrap();
                let number = Self::number(*attempt);
                let there = attempts::count_send(pool, payout, number, LEASE, "Payout", now).await.unwrap();
                match (here, there) {
                    (model::Sending::Go { lease: here }, Sending::Go { lease, .. }) => {
                        self.leases.push_back((*attempt, lease, here));
                        (None, None)
                    }
                    (model::Sending::Not(here), Sending::Not(there))
                    | (model::Sending::Doubted(here), Sending::Doubted(there)) => (Some(here), Some(there)),
                    (model::Sending::Paused, Sending::Paused) => (None, None),
                    (here, there) => panic!("the model: {here:?}, the store: {there:?}"),
                }
            }
            Do::Write(sent) => {
                let Some((attempt, lease, here)) = self.leases.pop_front() else { return (None, None) };
                let submitted = sent.submitted(attempt);
                let here = self.model.record_submitted(0, attempt, here, &submitted, now).unwrap();
                let there =
                    attempts::record_submitted(pool, payout, lease, &submitted, &retry, now).await.unwrap();
                (Some(here), Some(there))
            }
            Do::Observe(attempt, seen) => {
                let here = if self.model.is_looked_at(0, *attempt) {
                    self.show(*attempt, *seen).await;
                    let observed = self.seen_here(*attempt, *seen);
                    self.model.record_observation(0, *attempt, &observed, now).unwrap()
                } else {
                    self.model.progress(0, now)
                };
                (Some(here), self.run(activities::ObserveStep::observe, self.attempt_ref(*attempt)).await)
            }
            Do::LookBack(attempt, seen) => {
                let place = self.terms(*attempt).await;
                let observed = seen.observed(*attempt, &place.terms);
                let there = attempts::record_observation(pool, payout, &place, &observed, &retry, now).await;
                let observed = self.seen_here(*attempt, *seen);
                let here = self.model.record_observation(0, *attempt, &observed, now).unwrap();
                (Some(here), Some(there.unwrap()))
            }
            Do::Reobserve(seen) => {
                let before = self.model.progress(0, now);
                let here = if model::may_go_on(&before, now) {
                    self.looks(seen).await;
                    self.model.after_looks(0, now).unwrap()
                } else {
                    before
                };
                (Some(here), self.run(activities::ReobserveStep::reobserve, self.payout_ref()).await)
            }
            Do::Retry => {
                store::manual::retry(pool, payout, &admin, "again", now).await.unwrap();
                self.model.retry(0, now).unwrap();
                (None, None)
            }
            Do::Refund(seen) => {
                self.looks(seen).await;
                let (gateway, clock) = (self.world.gateway.as_ref(), self.world.clock.as_ref());
                look_at_earlier_attempts(pool, gateway, clock, &retry, payout).await.unwrap();
                store::manual::refund(pool, payout, &admin, "back", now).await.unwrap();
                self.model.refund(0, now).unwrap();
                (None, None)
            }
            Do::Pause(paused) => {
                store::control::set_paused(pool, *paused, "look first", &admin, now).await.unwrap();
                self.model.paused = *paused;
                (None, None)
            }
            Do::Pass(seconds) => {
                self.clock.advance(TimeDelta::seconds(*seconds));
                self.now += TimeDelta::seconds(*seconds);
                (None, None)
            }
            Do::Attest(attempt, paid) => {
                let verdict =
                    if *paid { attestations::Verdict::Paid } else { attestations::Verdict::NotPaid };
                let number = Self::number(*attempt);
                let (document, reason) = ("letter 7", "the bank says so");
                let new = NewAttestation { payout, attempt: number, verdict, document, reason };
                let proposed = attestations::propose(pool, &new, &admin, now).await.unwrap();
                if matches!(proposed, attestations::Attested::Done(_)) {
                    let other = Actor::admin("obi");
                    attestations::confirm(pool, payout, number, &retry, &other, now).await.unwrap();
                }
                self.model.attest(0, *attempt, *paid, now).unwrap();
                (None, None)
            }
            Do::Earn(amount) => {
                self.serial += 1;
                let earning = store::earnings::NewEarning {
                    external_id: format!("more-{}-{}", self.tag, self.serial),
                    provider_external_id: format!("provider-{}", self.tag),
                    amount: money(*amount),
                    description: String::new(),
                    earned_at: now,
                };
                store::earnings::push(pool, &earning, &Actor::platform("test"), now).await.unwrap();
                self.model.earn(0, *amount).unwrap();
                (None, None)
            }
            Do::Adjust(by) => {
                self.serial += 1;
                let adjustment = store::earnings::NewAdjustment {
                    external_id: format!("adjusted-{}-{}", self.tag, self.serial),
                    earning_external_id: self.earning.clone(),
                    amount: money(*by),
                    reason: "counted again".to_owned(),
                };
                let platform = Actor::platform("test");
                let done = store::earnings::adjust(pool, &adjustment, &platform, now).await.unwrap();
                if matches!(done, store::earnings::Adjusted::New(_)) {
                    self.model.adjust(0, *by).unwrap();
                }
                (None, None)
            }
        }
    }

    /// Does it in both: they answer the same, and look the same afterwards.
    async fn compare(&mut self, what: &Do, done: &mut Vec<String>, name: &str) {
        done.push(format!("{}  {what:?}", self.now.format("%d %H:%M:%S")));
        let so_far = || format!("{name}:\n{}", done.join("\n"));
        let (here, there) = self.step(what).await;
        let (here, there) = (here.map(|p| (p.status, p.next)), there.map(|p| (p.status, p.next)));
        let (model, store) = (self.here(), self.there().await);
        assert!(model == store, "\nthe model: {model:#?}\nthe store: {store:#?}\n{}", so_far());
        assert!(here == there, "\nthe model answers {here:?}\nthe store answers {there:?}\n{}", so_far());
        let unasked = self.script.submits.lock().unwrap().len() + self.script.looks.lock().unwrap().len();
        assert_eq!(unasked, 0, "answers that the store did not ask for\n{}", so_far());
    }

    fn here(&self) -> View {
        let row = &self.model.payouts[0];
        let mut cases = BTreeMap::new();
        let mut open = |kind: &str, open: bool| {
            if open {
                *cases.entry(kind.to_owned()).or_insert(0) += 1;
            }
        };
        for held in &row.attempts {
            open("contradiction", held.contradiction);
            open("reversal", held.reversal);
            open("overpaid", held.overpaid_case);
        }
        let of = |account| decimal(self.model.ledger.of(account));
        let before_people = row.status == PayoutStatus::Requested && row.risk.is_some();
        View {
            payout: format!(
                "{}, {:?}, {:?}, attention {}, refunded {}",
                row.status, row.risk, row.held, row.needs_attention, row.refunded
            ),
            approvals: before_people.then_some((row.approvals.len(), row.approvals_needed)),
            next: self.model.standing(0).next(self.now),
            next_attempt_at: row.next_attempt_at,
            attempts: row
                .attempts
                .iter()
                .map(|held| {
                    format!(
                        "{} {} sends {} resend {} doubt {:?} late {} check {:?} reversal {:?}",
                        held.number.get(),
                        held.status,
                        held.sends,
                        held.resend,
                        held.doubt,
                        held.late,
                        held.check_at,
                        held.reversal_seen_at
                    )
                })
                .collect(),
            balances: [
                of(Account::Available(0)),
                of(Account::Reserved(0)),
                of(Account::PaidOut(0)),
                (-of(Account::Debt(0))).normalize(),
            ],
            cases,
        }
    }

    async fn there(&self) -> View {
        let row = store::payouts::get(&self.pool, self.payout).await.unwrap().unwrap();
        let resend: Vec<bool> =
            sqlx::query_scalar("SELECT resend FROM attempts WHERE payout_id = $1 ORDER BY number")
                .bind(self.payout.uuid())
                .fetch_all(&self.pool)
                .await
                .unwrap();
        let cases: Vec<(String, i64)> = sqlx::query_as(
            "SELECT kind, count(*) FROM cases WHERE payout_id = $1 AND status = 'OPEN' GROUP BY kind",
        )
        .bind(self.payout.uuid())
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let balances = store::balances::of(&self.pool, self.provider).await.unwrap();
        let balance = &balances[0];
        let standing = store::payouts::standing(&self.pool, self.payout).await.unwrap().unwrap();
        View {
            payout: format!(
                "{}, {:?}, {:?}, attention {}, refunded {}",
                row.status,
                row.risk,
                row.held,
                row.needs_attention,
                row.refunded_at.is_some()
            ),
            approvals: standing
                .review
                .map(|review| (usize::from(review.approvals), usize::from(review.approvals_needed))),
            next: standing.next(self.now),
            next_attempt_at: row.next_attempt_at,
            attempts: attempts::of_payout(&self.pool, self.payout)
                .await
                .unwrap()
                .iter()
                .zip(resend)
                .map(|(held, resend)| {
                    format!(
                        "{} {} sends {} resend {} doubt {:?} late {} check {:?} reversal {:?}",
                        held.number.get(),
                        held.status,
                        held.sends,
                        resend,
                        held.doubt,
                        held.late,
                        held.check_at,
                        held.reversal_seen_at
                    )
                })
                .collect(),
            balances: [balance.available, balance.reserved, balance.paid_out, balance.debt]
                .map(|money| money.amount().normalize()),
            cases: cases.into_iter().collect(),
        }
    }

    /// What would come next anyway, more often than not; else anything.
    fn draw(&self, rng: &mut Rng) -> Do {
        let attempts = self.model.payouts[0].attempts.len();
        if rng.u8(0..10) < 3 {
            return self.draw_anything(rng, attempts);
        }
        // Most is to be decided when an earlier attempt pays after all.
        if attempts > 1 && rng.u8(0..10) == 0 {
            return Do::LookBack(rng.usize(0..attempts - 1), Seen::Succeeded);
        }
        match self.model.standing(0).next(self.now) {
            Next::Assess => Do::Assess,
            Next::AwaitDecision if !self.two => Do::Decide(true, 0),
            Next::AwaitDecision if !self.model.payouts[0].approvals.is_empty() && rng.u8(0..3) == 0 => {
                Do::Undo
            }
            Next::AwaitDecision => Do::Decide(true, rng.u8(0..2)),
            Next::AwaitRelease => Do::Claim,
            Next::Begin if rng.u8(0..3) == 0 => Do::Reobserve((0..4).map(|_| Seen::again(rng)).collect()),
            Next::Begin => Do::Begin,
            Next::Send { attempt } => {
                let attempt = usize::from(attempt.get()) - 1;
                if rng.u8(0..6) == 0 { Do::Count(attempt) } else { Do::Transfer(attempt, Reply::draw(rng)) }
            }
            Next::AwaitOutcome { attempt, check_at } => {
                let wait = check_at.signed_duration_since(self.now).num_seconds();
                if wait > 0 && rng.bool() {
                    Do::Pass(wait)
                } else {
                    Do::Observe(usize::from(attempt.get()) - 1, Seen::draw(rng))
                }
            }
            Next::AwaitRetry { due } => {
                let wait = due.signed_duration_since(self.now).num_seconds();
                match (wait > 0, rng.bool()) {
                    (true, _) => Do::Pass(wait),
                    (false, true) => Do::Reobserve((0..4).map(|_| Seen::again(rng)).collect()),
                    (false, false) => Do::Begin,
                }
            }
            Next::AwaitAttention if rng.bool() => Do::Retry,
            Next::AwaitAttention => Do::Refund((0..4).map(|_| Seen::again(rng)).collect()),
            Next::Notify { .. } if attempts > 0 => Do::LookBack(rng.usize(0..attempts), Seen::draw(rng)),
            Next::Notify { .. } => self.draw_anything(rng, attempts),
        }
    }

    fn draw_anything(&self, rng: &mut Rng, attempts: usize) -> Do {
        let looks = |rng: &mut Rng| (0..4).map(|_| Seen::again(rng)).collect();
        let any = if attempts == 0 { rng.u8(0..12) } else { rng.u8(0..20) };
        match any {
            0 => Do::Assess,
            1 if self.two && rng.bool() => Do::Limit(if rng.bool() { LEAST } else { MOST }),
            1 if self.two => Do::Decide(rng.bool(), rng.u8(0..2)),
            1 => Do::Decide(rng.bool(), 0),
            2 if rng.u8(0..4) == 0 => Do::Cancel,
            2 | 3 => Do::Undo,
            4 => Do::Claim,
            5 => Do::Begin,
            6 => Do::Pass([1, 30, 43, 60, 600, 90_000][rng.usize(0..6)]),
            7 => Do::Pause(!self.model.paused),
            8 => Do::Earn(Amount::from(rng.u32(1..2_000)) * 10_000),
            9 => Do::Adjust(if rng.bool() { -10_000_000 } else { 2_000_000 }),
            10 => Do::Retry,
            11 => Do::Refund(looks(rng)),
            12 => Do::Transfer(rng.usize(0..attempts), Reply::draw(rng)),
            13 => Do::Count(rng.usize(0..attempts)),
            14 => Do::Write(Reply::draw(rng)),
            15 => Do::Observe(rng.usize(0..attempts), Seen::draw(rng)),
            16 | 17 => Do::LookBack(rng.usize(0..attempts), Seen::draw(rng)),
            18 => Do::Attest(rng.usize(0..attempts), rng.u8(0..3) == 0),
            _ => Do::Reobserve(looks(rng)),
        }
    }
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[sqlx::test(migrations = "../migrations")]
async fn the_model_does_what_the_store_does(pool: PgPool) {
    let pool = store::connect(pool.connect_options().to_url_lossy().as_str(), 5).await.unwrap();
    let from = setting("DIFFERENTIAL_FROM", 0);
    let mut met = Coverage::default();
    let one = from..from + setting("DIFFERENTIAL_SEEDS", SEEDS);
    let two = TWO_FROM..TWO_FROM + if from == 0 { TWO_SEEDS } else { 0 };
    for seed in one.chain(two) {
        let mut rng = Rng::with_seed(seed);
        let mut pair = Pair::new(pool.clone(), &seed.to_string(), seed >= TWO_FROM).await;
        let mut done: Vec<String> = vec![];
        for _ in 0..STEPS {
            let what = pair.draw(&mut rng);
            pair.compare(&what, &mut done, &format!("DIFFERENTIAL_FROM={seed} DIFFERENTIAL_SEEDS=1")).await;
        }
        if pair.model.paused {
            pair.step(&Do::Pause(false)).await;
        }
        met.add(&pair.model.coverage);
    }
    let missed: Vec<_> = COMPARED.into_iter().filter(|mark| met.of(*mark) == 0).collect();
    assert!(missed.is_empty(), "nothing was compared about {missed:?}");
    let findings = store::books::verify(&pool).await.unwrap().findings;
    assert!(findings.is_empty(), "{findings:#?}");
    pool.close().await;
}

/// What chance found once.
#[sqlx::test(migrations = "../migrations")]
async fn stories_that_were_told_differently_once(pool: PgPool) {
    use Do::{
        Assess, Attest, Begin, Claim, Count, Decide, LookBack, Observe, Pass, Refund, Reobserve, Retry,
        Transfer, Write,
    };
    const BANK: Seen = Seen::Failed("bank is not available");
    const CLOSED: Seen = Seen::Failed("invalid account");
    let until_first = [Assess, Decide(true, 0), Claim, Begin];
    let until_second =
        [Transfer(0, Reply::Accepted), Observe(0, BANK), Pass(60), Reobserve(vec![BANK]), Begin];
    let beside_excess = || {
        let third =
            vec![Observe(1, BANK), Pass(300), Reobserve(vec![BANK]), Begin, Transfer(2, Reply::Unknown)];
        let late = vec![LookBack(0, Seen::Succeeded), LookBack(1, Seen::Succeeded)];
        let back = vec![LookBack(0, BANK), Pass(90_000), LookBack(0, BANK), Observe(2, CLOSED)];
        [until_second.to_vec(), vec![Transfer(1, Reply::Accepted)], third, late, back].concat()
    };
    let stories = [
        // Nothing of it has left: there is nothing to attest.
        (
            "unsent",
            vec![LookBack(0, Seen::NotFound), Attest(0, false), Pass(900), Observe(0, Seen::NotFound)],
        ),
        // The second may not be sent again while the first waits for its end.
        (
            "late beside one that is not found",
            [
                until_second.to_vec(),
                vec![Transfer(1, Reply::Unknown), Pass(60), Observe(1, Seen::NotFound)],
                vec![LookBack(0, Seen::Succeeded), Transfer(1, Reply::Accepted), Pass(900)],
                vec![Observe(1, Seen::NotFound), Transfer(1, Reply::Accepted), Observe(1, BANK)],
            ]
            .concat(),
        ),
        // The second turns out never to have left.
        (
            "late beside one that is taken back",
            [until_second.to_vec(), vec![Count(1), LookBack(0, Seen::Succeeded), Write(Reply::NotSent)]]
                .concat(),
        ),
        // The first comes back while it waits, then the second fails: the payout is tried again.
        (
            "late and returned while it waits",
            [
                until_second.to_vec(),
                vec![Transfer(1, Reply::Accepted), LookBack(0, Seen::Succeeded), LookBack(0, BANK)],
                vec![
                    Pass(90_000),
                    LookBack(0, BANK),
                    Observe(1, BANK),
                    Pass(300),
                    Reobserve(vec![BANK]),
                    Begin,
                ],
                vec![Transfer(2, Reply::Accepted), Observe(2, Seen::Succeeded)],
            ]
            .concat(),
        ),
        // Two are late beside a third: the one that waits comes back, the other is owed, the third fails.
        ("refunded beside an excess that is owed", [beside_excess(), vec![Refund(vec![CLOSED])]].concat()),
        (
            "tried again beside an excess that is owed",
            [beside_excess(), vec![Retry, Begin, Pass(60), Reobserve(vec![CLOSED]), Begin]].concat(),
        ),
    ];
    let pool = store::connect(pool.connect_options().to_url_lossy().as_str(), 5).await.unwrap();
    for (at, (name, story)) in stories.into_iter().enumerate() {
        let mut pair = Pair::new(pool.clone(), &format!("story-{at}"), false).await;
        let mut done: Vec<String> = vec![];
        for what in until_first.iter().chain(&story) {
            pair.compare(what, &mut done, name).await;
        }
    }
    let findings = store::books::verify(&pool).await.unwrap().findings;
    assert!(findings.is_empty(), "{findings:#?}");
    pool.close().await;
}
