//! One small world from its first request to the day on which nothing moves any more.
//!
//! Time is virtual and events come in the order of their time, then of their making. An activity is a row of events, one per
//! transaction and one per call, so others come between; what dies between two of them takes nothing along but itself.

mod people;
mod steps;
mod weather;

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptNumber, AttemptStatus, Currency, Ending, Next, PayoutStatus, RiskPolicy, RiskRules, risk::Mode,
};
use workflows::{SignalName, WakeUp};

use crate::{
    coverage::{Coverage, Fault, Mark},
    dice::Dice,
    gateway::{Gateway, State},
    model::{Account, Broken, Model, Result, broken, ensure},
    script::{Command, Reply, Run, Step, Turn},
};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// From then on nothing goes wrong and people do what is theirs, so that everything must come to its end.
const HEALS_AT: i64 = 5 * DAY;
/// Nothing that can still end may be open by then.
const ENDS_AT: i64 = 40 * DAY;
/// A gateway's last word may change this long, and reconciliation looks for as long.
const RETURN_WINDOW: TimeDelta = TimeDelta::hours(5 * 24 + 12);
/// The most that one world may do: a world that does more is stuck in a circle.
const MOST_EVENTS: u64 = 2_000_000;

/// Which world, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub seed: u64,
    /// At most so many payouts.
    pub payouts: u32,
    /// One bit per fault that does not happen.
    pub without: u64,
    /// Keep what happens, in lines.
    pub traced: bool,
}

impl Setting {
    pub fn of(seed: u64) -> Self {
        Self { seed, payouts: u32::MAX, without: 0, traced: false }
    }
}

/// What became of a world.
#[derive(Debug)]
pub struct Outcome {
    pub setting: Setting,
    pub payouts: u64,
    pub events: u64,
    pub postings: u64,
    pub ends: Ends,
    pub paid_twice: u64,
    pub found: u64,
    pub coverage: Coverage,
    pub trace: Vec<String>,
    pub broken: Option<Broken>,
}

/// How payouts ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    pub completed: u64,
    pub rejected: u64,
    pub cancelled: u64,
    pub refunded: u64,
    pub reversed: u64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A sleep or a pause of a script is over.
    Timer {
        payout: usize,
        run: u32,
        command: u32,
    },
    /// An activity's next part.
    Step {
        step: u32,
    },
    Relay {
        payout: usize,
    },
    Sweep,
    Window,
    Claim {
        batch: usize,
    },
    Reconcile,
    HistoryLost {
        payout: usize,
        run: u32,
    },
    // The gateway.
    Arrive {
        payout: usize,
        attempt: usize,
    },
    Resolve {
        payout: usize,
        attempt: usize,
    },
    TakeBack {
        payout: usize,
        attempt: usize,
    },
    Return {
        payout: usize,
        attempt: usize,
        tries: u8,
    },
    Webhook {
        payout: usize,
        attempt: usize,
        body: u32,
    },
    // People.
    Request {
        provider: usize,
    },
    Earn {
        provider: usize,
    },
    Adjust {
        provider: usize,
    },
    Decide {
        payout: usize,
    },
    Cancel {
        payout: usize,
    },
    /// An operator starts the payout's run by hand.
    Start {
        payout: usize,
    },
    Undo {
        payout: usize,
    },
    Attend {
        payout: usize,
    },
    Attest {
        payout: usize,
        attempt: usize,
    },
    Pause {
        what: u32,
    },
    Resume,
    Fund,
    Heal,
}

