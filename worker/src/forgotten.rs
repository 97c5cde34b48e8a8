//! Ends workflows of payouts that a restored database has forgotten: nothing is left for them to carry, and each would look for its
//! row for ever.
//!
//! Only while the database is known to have been restored, and for [`RESTORED_WITHIN`] after people have resumed: at any other time
//! a payout that is not there means that this worker looks at the wrong database. A payout's row is committed before its workflow is
//! started, so one that runs and has no row will not get one; should it come back with a later restore, the sweeper starts it again.
//! Cost: the list of running workflows, a page at a time.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{Clock, PayoutId};
use futures::StreamExt;
use store::Pool;
use temporalio_client::{
    Client, WorkflowListOptions, WorkflowTerminateOptions, errors::WorkflowInteractionError,
};
use tokio_util::sync::CancellationToken;
use workflows::{PayoutWorkflow, names};

use crate::Engine;

const EVERY: Duration = Duration::from_secs(30);
const RESTORED_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Payouts that the database is asked about at once.
const PAGE: usize = 500;

pub(crate) async fn end(pool: &Pool, engine: &Engine, clock: &dyn Clock, stop: &CancellationToken) {
    let Some(client) = engine.wait(stop).await else { return };
    loop {
        let now = clock.now();
        let since = now.checked_sub_signed(RESTORED_WITHIN).unwrap_or(now);
        let ended = async {
            anyhow::Ok(if store::installation::restored_since(pool, since).await? {
                end_once(pool, client).await?
            } else {
                0
            })
        };
        match ended.await {
            Ok(0) => {}
            Ok(ended) => {
                tracing::warn!(
                    "{ended} workflows were ended: the restored database has forgotten their payouts"
                );
            }
            Err(error) => tracing::warn!("workflows of forgotten payouts could not be ended: {error:#}"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn end_once(pool: &Pool, client: &Client) -> anyhow::Result<usize> {
    let query = format!("ExecutionStatus = 'Running' AND WorkflowType = '{}'", names::PAYOUT_WORKFLOW);
    let mut pages = client.list_workflows(query, WorkflowListOptions::default()).chunks(PAGE);
    let mut ended: usize = 0;
    while let Some(page) = pages.next().await {
        let mut running = vec![];
        for workflow in page {
            running.extend(PayoutId::from_workflow_id(workflow?.id()));
        }
        for payout in store::sweep::forgotten(pool, &running).await? {
            let workflow = client.get_workflow_handle::<PayoutWorkflow>(payout.workflow_id());
            let reason = "the restored database has forgotten this payout".to_owned();
            match workflow.terminate(WorkflowTerminateOptions::builder().reason(reason).build()).await {
                Ok(()) => ended = ended.saturating_add(1),
                // It has ended by itself, or another worker was faster.
                Err(WorkflowInteractionError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(ended)
}
