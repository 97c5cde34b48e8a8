//! A risk policy is changed: proposed, tried on the past, put in force by a second admin, and met by the next payout.
//!
//! Nobody deploys or restarts anything. The last payout of the scene waits for a person and is cancelled, so that no money moves.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::scene::Scene;
use super::stage::Stage;
use crate::http::{Client, list, needed, text};
use crate::marketplace::Person;
use crate::naira::Naira;
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};

/// What one person may let go by itself in the new policy; the automatic payout of the demo was above it.
const NEW_LIMIT: &str = "19999.99";
const POLICIES: &str = "/api/admin/risk-policies";

/// `person`: somebody whose payout of `usual` went by itself a moment ago.
pub fn play(stage: &Stage, around: &Surroundings, person: &Person, usual: Naira) -> Result<Scene> {
    let mut scene = Scene::new("policy_change", "A risk policy is changed");
    let mut step = |holds, words: String| scene.step(holds, words);
    let second = mint(&around.jwt_secret, Role::Admin, "admin-bola", None)?;
    let bola = Client::new(&around.api_url()).with_token(second);

    let active =
        stage.admin.get(&format!("{POLICIES}?currency=NGN&status=ACTIVE"))?.success("reading policies")?;
    let active = list(&active, "/items").first().context("no policy is in force")?.clone();
    let (before, old_limit) = (needed(&active, "/version")?, needed(&active, "/rules/amount/at_most")?);
    let mut rules = active.get("rules").context("a policy has rules")?.clone();
    if let Some(limit) = rules.pointer_mut("/amount/at_most") {
        *limit = json!(NEW_LIMIT);
    }
    let new = json!({ "currency": "NGN", "rules": rules, "reason": "Larger payouts are looked at until the audit is over." });
    let draft = stage.admin.post(POLICIES, &new)?.success("proposing a policy")?;
    let (id, version) = (needed(&draft, "/id")?, needed(&draft, "/version")?);
    step(
        text(&draft, "/status") == Some("DRAFT"),
        format!("ada proposes {version}: at most {NEW_LIMIT} by itself, instead of {old_limit} ({before})"),
    );

    let now = needed(&draft, "/proposed_at")?;
    let day = now.get(..10).context("a time has a day")?;
    let period = json!({ "from": format!("{day}T00:00:00Z"), "to": format!("{day}T23:59:59Z") });
    let backtest = stage.admin.post(&format!("{POLICIES}/{id}/backtest"), &period)?.success("a backtest")?;
    let assessed = backtest.get("assessed").and_then(Value::as_u64).unwrap_or_default();
    let stopped = list(&backtest, "/changes")
        .iter()
        .find(|change| (text(change, "/was"), text(change, "/would")) == (Some("auto"), Some("review")));
    let count = stopped.and_then(|change| change.get("payouts")).and_then(Value::as_u64).unwrap_or_default();
    let sum = Naira::of(stopped.and_then(|change| change.get("sum")));
    let ended = stopped.and_then(|change| text(change, "/ended/0/ended")).unwrap_or("nothing");
    step(
        count >= 1,
        format!(
            "tried on the {assessed} payouts of today: {count} of {sum} would have been reviewed; it was {ended}"
        ),
    );

    let path = format!("{POLICIES}/{id}/activate");
    let alone = stage.admin.post(&path, &json!({}))?;
    step(
        text(&alone.body, "/code") == Some("second_person_required"),
        format!(
            "ada cannot put it in force herself: {} {}",
            alone.status,
            text(&alone.body, "/code").unwrap_or("?")
        ),
    );
    let done = bola.post(&path, &json!({}))?.success("activating a policy")?;
    step(text(&done, "/status") == Some("ACTIVE"), format!("bola puts {version} in force"));

    let payout = person.payout(usual, &format!("{}-policy", stage.run))?;
    let detail = stage.until_review(&payout)?;
    let amount = list(&detail, "/assessment/findings").iter().find(|f| text(f, "/rule") == Some("amount"));
    let by = text(&detail, "/assessment/policy_version").unwrap_or("?");
    step(
        by == version && amount.and_then(|finding| finding.get("fired")) == Some(&json!(true)),
        format!(
            "the next {usual} of the same provider waits for a person, by {by}: {}",
            amount.and_then(|finding| text(finding, "/words")).unwrap_or("?")
        ),
    );
    person.cancel(&payout)?;
    stage.until_status(&payout, "CANCELLED")?;
    Ok(scene)
}
