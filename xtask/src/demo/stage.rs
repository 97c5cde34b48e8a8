//! What the demo's people have at hand: the API as an admin, the gateway's control, the Temporal command line, and patience.
//!
//! People act one at a time with a kill ([`Stage::act`]): while the worker is killed and started again nobody does anything,
//! so that what each payout does next is caused after the restart.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::http::{Client, list, needed, text};
use crate::marketplace::Marketplace;
use crate::naira::Naira;
use crate::stack::settings::Surroundings;
use crate::stack::temporal::NAMESPACE;
use crate::stack::token::{Role, mint};
use crate::{command, interrupt};

/// Between two looks at a payout: a dozen drivers together ask less than a hundred times a second.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Far beyond the longest route (four attempts, or a lease that has to run out): whatever takes longer is stuck.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Shared by all drivers.
#[derive(Debug)]
pub struct Stage {
    pub marketplace: Marketplace,
    pub admin: Client,
    /// Another one, for what takes two.
    pub second_admin: Client,
    pub simulator: Client,
    /// Told apart from other runs, where the servers are not ours.
    pub run: String,
    /// Whether the worker is killed on the way.
    pub kills: bool,
    temporal: PathBuf,
    temporal_address: String,
    /// Held for writing while the worker is away.
    gate: RwLock<()>,
    /// Whether people who wait for the restart may go on.
    restarted: Mutex<bool>,
    restart_came: Condvar,
}

impl Stage {
    pub fn new(around: &Surroundings, temporal: PathBuf, run: String, kills: bool) -> Result<Self> {
        let admin = mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?;
        let second = mint(&around.jwt_secret, Role::Admin, "admin-bola", None)?;
        Ok(Self {
            marketplace: Marketplace::new(around)?,
            admin: Client::new(&around.api_url()).with_token(admin),
            second_admin: Client::new(&around.api_url()).with_token(second),
            simulator: Client::new(&around.simulator_url()),
            run,
            kills,
            temporal,
            temporal_address: around.temporal.grpc.clone(),
            gate: RwLock::new(()),
            restarted: Mutex::new(!kills),
            restart_came: Condvar::new(),
        })
    }

    /// Does something that a person does.
    pub fn act<T>(&self, what: impl FnOnce() -> Result<T>) -> Result<T> {
        let _no_kill_meanwhile = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        what()
    }

    /// Does something while no person acts.
    pub fn alone<T>(&self, what: impl FnOnce() -> Result<T>) -> Result<T> {
        let _nobody_acts = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        what()
    }

