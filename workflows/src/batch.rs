//! The workflow type `Batch`: claims approved payouts for a window.
//!
//! Open, prepare (what can be spent?), claim chunk by chunk, close.
//!
//! Guarantee: every payout that was approved when a window came is claimed or stays approved for the next one; a batch whose
//! worker died goes on where it was, because each claim is a transaction of its own. Cost: three events for the question to the gateway, one a chunk. It moves no
//! money and signals nobody: the release signals are outbox rows of the claiming transaction. Temporal's cancel is ignored (a
//! batch ends by itself); a terminate leaves an open batch, which the next run with its id goes on with.
//!
//! Three ways to be started: by the schedule's tick (input `{}`: is a window due?), by run-now with a batch's id, and for
//! instant payouts under the id [`names::BATCH_OPEN_WORKFLOW_ID`] by signal-with-start of [`names::SIGNAL_RUN`], where it
//! goes on until no further `run` came during its work. A start by hand with an input that cannot be read fails at once.

use std::time::Duration;

use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    WorkflowTermination,
};

use crate::{
    calls::{comparing_step, database_step, pause},
    contract::{BatchInput, BatchRef, BatchSummary, Contract},
    names,
    start::{Started, unreadable},
};

/// Chunks before a run's history is long enough: 200 markers, and as many workflow tasks at worst.
const CHUNKS_PER_RUN: u32 = 200;
/// Every payout that is left is locked by somebody else, who will be done soon.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);

const UNREADABLE: &str = "the workflow's input is not that of a batch";

/// A batch's workflow: its state.
#[workflow]
pub struct BatchWorkflow {
    /// `None`: the workflow was started with something else.
    input: Option<BatchInput>,
    /// A `run` came since the last batch was opened.
    asked_again: bool,
}

#[workflow_methods]
impl BatchWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, started: Started<BatchInput>) -> Self {
        Self { input: started.0, asked_again: false }
    }

    /// The batch's script: open, prepare, claim until nothing is left, close.
    #[run(name = names::BATCH_WORKFLOW)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BatchSummary> {
        let mut input = ctx.state(|state| state.input).ok_or_else(|| unreadable(UNREADABLE))?;
        let mut total = BatchSummary::default();
        loop {
            // What was approved before this moment is found by the claims below; what comes later asks again.
            ctx.state_mut(|state| state.asked_again = false);
            let opened = database_step(ctx, || Contract::open_batch, input, "Is a batch due?").await?;
            if let Some(batch) = opened {
                prepare(ctx, batch).await?;
                claim_all(ctx, batch, input).await?;
                let closed = database_step(ctx, || Contract::close_batch, batch, "Close the batch").await?;
                total.payouts = total.payouts.saturating_add(closed.payouts);
            }
            // A run that went on with a batch of the run before cannot know whether that one was asked again.
            let again = input.batch.is_some() || ctx.state(|state| state.asked_again);
            if !(input.open && again) {
                return Ok(total);
            }
            input.batch = None;
            if ctx.continue_as_new_suggested() {
                continue_with(ctx, input)?;
            }
        }
    }

    /// Instant payouts: something was approved. What the signal carries is of no interest.
    #[signal(name = names::SIGNAL_RUN)]
    pub fn run_again(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _ignored: RawValue) {
        self.asked_again = true;
    }
}

/// A gateway that cannot be asked is an answer too, so this ends.
async fn prepare(ctx: &WorkflowContext<BatchWorkflow>, batch: BatchRef) -> Result<(), WorkflowTermination> {
    for _ in 0..CHUNKS_PER_RUN {
        let what = "What can be spent?";
        if !comparing_step(ctx, || Contract::prepare_batch, batch, what).await?.more {
            break;
        }
    }
    Ok(())
}

async fn claim_all(
    ctx: &WorkflowContext<BatchWorkflow>,
    batch: BatchRef,
    input: BatchInput,
) -> Result<(), WorkflowTermination> {
    for _ in 0..CHUNKS_PER_RUN {
        let claimed = database_step(ctx, || Contract::claim_chunk, batch, "Claim a chunk of payouts").await?;
        if !claimed.more {
            return Ok(());
        }
        if claimed.claimed == 0 {
            pause(ctx, LOCKED_PAUSE, "What is left is locked by somebody else").await;
        }
    }
    continue_with(ctx, BatchInput { batch: Some(batch.batch), ..input })
}

fn continue_with(ctx: &WorkflowContext<BatchWorkflow>, input: BatchInput) -> Result<(), WorkflowTermination> {
    ctx.continue_as_new(Started(Some(input)), ContinueAsNewOptions::default()).map(|never| match never {})
}
