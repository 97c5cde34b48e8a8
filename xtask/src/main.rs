//! `cargo xtask <verb>`: everything a person or CI runs in this repository.
//!
//! Guarantee: a verb ends what it started and nothing else, also on Ctrl-C and on failure; only `db` leaves a server behind,
//! and says how to end it. Limits: Unix only; the servers come from package registries the first time, later starts need no
//! network.

#![expect(unreachable_pub, reason = "in a binary `pub` says: used by other modules")]
#![expect(clippy::print_stdout, reason = "a command-line program answers on standard output")]

mod bench;
mod browser;
mod chaos;
mod check;
mod checkout;
mod command;
#[cfg(test)]
mod compose;
mod dashboard;
mod db;
mod demo;
mod dev;
mod http;
mod install;
mod interrupt;
mod mailbox;
mod marketplace;
mod moment;
mod mutants;
mod naira;
mod prepare;
mod progress;
mod seed;
mod simulate;
mod soak;
mod stack;
mod test;
mod verify_books;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use checkout::Checkout;
use stack::programs::Profile;
use stack::token::Role;

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
    /// Build and start everything, until Ctrl-C
    Dev {
        /// Forget the data of the last start
        #[arg(long)]
        fresh: bool,
        /// Optimised programs; linking them takes minutes
        #[arg(long)]
        release: bool,
    },
    /// Run a payout of every kind on a stack of its own and check where the money went
    Demo {
        /// JSON lines on standard output, and nothing else there
        #[arg(long)]
        json: bool,
        /// Leave the stack running afterwards, until Ctrl-C
        #[arg(long)]
        keep: bool,
        /// Kill the worker in the middle and start it again
        #[arg(long)]
        kill: bool,
        /// Write the histories that the replay test reads
        #[arg(long)]
        record: bool,
        /// Optimised programs; linking them takes minutes
        #[arg(long)]
        release: bool,
    },
    /// Measure time, throughput, memory and history of ordinary payouts
    Bench {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
        /// Payouts that are measured one after another
        #[arg(long, default_value_t = 60)]
        sequential: usize,
        /// Payouts that are measured together
        #[arg(long, default_value_t = 1000)]
        payouts: usize,
        /// Only the risk rules, without a stack
        #[arg(long)]
        rules: bool,
        /// Only the claims of a batch, with PostgreSQL alone
        #[arg(long, conflicts_with = "rules")]
        claims: bool,
        /// Only a window with two thousand payouts on two workers; takes minutes
        #[arg(long, conflicts_with_all = ["rules", "claims"])]
        herd: bool,
        /// Optimised programs; linking them takes minutes
        #[arg(long)]
        release: bool,
    },
    /// Attack every process of a stack while people use it, then ask everybody who was paid
    Chaos {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
        /// Payouts that providers ask for
        #[arg(long, default_value_t = 300)]
        payouts: usize,
        /// What is done and when follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How long there are load and faults
        #[arg(long, default_value_t = 6)]
        minutes: u64,
        /// Do not put the database back to an earlier moment
        #[arg(long)]
        no_restore: bool,
        /// Optimised programs; linking them takes minutes
        #[arg(long)]
        release: bool,
        /// The programs as they lie beside this one, without asking cargo
        #[arg(long)]
        as_built: bool,
    },
    /// Send payouts through one worker as fast as it goes, and measure what stays behind in memory
    Soak {
        /// One JSON object on one line
        #[arg(long)]
        json: bool,
        /// How many
        #[arg(long, default_value_t = 20_000)]
        payouts: usize,
        /// Go on with the data of an earlier run until the number is reached
        #[arg(long)]
        resume: bool,
        /// Optimised programs; linking them takes minutes
        #[arg(long)]
        release: bool,
        /// The programs as they lie beside this one, without asking cargo
        #[arg(long)]
        as_built: bool,
    },
    /// Take the README's pictures of the dashboard anew, from a stack with some life in it
    Screenshots,
    /// Attack the rules and the script in virtual time: many small worlds, a hostile gateway, no server
    Simulate {
        /// At least so many
        #[arg(long, default_value_t = 1_000_000)]
        payouts: u64,
        /// Every world follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Run this one world again and print all that happens in it
        #[arg(long)]
        world: Option<u64>,
        /// With --world: at most so many payouts
        #[arg(long, requires = "world")]
        at_most: Option<u32>,
        /// With --world: the faults that do not happen, as a failing run prints them
        #[arg(long, requires = "world")]
        without: Option<String>,
        /// Print a failing world as it is, without looking for a smaller one
        #[arg(long)]
        trace: bool,
    },
    /// Print a token for the API of `cargo xtask dev`
    Token {
        #[arg(long)]
        role: Role,
        /// Who it names
        #[arg(long, default_value = "someone")]
        subject: String,
        /// For the role provider: whose money
        #[arg(long, required_if_eq("role", "provider"))]
        provider: Option<String>,
    },
    /// Check formatting, lints, generated files and architecture rules
    Check {
        /// Only these: format, workflows, compose, clippy, queries, openapi, typescript, dashboard
        words: Vec<String>,
    },
    /// Write openapi/openapi.json anew
    Openapi,
    /// Take one guard after another out of the code, and see which check notices; needs a tree without changes
    Mutants {
        /// Only this one; may be given again
        #[arg(long)]
        only: Vec<String>,
    },
    /// Check that the books of the running stack add up; exit code 0 only when they do
    VerifyBooks {
        /// Another database than that of `cargo xtask dev` or `DATABASE_URL`
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Start the servers that tests need, run every test, stop them
    Test {
        /// Only this crate's tests; may be given again
        #[arg(short, long)]
        package: Vec<String>,
        /// Passed on to the test runner
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    interrupt::install()?;
    let checkout = Checkout::locate()?;
    match arguments.verb {
        Verb::Db { stop: false } => db::start(&checkout)?,
        Verb::Db { stop: true } => db::stop(&checkout)?,
        Verb::Prepare => prepare::write(&checkout)?,
        Verb::Dev { fresh, release } => {
            dev::run(&checkout, dev::Options { fresh, profile: profile(release) })?;
        }
        Verb::Bench { json, rules: true, release, .. } => {
            return bench::rules::run(&checkout, json, profile(release));
        }
        Verb::Bench { json, claims: true, release, .. } => {
            return bench::claims::run(&checkout, json, profile(release));
        }
        Verb::Bench { json, herd: true, release, .. } => {
            return bench::herd::run(&checkout, json, profile(release));
        }
        Verb::Bench { json, sequential, payouts, rules: false, claims: false, herd: false, release } => {
            let options = bench::Options { json, sequential, payouts, profile: profile(release) };
            return bench::run(&checkout, options);
        }
        Verb::Chaos { json, payouts, seed, minutes, no_restore, release, as_built } => {
            let lasts = Duration::from_secs(minutes.saturating_mul(60));
            let options = chaos::Options {
                json,
                payouts,
                seed,
                lasts,
                restore: !no_restore,
                profile: profile(release),
                as_built,
            };
            return chaos::run(&checkout, options);
        }
        Verb::Soak { json, payouts, resume, release, as_built } => {
            let options = soak::Options { json, payouts, resume, profile: profile(release), as_built };
            return soak::run(&checkout, options);
        }
        Verb::Screenshots => browser::screenshots(&checkout)?,
        Verb::Simulate { payouts, seed, world, at_most, without, trace } => {
            let options = simulate::Options { payouts, seed, world, at_most, without, trace };
            return simulate::run(&checkout, &options);
        }
        Verb::Demo { json, keep, kill, record, release } => {
            let options = demo::Options { json, keep, kill, record, profile: profile(release) };
            return demo::run(&checkout, options);
        }
        Verb::Token { role, subject, provider } => {
            dev::token(&checkout, role, &subject, provider.as_deref())?;
        }
        Verb::Check { words } => return check::run(&checkout, &words),
        Verb::Openapi => check::openapi::write(&checkout)?,
        Verb::Mutants { only } => return mutants::run(&checkout, &only),
        Verb::VerifyBooks { database_url } => return verify_books::run(&checkout, database_url),
        Verb::Test { package, arguments } => return test::run(&checkout, &package, &arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn profile(release: bool) -> Profile {
    if release { Profile::Release } else { Profile::Dev }
}
