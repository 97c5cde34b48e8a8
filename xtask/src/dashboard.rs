//! The dashboard as xtask builds, checks, serves and tries it.
//!
//! Guarantees: its packages are installed from its lock file and by nobody else; a production build exceeds no first load, else it
//! fails. Without Node there is no dashboard, which is said, and everything else works. Cost of a build: three seconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::checkout::Checkout;
use crate::stack::ports::Ports;
use crate::stack::process::{Lifetime, Program, Stop};
use crate::stack::service::{Probe, Service};
use crate::{command, install, progress};

/// What the API reads the build from.
pub const DASHBOARD_DIR: &str = "DASHBOARD_DIR";

/// The use that its port is remembered by.
const PORT: &str = "dashboard";

/// Vite compiles what is asked for, so it answers at once.
const START_LIMIT: Duration = Duration::from_secs(30);

pub fn folder(checkout: &Checkout) -> PathBuf {
    checkout.root().join("dashboard")
}

/// Its packages are there; `false` where there is no Node to use them.
pub fn install(checkout: &Checkout) -> Result<bool> {
    if !install::node::is_available() {
        return Ok(false);
    }
    install::node::install_in_place(checkout, "dashboard", &folder(checkout))?;
    Ok(true)
}

/// The production build, made anew; none without Node, which is said.
pub fn build(checkout: &Checkout) -> Result<Option<PathBuf>> {
    if !install(checkout)? {
        progress::note("WARNING: Node is not installed, so there is no dashboard");
        return Ok(None);
    }
    progress::step("building the dashboard", || script(checkout, "build", &[]))?;
    Ok(Some(folder(checkout).join("dist")))
}

/// Runs one of the scripts of its `package.json`; what it says is shown when it fails.
pub fn script(checkout: &Checkout, name: &str, arguments: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", name, "--"]).args(arguments).current_dir(folder(checkout));
    command::capture(&mut npm).map(drop)
}

/// Where the development server of this stack will be.
pub fn development_url(checkout: &Checkout, stack: &str) -> Result<String> {
    Ok(format!("http://127.0.0.1:{}", Ports::load(&checkout.state(stack)).claim(PORT)?))
}

/// Vite beside a stack: what is changed in the sources is in the browser at once, and its people sign in with one press.
pub fn development_server(checkout: &Checkout, stack: &str, api: &str) -> Result<(Service, String)> {
    let state = checkout.state(stack);
    let folder = folder(checkout);
    let port = Ports::load(&state).claim(PORT)?.to_string();
    let url = format!("http://127.0.0.1:{port}");
    let variable = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
    let service = Service::new(
        Program {
            name: "dashboard".to_owned(),
            path: folder.join("node_modules/.bin/vite"),
            arguments: ["--port", &port, "--strictPort", "--clearScreen", "false"]
                .map(str::to_owned)
                .to_vec(),
            environment: vec![("API_URL".to_owned(), api.to_owned()), variable("PAYOUTS_STACK", &state)],
            account: None,
            folder,
            log: checkout.logs().join(format!("{stack}-dashboard.log")),
            state,
            stop: Stop::Terminate,
            lifetime: Lifetime::WithUs,
        },
        Probe::Http { url: format!("{url}/mark.svg") },
        START_LIMIT,
    );
    Ok((service, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Money, times, addresses, forms: in Vitest.
    #[test]
    fn its_own_tests_pass() {
        let checkout = Checkout::locate().unwrap();
        if install(&checkout).unwrap() {
            script(&checkout, "test", &[]).unwrap();
        } else {
            eprintln!("NOT tested: Node is not installed");
        }
    }
}
