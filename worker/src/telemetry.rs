//! Logs, once per process.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::LogFormat;

/// What is logged where `RUST_LOG` says nothing. The SDK's core tells of every poll that times out.
const DEFAULT_FILTER: &str =
    "info,temporalio_sdk_core=warn,temporalio_client=warn,sqlx::postgres::notice=warn";

/// Installs the subscriber; a second call is ignored (the API with a worker inside).
pub fn init_logs(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    // A log file is read with tools that take escape sequences for text.
    let colours = std::io::stderr().is_terminal();
    let installed = match format {
        LogFormat::Text => registry
            .with(fmt::layer().with_target(false).with_ansi(colours).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
        }
    };
    if installed.is_err() {
        tracing::debug!("logs were set up already");
    }
}
