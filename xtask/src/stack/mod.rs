//! The local stack: real servers and our own programs, each a process that can be started, stopped, killed and restarted.
//!
//! Guarantees: one stack of a name at a time in a checkout (a lock that the kernel gives back when its holder dies);
//! everything listens on 127.0.0.1 only; dropping a [`Stack`] stops what it started, last started first. A server that the
//! environment names (`DATABASE_URL`, `REDIS_HOST`, `TEMPORAL_ADDRESS`, `SMTP_URL`) is used and never touched.

pub mod api;
pub mod mail;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod redis;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod simulator;
pub mod temporal;
pub mod token;
pub mod worker;

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::checkout::Checkout;
use crate::{install, progress};
use mail::SMTP_URL;
use ports::Ports;
use postgres::{Cluster, DATABASE, Durability};
use process::{Lifetime, end_stale};
use programs::Programs;
use redis::RedisAddress;
use service::Service;
use settings::Surroundings;
use temporal::{Histories, TemporalAddress};

/// Name of the secret that tokens of a stack are signed with.
pub const JWT_SECRET: &str = "jwt-secret";

/// The parts of a stack, in the order in which they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Postgres,
    Redis,
    Temporal,
    /// Where a stack catches mail.
    Mail,
    Simulator,
    Api,
    Worker,
    /// A second worker beside the first, where a stack has one.
    SecondWorker,
}

/// Which servers a stack runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Those that the environment names, its own where it names none.
    AsGiven,
    /// Its own, whatever the environment names: they are going to be killed.
    Own,
}

/// Whether a stack's data is meant to outlive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// A second start finds it again.
    Data,
    /// In memory where possible, removed at the end.
    Nothing,
}

/// A stack, running or being put together.
#[derive(Debug)]
pub struct Stack {
    checkout: Checkout,
    name: String,
    keeping: Keeping,
    services: BTreeMap<Part, Service>,
    around: Surroundings,
    /// Held as long as the stack exists.
    _lock: File,
}

impl Stack {
    /// Takes the name, ends what an earlier holder left running, installs what is missing and claims the ports. Nothing is
    /// started yet.
    pub fn open(checkout: &Checkout, name: &str, keeping: Keeping) -> Result<Self> {
        Self::open_on(checkout, name, keeping, Servers::AsGiven)
    }

    /// The same, on these servers.
    pub fn open_on(checkout: &Checkout, name: &str, keeping: Keeping, servers: Servers) -> Result<Self> {
        let state = checkout.state(name);
        let lock = lock(checkout, name)?;
        for left in end_stale(&state)? {
            progress::note(&format!("ended {left}, left over from an earlier start"));
        }
        for part in ["postgres", "redis", "temporal", "mail", "simulator", "api", "worker", "worker-2"] {
            // Each start begins its logs anew; what ended it last time has been read by now.
            let _may_be_missing = fs::remove_file(log_file(checkout, name, part));
        }
        let mut ports = Ports::load(&state);
        let mut services = BTreeMap::new();
        let log = |part: &str| log_file(checkout, name, part);
        let as_given = servers == Servers::AsGiven;

        let given = env::var("DATABASE_URL").ok().filter(|url| as_given && !url.is_empty());
        let database_url = if let Some(url) = given {
            progress::note("PostgreSQL: the one in DATABASE_URL");
            url
        } else {
            let durability = match keeping {
                Keeping::Data => Durability::Kept,
                Keeping::Nothing => Durability::Throwaway,
            };
            let cluster = Cluster { checkout, stack: name, durability, lifetime: Lifetime::WithUs };
            let (service, postgres) = cluster.service(&log("postgres"), &mut ports)?;
            services.insert(Part::Postgres, service);
            postgres.url(DATABASE)
        };
        let redis = if let Some(address) = RedisAddress::from_environment().filter(|_| as_given) {
            progress::note("Redis: the one in REDIS_HOST");
            address
        } else {
            let (service, address) = redis::service(checkout, &state, &log("redis"), &mut ports)?;
            services.insert(Part::Redis, service);
            address
        };
        let temporal = if let Some(address) = TemporalAddress::from_environment().filter(|_| as_given) {
            progress::note("Temporal: the one in TEMPORAL_ADDRESS");
            address
        } else {
            let histories = match keeping {
                Keeping::Data => Histories::InFile,
                Keeping::Nothing => Histories::InMemory,
            };
            let (service, address) =
                temporal::service(checkout, &state, &log("temporal"), &mut ports, histories)?;
            services.insert(Part::Temporal, service);
            address
        };
        let mut listen = |name: &str| ports.claim(name).map(|port| format!("127.0.0.1:{port}"));
        let around = Surroundings {
            database_url,
            redis,
            temporal,
            mail: None,
            api_listen: listen("api")?,
            worker_listen: listen("worker")?,
            metrics_listen: listen("metrics")?,
            simulator_listen: listen("simulator")?,
            jwt_secret: secrets::kept(&state, JWT_SECRET)?,
            // The form of the gateway's test keys: development settings refuse a live one.
            flutterwave_secret_key: format!("FLWSECK_TEST-{}-X", secrets::kept(&state, "flutterwave-key")?),
            flutterwave_webhook_hash: secrets::kept(&state, "flutterwave-webhook-hash")?,
        };
        Ok(Self { checkout: checkout.clone(), name: name.to_owned(), keeping, services, around, _lock: lock })
    }

