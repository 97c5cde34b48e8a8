//! A notification becomes a message for each endpoint that wants it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Channels, earlier};
use crate::{Pool, Result, notifications::Event};

/// Messages of a channel to one admin's endpoint within an hour; what is beyond is in the feed. A bad hour with a thousand cases
/// must not bury the one mail that matters, nor the server's name with those who receive it.
pub const MOST_TO_AN_ADMIN_PER_HOUR: i64 = 30;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhook_types_are_what_the_sql_makes_of_events() {
        for event in Event::ALL {
            if let Some(name) = event.webhook_type() {
                assert_eq!(name, format!("payout.{}", event.as_str()));
            }
        }
    }
}
