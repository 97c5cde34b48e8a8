//! What goes out by e-mail, push and webhook: one message per (what was told, channel, endpoint), under an id that stays.
//!
//! A notification is handed over once: [`hand_over`] writes a message for each endpoint that wants it, by what its owner has
//! set. From then on the row is the promise. [`lease`] gives it to a deliverer, [`record`] writes down what the endpoint
//! answered; a deliverer that dies leaves it to the next when its lease has run out. So a message arrives at least once, and
//! carries its id so that a second arrival can be recognised. What is tried for three days in vain is FAILED, is seen by admins
//! and can be sent again.
//!
//! Lanes never wait for each other: all e-mail is one, each push service is one, each webhook endpoint is one. A lease takes a
//! few rows of each lane that is not busy, found by skipping along the index, whatever waits in the others.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Money, PayoutId, ProviderId};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Actor, Error, Pool, Result, audit,
    notifications::{AdminEvent, Event, tell_admins},
    payouts::money,
    text::storable,
};

/// Which channels this installation has. Webhooks need nothing but an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels {
    pub email: bool,
    pub push: bool,
}

/// Messages of a channel to one admin's endpoint within an hour; what is beyond is in the feed. A bad hour with a thousand cases
/// must not bury the one mail that matters, nor the server's name with those who receive it.
pub const MOST_TO_AN_ADMIN_PER_HOUR: i64 = 30;
/// A webhook endpoint that took nothing for so long is switched off, and an admin told.
pub const ENDPOINT_FAILS_FOR: TimeDelta = TimeDelta::days(5);
/// No deliverer keeps what it has taken for longer.
pub const LONGEST_LEASE: TimeDelta = TimeDelta::seconds(90);
/// Messages that have ended are kept for so long.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(90);