    /// Adds a mail server of its own, which catches what the programs send: before they are added. The one that the environment
    /// names is used instead, and never touched; without Node there is none, which is said, and nobody is sent mail.
    pub fn catch_mail(&mut self) -> Result<()> {
        if env::var_os(SMTP_URL).is_some_and(|url| !url.is_empty()) {
            progress::note("Mail: to the server in SMTP_URL");
            return Ok(());
        }
        let state = self.checkout.state(&self.name);
        let log = log_file(&self.checkout, &self.name, "mail");
        match mail::service(&self.checkout, &state, log, &mut Ports::load(&state))? {
            None => progress::note("WARNING: Node is not installed, so mail is neither sent nor caught"),
            Some((service, address)) => {
                self.services.insert(Part::Mail, service);
                self.around.mail = Some(address);
            }
        }
        Ok(())
    }

    /// Adds our own programs, each with the stack's settings and these variables on top.
    pub fn add_programs(&mut self, programs: &Programs, overrides: &[(&str, &str)]) {
        let state = self.checkout.state(&self.name);
        let log = |part: &str| log_file(&self.checkout, &self.name, part);
        let mut simulator = simulator::service(&programs.simulator, &self.around, &state, log("simulator"));
        let mut api = api::service(&programs.api, &self.around, &state, log("api"));
        let mut worker = worker::service("worker", &programs.worker, &self.around, &state, log("worker"));
        for (name, value) in overrides {
            for service in [&mut simulator, &mut api, &mut worker] {
                service.set(name, value);
            }
        }
        self.services.extend([(Part::Simulator, simulator), (Part::Api, api), (Part::Worker, worker)]);
    }

    /// Adds another worker beside the first, with an address of its own.
    pub fn add_second_worker(&mut self, programs: &Programs, overrides: &[(&str, &str)]) -> Result<()> {
        const NAME: &str = "worker-2";
        let state = self.checkout.state(&self.name);
        let mut ports = Ports::load(&state);
        let mut listen = |name: &str| ports.claim(name).map(|port| format!("127.0.0.1:{port}"));
        let around = Surroundings {
            worker_listen: listen(NAME)?,
            metrics_listen: listen("metrics-2")?,
            ..self.around.clone()
        };
        let log = log_file(&self.checkout, &self.name, NAME);
        let mut worker = worker::service(NAME, &programs.worker, &around, &state, log);
        for (name, value) in overrides {
            worker.set(name, value);
        }
        self.services.insert(Part::SecondWorker, worker);
        Ok(())
    }

