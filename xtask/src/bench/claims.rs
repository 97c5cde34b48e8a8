//! How long a batch takes to claim ten thousand approved payouts: a program of the store's own measures, this shows.
//!
//! In a database of its own beside the stack's, on the same server: it keeps its data as in production, so every chunk is on the disk.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::STACK;
use crate::checkout::Checkout;
use crate::http::list;
use crate::stack::postgres::{apply_migrations, ensure_database, sql};
use crate::stack::programs::{Profile, build};
use crate::stack::{Keeping, Part, Stack, forget_data};
use crate::{command, install, progress};

/// What the product promises for ten thousand.
const BOUND_MILLIS: u64 = 2_000;
const DATABASE: &str = "claims";

/// What was measured: one batch after another, of the same payouts.
#[derive(Clone, Debug)]
pub struct Claims(Value);

/// Runs the program that lies beside the worker, against the server of this address.
pub fn measure(checkout: &Checkout, server: &str, worker: &Path) -> Result<Claims> {
    progress::step("10,000 payouts claimed, three times", || {
        let psql = install::postgres::install(checkout)?.program("psql");
        let (address, _) = server.rsplit_once('/').context("a database address without a database")?;
        let url = format!("{address}/{DATABASE}");
        let drop = || sql(&psql, server, &format!("DROP DATABASE IF EXISTS \"{DATABASE}\" WITH (FORCE)"));
        drop()?;
        ensure_database(&psql, &url, DATABASE)?;
        apply_migrations(&psql, &url, &checkout.root().join("migrations"))?;
        let mut program = Command::new(worker.with_file_name("claim_speed"));
        let said = command::capture(program.env("DATABASE_URL", &url))?;
        drop()?;
        Ok(Claims(serde_json::from_str(said.trim()).context("reading the figures of the claims")?))
    })
}

/// The claims alone: of the stack only PostgreSQL is needed.
pub fn run(checkout: &Checkout, as_json: bool, profile: Profile) -> Result<ExitCode> {
    forget_data(checkout, STACK)?;
    let worker = build(checkout, profile)?.worker;
    let mut stack = Stack::open(checkout, STACK, Keeping::Data)?;
    // Where the environment names a server, that one runs.
    if let Ok(postgres) = stack.service(Part::Postgres) {
        postgres.start()?;
    }
    let server = stack.around().database_url.clone();
    let (address, _) = server.rsplit_once('/').context("a database address without a database")?;
    let claims = measure(checkout, &format!("{address}/postgres"), &worker)?;
    stack.stop();
    drop(stack);
    forget_data(checkout, STACK)?;
    if as_json {
        println!("{}", claims.json());
    } else {
        claims.print();
    }
    Ok(if claims.is_within_bound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Claims {
    fn millis(&self) -> Vec<u64> {
        let runs = list(&self.0, "/runs").iter();
        runs.map(|run| run.get("milliseconds").and_then(Value::as_u64).unwrap_or(u64::MAX)).collect()
    }

    /// The slowest of the batches.
    fn worst(&self) -> u64 {
        self.millis().into_iter().max().unwrap_or(u64::MAX)
    }

    pub fn is_within_bound(&self) -> bool {
        self.worst() <= BOUND_MILLIS
    }

    pub fn json(&self) -> Value {
        json!({ "ok": self.is_within_bound(), "bound_milliseconds": BOUND_MILLIS, "measured": self.0 })
    }

    pub fn print(&self) {
        let payouts = self.0.get("payouts").and_then(Value::as_u64).unwrap_or_default();
        let each: Vec<String> = self.millis().iter().map(u64::to_string).collect();
        let mark = if self.is_within_bound() { "✓" } else { "✗" };
        println!();
        println!(
            "{mark} {payouts} approved payouts claimed into a batch: {} ms (bound {BOUND_MILLIS} ms)",
            each.join(", ")
        );
    }
}
