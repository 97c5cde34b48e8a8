//! Messages as admins see them, until they are forgotten: where each stands, and sending one again.

use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutId;
use serde_json::json;
use uuid::Uuid;

use super::earlier;
use crate::{Actor, Error, Pool, Result, audit};

/// Messages that have ended are kept for so long.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(90);

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
