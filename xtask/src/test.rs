//! `cargo xtask test`: every test of the workspace against real servers that this run owns.
//!
//! Guarantees: the servers are this run's alone and hold nothing of an earlier one; they are stopped whatever happens; the
//! last line is the test runner's summary. Tests get `DATABASE_URL`, `REDIS_*`, `TEMPORAL_*` and, where Node is installed,
//! `NODE_SDK_DIR`. The dashboard's production build is made first, for the stories that some of the tests play in a browser.
//! Cost: a cluster without durability starts in a second, in-memory Temporal in half of one.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::checkout::Checkout;
use crate::stack::programs::{build_everything, cargo, selection};
use crate::stack::{Keeping, Stack, sweep};
use crate::{browser, command, dashboard, install, progress};

/// The folder under `.local` whose subfolders are single runs.
const FAMILY: &str = "run";

/// The gateway's official client, run against the simulator by one of its tests.
const NODE_SDK: &str = "simulator/tests/node-sdk";

pub fn run(checkout: &Checkout, packages: &[String], arguments: &[String]) -> Result<ExitCode> {
    sweep(checkout, FAMILY)?;
    let node_sdk = node_sdk(checkout)?;
    let mut stack = Stack::open(checkout, &format!("{FAMILY}/{}", std::process::id()), Keeping::Nothing)?;
    // The programs too, since end-to-end tests of one crate start those of another.
    build_everything(checkout, packages)?;
    if packages.is_empty() || packages.iter().any(|package| package == "xtask") {
        // Whose first load is measured here, and whose stories run in a browser.
        dashboard::build(checkout)?;
        browser::announce(checkout);
    }
    stack.start()?;

    let mut tests = cargo(checkout);
    if has_nextest() {
        tests.args(["nextest", "run"]);
    } else {
        progress::note("cargo-nextest is not installed: `cargo test` runs the crates one after another");
        tests.arg("test");
    }
    // One run tells everything that is broken.
    tests.arg("--no-fail-fast").args(selection(packages)).args(arguments);
    tests.envs(stack.around().servers());
    if let Some(folder) = node_sdk {
        tests.env("NODE_SDK_DIR", folder);
    }
    let status = command::watch(&mut tests)?;
    // Silently: the runner's summary stays the last line.
    drop(stack);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn node_sdk(checkout: &Checkout) -> Result<Option<PathBuf>> {
    let source = checkout.root().join(NODE_SDK);
    if !source.is_dir() {
        return Ok(None);
    }
    if !install::node::is_available() {
        progress::note("WARNING: Node is not installed, the gateway's official client is NOT tested");
        return Ok(None);
    }
    install::node::install(checkout, "node-sdk", &source).map(Some)
}

fn has_nextest() -> bool {
    command::capture(Command::new("cargo").args(["nextest", "--version"])).is_ok()
}
