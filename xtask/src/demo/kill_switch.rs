//! Everything is stopped in the middle of a batch.
//!
//! Once the pause has answered, only references whose sending had begun reach the gateway. After the resume everything is paid,
//! once.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::case::Case;
use super::join;
use super::scenarios::TRUST;
use super::scene::Scene;
use super::stage::{PATIENCE, Stage, pause, resume};
use crate::http::{list, text};
use crate::interrupt;
use crate::naira::Naira;

/// At fifty transfers a second they take most of one: time enough to stop them on the way.
const PAYOUTS: usize = 32;
/// Stopped when so many have reached the gateway.
const SOME: usize = 4;
/// Whatever would still leave after the pause has left by then.
const HARM_TIME: Duration = Duration::from_secs(2);

const STOPPED: Case = Case {
    key: "kill_switch",
    amount: Naira::whole(1_000),
    name: "Uche Eze",
    account_number: "0123456733",
    ..TRUST
};

pub fn play(stage: &Stage) -> Result<Scene> {
    let mut scene = Scene::new("kill_switch", "Everything is stopped in the middle of a batch");
    let person = join(stage, &STOPPED)?;
    pause(stage, "All of them are approved first.")?;
    let asked =
        (0..PAYOUTS).map(|number| person.payout(STOPPED.amount, &format!("{}-stopped-{number}", stage.run)));
    let payouts = asked.collect::<Result<Vec<String>>>()?;
    for payout in &payouts {
        stage.until_review(payout)?;
    }
    let all = json!({ "decision": "approve", "reason": "Looked at them.", "payout_ids": payouts });
    stage.admin.post("/api/admin/reviews/decisions", &all)?.success("deciding about many")?;
    resume(stage, "Now they may leave.")?;
    stage.run_batch()?;
    let asked = Instant::now();
    while reached(stage)?.len() < SOME {
        interrupt::check()?;
        if asked.elapsed() > PATIENCE {
            bail!("less than {SOME} were sent");
        }
    }
    pause(stage, "Stop everything.")?;
    // From here on no send is counted, and what is not counted is not sent.
    let mut counted = BTreeSet::new();
    for payout in &payouts {
        for attempt in list(&stage.detail(payout)?, "/attempts") {
            let sends = attempt.get("sends").and_then(Value::as_u64).unwrap_or_default();
            if let (Some(reference), true) = (text(attempt, "/reference"), sends > 0) {
                counted.insert(reference.to_owned());
            }
        }
    }
    thread::sleep(HARM_TIME);
    let reached = reached(stage)?;
    let more = reached.difference(&counted).count();
    let by_the_books = format!(
        "an admin stops {PAYOUTS} payouts on their way: {} were being sent when the pause answered, and {more} others reached the gateway by its own books",
        counted.len()
    );
    scene.step(more == 0 && counted.len() < PAYOUTS, by_the_books);
    resume(stage, "Looked at it.")?;
    stage.run_batch()?;
    for payout in &payouts {
        stage.until_status(payout, "COMPLETED")?;
    }
    scene.step(true, format!("they go on: all {PAYOUTS} are paid"));
    scene.paid = vec![STOPPED.amount; PAYOUTS];
    Ok(scene)
}

/// References of this scene that the gateway has.
fn reached(stage: &Stage) -> Result<BTreeSet<String>> {
    let all = stage.simulator.get("/_sim/transfers?limit=10000")?.success("reading the gateway's books")?;
    let ours = |transfer: &&Value| text(transfer, "/account_number") == Some(STOPPED.account_number);
    let references = list(&all, "/transfers").iter().filter(ours);
    Ok(references.filter_map(|transfer| text(transfer, "/reference")).map(str::to_owned).collect())
}
