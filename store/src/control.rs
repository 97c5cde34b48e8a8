//! What people may stop. A pause is an UPDATE of a row that every begin of an attempt share-locks: once it has answered, no
//! attempt begins.

use chrono::{DateTime, Utc};
use domain::PayoutId;
use serde_json::json;
use sqlx::PgConnection;

use crate::{Actor, Pool, Result, audit};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    pub paused: bool,
    pub reason: String,
    pub changed_by: String,
    pub changed_at: DateTime<Utc>,
}

pub async fn get(pool: &Pool) -> Result<Control> {
    Ok(sqlx::query_as!(Control, "SELECT paused, reason, changed_by, changed_at FROM control")
        .fetch_one(pool)
        .await?)
}

/// Pauses or resumes everything.
pub async fn set_paused(
    pool: &Pool,
    paused: bool,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "UPDATE control SET paused = $1, reason = $2, changed_by = $3, changed_at = $4",
        paused,
        reason,
        actor.as_str(),
        now
    )
    .execute(&mut *tx)
    .await?;
    let action = if paused { "paused" } else { "resumed" };
    audit::record_subject(&mut tx, actor, action, "system", json!({ "reason": reason }), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether anything holds this payout back: the system, its provider, its bank or its account paused, or the provider
/// suspended. Holds the control row shared until the transaction ends.
pub(crate) async fn holds(conn: &mut PgConnection, payout: PayoutId) -> Result<bool> {
    let paused = sqlx::query_scalar!("SELECT paused FROM control FOR SHARE").fetch_one(&mut *conn).await?;
    if paused {
        return Ok(true);
    }
    let held = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN providers v ON v.id = p.provider_id
               WHERE p.id = $1 AND (v.status <> 'ACTIVE' OR EXISTS (
                   SELECT FROM pauses s WHERE (s.scope, s.subject) IN
                       (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))))
           ) AS "held!""#,
        payout.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(held)
}
