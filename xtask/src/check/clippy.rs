//! Clippy over everything, tests included, with no warning let through.

use anyhow::Result;

use super::Verdict;
use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs::cargo;

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    command::run(cargo(checkout).args(arguments))?;
    Ok(Verdict::Passed)
}
