//! Moving transfers along their plans, reversing them, and queueing the webhooks that say so.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Draft;
use super::accept::Terms;
use super::event::{Event, Hook, Movement, MovementKind};
use super::transfer::Transfer;
use crate::faults::{Fault, Stage};
use crate::settings::CallbackUrl;
use crate::span::Span;
use crate::status::Status;

/// Takes every step of a transfer that is due.
pub(crate) fn take_due_steps(draft: &mut Draft<'_>, terms: Terms<'_>, id: u64) {
    loop {
        let Some(transfer) = draft.state().transfers.get(&id) else {
            return;
        };
        let Some(step) = transfer.steps.front().filter(|step| step.due <= draft.now).cloned() else {
            return;
        };
        let movement = movement(transfer, &step.status, terms, draft);
        let completion = step.webhook && step.status.is_completion();
        draft.record(Event::Moved {
            id,
            status: step.status.clone(),
            message: step.message.clone(),
            movement,
            reversal: false,
        });
        tracing::info!(transfer.id = id, "transfer {id} is {}", step.status.as_str());
        if completion {
            queue_webhooks(draft, terms, id, &step.status, &step.message);
        }
    }
}

/// Turns a paid transfer into a failed one and gives the money back. False when it is not paid.
pub(crate) fn reverse(draft: &mut Draft<'_>, terms: Terms<'_>, id: u64, message: &str, event: bool) -> bool {
    let Some(transfer) = draft.state().transfers.get(&id) else {
        return false;
    };
    if transfer.status != Status::Successful {
        return false;
    }
    let movement = movement(transfer, &Status::Failed, terms, draft);
    draft.record(Event::Moved {
        id,
        status: Status::Failed,
        message: message.to_owned(),
        movement,
        reversal: true,
    });
    tracing::info!(transfer.id = id, "transfer {id} is reversed");
    if event {
        queue_webhooks(draft, terms, id, &Status::Failed, message);
    }
    true
}

/// What the wallet or the beneficiary sees of a move, decided by where the money is.
fn movement(transfer: &Transfer, to: &Status, terms: Terms<'_>, draft: &Draft<'_>) -> Option<Movement> {
    let last = transfer.movements.last()?.kind;
    let with_fee = transfer.order.amount.saturating_add(transfer.fee);
    let moves = |kind, amount| Some(Movement { kind, amount, at: draft.now });
    match (last, to) {
        (MovementKind::Debited, Status::Successful) => moves(MovementKind::Paid, transfer.order.amount),
        (MovementKind::Debited, Status::Failed) => moves(MovementKind::Returned, with_fee),
        (MovementKind::Paid, Status::Failed) => {
            let fee = if terms.settings.reversal_returns_fee { transfer.fee } else { Decimal::ZERO };
            moves(MovementKind::Reversed, transfer.order.amount.saturating_add(fee))
        }
        (
            MovementKind::Debited | MovementKind::Paid | MovementKind::Returned | MovementKind::Reversed,
            Status::New | Status::Pending | Status::Successful | Status::Failed | Status::Undocumented(_),
        ) => None,
    }
}

fn queue_webhooks(draft: &mut Draft<'_>, terms: Terms<'_>, id: u64, status: &Status, message: &str) {
    let Some(transfer) = draft.state().transfers.get(&id) else {
        return;
    };
    let urls = destinations(transfer, terms);
    let nth = draft.state().posts(&transfer.order.reference);
    let fault = terms.faults.strike(Stage::Webhook, &transfer.order.subject(), &terms.settings.random, nth);
    let (delay, held, copies, apart) = match fault {
        Some(Fault::WebhookLost {}) => return,
        Some(Fault::WebhookLate { by }) => (by, false, 0, Span::ZERO),
        Some(Fault::WebhookDuplicate { copies, apart }) => (Span::ZERO, false, copies, apart),
        Some(Fault::WebhookReordered { hold }) => (hold, true, 0, Span::ZERO),
        // The other kinds strike elsewhere than a webhook.
        Some(_) | None => (Span::ZERO, false, 0, Span::ZERO),
    };
    for url in urls {
        let mut due = delay.after(draft.now);
        for _ in 0..=copies {
            let hook = Hook {
                id: draft.state().next_id(),
                transfer: id,
                url: url.clone(),
                status: status.clone(),
                message: message.to_owned(),
                due,
                held,
                tries: 0,
            };
            draft.record(Event::HookQueued(hook));
            due = apart.after(due);
        }
    }
}

/// Where this transfer's webhooks go; a URL named twice gets one.
fn destinations(transfer: &Transfer, terms: Terms<'_>) -> BTreeSet<String> {
    let own = transfer.order.callback_url.clone();
    let general = terms.settings.webhook_url.clone();
    match terms.settings.callback_url {
        CallbackUrl::Ignored => general.into_iter().collect(),
        CallbackUrl::Also => general.into_iter().chain(own).collect(),
        CallbackUrl::Instead => own.or(general).into_iter().collect(),
    }
}
