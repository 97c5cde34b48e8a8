//! Looks whether payouts and their workflows agree: an open payout is carried by a running one, an ended payout by none.
//!
//! Temporal is asked about each payout by its id: what its lists say comes late and is trusted with nothing. The row is read
//! again after the answer, so that a payout that ended in between is not taken for one that is stuck.
//! Cost: a page is two index reads and one call to Temporal for each payout, [`IN_FLIGHT`] at a time.

use std::sync::Arc;

use domain::PayoutId;
use futures::{StreamExt, TryStreamExt, stream};
use store::books_check::{self, ToLookAt, WrongRun};
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionStatus, errors::WorkflowInteractionError,
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{PayoutWorkflow, RunsChecked, RunsLook, RunsPage};

use crate::{World, failure::answer, heartbeat};

/// Open payouts of a page, and as many ended ones.
const PAGE: i64 = 500;
/// Calls at the same time: a fraction of what Temporal takes, because nobody waits for the answer.
const IN_FLIGHT: usize = 8;

#[derive(Debug, thiserror::Error)]
enum LookFailed {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("Temporal did not answer")]
    Temporal(#[source] Box<WorkflowInteractionError>),
}

/// What Temporal says about a payout's workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Running,
    /// It ended, in words.
    Ended(&'static str),
    None,
}

/// The step; register it with a worker.
pub struct CheckRunsStep(pub Arc<World>);

#[activities]
impl CheckRunsStep {
    #[activity(definition = workflows::CheckRuns)]
    pub async fn check_runs(
        self: Arc<Self>,
        ctx: ActivityContext,
        page: RunsPage,
    ) -> Result<RunsChecked, ActivityError> {
        let world = &self.0;
        let client = ctx.client();
        let checked = heartbeat::while_waiting(&ctx, async {
            match page.look {
                RunsLook::First => first_look(world, &client).await,
                RunsLook::Second => second_look(world, &client).await,
            }
        })
        .await;
        answer(world, "check_runs", checked)
    }
}

async fn first_look(world: &World, client: &Client) -> Result<RunsChecked, LookFailed> {
    let page = books_check::next_page(&world.pool, PAGE, world.clock.now()).await?;
    let wrong = look_at(client, &page.payouts).await?;
    let suspects: Vec<PayoutId> = wrong.iter().map(|run| run.payout).collect();
    books_check::turn(&world.pool, &page, &suspects, world.clock.now()).await?;
    let all = books_check::suspects(&world.pool).await?;
    Ok(RunsChecked { payouts: count(page.payouts.len()), suspects: count(all.len()), more: !page.last })
}

async fn second_look(world: &World, client: &Client) -> Result<RunsChecked, LookFailed> {
    let before = books_check::suspects(&world.pool).await?;
    let wrong = look_at(client, &before).await?;
    // Whoever moved between the two reads is no finding.
    let after = books_check::suspects(&world.pool).await?;
    let wrong: Vec<WrongRun> = wrong
        .into_iter()
        .filter(|run| {
            let find = |looked: &[ToLookAt]| looked.iter().find(|one| one.payout == run.payout).copied();
            find(&before) == find(&after)
        })
        .collect();
    for run in &wrong {
        tracing::error!(payout.id = %run.payout, "payout {}: {}", run.payout, run.what);
    }
    books_check::record_runs(&world.pool, &wrong, world.clock.now()).await?;
    Ok(RunsChecked { payouts: count(before.len()), suspects: count(wrong.len()), more: false })
}

async fn look_at(client: &Client, payouts: &[ToLookAt]) -> Result<Vec<WrongRun>, LookFailed> {
    let looks = stream::iter(payouts.iter().copied())
        .map(|one| async move { Ok::<_, LookFailed>((one, describe(client, one.payout).await?)) })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<Vec<_>>();
    Ok(looks.await?.into_iter().filter_map(|(one, run)| wrong(one, run)).collect())
}

fn wrong(one: ToLookAt, run: Run) -> Option<WrongRun> {
    let what = match (one.ended, run) {
        (false, Run::Running) | (true, Run::Ended(_) | Run::None) => return None,
        (false, Run::None) => "it is open and has no workflow".to_owned(),
        (false, Run::Ended(how)) => format!("it is open and its workflow has {how}"),
        (true, Run::Running) => "it has ended and its workflow goes on".to_owned(),
    };
    Some(WrongRun { payout: one.payout, what })
}

async fn describe(client: &Client, payout: PayoutId) -> Result<Run, LookFailed> {
    let workflow = client.get_workflow_handle::<PayoutWorkflow>(payout.workflow_id());
    match workflow.describe(WorkflowDescribeOptions::default()).await {
        Ok(described) => Ok(run(described.status())),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(Run::None),
        Err(error) => Err(LookFailed::Temporal(Box::new(error))),
    }
}

fn run(status: WorkflowExecutionStatus) -> Run {
    match status {
        WorkflowExecutionStatus::Running
        // A new run goes on at once; the next look sees it.
        | WorkflowExecutionStatus::ContinuedAsNew => Run::Running,
        WorkflowExecutionStatus::Completed => Run::Ended("completed"),
        WorkflowExecutionStatus::Failed => Run::Ended("failed"),
        WorkflowExecutionStatus::Canceled => Run::Ended("been cancelled"),
        WorkflowExecutionStatus::Terminated => Run::Ended("been terminated"),
        WorkflowExecutionStatus::TimedOut => Run::Ended("timed out"),
        // Somebody's doing, and an open payout does not go on.
        WorkflowExecutionStatus::Paused => Run::Ended("been paused"),
        WorkflowExecutionStatus::Unspecified | WorkflowExecutionStatus::Unknown | _ => Run::Ended("ended in a way that this build does not know"),
    }
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_payout_needs_a_run_and_an_ended_one_must_have_none() {
        let payout = PayoutId::mint();
        for (ended, run, right) in [
            (false, Run::Running, true),
            (false, Run::None, false),
            (false, Run::Ended("completed"), false),
            (true, Run::Running, false),
            (true, Run::None, true),
            (true, Run::Ended("failed"), true),
        ] {
            assert_eq!(wrong(ToLookAt { payout, ended }, run).is_none(), right, "{ended} {run:?}");
        }
    }
}
