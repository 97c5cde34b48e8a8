//! Runs one command to its end: quietly (its output appears only when it fails) or in view of the person.
//!
//! Both leave when someone presses Ctrl-C; the child is ended by its own pid.

use std::fmt::Write as _;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::interrupt;

/// What is shown of a failed command's output: its end, where the reason is.
const SHOWN_ON_FAILURE_BYTES: usize = 4_000;

/// Runs it, returns what it wrote to standard output; on failure the error carries the end of what it said.
pub fn capture(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let output = drain(child.stdout.take());
    let errors = drain(child.stderr.take());
    let status = wait(&mut child)?;
    let output = output.join().unwrap_or_default();
    let errors = errors.join().unwrap_or_default();
    if !status.success() {
        bail!("{} ended with {status}\n{}", shown(command), tail(&format!("{output}{errors}")));
    }
    Ok(output)
}

/// Runs it and returns its standard output; the rest of its set-up is the caller's.
pub fn capture_output(command: &mut Command) -> Result<String> {
    let mut child = spawn(command.stdout(Stdio::piped()))?;
    let output = drain(child.stdout.take());
    let status = wait(&mut child)?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(output.join().unwrap_or_default())
}

/// Runs it quietly and returns how it ended with all that it said; that it fails is an answer here.
pub fn listen(command: &mut Command) -> Result<(Option<i32>, String)> {
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let output = drain(child.stdout.take());
    let errors = drain(child.stderr.take());
    let status = wait(&mut child)?;
    let said = [output.join().unwrap_or_default(), errors.join().unwrap_or_default()].concat();
    Ok((status.code(), said))
}

/// Runs it with its output on ours; the answer is how it ended.
pub fn watch(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command)?;
    wait(&mut child)
}

/// Like [`watch`], and anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = watch(command)?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Whether a program of this name answers `--version`.
pub fn exists(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("starting {}", shown(command)))
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().context("waiting for a command")? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt::tick() {
            // Ctrl-C in a terminal has reached the child too; a SIGTERM to us has not.
            let _already_gone = child.kill();
            child.wait().context("waiting for a command")?;
            return Err(interrupted);
        }
    }
}

/// Reads a pipe on a thread of its own, so that a talkative child never blocks on a full one.
fn drain<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _partial_is_fine = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The program and its arguments, without the environment: that may hold secrets.
fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _infallible = write!(text, " {}", argument.to_string_lossy());
    }
    text
}

/// The last part of a text, cut at a character boundary.
pub fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(SHOWN_ON_FAILURE_BYTES);
    while !text.is_char_boundary(from) {
        from = from.saturating_add(1);
    }
    text.get(from..).unwrap_or(text)
}
