//! One long-running program: started in a process group of its own, logged to a file, ended by its pid and by nothing else.
//!
//! Guarantees: a [`Process`] that goes out of scope is stopped. If xtask itself dies without a chance to tidy up, the
//! kernel sends the program its stop signal (Linux, through `setpriv --pdeathsig`, since this workspace forbids `unsafe`);
//! where that is not to be had, the pid file lets the next start end it ([`end_stale`]).
//! Limit: the parent-death signal is tied to the thread that spawned, so programs are spawned from the main thread.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};

use crate::install::postgres::Account;
use crate::{command, interrupt};

/// How long a program may take to leave after it was asked. PostgreSQL writes a checkpoint, Temporal drains: seconds.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// How often a stopping or starting program is looked at.
const TICK: Duration = Duration::from_millis(20);

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub path: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Another user to run it as; only root can.
    pub account: Option<Account>,
    pub folder: PathBuf,
    pub log: PathBuf,
    /// Holds the pid file.
    pub state: PathBuf,
    pub stop: Stop,
    pub lifetime: Lifetime,
}

/// The signal that means "leave now, tidily" to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Terminate,
    /// To PostgreSQL, SIGTERM means: wait until every client has gone. SIGINT means: end them and leave.
    Interrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Ends when xtask ends, however that happens.
    WithUs,
    /// Goes on after xtask has left; ended later by [`end_stale`].
    Detached,
}

/// A running program that this process started.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
    /// How long the log was before this start, in bytes.
    log_began: u64,
}

impl Stop {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

impl Process {
    pub fn spawn(program: Program) -> Result<Self> {
        if let Some(folder) = program.log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&program.log)
            .with_context(|| format!("opening {}", program.log.display()))?;
        let log_began = log.metadata().context("measuring the log file")?.len();
        let errors = log.try_clone().context("sharing the log file")?;

        let mut start = if program.lifetime == Lifetime::WithUs && cfg!(target_os = "linux") && has_setpriv()
        {
            let mut wrapped = Command::new("setpriv");
            wrapped.args(["--pdeathsig", program.stop.name(), "--"]).arg(&program.path);
            wrapped
        } else {
            Command::new(&program.path)
        };
        start
            .args(&program.arguments)
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&program.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in the terminal goes to xtask alone, which then stops things in the right order.
            .process_group(0);
        if let Some(account) = program.account {
            start.gid(account.gid).uid(account.uid);
        }
        let child = start.spawn().with_context(|| format!("starting {}", program.path.display()))?;
        let process = Self { program, child, log_began };
        process.write_pid_file()?;
        Ok(process)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `healthy` says so. Fails at once when the program ends, with the end of its log.
    pub fn wait_healthy(&mut self, limit: Duration, mut healthy: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        loop {
            if healthy() {
                return Ok(());
            }
            if let Some(obituary) = self.obituary() {
                bail!("while starting, {obituary}");
            }
            if started.elapsed() > limit {
                bail!("{} was not healthy after {limit:?}; {}", self.program.name, self.last_words());
            }
            interrupt::check()?;
            thread::sleep(TICK);
        }
    }

    /// Asks it to leave, waits, and ends it when it does not.
    pub fn stop(&mut self) {
        self.stop_by(self.program.stop.signal());
    }

    /// The same with another signal than the tidy one: SIGQUIT makes PostgreSQL leave as if it had crashed.
    pub fn stop_by(&mut self, signal: Signal) {
        if self.ended().is_none() {
            // One that was frozen hears nothing.
            self.thaw();
            self.send(signal);
            let asked = Instant::now();
            while self.ended().is_none() {
                if asked.elapsed() > STOP_GRACE {
                    eprintln!("  {} did not leave within {STOP_GRACE:?}: killed", self.program.name);
                    return self.kill();
                }
                thread::sleep(TICK);
            }
        }
        self.forget();
    }

    /// Ends it at once, as a crash would, and waits for what it had started itself: PostgreSQL's backends leave when they see
    /// that their postmaster is dead, and until then no new one can start.
    pub fn kill(&mut self) {
        let children = self.descendants();
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
        for child in &children {
            let _already_gone = rustix::process::kill_process(*child, Signal::CONT);
        }
        let asked = Instant::now();
        while children.iter().any(|child| is_running(*child)) && asked.elapsed() < STOP_GRACE {
            thread::sleep(TICK);
        }
        self.forget();
    }

