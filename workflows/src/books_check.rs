//! The workflow type `BooksCheck`: do the books add up, and does every payout have the workflow it needs?
//!
//! Guarantee: it moves no money and changes no payout; what it finds is a case that names it, and a run that finds nothing closes
//! that case. A payout whose workflow looks wrong is looked at again after [`SECOND_LOOK_AFTER`]: the sweeper starts what is
//! missing within a minute, and only what stays wrong counts.
//!
//! Cost of one run: one reading of the ledger (or none: a reading that took long is not repeated at once), and for each payout
//! looked at one call to Temporal; at most [`PAGES_PER_RUN`] pages, the next run goes on where this one stopped. Its history has
//! six events a step.
//!
//! A reading of the ledger that fails is tried [`LEDGER_TRIES`] times and then fails the run: a check that cannot be made must
//! be seen, and the next one comes by itself.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::{
    calls::{long_step, pause},
    contract::{BooksCheckInput, BooksChecked, Contract, RunsLook, RunsPage},
    names,
    start::{Started, unreadable},
};

/// Ten thousand payouts and as many ended ones, about a minute of a mostly idle Temporal's time.
const PAGES_PER_RUN: u32 = 20;
/// Beyond two rounds of the sweeper.
const SECOND_LOOK_AFTER: Duration = Duration::from_mins(2);
/// The whole ledger, under the statement timeouts of the store.
const LEDGER_TIMEOUT: Duration = Duration::from_mins(45);
const LEDGER_TRIES: u32 = 3;
/// One page of look-ups at Temporal.
const RUNS_TIMEOUT: Duration = Duration::from_mins(2);
/// Beyond a restart of Temporal or of the database.
const RUNS_TRIES: u32 = 20;

const UNREADABLE: &str = "the workflow's input is not that of a check of the books";

/// A check's workflow: its state.
#[workflow]
pub struct BooksCheckWorkflow {
    /// `None`: the workflow was started with something else.
    input: Option<BooksCheckInput>,
}

#[workflow_methods]
impl BooksCheckWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, started: Started<BooksCheckInput>) -> Self {
        Self { input: started.0 }
    }

    /// The check's script: the ledger, then the workflows page by page, then once more what looked wrong.
    #[run(name = names::BOOKS_CHECK_WORKFLOW)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BooksChecked> {
        let input = ctx.state(|state| state.input).ok_or_else(|| unreadable(UNREADABLE))?;
        let mut total = BooksChecked::default();
        let summary = "Do the books add up?";
        let ledger =
            long_step(ctx, || Contract::check_ledger, input, (LEDGER_TIMEOUT, LEDGER_TRIES), summary).await?;
        (total.ledger_read, total.findings) = (ledger.read, ledger.findings);
        let runs = (RUNS_TIMEOUT, RUNS_TRIES);
        let first = RunsPage { look: RunsLook::First };
        for _ in 0..PAGES_PER_RUN {
            let page =
                long_step(ctx, || Contract::check_runs, first, runs, "Does every payout have its workflow?")
                    .await?;
            total.payouts = total.payouts.saturating_add(page.payouts);
            total.suspects = page.suspects;
            if !page.more {
                break;
            }
        }
        if total.suspects > 0 {
            pause(ctx, SECOND_LOOK_AFTER, "What looked wrong may be mended by the sweeper").await;
        }
        let second = RunsPage { look: RunsLook::Second };
        let last = long_step(ctx, || Contract::check_runs, second, runs, "What is still wrong?").await?;
        total.suspects = last.suspects;
        Ok(total)
    }
}
