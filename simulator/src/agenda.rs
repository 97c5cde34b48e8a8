//! What the gateway does on its own: transfers take their steps, late requests are carried out, webhooks leave.
//!
//! Guarantees: nothing leaves before the books say so on disk; work that was not recorded when the process died
//! is done after the restart (a webhook may then be delivered twice, as the real gateway's may).
//! Cost: one task that sleeps until the next entry is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::books::accept::{self, Refusal};
use crate::books::{Draft, Due, Event, settle};
use crate::delivery::Delivery;
use crate::server::stopped;
use crate::settings::Settings;
use crate::span::Span;
use crate::webhook::{self, Claim};
use crate::world::World;

/// The documented patience with a receiver, in simulated time.
const WEBHOOK_TIMEOUT: Span = Span::from_secs(60);
/// However fast the clock runs, a receiver gets this long on the wall.
const LEAST_WEBHOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// Three tries after the first, 30 minutes apart; only 200 stops them.
const WEBHOOK_RETRIES: u8 = 3;
const WEBHOOK_RETRY_AFTER: Span = Span::from_secs(30 * 60);
const ACKNOWLEDGED: u16 = 200;

/// Entries taken under one lock; requests wait for no longer than these take.
const ENTRIES_AT_ONCE: usize = 256;
/// Deliveries under way; more wait on the agenda, so that a slow receiver cannot fill the memory.
const DELIVERIES_AT_ONCE: usize = 256;
/// How soon, on the wall, a webhook that found no free place tries again.
const CROWDED_MILLIS: u32 = 20;
/// With nothing on the agenda, look again this often in case a ring was missed.
const IDLE: Duration = Duration::from_mins(1);

pub(crate) async fn run(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let mut deliveries = JoinSet::new();
    loop {
        while deliveries.try_join_next().is_some() {}
        let took = take_due(&world, &mut deliveries);
        if took == ENTRIES_AT_ONCE {
            tokio::task::yield_now().await;
            continue;
        }
        let next = world.books.next_due().map_or(IDLE, |due| world.books.clock.until(due));
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = world.books.agenda_changed.notified() => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Does what is due; answers how many entries that were.
fn take_due(world: &Arc<World>, deliveries: &mut JoinSet<()>) -> usize {
    let settings = world.settings();
    let crowded = Span::from_millis(CROWDED_MILLIS.saturating_mul(world.books.clock.rate()));
    let free = DELIVERIES_AT_ONCE.saturating_sub(deliveries.len());
    let ((took, hooks), upto) = world.books.decide(|draft| {
        let mut hooks = Vec::new();
        let mut took = 0_usize;
        while took < ENTRIES_AT_ONCE
            && let Some(due) = draft.take_due()
        {
            took = took.saturating_add(1);
            match due {
                Due::Step(id) => settle::take_due_steps(draft, world.terms(&settings), id),
                Due::CarryOut(id) => carry_out(draft, world, &settings, id),
                Due::Deliver(id) if hooks.len() < free => hooks.extend(is_due(draft, id)),
                Due::Deliver(id) => draft.put_back(crowded.after(draft.now), Due::Deliver(id)),
            }
        }
        (took, hooks)
    });
    for hook in hooks {
        deliveries.spawn(deliver(Arc::clone(world), hook, upto));
    }
    took
}

/// The webhook of an entry, unless the entry has been overtaken by another.
fn is_due(draft: &Draft<'_>, id: u64) -> Option<u64> {
    draft.state().hooks.get(&id).filter(|hook| hook.due <= draft.now).map(|hook| hook.id)
}

fn carry_out(draft: &mut Draft<'_>, world: &World, settings: &Settings, id: u64) {
    let Some(deferred) = draft.state().deferred.get(&id).cloned() else {
        return;
    };
    let reference = deferred.order.reference.clone();
    match accept::accept(draft, world.terms(settings), deferred.order, deferred.course) {
        Ok(taken) => {
            tracing::info!(reference, "{reference} is carried out late as {}", taken.transfer.id);
        }
        Err(Refusal { message, .. }) => {
            tracing::info!(reference, "{reference} is refused late: {message}");
        }
    }
    draft.record(Event::CarriedOut { id });
}

/// Delivers a webhook once and records how it went.
async fn deliver(world: Arc<World>, id: u64, upto: u64) {
    if world.books.on_disk(upto).await.is_err() {
        return;
    }
    let settings = world.settings();
    let prepared = world.books.read(|state| {
        let hook = state.hooks.get(&id)?.clone();
        let transfer = state.transfers.get(&hook.transfer)?.clone();
        Some((hook, transfer))
    });
    let Ok(Some((hook, transfer))) = prepared.await else {
        return;
    };
    let claim =
        Claim { status: Some(hook.status.clone()), message: Some(hook.message.clone()), ..Claim::default() };
    let outcome = match webhook::body(&transfer, claim, &settings) {
        Ok(body) => {
            let delivery = Delivery { url: hook.url.clone(), hash: settings.webhook_hash.clone(), body };
            delivery.send(patience(&world)).await
        }
        Err(error) => Err(error.to_string()),
    };
    let reference = &transfer.order.reference;
    let answer = outcome.as_ref().map_or_else(Clone::clone, u16::to_string);
    tracing::info!(reference, "webhook {} for {reference}: {answer}", hook.status.as_str());
    let acknowledged = outcome == Ok(ACKNOWLEDGED);
    let again = !acknowledged && settings.webhook_retries && hook.tries < WEBHOOK_RETRIES;
    world.books.decide(|draft| {
        let next = again.then(|| WEBHOOK_RETRY_AFTER.after(draft.now));
        draft.record(Event::HookTried { id, answer, next });
        release_held(draft, id);
    });
    world.webhook_tried.send_modify(|tries| *tries = tries.wrapping_add(1));
}

/// Webhooks that wait to be overtaken go once another one has left.
fn release_held(draft: &mut Draft<'_>, by: u64) {
    let held: Vec<u64> = draft.state().held.iter().copied().filter(|id| *id != by).collect();
    for id in held {
        let due = draft.now;
        draft.record(Event::HookReleased { id, due });
    }
}

/// How long a receiver may take, on the wall.
pub(crate) fn patience(world: &World) -> Duration {
    world.books.clock.real(WEBHOOK_TIMEOUT).max(LEAST_WEBHOOK_TIMEOUT)
}

/// Waits until a transfer's webhook has been tried, or a receiver's patience is over.
pub(crate) async fn webhook_tried(world: &World, transfer: u64) {
    let mut tried = world.webhook_tried.subscribe();
    let waiting = async {
        loop {
            let done = world.books.read(|state| {
                let pending = state.hooks.values().any(|hook| hook.transfer == transfer && hook.tries == 0);
                !pending
            });
            if done.await.unwrap_or(true) || tried.changed().await.is_err() {
                return;
            }
        }
    };
    // The answer goes out either way.
    let _ = tokio::time::timeout(patience(world), waiting).await;
}
