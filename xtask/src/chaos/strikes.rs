//! Carries the plan out, and starts again what ends by itself, as a supervisor would.
//!
//! Everything is done from one thread: the programs it starts are tied to it (see `stack::process`). Before each blow the open
//! payouts are noted, so that it can be told afterwards how soon each went on.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use super::database::{Database, OpenPayout};
use super::dice::Dice;
use super::plan::{Kind, Plan, Strike, What, part_name};
use crate::http::Client;
use crate::stack::postgres::Restore;
use crate::stack::temporal::NAMESPACE;
use crate::stack::{Part, Stack};
use crate::{command, interrupt, moment, progress};

/// A server that does not come back at once (its port is not free yet, its old children still leave) is started again.
const STARTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_secs(1);

/// What is in the wallet while it is empty: less than any payout.
const EMPTY: &str = "10.00";
/// What finance puts in afterwards.
const FULL: &str = "1000000000.00";

/// The verb of Temporal's command line that ends a workflow at once.
pub const TERMINATE: &str = "terminate";

/// Everything that can fall.
const PARTS: [Part; 7] = [
    Part::Postgres,
    Part::Redis,
    Part::Temporal,
    Part::Simulator,
    Part::Api,
    Part::Worker,
    Part::SecondWorker,
];

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Blow {
    pub kind: &'static str,
    pub on: &'static str,
    pub at: i64,
    /// From when on payouts could go on: the spawn of the new process, the SIGCONT, the command's end.
    pub back: i64,
    /// Open payouts; for a terminate or reset those that it met.
    pub open: Vec<OpenPayout>,
}

/// A program that ended without being told to.
#[derive(Clone, Debug)]
pub struct Fallen {
    pub what: &'static str,
    pub at: i64,
    pub last_words: String,
}

/// What has been done so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub blows: Vec<Blow>,
    pub planted: u32,
    pub empty_wallets: u32,
    pub fallen: Vec<Fallen>,
    /// When the copy of the database was made, and when it was put back.
    pub copied_at: Option<i64>,
    pub restored_at: Option<i64>,
    /// Why the reconciliation at the end has not finished.
    pub not_reconciled: Option<String>,
    /// Steps of payouts that were recorded before the database forgot them.
    pub steps: Vec<(String, i64)>,
}

pub struct Striker<'a> {
    pub stack: &'a mut Stack,
    pub database: Database,
    simulator: Client,
    temporal: PathBuf,
    dice: Dice,
    pub record: Record,
    refill_at: Option<Instant>,
}

impl<'a> Striker<'a> {
    pub fn new(stack: &'a mut Stack, database: Database, temporal: PathBuf, seed: u64) -> Self {
        let simulator = Client::new(&stack.around().simulator_url()).with_patience(Duration::from_secs(2));
        Self {
            stack,
            database,
            simulator,
            temporal,
            dice: Dice::new(seed, "strikes"),
            record: Record::default(),
            refill_at: None,
        }
    }

    /// The whole plan, each strike when its time has come.
    pub fn carry_out(&mut self, plan: &Plan, began: Instant) -> Result<()> {
        for strike in &plan.strikes {
            while began.elapsed() < strike.at {
                self.supervise()?;
                interrupt::tick()?;
            }
            self.supervise()?;
            self.strike(strike)?;
        }
        Ok(())
    }

    /// One tick of whoever waits: what has ended by itself is started again, and an empty wallet is filled when it is time.
    pub fn supervise(&mut self) -> Result<()> {
        if self.refill_at.is_some_and(|at| at <= Instant::now()) {
            self.fill_wallet();
        }
        for part in PARTS {
            if let Some(last_words) = self.stack.service(part)?.obituary() {
                let what = part_name(part);
                progress::note(&format!("{what} ended by itself and is started again"));
                self.record.fallen.push(Fallen { what, at: moment::now(), last_words });
                self.start(part)?;
            }
        }
        Ok(())
    }

    fn strike(&mut self, strike: &Strike) -> Result<()> {
        match &strike.what {
            What::Blow { kind, part, away } => self.blow(*kind, *part, *away),
            What::Terminate { workflows } => self.workflows(TERMINATE, *workflows),
            What::Reset { workflows } => self.workflows("reset", *workflows),
            What::CopyDatabase => self.copy_database(),
            What::RestoreDatabase(how) => self.restore_database(*how),
            What::Plant(fault) => {
                // A simulator that is away has nothing to misbehave with.
                if self.simulator.post("/_sim/faults", fault).is_ok() {
                    self.record.planted = self.record.planted.saturating_add(1);
                }
                Ok(())
            }
            What::EmptyWallet { lasts } => {
                if self.simulator.post("/_sim/wallet", &json!({ "balance": EMPTY })).is_ok() {
                    self.record.empty_wallets = self.record.empty_wallets.saturating_add(1);
                }
                self.refill_at = Some(Instant::now().checked_add(*lasts).unwrap_or_else(Instant::now));
                Ok(())
            }
        }
    }

    fn fill_wallet(&mut self) {
        if self.simulator.post("/_sim/wallet", &json!({ "balance": FULL })).is_ok() {
            self.refill_at = None;
        }
    }

