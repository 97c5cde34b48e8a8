//! Who was paid, by everybody's word: the gateway's own books, our ledger, our payouts, Temporal's workflows, and what clients
//! were promised. Each finding is one thing that must hold, with the payouts for which it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::database::{Attempt, Database, Payout};
use super::people::{Promise, Provider, View};
use super::strikes::Record;
use crate::http::{list, text};
use crate::moment::seconds;
use crate::naira::Naira;
use crate::stack::programs::Programs;
use crate::stack::settings::Surroundings;

/// One thing that must hold.
#[derive(Clone, Debug)]
pub struct Finding {
    pub words: String,
    /// What breaks it; empty is good.
    pub wrong: Vec<String>,
    /// The payouts whose trail tells more.
    pub payouts: BTreeSet<String>,
}

/// What everybody says at the end.
#[derive(Debug)]
pub struct Testimony {
    pub payouts: Vec<Payout>,
    pub attempts: Vec<Attempt>,
    pub transfers: Vec<Transfer>,
    pub runs: Vec<Run>,
    pub wallet: Naira,
    /// The gateway's ids of transfers that have a case of their own, since nothing of ours knows them.
    pub unknown_transfers: BTreeSet<String>,
    /// Of those: what was paid and is booked as a debt.
    pub owed_transfers: BTreeSet<String>,
    pub view: View,
}

/// A transfer in the gateway's own books.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub id: String,
    pub reference: String,
    pub amount: Naira,
    pub status: String,
    pub times_paid: u64,
    pub times_returned: u64,
    /// What it took out of the wallet, less what came back.
    pub cost: Naira,
    /// What came back.
    pub came_back: Naira,
}

/// The latest run of a workflow.
#[derive(Clone, Debug)]
pub struct Run {
    pub payout: String,
    pub status: String,
}

impl Finding {
    fn new(words: String) -> Self {
        Self { words, wrong: vec![], payouts: BTreeSet::new() }
    }

    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    fn breaks(&mut self, payout: &str, why: impl fmt::Display) {
        self.wrong.push(format!("payout {payout}: {why}"));
        self.payouts.insert(payout.to_owned());
    }
}

impl Transfer {
    /// It was paid, and the gateway took that back.
    fn is_taken_back(&self) -> bool {
        self.times_paid > 0 && self.times_returned > 0
    }
}

impl Testimony {
    pub fn hear(database: &Database, transfers: &[Value], runs: &[Value], view: View) -> Result<Self> {
        Ok(Self {
            payouts: database.payouts()?,
            attempts: database.attempts()?,
            transfers: transfers.iter().map(transfer).collect::<Result<_>>()?,
            runs: latest_runs(runs),
            wallet: database.wallet()?,
            unknown_transfers: database.words(
                "SELECT substr(subject, 10) AS word FROM cases WHERE kind = 'unknown_transfer' AND subject LIKE 'transfer:%'",
            )?,
            owed_transfers: database.words("SELECT gateway_id AS word FROM claimed_transfers")?,
            view,
        })
    }

    /// Everything but the ledger's own check.
    pub fn findings(&self, record: &Record) -> Vec<Finding> {
        vec![
            self.everyone_is_served(),
            self.nobody_is_paid_twice(),
            self.transfers_are_known(record),
            self.outcomes_agree(),
            self.wallet_agrees(),
            self.workflows_agree(),
            self.promises_are_kept(record),
            self.restore_was_noticed(record),
            reconciliation_finished(record),
            self.clients_heard_nothing_odd(),
        ]
    }

    fn transfers_of(&self, payout: &str) -> Vec<(&Attempt, Vec<&Transfer>)> {
        let attempts = self.attempts.iter().filter(|attempt| attempt.payout == payout);
        attempts
            .map(|attempt| {
                let under = self.transfers.iter().filter(|one| one.reference == attempt.reference);
                (attempt, under.collect())
            })
            .collect()
    }

