//! Staff suspends a provider. The marketplace can too, when it pushes them: either word suffices, and each is taken back only by
//! whoever gave it.
//!
//! Guarantee: once [`suspend`] has answered no attempt begins for the provider, as with a pause ([`crate::pauses`]); what is not
//! assessed yet is refused, what is approved waits, what is on its way ends as it ends. The provider is told that payouts to them
//! stop and go on, and never why: the reason is for the audit trail, and may be a suspicion.
//!
//! Locks: the control table's queue, then the provider's row.

use chrono::{DateTime, Utc};
use domain::ProviderId;
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Pool, Result, audit,
    notifications::{self, Event},
    pauses,
    text::storable,
};

/// What staff has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    pub reason: String,
    /// `admin:<sub>`
    pub by: String,
    pub at: DateTime<Utc>,
}

/// What came of asking for a suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspending {
    Done(Suspension),
    /// Staff has suspended them already; nothing changed.
    Already(Suspension),
    Unknown,
}

/// What came of lifting one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifting {
    /// No suspension of staff's stands (any more). `by_marketplace`: the marketplace's does.
    Done {
        by_marketplace: bool,
    },
    Unknown,
}

/// The suspension of staff's that stands.
pub async fn get(pool: &Pool, provider: ProviderId) -> Result<Option<Suspension>> {
    Ok(read(&mut *pool.acquire().await?, provider).await?.and_then(|seen| seen.by_staff))
}

/// Suspends. Where staff has done so already nothing changes.
pub async fn suspend(
    pool: &Pool,
    provider: ProviderId,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Suspending> {
    let mut tx = pool.begin().await?;
    pauses::queue(&mut tx).await?;
    let Some(seen) = read(&mut tx, provider).await? else { return Ok(Suspending::Unknown) };
    if let Some(standing) = seen.by_staff {
        return Ok(Suspending::Already(standing));
    }
    let reason = storable(reason).into_owned();
    sqlx::query!(
        "UPDATE providers SET status = 'SUSPENDED', suspended_reason = $2, suspended_by = $3, suspended_at = $4, updated_at = $4
         WHERE id = $1 AND suspended_at IS NULL",
        provider.uuid(),
        reason,
        admin.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "reason": reason, "by_marketplace": seen.by_marketplace });
    audit::record_subject(&mut tx, admin, "provider_suspended", &provider.to_string(), detail, now).await?;
    if !seen.by_marketplace {
        notifications::tell_of_suspension(&mut tx, provider, Event::Suspended, now).await?;
    }
    tx.commit().await?;
    Ok(Suspending::Done(Suspension { reason, by: admin.to_string(), at: now }))
}

/// Takes back what staff has said. Where that is nothing, nothing changes.
pub async fn lift(
    pool: &Pool,
    provider: ProviderId,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Lifting> {
    let mut tx = pool.begin().await?;
    pauses::queue(&mut tx).await?;
    let Some(seen) = read(&mut tx, provider).await? else { return Ok(Lifting::Unknown) };
    let Some(standing) = seen.by_staff else {
        return Ok(Lifting::Done { by_marketplace: seen.by_marketplace });
    };
    sqlx::query!(
        "UPDATE providers SET status = CASE WHEN suspended_by_marketplace THEN 'SUSPENDED' ELSE 'ACTIVE' END,
                suspended_reason = NULL, suspended_by = NULL, suspended_at = NULL, updated_at = $2
         WHERE id = $1 AND suspended_at IS NOT NULL",
        provider.uuid(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    let detail =
        json!({ "reason": storable(reason), "by_marketplace": seen.by_marketplace, "was_by": standing.by });
    audit::record_subject(&mut tx, admin, "provider_unsuspended", &provider.to_string(), detail, now).await?;
    if !seen.by_marketplace {
        notifications::tell_of_suspension(&mut tx, provider, Event::SuspensionLifted, now).await?;
    }
    tx.commit().await?;
    Ok(Lifting::Done { by_marketplace: seen.by_marketplace })
}

struct Seen {
    by_marketplace: bool,
    by_staff: Option<Suspension>,
}

/// Within [`suspend`] and [`lift`] the queue keeps the other of the two away.
async fn read(conn: &mut PgConnection, provider: ProviderId) -> Result<Option<Seen>> {
    let row = sqlx::query!(
        "SELECT suspended_by_marketplace, suspended_reason, suspended_by, suspended_at FROM providers WHERE id = $1",
        provider.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let by_staff = match (row.suspended_reason, row.suspended_by, row.suspended_at) {
            (Some(reason), Some(by), Some(at)) => Some(Suspension { reason, by, at }),
            (_, _, _) => None,
        };
        Seen { by_marketplace: row.suspended_by_marketplace, by_staff }
    }))
}