/// Waits between tries, as Standard Webhooks recommends; with the last one it is a little more than three days.
const BACK_OFF: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// Hands over up to `limit` notifications, oldest first, whatever they are about. Answers how many there were.
pub async fn hand_over(pool: &Pool, channels: Channels, limit: i64, now: DateTime<Utc>) -> Result<u64> {
    let mut tx = pool.begin().await?;
    let taken = sqlx::query_scalar!(
        "UPDATE notifications SET delivered_at = $1 WHERE id IN (
             SELECT id FROM notifications WHERE delivered_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING id",
        now,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    write_messages(&mut tx, &taken, channels, now).await?;
    tx.commit().await?;
    Ok(u64::try_from(taken.len()).unwrap_or(u64::MAX))
}

/// Hands over what of this payout's has not been, after whoever is at it: when this answers, its messages are there.
pub async fn hand_over_payout(
    pool: &Pool,
    payout: PayoutId,
    channels: Channels,
    now: DateTime<Utc>,
) -> Result<u64> {
    let mut tx = pool.begin().await?;
    let taken = sqlx::query_scalar!(
        "UPDATE notifications SET delivered_at = $1 WHERE id IN (
             SELECT id FROM notifications WHERE payout_id = $2 AND delivered_at IS NULL ORDER BY id FOR UPDATE)
         RETURNING id",
        now,
        payout.uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    write_messages(&mut tx, &taken, channels, now).await?;
    tx.commit().await?;
    Ok(u64::try_from(taken.len()).unwrap_or(u64::MAX))
}

/// One message for each endpoint that wants it. The id is a function of what it is, so a row that is written twice is one.
async fn write_messages(
    conn: &mut PgConnection,
    notifications: &[Uuid],
    channels: Channels,
    now: DateTime<Utc>,
) -> Result<()> {
    if notifications.is_empty() {
        return Ok(());
    }
    let mandatory: Vec<String> = words(Event::ALL.into_iter().filter(|event| event.is_mandatory()));
    let hooked: Vec<String> = words(Event::ALL.into_iter().filter(|event| event.webhook_type().is_some()));
    sqlx::query!(
        r#"WITH told AS (
               SELECT n.id, n.audience, n.event, n.provider_id FROM notifications n WHERE n.id = ANY($1)
           ), wanted AS (
               SELECT t.id, 'email' AS channel, p.email AS endpoint, 'email' AS lane, false AS limited
               FROM told t JOIN providers p ON p.id = t.provider_id
               LEFT JOIN notification_settings s ON s.provider_id = p.id
               WHERE $2 AND p.email IS NOT NULL AND (t.event = ANY($4) OR t.event <> ALL(coalesce(s.email_off, '{}')))
             UNION ALL
               SELECT t.id, 'push', b.id::text, 'push:' || substring(b.endpoint from '://([^/]{1,250})'), false
               FROM told t JOIN push_subscriptions b ON b.provider_id = t.provider_id
               LEFT JOIN notification_settings s ON s.provider_id = b.provider_id
               WHERE $3 AND (t.event = ANY($4) OR t.event <> ALL(coalesce(s.push_off, '{}')))
             UNION ALL
               SELECT t.id, 'webhook', w.id::text, 'webhook:' || w.id, false
               FROM told t JOIN webhook_endpoints w
                 ON w.status = 'ENABLED' AND (w.event_types = '{}' OR 'payout.' || t.event = ANY(w.event_types))
               WHERE t.audience = 'provider' AND t.event = ANY($5)
             UNION ALL
               SELECT t.id, 'email', c.email, 'email', true
               FROM told t JOIN admin_contacts c ON t.event = ANY(c.events)
               WHERE $2 AND t.audience = 'admins'
             UNION ALL
               SELECT t.id, 'push', b.id::text, 'push:' || substring(b.endpoint from '://([^/]{1,250})'), true
               FROM told t JOIN push_subscriptions b ON b.admin IS NOT NULL
                AND (t.event <> 'review_escalated' OR b.escalates OR NOT EXISTS (SELECT FROM push_subscriptions WHERE escalates))
               WHERE $3 AND t.audience = 'admins'
           ), numbered AS (
               SELECT w.*, row_number() OVER (PARTITION BY w.channel, w.endpoint ORDER BY w.id) AS place FROM wanted w
           )
           INSERT INTO messages (id, notification_id, channel, endpoint, lane, next_try_at, began_at, created_at)
           SELECT md5(n.id || ' ' || n.channel || ' ' || n.endpoint)::uuid, n.id, n.channel, n.endpoint, n.lane, $6, $6, $6
           FROM numbered n
           WHERE NOT n.limited OR n.place + (
               SELECT count(*) FROM (SELECT m.created_at FROM messages m WHERE m.channel = n.channel AND m.endpoint = n.endpoint
                                     ORDER BY m.number DESC LIMIT $8) latest
               WHERE latest.created_at > $7) <= $8
           ON CONFLICT DO NOTHING"#,
        notifications,
        channels.email,
        channels.push,
        &mandatory,
        &hooked,
        now,
        earlier(now, TimeDelta::hours(1)),
        MOST_TO_AN_ADMIN_PER_HOUR,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn words(events: impl Iterator<Item = Event>) -> Vec<String> {
    events.map(|event| event.as_str().to_owned()).collect()
}

/// A message to deliver now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub id: Uuid,
    pub lane: String,
    /// This try included.
    pub tries: i32,
    pub to: To,
    /// What it tells; a webhook without it tests its endpoint.
    pub told: Option<Told>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    Email {
        address: String,
    },
    Push {
        subscription: Uuid,
        endpoint: String,
        p256dh: String,
        auth: String,
    },
    Webhook {
        endpoint: Uuid,
        url: String,
        /// The one in force first.
        secrets: Vec<String>,
    },
    /// Its endpoint does not want it any more.
    Nobody,
}

/// What somebody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub id: Uuid,
    pub event: String,
    pub about: About,
    pub title: String,
    pub body: String,
    pub reason: Option<String>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    Provider {
        id: ProviderId,
        external_id: String,
        name: String,
        payout: Option<(PayoutId, Money)>,
    },
    /// For admins: `case:<id>` and the like.
    Subject(String),
}

