//! What an answer to a question means, before anyone looks into its body. Pure.

use bytes::Bytes;

use super::{
    classify::{is_not_whitelisted, message_of},
    exchange::{Body, Exchange},
};
use crate::{LookUpClass, LookUpFailed};

/// An answer about what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// 2xx, whole.
    Answer(Bytes),
    /// A 4xx that is about the question and not about who asks.
    Refused { status: u16, message: String },
}

/// The answer, or why there is none.
pub(super) fn told(exchange: Exchange) -> Result<Told, LookUpFailed> {
    let failed = |class, retry_after, message| Err(LookUpFailed { class, retry_after, message });
    let answer = match exchange {
        Exchange::NotConnected { why } => return failed(LookUpClass::Unreachable, None, why),
        Exchange::Broken { why } => return failed(LookUpClass::Interrupted, None, why),
        Exchange::Answered(answer) => answer,
    };
    let message = message_of(&answer);
    match (answer.status, answer.body) {
        (200..=299, Body::Whole(body)) => Ok(Told::Answer(body)),
        (200..=299, Body::Cut { why }) => failed(LookUpClass::Interrupted, None, why),
        (401, _) => failed(LookUpClass::Unauthorized, None, message),
        (408, _) => failed(LookUpClass::Interrupted, None, message),
        (429, _) => failed(LookUpClass::RateLimited, answer.retry_after, message),
        (status, _) if is_not_whitelisted(status, &message) => {
            failed(LookUpClass::NotWhitelisted, None, message)
        }
        (status @ 400..=499, _) => Ok(Told::Refused { status, message }),
        (500..=599, _) => failed(LookUpClass::Unavailable, answer.retry_after, message),
        (_, _) => failed(LookUpClass::NotUnderstood, None, message),
    }
}

/// A refusal nobody expected.
pub(super) fn refused(status: u16, message: &str) -> LookUpFailed {
    let message = format!("{status}: {message}");
    LookUpFailed { class: LookUpClass::Refused, retry_after: None, message }
}

/// An answer whose body has another shape than is documented.
pub(super) fn not_understood(what: &str) -> LookUpFailed {
    let message = format!("the answer has another shape than is documented: {what}");
    LookUpFailed { class: LookUpClass::NotUnderstood, retry_after: None, message }
}
