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
use crate::install::maildev;
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

/// A stack that serves a build of the dashboard, with the usual people.
struct Scene<'a> {
    checkout: &'a Checkout,
    stack: Stack,
    providers: Vec<SeededProvider>,
}

impl<'a> Scene<'a> {
    /// Starts it, with servers of its own and these settings on top of the usual ones.
    fn open(
        checkout: &'a Checkout,
        programs: &Programs,
        built: &Path,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let mut stack = Stack::open_on(checkout, name, Keeping::Nothing, Servers::Own)?;
        stack.catch_mail()?;
        stack.add_programs(programs, &[&SETTINGS, settings].concat());
        stack.service(Part::Api)?.set(DASHBOARD_DIR, &built.to_string_lossy());
        stack.start()?;
        let providers = seed(stack.around())?;
        Ok(Self { checkout, stack, providers })
    }

    /// Runs a script of `dashboard/browser` on it, and shows what that told.
    fn play(&mut self, script: &str, arguments: &[&str]) -> Result<()> {
        let mut node = Command::new("node");
        node.arg(Path::new("browser").join(script)).args(arguments);
        node.current_dir(dashboard::folder(self.checkout));
        node.env("STACK", known(self.stack.around(), &self.providers)?.to_string());
        if let Some(browser) = chromium::find() {
            node.env(CHROMIUM, browser);
        }
        let played = command::capture(&mut node);
        self.stack.check()?;
        eprint!("{}", played.with_context(|| format!("{script}; logs: {}", self.stack.logs()))?);
        Ok(())
    }
}

