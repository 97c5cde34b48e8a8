//! A payout above the limit for one approver: one admin's approval is not enough, not twice either; a different one's is.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::case::{Case, Played};
use super::stage::Stage;
use crate::http::{needed, text};
use crate::marketplace::Person;

/// The first approval is stored and moves nothing; the same admin again is refused; the second one approves.
pub fn play(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = stage.act(|| person.payout(case.amount, &format!("{}-{}", stage.run, case.key)))?;
    stage.until_review(&payout)?;
    let path = format!("/api/admin/payouts/{payout}/decision");
    let approve = json!({ "decision": "approve", "reason": "The invoice was checked." });
    let first = stage.act(|| stage.admin.post(&path, &approve))?;
    ensure!(first.status == 202, "the first approval was answered {}, not 202", first.status);
    let again = stage.act(|| stage.admin.post(&path, &approve))?;
    let code = text(&again.body, "/code").unwrap_or("without a code");
    ensure!(code == "second_person_required", "the same admin again was answered {} {code}", again.status);
    let page = stage.admin.get(&format!("/api/admin/reviews/{payout}"))?.success("reading a review")?;
    let waits_for = needed(&page, "/review/waits_for")?;
    let approvals = page.pointer("/approvals").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!((waits_for, approvals) == ("second_approval", 1), "it waits for {waits_for} after {approvals}");
    let status = text(&stage.detail(&payout)?, "/payout/status").map(str::to_owned);
    ensure!(status.as_deref() == Some("REQUESTED"), "one approval made it {status:?}");
    stage.act(|| stage.second_admin.post(&path, &approve)?.success("the second approval"))?;
    stage.until_status(&payout, "COMPLETED")?;
    Ok(Played::Payout(payout))
}
