//! The simulator as a process: flags, logs, signals.

mod flags;

use std::io::{IsTerminal as _, stderr};

use clap::Parser as _;
use simulator::Simulator;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("SIMULATOR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    logs.with_ansi(stderr().is_terminal()).with_writer(stderr).init();

    let running = Simulator::start(flags::Flags::parse().into_config()?).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    running.shutdown().await;
    Ok(())
}
