//! Node packages, installed from a committed `package-lock.json`, into a copy under `.local` or where the sources are.
//!
//! The copy keeps `node_modules` out of the source folders; only the dashboard, whose development server watches its sources, has
//! them in place. Installed anew when the lock file changes and never otherwise, so a second run needs no network. Node itself is
//! not installed here: what uses it says so and goes on without.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::{command, progress};

/// The file that is compared to see whether an installed copy is still the right one.
const LOCK: &str = "package-lock.json";

pub fn is_available() -> bool {
    command::exists("node") && command::exists("npm")
}

/// Copies `source` to `.local/node/<name>` and runs `npm ci` there when its lock file is new; whoever comes at the same time waits.
/// Returns the copy.
pub fn install(checkout: &Checkout, name: &str, source: &Path) -> Result<PathBuf> {
    let _held = hold(checkout, name)?;
    let copy = checkout.local().join("node").join(name);
    let wanted =
        fs::read(source.join(LOCK)).with_context(|| format!("reading {LOCK} of {}", source.display()))?;
    copy_sources(source, &copy)?;
    packages(name, &copy, &wanted)?;
    Ok(copy)
}

/// Runs `npm ci` in `folder` itself when its lock file is new; whoever comes at the same time waits.
pub fn install_in_place(checkout: &Checkout, name: &str, folder: &Path) -> Result<()> {
    let _held = hold(checkout, name)?;
    let wanted =
        fs::read(folder.join(LOCK)).with_context(|| format!("reading {LOCK} of {}", folder.display()))?;
    packages(name, folder, &wanted)
}

/// Until the answer is dropped nobody else installs it.
fn hold(checkout: &Checkout, name: &str) -> Result<File> {
    let locks = checkout.local().join("node");
    fs::create_dir_all(&locks).with_context(|| format!("creating {}", locks.display()))?;
    let held = File::create(locks.join(format!("{name}.lock"))).context("creating a lock file")?;
    held.lock().context("waiting for another install")?;
    Ok(held)
}

fn packages(name: &str, folder: &Path, wanted: &[u8]) -> Result<()> {
    // Written last: an interrupted install has none.
    let installed = folder.join("node_modules/.installed-lock");
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    progress::step(&format!("installing the Node packages of {name}"), || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
        command::capture(&mut npm)?;
        fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
    })
}

/// Copies what is not generated; a file that has left the source leaves the copy too.
fn copy_sources(source: &Path, copy: &Path) -> Result<()> {
    const NOT_SOURCES: [&str; 2] = ["node_modules", "dist"];
    fs::create_dir_all(copy).with_context(|| format!("creating {}", copy.display()))?;
    for old in fs::read_dir(copy).with_context(|| format!("listing {}", copy.display()))? {
        let old = old.context("listing a copy")?;
        if NOT_SOURCES.iter().any(|name| old.file_name() == *name) {
            continue;
        }
        let is_folder = old.file_type().context("looking at a copy")?.is_dir();
        let removed = if is_folder { fs::remove_dir_all(old.path()) } else { fs::remove_file(old.path()) };
        removed.with_context(|| format!("removing {}", old.path().display()))?;
    }
    for entry in fs::read_dir(source).with_context(|| format!("listing {}", source.display()))? {
        let entry = entry.context("listing a Node package")?;
        if NOT_SOURCES.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = copy.join(entry.file_name());
        if entry.file_type().context("looking at a Node package")?.is_dir() {
            copy_sources(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}
