//! Builds our own programs and says where cargo put them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::checkout::Checkout;
use crate::{command, progress};

/// The programs of the stack; package, binary and process have the same name.
const PROGRAMS: [&str; 3] = ["api", "worker", "simulator"];

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
        build.args(["build", "--message-format", "json-render-diagnostics", "--bins"]);
        for package in PROGRAMS {
            build.args(["--package", package]);
        }
        if profile == Profile::Release {
            build.arg("--release");
        }
        build.stdin(Stdio::null()).stderr(Stdio::inherit());
        let messages = command::capture_output(&mut build)?;
        let executables: Vec<PathBuf> = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Message>(line).ok())
            .filter(|message| message.reason == "compiler-artifact")
            .filter_map(|message| message.executable)
            .collect();
        let [api, worker, simulator] = PROGRAMS.map(|name| find(&executables, name));
        Ok(Programs { api: api?, worker: worker?, simulator: simulator? })
    })
}

fn find(executables: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = executables.iter().find(|path| path.file_name() == Path::new(name).file_name());
    match found {
        Some(path) => Ok(path.clone()),
        None => bail!("the package `{name}` has no program called `{name}`"),
    }
}
