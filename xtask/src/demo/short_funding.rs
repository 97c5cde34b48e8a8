//! The wallet does for two of four payouts.
//!
//! One provider has asked for three, another for one; all are approved before the batch leaves. Each of the two gets one, the rest
//! says that it waits for funds, finance is told, and the rest leaves once the wallet is topped up. No attempt meets an empty wallet.

use anyhow::Result;
use serde_json::{Value, json};

use super::case::Case;
use super::scenarios::TRUST;
use super::scene::Scene;
use super::stage::{Stage, pause, resume};
use super::{count, join};
use crate::http::{list, text};
use crate::marketplace::Person;
use crate::naira::Naira;

/// Two of the payouts with their fees, and not three.
const SHORT: Naira = Naira::whole(25_000);

const MANY: Case = Case {
    key: "short_funding",
    amount: Naira::whole(10_000),
    name: "Kelechi Nwosu",
    account_number: "0123456731",
    ..TRUST
};
const ONE: Case =
    Case { key: "short_funding_one", name: "Halima Sani", account_number: "0123456732", ..MANY };

pub fn play(stage: &Stage) -> Result<Scene> {
    let mut scene = Scene::new("short_funding", "The wallet is short");
    let (many, one) = (join(stage, &MANY)?, join(stage, &ONE)?);
    let told_before = told_of_funding(stage)?;
    // No window takes any of them before all are approved.
    pause(stage, "All four are approved first.")?;
    let ask = |case: &Case, person: &Person, number: u32| -> Result<String> {
        let payout = person.payout(case.amount, &format!("{}-{}-{number}", stage.run, case.key))?;
        stage.until_review(&payout)?;
        stage.decide(&payout, "approve", "Looked at it.")?;
        Ok(payout)
    };
    let first = ask(&MANY, &many, 1)?;
    let later = [ask(&MANY, &many, 2)?, ask(&MANY, &many, 3)?];
    let of_one = ask(&ONE, &one, 1)?;
    let before = stage.wallet()?;
    set_wallet(stage, SHORT)?;
    resume(stage, "All four are approved.")?;
    stage.run_batch()?;
    for payout in [&first, &of_one] {
        stage.until_status(payout, "COMPLETED")?;
    }
    scene.step(
        true,
        format!("{SHORT} in the wallet, three payouts of {} by one provider and one by another: each of the two is paid one", MANY.amount),
    );
    let mut attempts = 0;
    for payout in &later {
        let waits = |detail: &Value| text(detail, "/waiting/waiting_for") == Some("funds");
        let detail = stage.until(payout, "waiting for funds", waits)?;
        attempts = count(&detail, "/attempts").max(attempts);
    }
    let told = told_of_funding(stage)?;
    scene.step(
        attempts == 0 && told > told_before,
        format!("the other two say that they wait for funds, {attempts} attempts met the empty wallet, and finance is told"),
    );
    // What was paid meanwhile is gone, as if the wallet had never been short.
    let spent = SHORT.minus(stage.wallet()?);
    set_wallet(stage, before.minus(spent))?;
    stage.run_batch()?;
    for payout in &later {
        stage.until_status(payout, "COMPLETED")?;
    }
    scene.step(true, "the wallet is topped up, and the next batch pays both".to_owned());
    scene.paid = vec![MANY.amount; later.len().saturating_add(2)];
    Ok(scene)
}

/// Messages to admins about a wallet that does not do.
fn told_of_funding(stage: &Stage) -> Result<usize> {
    let feed = stage.admin.get("/api/admin/notifications?limit=100")?.success("reading the admins' feed")?;
    let about = |message: &&Value| text(message, "/event") == Some("funding_short");
    Ok(list(&feed, "/items").iter().filter(about).count())
}

fn set_wallet(stage: &Stage, balance: Naira) -> Result<()> {
    let order = json!({ "balance": balance.plain() });
    stage.simulator.post("/_sim/wallet", &order)?.success("setting the wallet").map(drop)
}
