//! `/api/platform/webhook-endpoints`: where the marketplace hears of payouts.

use channels::{SigningSecret, outbound};
use chrono::{DateTime, Utc};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use store::{
    messages::{self, Filter},
    notifications::Event,
    webhook_endpoints::{self, Asked, Endpoint, NewEndpoint, Replay},
};
use uuid::Uuid;

use crate::{
    app::{App, TheApp},
    auth::AsPlatform,
    body::{Body, Fields, FromFields},
    document::Tag,
    paging::{self, NumberCursor, default_limit},
    problem::{Code, FieldCode, FieldError, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID, WITH_QUERY},
    shapes::message::{Message, Messages},
};

const MAX_URL_CHARS: usize = 1000;
const MAX_DESCRIPTION_CHARS: usize = 200;

/// Where to send which events.
#[derive(Debug, Object)]
struct WebhookEndpointContent {
    /// A public `https` URL of at most 1000 characters.
    #[oai(validator(max_length = 1000))]
    url: String,
    /// For people; at most 200 characters.
    #[oai(validator(max_length = 200))]
    description: Option<String>,
    /// `payout.received`, `payout.approved`, `payout.rejected`, `payout.cancelled`, `payout.completed`, `payout.failed`,
    /// `payout.refunded`, `payout.replaced`, `payout.returned`. None, or left out: all, also those that come later.
    #[oai(validator(max_items = 20))]
    event_types: Option<Vec<String>>,
}

struct Given {
    url: String,
    description: String,
    event_types: Vec<String>,
}

impl FromFields for WebhookEndpointContent {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let url = fields.text("url", MAX_URL_CHARS);
        let description = fields.optional_text("description", MAX_DESCRIPTION_CHARS).unwrap_or_default();
        let event_types = fields.words("event_types");
        let known = |word: &String| Event::ALL.iter().any(|event| event.webhook_type() == Some(word));
        if event_types.as_ref().is_some_and(|words| !words.iter().all(known)) {
            fields.refuse("event_types", FieldCode::InvalidValue, "must be types of events");
        }
        Some(Given { url: url?, description, event_types: event_types? })
    }
}

/// Where the marketplace hears of payouts.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct WebhookEndpoint {
    /// Names it.
    id: Uuid,
    /// Where events are sent.
    url: String,
    /// For people.
    description: String,
    /// Which are sent; none: all.
    event_types: Vec<String>,
    /// Whether events are sent.
    enabled: bool,
    /// Why not.
    disabled_why: Option<String>,
    /// Since when nothing has been taken there. After five days it is switched off.
    failing_since: Option<DateTime<Utc>>,
    /// What events are signed with, `whsec_…`: shown when it is made, and never again.
    secret: Option<String>,
    /// Until when the secret before signs too.
    old_secret_until: Option<DateTime<Utc>>,
    /// When it was made (UTC).
    created_at: DateTime<Utc>,
    /// When it was last changed (UTC).
    updated_at: DateTime<Utc>,
}

impl WebhookEndpoint {
    fn new(endpoint: Endpoint, secret: Option<&SigningSecret>) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            event_types: endpoint.event_types,
            enabled: endpoint.disabled_why.is_none(),
            disabled_why: endpoint.disabled_why,
            failing_since: endpoint.failing_since,
            secret: secret.map(|secret| secret.expose().to_owned()),
            old_secret_until: endpoint.old_secret_until,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// All endpoints.
#[derive(Debug, Object)]
struct WebhookEndpoints {
    /// Oldest first; at most 20.
    items: Vec<WebhookEndpoint>,
}

/// Whether events are sent.
#[derive(Debug, Object)]
struct WebhookSwitch {
    /// False: nothing is sent any more, and what waits is dropped; it can be replayed later.
    enabled: bool,
}

impl FromFields for WebhookSwitch {
    type Checked = bool;

    fn from_fields(fields: &mut Fields) -> Option<bool> {
        fields.bool("enabled")
    }
}

/// Which events to send again: by id, or all since a time.
#[derive(Debug, Object)]
struct WebhookReplay {
    /// Events, with or without `msg_` before them; at most 100.
    #[oai(validator(max_items = 100))]
    events: Option<Vec<String>>,
    /// Everything told since then (RFC 3339), oldest first, at most 10,000.
    since: Option<String>,
}

impl FromFields for WebhookReplay {
    type Checked = Replay;