    /// What the gateway did for a payout, less what it took back before we had booked it: nobody could tell that it was ever paid.
    fn standing(&self, payout: &str) -> (u64, Naira) {
        let mut times = 0_u64;
        let mut arrived = Naira::default();
        for (attempt, transfers) in self.transfers_of(payout) {
            for transfer in transfers {
                let is_taken_back = transfer.is_taken_back() && attempt.status != "SUCCEEDED";
                let paid = transfer.times_paid.saturating_sub(u64::from(is_taken_back));
                times = times.saturating_add(paid);
                arrived = arrived.plus(transfer.amount.times(paid));
            }
        }
        (times, arrived)
    }

    fn everyone_is_served(&self) -> Finding {
        let ended = self.payouts.iter().filter(|payout| payout.is_final()).count();
        let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
        for payout in &self.payouts {
            let word = if payout.refunded { "refunded" } else { &payout.status };
            let count = by_status.entry(word).or_default();
            *count = count.saturating_add(1);
        }
        let counts: Vec<String> =
            by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let with_people = self.payouts.iter().filter(|one| !one.is_final() && one.is_with_people()).count();
        let mut finding = Finding::new(format!(
            "{} payouts: {ended} ended, {with_people} in a named person's hands ({})",
            self.payouts.len(),
            counts.join(", ")
        ));
        for payout in self.payouts.iter().filter(|one| !one.is_final() && !one.is_with_people()) {
            finding.breaks(&payout.id, format!("is {} and nobody's", payout.status));
        }
        finding
    }

    fn nobody_is_paid_twice(&self) -> Finding {
        let once = self.payouts.iter().filter(|payout| self.standing(&payout.id).0 == 1).count();
        let taken_back = self.transfers.iter().filter(|one| one.is_taken_back()).count();
        let mut finding = Finding::new(format!(
            "{once} payouts were paid once by the gateway's books, none twice; it took back {taken_back} final answers"
        ));
        for payout in &self.payouts {
            let (times, _) = self.standing(&payout.id);
            if times > 1 {
                finding.breaks(&payout.id, format!("paid {times} times"));
            }
        }
        finding
    }

    fn transfers_are_known(&self, record: &Record) -> Finding {
        let known: BTreeSet<&str> = self.attempts.iter().map(|attempt| attempt.reference.as_str()).collect();
        let forgotten: Vec<&Transfer> =
            self.transfers.iter().filter(|one| !known.contains(one.reference.as_str())).collect();
        let mut finding = Finding::new(format!(
            "{} transfers at the gateway, each under the reference of an attempt{}",
            self.transfers.len(),
            if forgotten.is_empty() {
                String::new()
            } else {
                format!(", or ({}) forgotten by the restored database and in a case", forgotten.len())
            }
        ));
        for transfer in forgotten {
            let is_in_a_case = record.restored_at.is_some() && self.unknown_transfers.contains(&transfer.id);
            if !is_in_a_case {
                finding.wrong.push(format!(
                    "transfer {} ({}, {}) is nobody's",
                    transfer.reference, transfer.status, transfer.amount
                ));
            }
        }
        finding
    }

    /// Sending was paused by the restored database itself, and resumed by a person after a reconciliation.
    fn restore_was_noticed(&self, record: &Record) -> Finding {
        let took = record.restored_at.zip(self.view.resumed_at).map(|(from, to)| to.saturating_sub(from));
        let mut finding = Finding::new(match (record.restored_at, took) {
            (None, _) => "the database was not restored".to_owned(),
            (Some(_), None) => "the restored database paused everything".to_owned(),
            (Some(_), Some(took)) => format!(
                "the restored database paused everything; reconciled and resumed after {}",
                seconds(took)
            ),
        });
        if record.restored_at.is_some() && took.is_none() {
            finding.wrong.push("nobody has resumed".to_owned());
        }
        finding
    }

