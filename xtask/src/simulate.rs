//! `cargo xtask simulate`: payouts by the million against a hostile gateway, in virtual time and without a server.
//!
//! Guarantee: the same seed gives the same worlds, whatever the machine and however many threads. Ends with failure when an
//! invariant broke (with the shortest trace that was found) or when something that should happen never did.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs::build_simulation;

/// What the program is asked.
pub struct Options {
    pub payouts: u64,
    pub seed: u64,
    /// One world, with all that happens in it.
    pub world: Option<u64>,
    pub at_most: Option<u32>,
    pub without: Option<String>,
    pub trace: bool,
}

pub fn run(checkout: &Checkout, options: &Options) -> Result<ExitCode> {
    let mut simulation = Command::new(build_simulation(checkout)?);
    match options.world {
        Some(world) => {
            simulation.args(["--world", &world.to_string()]);
            if let Some(at_most) = options.at_most {
                simulation.args(["--at-most", &at_most.to_string()]);
            }
            if let Some(without) = &options.without {
                simulation.args(["--without", without]);
            }
        }
        None => {
            simulation.args(["--payouts", &options.payouts.to_string(), "--seed", &options.seed.to_string()]);
        }
    }
    if options.trace {
        simulation.arg("--trace");
    }
    let status = command::watch(&mut simulation)?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
