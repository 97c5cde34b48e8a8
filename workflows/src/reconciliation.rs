//! The workflow type `Reconciliation`: compares the gateway's transfers with our attempts, both ways.
//!
//! Guarantee: everything the gateway lists for the return window is compared, then everything of ours that it did not list is
//! asked for; a run whose worker died goes on at its page, because the cursor is a row. It moves no money by itself: what the
//! gateway says about an attempt is judged as every answer is. Cost: six events a step, and a step is many pages. Temporal's
//! cancel is ignored (a run ends by itself); a terminate leaves an open run, which the next tick goes on with.
//!
//! Two ways to be started: by the schedule's tick (input `{}`: open a run, or go on with the one that is open), and by an
//! admin's run-now with a run's id. A start by hand with an input that cannot be read fails at once.

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ContinueAsNewOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::{
    calls::{comparing_step, database_step},
    contract::{Contract, ReconcileInput, Reconciled},
    names,
    start::{Started, unreadable},
};

/// Steps before a run's history is long enough: 1200 events.
const STEPS_PER_RUN: u32 = 200;

const UNREADABLE: &str = "the workflow's input is not that of a reconciliation";

/// A reconciliation's workflow: its state.
#[workflow]
pub struct ReconciliationWorkflow {
    /// `None`: the workflow was started with something else.
    input: Option<ReconcileInput>,
}

#[workflow_methods]
impl ReconciliationWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, started: Started<ReconcileInput>) -> Self {
        Self { input: started.0 }
    }

    /// The reconciliation's script: open, read the gateway's list, ask for the rest, close.
    #[run(name = names::RECONCILIATION_WORKFLOW)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Reconciled> {
        let input = ctx.state(|state| state.input).ok_or_else(|| unreadable(UNREADABLE))?;
        let opened =
            database_step(ctx, || Contract::open_reconciliation, input, "Is there a run to carry?").await?;
        let Some(run) = opened else { return Ok(Reconciled::default()) };
        let mut listing = true;
        for _ in 0..STEPS_PER_RUN {
            let step = if listing {
                comparing_step(ctx, || Contract::reconcile_page, run, "Compare the gateway's list").await?
            } else {
                comparing_step(ctx, || Contract::reconcile_missing, run, "Ask for what was not listed")
                    .await?
            };
            if step.more {
                continue;
            }
            if listing {
                listing = false;
                continue;
            }
            return database_step(ctx, || Contract::close_reconciliation, run, "Close the run").await;
        }
        let input = ReconcileInput { run: Some(run.run) };
        ctx.continue_as_new(Started(Some(input)), ContinueAsNewOptions::default()).map(|never| match never {})
    }
}
