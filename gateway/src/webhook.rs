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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_secret_verifies() {
        let secret = b"a-long-shared-secret";
        assert_eq!(verify(Some(secret), secret), Ok(()));
        for wrong in
            [&b""[..], b"a", b"a-long-shared-secreT", b"a-long-shared-secret ", b"A-LONG-SHARED-SECRET"]
        {
            assert_eq!(verify(Some(wrong), secret), Err(Unsigned));
        }
        assert_eq!(verify(None, secret), Err(Unsigned));
    }

    #[test]
    fn an_unset_secret_verifies_nothing() {
        assert_eq!(verify(Some(b""), b""), Err(Unsigned));
        assert_eq!(verify(None, b""), Err(Unsigned));
    }

    const CAPTURED: &str = r#"{"event":"transfer.completed","event.type":"Transfer","data":{"id":71780490,
        "account_number":"3000000000","bank_name":"FIRST BANK PLC","bank_code":"011","fullname":"JOHN DOE",
        "created_at":"2026-03-21T19:50:13.000Z","currency":"NGN","debit_currency":"NGN","amount":100,"fee":10.75,
        "status":"SUCCESSFUL","reference":"pay-1","meta":[{}],"narration":"transfers","approver":null,
        "complete_message":"Transaction was successful","requires_approval":0,"is_approved":1}}"#;

    fn hint(body: &str) -> Hint {
        parse(body.as_bytes()).unwrap()
    }

    fn names(hint: &Hint) -> Option<&str> {
        hint.reference.as_ref().map(Reference::as_str)
    }

    #[test]
    fn the_captured_shape_names_its_transfer() {
        let read = hint(CAPTURED);
        assert_eq!(names(&read), Some("pay-1"));
        assert_eq!(read.gateway_id.as_deref(), Some("71780490"));
        assert_eq!(read.claimed, ClaimedStatus::Succeeded);
        assert_eq!(read.event.as_deref(), Some("transfer.completed"));
    }

    #[test]
    fn what_varies_does_not_matter() {
        for (this, for_that) in [
            ("\"event.type\":\"Transfer\",", ""),
            ("\"event\":\"transfer.completed\",", ""),
            ("[{}]", "null"),
            ("[{}]", "{\"a\":1}"),
            ("fullname", "full_name"),
            ("10.75", "\"free\""),
            ("71780490", "\"71780490\""),
            ("transfer.completed", "transfer.reversal"),
        ] {
            assert!(CAPTURED.contains(this));
            let read = hint(&CAPTURED.replacen(this, for_that, 1));
            assert_eq!(names(&read), Some("pay-1"), "{this}");
            assert_eq!(read.gateway_id.as_deref(), Some("71780490"), "{this}");
        }
    }

    #[test]
    fn the_claim_is_the_status_and_never_the_event() {
        for (word, claimed) in [
            ("FAILED", ClaimedStatus::Failed),
            ("NEW", ClaimedStatus::InFlight),
            ("PENDING", ClaimedStatus::InFlight),
            ("successful", ClaimedStatus::Other("successful".to_owned())),
            ("REVERSED", ClaimedStatus::Other("REVERSED".to_owned())),
        ] {
            assert_eq!(hint(&CAPTURED.replace("SUCCESSFUL", word)).claimed, claimed);
        }
    }

    #[test]
    fn the_shape_of_2020_names_its_transfer() {
        let read = hint(
            r#"{"event.type":"Transfer","transfer":{"id":7,"fullname":"JOHN DOE","date_created":"2020-01-01","status":"FAILED",
            "reference":"pay-2","complete_message":"no","proof":"504828363550713897092362940989"}}"#,
        );
        assert_eq!((names(&read), read.gateway_id.as_deref()), (Some("pay-2"), Some("7")));
        assert_eq!((read.claimed, read.event), (ClaimedStatus::Failed, None));
    }

    #[test]
    fn what_is_not_about_a_transfer_names_none() {
        for body in [
            &CAPTURED.replace("transfer.completed", "charge.completed"),
            &CAPTURED.replace("transfer.completed", "unheard.of"),
            &CAPTURED.replace("\"event\":\"transfer.completed\",\"event.type\":\"Transfer\",", ""),
            r#"{"event":"transfer.completed","data":null}"#,
            r#"{"event":"transfer.completed","data":[]}"#,
            r#"{"event":"transfer.completed","data":{"reference":7,"id":-1}}"#,
            r#"{"event":"transfer.completed","data":{"reference":""}}"#,
            r#"{"event":7}"#,
            "{}",
            "[]",
            "null",
            "7",
        ] {
            let read = hint(body);
            assert_eq!((names(&read), read.gateway_id.as_deref()), (None, None), "{body}");
        }
        // Cut, it would be another reference.
        assert_eq!(names(&hint(&CAPTURED.replace("pay-1", &"x".repeat(101)))), None);
    }

    #[test]
    fn only_what_is_not_json_is_an_error() {
        for body in [&b""[..], b"<html>", b"{", b"{}{}", b"\xff"] {
            assert_eq!(parse(body), Err(NotJson));
        }
    }

    #[test]
    fn in_test_mode_the_suffix_is_taken_off() {
        let suffix: TestSuffix = "_PMCKDU_1".parse().unwrap();
        let suffixed = hint(&CAPTURED.replace("pay-1", "pay-1_PMCKDU_1"));
        assert_eq!(names(&suffixed.without_suffix(&suffix)), Some("pay-1"));
        assert_eq!(names(&hint(CAPTURED).without_suffix(&suffix)), Some("pay-1"));
    }
}