    fn blow(&mut self, kind: Kind, part: Part, away: Duration) -> Result<()> {
        let open = self.database.open().unwrap_or_default();
        let at = moment::now();
        let on = part_name(part);
        progress::note(&format!("{} to {on} for {away:?}, {} payouts open", kind.name(), open.len()));
        let service = self.stack.service(part)?;
        match kind {
            Kind::Kill => service.kill(),
            Kind::Restart => service.stop(),
            Kind::Quit => service.quit(),
            Kind::Freeze => service.freeze(),
        }
        let away = pause(away);
        let back = moment::now();
        match kind {
            Kind::Kill | Kind::Restart | Kind::Quit => self.start(part)?,
            Kind::Freeze => self.stack.service(part)?.thaw(),
        }
        self.record.blows.push(Blow { kind: kind.name(), on, at, back, open });
        away
    }

    fn start(&mut self, part: Part) -> Result<()> {
        let mut tried = 0_u32;
        loop {
            tried = tried.saturating_add(1);
            match self.stack.service(part)?.start() {
                Ok(()) => return Ok(()),
                Err(error) if tried == STARTS => return Err(error),
                Err(error) => {
                    interrupt::check()?;
                    progress::note(&format!("{} is started once more: {error:#}", part_name(part)));
                    pause(START_PAUSE)?;
                }
            }
        }
    }

    /// What an operator could do by mistake to payouts that are under way.
    fn workflows(&mut self, verb: &'static str, count: u64) -> Result<()> {
        let at = moment::now();
        let mut met = vec![];
        let mut open = self.database.open().unwrap_or_default();
        self.dice.shuffle(&mut open);
        for payout in open {
            if u64::try_from(met.len())? == count {
                break;
            }
            let mut cli = Command::new(&self.temporal);
            cli.args(["workflow", verb, "--address", &self.stack.around().temporal.grpc])
                .args(["--namespace", NAMESPACE, "--workflow-id", &format!("payout-{}", payout.id)])
                .args(["--reason", "chaos", "--command-timeout", "10s"]);
            if verb == "reset" {
                let to = if self.dice.happens(500) { "FirstWorkflowTask" } else { "LastWorkflowTask" };
                cli.args(["--type", to]);
            }
            // One that has ended meanwhile, or has none yet, is left alone.
            if command::capture(&mut cli).is_ok() {
                met.push(payout);
            }
            interrupt::check()?;
        }
        progress::note(&format!("temporal workflow {verb} for {} open payouts", met.len()));
        self.record.blows.push(Blow { kind: verb, on: "workflow", at, back: moment::now(), open: met });
        Ok(())
    }

    /// A restart of PostgreSQL in whose middle its data is copied: a consistent moment.
    fn copy_database(&mut self) -> Result<()> {
        let open = self.database.open().unwrap_or_default();
        let at = moment::now();
        progress::note("PostgreSQL is stopped and copied");
        self.stack.service(Part::Postgres)?.stop();
        self.stack.cluster().copy()?;
        let back = moment::now();
        self.start(Part::Postgres)?;
        self.record.copied_at = Some(at);
        self.record.blows.push(Blow {
            kind: Kind::Restart.name(),
            on: part_name(Part::Postgres),
            at,
            back,
            open,
        });
        Ok(())
    }

    /// Everything since the copy is forgotten.
    fn restore_database(&mut self, how: Restore) -> Result<()> {
        if self.record.copied_at.is_none() {
            return Err(anyhow!("there is no copy to put back"));
        }
        let open = self.database.open().unwrap_or_default();
        self.record.steps = self.database.steps()?;
        let at = moment::now();
        let words = match how {
            Restore::Snapshot => "as a snapshot of the disk",
            Restore::FromBackup => "from a backup",
        };
        progress::note(&format!("PostgreSQL is put back to the moment of the copy, {words}"));
        self.stack.service(Part::Postgres)?.stop();
        self.stack.cluster().put_copy_back(how)?;
        let back = moment::now();
        self.start(Part::Postgres)?;
        self.record.restored_at = Some(at);
        self.record.blows.push(Blow { kind: "restore", on: part_name(Part::Postgres), at, back, open });
        Ok(())
    }

    /// No more faults: everything runs, the gateway behaves, the wallet is full.
    pub fn make_peace(&mut self) -> Result<()> {
        self.supervise()?;
        // What was planted and what happens by chance is gone with the process; its books are not.
        let simulator = self.stack.service(Part::Simulator)?;
        simulator.set("SIMULATOR_RANDOM", "");
        simulator.stop();
        self.start(Part::Simulator)?;
        self.refill_at = Some(Instant::now());
        self.supervise()
    }

    /// Every transfer in the gateway's own books.
    pub fn transfers(&self) -> Result<Vec<Value>> {
        let mut all = vec![];
        let mut after = 0;
        loop {
            let path = format!("/_sim/transfers?limit=1000&after={after}");
            let page = self.simulator.get(&path)?.success("reading the gateway's books")?;
            all.extend(crate::http::list(&page, "/transfers").iter().cloned());
            match page.get("next").and_then(Value::as_u64) {
                Some(next) => after = next,
                None => return Ok(all),
            }
        }
    }

    /// Every workflow that Temporal knows, as its command line prints them.
    pub fn workflow_runs(&self) -> Result<Vec<Value>> {
        let mut cli = Command::new(&self.temporal);
        cli.args(["workflow", "list", "--address", &self.stack.around().temporal.grpc]).args([
            "--namespace",
            NAMESPACE,
            "--limit",
            "100000",
            "--output",
            "json",
        ]);
        let said = command::capture(&mut cli)?;
        Ok(serde_json::from_str(&said)?)
    }
}

fn pause(length: Duration) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < length {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(20).min(length));
    }
    Ok(())
}