    fn from_fields(fields: &mut Fields) -> Option<Replay> {
        let (words, since) = (fields.words("events"), fields.optional_time("since"));
        let words = words?;
        let ids: Option<Vec<Uuid>> =
            words.iter().map(|word| Uuid::try_parse(word.trim_start_matches("msg_")).ok()).collect();
        let Some(ids) = ids else {
            fields.refuse("events", FieldCode::InvalidId, "must be ids of events");
            return None;
        };
        match (ids.is_empty(), since?) {
            (false, None) => Some(Replay::Events(ids)),
            (true, Some(since)) => Some(Replay::Since(since)),
            (true, None) | (false, Some(_)) => {
                fields.refuse("events", FieldCode::InvalidValue, "must be given, or else `since`");
                None
            }
        }
    }
}

/// What is sent again.
#[derive(Debug, Object)]
struct WebhooksReplayed {
    /// How many events.
    events: u64,
}

/// What a test sends.
#[derive(Debug, Object)]
struct WebhookTest {
    /// The message; it shows up among the deliveries.
    message_id: Uuid,
}

pub(crate) struct WebhookEndpointsApi;

impl Refuses for WebhookEndpointsApi {
    const CODES: &'static [&'static [Code]] = &[
        SIGNED_IN,
        WITH_ID,
        WITH_BODY,
        WITH_QUERY,
        &[Code::TooManyWebhookEndpoints, Code::WebhookEndpointDisabled],
    ];
}

/// As it is kept.
fn sealed(app: &App, secret: &SigningSecret, endpoint: Uuid) -> Result<String, Problem> {
    let sealed = app.channels.sealing.seal(secret.expose(), endpoint);
    sealed.ok_or_else(|| Problem::new(Code::InternalError, "The secret could not be sealed."))
}

fn off() -> Problem {
    Problem::new(Code::WebhookEndpointDisabled, "Switch it on first: nothing is sent to it.")
}

#[OpenApi(tag = "Tag::Platform")]
impl WebhookEndpointsApi {
    /// Add a webhook endpoint
    ///
    /// Events are sent there from now on, in the format of [Standard Webhooks](https://www.standardwebhooks.com): any of its
    /// libraries verifies them with the `secret`, which is shown this once. At most 20 endpoints. Earlier events can be replayed.
    #[oai(path = "/api/platform/webhook-endpoints", method = "post", operation_id = "addWebhookEndpoint")]
    async fn add(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        body: Body<WebhookEndpointContent>,
    ) -> Result<Json<WebhookEndpoint>, Refused<Self>> {
        let Given { url, description, event_types } = body.0;
        if let Err(wrong) = outbound::check(&url, app.channels.reach) {
            let error = FieldError::new("url", FieldCode::InvalidValue, wrong.to_string());
            return Err(Problem::invalid(vec![error]).into());
        }
        let (id, secret) = (Uuid::now_v7(), SigningSecret::make());
        let sealed = sealed(&app, &secret, id)?;
        let new = NewEndpoint {
            id,
            url: &url,
            description: &description,
            event_types: &event_types,
            secret: &sealed,
        };
        match webhook_endpoints::create(&app.pool, &new, &caller.0, app.now()).await? {
            Some(endpoint) => Ok(Json(WebhookEndpoint::new(endpoint, Some(&secret)))),
            None => {
                Err(Problem::new(Code::TooManyWebhookEndpoints, "There are 20 endpoints already.").into())
            }
        }
    }

