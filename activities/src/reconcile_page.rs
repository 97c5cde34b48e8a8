//! Compares pages of the gateway's list with our attempts, from the run's cursor.
//!
//! The gateway is asked first and the database read after it: whatever the list shows had been recorded here before it was sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    AttemptId, Reference,
    reconcile::{Compared, Listed, TransferPage, compare},
};
use store::reconciliations::{self, Claim, Counts, Known, Run, RunStatus};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::Instant;
use workflows::{ReconcileRef, ReconcileStep};

use crate::{
    World,
    comparison::{CompareFailed, add, again as known_again, look, stranger},
    failure::{again, answer},
    heartbeat,
};

/// A step goes on for this long, then says where it is: the next one may run elsewhere.
const STEP_TAKES: Duration = Duration::from_secs(30);
/// More is no list: a gateway that shows the same page for ever would be read for ever. Half a million transfers.
const MAX_PAGES: u32 = 50_000;

/// The step; register it with a worker.
pub struct ReconcilePageStep(pub Arc<World>);

#[activities]
impl ReconcilePageStep {
    #[activity(definition = workflows::ReconcilePage)]
    pub async fn reconcile_page(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReconcileRef,
    ) -> Result<ReconcileStep, ActivityError> {
        let world = &self.0;
        match heartbeat::while_waiting(&ctx, pages(world, input)).await {
            Err(CompareFailed::Gateway(failed)) => {
                Err(again(world, "reconcile_page", &failed, failed.retry_after))
            }
            other => answer(world, "reconcile_page", other),
        }
    }
}

async fn pages(world: &World, input: ReconcileRef) -> Result<ReconcileStep, CompareFailed> {
    let began = Instant::now();
    loop {
        let run = reconciliations::get(&world.pool, input.run).await?;
        let Some(run) = run.filter(|run| run.status == RunStatus::Listing) else {
            return Ok(ReconcileStep { more: false });
        };
        let listed = world.gateway.transfers(run.from_day, run.to_day, run.next_page).await?;
        one_page(world, &run, &listed).await?;
        if began.elapsed() > STEP_TAKES {
            return Ok(ReconcileStep { more: true });
        }
    }
}

async fn one_page(world: &World, run: &Run, page: &TransferPage) -> Result<(), CompareFailed> {
    let references: Vec<Reference> = page
        .transfers
        .iter()
        .flat_map(|listed| [Some(&listed.reference), listed.retry_of.as_ref()])
        .flatten()
        .cloned()
        .collect();
    let known = reconciliations::known(&world.pool, &references).await?;
    let known: BTreeMap<&str, &Known> =
        known.iter().map(|known| (known.ours.terms.reference.as_str(), known)).collect();
    let mut counts = Counts { unreadable: page.unreadable, listed: page.unreadable, ..Counts::default() };
    let (mut seen, mut agreeing) = (vec![], vec![]);
    // What a look in this page has found to differ does not agree because another row of the page says so.
    let mut looked = BTreeSet::new();
    for listed in &page.transfers {
        add(&mut counts.listed);
        let Some(known) = known.get(listed.reference.as_str()) else {
            looked.extend(not_ours(world, listed, &known, &mut counts).await?);
            continue;
        };
        match compare(&known.ours, listed) {
            Compared::Agrees => {
                add(&mut counts.matched);
                agreeing.push(*known);
            }
            Compared::Look => look(world, known, &mut counts).await?,
            Compared::Second => {
                let summary = format!("The gateway has a second transfer under {}.", listed.reference);
                stranger(world, listed, Some(known), &summary, &mut counts).await?;
            }
        }
        seen.push(known.attempt);
    }
    agreeing.retain(|known| !looked.contains(&known.attempt));
    reconciliations::agree(&world.pool, &agreeing, world.clock.now()).await?;
    if run.next_page >= MAX_PAGES {
        tracing::error!("reconciliation {} stops after {MAX_PAGES} pages: the rest is asked for", run.id);
    }
    let last = page.last || run.next_page >= MAX_PAGES;
    reconciliations::page_read(&world.pool, run, &seen, counts, last).await?;
    Ok(())
}

/// A transfer under a reference that we have no attempt for. Answers the attempt of ours that was looked at for it.
async fn not_ours(
    world: &World,
    listed: &Listed,
    known: &BTreeMap<&str, &Known>,
    counts: &mut Counts,
) -> Result<Option<AttemptId>, CompareFailed> {
    if let Some(original) = &listed.retry_of {
        let summary =
            format!("{original} was tried again at the gateway, under a reference that is not ours.");
        let original = known.get(original.as_str()).copied();
        if let Some(original) = original {
            stranger(world, listed, Some(original), &summary, counts).await?;
            // Its failure proves nothing while the retry may pay: the look says so.
            look(world, original, counts).await?;
            return Ok(Some(original.attempt));
        }
    }
    let Some(parts) = listed.reference.parts() else {
        let summary =
            format!("The gateway has a transfer {} that this system did not make.", listed.reference);
        stranger(world, listed, None, &summary, counts).await?;
        return Ok(None);
    };
    if parts.prefix != world.rules.prefix {
        add(&mut counts.elsewhere);
        return Ok(None);
    }
    let now = world.clock.now();
    let claim =
        reconciliations::claim(&world.pool, &world.rules.prefix, listed, parts.payout, parts.attempt, now);
    match claim.await? {
        Claim::Known | Claim::Unknown { case: false } => {}
        Claim::Unknown { case: true } => {
            add(&mut counts.claimed);
            add(&mut counts.differences);
        }
        Claim::Recorded { payout, attempts } => {
            add(&mut counts.claimed);
            for number in attempts {
                let reference = Reference::new(&world.rules.prefix, payout, number);
                if let Some(claimed) = known_again(world, &reference).await? {
                    look(world, &claimed, counts).await?;
                }
            }
        }
    }
    Ok(None)
}
