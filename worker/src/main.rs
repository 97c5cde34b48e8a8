//! The worker's process: a worker whatever `ENABLE_WORKERS` says. SIGTERM and SIGINT drain and leave.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use ephemeral::Links;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use worker::{Engine, Running, Settings, init_logs, serve, world};

#[expect(clippy::print_stderr, reason = "settings are refused before there is a log")]
fn main() -> ExitCode {
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    init_logs(settings.log_format);
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the worker stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop: draining");
        on_signal.cancel();
    });
    let pool = store::connect_lazy(settings.database_url.expose(), settings.database_pool_size)?;
    let running = Running {
        world: world(settings, pool)?,
        engine: Engine::new(settings.temporal_address.clone(), settings.temporal_namespace.clone()),
        redis: Arc::new(Links::new(&settings.redis, "worker", settings.prefix.as_str()).context("REDIS_*")?),
    };
    serve(running, settings, false, stop).await
}