struct Row {
    id: Uuid,
    lane: String,
    tries: i32,
    channel: String,
    endpoint: String,
    created_at: DateTime<Utc>,
    notification_id: Option<Uuid>,
    event: Option<String>,
    subject: Option<String>,
    title: Option<String>,
    body: Option<String>,
    reason: Option<String>,
    told_at: Option<DateTime<Utc>>,
    payout_id: Option<Uuid>,
    amount: Option<Decimal>,
    currency: Option<String>,
    provider_id: Option<Uuid>,
    external_id: Option<String>,
    display_name: Option<String>,
    push_endpoint: Option<String>,
    p256dh: Option<String>,
    auth: Option<String>,
    url: Option<String>,
    secret: Option<String>,
    old_secret: Option<String>,
}

impl TryFrom<Row> for Due {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let corrupt = || Error::corrupt(format!("message {}", row.id));
        let named = || row.endpoint.parse().map_err(|_| corrupt());
        let to = match row.channel.as_str() {
            "email" => To::Email { address: row.endpoint.clone() },
            "push" => match (row.push_endpoint, row.p256dh, row.auth) {
                (Some(endpoint), Some(p256dh), Some(auth)) => {
                    To::Push { subscription: named()?, endpoint, p256dh, auth }
                }
                (_, _, _) => To::Nobody,
            },
            "webhook" => match (row.url, row.secret) {
                (Some(url), Some(secret)) => {
                    let secrets = std::iter::once(secret).chain(row.old_secret).collect();
                    To::Webhook { endpoint: named()?, url, secrets }
                }
                (_, _) => To::Nobody,
            },
            _ => return Err(corrupt()),
        };
        let told = match (row.notification_id, row.event, row.title, row.body, row.told_at) {
            (Some(id), Some(event), Some(title), Some(body), Some(at)) => {
                let about = match (row.provider_id, row.external_id, row.display_name, row.subject) {
                    (Some(provider), Some(external_id), Some(name), _) => {
                        let payout = match (row.payout_id, row.amount, row.currency) {
                            (Some(payout), Some(amount), Some(currency)) => {
                                Some((PayoutId::from_uuid(payout), money(amount, &currency)?))
                            }
                            (_, _, _) => None,
                        };
                        About::Provider { id: ProviderId::from_uuid(provider), external_id, name, payout }
                    }
                    (_, _, _, Some(subject)) => About::Subject(subject),
                    (_, _, _, None) => return Err(corrupt()),
                };
                Some(Told { id, event, about, title, body, reason: row.reason, at })
            }
            (_, _, _, _, _) => None,
        };
        Ok(Self { id: row.id, lane: row.lane, tries: row.tries, to, told, created_at: row.created_at })
    }
}

