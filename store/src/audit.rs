//! Who did what, when and why. Written in the transaction of what it tells; append-only.

use chrono::{DateTime, Utc};
use domain::PayoutId;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{Actor, Pool, Result};

/// One line of a payout's timeline.
#[derive(Debug, Clone)]
pub struct Line {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub reason: Option<String>,
    pub detail: Value,
}

/// Records one action on a payout.
pub async fn record(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    payout: PayoutId,
    reason: Option<&str>,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, payout_id, reason, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        now,
        actor.as_str(),
        action,
        payout.uuid(),
        reason,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records one action on something else than a payout.
pub async fn record_subject(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    subject: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)",
        now,
        actor.as_str(),
        action,
        subject,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A signal that a workflow ignored.
#[derive(Debug, Clone, Copy)]
pub struct Stray<'a> {
    pub payout: PayoutId,
    pub name: &'a str,
    pub why: &'a str,
    pub count: u32,
    /// The same for every try to record this signal.
    pub key: &'a str,
}

/// Records an ignored signal, once per key.
pub async fn record_stray(pool: &Pool, stray: &Stray<'_>, now: DateTime<Utc>) -> Result<()> {
    let detail = serde_json::json!({ "signal": stray.name, "count": stray.count, "key": stray.key });
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, payout_id, reason, detail)
         SELECT $1, 'engine:unnamed', 'signal_ignored', $2, $3, $4
         WHERE NOT EXISTS (SELECT FROM audit WHERE payout_id = $2 AND action = 'signal_ignored' AND detail ->> 'key' = $5)",
        now,
        stray.payout.uuid(),
        stray.why,
        detail,
        stray.key,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The lines of one payout, oldest first; at most [`TIMELINE_LIMIT`].
pub async fn timeline(pool: &Pool, payout: PayoutId) -> Result<Vec<Line>> {
    /// A payout with a hundred attempts has fewer.
    const TIMELINE_LIMIT: i64 = 1000;
    Ok(sqlx::query_as!(
        Line,
        r#"SELECT id, at, actor, action, reason, detail
           FROM audit WHERE payout_id = $1 ORDER BY id LIMIT $2"#,
        payout.uuid(),
        TIMELINE_LIMIT,
    )
    .fetch_all(pool)
    .await?)
}

/// Who moved the payout last, for the loser of a race.
pub(crate) async fn last_actor(conn: &mut PgConnection, payout: PayoutId) -> Result<String> {
    let actor = sqlx::query_scalar!(
        "SELECT actor FROM audit WHERE payout_id = $1 ORDER BY id DESC LIMIT 1",
        payout.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(actor.unwrap_or_else(|| Actor::system().to_string()))
}
