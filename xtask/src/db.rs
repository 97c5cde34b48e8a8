//! `cargo xtask db`: a PostgreSQL for `cargo test` in one crate, left running in the background.
//!
//! Prints `export DATABASE_URL=…` on standard output and everything else on standard error, so that
//! `eval "$(cargo xtask db)"` works. The database is empty: `#[sqlx::test]` makes one per test from `migrations/`.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::progress;
use crate::stack::postgres::{Cluster, DATABASE, Durability, Postgres};
use crate::stack::process::{Lifetime, is_recorded_alive};

/// The folder under `.local` of the background cluster.
const STACK: &str = "test";

pub fn start(checkout: &Checkout) -> Result<()> {
    let postgres = background(checkout)?;
    println!("export DATABASE_URL={}", postgres.url(DATABASE));
    Ok(())
}

pub fn stop(checkout: &Checkout) -> Result<()> {
    let was_running = cluster(checkout).stop_detached()?;
    progress::note(if was_running {
        "ended PostgreSQL for tests"
    } else {
        "no PostgreSQL for tests was running"
    });
    Ok(())
}

pub fn is_running(checkout: &Checkout) -> bool {
    is_recorded_alive(&checkout.state(STACK), "postgres")
}

/// The background cluster, started when it does not run.
pub fn background(checkout: &Checkout) -> Result<Postgres> {
    progress::step("starting PostgreSQL for tests", || {
        cluster(checkout).start_detached(&checkout.logs().join("test-postgres.log"))
    })
}

fn cluster(checkout: &Checkout) -> Cluster<'_> {
    Cluster { checkout, stack: STACK, durability: Durability::Throwaway, lifetime: Lifetime::Detached }
}
