//! The mail catcher, maildev, from npm: an SMTP server that keeps what it is given, with a page and a JSON API to read it.
//!
//! Cost: 110 MB on the disk the first time, and Node. Where there is no Node there is none.

use std::path::PathBuf;

use anyhow::Result;

use super::node;
use crate::checkout::Checkout;

/// docker-compose names the image of the same one.
pub const VERSION: &str = "3.0.0";

/// Where it is pinned, with everything that it needs.
const SOURCE: &str = "xtask/mail-catcher";

/// The script that Node runs; none where there is no Node.
pub fn install(checkout: &Checkout) -> Result<Option<PathBuf>> {
    if !node::is_available() {
        return Ok(None);
    }
    let copy = node::install(checkout, &format!("mail-catcher-{VERSION}"), &checkout.root().join(SOURCE))?;
    Ok(Some(copy.join("node_modules/maildev/dist/bin/maildev.js")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_pinned_package_is_the_version_that_compose_is_held_to() {
        let checkout = Checkout::locate().unwrap();
        let package = fs::read_to_string(checkout.root().join(SOURCE).join("package.json")).unwrap();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        assert_eq!(package["dependencies"]["maildev"], VERSION);
    }
}