#[derive(Debug)]
struct Entry {
    at: i64,
    serial: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// A script that runs, and its latest command.
struct Running {
    run: Run,
    number: u32,
    command: u32,
    /// What its latest step answered.
    answered: Option<Next>,
    /// How often a webhook has told it of an attempt that it has not asked about for that.
    told_of: BTreeMap<AttemptNumber, u32>,
}

/// What the scheduler knows of a payout beside its row.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "as many columns are yes or no")]
struct Watch {
    running: Option<Running>,
    ran_before: bool,
    relay_planned: bool,
    decide_planned: bool,
    attend_planned: bool,
    attest_planned: bool,
    hooks: u64,
    last_ending: Option<Ending>,
}

pub(crate) struct World {
    setting: Setting,
    dice: Dice,
    model: Model,
    gateway: Gateway,
    queue: BinaryHeap<Reverse<Entry>>,
    serial: u64,
    ms: i64,
    now: DateTime<Utc>,
    watches: Vec<Watch>,
    steps: Vec<Option<steps::Activity>>,
    free_steps: Vec<u32>,
    last_run: u32,
    wanted: u32,
    healed: bool,
    /// Events at the gateway that are still to come.
    weather: u32,
    trace: Vec<String>,
    events: u64,
    /// What a script did that it must not.
    broken: Option<Broken>,
}

macro_rules! tell {
    ($world:expr, $($what:tt)*) => {
        if $world.setting.traced {
            let line = format!($($what)*);
            $world.line(&line);
        }
    };
}
use tell;

/// Runs a world to its end.
pub fn run(setting: Setting) -> Outcome {
    let mut world = match World::new(setting) {
        Ok(world) => world,
        Err(broken) => return Outcome::stillborn(setting, broken),
    };
    let broken = world.live().err();
    if let Some(Broken(what)) = &broken {
        tell!(world, "BROKEN: {what}");
    }
    world.outcome(broken)
}

impl World {
    fn new(setting: Setting) -> Result<Self> {
        let mut dice = Dice::new(setting.seed, setting.without);
        let mut model = Model::new(policy())?;
        model.noting = setting.traced;
        let now = start();
        let mut world = Self {
            setting,
            wanted: 0,
            gateway: Gateway::default(),
            queue: BinaryHeap::with_capacity(256),
            serial: 0,
            ms: 0,
            now,
            watches: vec![],
            steps: vec![],
            free_steps: vec![],
            last_run: 0,
            healed: false,
            weather: 0,
            trace: vec![],
            events: 0,
            broken: None,
            dice: Dice::new(0, 0),
            model,
        };
        let payouts = dice.between(5, 30);
        world.wanted = u32::try_from(payouts).unwrap_or(5).min(setting.payouts);
        let providers = dice.between(1, 5);
        world.dice = dice;
        world.populate(usize::try_from(providers).unwrap_or(1))?;
        Ok(world)
    }

    fn live(&mut self) -> Result<()> {
        while let Some(Reverse(Entry { at, event, .. })) = self.queue.pop() {
            if at > self.ms {
                self.ms = at;
                self.now = start() + TimeDelta::milliseconds(at);
            }
            if at > ENDS_AT {
                break;
            }
            self.events += 1;
            if self.events > MOST_EVENTS {
                return broken("the world runs in circles");
            }
            self.happen(event)?;
            self.settle_step()?;
            if self.is_quiet(event) {
                break;
            }
        }
        self.judge()
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Timer { payout, run, command } => self.ring(payout, run, command),
            Event::Step { step } => return self.go_on(step),
            Event::Relay { payout } => self.relay(payout),
            Event::Sweep => self.sweep(),
            Event::Window => self.window(),
            Event::Claim { batch } => return self.claim(batch),
            Event::Reconcile => self.reconcile(),
            Event::HistoryLost { payout, run } => self.lose_history(payout, run),
            Event::Arrive { payout, attempt } => self.arrive(payout, attempt),
            Event::Resolve { payout, attempt } => return self.resolve(payout, attempt),
            Event::TakeBack { payout, attempt } => self.take_back(payout, attempt),
            Event::Return { payout, attempt, tries } => self.give_back(payout, attempt, tries),
            Event::Webhook { payout, attempt, body } => self.webhook(payout, attempt, body),
            Event::Request { provider } => return self.request(provider),
            Event::Earn { provider } => return self.earn(provider),
            Event::Adjust { provider } => return self.adjust(provider),
            Event::Decide { payout } => return self.decide(payout),
            Event::Start { payout } => self.start_by_hand(payout),
            Event::Cancel { payout } => return self.cancel(payout),
            Event::Undo { payout } => return self.undo(payout),
            Event::Attend { payout } => return self.attend(payout),
            Event::Attest { payout, attempt } => return self.attest(payout, attempt),
            Event::Pause { what } => self.pause(what),
            Event::Resume => self.resume(),
            Event::Fund => return self.fund(),
            Event::Heal => return self.heal(),
        }
        Ok(())
    }