/// Takes messages that are due, up to `each` of every lane that is not among `busy`, and keeps them for `lease`.
pub async fn lease(
    pool: &Pool,
    busy: &[String],
    each: i64,
    lease: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Due>> {
    let rows = sqlx::query_as!(
        Row,
        r#"WITH RECURSIVE lanes AS (
               (SELECT lane FROM messages WHERE state = 'PENDING' ORDER BY lane LIMIT 1)
             UNION ALL
               SELECT (SELECT m.lane FROM messages m WHERE m.state = 'PENDING' AND m.lane > l.lane ORDER BY m.lane LIMIT 1)
               FROM lanes l WHERE l.lane IS NOT NULL
           ), due AS (
               SELECT taken.id FROM lanes l CROSS JOIN LATERAL (
                   SELECT m.id FROM messages m
                   WHERE m.lane = l.lane AND m.state = 'PENDING' AND m.next_try_at <= $1
                   ORDER BY m.next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED) taken
               WHERE l.lane IS NOT NULL AND l.lane <> ALL($3)
           ), leased AS (
               UPDATE messages m SET next_try_at = $4, tries = m.tries + 1 FROM due WHERE m.id = due.id
               RETURNING m.id, m.lane, m.tries, m.channel, m.endpoint, m.created_at, m.number, m.notification_id
           )
           SELECT l.id AS "id!", l.lane AS "lane!", l.tries AS "tries!", l.channel AS "channel!", l.endpoint AS "endpoint!",
                  l.created_at AS "created_at!", l.notification_id,
                  n.event AS "event?", n.subject AS "subject?", n.title AS "title?", n.body AS "body?", n.reason,
                  n.created_at AS "told_at?", n.payout_id, n.amount, n.currency,
                  p.id AS "provider_id?", p.external_id AS "external_id?", p.display_name AS "display_name?",
                  b.endpoint AS "push_endpoint?", b.p256dh AS "p256dh?", b.auth AS "auth?",
                  w.url AS "url?", w.secret AS "secret?",
                  CASE WHEN w.old_secret_until > $1 THEN w.old_secret END AS old_secret
           FROM leased l
           LEFT JOIN notifications n ON n.id = l.notification_id
           LEFT JOIN providers p ON p.id = n.provider_id
           LEFT JOIN push_subscriptions b ON b.id = CASE WHEN l.channel = 'push' THEN l.endpoint::uuid END
           LEFT JOIN webhook_endpoints w
                  ON w.id = CASE WHEN l.channel = 'webhook' THEN l.endpoint::uuid END AND w.status = 'ENABLED'
           ORDER BY l.number"#,
        now,
        each,
        busy,
        now.checked_add_signed(lease).unwrap_or(now),
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Due::try_from).collect()
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub outcome: Outcome,
    /// Of HTTP or SMTP.
    pub code: Option<u16>,
    /// What it said; only the beginning is kept.
    pub answer: String,
    pub took: std::time::Duration,
    /// When the endpoint asked to be tried again.
    pub retry_after: Option<TimeDelta>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// The endpoint said no; it may say yes later.
    Refused,
    Unreachable,
    TimedOut,
    /// The endpoint is no more, or never will take this.
    Gone,
    /// An address that nothing of ours may call.
    NotAllowed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Gone => "gone",
            Self::NotAllowed => "not_allowed",
        }
    }
}

/// What becomes of a message after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Again(DateTime<Utc>),
    Failed,
}

/// An endpoint that says when is believed for at most so long.
const LONGEST_WISH: TimeDelta = TimeDelta::hours(1);

fn fate(due: &Due, tried: &Tried, now: DateTime<Utc>) -> Fate {
    match tried.outcome {
        Outcome::Delivered => Fate::Delivered,
        Outcome::Gone | Outcome::NotAllowed => Fate::Failed,
        Outcome::Refused | Outcome::Unreachable | Outcome::TimedOut => {
            let place = usize::try_from(due.tries.saturating_sub(1)).unwrap_or(usize::MAX);
            let Some(wait) = BACK_OFF.get(place) else { return Fate::Failed };
            let wait = (*wait).max(tried.retry_after.unwrap_or_default().min(LONGEST_WISH));
            // Up to a tenth more, by the message's own id: what failed together is not tried together again.
            let tenth = i64::from(due.id.as_bytes().last().copied().unwrap_or_default());
            let jitter = TimeDelta::milliseconds(wait.num_milliseconds().saturating_mul(tenth) / 2560);
            let at = wait.checked_add(&jitter).and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now);
            Fate::Again(at)
        }
    }
}

