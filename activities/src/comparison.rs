//! What both halves of a reconciliation do: ask about one attempt, act on the answer, and say what still differs.

use domain::{
    Observed, Reference,
    reconcile::{Difference, Listed, differences},
};
use gateway::LookUpFailed;
use serde_json::json;
use store::{
    attempts,
    reconciliations::{self, Counts, Known, Subject},
};

use crate::World;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareFailed {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Gateway(#[from] LookUpFailed),
}

/// Asks about an attempt and acts on the answer; what differs still is a case.
pub(crate) async fn look(world: &World, known: &Known, counts: &mut Counts) -> Result<(), CompareFailed> {
    let pool = &world.pool;
    let Some(place) = attempts::terms(pool, known.payout, known.number).await? else { return Ok(()) };
    let observed = world.gateway.observe(&place.terms.reference, place.gateway_id.as_deref()).await?;
    add(&mut counts.looked_up);
    let (now, retry) = (world.clock.now(), &world.rules.retry);
    attempts::record_observation_and_wake(pool, known.payout, &place, &observed, retry, now).await?;
    let Some(after) = again(world, &known.ours.terms.reference).await? else { return Ok(()) };
    if after.ours.status != known.ours.status {
        tracing::info!(
            payout.id = %known.payout,
            "reconciliation: attempt {} of payout {} was {} and is {} by what the gateway says",
            known.number.get(), known.payout, known.ours.status, after.ours.status
        );
        add(&mut counts.healed);
    }
    let left = differences(&after.ours, &observed);
    if left.is_empty() {
        reconciliations::agree(pool, &[&after], world.clock.now()).await?;
    }
    for difference in left {
        differ(world, &after, &observed, difference, counts).await?;
    }
    Ok(())
}

async fn differ(
    world: &World,
    known: &Known,
    observed: &Observed,
    difference: Difference,
    counts: &mut Counts,
) -> Result<(), CompareFailed> {
    let (ours, theirs) = (&known.ours, told(observed));
    let reference = ours.terms.reference.as_str();
    let summary = match difference {
        Difference::Amount | Difference::Currency => format!(
            "{reference}: we asked for {}, the gateway has another {}.",
            ours.terms.amount,
            difference.as_str()
        ),
        Difference::Account | Difference::Bank => {
            format!("{reference}: the gateway has another {} than we asked for.", difference.as_str())
        }
        Difference::Outcome => {
            format!("{reference} is {} here and {} at the gateway.", ours.status, theirs.word)
        }
        Difference::Missing => {
            format!("{reference} is {} here and the gateway does not know it.", ours.status)
        }
    };
    let detail = json!({
        "difference": difference.as_str(),
        "ours": ours.status,
        "theirs": theirs.word,
        "said": theirs.said,
        "gateway_id": theirs.gateway_id,
        "amount": theirs.amount,
    });
    let subject = Subject::Attempt { known, difference };
    let case = reconciliations::differ(&world.pool, subject, &summary, detail, world.clock.now()).await?;
    if case.is_some() {
        add(&mut counts.differences);
    }
    Ok(())
}

/// A transfer that is not an attempt of ours. Where it has failed, no money moved: nobody has anything to settle.
pub(crate) async fn stranger(
    world: &World,
    listed: &Listed,
    of: Option<&Known>,
    summary: &str,
    counts: &mut Counts,
) -> Result<(), CompareFailed> {
    let now = world.clock.now();
    let gateway_id = listed.gateway_id.as_deref().unwrap_or(listed.reference.as_str());
    if let Observed::Failed(..) = listed.observed {
        reconciliations::moved_nothing(&world.pool, gateway_id, now).await?;
        return Ok(());
    }
    let theirs = told(&listed.observed);
    let detail = json!({
        "reference": listed.reference,
        "theirs": theirs.word,
        "said": theirs.said,
        "gateway_id": theirs.gateway_id,
        "amount": theirs.amount,
    });
    let amount = theirs.money;
    let subject = Subject::Transfer { gateway_id, of, amount, provider: None };
    if reconciliations::differ(&world.pool, subject, summary, detail, now).await?.is_some() {
        add(&mut counts.differences);
    }
    Ok(())
}

/// The attempt as it stands now.
pub(crate) async fn again(world: &World, reference: &Reference) -> Result<Option<Known>, CompareFailed> {
    Ok(reconciliations::known(&world.pool, std::slice::from_ref(reference)).await?.pop())
}

pub(crate) fn add(count: &mut u32) {
    *count = count.saturating_add(1);
}

/// What an answer says, without what is private in it.
struct Told {
    word: &'static str,
    said: Option<String>,
    gateway_id: Option<String>,
    amount: Option<String>,
    money: Option<domain::Money>,
}

fn told(observed: &Observed) -> Told {
    let (word, said, sighting) = match observed {
        Observed::InFlight(sighting) => ("in flight", None, Some(sighting)),
        Observed::Succeeded(sighting) => ("paid", None, Some(sighting)),
        Observed::Failed(sighting, failure) => ("failed", Some(failure.message.clone()), Some(sighting)),
        Observed::Reversed(sighting) => ("reversed", None, Some(sighting)),
        Observed::NotFound => ("unknown", None, None),
        Observed::Unrecognised { said } => ("unrecognised", Some(said.clone()), None),
    };
    Told {
        word,
        said,
        gateway_id: sighting.map(|sighting| sighting.gateway_id.clone()),
        amount: sighting.map(|sighting| sighting.amount.to_string()),
        money: sighting.map(|sighting| sighting.amount),
    }
}
