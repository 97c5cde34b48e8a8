//! What the marketplace is sent by webhook, in the document: a schema for each body, and an example of each event.
//!
//! `OpenAPI` 3.0 has no place for calls that a server makes by itself, so they stand under `x-webhooks`, as Redoc and others read
//! them; the schemas are components like every other, so generators make types of them. The examples are made by the code that
//! makes what is sent, and a test holds the one against the other.

use channels::{webhook_event, webhook_test_event};
use chrono::{DateTime, Utc};
use domain::{Currency, Money, PayoutId, ProviderId};
use poem_openapi::{Enum, Object, registry::Registry, types::Type as _};
use serde_json::{Map, Value, json};
use store::{
    messages::{About, Told},
    notifications::Event,
};
use uuid::Uuid;

use crate::money::Amount;

/// What a webhook tells about a payout. More may come: ignore what you do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum PayoutEventType {
    #[oai(rename = "payout.received")]
    Received,
    #[oai(rename = "payout.approved")]
    Approved,
    #[oai(rename = "payout.rejected")]
    Rejected,
    #[oai(rename = "payout.cancelled")]
    Cancelled,
    #[oai(rename = "payout.completed")]
    Completed,
    #[oai(rename = "payout.failed")]
    Failed,
    #[oai(rename = "payout.refunded")]
    Refunded,
    #[oai(rename = "payout.replaced")]
    Replaced,
    #[oai(rename = "payout.returned")]
    Returned,
}

/// The payout that an event tells about. No account number is in it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct PayoutEventData {
    /// The payout.
    payout_id: Uuid,
    /// Whose it is: our id of the provider.
    provider_id: Uuid,
    /// Whose it is: the marketplace's own id of the provider.
    provider_external_id: String,
    /// What was asked for.
    amount: Amount,
    /// Why, in words for the provider; where there is a why.
    reason: Option<String>,
}

/// The body of a webhook about a payout. New fields may come within a version: ignore what you do not know.
#[derive(Debug, Object)]
struct PayoutEvent {
    /// What happened.
    #[oai(rename = "type")]
    kind: PayoutEventType,
    /// `1`. It changes when a field changes its meaning or goes.
    version: String,
    /// When it happened (UTC); `webhook-timestamp` is when it was sent.
    timestamp: DateTime<Utc>,
    /// What it happened to.
    data: PayoutEventData,
}

/// A test of a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum EndpointTestType {
    #[oai(rename = "endpoint.test")]
    Test,
}

/// The body of a webhook that was asked for by `testWebhookEndpoint`.
#[derive(Debug, Object)]
struct EndpointTestEvent {
    /// That it is a test.
    #[oai(rename = "type")]
    kind: EndpointTestType,
    /// `1`, as of the events.
    version: String,
    /// When it was asked for (UTC).
    timestamp: DateTime<Utc>,
    /// Made up; the payout and the provider do not exist.
    data: PayoutEventData,
}

/// Puts the schemas and `x-webhooks` into the document.
pub(crate) fn add_to(document: &mut Value) {
    let mut registry = Registry::new();
    PayoutEvent::register(&mut registry);
    EndpointTestEvent::register(&mut registry);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        for (name, schema) in &registry.schemas {
            schemas.insert(name.clone(), json!(schema));
        }
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("x-webhooks".to_owned(), calls());
    }
}

/// Every event, with what it means.
fn calls() -> Value {
    let mut calls = Map::new();
    for event in Event::ALL {
        if let (Some(kind), Some(when), Some(example)) = (event.webhook_type(), when(event), example(event)) {
            calls.insert(kind.to_owned(), call(kind, when, &PayoutEvent::name(), &example));
        }
    }
    let test = "You asked for a test; the data is made up.";
    calls.insert(
        "endpoint.test".to_owned(),
        call("endpoint.test", test, &EndpointTestEvent::name(), &test_example()),
    );
    Value::Object(calls)
}

fn call(kind: &str, when: &str, schema: &str, example: &Value) -> Value {
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": true, "description": description, "schema": { "type": "string" } });
    json!({
        "post": {
            "operationId": kind.replace('.', "_"),
            "summary": kind,
            "description": when,
            "parameters": [
                header("webhook-id", "Names the event: the same at each arrival, so that a second one can be recognised."),
                header("webhook-timestamp", "When it was sent, in seconds since 1970. Refuse what is more than five minutes away."),
                header("webhook-signature", "`v1,<base64>` of each secret in force, separated by spaces. Any library of Standard Webhooks verifies it."),
            ],
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": {
                        "schema": { "$ref": format!("#/components/schemas/{schema}") },
                        "example": example,
                    },
                },
            },
            "responses": {
                "2XX": { "description": "Taken. Answer within 15 seconds and work on it afterwards." },
                "410": { "description": "Nothing more is to be sent: the endpoint is switched off." },
                "default": { "description": "Not taken: it is sent again, for three days." },
            },
        },
    })
}

