//! `cargo xtask check`: what can be said about the sources without running the system.
//!
//! Every check runs, whatever the ones before it said, and the end is a summary: one run tells everything that is wrong.
//! The cheap ones come first. That docker-compose names the same versions and settings as the local stack is a test
//! ([`crate::compose`]), since it needs nothing but the files.

mod clippy;
mod compose_schema;
mod dashboard;
mod format;
pub mod openapi;
mod typescript;
mod workflow_dependencies;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

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

/// One check: the word that picks it on the command line, what it holds, how.
struct Check {
    word: &'static str,
    holds: &'static str,
    run: fn(&Checkout) -> Result<Verdict>,
}

const CHECKS: [Check; 8] = [
    Check { word: "format", holds: "the sources are formatted", run: format::check },
    Check { word: "workflows", holds: "workflows depend on no I/O", run: workflow_dependencies::check },
    Check { word: "compose", holds: "docker-compose follows the compose schema", run: compose_schema::check },
    Check { word: "clippy", holds: "clippy has nothing to say", run: clippy::check },
    Check { word: "queries", holds: ".sqlx is what PostgreSQL says", run: queries },
    Check { word: "openapi", holds: "openapi.json is what the API says", run: openapi::check },
    Check { word: "typescript", holds: "the TypeScript client compiles", run: typescript::check },
    Check { word: "dashboard", holds: "the dashboard compiles against that client", run: dashboard::check },
];

/// Runs the checks of these words; none means all.
pub fn run(checkout: &Checkout, words: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = words.iter().find(|word| CHECKS.iter().all(|check| check.word != *word)) {
        let known = CHECKS.map(|check| check.word).join(", ");
        bail!("no check is called {unknown:?}; there are {known}");
    }
    let mut summary = vec![];
    for check in CHECKS.iter().filter(|check| words.is_empty() || words.iter().any(|word| word == check.word))
    {
        interrupt::check()?;
        eprintln!("== {}: {}", check.word, check.holds);
        let started = Instant::now();
        let result = (check.run)(checkout);
        let took = human(started.elapsed());
        let verdict = match &result {
            Ok(Verdict::Passed) => "ok".to_owned(),
            Ok(Verdict::Skipped(why)) => format!("skipped, {why}"),
            Err(error) => {
                eprintln!("{error:#}");
                "FAILED".to_owned()
            }
        };
        eprintln!("== {}: {verdict} ({took})\n", check.word);
        summary.push((result.is_ok(), format!("{:<11} {took:>12}  {verdict}", check.word)));
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
