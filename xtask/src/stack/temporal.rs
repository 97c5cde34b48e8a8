//! A Temporal server of our own on 127.0.0.1, with its UI.
//!
//! Cost of keeping histories in a file: with SQLite's default pragmas the server is 2.5 times slower than in memory, since
//! every write waits for the disk. In WAL mode with `synchronous=NORMAL` it is nearly as fast; a crash of the server loses
//! nothing, a power cut may lose the last transactions (never corrupts). Payouts survive that: the database of the product
//! is the truth and the sweeper starts lost runs again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::ports::Ports;
use super::process::{Lifetime, Program, Stop};
use super::service::{Probe, Service};
use crate::checkout::Checkout;
use crate::install;

pub const NAMESPACE: &str = "default";

/// What operators filter payouts by in the UI; docker-compose creates the same.
pub const SEARCH_ATTRIBUTES: [(&str, &str); 5] = [
    ("PayoutStatus", "Keyword"),
    ("PayoutProvider", "Keyword"),
    ("PayoutRisk", "Keyword"),
    ("PayoutAmountMinor", "Int"),
    ("PayoutBatch", "Keyword"),
];

/// Server settings that differ from the defaults; docker-compose mounts the same.
pub const DYNAMIC_CONFIG: [(&str, &str); 6] = [
    // End-to-end tests skip the days a workflow sleeps.
    ("frontend.WorkflowTimeSkippingEnabled", "true"),
    // By default timers fire up to a second late; with this one of 50 ms fires after 100 ms.
    ("history.timerProcessorMaxTimeShift", "\"100ms\""),
    // With it timers are read ten times a second, and the server takes a reader that it sees three times within the same second
    // for stuck: it hands such timers to a slower reader, and under load they then fire minutes late (seen: 9 min 38 s for a
    // sticky time-out of 2 s). A reader that really is stuck is still noticed, after ten seconds.
    ("history.queueReaderStuckCriticalAttempts", "100"),
    // A queue with more in it than its rate allows takes providers in turns: each gateway step names its provider.
    ("matching.enableFairness", "true"),
    // A queue is four by default, its rate a quarter in each, and a few pollers leave tasks in one of them for half a minute while
    // they serve the others (seen: the order of a batch lost, its last payout a minute late). One of them does for hundreds a second.
    ("matching.numTaskqueueReadPartitions", "1"),
    ("matching.numTaskqueueWritePartitions", "1"),
];

/// A database of a long-used stack takes seconds to open.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Where histories live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Histories {
    InFile,
    InMemory,
}

/// Where to reach the server.
#[derive(Clone, Debug)]
pub struct TemporalAddress {
    /// `host:port` of the gRPC service.
    pub grpc: String,
    /// The UI, when there is one.
    pub ui: Option<String>,
    /// The command line, for a person's or a demo's signals.
    pub cli: Option<PathBuf>,
}

impl TemporalAddress {
    /// The one that the environment names, if it names one.
    pub fn from_environment() -> Option<Self> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let grpc = read("TEMPORAL_ADDRESS")?;
        Some(Self { grpc, ui: read("TEMPORAL_UI_URL"), cli: None })
    }
}

pub fn service(
    checkout: &Checkout,
    state: &Path,
    log: &Path,
    ports: &mut Ports,
    histories: Histories,
) -> Result<(Service, TemporalAddress)> {
    let program = install::temporal::install(checkout)?;
    let grpc = ports.claim("temporal")?;
    let ui = ports.claim("temporal-ui")?;
    let http = ports.claim("temporal-http")?;
    let metrics = ports.claim("temporal-metrics")?;
    let mut arguments: Vec<String> = ["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    option("--port", grpc.to_string());
    option("--ui-port", ui.to_string());
    option("--http-port", http.to_string());
    option("--metrics-port", metrics.to_string());
    option("--namespace", NAMESPACE.to_owned());
    for (name, kind) in SEARCH_ATTRIBUTES {
        option("--search-attribute", format!("{name}={kind}"));
    }
    for (name, value) in DYNAMIC_CONFIG {
        option("--dynamic-config-value", format!("{name}={value}"));
    }
    if histories == Histories::InFile {
        option("--db-filename", state.join("temporal.db").to_string_lossy().into_owned());
        option("--sqlite-pragma", "journal_mode=WAL".to_owned());
        option("--sqlite-pragma", "synchronous=NORMAL".to_owned());
    }
    // It would ask the vendor's site for news.
    arguments.push("--ui-disable-news-fetch".to_owned());
    let service = Service::new(
        Program {
            name: "temporal".to_owned(),
            path: program.clone(),
            arguments,
            environment: vec![],
            account: None,
            folder: state.to_path_buf(),
            log: log.to_path_buf(),
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        // Healthy means: the namespace exists and can be asked for, not only that a port is open.
        Probe::Http { url: format!("http://127.0.0.1:{http}/api/v1/namespaces/{NAMESPACE}") },
        START_LIMIT,
    );
    let address = TemporalAddress {
        grpc: format!("127.0.0.1:{grpc}"),
        ui: Some(format!("http://127.0.0.1:{ui}")),
        cli: Some(program),
    };
    Ok((service, address))
}