    /// Stops it where it stands (SIGSTOP), with everything it has started. Linux only: elsewhere its children go on.
    pub fn freeze(&self) {
        self.send(Signal::STOP);
        for child in self.descendants() {
            let _already_gone = rustix::process::kill_process(child, Signal::STOP);
        }
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        for child in self.descendants() {
            let _already_gone = rustix::process::kill_process(child, Signal::CONT);
        }
        self.send(Signal::CONT);
    }

    /// What it has started, and what those have. PostgreSQL's backends are in sessions of their own, so a process group does not
    /// name them.
    fn descendants(&self) -> Vec<Pid> {
        let mut found: Vec<u32> = vec![self.pid()];
        let parents = parents();
        let mut looked_at = 0;
        while let Some(parent) = found.get(looked_at).copied() {
            found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
            looked_at = looked_at.saturating_add(1);
        }
        let pids = found.iter().skip(1);
        pids.filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)).collect()
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _already_gone = rustix::process::kill_process(pid, signal);
        }
    }

    /// How it ended and the end of its log, if it did end.
    pub fn obituary(&mut self) -> Option<String> {
        let status = self.ended()?;
        Some(format!("{} ended with {status}; {}", self.program.name, self.last_words()))
    }

    /// The end of what it wrote to its log since it was started.
    fn last_words(&self) -> String {
        let log = fs::read(&self.program.log).unwrap_or_default();
        let own = usize::try_from(self.log_began).ok().and_then(|began| log.get(began..)).unwrap_or_default();
        let text = String::from_utf8_lossy(own).into_owned();
        format!("the end of {}:\n{}", self.program.log.display(), command::tail(&text))
    }

    fn pid_file(&self) -> PathBuf {
        pid_folder(&self.program.state).join(&self.program.name)
    }

    fn write_pid_file(&self) -> Result<()> {
        let folder = pid_folder(&self.program.state);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let program = self.program.path.display();
        let working = self.program.folder.canonicalize().context("resolving the folder to start in")?;
        let text =
            format!("{}\n{}\n{program}\n{}\n", self.pid(), self.program.stop.name(), working.display());
        let file = self.pid_file();
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))
    }

    fn forget(&self) {
        let _may_be_gone = fs::remove_file(self.pid_file());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        match self.program.lifetime {
            Lifetime::WithUs => self.stop(),
            Lifetime::Detached => {}
        }
    }
}

/// Ends what an earlier xtask started in this folder and could not end.
///
/// A pid alone proves nothing, it may belong to someone else by now: the process must also still run the very program file
/// that was written down, in the very folder (which only Linux tells). The answer is the names of those that were ended.
pub fn end_stale(state: &Path) -> Result<Vec<String>> {
    let mut ended = vec![];
    let Ok(entries) = fs::read_dir(pid_folder(state)) else {
        return Ok(ended);
    };
    for entry in entries {
        let file = entry.context("listing pid files")?.path();
        if let Some((pid, stop)) = recorded(&file) {
            end(pid, stop)?;
            ended.extend(file.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        let _may_be_gone = fs::remove_file(&file);
    }
    Ok(ended)
}

/// The recorded process of this name, if it is still the one that was started.
pub fn is_recorded_alive(state: &Path, name: &str) -> bool {
    recorded(&pid_folder(state).join(name)).is_some()
}

fn recorded(file: &Path) -> Option<(Pid, Stop)> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines();
    let pid = Pid::from_raw(lines.next()?.parse().ok()?)?;
    let stop = match lines.next()? {
        "SIGINT" => Stop::Interrupt,
        _ => Stop::Terminate,
    };
    let (program, folder) = (lines.next()?, lines.next()?);
    let is_ours = command_line(pid)?.contains(program)
        && working_folder(pid).is_none_or(|found| found == Path::new(folder));
    is_ours.then_some((pid, stop))
}

fn end(pid: Pid, stop: Stop) -> Result<()> {
    rustix::process::kill_process(pid, stop.signal()).context("stopping a process of an earlier start")?;
    let asked = Instant::now();
    while command_line(pid).is_some_and(|line| !line.is_empty()) {
        if asked.elapsed() > STOP_GRACE {
            let _already_gone = rustix::process::kill_process(pid, Signal::KILL);
            break;
        }
        thread::sleep(TICK);
    }
    Ok(())
}

/// What a process runs, with its arguments; nothing when there is no such process. Empty for one that has ended but whose
/// parent has not taken note.
fn command_line(pid: Pid) -> Option<String> {
    let number = pid.as_raw_nonzero();
    if cfg!(target_os = "linux") {
        let bytes = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let answer = Command::new("ps").args(["-o", "command=", "-p", &number.to_string()]).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
}

/// Where a process was started, or has gone since; none of our programs goes elsewhere.
fn working_folder(pid: Pid) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok()
}

/// Whether a process is there and has not ended.
fn is_running(pid: Pid) -> bool {
    command_line(pid).is_some_and(|line| !line.is_empty())
}

/// Every process of this machine with its parent; empty where there is no `/proc`.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return vec![];
    };
    let parent_of = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold anything; after it come the state and the parent.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect()
}

