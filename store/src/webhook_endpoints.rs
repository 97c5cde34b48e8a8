//! Where the marketplace hears of payouts: its endpoints, their secrets, and sending again what was told before.
//!
//! An endpoint is written to by [`crate::messages`]. Its secret is shown once, when it is made; while one is being changed for
//! another both sign, so the receiver changes over when it likes within [`OVERLAP`]. A secret reaches this crate sealed
//! (`channels::SealingKeys`), and nothing here can open it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, Pool, Result, audit, messages, notifications::Event};

/// Endpoints of an installation.
pub const MOST_ENDPOINTS: i64 = 20;
/// How long the secret before signs too.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// Events that one replay sends again.
pub const MOST_REPLAYED: i64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    /// None: every event.
    pub event_types: Vec<String>,
    /// Why it is switched off; none while it is on.
    pub disabled_why: Option<String>,
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when the secret before signs too.
    pub old_secret_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct NewEndpoint<'a> {
    /// What its secret was sealed for.
    pub id: Uuid,
    pub url: &'a str,
    pub description: &'a str,
    pub event_types: &'a [String],
    /// Sealed.
    pub secret: &'a str,
}

/// The name of an endpoint in the audit trail.
fn subject(id: Uuid) -> String {
    format!("webhook_endpoint:{id}")
}

/// `None`: there are [`MOST_ENDPOINTS`] already.
pub async fn create(
    pool: &Pool,
    new: &NewEndpoint<'_>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Endpoint>> {
    let mut tx = pool.begin().await?;
    // Counting and adding are one thing: endpoints are few and made seldom.
    sqlx::query!("LOCK TABLE webhook_endpoints IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
    let there = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM webhook_endpoints"#)
        .fetch_one(&mut *tx)
        .await?;
    if there >= MOST_ENDPOINTS {
        return Ok(None);
    }
    let endpoint = sqlx::query_as!(
        Endpoint,
        "INSERT INTO webhook_endpoints (id, url, description, event_types, secret, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)
         RETURNING id, url, description, event_types, disabled_why, failing_since, old_secret_until, created_at, updated_at",
        new.id,
        new.url,
        new.description,
        new.event_types,
        new.secret,
        now,
    )
    .fetch_one(&mut *tx)
    .await?;
    let detail = json!({ "url": new.url, "event_types": new.event_types });
    audit::record_subject(&mut tx, actor, "webhook_endpoint_added", &subject(endpoint.id), detail, now)
        .await?;
    tx.commit().await?;
    Ok(Some(endpoint))
}

/// All of them, oldest first.
pub async fn list(pool: &Pool) -> Result<Vec<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        "SELECT id, url, description, event_types, disabled_why, failing_since, old_secret_until, created_at, updated_at
         FROM webhook_endpoints ORDER BY id LIMIT $1",
        MOST_ENDPOINTS,
    )
    .fetch_all(pool)
    .await?)
}

pub async fn get(pool: &Pool, id: Uuid) -> Result<Option<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        "SELECT id, url, description, event_types, disabled_why, failing_since, old_secret_until, created_at, updated_at
         FROM webhook_endpoints WHERE id = $1",
        id,
    )
    .fetch_optional(pool)
    .await?)
}

