//! A PostgreSQL cluster of our own on 127.0.0.1.
//!
//! Guarantee: encoding, collation and time zone do not depend on the machine (UTF-8, the built-in `C.UTF-8`, UTC), so a
//! query sorts here as it does in production's container, which is set up with the same words.
//! Cost: [`Durability::Throwaway`] turns off everything that survives a power cut; tests run two to three times faster.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::ports::Ports;
use super::process::{Lifetime, Program, Stop, end_stale, is_recorded_alive};
use super::secrets;
use super::service::{Probe, Service};
use crate::checkout::Checkout;
use crate::command;
use crate::install::postgres::{self as installed, Programs};

/// The role that owns everything; also the name of the database the programs use.
pub const USER: &str = "payouts";
pub const DATABASE: &str = "payouts";

/// The database that is always there, from which others are created and dropped.
const MAINTENANCE_DATABASE: &str = "postgres";

/// A cold disk, a busy machine; it takes 0.1 s otherwise.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The tests of several crates run side by side, each with pools of its own.
const MAX_CONNECTIONS: &str = "300";

/// What must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// PostgreSQL's defaults: a commit is on disk.
    Kept,
    /// Nothing: for clusters that are made anew.
    Throwaway,
}

/// How a cluster comes to hold earlier data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restore {
    /// The files of an earlier moment, as a snapshot of the disk gives them: the server cannot know.
    Snapshot,
    /// A recovery from a backup, which begins a new timeline.
    FromBackup,
}

/// How to reach a cluster and its databases.
#[derive(Clone, Debug)]
pub struct Postgres {
    programs: Programs,
    port: u16,
    password: String,
}

/// Where a cluster lives and what kind it is.
#[derive(Debug)]
pub struct Cluster<'a> {
    pub checkout: &'a Checkout,
    /// Name of the stack: the folder under `.local`.
    pub stack: &'a str,
    pub durability: Durability,
    pub lifetime: Lifetime,
}

