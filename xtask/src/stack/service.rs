//! A program together with the question that tells whether it is healthy: what can be started, stopped, killed, restarted.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::process::{Process, Program};

/// A healthy server on this machine answers in microseconds; one that is still starting must not hold the question up.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

const OK: u16 = 200;

/// How to ask whether a program is healthy.
#[derive(Clone, Debug)]
pub enum Probe {
    /// Answers 200.
    Http { url: String },
    /// Answers at all.
    Speaks { url: String },
    /// Answers PONG.
    Redis { port: u16, password: String },
    /// Accepts connections.
    Postgres { pg_isready: PathBuf, port: u16, user: &'static str },
}

/// A program of the stack, running or not.
#[derive(Debug)]
pub struct Service {
    program: Program,
    probe: Probe,
    start_limit: Duration,
    process: Option<Process>,
}

impl Service {
    pub fn new(program: Program, probe: Probe, start_limit: Duration) -> Self {
        Self { program, probe, start_limit, process: None }
    }

    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Starts it and waits until it is healthy. Nothing happens when it runs.
    pub fn start(&mut self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let mut process = Process::spawn(self.program.clone())?;
        if let Err(error) = process.wait_healthy(self.start_limit, || self.probe.is_healthy()) {
            // Also one that was to go on without us: nobody would know of it.
            process.stop();
            return Err(error);
        }
        self.process = Some(process);
        Ok(())
    }

    /// Asks it to leave and waits until it has.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }

    /// Ends it with SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Lets it end its clients and leave without writing anything down (SIGQUIT to PostgreSQL: an immediate shutdown).
    pub fn quit(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop_by(Signal::QUIT);
        }
    }

    /// Stops it where it stands, until [`Service::thaw`].
    pub fn freeze(&self) {
        if let Some(process) = &self.process {
            process.freeze();
        }
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        if let Some(process) = &self.process {
            process.thaw();
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// How and with which last words it ended, if it did so by itself.
    pub fn obituary(&mut self) -> Option<String> {
        self.process.as_mut().and_then(Process::obituary)
    }

    /// Sets a variable of its environment for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.program.environment.retain(|(known, _)| known != name);
        self.program.environment.push((name.to_owned(), value.to_owned()));
    }
}

impl Service {
    /// While it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }
}

impl Probe {
    fn is_healthy(&self) -> bool {
        match self {
            Self::Http { url } => answer(url) == Some(OK),
            Self::Speaks { url } => answer(url).is_some(),
            Self::Redis { port, password } => pongs(*port, password).unwrap_or(false),
            Self::Postgres { pg_isready, port, user } => {
                let mut ask = Command::new(pg_isready);
                ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", user, "-d", "postgres"]);
                ask.status().is_ok_and(|status| status.success())
            }
        }
    }
}

/// The HTTP status that this address answers with.
fn answer(url: &str) -> Option<u16> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_LIMIT))
        .http_status_as_error(false)
        .build()
        .new_agent();
    agent.get(url).call().ok().map(|answer| answer.status().as_u16())
}

fn pongs(port: u16, password: &str) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(ANSWER_LIMIT))?;
    // QUIT makes the server close, so reading to the end is the whole answer.
    connection.write_all(format!("AUTH {password}\r\nPING\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.contains("+PONG"))
}
