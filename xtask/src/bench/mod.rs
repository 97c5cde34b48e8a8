//! `cargo xtask bench`: how fast a payout is, how many go through, and what that costs in memory and history.
//!
//! What is measured: the programs as they are built for `dev` (or `--release`) on a stack of their own whose servers keep
//! their data as in production (PostgreSQL with fsync, histories in a file), a gateway that pays at once
//! (`--settle-after 0s`) and no windows (`BATCH_WINDOW=open`). Every payout is an ordinary one: requested over HTTP, assessed,
//! approved by the rules, transferred, confirmed. This program's own questions run on the same machine and are part of the
//! load. The risk rules and a batch's claims are measured by themselves too, and with `--rules` or `--claims` nothing else is; `--herd` is a window
//! with two thousand payouts on two workers, and only measured when it is asked for: it takes minutes. The exit code is 1 when a bound of the
//! product is missed.

pub mod claims;
mod crowd;
mod figures;
pub mod herd;
mod latency;
pub mod rules;
mod throughput;
pub mod watch;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::stack::programs::{Profile, build};
use crate::stack::{Keeping, Part, Stack, forget_data};
use crate::{command, progress};
use crowd::Crowd;
use figures::{Figures, Memory};

/// The folder under `.local`.
const STACK: &str = "bench";

pub const SETTINGS: [(&str, &str); 5] = [
    ("BATCH_WINDOW", "open"),
    ("SIMULATOR_SETTLE_AFTER", "0s"),
    // The limits that protect a real gateway would be all that is measured.
    ("PAYOUT_WORKER_RATE_LIMIT", "10000"),
    ("PAYOUT_WORKER_CONCURRENCY", "64"),
    ("REFERENCE_PREFIX", "bench"),
];

/// After a start, until caches and pollers have settled.
const REST: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub json: bool,
    /// One after another.
    pub sequential: usize,
    /// With [`throughput::IN_FLIGHT`] at once.
    pub payouts: usize,
    pub profile: Profile,
}

pub fn run(checkout: &Checkout, options: Options) -> Result<ExitCode> {
    forget_data(checkout, STACK)?;
    let programs = build(checkout, options.profile)?;
    let mut stack = Stack::open(checkout, STACK, Keeping::Data)?;
    stack.add_programs(&programs, &SETTINGS);
    stack.start()?;
    thread::sleep(REST);
    let at_rest = memory(&mut stack)?;

    let crowd = Crowd::new(stack.around())?;
    let latency = progress::step(&format!("{} payouts one after another", options.sequential), || {
        latency::measure(&crowd, options.sequential)
    })?;
    let events = events(&mut stack, &programs.worker.with_file_name("history"), &latency.last_payout)?;
    let throughput =
        progress::step(&format!("{} payouts, {} at a time", options.payouts, throughput::IN_FLIGHT), || {
            throughput::measure(&crowd, options.payouts)
        })?;
    let under_load = memory(&mut stack)?;
    stack.check()?;
    let rules = rules::measure(&programs.worker)?;
    let claims = claims::measure(checkout, &stack.around().database_url, &programs.worker)?;
    let figures = Figures {
        optimised: options.profile == Profile::Release,
        latency,
        throughput,
        at_rest,
        under_load,
        events,
        rules,
        claims,
    };
    if options.json {
        println!("{}", figures.json());
    } else {
        figures.print();
    }
    stack.stop();
    drop(stack);
    forget_data(checkout, STACK)?;
    Ok(if figures.within_bounds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn memory(stack: &mut Stack) -> Result<Memory> {
    let mut resident = |part: Part| -> Result<u64> {
        let pid = stack.service(part)?.pid().context("it does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("reading /proc")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
        kib.parse().context("reading VmRSS")
    };
    Ok(Memory { api_kib: resident(Part::Api)?, worker_kib: resident(Part::Worker)? })
}

/// Events in the history of one happy payout.
fn events(stack: &mut Stack, program: &std::path::Path, payout: &str) -> Result<u64> {
    let file = std::env::temp_dir().join(format!("xtask-bench-{}.json", std::process::id()));
    let mut history = std::process::Command::new(program);
    history.arg(format!("payout-{payout}")).arg(&file).envs(stack.around().servers());
    let events = command::capture(&mut history)?;
    std::fs::remove_file(&file).context("removing a history")?;
    events.trim().parse().context("reading the number of events")
}