    /// What we say of each payout is what the gateway did.
    fn outcomes_agree(&self) -> Finding {
        let completed: Vec<&Payout> = self.payouts.iter().filter(|one| one.status == "COMPLETED").collect();
        let booked = completed.iter().map(|payout| payout.amount).sum::<Naira>();
        let arrived =
            self.transfers.iter().map(|transfer| transfer.amount.times(transfer.times_paid)).sum::<Naira>();
        let mut finding = Finding::new(format!(
            "{} payouts completed with {booked}; {arrived} arrived by the gateway's books",
            completed.len()
        ));
        for payout in &self.payouts {
            let (times, paid) = self.standing(&payout.id);
            let is_paid = matches!(payout.status.as_str(), "COMPLETED" | "REVERSED");
            if is_paid && paid != payout.amount {
                finding
                    .breaks(&payout.id, format!("is {} of {}, {paid} arrived", payout.status, payout.amount));
            }
            if !is_paid && times > 0 && payout.is_final() && payout.cases.is_empty() {
                finding.breaks(&payout.id, format!("ended as {}, {paid} arrived", payout.status));
            }
            let came_back = self.transfers_of(&payout.id).into_iter().any(|(attempt, transfers)| {
                attempt.status == "SUCCEEDED" && transfers.iter().any(|one| one.is_taken_back())
            });
            if payout.status == "COMPLETED" && came_back && payout.cases.is_empty() {
                finding.breaks(&payout.id, "the money came back and there is no case");
            }
        }
        finding
    }

    /// To the kobo, fees included. A success that the gateway took back stays booked until it is confirmed, and has a case.
    fn wallet_agrees(&self) -> Finding {
        let settled: BTreeSet<&str> = self
            .attempts
            .iter()
            .filter(|attempt| attempt.status == "SUCCEEDED")
            .map(|attempt| attempt.reference.as_str())
            .collect();
        // One that is under way is booked when it has ended.
        let ended = self.transfers.iter().filter(|one| one.times_paid > 0 || one.times_returned > 0);
        let gone = ended.map(|transfer| transfer.cost).sum::<Naira>();
        let taken_back = self
            .transfers
            .iter()
            .filter(|one| one.is_taken_back() && settled.contains(one.reference.as_str()))
            .map(|one| one.came_back)
            .sum::<Naira>();
        // Of a forgotten transfer the amount is a debt as soon as it is known whose; its fee is for its case to tell.
        let known: BTreeSet<&str> = self.attempts.iter().map(|attempt| attempt.reference.as_str()).collect();
        let forgotten = self
            .transfers
            .iter()
            .filter(|one| self.unknown_transfers.contains(&one.id) && !known.contains(one.reference.as_str()))
            .map(
                |one| {
                    if self.owed_transfers.contains(&one.id) { one.cost.minus(one.amount) } else { one.cost }
                },
            )
            .sum::<Naira>();
        let booked = Naira::default().minus(self.wallet);
        let mut finding = Finding::new(format!(
            "{gone} left the gateway's wallet, {booked} by our ledger; {taken_back} more was taken back and awaits its \
             confirmation, {forgotten} less is for the cases of forgotten transfers"
        ));
        let expected = gone.plus(taken_back).minus(forgotten);
        if expected != booked {
            finding.wrong.push(format!("the difference is {}", booked.minus(expected)));
        }
        finding
    }

    fn workflows_agree(&self) -> Finding {
        let running = self.runs.iter().filter(|run| run.status.ends_with("RUNNING")).count();
        let open = self.payouts.iter().filter(|payout| !payout.is_final()).count();
        let mut finding = Finding::new(format!(
            "{open} open payouts and {running} running workflows; every other has ended"
        ));
        let runs: BTreeMap<&str, &str> =
            self.runs.iter().map(|run| (run.payout.as_str(), run.status.as_str())).collect();
        for payout in &self.payouts {
            let run = runs.get(payout.id.as_str()).copied().unwrap_or("none");
            let is_running = run.ends_with("RUNNING");
            if !payout.is_final() && !is_running {
                finding.breaks(&payout.id, format!("is {} and its workflow is {run}", payout.status));
            }
            if payout.is_final() && is_running {
                finding.breaks(&payout.id, format!("is {} and its workflow still runs", payout.status));
            }
        }
        let known: BTreeSet<&str> = self.payouts.iter().map(|payout| payout.id.as_str()).collect();
        for run in self.runs.iter().filter(|run| run.status.ends_with("RUNNING")) {
            if !known.contains(run.payout.as_str()) {
                finding.breaks(&run.payout, "has a workflow and is not in the database");
            }
        }
        finding
    }

