//! A Redis of our own on 127.0.0.1, without persistence.
//!
//! Everything in Redis may vanish at any moment without a payout noticing; a local one that forgets at each stop keeps us
//! honest about that.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::ports::Ports;
use super::process::{Lifetime, Program, Stop};
use super::secrets;
use super::service::{Probe, Service};
use crate::checkout::Checkout;
use crate::install;

const START_LIMIT: Duration = Duration::from_secs(20);

/// The user that a password alone means.
const USER: &str = "default";

/// Where the programs find Redis; the names are those of the environment variables.
#[derive(Clone, Debug)]
pub struct RedisAddress {
    pub host: String,
    pub port: String,
    pub username: String,
    pub password: String,
    pub db: String,
}

impl RedisAddress {
    /// The one that the environment names, if it names one.
    pub fn from_environment() -> Option<Self> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let host = read("REDIS_HOST")?;
        Some(Self {
            host,
            port: read("REDIS_PORT").unwrap_or_else(|| "6379".to_owned()),
            username: read("REDIS_USERNAME").unwrap_or_default(),
            password: read("REDIS_PASSWORD").unwrap_or_default(),
            db: read("REDIS_DB").unwrap_or_else(|| "0".to_owned()),
        })
    }

    pub fn variables(&self) -> Vec<(String, String)> {
        [
            ("REDIS_HOST", &self.host),
            ("REDIS_PORT", &self.port),
            ("REDIS_USERNAME", &self.username),
            ("REDIS_PASSWORD", &self.password),
            ("REDIS_DB", &self.db),
        ]
        .into_iter()
        // An unset name and an empty value mean the same; unset is the one that no parser gets wrong.
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
    }
}

pub fn service(
    checkout: &Checkout,
    state: &Path,
    log: &Path,
    ports: &mut Ports,
) -> Result<(Service, RedisAddress)> {
    let program = install::redis::install(checkout)?;
    let port = ports.claim("redis")?;
    let password = secrets::kept(state, "redis-password")?;
    let configuration = state.join("redis.conf");
    let folder = state.display();
    // A file, not arguments: arguments are everyone's to read.
    fs::write(
        &configuration,
        format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\ndaemonize no\ndir \"{folder}\"\n"
        ),
    )
    .with_context(|| format!("writing {}", configuration.display()))?;
    secrets::make_private(&configuration)?;
    let service = Service::new(
        Program {
            name: "redis".to_owned(),
            path: program,
            arguments: vec![configuration.to_string_lossy().into_owned()],
            environment: vec![],
            account: None,
            folder: state.to_path_buf(),
            log: log.to_path_buf(),
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        Probe::Redis { port, password: password.clone() },
        START_LIMIT,
    );
    let address = RedisAddress {
        host: "127.0.0.1".to_owned(),
        port: port.to_string(),
        username: USER.to_owned(),
        password,
        db: "0".to_owned(),
    };
    Ok((service, address))
}
