//! Whether this database is where it was.
//!
//! A copy of the database, or one that was put back to an earlier moment, has forgotten transfers that the gateway has made. It
//! is recognised by what does not move with the data (the server's identifier, its timeline, the database's own number), by a
//! process that saw later rows than there are, and by a transfer of ours that has no attempt. Guarantee: from that moment no
//! attempt begins, until an admin resumes after a reconciliation that began later has finished: it claims what was forgotten.
//!
//! The gate to every attempt compares the place too, so that nothing begins before anybody has looked.
//!
//! Cost: a few reads, without a lock. Limit: a snapshot of the disks under a server that nobody watched is only found by the transfers.
//! A fail-over to another server counts as one: what was committed last may be lost with it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{
    Actor, Pool, Result, audit,
    cases::{self, CaseKind, Finding},
};

/// The subject of the case.
const SUBJECT: &str = "installation";

/// What a look at the database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Where it was, or seen for the first time. `high_water`: the audit trail's highest number, for the next look.
    AsItWas { high_water: i64 },
    /// Restored or copied: everything is paused now, and a case is open.
    Moved { why: String, high_water: i64 },
}

/// Looks where the database is, and remembers it. `seen`: the `high_water` that this process saw last.
pub async fn check(pool: &Pool, seen: Option<i64>, now: DateTime<Utc>) -> Result<Place> {
    let mut tx = pool.begin().await?;
    let here = sqlx::query!(
        r#"SELECT (SELECT system_identifier::text FROM pg_control_system()) AS "system!",
                  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS "timeline!",
                  (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS "database!",
                  coalesce((SELECT max(id) FROM audit), 0) AS "high_water!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    let remembered =
        sqlx::query!("SELECT system_identifier, timeline, database_oid FROM installation FOR UPDATE")
            .fetch_optional(&mut *tx)
            .await?;
    let moved = remembered.and_then(|was| {
        if was.system_identifier != here.system {
            Some("it is on another server than it was")
        } else if was.timeline != here.timeline {
            Some("its server was restored to an earlier moment, or another one took over")
        } else if was.database_oid != here.database {
            Some("it is a copy of the database it was")
        } else {
            None
        }
    });
    let lost = seen.filter(|seen| *seen > here.high_water);
    let why = moved.or(lost.map(|_| "what it held a moment ago is gone"));
    // Many processes look every few seconds; the row is written where that changes something, and once a minute.
    sqlx::query!(
        "INSERT INTO installation (system_identifier, timeline, database_oid, high_water, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (only_row) DO UPDATE
         SET system_identifier = $1, timeline = $2, database_oid = $3, high_water = $4, seen_at = $5
         WHERE (installation.system_identifier, installation.timeline, installation.database_oid) IS DISTINCT FROM ($1, $2, $3)
            OR installation.seen_at < $5::timestamptz - interval '1 minute'",
        here.system,
        here.timeline,
        here.database,
        here.high_water,
        now,
    )
    .execute(&mut *tx)
    .await?;
    let place = match why {
        None => Place::AsItWas { high_water: here.high_water },
        Some(why) => {
            let detail = json!({ "seen": seen, "now": here.high_water });
            restored(&mut tx, why, detail, now).await?;
            Place::Moved { why: why.to_owned(), high_water: here.high_water }
        }
    };
    tx.commit().await?;
    Ok(place)
}

/// Pauses everything and opens the case, in the transaction that found it.
pub(crate) async fn restored(
    conn: &mut PgConnection,
    why: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let reason = format!("restored: {why}");
    // As an admin's pause: those that begin an attempt queue behind it.
    sqlx::query!("LOCK TABLE control IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    let paused = sqlx::query!(
        "UPDATE control SET paused = true, reason = $1, changed_by = 'system', changed_at = $2 WHERE NOT paused",
        reason,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if paused == 1 {
        tracing::error!("everything is paused, {reason}");
        audit::record_subject(conn, &Actor::system(), "paused", "system", json!({ "reason": reason }), now)
            .await?;
    }
    let finding = Finding {
        kind: CaseKind::Restored,
        subject: SUBJECT.to_owned(),
        payout: None,
        provider: None,
        amount: None,
        summary: "The database is not where it was, and may have forgotten transfers. Everything is paused.",
        source: "system",
        detail: json!({ "why": why, "found": detail }),
    };
    cases::open(conn, &finding, now).await?;
    Ok(())
}

/// Whether it was restored and is not reconciled yet, or was resumed after `since`.
pub async fn restored_since(pool: &Pool, since: DateTime<Utc>) -> Result<bool> {
    let restored = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM cases WHERE kind = 'restored' AND (status = 'OPEN' OR closed_at > $1)) AS "restored!""#,
        since
    )
    .fetch_one(pool)
    .await?;
    Ok(restored)
}

/// Why payouts may not be resumed yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database was restored: a reconciliation that began after {since} must finish first")]
pub struct NotReconciled {
    pub since: DateTime<Utc>,
}

/// Whether an admin may resume. Closes the case where they may: its question is answered. For the transaction that resumes.
pub(crate) async fn resume(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<std::result::Result<(), NotReconciled>> {
    let case = sqlx::query!(
        "SELECT id, seen_at FROM cases WHERE kind = 'restored' AND subject = $1 AND status = 'OPEN' FOR UPDATE",
        SUBJECT
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(case) = case else { return Ok(Ok(())) };
    // The run that found a forgotten transfer is not the one that shows there are no more.
    let reconciled = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM reconciliations WHERE status = 'FINISHED' AND opened_at > $1) AS "reconciled!""#,
        case.seen_at
    )
    .fetch_one(&mut *conn)
    .await?;
    if !reconciled {
        return Ok(Err(NotReconciled { since: case.seen_at }));
    }
    sqlx::query!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $2, closed_by = $3,
                resolution = 'A reconciliation has claimed what the gateway has; payouts were resumed.'
         WHERE id = $1 AND status = 'OPEN'",
        case.id,
        now,
        actor.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(Ok(()))
}