    /// Webhook endpoints
    ///
    /// All of them, also those that are switched off. Secrets are not shown again.
    #[oai(path = "/api/platform/webhook-endpoints", method = "get", operation_id = "listWebhookEndpoints")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsPlatform,
    ) -> Result<Json<WebhookEndpoints>, Refused<Self>> {
        let found = webhook_endpoints::list(&app.pool).await?;
        let items = found.into_iter().map(|endpoint| WebhookEndpoint::new(endpoint, None)).collect();
        Ok(Json(WebhookEndpoints { items }))
    }

    /// Switch a webhook endpoint on or off
    ///
    /// What happens while it is off is not sent when it is on again: replay it. Safe to repeat.
    #[oai(
        path = "/api/platform/webhook-endpoints/:id/enabled",
        method = "put",
        operation_id = "switchWebhookEndpoint"
    )]
    async fn switch(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The endpoint.
        id: Path<Uuid>,
        body: Body<WebhookSwitch>,
    ) -> Result<Json<WebhookEndpoint>, Refused<Self>> {
        let found = webhook_endpoints::switch(&app.pool, id.0, body.0, &caller.0, app.now()).await?;
        Ok(Json(WebhookEndpoint::new(found.ok_or_else(Problem::not_found)?, None)))
    }

    /// Change a webhook endpoint's secret
    ///
    /// The new secret is shown this once. For 24 hours both sign (`webhook-signature` has two), so the receiver can change over
    /// without losing an event; the secret before the last signs no more at once.
    #[oai(
        path = "/api/platform/webhook-endpoints/:id/rotate-secret",
        method = "post",
        operation_id = "rotateWebhookSecret"
    )]
    async fn rotate(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The endpoint.
        id: Path<Uuid>,
    ) -> Result<Json<WebhookEndpoint>, Refused<Self>> {
        let secret = SigningSecret::make();
        let sealed = sealed(&app, &secret, id.0)?;
        let rotated = webhook_endpoints::rotate(&app.pool, id.0, &sealed, &caller.0, app.now()).await?;
        Ok(Json(WebhookEndpoint::new(rotated.ok_or_else(Problem::not_found)?, Some(&secret))))
    }

    /// Test a webhook endpoint
    ///
    /// Sends an event of the type `endpoint.test` with made-up data. What came of it is among the deliveries.
    #[oai(
        path = "/api/platform/webhook-endpoints/:id/test",
        method = "post",
        operation_id = "testWebhookEndpoint"
    )]
    async fn test(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The endpoint.
        id: Path<Uuid>,
    ) -> Result<Json<WebhookTest>, Refused<Self>> {
        match webhook_endpoints::test(&app.pool, id.0, &caller.0, app.now()).await? {
            Asked::Done(message_id) => Ok(Json(WebhookTest { message_id })),
            Asked::Off => Err(off().into()),
            Asked::NotFound => Err(Problem::not_found().into()),
        }
    }

    /// Send past events again
    ///
    /// By id or since a time, also from before there was the endpoint, each under the `webhook-id` it has always had. What is on
    /// its way already is left alone.
    #[oai(
        path = "/api/platform/webhook-endpoints/:id/replay",
        method = "post",
        operation_id = "replayWebhooks"
    )]
    async fn replay(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The endpoint.
        id: Path<Uuid>,
        body: Body<WebhookReplay>,
    ) -> Result<Json<WebhooksReplayed>, Refused<Self>> {
        match webhook_endpoints::replay(&app.pool, id.0, &body.0, &caller.0, app.now()).await? {
            Asked::Done(events) => Ok(Json(WebhooksReplayed { events })),
            Asked::Off => Err(off().into()),
            Asked::NotFound => Err(Problem::not_found().into()),
        }
    }

    /// What a webhook endpoint was sent
    ///
    /// Newest first, with what it last answered. Kept for 90 days.
    #[oai(
        path = "/api/platform/webhook-endpoints/:id/deliveries",
        method = "get",
        operation_id = "listWebhookDeliveries"
    )]
    async fn deliveries(
        &self,
        app: TheApp<'_>,
        _caller: AsPlatform,
        /// The endpoint.
        id: Path<Uuid>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<NumberCursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Messages>, Refused<Self>> {
        if webhook_endpoints::get(&app.pool, id.0).await?.is_none() {
            return Err(Problem::not_found().into());
        }
        let filter = Filter {
            channel: Some("webhook".to_owned()),
            endpoint: Some(id.0.to_string()),
            ..Filter::default()
        };
        let before = cursor.0.map(|cursor| cursor.0);
        let rows = messages::list(&app.pool, &filter, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut_numbered(rows, limit.0, |row| row.number);
        Ok(Json(Messages { items: rows.into_iter().map(Message::from).collect(), next_cursor }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<WebhookEndpointContent>();
        assert_reads_what_is_documented::<WebhookSwitch>();
        assert_reads_what_is_documented::<WebhookReplay>();
    }

    #[test]
    fn a_replay_is_by_id_or_by_time() {
        let read = |body: &str| parse::<WebhookReplay>(body.as_bytes());
        assert!(read(r#"{"since":"2026-11-22T09:00:00Z"}"#).is_ok());
        assert!(read(r#"{"events":["msg_0193a0c07b6b7c0d8a2d5d2f6f0e1a2b"]}"#).is_ok());
        for wrong in ["{}", r#"{"events":["x"]}"#, r#"{"events":[],"since":"yesterday"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
