//! The Flutterwave simulator as a process of the stack.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Lifetime, Program, Stop};
use super::service::{Probe, Service};
use super::settings::Surroundings;

const START_LIMIT: Duration = Duration::from_secs(20);

/// How long a transfer takes; set in xtask's own environment, that value wins.
const SETTLE_AFTER: &str = "SIMULATOR_SETTLE_AFTER";

/// Long enough to see a payout in PROCESSING, short enough not to wait for it; docker-compose says the same.
pub const SETTLE_AFTER_DEFAULT: &str = "2s";

pub fn service(program: &Path, around: &Surroundings, state: &Path, log: PathBuf) -> Service {
    // Each of its flags can be given as a variable, which unlike a flag is not everyone's to read.
    let mut environment = vec![];
    let mut variable = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
    variable("SIMULATOR_LISTEN", &around.simulator_listen);
    variable("SIMULATOR_SECRET_KEY", &around.flutterwave_secret_key);
    variable("SIMULATOR_WEBHOOK_URL", &around.webhook_url());
    variable("SIMULATOR_WEBHOOK_HASH", &around.flutterwave_webhook_hash);
    variable("SIMULATOR_BOOKS", &state.join("simulator-books").to_string_lossy());
    if env::var_os(SETTLE_AFTER).is_none() {
        variable(SETTLE_AFTER, SETTLE_AFTER_DEFAULT);
    }
    Service::new(
        Program {
            name: "simulator".to_owned(),
            path: program.to_path_buf(),
            arguments: vec![],
            environment,
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
