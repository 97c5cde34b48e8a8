//! The dashboard compiles, also against the client that is generated from the OpenAPI document.

use anyhow::Result;

use super::Verdict;
use crate::checkout::Checkout;
use crate::dashboard;

pub fn check(checkout: &Checkout) -> Result<Verdict> {
    if !dashboard::install(checkout)? {
        return Ok(Verdict::Skipped("Node is not installed"));
    }
    dashboard::script(checkout, "check", &[])?;
    Ok(Verdict::Passed)
}
