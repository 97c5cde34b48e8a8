//! Shows what was done, how soon payouts went on, and whether everybody's word agrees.

use anyhow::Result;
use serde_json::{Value, json};

use super::plan::Plan;
use super::recovery::Recovery;
use super::strikes::Record;
use super::verdict::Finding;
use crate::moment::seconds;

/// Of each finding; the rest is counted.
const SHOWN_WRONGS: usize = 20;

/// Everything that came out of a run.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub plan: Plan,
    pub record: Record,
    pub recoveries: Vec<Recovery>,
    pub findings: Vec<Finding>,
    /// Audit and evidence of payouts that are not as they should be, and of those that took long.
    pub trails: Vec<Trail>,
    pub logs: String,
    pub took: String,
    /// How to repeat it.
    pub again: String,
}

/// What is known about a payout that is looked into.
#[derive(Debug)]
pub struct Trail {
    pub payout: String,
    pub why: String,
    pub lines: Vec<String>,
}

impl Report {
    pub fn is_right(&self) -> bool {
        self.findings.iter().all(Finding::holds)
    }

    pub fn print(&self) {
        println!();
        println!("  Faults, seed {} (windows: {})", self.seed, self.plan.window);
        println!("  {:<16}{:<12}{:>6}", "kind", "on", "times");
        println!("  {}", "─".repeat(34));
        for line in &self.recoveries {
            println!("  {:<16}{:<12}{:>6}", line.kind, line.on, line.blows);
        }
        println!("  {:<16}{:<12}{:>6}", "planted fault", "gateway", self.record.planted);
        println!("  {:<16}{:<12}{:>6}", "empty wallet", "gateway", self.record.empty_wallets);
        println!("  and by chance at the gateway: {}", super::plan::GATEWAY_BY_CHANCE.replace(',', " "));
        for fallen in &self.record.fallen {
            println!("  {} ended by itself and was started again", fallen.what);
        }
        println!();
        println!(
            "  Recoveries: from the restart (or when its timer was due) to a payout's next recorded step"
        );
        println!(
            "  {:<16}{:<12}{:>8}{:>10}{:>10}{:>18}",
            "after", "on", "payouts", "median", "worst", "for a person"
        );
        println!("  {}", "─".repeat(74));
        for line in &self.recoveries {
            let shown = |time: Option<i64>| time.map_or_else(|| "—".to_owned(), seconds);
            println!(
                "  {:<16}{:<12}{:>8}{:>10}{:>10}{:>18}",
                line.kind,
                line.on,
                line.times.len(),
                shown(line.median()),
                shown(line.worst()),
                line.for_a_person
            );
        }
        println!();
        println!("  The verdict");
        for finding in &self.findings {
            println!("{} {}", if finding.holds() { "✓" } else { "✗" }, finding.words);
            for wrong in finding.wrong.iter().take(SHOWN_WRONGS) {
                println!("    {wrong}");
            }
            let more = finding.wrong.len().saturating_sub(SHOWN_WRONGS);
            if more > 0 {
                println!("    and {more} more");
            }
        }
        for trail in &self.trails {
            println!();
            println!("  payout {} {}", trail.payout, trail.why);
            for line in &trail.lines {
                println!("    {line}");
            }
        }
        println!();
        if self.is_right() {
            println!("✓ everything is as it should be: {}", self.took);
        } else {
            println!("✗ NOT everything is as it should be: {}", self.took);
            println!("  logs: {}", self.logs);
            println!("  again: {}", self.again);
        }
    }

    pub fn print_json(&self) -> Result<()> {
        let recoveries: Vec<Value> = self
            .recoveries
            .iter()
            .map(|line| {
                json!({
                    "kind": line.kind, "on": line.on, "times": line.blows, "payouts": line.times.len(),
                    "median_milliseconds": line.median(), "worst_milliseconds": line.worst(),
                    "for_a_person": line.for_a_person, "never": line.never,
                })
            })
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| json!({ "holds": finding.holds(), "what": finding.words, "wrong": finding.wrong }))
            .collect();
        let fallen: Vec<Value> = self
            .record
            .fallen
            .iter()
            .map(|fallen| json!({ "what": fallen.what, "at": fallen.at, "last_words": fallen.last_words }))
            .collect();
        let blows: Vec<Value> = self
            .record
            .blows
            .iter()
            .map(|blow| {
                json!({ "kind": blow.kind, "on": blow.on, "at": blow.at, "back": blow.back, "open": blow.open.len() })
            })
            .collect();
        let trails: Vec<Value> = self
            .trails
            .iter()
            .map(|trail| json!({ "payout": trail.payout, "why": trail.why, "lines": trail.lines }))
            .collect();
        let report = json!({
            "ok": self.is_right(), "seed": self.seed, "window": self.plan.window, "blows": blows, "recoveries": recoveries,
            "planted": self.record.planted, "empty_wallets": self.record.empty_wallets, "fallen": fallen,
            "findings": findings, "trails": trails, "logs": self.logs, "again": self.again,
        });
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }
}
