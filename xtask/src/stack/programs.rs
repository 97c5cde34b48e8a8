//! Builds our own programs and says where cargo put them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::checkout::Checkout;
use crate::{command, progress};

/// The programs of the stack; package, binary and process have the same name.
const PROGRAMS: [&str; 3] = ["api", "worker", "simulator"];

/// Cargo unites the features of what it is asked to build: with the whole workspace and a test among it they are those of
/// [`build_everything`], so that the demo and the tests together compile the heavy crates once instead of twice.
pub const ONE_TEST: &str = "wire_format";

/// How optimised. A release link costs minutes, so everything but a benchmark runs the development build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

/// Where the built programs lie.
#[derive(Clone, Debug)]
pub struct Programs {
    pub api: PathBuf,
    pub worker: PathBuf,
    pub simulator: PathBuf,
}

impl Programs {
    /// Those of the folder that this program was started from (for a test the one above), as they lie there.
    pub fn beside_us() -> Result<Self> {
        let own = std::env::current_exe().context("asking where this program is")?;
        let folder = own.ancestors().skip(1).find(|folder| folder.join("worker").is_file());
        let folder = folder.context("no worker lies beside this program: build the whole workspace first")?;
        let [api, worker, simulator] = PROGRAMS.map(|name| folder.join(name));
        Ok(Self { api, worker, simulator })
    }
}

#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
}

/// `cargo`, the one that started us when it did.
pub fn cargo(checkout: &Checkout) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo describes *this* package to us by variables that a build of another must not see.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_BIN_NAME" {
            cargo.env_remove(&name);
        }
    }
    cargo.current_dir(checkout.root());
    cargo
}

/// Builds the programs; cargo's own progress is shown.
pub fn build(checkout: &Checkout, profile: Profile) -> Result<Programs> {
    progress::step("building api, worker and simulator", || {
        let mut build = cargo(checkout);
        build.args(["build", "--workspace", "--bins", "--test", ONE_TEST]);
        if profile == Profile::Release {
            build.arg("--release");
        }
        let executables = executables(&mut build)?;
        let [api, worker, simulator] = PROGRAMS.map(|name| find(&executables, name));
        Ok(Programs { api: api?, worker: worker?, simulator: simulator? })
    })
}

/// Builds the simulation, together with the programs so that the heavy crates are not compiled for it alone.
pub fn build_simulation(checkout: &Checkout) -> Result<PathBuf> {
    progress::step("building the simulation", || {
        let mut build = cargo(checkout);
        build.args(["build", "--workspace", "--bins", "--test", ONE_TEST]);
        find(&executables(&mut build)?, "simulation")
    })
}

/// Builds every program and every test in one go, so that cargo sees one set of features and compiles each crate once.
/// No packages means all. The answer is every program that was built.
pub fn build_everything(checkout: &Checkout, packages: &[String]) -> Result<Vec<PathBuf>> {
    progress::step("building programs and tests", || {
        let mut build = cargo(checkout);
        executables(build.args(["build", "--bins", "--tests"]).args(selection(packages)))
    })
}

/// The words that tell cargo which packages are meant; none means all.
pub fn selection(packages: &[String]) -> Vec<String> {
    if packages.is_empty() {
        return vec!["--workspace".to_owned()];
    }
    packages.iter().flat_map(|package| ["--package".to_owned(), package.clone()]).collect()
}

/// Runs a build and lists the programs that cargo says it made.
pub fn executables(command: &mut Command) -> Result<Vec<PathBuf>> {
    command
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let messages = command::capture_output(command)?;
    let found = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| message.executable);
    Ok(found.collect())
}

/// The program of this name among those that were built.
pub fn find(executables: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = executables.iter().find(|path| path.file_name() == Path::new(name).file_name());
    match found {
        Some(path) => Ok(path.clone()),
        None => bail!("no package has a program called `{name}`"),
    }
}