    /// Each 201 is a payout of that amount, one per key; what a restored database forgot is told apart.
    fn promises_are_kept(&self, record: &Record) -> Finding {
        let view = &self.view;
        let mut finding = Finding::new(format!(
            "{} promises to clients, {} requests sent again; refused: {:?}",
            view.promises.len(),
            view.repeats,
            view.refused
        ));
        let payouts: BTreeMap<&str, &Payout> =
            self.payouts.iter().map(|payout| (payout.id.as_str(), payout)).collect();
        let mut by_key: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for promise in &view.promises {
            by_key.entry(&promise.key).or_default().insert(&promise.payout);
            match payouts.get(promise.payout.as_str()) {
                Some(payout) if payout.amount == promise.amount => {}
                Some(payout) => finding
                    .breaks(&promise.payout, format!("promised {}, is {}", promise.amount, payout.amount)),
                None if is_forgotten(promise, record) => {}
                None => finding.breaks(&promise.payout, format!("promised to {} and lost", promise.key)),
            }
        }
        for (key, ids) in by_key.iter().filter(|(_, ids)| ids.len() > 1) {
            let kept = ids.iter().filter(|id| payouts.contains_key(*id)).count();
            if kept > 1 {
                finding.wrong.push(format!("key {key} made {kept} payouts"));
            }
        }
        let promised: BTreeSet<&str> = view.promises.iter().map(|promise| promise.payout.as_str()).collect();
        let unasked = self.payouts.iter().filter(|payout| !promised.contains(payout.id.as_str()));
        let unanswered = view.unanswered.len();
        let unasked: Vec<&Payout> = unasked.collect();
        // A request whose answer never came may have been carried out.
        if unasked.len() > unanswered {
            for payout in unasked {
                finding.breaks(&payout.id, "is in the database and was promised to nobody");
            }
        }
        finding
    }

