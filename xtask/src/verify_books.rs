//! `cargo xtask verify-books`: do the books of the running stack, or of any database, add up?
//!
//! Exit code 0 only when they do. Reads one moment of the whole ledger in a read-only transaction: nothing is changed, and nothing
//! that runs is held up. The database is that of `--database-url`, else of `DATABASE_URL`, else of `cargo xtask dev`.

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::checkout::Checkout;
use crate::http::{list, text};
use crate::stack::postgres::{Cluster, DATABASE, Durability};
use crate::stack::process::Lifetime;
use crate::stack::programs::{Profile, Programs, build};
use crate::{command, dev};

/// What is held against what, in the order in which `store::books` does it.
const CHECKED: [&str; 6] = [
    "every posting's entries sum to zero, in every currency",
    "every kept balance is the sum of its entries",
    "every provider has what they earned: available, reserved, paid out and debt against earnings and adjustments",
    "every earning is allocated and paid as its allocations say",
    "every payout's money is where its status says: allocations, postings and fee",
    "every payout's attempts are those its status says, and at most one of them paid it",
];

pub fn run(checkout: &Checkout, database_url: Option<String>) -> Result<ExitCode> {
    let url = match database_url.or_else(|| env::var("DATABASE_URL").ok().filter(|url| !url.is_empty())) {
        Some(url) => url,
        None => of_the_running_stack(checkout)?,
    };
    let programs = build(checkout, Profile::Dev)?;
    let said = ask(&programs, &url)?;
    let count = |what: &str| said.get(what).and_then(Value::as_i64).unwrap_or_default();
    println!(
        "read {} postings, {} providers, {} payouts",
        count("postings"),
        count("providers"),
        count("payouts")
    );
    for what in CHECKED {
        println!("  {what}");
    }
    let findings = list(&said, "/findings");
    if findings.is_empty() {
        println!("the books are right");
        return Ok(ExitCode::SUCCESS);
    }
    println!("the books are WRONG, {} findings:", findings.len());
    for finding in findings {
        println!("  {}", text(finding, "").unwrap_or_default());
    }
    Ok(ExitCode::FAILURE)
}

/// The verdict of the program that may look into a database; its exit code says what the verdict says.
fn ask(programs: &Programs, url: &str) -> Result<Value> {
    let mut verify = std::process::Command::new(programs.worker.with_file_name("verify_books"));
    let output = verify.env("DATABASE_URL", url).output().context("starting verify_books")?;
    let said: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        format!(
            "verify_books ended with {}: {}",
            output.status,
            command::tail(&String::from_utf8_lossy(&output.stderr))
        )
    })?;
    if output.status.success() != list(&said, "/findings").is_empty() {
        bail!("verify_books says {said} and ended with {}", output.status);
    }
    Ok(said)
}

fn of_the_running_stack(checkout: &Checkout) -> Result<String> {
    let cluster =
        Cluster { checkout, stack: dev::STACK, durability: Durability::Kept, lifetime: Lifetime::WithUs };
    let running = cluster.running()?;
    let running = running.context("no stack runs: start `cargo xtask dev`, or give --database-url")?;
    Ok(running.url(DATABASE))
}
