//! `cargo xtask mutants`: is each promise held by a check that fails without it?
//!
//! A mutant is the real code with one guard taken out. One at a time is written into the checkout, the check that must catch it
//! runs, and the file is put back as it was. One that survives is an error: nothing would notice that guard's loss.
//!
//! Guarantees: it refuses to begin on a tree with changes; the file is put back on failure, panic and Ctrl-C, and what a kill
//! left mutated is put back by the next start; every check passes on the code as it is before the first mutant, so that one that
//! always fails catches nothing; a mutant that does not compile counts as an error of the table, not as caught.
//!
//! Cost: each rebuilds what depends on the mutated crate: ten seconds for one that the simulation catches, a minute or two for
//! one of `store`. Queries are compiled against a database of this run, because a mutated one has no description in `.sqlx/`.

mod caught;
mod domain;
mod gateway;
mod patch;
mod requests;
mod store;
mod workflows;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::progress::human;
use crate::stack::postgres::{Postgres, apply_migrations, ensure_database};
use crate::{command, db, interrupt, progress};

use caught::{Ending, Surroundings};
use patch::Patched;

/// One guard, and who notices when it is gone.
#[derive(Debug)]
pub struct Mutant {
    /// What is asked for with `--only`.
    name: &'static str,
    /// What it breaks, in words.
    breaks: &'static str,
    /// From the root of the checkout.
    file: &'static str,
    /// What is there, exactly once in the file, and what takes its place. Several where one guard stands behind another.
    edits: &'static [(&'static str, &'static str)],
    caught_by: CaughtBy,
}

/// Which check must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaughtBy {
    /// The simulation, within so many payouts of this seed.
    Simulation { payouts: u64, seed: u64 },
    /// One of the tests that this nextest filter picks, among the integration tests or the unit tests of every crate.
    Tests { of: Tests, filter: &'static str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tests {
    Integration,
    Unit,
}

/// All of them, in the order of the code they mutate.
fn all() -> impl Iterator<Item = &'static Mutant> {
    [domain::MUTANTS, gateway::MUTANTS, workflows::MUTANTS, store::MUTANTS, requests::MUTANTS]
        .into_iter()
        .flatten()
}

/// How one ended.
struct Row {
    mutant: &'static Mutant,
    ending: Ending,
    took: std::time::Duration,
}

pub fn run(checkout: &Checkout, only: &[String]) -> Result<ExitCode> {
    patch::put_back_what_was_left(checkout)?;
    refuse_changes(checkout)?;
    if let Some(unknown) = only.iter().find(|name| all().all(|mutant| mutant.name != **name)) {
        let known: Vec<_> = all().map(|mutant| mutant.name).collect();
        bail!("no mutant is called {unknown:?}; there are {}", known.join(", "));
    }
    let chosen: Vec<&Mutant> =
        all().filter(|mutant| only.is_empty() || only.iter().any(|name| name == mutant.name)).collect();
    let was_running = db::is_running(checkout);
    let postgres = db::background(checkout)?;
    let database = format!("mutants_{}", std::process::id());
    let result = with_database(checkout, &postgres, &database, &chosen);
    postgres.drop_database(&database)?;
    if !was_running {
        db::stop(checkout)?;
    }
    refuse_changes(checkout).context("a mutant was left in the tree")?;
    let rows = result?;
    print!("{}", table(&rows));
    let survived = rows.iter().filter(|row| !matches!(row.ending, Ending::Caught { .. })).count();
    println!("{} mutants, {survived} not caught", rows.len());
    Ok(if survived == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn with_database(
    checkout: &Checkout,
    postgres: &Postgres,
    database: &str,
    chosen: &[&'static Mutant],
) -> Result<Vec<Row>> {
    let url = postgres.url(database);
    ensure_database(&postgres.psql(), &url, database)?;
    apply_migrations(&postgres.psql(), &url, &checkout.migrations())?;
    let around = Surroundings { checkout, database_url: url };
    progress::note("the checks on the code as it is");
    around.baseline(chosen)?;
    let mut rows = vec![];
    for mutant in chosen {
        interrupt::check()?;
        progress::note(&format!("{}: {}", mutant.name, mutant.breaks));
        let started = Instant::now();
        let patched = Patched::apply(checkout, mutant)?;
        let ending = around.check(mutant.caught_by);
        patched.put_back()?;
        let ending = ending.with_context(|| format!("checking {}", mutant.name))?;
        progress::note(&format!("{}: {}", mutant.name, ending.words()));
        rows.push(Row { mutant, ending, took: started.elapsed() });
    }
    Ok(rows)
}

/// What git does not know is nobody's to lose: only changed files count.
fn refuse_changes(checkout: &Checkout) -> Result<()> {
    let mut git = Command::new("git");
    let changed = command::capture(
        git.args(["status", "--porcelain", "--untracked-files=no"]).current_dir(checkout.root()),
    )?;
    if !changed.trim().is_empty() {
        bail!("the tree has changes; commit them first:\n{changed}");
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let head = ["mutant", "what is lost", "caught by", "after", "took"].map(str::to_owned);
    let lines = rows.iter().map(|row| {
        [
            row.mutant.name.to_owned(),
            row.mutant.breaks.to_owned(),
            row.ending.by(),
            row.ending.after(),
            human(row.took),
        ]
    });
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(lines).collect();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str("| ");
            text.push_str(cell);
            text.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()).saturating_add(1)));
        }
        text.push_str("|\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// Keeps the table honest: code that moves on takes its mutants along.
    #[test]
    fn every_patch_fits_the_code_exactly_once() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        for mutant in all() {
            let text = fs::read_to_string(format!("{root}/{}", mutant.file)).unwrap();
            for (original, mutated) in mutant.edits {
                assert_eq!(
                    text.matches(original).count(),
                    1,
                    "{} in {}: {original}",
                    mutant.name,
                    mutant.file
                );
                assert_ne!(original, mutated, "{}", mutant.name);
            }
            assert!(!mutant.edits.is_empty(), "{}", mutant.name);
        }
    }

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<_> = all().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 14, "{} mutants", names.len());
    }
}