    fn clients_heard_nothing_odd(&self) -> Finding {
        let mut finding = Finding::new(format!(
            "every request was answered in the end; admins: {}",
            self.view
                .deeds
                .iter()
                .map(|(deed, count)| format!("{deed} ×{count}"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
        finding.wrong.extend(self.view.complaints.iter().cloned());
        finding.wrong.extend(self.view.unanswered.iter().map(|key| format!("{key} was never answered")));
        finding
    }
}

fn reconciliation_finished(record: &Record) -> Finding {
    let mut finding =
        Finding::new("the gateway's transfers were compared with our attempts in the end".to_owned());
    finding.wrong.extend(record.not_reconciled.clone());
    finding
}

fn is_forgotten(promise: &Promise, record: &Record) -> bool {
    match (record.copied_at, record.restored_at) {
        // The answer may have been on its way for a while when the copy was made.
        (Some(copied), Some(restored)) => {
            (copied.saturating_sub(5_000)..=restored.saturating_add(5_000)).contains(&promise.at)
        }
        (Some(_) | None, None) | (None, Some(_)) => false,
    }
}

fn transfer(value: &Value) -> Result<Transfer> {
    let count = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    let moved = |kinds: &[&str]| {
        list(value, "/movements")
            .iter()
            .filter(|movement| text(movement, "/kind").is_some_and(|kind| kinds.contains(&kind)))
            .map(|movement| Naira::of(movement.get("amount")))
            .sum::<Naira>()
    };
    let came_back = moved(&["returned", "reversed"]);
    Ok(Transfer {
        id: value.get("id").and_then(Value::as_u64).unwrap_or_default().to_string(),
        reference: text(value, "/reference").context("a transfer without a reference")?.to_owned(),
        amount: Naira::of(value.get("amount")),
        status: text(value, "/status").unwrap_or("?").to_owned(),
        times_paid: count("times_paid"),
        times_returned: count("times_returned"),
        cost: moved(&["debited"]).minus(came_back),
        came_back,
    })
}

/// Of each payout's workflow the run that began last.
fn latest_runs(all: &[Value]) -> Vec<Run> {
    let mut latest: BTreeMap<String, (String, String)> = BTreeMap::new();
    for run in all {
        let id = text(run, "/execution/workflowId").unwrap_or_default();
        let Some(payout) = id.strip_prefix("payout-") else { continue };
        let began = text(run, "/startTime").unwrap_or_default().to_owned();
        let status = text(run, "/status").unwrap_or_default().to_owned();
        let known = latest.entry(payout.to_owned()).or_default();
        if known.0 < began {
            *known = (began, status);
        }
    }
    latest.into_iter().map(|(payout, (_, status))| Run { payout, status }).collect()
}

/// The ledger's own check, by the program that may look into the database.
pub fn books(programs: &Programs, around: &Surroundings) -> Result<Finding> {
    let mut verify = std::process::Command::new(programs.worker.with_file_name("verify_books"));
    let output = verify.envs(around.servers()).output().context("starting verify_books")?;
    let said: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("verify_books ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    let count = |what: &str| said.get(what).and_then(Value::as_i64).unwrap_or_default();
    let mut finding = Finding::new(format!(
        "the books balance: {} postings, {} providers, {} payouts",
        count("postings"),
        count("providers"),
        count("payouts")
    ));
    for wrong in list(&said, "/findings") {
        finding.wrong.push(text(wrong, "").map_or_else(|| wrong.to_string(), str::to_owned));
    }
    if finding.holds() && !output.status.success() {
        finding.wrong.push(format!("verify_books ended with {}", output.status));
    }
    Ok(finding)
}

/// What providers see when they look for what they were promised.
pub fn clients_find(providers: &[Provider], view: &View, record: &Record) -> Result<Finding> {
    let mut finding =
        Finding::new(format!("{} promises were looked for by those who have them", view.promises.len()));
    for promise in &view.promises {
        let Some(provider) = providers.iter().find(|one| one.name() == promise.provider) else { continue };
        match provider.finds(promise)? {
            Some(amount) if amount == promise.amount => {}
            Some(amount) => {
                finding.breaks(&promise.payout, format!("promised {}, they see {amount}", promise.amount));
            }
            None if is_forgotten(promise, record) => {}
            None => finding.breaks(&promise.payout, "its provider cannot find it"),
        }
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payout(id: &str, status: &str, naira: i64) -> Payout {
        Payout {
            id: id.to_owned(),
            amount: Naira::whole(naira),
            status: status.to_owned(),
            refunded: false,
            needs_attention: false,
            with_people: vec![],
            cases: vec![],
        }
    }

    fn attempt(payout: &str, reference: &str, status: &str) -> Attempt {
        Attempt { payout: payout.to_owned(), reference: reference.to_owned(), status: status.to_owned() }
    }

    fn paid(reference: &str, naira: i64) -> Transfer {
        Transfer {
            id: format!("id of {reference}"),
            reference: reference.to_owned(),
            amount: Naira::whole(naira),
            status: "SUCCESSFUL".to_owned(),
            times_paid: 1,
            times_returned: 0,
            cost: Naira::whole(naira).plus(Naira::kobo(1_075)),
            came_back: Naira::default(),
        }
    }

    fn run(payout: &str, status: &str) -> Run {
        Run { payout: payout.to_owned(), status: format!("WORKFLOW_EXECUTION_STATUS_{status}") }
    }

    fn good() -> Testimony {
        let promise = Promise {
            key: "k".to_owned(),
            provider: "x".to_owned(),
            payout: "a".to_owned(),
            amount: Naira::whole(100),
            at: 1,
        };
        Testimony {
            payouts: vec![payout("a", "COMPLETED", 100)],
            attempts: vec![attempt("a", "r-1", "SUCCEEDED")],
            transfers: vec![paid("r-1", 100)],
            runs: vec![run("a", "COMPLETED")],
            wallet: Naira::default().minus(Naira::kobo(11_075)),
            unknown_transfers: BTreeSet::new(),
            owed_transfers: BTreeSet::new(),
            view: View { promises: vec![promise], ..View::default() },
        }
    }

    fn broken(testimony: &Testimony) -> Vec<String> {
        let findings = testimony.findings(&Record::default());
        findings.into_iter().flat_map(|finding| finding.wrong).collect()
    }

    #[test]
    fn what_is_right_is_right() {
        assert_eq!(broken(&good()), Vec::<String>::new());
    }

    #[test]
    fn a_forgotten_transfer_is_right_when_it_has_a_case_and_its_amount_is_owed() {
        let restored = Record { copied_at: Some(1), restored_at: Some(2), ..Record::default() };
        let mut testimony = good();
        testimony.view.resumed_at = Some(3);
        testimony.transfers.push(paid("r-2", 50));
        testimony.unknown_transfers.insert("id of r-2".to_owned());
        testimony.owed_transfers.insert("id of r-2".to_owned());
        testimony.wallet = testimony.wallet.minus(Naira::whole(50));
        let wrong =
            |record| testimony.findings(record).into_iter().flat_map(|one| one.wrong).collect::<Vec<_>>();
        assert_eq!(wrong(&restored), Vec::<String>::new());
        assert!(wrong(&Record::default()).iter().any(|line| line.contains("is nobody's")));
    }

    #[test]
    fn what_was_taken_back_before_anybody_looked_was_never_paid() {
        let mut testimony = good();
        testimony.attempts.push(attempt("a", "r-0", "FAILED"));
        testimony.transfers.push(Transfer {
            times_returned: 1,
            cost: Naira::default(),
            came_back: Naira::kobo(11_075),
            ..paid("r-0", 100)
        });
        assert_eq!(broken(&testimony), Vec::<String>::new());
        "SUCCEEDED".clone_into(&mut testimony.attempts[1].status);
        assert!(broken(&testimony).iter().any(|line| line.contains("paid 2 times")));
    }

    #[test]
    fn each_wrong_is_seen() {
        let is_seen = |change: fn(&mut Testimony), words: &str| {
            let mut testimony = good();
            change(&mut testimony);
            let wrong = broken(&testimony);
            assert!(wrong.iter().any(|line| line.contains(words)), "{words}: {wrong:?}");
        };
        is_seen(
            |all| {
                all.attempts.push(attempt("a", "r-2", "SUCCEEDED"));
                all.transfers.push(paid("r-2", 100));
            },
            "paid 2 times",
        );
        is_seen(|all| all.transfers.push(paid("stranger", 5)), "is nobody's");
        is_seen(|all| all.transfers.clear(), "₦0.00 arrived");
        is_seen(|all| "REJECTED".clone_into(&mut all.payouts[0].status), "ended as REJECTED");
        is_seen(|all| all.transfers[0].times_returned = 1, "there is no case");
        is_seen(|all| all.wallet = Naira::default().minus(Naira::kobo(11_074)), "the difference is ₦-0.01");
        is_seen(|all| all.runs[0] = run("a", "RUNNING"), "still runs");
        is_seen(|all| "APPROVED".clone_into(&mut all.payouts[0].status), "its workflow is");
        is_seen(|all| "PROCESSING".clone_into(&mut all.payouts[0].status), "nobody's");
        is_seen(|all| all.payouts.clear(), "and lost");
        is_seen(|all| all.payouts.push(payout("b", "CANCELLED", 1)), "promised to nobody");
        is_seen(|all| all.view.promises[0].amount = Naira::whole(99), "promised ₦99.00");
        is_seen(|all| all.view.complaints.push("odd".to_owned()), "odd");
    }
}
