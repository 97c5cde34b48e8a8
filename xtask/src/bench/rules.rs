//! How long the risk rules take, pure: a program of the domain's own measures, this shows.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::http::list;
use crate::stack::programs::{Profile, build};
use crate::{command, progress};

/// What the product promises for 99 of 100 assessments.
const BOUND_NANOS: u64 = 50_000;
/// The longest bar.
const BAR: u64 = 50;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Rules(Value);

/// Runs the program that lies beside the worker.
pub fn measure(worker: &Path) -> Result<Rules> {
    progress::step("the risk rules, 200,000 times", || {
        let said = command::capture(&mut Command::new(worker.with_file_name("rule_speed")))?;
        Ok(Rules(serde_json::from_str(said.trim()).context("reading the figures of the rules")?))
    })
}

/// The rules alone: no stack is needed.
pub fn run(checkout: &Checkout, as_json: bool, profile: Profile) -> Result<ExitCode> {
    let rules = measure(&build(checkout, profile)?.worker)?;
    if as_json {
        println!("{}", rules.json());
    } else {
        rules.print();
    }
    Ok(if rules.is_within_bound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Rules {
    fn nanos(&self, which: &str) -> u64 {
        self.0.pointer(&format!("/nanoseconds/{which}")).and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    pub fn is_within_bound(&self) -> bool {
        self.nanos("p99") <= BOUND_NANOS
    }

    pub fn json(&self) -> Value {
        json!({ "ok": self.is_within_bound(), "bound_nanoseconds": BOUND_NANOS, "measured": self.0 })
    }

    pub fn print(&self) {
        let number = |place: &str| self.0.pointer(place).and_then(Value::as_u64).unwrap_or_default();
        println!();
        println!("  {} assessments by {} rules", number("/assessments"), number("/rules"));
        let counts = || {
            list(&self.0, "/histogram").iter().map(|bucket| bucket.get("assessments").and_then(Value::as_u64))
        };
        let most = counts().flatten().max().unwrap_or(1).max(1);
        for (bucket, count) in list(&self.0, "/histogram").iter().zip(counts()) {
            let below = bucket.get("below_microseconds").and_then(Value::as_u64);
            let label = below.map_or_else(|| "longer".to_owned(), |below| format!("< {below} µs"));
            let count = count.unwrap_or_default();
            let length = count.saturating_mul(BAR).div_ceil(most);
            let bar = "█".repeat(usize::try_from(length).unwrap_or_default());
            println!("  {label:>9} {count:>8} {bar}");
        }
        let micros =
            |nanos: u64| format!("{}.{} µs", nanos.div_euclid(1000), nanos.rem_euclid(1000).div_euclid(100));
        println!("  median {}, 999 of 1000 {}", micros(self.nanos("median")), micros(self.nanos("p999")));
        println!(
            "{} 99 of 100 within {} (bound {})",
            if self.is_within_bound() { "✓" } else { "✗" },
            micros(self.nanos("p99")),
            micros(BOUND_NANOS)
        );
    }
}