/// Writes down what came of a try, and what follows: delivered, again later, or failed. A try whose lease has run out and that
/// somebody else has taken up changes nothing but the list of tries.
pub async fn record(pool: &Pool, due: &Due, tried: &Tried, now: DateTime<Utc>) -> Result<()> {
    const ANSWER_CHARS: usize = 500;
    let fate = fate(due, tried, now);
    let answer: String = storable(&tried.answer).chars().take(ANSWER_CHARS).collect();
    let (state, next, error) = match fate {
        Fate::Delivered => ("DELIVERED", None, None),
        Fate::Again(at) => ("PENDING", Some(at), Some(describe(tried, &answer))),
        Fate::Failed => ("FAILED", None, Some(describe(tried, &answer))),
    };
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "INSERT INTO message_tries (message_id, at, took_ms, outcome, code, answer) VALUES ($1, $2, $3, $4, $5, $6)",
        due.id,
        now,
        i32::try_from(tried.took.as_millis()).unwrap_or(i32::MAX),
        tried.outcome.as_str(),
        tried.code.map(i32::from).filter(|code| (100..1000).contains(code)),
        (!answer.is_empty()).then_some(&answer),
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE messages SET state = $3, next_try_at = coalesce($4, next_try_at), last_error = $5,
                ended_at = CASE WHEN $3 = 'PENDING' THEN NULL ELSE $6::timestamptz END
         WHERE id = $1 AND tries = $2 AND state = 'PENDING'",
        due.id,
        due.tries,
        state,
        next,
        error,
        now,
    )
    .execute(&mut *tx)
    .await?;
    if tried.outcome == Outcome::Delivered {
        bring_forward(&mut tx, &due.lane, now).await?;
    }
    match (&due.to, tried.outcome) {
        (To::Webhook { endpoint, .. }, outcome) => {
            note_health(&mut tx, *endpoint, outcome, &answer, now).await?;
        }
        (To::Push { subscription, .. }, Outcome::Gone) => forget_browser(&mut tx, *subscription, now).await?,
        (
            To::Push { .. },
            Outcome::Delivered
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::TimedOut
            | Outcome::NotAllowed,
        )
        | (To::Email { .. } | To::Nobody, _) => {}
    }
    tx.commit().await?;
    Ok(())
}

