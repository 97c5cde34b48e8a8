//! The TypeScript client generated from the OpenAPI document compiles.

use std::process::Command;

use anyhow::Result;

use super::Verdict;
use crate::checkout::Checkout;
use crate::{command, install};

/// Under the root; has a `package.json` and a lock file that names TypeScript.
const CLIENT: &str = "openapi/typescript";

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    let source = checkout.root().join(CLIENT);
    if !source.join("package.json").is_file() {
        return Ok(Verdict::Skipped("there is no client yet"));
    }
    let copy = install::node::install(checkout, "typescript-client", &source)?;
    let mut compile = Command::new(copy.join("node_modules/.bin/tsc"));
    command::run(compile.arg("--noEmit").current_dir(&copy))?;
    Ok(Verdict::Passed)
}
