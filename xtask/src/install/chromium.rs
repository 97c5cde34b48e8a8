//! The system's Chromium, which the browser's stories and the screenshots run in.
//!
//! Guarantee: nothing is installed where a browser is, or where we may not: only root on a Debian has its package installed, by apt.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{command, progress};

/// Names another one.
pub const CHROMIUM: &str = "CHROMIUM";

const USUAL_PLACES: [&str; 4] =
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

/// The one that is there.
pub fn find() -> Option<PathBuf> {
    if let Some(given) = env::var_os(CHROMIUM).filter(|given| !given.is_empty()) {
        return Some(given.into());
    }
    USUAL_PLACES.iter().map(PathBuf::from).find(|place| place.is_file())
}

/// The one that is there, else the distribution's package, where that may be installed.
pub fn install() -> Result<Option<PathBuf>> {
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if !rustix::process::geteuid().is_root() || !Path::new("/etc/debian_version").is_file() {
        return Ok(None);
    }
    progress::step("installing Chromium, the distribution's package", || {
        let apt = |arguments: &[&str]| {
            let mut apt = Command::new("apt-get");
            command::capture(apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
        };
        apt(&["update", "--quiet"])?;
        apt(&["install", "--yes", "--quiet", "--no-install-recommends", "chromium"])
    })?;
    Ok(find())
}
