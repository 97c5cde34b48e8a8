//! What people see, tried in a real browser on a real stack: the stories of `dashboard/browser`, and the pictures of the README.
//!
//! Guarantees: each story has a stack of its own, with servers of its own, that is gone afterwards; the pages are the production
//! build as the API serves it, with its headers. Nobody waits for a time to pass, only for what the page comes to say.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::dashboard::{self, DASHBOARD_DIR};
use crate::install::chromium::{self, CHROMIUM};
use crate::seed::{SeededProvider, seed};
use crate::stack::programs::{Profile, Programs, build};
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};
use crate::stack::{Keeping, Part, Servers, Stack};
use crate::{command, progress};

/// Where the README finds its pictures.
const PICTURES: &str = "docs/screenshots";

/// Hours become seconds, as in the demo.
const SETTINGS: [(&str, &str); 8] = [
    ("BATCH_WINDOW", "open"),
    ("BATCH_WORKER_RATE_LIMIT", "600"),
    ("RETRY_SCHEDULE", "1s,1s,1s"),
    ("WEBHOOK_TIMEOUT", "4s"),
    ("SIMULATOR_SETTLE_AFTER", "1s"),
    ("PAYOUT_WORKER_RATE_LIMIT", "50"),
    ("PAYOUT_WORKER_CONCURRENCY", "10"),
    ("REFERENCE_PREFIX", "seen"),
];

/// Those beside the providers. What needs two people needs two names.
const STAFF: [(Role, &str, &str); 5] = [
    (Role::Admin, "admin-ada", "Ada"),
    (Role::Admin, "admin-ben", "Ben"),
    (Role::Finance, "finance-fola", "Fola"),
    (Role::Finance, "finance-gift", "Gift"),
    (Role::Platform, "marketplace", "the marketplace"),
];

/// Starts a stack that serves this build, and runs a script of `dashboard/browser` on it.
pub fn play(
    checkout: &Checkout,
    programs: &Programs,
    built: &Path,
    name: &str,
    script: &str,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Result<()> {
    let mut stack = Stack::open_on(checkout, name, Keeping::Nothing, Servers::Own)?;
    stack.add_programs(programs, &[&SETTINGS, settings].concat());
    stack.service(Part::Api)?.set(DASHBOARD_DIR, &built.to_string_lossy());
    stack.start()?;
    let providers = seed(stack.around())?;
    let mut node = Command::new("node");
    node.arg(Path::new("browser").join(script)).args(arguments).current_dir(dashboard::folder(checkout));
    node.env("STACK", known(stack.around(), &providers)?.to_string());
    if let Some(browser) = chromium::find() {
        node.env(CHROMIUM, browser);
    }
    let played = command::capture(&mut node);
    stack.check()?;
    eprint!("{}", played.with_context(|| format!("{script}; logs: {}", stack.logs()))?);
    Ok(())
}

/// What the scripts know of a stack: addresses, everybody's token, and what more are signed with. It opens nothing else.
fn known(around: &Surroundings, providers: &[SeededProvider]) -> Result<Value> {
    let providers =
        providers.iter().map(|each| json!({ "name": each.name, "role": "provider", "token": each.token }));
    let mut people: Vec<Value> = providers.collect();
    for (role, subject, name) in STAFF {
        let token = mint(&around.jwt_secret, role, subject, None)?;
        people.push(json!({ "name": name, "role": role.name(), "token": token }));
    }
    Ok(json!({
        "dashboard": around.api_url(),
        "simulator": around.simulator_url(),
        "jwt_secret": around.jwt_secret,
        "people": people,
    }))
}

/// `cargo xtask screenshots`: the README's pictures, made anew.
pub fn screenshots(checkout: &Checkout) -> Result<()> {
    let programs = build(checkout, Profile::Dev)?;
    let built = dashboard::build(checkout)?.context("pictures need Node")?;
    chromium::install()?.context("pictures need Chromium; CHROMIUM names one")?;
    let folder = checkout.root().join(PICTURES);
    let folder = folder.to_string_lossy();
    progress::step("taking pictures", || {
        play(checkout, &programs, &built, "screenshots", "screenshots.js", &[&folder], &[])
    })
}

/// What a test run tells beforehand, so that nobody takes silence for success.
pub fn announce() {
    match chromium::install() {
        Ok(Some(_)) => {}
        Ok(None) => progress::note(
            "WARNING: there is no Chromium (CHROMIUM names one): the dashboard's stories are NOT tested",
        ),
        Err(error) => {
            progress::note(&format!(
                "WARNING: Chromium cannot be installed, the dashboard's stories are NOT tested: {error:#}"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs were built together with this test, the dashboard is built by whoever comes first.
    fn story(script: &str, settings: &[(&str, &str)]) {
        let checkout = Checkout::locate().unwrap();
        let built = dashboard::folder(&checkout).join("dist");
        if chromium::find().is_none() || !built.is_dir() {
            eprintln!(
                "NOT tested: there is no Chromium or no built dashboard; `cargo xtask test` makes both where it may"
            );
            return;
        }
        let name = Path::new(script).file_stem().unwrap().to_string_lossy();
        let programs = Programs::beside_us().unwrap();
        play(&checkout, &programs, &built, &format!("browser/{name}"), script, &[], settings).unwrap();
    }

    /// What is approved waits until somebody runs a batch, so that every step can be seen.
    const WINDOWS: [(&str, &str); 1] = [("BATCH_WINDOW", "24h")];

    #[test]
    fn a_provider_sees_each_step_of_a_payout_without_a_reload() {
        story("stories/two-windows.js", &WINDOWS);
    }

    #[test]
    fn a_failed_payout_is_refunded_by_an_admin() {
        story("stories/refund.js", &[]);
    }

    #[test]
    fn stopped_payouts_say_so_and_go_on_when_resumed() {
        story("stories/pause.js", &[]);
    }

    #[test]
    fn every_page_is_accessible_wide_and_on_a_phone_in_light_and_dark() {
        story("look.js", &[]);
    }
}
