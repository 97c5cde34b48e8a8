//! `openapi/openapi.json` is what the API's code says, or the clients generated from it are wrong.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Verdict;
use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs;

/// The program of the crate `api` that prints the document.
const PROGRAM: &str = "openapi";

/// Under the root.
const COMMITTED: &str = "openapi/openapi.json";

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    let file = checkout.root().join(COMMITTED);
    let committed = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    if committed != current(checkout)? {
        bail!("{COMMITTED} is out of date: run `cargo xtask openapi` and commit it");
    }
    Ok(Verdict::Passed)
}

/// `cargo xtask openapi`: writes the document anew.
pub fn write(checkout: &Checkout) -> Result<()> {
    let file = checkout.root().join(COMMITTED);
    fs::write(&file, current(checkout)?).with_context(|| format!("writing {}", file.display()))
}

/// What the API says now.
fn current(checkout: &Checkout) -> Result<String> {
    let built = programs::build_everything(checkout, &[])?;
    command::capture(&mut Command::new(programs::find(&built, PROGRAM)?))
}
