//! `cargo xtask <verb>`: everything a person or CI runs in this repository.
//!
//! Guarantee: a verb ends what it started and nothing else, also on Ctrl-C and on failure; only `db` leaves a server behind,
//! and says how to end it. Limits: Unix only; the servers come from package registries the first time, later starts need no
//! network.

#![expect(unreachable_pub, reason = "in a binary `pub` says: used by other modules")]
#![expect(clippy::print_stdout, reason = "a command-line program answers on standard output")]

mod checkout;
mod command;
mod db;
mod install;
mod interrupt;
mod prepare;
mod progress;
mod stack;

use anyhow::Result;
use clap::{Parser, Subcommand};

use checkout::Checkout;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Local stack, tests and checks of the payout system")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a PostgreSQL for tests in the background and print `export DATABASE_URL=…`
    Db {
        /// End it instead
        #[arg(long)]
        stop: bool,
    },
    /// Write .sqlx anew: what PostgreSQL says about each query of the store crate
    Prepare,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    interrupt::install()?;
    let checkout = Checkout::locate()?;
    match arguments.verb {
        Verb::Db { stop: false } => db::start(&checkout),
        Verb::Db { stop: true } => db::stop(&checkout),
        Verb::Prepare => prepare::write(&checkout),
    }
}