    fn at(&mut self, delay: i64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Entry { at: self.ms + delay.max(0), serial: self.serial, event }));
    }

    fn line(&mut self, what: &str) {
        let (days, rest) = (self.ms / DAY, self.ms % DAY);
        let (hours, minutes) = (rest / HOUR, rest % HOUR / MINUTE);
        let (seconds, ms) = (rest % MINUTE / SECOND, rest % SECOND);
        self.trace.push(format!("{days:>2}d {hours:02}:{minutes:02}:{seconds:02}.{ms:03}  {what}"));
    }

    /// After each event: checks what it changed, and lets the relay and people hear of it.
    fn settle_step(&mut self) -> Result<()> {
        if self.setting.traced {
            for note in std::mem::take(&mut self.model.notes) {
                self.line(&format!("                    · {note}"));
            }
        }
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        while let Some(payout) = self.model.touched.pop() {
            self.model.check_payout(payout)?;
            self.check_money(payout)?;
            self.notice(payout);
        }
        while let Some(payout) = self.model.told.pop() {
            self.plan_relay(payout);
        }
        Ok(())
    }

    /// Against the gateway's own books: no money moves twice unless it took back what it said.
    fn check_money(&mut self, payout: usize) -> Result<()> {
        let row = &self.model.payouts[payout];
        let transfers = self.gateway.of(payout);
        if transfers.excused {
            return Ok(());
        }
        ensure!(transfers.paid() <= 1, "payout {payout} was paid {} times", transfers.paid());
        let ended_unpaid =
            row.refunded || matches!(row.status, PayoutStatus::Rejected | PayoutStatus::Cancelled);
        ensure!(
            !ended_unpaid || !transfers.may_pay(),
            "payout {payout} is {}{} and the gateway may pay it or has",
            row.status,
            if row.refunded { ", refunded," } else { "" }
        );
        let newest = row.attempts.len().saturating_sub(1);
        let earlier = transfers.records.iter().take(newest).flatten();
        for record in earlier {
            ensure!(
                matches!(record.state, State::Failed(_) | State::Returned),
                "payout {payout} has attempt {} while an earlier one is {:?} at the gateway",
                newest + 1,
                record.state
            );
        }
        Ok(())
    }

    // The engine.

    fn watch(&mut self, payout: usize) -> &mut Watch {
        if self.watches.len() <= payout {
            self.watches.resize_with(payout + 1, Watch::default);
        }
        &mut self.watches[payout]
    }

    fn start_run(&mut self, payout: usize) {
        self.last_run += 1;
        let number = self.last_run;
        let running = Running {
            run: Run::start(self.now),
            number,
            command: 0,
            answered: None,
            told_of: BTreeMap::new(),
        };
        let watch = self.watch(payout);
        watch.ran_before = true;
        watch.running = Some(running);
        tell!(self, "payout {payout}: run {number} starts");
        if self.dice.hits(Fault::HistoryLost) {
            let delay = self.dice.span(SECOND, 2 * DAY);
            self.at(delay, Event::HistoryLost { payout, run: number });
        }
        self.model.coverage.mark(Mark::NextAssess);
        self.advance(payout, None);
    }

    /// The script goes on, up to its next command.
    fn advance(&mut self, payout: usize, reply: Option<Reply>) {
        let now = self.now;
        let Some(running) = &mut self.watches[payout].running else { return };
        if let Some(Reply::Next(next)) = reply {
            running.answered = Some(next);
        }
        let turn = running.run.turn(reply, now);
        running.command += 1;
        let (run, command) = (running.number, running.command);
        for _ in 0..running.run.take_unexpected() {
            self.model.coverage.mark(Mark::SignalUnexpected);
        }
        for _ in 0..running.run.take_circles() {
            self.model.coverage.mark(Mark::InCircles);
        }
        match turn {
            Some(Turn::Do(Command::Step(step))) => {
                self.check_asked(payout, step);
                self.begin_step(payout, step, run, command);
            }
            Some(Turn::Do(Command::Sleep(Some(until)))) => {
                let delay = (until - now).num_milliseconds() + 1;
                self.at(delay, Event::Timer { payout, run, command });
            }
            Some(Turn::Do(Command::Pause(time))) => {
                self.at(time.num_milliseconds(), Event::Timer { payout, run, command });
            }
            Some(Turn::Ended(ending)) => {
                tell!(self, "payout {payout}: run {run} ends: {}", ending.as_str());
                self.model.coverage.mark(match ending {
                    Ending::Completed => Mark::EndedCompleted,
                    Ending::Rejected => Mark::EndedRejected,
                    Ending::Cancelled => Mark::EndedCancelled,
                    Ending::Refunded => Mark::EndedRefunded,
                    Ending::Reversed => Mark::EndedReversed,
                });
                self.watches[payout].running = None;
                self.watches[payout].last_ending = Some(ending);
            }
            Some(Turn::Do(Command::Sleep(None))) | None => {}
        }
    }

    /// The script asks about an attempt when it is time to, or when a webhook has told it to: what else wakes it costs a look at
    /// the row, never one at the gateway.
    fn check_asked(&mut self, payout: usize, step: Step) {
        let now = self.now;
        let Some(running) = &mut self.watches[payout].running else { return };
        match step {
            Step::Observe(attempt) => {
                let due = match running.answered {
                    Some(Next::AwaitOutcome { attempt: open, check_at }) => {
                        open == attempt && check_at <= now
                    }
                    Some(
                        Next::Assess
                        | Next::AwaitDecision
                        | Next::AwaitRelease
                        | Next::Begin
                        | Next::Send { .. }
                        | Next::AwaitRetry { .. }
                        | Next::AwaitAttention
                        | Next::Notify { .. },
                    )
                    | None => false,
                };
                if due {
                    return;
                }
                // One that came while it was at something else is answered later: each is good for one look.
                let told = running.told_of.entry(attempt).or_insert(0);
                if let Some(left) = told.checked_sub(1) {
                    *told = left;
                } else {
                    let what = format!("the script of payout {payout} asks the gateway for no reason");
                    self.broken = Some(Broken(what));
                }
            }
            Step::Assess
            | Step::Reload
            | Step::Begin
            | Step::Transfer(_)
            | Step::Reobserve
            | Step::Notify => {}
        }
    }

    fn ring(&mut self, payout: usize, run: u32, command: u32) {
        let Some(running) = &self.watches[payout].running else { return };
        if (running.number, running.command) == (run, command) {
            self.advance(payout, Some(Reply::Done));
        }
    }

    fn lose_history(&mut self, payout: usize, run: u32) {
        let watch = self.watch(payout);
        if watch.running.as_ref().is_some_and(|running| running.number == run) {
            watch.running = None;
            tell!(self, "payout {payout}: the history of run {run} is lost");
        }
    }

    fn plan_relay(&mut self, payout: usize) {
        if std::mem::replace(&mut self.watch(payout).relay_planned, true) {
            return;
        }
        let delay = if self.dice.hits(Fault::RelayLate) {
            self.dice.span(SECOND, 2 * DAY)
        } else {
            self.dice.between(1, 50)
        };
        self.at(delay, Event::Relay { payout });
    }

    fn relay(&mut self, payout: usize) {
        self.watch(payout).relay_planned = false;
        let Some(row) = self.model.payouts[payout].outbox.front().copied() else { return };
        if self.watch(payout).running.is_none() {
            if self.watches[payout].ran_before {
                self.model.coverage.mark(Mark::RestartedByRelay);
            }
            self.start_run(payout);
        }
        if let Some((name, attempt)) = row.signal {
            tell!(self, "payout {payout}: signal {}{}", name.as_str(), of_attempt(attempt));
            self.signal(payout, name, WakeUp { id: row.id, attempt });
        }
        // A relay that dies before it has noted the delivery delivers again.
        if self.dice.hits(Fault::RelayTwice) {
            self.plan_relay(payout);
            return;
        }
        self.model.delivered(payout, row.id);
        if !self.model.payouts[payout].outbox.is_empty() {
            self.plan_relay(payout);
        }
    }

    fn signal(&mut self, payout: usize, name: SignalName, wake_up: WakeUp) {
        let Some(running) = &mut self.watches[payout].running else { return };
        if name == SignalName::TransferUpdate
            && let Some(attempt) = wake_up.attempt
        {
            *running.told_of.entry(attempt).or_insert(0) += 1;
        }
        match running.run.hear(name, wake_up) {
            None => self.model.coverage.mark(Mark::SignalRepeated),
            Some(true) => self.advance(payout, Some(Reply::Done)),
            Some(false) => {}
        }
    }

    fn sweep(&mut self) {
        self.model.find_unknown(self.now);
        let quiet_since = self.now - TimeDelta::minutes(5);
        for payout in 0..self.model.payouts.len() {
            let row = &self.model.payouts[payout];
            if row.has_ended() {
                continue;
            }
            self.notice(payout);
            if self.model.payouts[payout].updated_at < quiet_since && self.watch(payout).running.is_none() {
                self.model.coverage.mark(Mark::RestartedBySweeper);
                self.start_run(payout);
            }
        }
        self.at(HOUR, Event::Sweep);
    }

    // The end.

    fn is_quiet(&self, event: Event) -> bool {
        matches!(event, Event::Reconcile)
            && self.healed
            && self.weather == 0
            && self
                .model
                .payouts
                .iter()
                .zip(&self.watches)
                .all(|(row, watch)| row.outbox.is_empty() && row.has_ended() && watch.running.is_none())
            && self.steps.iter().all(Option::is_none)
            && !self.model.payouts.iter().flat_map(|row| &row.attempts).any(|held| self.is_in_window(held))
    }

    /// Everything has come to its end, and our books say what the gateway's say.
    fn judge(&mut self) -> Result<()> {
        self.model.check_books()?;
        let mut unknown_fees = 0;
        for (payout, row) in self.model.payouts.iter().enumerate() {
            ensure!(
                row.has_ended(),
                "payout {payout} is stuck: {}{}, {:?}",
                row.status,
                if row.needs_attention { " and needs attention" } else { "" },
                row.attempts.iter().map(|held| (held.status, held.sends, held.resend)).collect::<Vec<_>>()
            );
            ensure!(
                self.watches[payout].running.is_none(),
                "payout {payout} is {} and its run goes on",
                row.status
            );
            let empty = crate::gateway::Transfers::default();
            let transfers = self.gateway.transfers.get(payout).unwrap_or(&empty);
            for (at, held) in row.attempts.iter().enumerate() {
                let state = transfers.record(at).map(|record| record.state);
                let agrees = match held.status {
                    AttemptStatus::Succeeded => state == Some(State::Paid),
                    AttemptStatus::Reversed => state == Some(State::Returned) || held.attested_paid,
                    AttemptStatus::Failed => matches!(state, None | Some(State::Failed(_))),
                    AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => false,
                };
                ensure!(
                    agrees,
                    "attempt {} of payout {payout} is {} with us and {state:?} at the gateway",
                    at + 1,
                    held.status
                );
                if let Some(record) = transfers.record(at)
                    && held.attested_paid
                    && !held.fee_booked
                    && matches!(record.state, State::Paid | State::Returned)
                {
                    unknown_fees += record.fee;
                }
            }
        }
        let ours = self.model.ledger.of(Account::GatewayWallet);
        ensure!(
            ours - unknown_fees == self.gateway.wallet,
            "the ledger has {} in the gateway's wallet, the gateway {}",
            ours - unknown_fees,
            self.gateway.wallet
        );
        Ok(())
    }

    fn outcome(mut self, broken: Option<Broken>) -> Outcome {
        let mut ends = Ends::default();
        let (mut paid_twice, mut found) = (0, 0);
        for (payout, row) in self.model.payouts.iter().enumerate() {
            match row.status {
                PayoutStatus::Completed => ends.completed += 1,
                PayoutStatus::Rejected => ends.rejected += 1,
                PayoutStatus::Cancelled => ends.cancelled += 1,
                PayoutStatus::Reversed => ends.reversed += 1,
                PayoutStatus::Failed => ends.refunded += 1,
                PayoutStatus::Requested | PayoutStatus::Approved | PayoutStatus::Processing => {}
            }
            let paid = self.gateway.transfers.get(payout).map_or(0, crate::gateway::Transfers::paid);
            let due = usize::from(row.status == PayoutStatus::Completed);
            paid_twice += u64::try_from(paid.saturating_sub(due)).unwrap_or(0);
            let booked =
                row.attempts.iter().filter(|held| held.overpaid && held.status == AttemptStatus::Succeeded);
            found += u64::try_from(booked.count()).unwrap_or(0);
        }
        let mut coverage = std::mem::take(&mut self.dice.coverage);
        coverage.add(&self.model.coverage);
        Outcome {
            setting: self.setting,
            payouts: u64::try_from(self.model.payouts.len()).unwrap_or(0),
            events: self.events,
            postings: self.model.ledger.postings,
            ends,
            paid_twice,
            found,
            coverage,
            trace: self.trace,
            broken,
        }
    }
}

