//! Webhooks to the marketplace, in the format of Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! An event's body is a function of what was told, so it is the same at each try, for each endpoint and when it is replayed, and
//! so is its `webhook-id`. Signed with every secret in force: while one is being changed for another, both are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{Money, ProviderId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::elliptic_curve::rand_core::{OsRng, RngCore as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;
use store::messages::{About, Told};
use uuid::Uuid;

use crate::outbound::Request;

/// Of the body. It changes when a field changes its meaning or goes; new fields may come within one version.
pub(crate) const VERSION: &str = "1";

/// 256 bits, as Standard Webhooks recommends at least 192.
const SECRET_BYTES: usize = 32;
const SECRET_PREFIX: &str = "whsec_";

/// What signs webhooks, in the form that is shown to the marketplace: `whsec_` and base64.
pub struct SigningSecret(String);

impl SigningSecret {
    pub fn make() -> Self {
        let mut bytes = [0; SECRET_BYTES];
        OsRng.fill_bytes(&mut bytes);
        Self(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// One that was made before.
    pub(crate) fn known(text: String) -> Self {
        Self(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What the marketplace is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Names the event: the same at each arrival.
    pub id: String,
    pub body: String,
}

/// `None`: it is nothing that webhooks tell.
pub fn event(told: &Told) -> Option<Event> {
    let kind = store::notifications::Event::parse(&told.event)?.webhook_type()?;
    let About::Provider { id, external_id, payout: Some((payout, amount)), .. } = &told.about else {
        return None;
    };
    let mut data = json!({
        "payout_id": payout,
        "provider_id": id,
        "provider_external_id": external_id,
        "amount": amount_of(*amount),
    });
    if let (Some(reason), Value::Object(fields)) = (&told.reason, &mut data) {
        fields.insert("reason".to_owned(), json!(reason));
    }
    Some(Event { id: message_id(told.id), body: envelope(kind, told.at, &data) })
}

/// Sent when the marketplace asks for it, to see whether its endpoint works.
pub fn test_event(id: Uuid, asked_at: DateTime<Utc>) -> Event {
    let data = json!({
        "payout_id": Uuid::nil(),
        "provider_id": ProviderId::from_uuid(Uuid::nil()),
        "provider_external_id": "test",
        "amount": { "amount": "1500.00", "currency": "NGN" },
    });
    Event { id: message_id(id), body: envelope("endpoint.test", asked_at, &data) }
}

/// The `webhook-id` of what was told.
fn message_id(told: Uuid) -> String {
    format!("msg_{}", told.simple())
}

fn amount_of(amount: Money) -> Value {
    json!({ "amount": amount.amount().to_string(), "currency": amount.currency().code() })
}

fn envelope(kind: &str, at: DateTime<Utc>, data: &Value) -> String {
    let timestamp = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({ "type": kind, "version": VERSION, "timestamp": timestamp, "data": data }).to_string()
}

/// `v1,<base64>` of one secret; `None`: it is none of ours.
pub fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

pub(crate) fn request(
    url: &str,
    secrets: &[SigningSecret],
    event: &Event,
    now: DateTime<Utc>,
) -> Option<Request> {
    let timestamp = now.timestamp();
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| sign(secret.expose(), &event.id, timestamp, &event.body))
        .collect();
    if signatures.is_empty() {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", HeaderValue::try_from(&event.id).ok()?);
    headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
    headers.insert("webhook-signature", HeaderValue::try_from(signatures.join(" ")).ok()?);
    Some(Request {
        url: url.to_owned(),
        headers,
        body: event.body.clone().into_bytes(),
        missing_is_gone: false,
    })
}

#[cfg(test)]
mod tests {
    use domain::{Currency, PayoutId};

    use super::*;

    pub(crate) fn told(event: &str) -> Told {
        let payout = Some((PayoutId::mint(), Money::parse("12500.00", Currency::Ngn).unwrap()));
        Told {
            id: Uuid::now_v7(),
            event: event.to_owned(),
            about: About::Provider {
                id: ProviderId::mint(),
                external_id: "shop-7".to_owned(),
                name: "Ada".to_owned(),
                payout,
            },
            title: "Your payout could not be made".to_owned(),
            body: "₦12,500.00 could not be paid.".to_owned(),
            reason: Some("The bank does not know the account.".to_owned()),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_example_of_the_standard_is_signed_as_it_says() {
        let signed = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_published_library_accepts_what_is_sent_under_the_old_secret_and_the_new() {
        let secrets = [SigningSecret::make(), SigningSecret::make()];
        let event = event(&told("failed")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the library compares with the machine's clock")]
        let now = Utc::now();
        let request = request("https://shop.example.com/", &secrets, &event, now).unwrap();
        for secret in &secrets {
            let verifier = standardwebhooks::Webhook::new(secret.expose()).unwrap();
            verifier.verify(&request.body, &request.headers).unwrap();
            assert!(verifier.verify(b"{}", &request.headers).is_err());
        }
        let other = standardwebhooks::Webhook::new(SigningSecret::make().expose()).unwrap();
        assert!(other.verify(&request.body, &request.headers).is_err());
    }

    #[test]
    fn an_event_is_the_same_whenever_it_is_sent() {
        let told = told("completed");
        assert_eq!(event(&told), event(&told.clone()));
        let body: Value = serde_json::from_str(&event(&told).unwrap().body).unwrap();
        assert_eq!((&body["type"], &body["version"]), (&json!("payout.completed"), &json!("1")));
        assert_eq!(body["data"]["amount"], json!({ "amount": "12500.00", "currency": "NGN" }));
        assert_eq!(body["timestamp"], "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_only_the_provider_may_know_is_no_webhook() {
        assert_eq!(event(&told("bank_account_changed")), None);
    }
}
