//! Taking a transfer on: the checks that need the books, the debit and the plan, in one step.

use rust_decimal::Decimal;

use super::event::{Accepted, Event, Verdict};
use super::plan::{self, Course};
use super::settle;
use super::transfer::{Order, Transfer};
use super::{Draft, MOST_TRANSFERS};
use crate::banks;
use crate::faults::{Fault, Faults, Stage};
use crate::money;
use crate::settings::{AfterFailed, DuplicateStatus, InsufficientFunds, Settings};
use crate::status::Status;

pub(crate) const DUPLICATE: &str = "Payout with this ref already exists";
const SHORT_AT_ONCE: &str = "Insufficient funds in customer wallet";
const BOOKS_FULL: &str = "The simulator's books are full";

/// What decides along with the books.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) faults: &'a Faults,
}

/// A synchronous refusal: the reference stays free, unless it was taken before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) http_status: u16,
    pub(crate) message: String,
    pub(crate) verdict: Verdict,
}

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { http_status: 400, message: message.into(), verdict: Verdict::Refused }
    }

    fn duplicate(settings: &Settings) -> Self {
        let http_status = match settings.duplicate_status {
            DuplicateStatus::BadRequest => 400,
            DuplicateStatus::Conflict => 409,
        };
        Self { http_status, message: DUPLICATE.into(), verdict: Verdict::Duplicate }
    }
}

/// A transfer as it was the moment it was accepted.
pub(crate) struct Taken {
    pub(crate) transfer: Transfer,
    /// Its webhook must be delivered before its POST is answered.
    pub(crate) webhook_first: bool,
}

/// Takes a transfer on or refuses it. `course` is what the caller already knows of its fate; a usual one may
/// still be struck by a fault.
pub(crate) fn accept(
    draft: &mut Draft<'_>,
    terms: Terms<'_>,
    order: Order,
    course: Course,
) -> Result<Taken, Refusal> {
    let settings = terms.settings;
    check_order(draft, settings, &order)?;
    let fee = money::fee_for(order.amount, settings.levy_in_fee);
    let total = order.amount.saturating_add(fee);
    let funded = draft.state().wallet >= total;
    if !funded && settings.insufficient_funds == InsufficientFunds::AtOnce {
        return Err(Refusal::invalid(SHORT_AT_ONCE));
    }
    let course = match course {
        _ if !funded => Course::Unfunded,
        Course::Usual => strike_course(draft, terms, &order),
        given @ (Course::Paid | Course::Unfunded | Course::Struck(_)) => given,
    };
    let plan = plan::steps(&course, settings, &order.reference, draft.now);
    let webhook_first = course == Course::Struck(Fault::WebhookEarly {});
    let transfer = record(draft, terms, Draftable { order, fee, plan, funded, retry_of: None });
    Ok(Taken { transfer, webhook_first })
}

/// Retries a failed transfer: a new one, with a new id and a reference of the gateway's making.
pub(crate) fn retry(draft: &mut Draft<'_>, terms: Terms<'_>, failed: u64) -> Result<Transfer, Refusal> {
    let state = draft.state();
    let transfer = state.transfers.get(&failed).ok_or_else(|| Refusal::invalid("Transfer not found"))?;
    if transfer.status != Status::Failed {
        return Err(Refusal::invalid("You can only retry failed transfers"));
    }
    if transfer.message == plan::INSUFFICIENT_FUNDS {
        return Err(Refusal::invalid("This transfer cannot be retried"));
    }
    let original = transfer.retry_of.unwrap_or(failed);
    let nth = state.retries.get(&original).map_or(0, Vec::len).saturating_add(1);
    let first = state.transfers.get(&original).unwrap_or(transfer);
    let original_reference = first.order.reference.clone();
    let reference = format!("{original_reference}_RETRY_{nth}");
    let order = Order { reference, ..first.order.clone() };
    check_order(draft, terms.settings, &order)?;

    let fee = money::fee_for(order.amount, terms.settings.levy_in_fee);
    let funded = draft.state().wallet >= order.amount.saturating_add(fee);
    let course = if funded { strike_course(draft, terms, &order) } else { Course::Unfunded };
    let plan = plan::steps(&course, terms.settings, &original_reference, draft.now);
    Ok(record(draft, terms, Draftable { order, fee, plan, funded, retry_of: Some(original) }))
}

fn check_order(draft: &Draft<'_>, settings: &Settings, order: &Order) -> Result<(), Refusal> {
    if is_taken(draft, settings, &order.reference) {
        return Err(Refusal::duplicate(settings));
    }
    banks::check_payable(&order.bank_code, &order.account_number).map_err(Refusal::invalid)?;
    if let Some(minimum) = settings.minimum_amount
        && order.amount < minimum
    {
        return Err(Refusal::invalid(format!("Amount must be at least {}NGN.", minimum.normalize())));
    }
    if draft.state().transfers.len() >= MOST_TRANSFERS {
        return Err(Refusal { http_status: 503, message: BOOKS_FULL.into(), verdict: Verdict::Refused });
    }
    Ok(())
}

fn is_taken(draft: &Draft<'_>, settings: &Settings, reference: &str) -> bool {
    let blind = settings.duplicate_blind_for;
    draft.state().under(reference).any(|earlier| {
        let reusable =
            settings.duplicate_after_failed == AfterFailed::Reusable && earlier.status == Status::Failed;
        let unseen = !blind.is_zero() && draft.now < blind.after(earlier.created_at);
        !reusable && !unseen
    })
}

fn strike_course(draft: &Draft<'_>, terms: Terms<'_>, order: &Order) -> Course {
    let nth = draft.state().posts(&order.reference);
    terms
        .faults
        .strike(Stage::Course, &order.subject(), &terms.settings.random, nth)
        .map_or(Course::Usual, Course::Struck)
}

/// What an acceptance is recorded from.
struct Draftable {
    order: Order,
    fee: Decimal,
    plan: Vec<super::transfer::Step>,
    funded: bool,
    retry_of: Option<u64>,
}

/// Records it, takes the steps that are due at once, and answers with the transfer as it was before them.
fn record(draft: &mut Draft<'_>, terms: Terms<'_>, from: Draftable) -> Transfer {
    let Draftable { order, fee, plan, funded, retry_of } = from;
    let id = draft.state().next_id();
    let nth = draft.state().posts(&order.reference);
    let lag = terms.faults.strike(Stage::Hiding, &order.subject(), &terms.settings.random, nth);
    if let Some(lag) = &lag {
        terms.faults.hide(id, lag, draft.now);
    }
    let debited = funded.then(|| order.amount.saturating_add(fee));
    let accepted = Accepted { id, order: order.clone(), fee, plan, debited, retry_of };
    draft.record(Event::Accepted(Box::new(accepted)));
    let fresh = draft.state().transfers.get(&id).cloned();
    settle::take_due_steps(draft, terms, id);
    fresh.unwrap_or_else(|| Transfer {
        id,
        order,
        fee,
        status: Status::New,
        message: String::new(),
        created_at: draft.now,
        steps: std::collections::VecDeque::new(),
        movements: Vec::new(),
        retry_of,
        webhooks: Vec::new(),
    })
}