fn pid_folder(state: &Path) -> PathBuf {
    state.join("pids")
}

fn has_setpriv() -> bool {
    use std::sync::OnceLock;
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // Older versions know `setpriv` but not this option.
        Command::new("setpriv")
            .args(["--pdeathsig", "keep", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(state: &Path, lifetime: Lifetime) -> Program {
        Program {
            name: "sleeper".to_owned(),
            path: PathBuf::from("/bin/sleep"),
            arguments: vec!["600".to_owned()],
            environment: vec![],
            account: None,
            folder: state.to_path_buf(),
            log: state.join("sleeper.log"),
            state: state.to_path_buf(),
            stop: Stop::Terminate,
            lifetime,
        }
    }

    fn state(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Between its spawn and its exec a process has no command line for a moment.
    fn soon(mut condition: impl FnMut() -> bool) -> bool {
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(10) {
            if condition() {
                return true;
            }
            thread::sleep(TICK);
        }
        false
    }

    fn runs(pid: u32) -> bool {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        command_line(pid).is_some_and(|line| line.contains("sleep"))
    }

    #[test]
    fn a_process_that_goes_out_of_scope_is_gone_and_leaves_no_pid_file() {
        let state = state("scope");
        let process = Process::spawn(sleeper(&state, Lifetime::WithUs)).unwrap();
        let pid = process.pid();
        assert!(soon(|| runs(pid)));
        drop(process);
        assert!(!runs(pid));
        assert!(!is_recorded_alive(&state, "sleeper"));
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn a_frozen_process_stands_still_with_its_children_and_can_still_be_stopped() {
        let state = state("frozen");
        let program = Program {
            path: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), "sleep 600 & wait".to_owned()],
            ..sleeper(&state, Lifetime::WithUs)
        };
        let mut process = Process::spawn(program).unwrap();
        let standing = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
        };
        assert!(soon(|| process.descendants().iter().any(|pid| command_line(*pid).is_some())));
        let child = process.descendants()[0].as_raw_nonzero().get().cast_unsigned();
        process.freeze();
        assert!(soon(|| standing(process.pid()) && standing(child)));
        process.thaw();
        assert!(soon(|| !standing(process.pid()) && !standing(child)));
        process.freeze();
        process.stop();
        assert!(process.ended().is_some());
        let _it_was_only_the_shells =
            rustix::process::kill_process(Pid::from_raw(child.cast_signed()).unwrap(), Signal::KILL);
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn a_detached_process_goes_on_until_a_later_start_ends_it() {
        let state = state("detached");
        let mut process = Process::spawn(sleeper(&state, Lifetime::Detached)).unwrap();
        assert!(soon(|| is_recorded_alive(&state, "sleeper")));
        assert_eq!(end_stale(&state).unwrap(), ["sleeper"]);
        assert!(soon(|| process.ended().is_some()));
        assert!(!is_recorded_alive(&state, "sleeper"));
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn a_recorded_pid_that_belongs_to_another_program_is_left_alone() {
        let state = state("stranger");
        let mut stranger = Process::spawn(sleeper(&state, Lifetime::Detached)).unwrap();
        assert!(soon(|| runs(stranger.pid())));
        let file = stranger.pid_file();
        fs::write(&file, format!("{}\nSIGTERM\n/somewhere/else/api\n{}\n", stranger.pid(), state.display()))
            .unwrap();
        assert!(end_stale(&state).unwrap().is_empty());
        fs::write(&file, format!("{}\nSIGTERM\n/bin/sleep\n/somewhere/else\n", stranger.pid())).unwrap();
        assert!(end_stale(&state).unwrap().is_empty());
        assert!(stranger.ended().is_none());
        stranger.kill();
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn a_program_that_ends_while_starting_is_reported_with_the_end_of_its_log() {
        let state = state("ends");
        let program = Program {
            path: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), "echo no such database; exit 3".to_owned()],
            ..sleeper(&state, Lifetime::WithUs)
        };
        let mut process = Process::spawn(program).unwrap();
        let error = process.wait_healthy(Duration::from_secs(10), || false).unwrap_err();
        assert!(error.to_string().contains("no such database"), "{error}");
        fs::remove_dir_all(&state).unwrap();
    }
}
