//! `docker-compose.temporal.yml` follows the compose specification's own JSON schema.
//!
//! No Docker engine is needed: the schema and a validator come as Node packages, pinned in `xtask/compose-schema`.

use std::process::Command;

use anyhow::Result;

use super::Verdict;
use crate::checkout::Checkout;
use crate::{command, install};

/// Under the root.
const VALIDATOR: &str = "xtask/compose-schema";
const FILE: &str = "docker-compose.temporal.yml";

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    let copy = install::node::install(checkout, "compose-schema", &checkout.root().join(VALIDATOR))?;
    let mut validate = Command::new("node");
    command::run(validate.arg(copy.join("validate.mjs")).arg(checkout.root().join(FILE)))?;
    Ok(Verdict::Passed)
}
