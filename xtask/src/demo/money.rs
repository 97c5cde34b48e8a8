//! The money check: our ledger against itself, and against the gateway's own books.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::beside;
use super::case::Row;
use super::stage::Stage;
use crate::http::{list, text};
use crate::naira::Naira;
use crate::stack::programs::Programs;
use crate::stack::settings::Surroundings;

/// What the simulator's wallet holds when its books are new (`--wallet`).
const OPENING_WALLET: Naira = Naira::whole(1_000_000_000);

/// One thing that must hold.
#[derive(Clone, Debug)]
pub struct Finding {
    pub holds: bool,
    pub words: String,
}

#[derive(Clone, Debug)]
pub struct Check {
    pub findings: Vec<Finding>,
}

impl Check {
    pub fn is_right(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }

    pub fn json(&self) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| json!({ "holds": finding.holds, "what": finding.words }))
            .collect();
        json!({ "kind": "money_check", "ok": self.is_right(), "findings": findings })
    }
}

/// `besides`: what the scenes completed beside the table.
pub fn check(
    stage: &Stage,
    programs: &Programs,
    around: &Surroundings,
    rows: &[Row],
    besides: &[Naira],
) -> Result<Check> {
    let mut findings = books(programs, around)?;
    let all = stage.simulator.get("/_sim/transfers?limit=10000")?.success("reading the gateway's books")?;
    let transfers = list(&all, "/transfers");
    let times_paid =
        |transfer: &Value| transfer.get("times_paid").and_then(Value::as_u64).unwrap_or_default();
    let paid = |part: &str| -> Naira {
        transfers.iter().map(|one| Naira::of(one.get(part)).times(times_paid(one))).sum()
    };
    let (arrived, fees) = (paid("amount"), paid("fee"));

    let twice = transfers.iter().filter(|transfer| times_paid(transfer) > 1).count();
    let of_rows = rows.iter().filter(|row| row.status == "COMPLETED").map(|row| row.amount);
    let booked: Vec<Naira> = of_rows.chain(besides.iter().copied()).collect();
    let completed = booked.len();
    let once = transfers.iter().filter(|transfer| times_paid(transfer) == 1).count();
    findings.push(Finding {
        holds: twice == 0 && once == completed,
        words: format!("{once} transfers paid once for {completed} completed payouts, {twice} paid twice"),
    });
    let booked = booked.into_iter().sum::<Naira>();
    findings.push(Finding {
        holds: arrived == booked,
        words: format!("{arrived} arrived by the gateway's books, {booked} were paid out by ours"),
    });
    let wallet = stage.wallet()?;
    let gone = OPENING_WALLET.minus(wallet);
    findings.push(Finding {
        holds: gone == arrived.plus(fees),
        words: format!("{gone} left the gateway's wallet: what arrived and {fees} of fees"),
    });
    Ok(Check { findings })
}

/// The ledger's own check, by the program that may look into the database.
fn books(programs: &Programs, around: &Surroundings) -> Result<Vec<Finding>> {
    let output =
        beside(programs, "verify_books").envs(around.servers()).output().context("starting verify_books")?;
    let said: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("verify_books ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    let count = |what: &str| said.get(what).and_then(Value::as_i64).unwrap_or_default();
    let wrong = list(&said, "/findings");
    let mut findings = vec![Finding {
        holds: wrong.is_empty() && output.status.success(),
        words: format!(
            "{} postings balance, {} providers have what they earned, {} payouts agree with their allocations",
            count("postings"),
            count("providers"),
            count("payouts")
        ),
    }];
    findings.extend(
        wrong
            .iter()
            .map(|finding| Finding { holds: false, words: text(finding, "").unwrap_or_default().to_owned() }),
    );
    Ok(findings)
}