    /// The stack's own PostgreSQL: its data can be copied while it stands still, and put back.
    pub fn cluster(&self) -> Cluster<'_> {
        cluster(&self.checkout, &self.name)
    }

    /// Starts every part that does not run, in order, each once the one before is healthy.
    pub fn start(&mut self) -> Result<()> {
        let parts: Vec<Part> = self.services.keys().copied().collect();
        for part in parts {
            let service = self.service(part)?;
            if !service.is_running() {
                progress::step(&format!("starting {}", service.name()), || service.start())?;
            }
            if part == Part::Postgres {
                self.ensure_database()?;
            }
        }
        Ok(())
    }

    /// One part, to stop, kill or restart it.
    pub fn service(&mut self, part: Part) -> Result<&mut Service> {
        let name = &self.name;
        self.services.get_mut(&part).ok_or_else(|| anyhow!("{part:?} is not part of the stack {name}"))
    }

    /// Where its parts write their logs.
    pub fn logs(&self) -> String {
        let family = self.name.split('/').next().unwrap_or(&self.name);
        self.checkout.logs().join(format!("{family}-*.log")).display().to_string()
    }

    /// Fails with the last words of a part that ended by itself.
    pub fn check(&mut self) -> Result<()> {
        match self.services.values_mut().find_map(Service::obituary) {
            None => Ok(()),
            Some(obituary) => bail!("{obituary}"),
        }
    }

    pub fn around(&self) -> &Surroundings {
        &self.around
    }

    /// Stops every part, last started first.
    pub fn stop(&mut self) {
        for (part, service) in self.services.iter_mut().rev() {
            match (self.keeping, part) {
                // Temporal drains for seconds; what it would save is thrown away. PostgreSQL leaves shared memory
                // behind when it is killed.
                (Keeping::Nothing, Part::Redis | Part::Temporal | Part::Mail) => service.kill(),
                _ => service.stop(),
            }
        }
    }

    fn ensure_database(&self) -> Result<()> {
        let psql = install::postgres::install(&self.checkout)?.program("psql");
        postgres::ensure_database(&psql, &self.around.database_url, DATABASE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop();
        if self.keeping == Keeping::Nothing
            && let Err(error) = erase(&self.checkout, &self.name)
        {
            eprintln!("  {error:#}");
        }
    }
}

/// Forgets what a stack kept: its database, histories, simulator books. Its ports and secrets stay, so that bookmarks and
/// tokens go on working. The stack must not run.
pub fn forget_data(checkout: &Checkout, name: &str) -> Result<()> {
    let _held = lock(checkout, name)?;
    let state = checkout.state(name);
    end_stale(&state)?;
    cluster(checkout, name).erase()?;
    let Ok(entries) = fs::read_dir(&state) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.context("listing what a stack kept")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("temporal.db") || name.starts_with("simulator-books") || name == mail::KEPT {
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// Removes stacks of this family (`run/…`) whose holder died without tidying up.
pub fn sweep(checkout: &Checkout, family: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(checkout.state(family)) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.context("listing old stacks")?;
        let name = format!("{family}/{}", entry.file_name().to_string_lossy());
        if let Ok(_unused) = lock(checkout, &name) {
            end_stale(&checkout.state(&name))?;
            erase(checkout, &name)?;
        }
    }
    Ok(())
}

fn erase(checkout: &Checkout, name: &str) -> Result<()> {
    cluster(checkout, name).erase()?;
    let state = checkout.state(name);
    fs::remove_dir_all(&state).with_context(|| format!("removing {}", state.display()))
}

fn cluster<'a>(checkout: &'a Checkout, stack: &'a str) -> Cluster<'a> {
    Cluster { checkout, stack, durability: Durability::Kept, lifetime: Lifetime::WithUs }
}

fn lock(checkout: &Checkout, name: &str) -> Result<File> {
    let state = checkout.state(name);
    fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
    let file = File::create(state.join("lock")).context("creating the stack's lock file")?;
    file.try_lock().map_err(|_| anyhow!("the stack `{name}` already runs in this checkout"))?;
    Ok(file)
}

/// `.local/logs/dev-api.log`; stacks of one family share their files.
fn log_file(checkout: &Checkout, name: &str, part: &str) -> PathBuf {
    let family = name.split('/').next().unwrap_or(name);
    checkout.logs().join(format!("{family}-{part}.log"))
}
