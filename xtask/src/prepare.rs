//! `.sqlx/`: what PostgreSQL said about each `query!` of `store`, committed so that a build needs no database.
//!
//! sqlx writes one `query-<hash>.json` per macro when it compiles against a live database with `SQLX_OFFLINE_DIR` set. So
//! `store` is compiled that way, against the migrations of this checkout, into a scratch folder; `prepare` copies the
//! result, `check` compares it. Cost: one check of `store` alone, the crates below and above it stay as they are.
//! Limit: macros in `store`'s library and its unit tests only. SQL elsewhere is against the architecture.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::checkout::Checkout;
use crate::stack::postgres::{Postgres, apply_migrations, ensure_database};
use crate::stack::programs::cargo;
use crate::{command, db, progress};

/// The crate that holds all SQL.
const CRATE: &str = "store";

/// File name to content.
type Descriptions = BTreeMap<String, Vec<u8>>;

/// Writes `.sqlx/` anew.
pub fn write(checkout: &Checkout) -> Result<()> {
    let fresh = describe(checkout)?;
    let folder = committed(checkout);
    let stale = read(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    for name in stale.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name)).with_context(|| format!("removing {name}"))?;
    }
    for (name, content) in fresh.iter().filter(|(name, content)| stale.get(*name) != Some(*content)) {
        fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    let difference = Difference::between(&stale, &fresh);
    println!("{} queries in .sqlx: {difference}", fresh.len());
    Ok(())
}

/// Fails when `.sqlx/` is not what [`write`] would leave there.
pub fn verify(checkout: &Checkout) -> Result<()> {
    let difference = Difference::between(&read(&committed(checkout))?, &describe(checkout)?);
    if !difference.is_empty() {
        bail!(".sqlx is out of date: {difference}; run `cargo xtask prepare` and commit it");
    }
    Ok(())
}

fn committed(checkout: &Checkout) -> PathBuf {
    checkout.root().join(".sqlx")
}

/// What PostgreSQL says about the queries as they are now.
fn describe(checkout: &Checkout) -> Result<Descriptions> {
    let was_running = db::is_running(checkout);
    let postgres = db::background(checkout)?;
    let described = describe_with(checkout, &postgres);
    if !was_running {
        db::stop(checkout)?;
    }
    described
}

fn describe_with(checkout: &Checkout, postgres: &Postgres) -> Result<Descriptions> {
    let database = format!("prepare_{}", std::process::id());
    let scratch = checkout.local().join(&database);
    fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let url = postgres.url(&database);
    ensure_database(&postgres.psql(), &url, &database)?;
    let described = apply_migrations(&postgres.psql(), &url, &checkout.migrations())
        .and_then(|()| {
            progress::step(&format!("asking PostgreSQL about the queries of {CRATE}"), || {
                compile(checkout, &url, &scratch)
            })
        })
        .and_then(|()| read(&scratch));
    fs::remove_dir_all(&scratch).context("removing the scratch folder")?;
    postgres.drop_database(&database)?;
    described
}

/// Checks the library with its unit tests against the database. Cargo does not know that the answer depends on the
/// database: a unit it holds for fresh is made to be stale.
fn compile(checkout: &Checkout, url: &str, scratch: &Path) -> Result<()> {
    if let Compiled::Fresh(fingerprint) = compile_once(checkout, url, scratch)? {
        fs::remove_dir_all(&fingerprint).with_context(|| format!("removing {}", fingerprint.display()))?;
        if let Compiled::Fresh(_) = compile_once(checkout, url, scratch)? {
            bail!("cargo did not compile {CRATE} again: its queries were not looked at");
        }
    }
    Ok(())
}

#[derive(Debug)]
enum Compiled {
    Anew,
    /// Cargo had nothing to do; the folder that makes it think so.
    Fresh(PathBuf),
}

fn compile_once(checkout: &Checkout, url: &str, scratch: &Path) -> Result<Compiled> {
    let mut cargo = cargo(checkout);
    cargo
        // The library as its unit tests see it: a unit that no other crate is built on, so nothing else becomes stale.
        .args(["check", "--quiet", "--package", CRATE, "--lib", "--profile", "test"])
        .args(["--message-format", "json-render-diagnostics"])
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", scratch)
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let messages = command::capture_output(&mut cargo)?;
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            continue;
        };
        if message.reason == "compiler-artifact" && message.target.is_some_and(|target| target.name == CRATE)
        {
            if !message.fresh {
                return Ok(Compiled::Anew);
            }
            let artifact = message.filenames.first().context("cargo named no file")?;
            return Ok(Compiled::Fresh(fingerprint_of(artifact)?));
        }
    }
    bail!("cargo did not say that it compiled {CRATE}");
}

#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    fresh: bool,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    target: Option<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// `target/debug/deps/libstore-HASH.rmeta` → `target/debug/.fingerprint/store-HASH`.
fn fingerprint_of(artifact: &Path) -> Result<PathBuf> {
    let found = || {
        let stem = artifact.file_stem()?.to_str()?;
        let unit = stem.strip_prefix("lib").unwrap_or(stem);
        Some(artifact.parent()?.parent()?.join(".fingerprint").join(unit))
    };
    found().with_context(|| format!("no build folder around {}", artifact.display()))
}

fn read(folder: &Path) -> Result<Descriptions> {
    let mut found = Descriptions::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            found.insert(name, fs::read(entry.path()).context("reading a query description")?);
        }
    }
    Ok(found)
}

/// How two sets of descriptions differ.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    added: usize,
    removed: usize,
    changed: usize,
}

impl Difference {
    fn between(before: &Descriptions, after: &Descriptions) -> Self {
        Self {
            added: after.keys().filter(|name| !before.contains_key(*name)).count(),
            removed: before.keys().filter(|name| !after.contains_key(*name)).count(),
            changed: after
                .iter()
                .filter(|(name, new)| before.get(*name).is_some_and(|old| old != *new))
                .count(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self { added: 0, removed: 0, changed: 0 }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} removed, {} changed", self.added, self.removed, self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptions(of: &[(&str, &str)]) -> Descriptions {
        of.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_difference_counts_what_came_went_and_changed() {
        let before = descriptions(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = descriptions(&[("b", "1"), ("c", "2"), ("d", "1"), ("e", "1")]);
        assert_eq!(Difference::between(&before, &after), Difference { added: 2, removed: 1, changed: 1 });
        assert!(Difference::between(&before, &before).is_empty());
    }

    #[test]
    fn the_fingerprint_lies_beside_the_artifacts() {
        let artifact = Path::new("/t/debug/deps/libstore-0f1e.rmeta");
        assert_eq!(fingerprint_of(artifact).unwrap(), Path::new("/t/debug/.fingerprint/store-0f1e"));
    }
}
