//! Secrets of a local stack: made once, kept in a file only its owner can read.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};

const OWNER_ONLY: u32 = 0o600;

/// 192 bits: beyond guessing, and short enough to paste.
const SECRET_BYTES: usize = 24;

/// The stack's secret of this name, made at its first use.
pub fn kept(state: &Path, name: &str) -> Result<String> {
    let file = state.join(name);
    if let Ok(secret) = fs::read_to_string(&file)
        && !secret.is_empty()
    {
        return Ok(secret);
    }
    let mut bytes = [0_u8; SECRET_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("making a secret")?;
    let secret = hex::encode(bytes);
    File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(&file)
        .and_then(|mut open| open.write_all(secret.as_bytes()))
        .with_context(|| format!("writing {}", file.display()))?;
    Ok(secret)
}

pub fn make_private(file: &Path) -> Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(OWNER_ONLY))
        .with_context(|| format!("closing {}", file.display()))
}