    /// Where a worker is killed: waits until it has been started again, so that this payout is open at the kill and somebody
    /// acts on it right after. Elsewhere nothing is waited for.
    pub fn hesitate(&self) -> Result<()> {
        let mut restarted = self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = Instant::now();
        while !*restarted {
            interrupt::check()?;
            if asked.elapsed() > PATIENCE {
                bail!("the worker was not started again");
            }
            restarted = self
                .restart_came
                .wait_timeout(restarted, LOOK_EVERY)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }

    /// The worker has been started again, or will not be.
    pub fn tell_restarted(&self) {
        *self.restarted.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.restart_came.notify_all();
    }

    /// Everything about a payout, as an admin sees it.
    pub fn detail(&self, payout: &str) -> Result<Value> {
        self.admin.get(&format!("/api/admin/payouts/{payout}"))?.success("reading a payout")
    }

    /// Looks at a payout until `wanted`.
    pub fn until(&self, payout: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let asked = Instant::now();
        loop {
            let detail = self.detail(payout)?;
            if wanted(&detail) {
                return Ok(detail);
            }
            if asked.elapsed() > PATIENCE {
                let status = text(&detail, "/payout/status").unwrap_or("?");
                let waiting = text(&detail, "/waiting/detail").unwrap_or_default();
                bail!("still {status} after {PATIENCE:?}, not {what}. {waiting}");
            }
            interrupt::check()?;
            thread::sleep(LOOK_EVERY);
        }
    }

    pub fn until_status(&self, payout: &str, status: &str) -> Result<Value> {
        self.until(payout, status, |detail| text(detail, "/payout/status") == Some(status))
    }

    /// Waits until somebody has to decide on it.
    pub fn until_review(&self, payout: &str) -> Result<Value> {
        self.until(payout, "under review", |detail| text(detail, "/waiting/waiting_for") == Some("decision"))
    }

    /// Waits until the gateway has taken the first attempt; the answer is its reference.
    pub fn until_accepted(&self, payout: &str) -> Result<String> {
        let detail = self.until(payout, "accepted by the gateway", |detail| {
            text(detail, "/attempts/0/status").is_some_and(|status| status != "SUBMITTING")
        })?;
        Ok(needed(&detail, "/attempts/0/reference")?.to_owned())
    }

    /// An admin decides over the API.
    pub fn decide(&self, payout: &str, decision: &str, reason: &str) -> Result<()> {
        let path = format!("/api/admin/payouts/{payout}/decision");
        let body = json!({ "decision": decision, "reason": reason });
        self.act(|| self.admin.post(&path, &body)?.success("deciding")).map(drop)
    }

    pub fn refund(&self, payout: &str, reason: &str) -> Result<()> {
        let path = format!("/api/admin/payouts/{payout}/refund");
        let body = json!({ "reason": reason });
        self.act(|| self.admin.post(&path, &body)?.success("refunding")).map(drop)
    }

    /// An admin lets everything leave that is approved by now; the answer is the batch's id.
    pub fn run_batch(&self) -> Result<String> {
        let batch = self.admin.post("/api/admin/batches/run", &json!({}))?.success("running a batch")?;
        Ok(needed(&batch, "/id")?.to_owned())
    }

    /// The gateway misbehaves with transfers to this account.
    pub fn fault(&self, account_number: &str, times: u32, fault: &Value) -> Result<()> {
        let plan = json!({ "match": { "account_number": account_number }, "times": times, "fault": fault });
        self.simulator.post("/_sim/faults", &plan)?.success("planting a fault").map(drop)
    }

    /// Somebody sends a webhook; the answer is what the API said to each copy.
    pub fn webhook(&self, order: &Value) -> Result<Vec<String>> {
        let sent = self.act(|| self.simulator.post("/_sim/webhooks", order)?.success("sending a webhook"))?;
        Ok(list(&sent, "/answers").iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// What the gateway's own books say was transferred under a reference.
    pub fn transfers(&self, reference: &str) -> Result<Vec<Value>> {
        let answer = self.simulator.get(&format!("/_sim/transfers/{reference}"))?;
        Ok(list(&answer.body, "/transfers").to_vec())
    }

    pub fn wallet(&self) -> Result<Naira> {
        let wallet = self.simulator.get("/_sim/wallet")?.success("reading the wallet")?;
        Ok(Naira::of(wallet.get("balance")))
    }

    /// An operator types `temporal workflow signal`.
    pub fn signal(&self, payout: &str, name: &str, input: &[&str]) -> Result<()> {
        let mut cli = self.temporal("signal", payout);
        cli.args(["--name", name]).args(input);
        self.act(|| command::capture(&mut cli)).map(drop)
    }

    /// The history of a payout's workflow, as the command line prints it.
    pub fn history(&self, payout: &str) -> Result<Vec<Value>> {
        let mut cli = self.temporal("show", payout);
        let shown = command::capture(cli.args(["--output", "json"]))?;
        let history: Value = serde_json::from_str(&shown).context("reading a history")?;
        Ok(list(&history, "/events").to_vec())
    }

    fn temporal(&self, verb: &str, payout: &str) -> Command {
        let mut cli = Command::new(&self.temporal);
        cli.args(["workflow", verb, "--address", &self.temporal_address, "--namespace", NAMESPACE]);
        cli.args(["--workflow-id", &workflow_id(payout)]);
        cli
    }
}

pub fn workflow_id(payout: &str) -> String {
    format!("payout-{payout}")
}

/// Another admin stops everything: whoever pauses approves nothing of what it held back.
pub fn pause(stage: &Stage, reason: &str) -> Result<()> {
    let order = json!({ "scope": "system", "reason": reason });
    stage.second_admin.post("/api/admin/pauses", &order)?.success("pausing").map(drop)
}

pub fn resume(stage: &Stage, reason: &str) -> Result<()> {
    let order = json!({ "scope": "system", "reason": reason });
    stage.second_admin.post("/api/admin/pauses/resume", &order)?.success("resuming").map(drop)
}
