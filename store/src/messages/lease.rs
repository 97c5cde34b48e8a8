//! Who takes which messages, for how long, and what a deliverer needs of each.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Money, PayoutId, ProviderId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{Error, Pool, Result, payouts::money};

/// No deliverer keeps what it has taken for longer.
pub const LONGEST_LEASE: TimeDelta = TimeDelta::seconds(90);

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