/// What the scripts know of a stack: addresses, everybody's token, and what more are signed with. It opens nothing else.
fn known(around: &Surroundings, providers: &[SeededProvider]) -> Result<Value> {
    let providers = providers.iter().map(
        |each| json!({ "name": each.name, "role": "provider", "email": each.email, "token": each.token }),
    );
    let mut people: Vec<Value> = providers.collect();
    for (role, subject, name) in STAFF {
        let token = mint(&around.jwt_secret, role, subject, None)?;
        people.push(json!({ "name": name, "role": role.name(), "token": token }));
    }
    Ok(json!({
        "dashboard": around.api_url(),
        "simulator": around.simulator_url(),
        "mail": around.mail.as_ref().map(|mail| &mail.web),
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
        Scene::open(checkout, &programs, &built, "screenshots", &[])?.play("screenshots.js", &[&folder])
    })
}

/// What a test run installs and tells beforehand, so that nobody takes silence for success.
pub fn announce(checkout: &Checkout) {
    match chromium::install().and_then(|found| Ok(maildev::install(checkout)?.and(found))) {
        Ok(Some(_)) => {}
        Ok(None) => progress::note(
            "WARNING: there is no Chromium (CHROMIUM names one) or no Node: the dashboard's stories are NOT tested",
        ),
        Err(error) => {
            progress::note(&format!(
                "WARNING: Chromium or the mail catcher cannot be installed, the dashboard's stories are NOT tested: {error:#}"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install;
    use crate::stack::postgres::sql;

    /// Waiting payouts that are put into the database beside the first one, whose workflow alone exists: hence without a worker.
    const MANY_WAIT: &str = "
        SET session_replication_role = replica;
        CREATE TEMP TABLE first AS SELECT payout_id AS id FROM reviews WHERE status = 'OPEN' LIMIT 1;
        CREATE TEMP TABLE more AS
            SELECT gen_random_uuid() AS id, gen_random_uuid() AS review, n FROM generate_series(1, 10000) AS n;
        INSERT INTO payouts
            SELECT (jsonb_populate_record(p, jsonb_build_object('id', more.id, 'amount', 1000 + more.n * 7))).*
            FROM payouts p JOIN first ON first.id = p.id CROSS JOIN more;
        INSERT INTO assessments
            SELECT (jsonb_populate_record(a, jsonb_build_object('payout_id', more.id))).*
            FROM assessments a JOIN first ON first.id = a.payout_id CROSS JOIN more;
        INSERT INTO reviews
            SELECT (jsonb_populate_record(r, jsonb_build_object(
                'id', more.review, 'payout_id', more.id, 'amount', 1000 + more.n * 7))).*
            FROM reviews r JOIN first ON first.id = r.payout_id CROSS JOIN more;
        ANALYZE";

    /// What there is to play with: the programs as they were built together with this test, and the dashboard as `cargo xtask test`
    /// has built it. Without a browser or a build nothing is tested, and that is said.
    fn scene<'a>(checkout: &'a Checkout, name: &str, settings: &[(&str, &str)]) -> Option<Scene<'a>> {
        let built = dashboard::folder(checkout).join("dist");
        if chromium::find().is_none() || !built.is_dir() {
            eprintln!(
                "NOT tested: there is no Chromium or no built dashboard; `cargo xtask test` makes both where it may"
            );
            return None;
        }
        let programs = Programs::beside_us().unwrap();
        Some(Scene::open(checkout, &programs, &built, &format!("browser/{name}"), settings).unwrap())
    }

    fn story(script: &str, settings: &[(&str, &str)]) {
        let checkout = Checkout::locate().unwrap();
        let name = Path::new(script).file_stem().unwrap().to_string_lossy();
        if let Some(mut scene) = scene(&checkout, &name, settings) {
            scene.play(script, &[]).unwrap();
        }
    }

    #[test]
    fn ten_thousand_waiting_payouts_are_worked_through_page_by_page() {
        let checkout = Checkout::locate().unwrap();
        let Some(mut scene) = scene(&checkout, "queue", &[]) else { return };
        scene.play("stories/one-waits.js", &[]).unwrap();
        scene.stack.service(Part::Worker).unwrap().stop();
        let psql = install::postgres::install(&checkout).unwrap().program("psql");
        sql(&psql, &scene.stack.around().database_url, MANY_WAIT).unwrap();
        scene.play("stories/queue.js", &[]).unwrap();
    }

    /// What is approved waits until somebody runs a batch, so that every step can be seen.
    const WINDOWS: [(&str, &str); 1] = [("BATCH_WINDOW", "24h")];

    #[test]
    fn a_provider_sees_each_step_of_a_payout_without_a_reload() {
        story("stories/two-windows.js", &WINDOWS);
    }

    #[test]
    fn two_people_approve_what_is_above_the_limit() {
        story("stories/two-approvers.js", &WINDOWS);
    }

    #[test]
    fn the_whole_story_with_its_mail() {
        story("stories/whole.js", &WINDOWS);
    }

    #[test]
    fn a_failed_payout_is_refunded_by_an_admin() {
        story("stories/refund.js", &[]);
    }

    /// Another account can be paid to as soon as it was added.
    const AT_ONCE: [(&str, &str); 1] = [("BANK_ACCOUNT_COOLING_OFF", "0s")];

    #[test]
    fn a_provider_gives_another_account_for_a_refused_one() {
        story("stories/another-account.js", &AT_ONCE);
    }

    /// It waits, as in production.
    const A_DAY_LATER: [(&str, &str); 1] = [("BANK_ACCOUNT_COOLING_OFF", "24h")];

    #[test]
    fn a_bank_account_is_stopped_by_whoever_has_the_link() {
        story("stories/stopped-account.js", &A_DAY_LATER);
    }

    #[test]
    fn a_paid_payout_stands_in_the_monthly_statement() {
        story("stories/statement.js", &[]);
    }

    #[test]
    fn stopped_payouts_say_so_and_go_on_when_resumed() {
        story("stories/pause.js", &[]);
    }

    #[test]
    fn the_schedule_and_the_limits_are_changed_and_kept_to() {
        story("stories/schedule.js", &WINDOWS);
    }

    #[test]
    fn the_marketplace_tends_its_webhooks() {
        story("stories/webhooks.js", &[]);
    }

    #[test]
    fn a_risk_policy_is_proposed_tried_and_put_in_force_by_two_people() {
        story("stories/policy.js", &[]);
    }

    #[test]
    fn every_page_is_accessible_wide_and_on_a_phone_in_light_and_dark() {
        story("look.js", &A_DAY_LATER);
    }
}
