//! Who did what, when and why. Written in the transaction of what it tells; append-only.

use chrono::{DateTime, Utc};
use domain::PayoutId;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, payouts,
    text::{storable, storable_json},
};

/// Lines of one payout that are shown. One with a hundred attempts has fewer.
pub const TIMELINE_LIMIT: i64 = 1000;

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
    let reason = reason.map(storable);
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, payout_id, reason, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        now,
        actor.as_str(),
        action,
        payout.uuid(),
        reason.as_deref(),
        storable_json(detail),
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
        storable_json(detail),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The lines of one payout, oldest first; at most [`TIMELINE_LIMIT`].
pub async fn timeline(pool: &Pool, payout: PayoutId) -> Result<Vec<Line>> {
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

/// A signal that somebody sent and that meant nothing.
#[derive(Debug, Clone, Copy)]
pub struct Stray<'a> {
    pub payout: PayoutId,
    /// As it was sent, shortened.
    pub name: &'a str,
    /// Why it was ignored.
    pub why: &'a str,
    /// How many there were on this payout, this one included.
    pub count: u32,
    /// The same for every try to record this signal and for no other.
    pub key: &'a str,
}

/// Records a stray signal once, however often it is told.
pub async fn record_stray(pool: &Pool, stray: &Stray<'_>, now: DateTime<Utc>) -> Result<()> {
    let mut tx = pool.begin().await?;
    payouts::lock(&mut tx, stray.payout)
        .await?
        .ok_or_else(|| Error::corrupt(format!("no payout {}", stray.payout)))?;
    let key = storable(stray.key);
    if !has(&mut tx, stray.payout, "signal_ignored", &key).await? {
        let detail = json!({ "signal": stray.name, "count": stray.count, "key": key });
        record(
            &mut tx,
            &Actor::engine("unnamed"),
            "signal_ignored",
            stray.payout,
            Some(stray.why),
            detail,
            now,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Whether an action was recorded under this key already. Whoever acts on it has locked the payout.
pub(crate) async fn has(conn: &mut PgConnection, payout: PayoutId, action: &str, key: &str) -> Result<bool> {
    let key = storable(key);
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit WHERE payout_id = $1 AND action = $2 AND detail ->> 'key' = $3) AS "known!""#,
        payout.uuid(),
        action,
        key.as_ref(),
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// The latest line of the payout.
pub(crate) async fn last_action(conn: &mut PgConnection, payout: PayoutId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT action FROM audit WHERE payout_id = $1 ORDER BY id DESC LIMIT 1",
        payout.uuid(),
    )
    .fetch_optional(conn)
    .await?)
}

/// Who moved the payout last, for the loser of a race. What was only written down (an ignored signal, a look) moved nothing.
pub(crate) async fn last_mover(conn: &mut PgConnection, payout: PayoutId) -> Result<String> {
    let actor = sqlx::query_scalar!(
        "SELECT actor FROM audit
         WHERE payout_id = $1 AND action NOT IN
             ('cancel_ignored', 'decision_ignored', 'signal_ignored', 'gateway_contradicts_itself', 'case_closed',
              'attestation_proposed', 'attestation_confirmed', 'attestation_withdrawn',
              'overpaid', 'reversal_seen', 'reversal_taken_back', 'approval_given', 'review_assigned', 'review_released',
              'review_reminded', 'review_escalated')
         ORDER BY id DESC LIMIT 1",
        payout.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(actor.unwrap_or_else(|| Actor::system().to_string()))
}
