//! Architecture invariant: `workflows` cannot reach the world. What is not in its dependency tree cannot be called by
//! workflow code, and workflow code that does I/O does not replay.

use std::process::Stdio;

use anyhow::{Result, bail};

use super::Verdict;
use crate::checkout::Checkout;
use crate::command;
use crate::stack::programs::cargo;

const CRATE: &str = "workflows";

/// Databases, HTTP, TLS, and the parts of the SDK that talk to a server.
const FORBIDDEN: [&str; 7] =
    ["sqlx", "redis", "reqwest", "hyper", "rustls", "temporalio-sdk", "temporalio-client"];

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    let mut tree = cargo(checkout);
    tree.args(["tree", "--package", CRATE, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let found = forbidden(&command::capture_output(tree.stdin(Stdio::null()))?);
    if !found.is_empty() {
        bail!("{CRATE} depends on {}", found.join(", "));
    }
    Ok(Verdict::Passed)
}

/// The forbidden packages that a listing, one `name version` a line, contains.
fn forbidden(tree: &str) -> Vec<&'static str> {
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    FORBIDDEN.into_iter().filter(|forbidden| names.contains(forbidden)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_package_is_named_and_its_namesakes_are_not() {
        let tree = "workflows v0.1.0\ntemporalio-sdk v1.1.1\nhyper-util v0.1.0\nredis-protocol v1.0.0\n";
        assert_eq!(forbidden(tree), ["temporalio-sdk"]);
        assert!(forbidden("workflows v0.1.0\ntokio v1.0.0\n").is_empty());
    }
}