/// `None`: the marketplace is not told.
fn when(event: Event) -> Option<&'static str> {
    match event {
        Event::Received => Some("The provider has asked; the money is reserved."),
        Event::Approved => Some("It leaves with the next batch."),
        Event::Rejected => Some("It was not approved; the money is back in the balance."),
        Event::Cancelled => Some("By the provider; the money is back in the balance."),
        Event::Completed => Some("The gateway has paid it."),
        Event::Failed => Some("It could not be paid and waits for a person; the money stays reserved."),
        Event::Refunded => Some("After it failed, the money is back in the balance."),
        Event::Replaced => Some(
            "After it failed, the provider gave another account: another payout has the money, this one is over.",
        ),
        Event::Returned => Some("The bank returned it after it was paid; the money is back in the balance."),
        Event::CheckAccount | Event::BankAccountChanged | Event::Suspended | Event::SuspensionLifted => None,
    }
}

fn reason(event: Event) -> Option<&'static str> {
    match event {
        Event::Rejected => Some("The work could not be confirmed."),
        Event::Failed | Event::Refunded => Some("The bank does not know this account."),
        Event::Replaced => Some("It is payout 0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2e now."),
        Event::Received
        | Event::Approved
        | Event::Cancelled
        | Event::Completed
        | Event::Returned
        | Event::CheckAccount
        | Event::BankAccountChanged
        | Event::Suspended
        | Event::SuspensionLifted => None,
    }
}

/// As if this had been told at 9 in the morning.
fn example(event: Event) -> Option<Value> {
    let id = |text: &str| Uuid::try_parse(text).unwrap_or_default();
    let payout = PayoutId::from_uuid(id("0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2b"));
    let amount = Money::parse("12500.00", Currency::Ngn).ok()?;
    let told = Told {
        id: id("0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2c"),
        event: event.as_str().to_owned(),
        about: About::Provider {
            id: ProviderId::from_uuid(id("0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2d")),
            external_id: "shop-7".to_owned(),
            name: String::new(),
            payout: Some((payout, amount)),
        },
        title: String::new(),
        body: String::new(),
        reason: reason(event).map(str::to_owned),
        at: moment(),
    };
    serde_json::from_str(&webhook_event(&told)?.body).ok()
}

fn test_example() -> Value {
    serde_json::from_str(&webhook_test_event(Uuid::nil(), moment()).body).unwrap_or_default()
}

fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_770_000, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is wrong with `value` by `schema`, which may know no more fields than it names: what is sent must be told.
    fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(name) = schema["$ref"].as_str() {
            return wrong(document, document.pointer(name.trim_start_matches('#')).unwrap(), value, at);
        }
        if let Some(all) = schema["allOf"].as_array() {
            return all.iter().flat_map(|schema| wrong(document, schema, value, at)).collect();
        }
        // A part that only describes.
        let Some(kind) = schema["type"].as_str() else { return vec![] };
        match kind {
            "object" => {
                let (properties, fields) = (&schema["properties"], value.as_object().unwrap());
                let required = schema["required"].as_array().into_iter().flatten();
                let missing = required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name));
                let mut all: Vec<String> = missing.map(|name| format!("{at}.{name} is missing")).collect();
                for (name, value) in fields {
                    match properties.get(name) {
                        None => all.push(format!("{at}.{name} is not documented")),
                        Some(schema) => all.extend(wrong(document, schema, value, &format!("{at}.{name}"))),
                    }
                }
                all
            }
            "string" => {
                let text = value.as_str().unwrap_or_else(|| panic!("{at} is no string"));
                let is_listed = schema["enum"].as_array().is_none_or(|items| items.contains(value));
                let is_right = match schema["format"].as_str() {
                    Some("uuid") => Uuid::try_parse(text).is_ok(),
                    Some("date-time") => DateTime::parse_from_rfc3339(text).is_ok(),
                    None => true,
                    Some(other) => panic!("{at} has the format {other}"),
                };
                if is_listed && is_right { vec![] } else { vec![format!("{at} is {text}")] }
            }
            other => panic!("{at} is a {other}"),
        }
    }

    fn document() -> Value {
        serde_json::from_str(&crate::document::committed()).unwrap()
    }

    #[test]
    fn what_is_sent_is_what_the_document_says() {
        let document = document();
        let calls = document["x-webhooks"].as_object().unwrap();
        let sent = Event::ALL.into_iter().filter(|event| event.webhook_type().is_some());
        let mut kinds = 0;
        for event in sent {
            let body = example(event).unwrap();
            let schema = json!({ "$ref": "#/components/schemas/PayoutEvent" });
            assert_eq!(wrong(&document, &schema, &body, "body"), [""; 0], "{event:?}");
            let content = &calls[event.webhook_type().unwrap()]["post"]["requestBody"]["content"];
            assert_eq!(content["application/json"]["example"], body);
            kinds += 1;
        }
        assert_eq!(calls.len(), kinds + 1);
        let listed = document["components"]["schemas"]["PayoutEventType"]["enum"].as_array().unwrap();
        assert_eq!(listed.len(), kinds, "a type is documented that is never sent");
        let schema = json!({ "$ref": "#/components/schemas/EndpointTestEvent" });
        assert_eq!(wrong(&document, &schema, &test_example(), "body"), [""; 0]);
        let mut unknown = test_example();
        unknown["data"]["account"] = json!("0690000032");
        assert_eq!(wrong(&document, &schema, &unknown, "body"), ["body.data.account is not documented"]);
    }

    #[test]
    fn the_guide_names_every_event() {
        let guide = include_str!("../../docs/webhooks.md");
        for kind in document()["x-webhooks"].as_object().unwrap().keys() {
            assert!(guide.contains(&format!("`{kind}`")), "{kind}");
        }
    }
}
