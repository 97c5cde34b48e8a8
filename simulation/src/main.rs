//! `cargo xtask simulate`: see the library.

#![expect(clippy::print_stdout, reason = "a command-line program answers on standard output")]

use std::process::ExitCode;

use clap::Parser;
use simulation::{Plan, Setting, failure, run, sail, smallest, table};

/// Below this many payouts, what was never met may be chance.
const COVERS_EVERYTHING: u64 = 20_000;

/// Of a failing world, unless it was asked for.
const SHOWN_LINES: usize = 200;

#[derive(Debug, Parser)]
#[command(name = "simulation", about = "Payouts against a hostile gateway, in virtual time")]
struct Arguments {
    /// At least so many payouts
    #[arg(long, default_value_t = 20_000)]
    payouts: u64,
    /// Where the worlds' seeds come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Run this one world and print all that happens in it
    #[arg(long)]
    world: Option<u64>,
    /// With --world: at most so many payouts
    #[arg(long, default_value_t = u32::MAX)]
    at_most: u32,
    /// With --world: one bit per fault that does not happen
    #[arg(long, default_value = "0", value_parser = bits)]
    without: u64,
    /// Print the failing world as it is, without looking for a smaller one
    #[arg(long)]
    trace: bool,
}

fn bits(text: &str) -> Result<u64, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.world {
        let (payouts, without) = (arguments.at_most, arguments.without);
        let outcome = run(Setting { seed, payouts, without, traced: true });
        print!("{}", failure(&outcome, usize::MAX));
        return if outcome.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let plan = Plan { payouts: arguments.payouts, seed: arguments.seed, threads: arguments.threads };
    let fleet = sail(plan);
    print!("{}", table(&fleet));
    if let Some(broken) = &fleet.broken {
        println!(
            "\nworld {} of seed {} breaks after {} payouts",
            broken.setting.seed, arguments.seed, fleet.payouts
        );
        let shown = if arguments.trace {
            run(Setting { traced: true, ..broken.setting })
        } else {
            smallest(broken.setting)
        };
        print!("{}", failure(&shown, SHOWN_LINES));
        return ExitCode::FAILURE;
    }
    let missing = fleet.coverage.missing(fleet.payouts);
    if arguments.payouts >= COVERS_EVERYTHING && !missing.is_empty() {
        println!("\nnever met, so nothing is shown about it: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
