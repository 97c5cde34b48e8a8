//! Reads the whole ledger and says whether it adds up.
//!
//! Cost: one connection of the pool for as long as it takes, in one read-only transaction that sees one moment; a reading that
//! took a minute is not repeated before twenty have passed. What is wrong is an open case and an error in the log.

use std::sync::Arc;

use store::{books, books_check};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::{BooksCheckInput, LedgerChecked};

use crate::{World, failure::answer, heartbeat};

/// Findings that are logged one by one; the case holds more.
const LOGGED: usize = 10;

/// The step; register it with a worker.
pub struct CheckLedgerStep(pub Arc<World>);

#[activities]
impl CheckLedgerStep {
    #[activity(definition = workflows::CheckLedger)]
    pub async fn check_ledger(
        self: Arc<Self>,
        ctx: ActivityContext,
        _input: BooksCheckInput,
    ) -> Result<LedgerChecked, ActivityError> {
        let world = &self.0;
        let checked = heartbeat::while_waiting(&ctx, check(world)).await;
        answer(world, "check_ledger", checked)
    }
}

async fn check(world: &World) -> store::Result<LedgerChecked> {
    let began = world.clock.now();
    if !books_check::ledger_is_due(&world.pool, began).await? {
        return Ok(LedgerChecked::default());
    }
    let verdict = books::verify(&world.pool).await?;
    let now = world.clock.now();
    let wrong = verdict.findings.len();
    if wrong == 0 {
        tracing::info!("the books add up: {} postings, {} payouts", verdict.postings, verdict.payouts);
    } else {
        tracing::error!(findings = wrong, "the books do not add up: {wrong} findings");
        for finding in verdict.findings.iter().take(LOGGED) {
            tracing::error!("the books: {finding}");
        }
    }
    books_check::record_ledger(&world.pool, &verdict, now.signed_duration_since(began), now).await?;
    Ok(LedgerChecked { read: true, findings: u32::try_from(wrong).unwrap_or(u32::MAX) })
}