impl Cluster<'_> {
    /// Everything needed to start the cluster; the cluster itself is made when there is none.
    pub fn service(&self, log: &Path, ports: &mut Ports) -> Result<(Service, Postgres)> {
        let programs = installed::install(self.checkout)?;
        let state = self.checkout.state(self.stack);
        let password = secrets::kept(&state, "postgres-password")?;
        let data = self.data()?;
        if !data.join("PG_VERSION").is_file() {
            self.create(&programs, &data, &password)?;
        }
        let port = ports.claim("postgres")?;
        let mut arguments = vec!["-D".to_owned(), data.to_string_lossy().into_owned()];
        for setting in self.settings(port) {
            arguments.extend(["-c".to_owned(), setting]);
        }
        let service = Service::new(
            Program {
                name: "postgres".to_owned(),
                path: programs.program("postgres"),
                arguments,
                environment: vec![],
                account: programs.account(),
                folder: data,
                log: log.to_path_buf(),
                state,
                stop: Stop::Interrupt,
                lifetime: self.lifetime,
            },
            Probe::Postgres { pg_isready: programs.program("pg_isready"), port, user: USER },
            START_LIMIT,
        );
        Ok((service, Postgres { programs, port, password }))
    }

    /// Starts one that goes on after us; one that already runs is used as it is.
    pub fn start_detached(&self, log: &Path) -> Result<Postgres> {
        let state = self.checkout.state(self.stack);
        fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
        // Two starts at once in one folder would run two initdb into it; the second waits and finds it done.
        let lock = File::create(state.join("postgres-lock")).context("creating the lock file")?;
        lock.lock().context("waiting for another start of the same cluster")?;
        if let Some(running) = self.running()? {
            return Ok(running);
        }
        let (mut service, postgres) = self.service(log, &mut Ports::load(&state))?;
        service.start()?;
        ensure_database(&postgres.psql(), &postgres.url(DATABASE), DATABASE)?;
        Ok(postgres)
    }

    /// The one that runs, if one does.
    pub fn running(&self) -> Result<Option<Postgres>> {
        let state = self.checkout.state(self.stack);
        if !is_recorded_alive(&state, "postgres") {
            return Ok(None);
        }
        let programs = installed::install(self.checkout)?;
        let port = Ports::remembered(&state, "postgres")?;
        let password = secrets::kept(&state, "postgres-password")?;
        Ok(Some(Postgres { programs, port, password }))
    }

    /// Ends one that runs detached; tells whether one did.
    pub fn stop_detached(&self) -> Result<bool> {
        Ok(!end_stale(&self.checkout.state(self.stack))?.is_empty())
    }

    /// Copies everything the cluster holds, in place of an earlier copy; it must not run.
    pub fn copy(&self) -> Result<()> {
        let (data, copy) = (self.data()?, self.copied()?);
        replace(&data, &copy)
    }

    /// Puts the copy in place of what the cluster holds now; it must not run.
    pub fn put_copy_back(&self, how: Restore) -> Result<()> {
        let (data, copy) = (self.data()?, self.copied()?);
        replace(&copy, &data)?;
        match how {
            Restore::Snapshot => Ok(()),
            Restore::FromBackup => {
                // What asks PostgreSQL for a recovery from an archive; there is nothing in this one.
                let signal = data.join("recovery.signal");
                fs::write(&signal, "").context("asking for a recovery")?;
                if let Some(account) = installed::install(self.checkout)?.account() {
                    account.give(&signal)?;
                }
                let settings = data.join("postgresql.auto.conf");
                let mut text = fs::read_to_string(&settings).context("reading PostgreSQL's settings")?;
                text.push_str("restore_command = 'false'\n");
                fs::write(&settings, text).context("writing PostgreSQL's settings")
            }
        }
    }

    /// Forgets everything the cluster held; it must not run.
    pub fn erase(&self) -> Result<()> {
        let copied = self.copied()?;
        if copied.exists() {
            fs::remove_dir_all(&copied).with_context(|| format!("removing {}", copied.display()))?;
        }
        let data = self.data()?;
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
        }
        // Where PostgreSQL lives outside `.local`, nothing else is in its folder.
        if let Some(folder) = data.parent() {
            let _not_empty_is_fine = fs::remove_dir(folder);
        }
        Ok(())
    }

    fn data(&self) -> Result<PathBuf> {
        Ok(installed::home(self.checkout)?.join(self.stack).join("postgres"))
    }

    fn copied(&self) -> Result<PathBuf> {
        Ok(self.data()?.with_extension("copy"))
    }

    fn create(&self, programs: &Programs, data: &Path, password: &str) -> Result<()> {
        // Left over from an initdb that was interrupted: initdb refuses a folder with something in it.
        self.erase()?;
        fs::create_dir_all(data).with_context(|| format!("creating {}", data.display()))?;
        let secret = data.with_extension("password");
        fs::write(&secret, password).context("writing the password for initdb")?;
        secrets::make_private(&secret)?;
        let mut initdb = Command::new(programs.program("initdb"));
        initdb
            .arg("-D")
            .arg(data)
            .args(["-U", USER, "--auth=scram-sha-256", "--encoding=UTF8"])
            .args(["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"])
            // The password is random and long: repeating the hash protects nothing and costs each connection 5 ms.
            .args(["--set", "scram_iterations=1"])
            .arg("--pwfile")
            .arg(&secret)
            .current_dir("/");
        if self.durability == Durability::Throwaway {
            initdb.arg("--no-sync");
        }
        if let Some(account) = programs.account() {
            account.give(data)?;
            account.give(&secret)?;
            initdb.gid(account.gid).uid(account.uid);
        }
        let made = command::capture(&mut initdb);
        fs::remove_file(&secret).context("removing the password for initdb")?;
        made.map(drop)
    }

    fn settings(&self, port: u16) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            // The data folder may have a path longer than a socket's name can be.
            "unix_socket_directories=".to_owned(),
            format!("max_connections={MAX_CONNECTIONS}"),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
        ];
        match self.durability {
            Durability::Kept => {}
            Durability::Throwaway => settings.extend(
                // Tests create and drop a database each: with full checkpoints off that is the cost that remains.
                [
                    "fsync=off",
                    "synchronous_commit=off",
                    "full_page_writes=off",
                    "autovacuum=off",
                    "wal_level=minimal",
                    "max_wal_senders=0",
                    "checkpoint_timeout=1h",
                    "max_wal_size=2GB",
                ]
                .map(str::to_owned),
            ),
        }
        settings
    }
}

/// Makes `to` what `from` is, with owners and modes.
fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    command::capture(Command::new("cp").arg("-a").arg(from).arg(to)).map(drop)
}

impl Postgres {
    /// The address of a database in this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub fn psql(&self) -> PathBuf {
        self.programs.program("psql")
    }

    pub fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
        sql(&self.psql(), &self.url(MAINTENANCE_DATABASE), &statement).map(drop)
    }
}

/// Creates a database when it is not there; `url` is any address in the same cluster.
pub fn ensure_database(psql: &Path, url: &str, name: &str) -> Result<()> {
    let (server, _) = url.rsplit_once('/').context("a database address without a database")?;
    let url = format!("{server}/{MAINTENANCE_DATABASE}");
    let there = sql(psql, &url, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))?;
    if there.trim().is_empty() {
        sql(psql, &url, &format!("CREATE DATABASE \"{name}\""))?;
    }
    Ok(())
}

/// Runs statements through `psql`; the answer is its unaligned output.
pub fn sql(psql: &Path, url: &str, statement: &str) -> Result<String> {
    let mut ask = Command::new(psql);
    ask.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url]);
    command::capture(&mut ask)
}

/// Applies every migration of the folder, each in one transaction, as sqlx does at the programs' start. The bookkeeping
/// table of sqlx is not written: this is for databases that are thrown away.
pub fn apply_migrations(psql: &Path, url: &str, folder: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("listing {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    for file in files {
        let mut apply = Command::new(psql);
        apply.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-f"]).arg(&file).arg(url);
        command::capture(&mut apply).with_context(|| format!("applying {}", file.display()))?;
    }
    Ok(())
}
