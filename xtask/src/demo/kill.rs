//! SIGKILL for the worker in the middle of everything, and how fast each open payout goes on.
//!
//! What is measured: for every payout that was open at the kill, the time from the moment the worker's new process was
//! spawned to the first workflow task that it completed for that payout, as the workflow's own history in Temporal has it.
//! People act again only after the restart, so also a payout that waits for one of them has something to do then. A payout
//! that waits for a timer is woken by it; the longest of the demo is shorter than the limit.

use anyhow::{Result, bail};
use serde_json::Value;

use super::is_open;
use super::stage::{PATIENCE, Stage};
use crate::http::{list, needed, text};
use crate::moment;
use crate::progress;
use crate::stack::{Part, Stack};

/// What the issue promises.
pub const LIMIT_MILLIS: i64 = 10_000;

/// Transfers that are under way when it happens: the most delicate moment.
const BUSY: usize = 3;

/// The kill, and who was open.
#[derive(Clone, Debug)]
pub struct Kill {
    /// When the new process was spawned.
    at: i64,
    pub open: Vec<Open>,
}

/// A payout that was open at the kill.
#[derive(Clone, Debug)]
pub struct Open {
    pub payout: String,
    /// Where it stood.
    pub status: String,
    /// From the restart to its next step.
    pub next_step_millis: Option<i64>,
}

/// Waits until transfers are under way, kills the worker and starts it again.
pub fn kill_when_busy(stage: &Stage, stack: &mut Stack) -> Result<Kill> {
    let asked = moment::now();
    let limit = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
    loop {
        let processing =
            stage.admin.get("/api/admin/payouts?status=PROCESSING")?.success("listing payouts")?;
        if list(&processing, "/items").len() >= BUSY {
            break;
        }
        if moment::now().saturating_sub(asked) > limit {
            bail!("there were never {BUSY} payouts in PROCESSING");
        }
        stack.check()?;
        crate::interrupt::tick()?;
    }
    let kill = stage.alone(|| {
        stack.service(Part::Worker)?.kill();
        let all = stage.admin.get("/api/admin/payouts?limit=100")?.success("listing payouts")?;
        let open = list(&all, "/items")
            .iter()
            .filter(|payout| is_open(payout))
            .map(|payout| {
                Ok(Open {
                    payout: needed(payout, "/id")?.to_owned(),
                    status: needed(payout, "/status")?.to_owned(),
                    next_step_millis: None,
                })
            })
            .collect::<Result<Vec<Open>>>()?;
        progress::note(&format!("SIGKILL to the worker with {} payouts open", open.len()));
        let at = moment::now();
        stack.service(Part::Worker)?.start()?;
        Ok(Kill { at, open })
    })?;
    // Who was approved and not yet taken has something to do now, too.
    stage.run_batch()?;
    Ok(kill)
}

impl Kill {
    /// Reads from each history when it went on.
    pub fn measure(&mut self, stage: &Stage) -> Result<()> {
        for open in &mut self.open {
            let events = stage.history(&open.payout)?;
            open.next_step_millis = events
                .iter()
                .filter_map(completed_at)
                .find(|at| *at >= self.at)
                .map(|at| at.saturating_sub(self.at));
        }
        Ok(())
    }

    pub fn is_right(&self) -> bool {
        let in_time = |open: &Open| open.next_step_millis.is_some_and(|millis| millis <= LIMIT_MILLIS);
        !self.open.is_empty() && self.open.iter().all(in_time)
    }

    /// The median and the worst, of those that went on.
    pub fn median_and_worst(&self) -> Option<(i64, i64)> {
        let mut times: Vec<i64> = self.open.iter().filter_map(|open| open.next_step_millis).collect();
        times.sort_unstable();
        let median = times.get(times.len().div_euclid(2)).copied()?;
        Some((median, times.last().copied()?))
    }
}

/// When the workflow task that this event completes was completed.
fn completed_at(event: &Value) -> Option<i64> {
    let kind = text(event, "/eventType")?;
    if kind != "EVENT_TYPE_WORKFLOW_TASK_COMPLETED" {
        return None;
    }
    moment::parse(text(event, "/eventTime")?)
}
