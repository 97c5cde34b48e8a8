//! The worker as a process of the stack.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Lifetime, Program, Stop};
use super::service::{Probe, Service};
use super::settings::Surroundings;

/// It connects to the database, Redis and Temporal before it says that it is well.
const START_LIMIT: Duration = Duration::from_mins(1);

/// `name` tells the workers of a stack apart; each has its own address in `around`.
pub fn service(name: &str, program: &Path, around: &Surroundings, state: &Path, log: PathBuf) -> Service {
    Service::new(
        Program {
            name: name.to_owned(),
            path: program.to_path_buf(),
            arguments: vec![],
            environment: around.variables(),
            account: None,
            folder: state.to_path_buf(),
            log,
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        Probe::Http { url: format!("{}/healthz", around.worker_url()) },
        START_LIMIT,
    )
}
