//! `cargo xtask check`: what can be said about the sources without running the system.
//!
//! Every check runs, whatever the ones before it said, and the end is a summary: one run tells everything that is wrong.
//! The cheap ones come first. That docker-compose names the same versions and settings as the local stack is a test
//! ([`crate::compose`]), since it needs nothing but the files.

mod clippy;
mod compose_schema;
mod format;
pub mod openapi;
mod typescript;
mod workflow_dependencies;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::checkout::Checkout;
use crate::progress::human;
use crate::{interrupt, prepare};

/// How a check ended when it did not fail.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// What it looks at is not there.
    Skipped(&'static str),
}

type Check = fn(&Checkout) -> Result<Verdict>;

const CHECKS: [(&str, Check); 7] = [
    ("format", format::check),
    ("workflows depend on no I/O", workflow_dependencies::check),
    ("docker-compose follows the compose schema", compose_schema::check),
    ("clippy", clippy::check),
    (".sqlx is what PostgreSQL says", queries),
    ("openapi.json is what the API says", openapi::check),
    ("the TypeScript client compiles", typescript::check),
];

pub fn run(checkout: &Checkout) -> Result<ExitCode> {
    let mut summary = vec![];
    for (name, check) in CHECKS {
        interrupt::check()?;
        eprintln!("== {name}");
        let started = Instant::now();
        let result = check(checkout);
        let took = human(started.elapsed());
        let word = match &result {
            Ok(Verdict::Passed) => "ok".to_owned(),
            Ok(Verdict::Skipped(why)) => format!("SKIPPED, {why}"),
            Err(error) => {
                eprintln!("{error:#}");
                "FAILED".to_owned()
            }
        };
        eprintln!("== {name}: {word} ({took})\n");
        summary.push((result.is_ok(), format!("{word:<8} {took:>12}  {name}")));
    }
    for (_, line) in &summary {
        println!("{line}");
    }
    let failed = summary.iter().filter(|(is_fine, _)| !is_fine).count();
    println!("{} checks, {failed} failed", summary.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn queries(checkout: &Checkout) -> Result<Verdict> {
    prepare::verify(checkout)?;
    Ok(Verdict::Passed)
}
