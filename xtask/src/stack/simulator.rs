//! The Flutterwave simulator as a process of the stack.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Lifetime, Program, Stop};
use super::service::{Probe, Service};
use super::settings::Surroundings;

const START_LIMIT: Duration = Duration::from_secs(20);

/// Long enough to see a payout in PROCESSING, short enough not to wait for it.
const SETTLE_AFTER: &str = "2s";

pub fn service(program: &Path, around: &Surroundings, state: &Path, log: PathBuf) -> Service {
    let mut arguments = vec![];
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    option("--listen", &around.simulator_listen);
    option("--secret-key", &around.flutterwave_secret_key);
    option("--webhook-url", &around.webhook_url());
    option("--webhook-hash", &around.flutterwave_webhook_hash);
    option("--books", &state.join("simulator-books").to_string_lossy());
    option("--settle-after", SETTLE_AFTER);
    Service::new(
        Program {
            name: "simulator".to_owned(),
            path: program.to_path_buf(),
            arguments,
            environment: vec![],
            account: None,
            folder: state.to_path_buf(),
            log,
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        Probe::Speaks { url: around.simulator_url() },
        START_LIMIT,
    )
}