/// Switches it on or off. What waits for one that is switched off is dropped, and can be replayed later. `None`: no such one.
pub async fn switch(
    pool: &Pool,
    id: Uuid,
    on: bool,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Endpoint>> {
    let mut tx = pool.begin().await?;
    let (status, why) = if on { ("ENABLED", None) } else { ("DISABLED", Some(format!("by {actor}"))) };
    let changed = sqlx::query!(
        "UPDATE webhook_endpoints
         SET status = $2, disabled_why = $3, failing_since = NULL, updated_at = $4 WHERE id = $1 AND status <> $2",
        id,
        status,
        why,
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if changed == 1 {
        if !on {
            messages::drop_waiting(&mut tx, id, now).await?;
        }
        let action = if on { "webhook_endpoint_enabled" } else { "webhook_endpoint_disabled" };
        audit::record_subject(&mut tx, actor, action, &subject(id), json!({}), now).await?;
    }
    tx.commit().await?;
    get(pool, id).await
}

/// Takes another secret, sealed, into use; the one before signs too for [`OVERLAP`]. One before that signs no more. `None`: no such one.
pub async fn rotate(
    pool: &Pool,
    id: Uuid,
    secret: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Endpoint>> {
    let mut tx = pool.begin().await?;
    let rotated = sqlx::query_as!(
        Endpoint,
        "UPDATE webhook_endpoints SET old_secret = secret, old_secret_until = $3, secret = $2, updated_at = $4 WHERE id = $1
         RETURNING id, url, description, event_types, disabled_why, failing_since, old_secret_until, created_at, updated_at",
        id,
        secret,
        now.checked_add_signed(OVERLAP).unwrap_or(now),
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if rotated.is_some() {
        audit::record_subject(&mut tx, actor, "webhook_secret_rotated", &subject(id), json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(rotated)
}

/// An endpoint's secrets as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub id: Uuid,
    pub secret: String,
    pub old_secret: Option<String>,
}

/// Those of all endpoints.
pub async fn sealed(pool: &Pool) -> Result<Vec<Sealed>> {
    Ok(sqlx::query_as!(Sealed, "SELECT id, secret, old_secret FROM webhook_endpoints ORDER BY id")
        .fetch_all(pool)
        .await?)
}

/// Keeps the same secrets sealed anew. `false`: they were changed for others meanwhile.
pub async fn reseal(pool: &Pool, before: &Sealed, after: &Sealed, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let done = sqlx::query!(
        "UPDATE webhook_endpoints SET secret = $2, old_secret = $3
         WHERE id = $1 AND secret = $4 AND old_secret IS NOT DISTINCT FROM $5",
        before.id,
        after.secret,
        after.old_secret,
        before.secret,
        before.old_secret,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected()
        == 1;
    if done {
        let (action, subject) = ("webhook_secret_resealed", subject(before.id));
        audit::record_subject(&mut tx, &Actor::system(), action, &subject, json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(done)
}

/// What came of asking an endpoint to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    Done(T),
    /// It is switched off.
    Off,
    NotFound,
}

async fn is_on(conn: &mut PgConnection, id: Uuid) -> Result<Option<bool>> {
    let status = sqlx::query_scalar!("SELECT status FROM webhook_endpoints WHERE id = $1 FOR SHARE", id)
        .fetch_optional(conn)
        .await?;
    Ok(status.map(|status| status == "ENABLED"))
}

/// Sends a test event. Answers the message's id.
pub async fn test(pool: &Pool, id: Uuid, actor: &Actor, now: DateTime<Utc>) -> Result<Asked<Uuid>> {
    let mut tx = pool.begin().await?;
    match is_on(&mut tx, id).await? {
        None => return Ok(Asked::NotFound),
        Some(false) => return Ok(Asked::Off),
        Some(true) => {}
    }
    let message = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO messages (id, channel, endpoint, lane, next_try_at, began_at, created_at)
         VALUES ($1, 'webhook', $2, 'webhook:' || $2::text, $3, $3, $3)",
        message,
        id.to_string(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    audit::record_subject(&mut tx, actor, "webhook_endpoint_tested", &subject(id), json!({}), now).await?;
    sqlx::query("SELECT pg_notify('messages', '')").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Asked::Done(message))
}

/// What to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    Events(Vec<Uuid>),
    /// Everything told since then, oldest first, at most [`MOST_REPLAYED`].
    Since(DateTime<Utc>),
}

/// Sends past events again, also ones from before there was the endpoint, under the ids they have. What is on its way already is
/// left alone. Answers how many are sent.
pub async fn replay(
    pool: &Pool,
    id: Uuid,
    what: &Replay,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Asked<u64>> {
    let mut tx = pool.begin().await?;
    match is_on(&mut tx, id).await? {
        None => return Ok(Asked::NotFound),
        Some(false) => return Ok(Asked::Off),
        Some(true) => {}
    }
    let hooked: Vec<String> = Event::ALL
        .into_iter()
        .filter(|event| event.webhook_type().is_some())
        .map(|event| event.as_str().to_owned())
        .collect();
    let (events, since) = match what {
        Replay::Events(events) => (Some(events.as_slice()), None),
        Replay::Since(since) => (None, Some(*since)),
    };
    let replayed = sqlx::query!(
        "INSERT INTO messages (id, notification_id, channel, endpoint, lane, next_try_at, began_at, created_at)
         SELECT md5(n.id || ' webhook ' || w.id)::uuid, n.id, 'webhook', w.id::text, 'webhook:' || w.id, $2, $2, $2
         FROM webhook_endpoints w JOIN notifications n
           ON n.audience = 'provider' AND n.event = ANY($3) AND (w.event_types = '{}' OR 'payout.' || n.event = ANY(w.event_types))
         WHERE w.id = $1 AND ($4::uuid[] IS NULL OR n.id = ANY($4)) AND ($5::timestamptz IS NULL OR n.created_at >= $5)
         ORDER BY n.id LIMIT $6
         ON CONFLICT ON CONSTRAINT messages_once DO UPDATE
         SET state = 'PENDING', tries = 0, next_try_at = EXCLUDED.next_try_at, began_at = EXCLUDED.began_at, ended_at = NULL
         WHERE messages.state <> 'PENDING'",
        id,
        now,
        &hooked,
        events,
        since,
        MOST_REPLAYED,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let detail = json!({ "events": replayed, "since": since });
    audit::record_subject(&mut tx, actor, "webhooks_replayed", &subject(id), detail, now).await?;
    sqlx::query("SELECT pg_notify('messages', '')").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Asked::Done(replayed))
}