/// Who could not be reached takes messages again: those that wait for it alone need not wait any longer. One that was refused, or
/// took too long, may be its own trouble and keeps its back-off. Costs one look into an index where nothing waits.
async fn bring_forward(conn: &mut PgConnection, lane: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET next_try_at = $2
         WHERE lane = $1 AND state = 'PENDING' AND next_try_at > $3 AND last_error LIKE 'unreachable%'",
        lane,
        now,
        // What is nearer may be leased to somebody: brought forward it would be sent twice.
        now.checked_add_signed(LONGEST_LEASE).unwrap_or(now),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn describe(tried: &Tried, answer: &str) -> String {
    const CHARS: usize = 500;
    let code = tried.code.map(|code| format!(" {code}")).unwrap_or_default();
    format!("{}{code}: {answer}", tried.outcome.as_str()).chars().take(CHARS).collect()
}

/// Nobody wants it any more: not a failure.
pub async fn drop_unwanted(pool: &Pool, due: &Due, why: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = $3 WHERE id = $1 AND state = 'PENDING'",
        due.id,
        now,
        why,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A browser that has unsubscribed, or is gone: its messages are too.
async fn forget_browser(conn: &mut PgConnection, subscription: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("DELETE FROM push_subscriptions WHERE id = $1", subscription).execute(&mut *conn).await?;
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = 'the browser has unsubscribed'
         WHERE channel = 'push' AND endpoint = $1 AND state IN ('PENDING', 'FAILED')",
        subscription.to_string(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One success makes a webhook endpoint well; one that is gone, or has taken nothing for [`ENDPOINT_FAILS_FOR`], is switched off.
async fn note_health(
    conn: &mut PgConnection,
    endpoint: Uuid,
    outcome: Outcome,
    answer: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let why = match outcome {
        Outcome::Delivered => {
            sqlx::query!(
                "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL",
                endpoint
            )
            .execute(conn)
            .await?;
            return Ok(());
        }
        Outcome::Gone => Some("it answered 410 Gone".to_owned()),
        Outcome::Refused | Outcome::Unreachable | Outcome::TimedOut | Outcome::NotAllowed => None,
    };
    let failing = sqlx::query!(
        "UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $2) WHERE id = $1 AND status = 'ENABLED'
         RETURNING failing_since, url",
        endpoint,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(failing) = failing else { return Ok(()) };
    let too_long = failing.failing_since.is_some_and(|since| since <= earlier(now, ENDPOINT_FAILS_FOR));
    let said: String = answer.chars().take(200).collect();
    let why =
        why.or_else(|| too_long.then(|| format!("nothing was taken for 5 days; the last answer: {said}")));
    let Some(why) = why else { return Ok(()) };
    sqlx::query!(
        "UPDATE webhook_endpoints SET status = 'DISABLED', disabled_why = $2, updated_at = $3 WHERE id = $1 AND status = 'ENABLED'",
        endpoint,
        why,
        now,
    )
    .execute(&mut *conn)
    .await?;
    drop_waiting(conn, endpoint, now).await?;
    let subject = format!("webhook_endpoint:{endpoint}");
    let detail = json!({ "why": why });
    audit::record_subject(conn, &Actor::system(), "webhook_endpoint_disabled", &subject, detail, now).await?;
    let words = format!(
        "{} hears of no payout any more: {why}. When it is mended, switch it on and replay what it missed.",
        failing.url
    );
    let key = format!("{subject}:{}", now.timestamp());
    tell_admins(conn, AdminEvent::WebhookDisabled, &key, &words, now).await
}

/// What still waits for an endpoint that was switched off. It can be replayed.
pub(crate) async fn drop_waiting(conn: &mut PgConnection, endpoint: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = 'the endpoint was switched off'
         WHERE lane = 'webhook:' || $1::text AND state = 'PENDING'",
        endpoint.to_string(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Pending,
    Delivered,
    Failed,
    Dropped,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
            Self::Dropped => "DROPPED",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| Error::corrupt(format!("message state {text}")))
    }
}

/// A message as it is listed.
#[derive(Debug, Clone)]
pub struct Message {
    pub number: i64,
    pub id: Uuid,
    pub notification: Option<Uuid>,
    pub channel: String,
    pub endpoint: String,
    /// None for a webhook that tests its endpoint.
    pub event: Option<String>,
    pub payout: Option<PayoutId>,
    pub state: State,
    pub tries: i32,
    /// While it is pending.
    pub next_try_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    /// What the endpoint last answered.
    pub code: Option<i32>,
    pub answer: Option<String>,
}

/// Which messages a list shows. Everything is optional and narrows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub id: Option<Uuid>,
    pub state: Option<State>,
    pub channel: Option<String>,
    pub endpoint: Option<String>,
    pub payout: Option<PayoutId>,
}

/// Newest first, older than `before`.
pub async fn list(pool: &Pool, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Message>> {
    let rows = sqlx::query!(
        r#"SELECT m.number, m.id, m.notification_id, m.channel, m.endpoint, n.event AS "event?", n.payout_id, m.state, m.tries,
                  m.next_try_at, m.created_at, m.ended_at, m.last_error, t.code AS "code?", t.answer AS "answer?"
           FROM messages m
           LEFT JOIN notifications n ON n.id = m.notification_id
           LEFT JOIN LATERAL (SELECT code, answer FROM message_tries t WHERE t.message_id = m.id ORDER BY t.id DESC LIMIT 1) t ON true
           WHERE ($1::text IS NULL OR m.state = $1) AND ($2::text IS NULL OR m.channel = $2)
             AND ($3::text IS NULL OR m.endpoint = $3) AND ($4::uuid IS NULL OR n.payout_id = $4)
             AND ($5::bigint IS NULL OR m.number < $5) AND ($7::uuid IS NULL OR m.id = $7)
           ORDER BY m.number DESC LIMIT $6"#,
        filter.state.map(State::as_str),
        filter.channel,
        filter.endpoint,
        filter.payout.map(PayoutId::uuid),
        before,
        limit,
        filter.id,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = State::parse(&row.state)?;
            Ok(Message {
                number: row.number,
                id: row.id,
                notification: row.notification_id,
                channel: row.channel,
                endpoint: row.endpoint,
                event: row.event,
                payout: row.payout_id.map(PayoutId::from_uuid),
                state,
                tries: row.tries,
                next_try_at: (state == State::Pending).then_some(row.next_try_at),
                created_at: row.created_at,
                ended_at: row.ended_at,
                last_error: row.last_error,
                code: row.code,
                answer: row.answer,
            })
        })
        .collect()
}

/// What came of sending a message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resent {
    Done,
    /// It was delivered, is under way, or nobody wants it any more.
    NotFailed,
    NotFound,
}

/// Makes a failed message due again, with all its tries before it.
pub async fn resend(pool: &Pool, id: Uuid, actor: &Actor, now: DateTime<Utc>) -> Result<Resent> {
    let mut tx = pool.begin().await?;
    let found = sqlx::query!("SELECT state FROM messages WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(found) = found else { return Ok(Resent::NotFound) };
    if State::parse(&found.state)? != State::Failed {
        return Ok(Resent::NotFailed);
    }
    sqlx::query!(
        "UPDATE messages SET state = 'PENDING', tries = 0, next_try_at = $2, began_at = $2, ended_at = NULL WHERE id = $1",
        id,
        now,
    )
    .execute(&mut *tx)
    .await?;
    audit::record_subject(&mut tx, actor, "resent", &format!("message:{id}"), json!({}), now).await?;
    sqlx::query("SELECT pg_notify('messages', '')").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Resent::Done)
}

/// Forgets up to `limit` messages that ended [`KEPT_FOR`] ago. Answers how many.
pub async fn forget_old(pool: &Pool, limit: i64, now: DateTime<Utc>) -> Result<u64> {
    let forgotten = sqlx::query!(
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE ended_at < $1 ORDER BY number LIMIT $2)",
        earlier(now, KEPT_FOR),
        limit,
    )
    .execute(pool)
    .await?;
    Ok(forgotten.rows_affected())
}

fn earlier(now: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(tries: i32) -> Due {
        Due {
            id: Uuid::max(),
            lane: "email".to_owned(),
            tries,
            to: To::Email { address: "a@b.example".to_owned() },
            told: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn refused(retry_after: Option<TimeDelta>) -> Tried {
        let (answer, took) = (String::new(), std::time::Duration::ZERO);
        Tried { outcome: Outcome::Refused, code: Some(503), answer, took, retry_after }
    }

    #[test]
    fn tries_spread_over_three_days_and_end() {
        let start = DateTime::UNIX_EPOCH;
        let mut now = start;
        for tries in 1..=9 {
            let Fate::Again(at) = fate(&due(tries), &refused(None), now) else {
                panic!("gave up at {tries}")
            };
            assert!(at > now);
            now = at;
        }
        let took = now - start;
        assert!(TimeDelta::days(3) < took && took < TimeDelta::days(4), "{took}");
        assert_eq!(fate(&due(10), &refused(None), now), Fate::Failed);
    }

    #[test]
    fn an_endpoint_may_ask_for_time_but_not_for_ever() {
        let now = DateTime::UNIX_EPOCH;
        let wait = |wish| match fate(&due(1), &refused(Some(wish)), now) {
            Fate::Again(at) => at - now,
            Fate::Delivered | Fate::Failed => panic!(),
        };
        assert!(wait(TimeDelta::minutes(2)) >= TimeDelta::minutes(2));
        assert!(wait(TimeDelta::days(400)) < TimeDelta::hours(2));
    }

    #[test]
    fn webhook_types_are_what_the_sql_makes_of_events() {
        for event in Event::ALL {
            if let Some(name) = event.webhook_type() {
                assert_eq!(name, format!("payout.{}", event.as_str()));
            }
        }
    }
}
