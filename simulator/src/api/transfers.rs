//! `POST /v3/transfers`.
//!
//! Guarantee: what becomes of the money is decided and written down in one step, before any stall and whatever
//! the caller is told, so that a caller who hangs up changes nothing.

use std::sync::Arc;

use crate::agenda;
use crate::books::accept::{self, Refusal, Taken};
use crate::books::{Arrival, Course, Deferred, Draft, Event, Order, Verdict};
use crate::faults::treatment::{CarryOut, Treatment};
use crate::faults::{Fault, Stage, Subject};
use crate::server::{Answer, Request};
use crate::settings::Settings;
use crate::world::World;

use super::order::{BankField, OrderBody};
use super::shapes::TransferData;

/// What a request came to in the books.
enum Outcome {
    Taken(Box<Taken>),
    Refused(Refusal),
    /// Not carried out now, or not at all; the fault has the answer.
    Elsewhere,
}

pub(super) async fn create(world: &Arc<World>, request: &Request) -> Result<Answer, Answer> {
    let settings = world.settings();
    let ((treatment, outcome), upto) = world.books.decide(|draft| {
        let order = read_order(draft, request);
        let fault = strike(draft, world, &settings, &order);
        let treatment = fault.as_ref().map_or(Treatment::HONEST, Treatment::under);
        let reference = match &order {
            Ok(order) => Some(order.reference.clone()),
            Err(invalid) => invalid.reference.clone(),
        };
        let (verdict, outcome) = carry_out(draft, world, &settings, &treatment, order);
        log(reference.as_deref(), verdict, &outcome, fault.as_ref());
        draft.record(Event::Posted(Arrival {
            real_at: world.books.clock.real_now(),
            reference,
            verdict,
            fault: fault.map(|fault| fault.kind().to_owned()),
        }));
        (treatment, outcome)
    });
    world.books.on_disk(upto).await?;
    let honest = match outcome {
        Outcome::Taken(taken) => {
            if taken.webhook_first {
                agenda::webhook_tried(world, taken.transfer.id).await;
            }
            Answer::success("Transfer Queued Successfully", TransferData::queued(&taken.transfer))
        }
        Outcome::Refused(refusal) => refused(&refusal, &settings),
        Outcome::Elsewhere => Answer::Reset,
    };
    Ok(treatment.reply.or_honest(&world.books.clock, honest).await)
}

/// Counts a request that had no right key.
pub(super) fn refused_at_the_door(world: &World, request: &Request) {
    world.books.decide(|draft| {
        let body = serde_json::from_slice::<OrderBody<'_>>(&request.body).ok();
        let reference = body.as_ref().and_then(OrderBody::reference).map(str::to_owned);
        let real_at = world.books.clock.real_now();
        draft.record(Event::Posted(Arrival {
            real_at,
            reference,
            verdict: Verdict::Unauthorized,
            fault: None,
        }));
    });
}

/// A body that is no order: why, and the reference if it could be read.
struct Invalid {
    message: String,
    reference: Option<String>,
}

fn read_order(draft: &Draft<'_>, request: &Request) -> Result<Order, Invalid> {
    let body: OrderBody<'_> = serde_json::from_slice(&request.body).map_err(|error| Invalid {
        message: format!("The request is not valid: {error}"),
        reference: None,
    })?;
    let reference = body.reference().map(str::to_owned);
    body.into_order(BankField::AccountBank, draft.state(), draft.now)
        .map_err(|message| Invalid { message, reference })
}

fn strike(
    draft: &Draft<'_>,
    world: &World,
    settings: &Settings,
    order: &Result<Order, Invalid>,
) -> Option<Fault> {
    let subject = match order {
        Ok(order) => order.subject(),
        Err(invalid) => Subject { reference: invalid.reference.as_deref(), ..Subject::default() },
    };
    let nth = subject.reference.map_or(0, |reference| draft.state().posts(reference));
    world.faults.strike(Stage::Answer, &subject, &settings.random, nth)
}

fn carry_out(
    draft: &mut Draft<'_>,
    world: &World,
    settings: &Settings,
    treatment: &Treatment,
    order: Result<Order, Invalid>,
) -> (Verdict, Outcome) {
    if treatment.carry_out == CarryOut::Never {
        return (Verdict::NotCarriedOut, Outcome::Elsewhere);
    }
    if !settings.ip_whitelisted {
        let refusal = Refusal { verdict: Verdict::Unauthorized, ..Refusal::invalid("") };
        return (Verdict::Unauthorized, Outcome::Refused(refusal));
    }
    let order = match order {
        Ok(order) => order,
        Err(invalid) => return (Verdict::Refused, Outcome::Refused(Refusal::invalid(invalid.message))),
    };
    let course = match treatment.carry_out {
        CarryOut::NowAndPaid => Course::Paid,
        CarryOut::Now | CarryOut::Never => Course::Usual,
        CarryOut::Later(after) => {
            let id = draft.state().next_id();
            let due = after.after(draft.now);
            draft.record(Event::Deferred(Box::new(Deferred { id, due, order, course: Course::Usual })));
            return (Verdict::Deferred, Outcome::Elsewhere);
        }
    };
    match accept::accept(draft, world.terms(settings), order, course) {
        Ok(taken) => (Verdict::Accepted, Outcome::Taken(Box::new(taken))),
        Err(refusal) => (refusal.verdict, Outcome::Refused(refusal)),
    }
}

pub(super) fn refused(refusal: &Refusal, settings: &Settings) -> Answer {
    if refusal.verdict == Verdict::Unauthorized && !settings.ip_whitelisted {
        return Answer::ip_not_whitelisted();
    }
    Answer::error(refusal.http_status, &refusal.message)
}

fn log(reference: Option<&str>, verdict: Verdict, outcome: &Outcome, fault: Option<&Fault>) {
    let reference = reference.unwrap_or("a transfer without reference");
    let what = match outcome {
        Outcome::Taken(taken) => format!("accepted as {}", taken.transfer.id),
        Outcome::Refused(refusal) if refusal.message.is_empty() => "refused".to_owned(),
        Outcome::Refused(refusal) => format!("refused: {}", refusal.message),
        Outcome::Elsewhere if verdict == Verdict::Deferred => "put off".to_owned(),
        Outcome::Elsewhere => "not carried out".to_owned(),
    };
    if let Some(fault) = fault.map(Fault::kind) {
        tracing::info!(reference, fault, "{reference} {what} under fault {fault}");
    } else {
        tracing::info!(reference, "{reference} {what}");
    }
}
