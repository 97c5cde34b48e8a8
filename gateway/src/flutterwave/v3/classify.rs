//! What an answer to a send means. Pure, so that the table below it can be read in full.
//!
//! Guarantee: `NotSent` only where no transfer can have come of it, `Declined` only for an answer in the table of known
//! refusals, `Accepted` only for a record of exactly what was asked. Everything else is `Unknown`: when in doubt, the money may
//! have moved.

use domain::{Accepted, AttemptTerms, Failure, NotSent, NotSentClass, Submitted};

use super::{
    envelope::Envelope,
    exchange::{Answer, Body, Exchange},
    record::{Record, Status, WireReference},
};
use crate::redact::scrub;

/// 408 is a 4xx, but it is the answer to a request that was not wholly read, by whoever stands in front of the gateway.
const REQUEST_TIMEOUT: u16 = 408;

/// What came of sending `terms` under `reference`.
pub(super) fn submitted(terms: &AttemptTerms, reference: &WireReference, exchange: &Exchange) -> Submitted {
    match exchange {
        Exchange::NotConnected { why } => not_sent(NotSentClass::Unreachable, None, why.clone()),
        Exchange::Broken { why } => Submitted::Unknown { why: why.clone() },
        Exchange::Answered(answer) => answered(terms, reference, answer),
    }
}

fn answered(terms: &AttemptTerms, reference: &WireReference, answer: &Answer) -> Submitted {
    let status = answer.status;
    let unknown = |what: &str| Submitted::Unknown { why: format!("the gateway answered {status}: {what}") };
    // These two are refusals by the status alone, whatever wrote the body.
    if status == 401 {
        return not_sent(NotSentClass::Unauthorized, None, message_of(answer));
    }
    if status == 429 {
        return not_sent(NotSentClass::RateLimited, answer.retry_after, message_of(answer));
    }
    let body = match &answer.body {
        Body::Whole(body) => body,
        Body::Cut { why } => return unknown(why),
    };
    let Some(envelope) = Envelope::read(body) else { return unknown("a body of another shape") };
    match status {
        200..=299 => match envelope.success().and_then(Record::read) {
            Some(record) => accepted(terms, reference, &record).unwrap_or_else(|what| unknown(&what)),
            None => unknown("a body of another shape"),
        },
        REQUEST_TIMEOUT => unknown("it did not read the whole request"),
        400..=499 => match envelope.error() {
            Some(message) => refused(terms, status, message),
            None => unknown("a refusal of another shape"),
        },
        _ => unknown("that settles nothing"),
    }
}

/// A record of what was asked, whatever its status: a transfer that is FAILED or SUCCESSFUL at once has still been accepted,
/// and how it ends is for an observation to say.
fn accepted(
    terms: &AttemptTerms,
    reference: &WireReference,
    record: &Record<'_>,
) -> Result<Submitted, String> {
    match record.status() {
        Status::New | Status::Pending | Status::Successful | Status::Failed => {}
        Status::Other(word) => return Err(format!("the status is {word}")),
    }
    let sighting = record.sighting(reference)?;
    match sighting.disagreement(terms) {
        Some(field) => Err(format!("the {field} is not what was asked")),
        None => Ok(Submitted::Accepted(Accepted { gateway_id: sighting.gateway_id, fee: sighting.fee })),
    }
}

fn refused(terms: &AttemptTerms, status: u16, message: &str) -> Submitted {
    let kept = scrub(message, terms.beneficiary.expose());
    if is_not_whitelisted(status, message) {
        return not_sent(NotSentClass::NotWhitelisted, None, kept);
    }
    if is_duplicate(status, message) {
        return Submitted::Duplicate;
    }
    match Failure::known_refusal(message) {
        Some(failure) => Submitted::Declined(Failure { message: kept, ..failure }),
        None => Submitted::Unknown { why: format!("the gateway answered {status}: {kept}") },
    }
}

/// `Please enable IP Whitelisting to access this service`, a 400: turned away before anything was looked at.
pub(super) fn is_not_whitelisted(status: u16, message: &str) -> bool {
    matches!(status, 400 | 403) && message.to_lowercase().contains("enable ip whitelisting")
}

/// `Payout with this ref already exists`. The status for a single transfer is not documented; bulk says 400.
fn is_duplicate(status: u16, message: &str) -> bool {
    matches!(status, 400 | 409) && message.to_lowercase().contains("with this ref already exists")
}

fn not_sent(class: NotSentClass, retry_after: Option<std::time::Duration>, message: String) -> Submitted {
    Submitted::NotSent(NotSent { class, retry_after, message })
}

/// What the gateway wrote beside its status, if it is its own kind of body.
pub(super) fn message_of(answer: &Answer) -> String {
    let status = answer.status;
    let said = match &answer.body {
        Body::Whole(body) => Envelope::read(body).and_then(|envelope| envelope.message),
        Body::Cut { .. } => None,
    };
    said.map_or_else(|| format!("the gateway answered {status}"), |said| scrub(&said, ""))
}

#[cfg(test)]
mod table;
