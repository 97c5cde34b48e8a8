//! What people set about batches at run time: when they leave and how much may leave at once.
//!
//! As long as nobody has set a schedule, the installation's settings are in force. Cost of a read: one row by key.

use chrono::{DateTime, Utc};
use domain::{Limits, Schedule};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, audit};

/// What is in force, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchRules {
    /// `None`: as the settings say.
    pub schedule: Option<Schedule>,
    /// Since when; windows before are another schedule's. `None`: it was never set.
    pub scheduled_at: Option<DateTime<Utc>>,
    pub limits: Limits,
    /// Who changed it last and when; `None`: nobody has yet.
    pub changed: Option<(String, DateTime<Utc>)>,
}

/// The schedule in force, where `settings` is what the installation's settings say.
pub async fn schedule(pool: &Pool, settings: &Schedule) -> Result<Schedule> {
    Ok(get(pool).await?.schedule.unwrap_or_else(|| settings.clone()))
}

pub async fn get(pool: &Pool) -> Result<BatchRules> {
    get_in(&mut *pool.acquire().await?).await
}

pub(crate) async fn get_in(conn: &mut PgConnection) -> Result<BatchRules> {
    let row = sqlx::query!("SELECT schedule, scheduled_at, limits, changed_by, changed_at FROM batch_rules")
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(BatchRules::default()) };
    Ok(BatchRules {
        schedule: row.schedule.map(serde_json::from_value).transpose().map_err(Error::corrupt)?,
        scheduled_at: row.scheduled_at,
        limits: serde_json::from_value(row.limits).map_err(Error::corrupt)?,
        changed: Some((row.changed_by, row.changed_at)),
    })
}

/// Sets when batches leave; `None`: as the installation's settings say.
pub async fn set_schedule(
    pool: &Pool,
    schedule: Option<&Schedule>,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let value = schedule.map(serde_json::to_value).transpose().map_err(Error::corrupt)?;
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "INSERT INTO batch_rules (schedule, scheduled_at, changed_by, changed_at) VALUES ($1, $3, $2, $3)
         ON CONFLICT (only_row) DO UPDATE SET schedule = $1, scheduled_at = $3, changed_by = $2, changed_at = $3",
        value,
        admin.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    recorded(&mut tx, "batch_schedule_set", json!({ "schedule": value }), admin, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets how much may leave in one batch and on one day.
pub async fn set_limits(pool: &Pool, limits: &Limits, admin: &Actor, now: DateTime<Utc>) -> Result<()> {
    let value = serde_json::to_value(limits).map_err(Error::corrupt)?;
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "INSERT INTO batch_rules (limits, changed_by, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (only_row) DO UPDATE SET limits = $1, changed_by = $2, changed_at = $3",
        value,
        admin.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    recorded(&mut tx, "batch_limits_set", json!({ "limits": value }), admin, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn recorded(
    conn: &mut PgConnection,
    action: &str,
    detail: Value,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    audit::record_subject(conn, admin, action, "batches", detail, now).await
}
