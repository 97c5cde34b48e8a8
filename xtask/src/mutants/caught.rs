//! The checks, and what they said.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{CaughtBy, Mutant, Tests};
use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs::{ONE_TEST, cargo, executables, find};

/// Of `cargo nextest run`.
const TESTS_FAILED: i32 = 100;
const BUILD_FAILED: i32 = 101;
const NO_TESTS: i32 = 4;

/// How a check ended.
pub enum Ending {
    Caught { by: String, after: String },
    Survived,
    DoesNotCompile,
}

impl Ending {
    pub fn by(&self) -> String {
        match self {
            Self::Caught { by, .. } => by.clone(),
            Self::Survived => "NOBODY".to_owned(),
            Self::DoesNotCompile => "nobody: it does not compile".to_owned(),
        }
    }

    pub fn after(&self) -> String {
        match self {
            Self::Caught { after, .. } => after.clone(),
            Self::Survived | Self::DoesNotCompile => "—".to_owned(),
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::Caught { by, after } => format!("caught by {by} after {after}"),
            Self::Survived => "SURVIVED".to_owned(),
            Self::DoesNotCompile => "does not compile".to_owned(),
        }
    }
}

/// What the checks run in.
pub struct Surroundings<'a> {
    pub checkout: &'a Checkout,
    /// With the migrations of the code as it is: queries are compiled against it, and tests make theirs beside it.
    pub database_url: String,
}

impl Surroundings<'_> {
    /// Every check of these mutants passes on the code as it is.
    pub fn baseline(&self, mutants: &[&Mutant]) -> Result<()> {
        for of in [Tests::Integration, Tests::Unit] {
            let filters: Vec<&str> = mutants
                .iter()
                .filter_map(|mutant| match mutant.caught_by {
                    CaughtBy::Tests { of: its, filter } if its == of => Some(filter),
                    CaughtBy::Tests { .. } | CaughtBy::Simulation { .. } => None,
                })
                .collect();
            if !filters.is_empty() {
                let any: Vec<String> = filters.iter().map(|filter| format!("({filter})")).collect();
                passes(&self.tests(of, &any.join(" + "))?)?;
            }
        }
        let runs = mutants.iter().filter_map(|mutant| match mutant.caught_by {
            CaughtBy::Simulation { payouts, seed } => Some((seed, payouts)),
            CaughtBy::Tests { .. } => None,
        });
        // The longest run of a seed has the shorter ones in it.
        let longest = runs.fold(std::collections::BTreeMap::new(), |mut longest, (seed, payouts)| {
            let most = longest.entry(seed).or_insert(0);
            *most = payouts.max(*most);
            longest
        });
        for (seed, payouts) in longest {
            passes(&self.simulation(payouts, seed)?)?;
        }
        Ok(())
    }

    pub fn check(&self, caught_by: CaughtBy) -> Result<Ending> {
        match caught_by {
            CaughtBy::Simulation { payouts, seed } => self.simulation(payouts, seed),
            CaughtBy::Tests { of, filter } => self.tests(of, filter),
        }
    }

    fn tests(&self, of: Tests, filter: &str) -> Result<Ending> {
        let mut nextest = cargo(self.checkout);
        nextest.args(["nextest", "run", "--workspace", "--color", "never", "--status-level", "fail"]).arg(
            match of {
                // The binary of that name in each crate: a fraction of what there is to link.
                Tests::Integration => "--test=it",
                Tests::Unit => "--lib",
            },
        );
        nextest
            .args(["-E", filter])
            .env("SQLX_OFFLINE", "false")
            .env("DATABASE_URL", &self.database_url)
            .stdin(Stdio::null());
        let (code, said) = command::listen(&mut nextest)?;
        match code {
            Some(0) => Ok(Ending::Survived),
            Some(TESTS_FAILED) => Ok(Ending::Caught { by: failed_tests(&said), after: tests_run(&said) }),
            Some(BUILD_FAILED) => {
                eprintln!("{}", command::tail(&said));
                Ok(Ending::DoesNotCompile)
            }
            Some(NO_TESTS) => bail!("no test is picked by {filter}"),
            other => bail!("nextest ended with {other:?}:\n{}", command::tail(&said)),
        }
    }

    fn simulation(&self, payouts: u64, seed: u64) -> Result<Ending> {
        let mut cargo = cargo(self.checkout);
        // With the features of every other build here: only what was mutated, and what is made of it, is compiled.
        let arguments = ["build", "--workspace", "--bin", "simulation", "--test", ONE_TEST];
        let Ok(built) = executables(cargo.args(arguments)) else { return Ok(Ending::DoesNotCompile) };
        let mut simulation = Command::new(find(&built, "simulation")?);
        simulation.args(["--payouts", &payouts.to_string(), "--seed", &seed.to_string(), "--trace"]);
        let (code, said) = command::listen(simulation.stdin(Stdio::null()))?;
        match code {
            Some(0) => Ok(Ending::Survived),
            Some(1) => {
                // `world 7 of seed 1 breaks after 320 payouts`
                let broke = said.lines().find(|line| line.contains(" breaks after "));
                let broke =
                    broke.with_context(|| format!("the simulation failed:\n{}", command::tail(&said)))?;
                let after = broke.split(" breaks after ").nth(1).unwrap_or("some payouts").to_owned();
                Ok(Ending::Caught { by: "the simulation".to_owned(), after })
            }
            other => bail!("the simulation ended with {other:?}:\n{}", command::tail(&said)),
        }
    }
}

fn passes(ending: &Ending) -> Result<()> {
    match ending {
        Ending::Survived => Ok(()),
        Ending::Caught { by, .. } => bail!("{by} fails without any mutant"),
        Ending::DoesNotCompile => bail!("the code does not compile without any mutant"),
    }
}

/// `FAIL [ 0.1s] (1/3) store::it begin::a_test` → `begin::a_test`; the first, and how many more.
fn failed_tests(said: &str) -> String {
    let mut failed: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("FAIL [") || line.starts_with("TIMEOUT ["))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    failed.sort_unstable();
    failed.dedup();
    match failed.as_slice() {
        [] => "a test".to_owned(),
        [one] => (*one).to_owned(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
    }
}

/// `Summary [ 0.5s] 2/5 tests run: 1 passed, 1 failed` → `2 tests`.
fn tests_run(said: &str) -> String {
    let summary = said.lines().find_map(|line| line.trim().strip_prefix("Summary ["));
    let run = summary.and_then(|line| line.split(']').nth(1)).and_then(|line| line.split_whitespace().next());
    match run.and_then(|run| run.split('/').next()) {
        Some("1") => "1 test".to_owned(),
        Some(number) => format!("{number} tests"),
        None => "some tests".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_nextest_says() {
        let said = "────────────\n    Starting 3 tests across 2 binaries\n        FAIL [   0.211s] (1/3) store::it begin::a_test\n\
                    Summary [   0.5s] 2/3 tests run: 1 passed, 1 failed, 4 skipped\n        FAIL [   0.211s] (1/3) store::it begin::a_test\n";
        assert_eq!((failed_tests(said).as_str(), tests_run(said).as_str()), ("begin::a_test", "2 tests"));
        assert_eq!((failed_tests("").as_str(), tests_run("").as_str()), ("a test", "some tests"));
    }
}
