//! The official Node SDK drives the simulator, if its folder is given.

use std::process::Command;

use crate::harness::Bench;

/// A copy of `simulator/tests/node-sdk` in which `npm ci` was run; without it the test says so and passes.
const FOLDER: &str = "NODE_SDK_DIR";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_finds_every_answer_sensible() {
    let Ok(folder) = std::env::var(FOLDER) else {
        println!("skipped: {FOLDER} is not set");
        return;
    };
    let bench = Bench::instant().await;
    let mut node = Command::new("node");
    node.arg("check.mjs")
        .current_dir(folder)
        .env("SIMULATOR_URL", bench.running.base_url())
        .env("SIMULATOR_KEY", simulator::DEFAULT_SECRET_KEY);
    let output = tokio::task::spawn_blocking(move || node.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
}