impl Outcome {
    fn stillborn(setting: Setting, broken: Broken) -> Self {
        Self {
            setting,
            payouts: 0,
            events: 0,
            postings: 0,
            ends: Ends::default(),
            paid_twice: 0,
            found: 0,
            coverage: Coverage::default(),
            trace: vec![],
            broken: Some(broken),
        }
    }
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap_or_default()
}

fn of_attempt(attempt: Option<domain::AttemptNumber>) -> String {
    attempt.map_or_else(String::new, |attempt| format!(" about attempt {}", attempt.get()))
}

/// Every second payout or so is for people. Worlds last five days, so what looks further back is switched off, as is what the
/// model has no names and dates for.
pub fn policy() -> RiskPolicy {
    let mut rules = RiskRules::first();
    rules.successful_payouts.at_least = 0;
    rules.recent_failures.at_most = 2;
    rules.requests_per_day.at_most = 11;
    rules.amount_against_baseline.at_most_times = 1000;
    for mode in [
        &mut rules.sum_per_day.mode,
        &mut rules.requests_per_week.mode,
        &mut rules.sum_per_week.mode,
        &mut rules.requests_against_baseline.mode,
        &mut rules.shared_bank_account.mode,
        &mut rules.account_name.mode,
        &mut rules.provider_age.mode,
    ] {
        *mode = Mode::Off;
    }
    RiskPolicy { version: "simulation".to_owned(), currency: Currency::Ngn, rules }
}
