//! `cargo fmt --check`.

use anyhow::Result;

use super::Verdict;
use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs::cargo;

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    command::run(cargo(checkout).args(["fmt", "--all", "--", "--check"]))?;
    Ok(Verdict::Passed)
}
