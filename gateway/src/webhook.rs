//! Webhooks of Flutterwave v3: is it from them, and which transfer does it name.
//!
//! A webhook is a hint. Its `verif-hash` is a shared secret that does not cover the body and can be replayed, so nothing in the
//! body is evidence; it only names a transfer that is worth observing now. Hence an event or a shape nobody knows is not an
//! error here: it is stored and acknowledged, and names no transfer.
//! <https://developer.flutterwave.com/v3.0.0/docs/webhooks>
//!
//! Cost: two SHA-256 of a short header; one pass over the body, whose size the receiver bounds.

use domain::Reference;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{flutterwave::v3::TestSuffix, redact::scrub};

/// The header that carries the shared secret.
pub const SIGNATURE_HEADER: &str = "verif-hash";

/// The request does not carry our secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's `verif-hash` is missing or wrong")]
pub struct Unsigned;

/// The body is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's body is not JSON")]
pub struct NotJson;

/// What a webhook says it is about. Not evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The transfer it names, as the gateway spells it.
    pub reference: Option<Reference>,
    pub gateway_id: Option<String>,
    pub claimed: ClaimedStatus,
    pub event: Option<String>,
}

/// The status a webhook claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedStatus {
    Succeeded,
    Failed,
    InFlight,
    /// A word this client does not know.
    Other(String),
    Absent,
}

/// Whether the `verif-hash` header is our secret. Both sides are hashed first, so the comparison takes the same time whatever
/// their contents and lengths.
///
/// An empty secret verifies nothing: a deployment that forgot to set it must not accept everyone's webhooks.
pub fn verify(header: Option<&[u8]>, secret: &[u8]) -> Result<(), Unsigned> {
    let given = Sha256::digest(header.unwrap_or_default());
    let ours = Sha256::digest(secret);
    let same = bool::from(given.as_slice().ct_eq(ours.as_slice()));
    if same && header.is_some() && !secret.is_empty() { Ok(()) } else { Err(Unsigned) }
}

/// Reads what transfer the body is about. Call [`verify`] on the same request first.
pub fn parse(raw_body: &[u8]) -> Result<Hint, NotJson> {
    let body: Value = serde_json::from_slice(raw_body).map_err(|_| NotJson)?;
    let envelope = Envelope::deserialize(&body).unwrap_or_default();
    let event = envelope.event.as_ref().and_then(Value::as_str).map(kept);
    let kind = envelope.event_type.as_ref().and_then(Value::as_str);
    // The v2 shape, which some accounts still got in 2020, has the transfer under `transfer` and no `event`.
    let transfer = match (&event, envelope.data, envelope.transfer) {
        (Some(event), Some(data), _) if event.starts_with(TRANSFER_EVENTS) => Some(data),
        (None, Some(data), None) if kind == Some(TRANSFER_KIND) => Some(data),
        (None, None, Some(transfer)) => Some(transfer),
        _ => None,
    };
    let Some(transfer) = transfer else {
        return Ok(Hint { reference: None, gateway_id: None, claimed: ClaimedStatus::Absent, event });
    };
    Ok(Hint {
        reference: text(&transfer, "reference").map(Reference::from_stored),
        gateway_id: id(&transfer),
        claimed: claimed(&transfer),
        event,
    })
}

impl Hint {
    /// With our own reference in place of the one that went over the wire in test mode.
    #[must_use]
    pub fn without_suffix(self, suffix: &TestSuffix) -> Self {
        Self { reference: self.reference.map(|wire| suffix.strip(wire)), ..self }
    }
}

/// Every event about a transfer begins like this; `transfer.completed` is the only one documented.
const TRANSFER_EVENTS: &str = "transfer.";
/// `event.type` of a transfer. The key is optional and contains a dot.
const TRANSFER_KIND: &str = "Transfer";
/// Longest reference, id or word that is kept. Ours have at most 42 characters and a suffix.
const MAX_CHARS: usize = 100;

/// `Value` everywhere: `meta` may be null, an object or an array, and a field of another type must not hide the others.
#[derive(Deserialize, Default)]
struct Envelope {
    event: Option<Value>,
    #[serde(rename = "event.type")]
    event_type: Option<Value>,
    data: Option<Value>,
    transfer: Option<Value>,
}

/// A text field that is short enough to be what it says it is. Cutting a reference would make it another one.
fn text(transfer: &Value, field: &str) -> Option<String> {
    transfer
        .get(field)?
        .as_str()
        .filter(|text| !text.is_empty() && text.chars().count() <= MAX_CHARS)
        .map(str::to_owned)
}

fn id(transfer: &Value) -> Option<String> {
    let number = || transfer.get("id")?.as_u64().map(|id| id.to_string());
    number().or_else(|| text(transfer, "id"))
}

fn claimed(transfer: &Value) -> ClaimedStatus {
    match transfer.get("status").and_then(Value::as_str) {
        Some("SUCCESSFUL") => ClaimedStatus::Succeeded,
        Some("FAILED") => ClaimedStatus::Failed,
        Some("NEW" | "PENDING") => ClaimedStatus::InFlight,
        Some(other) => ClaimedStatus::Other(kept(other)),
        None => ClaimedStatus::Absent,
    }
}

fn kept(word: &str) -> String {
    scrub(word, "")
}
