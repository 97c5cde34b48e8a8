//! What people may stop. A pause is an UPDATE of a row that every begin of an attempt share-locks: once it has answered, no
//! attempt begins.

use chrono::{DateTime, Utc};
use domain::PayoutId;
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Pool, Result, audit,
    installation::{self, NotReconciled},
    outbox,
    text::storable,
};

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

/// What came of asking to resume everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumed {
    Done,
    /// The database was restored, and what it has forgotten has not been claimed yet.
    NotReconciled(NotReconciled),
}

/// Resumes everything, unless the database was restored and no reconciliation has finished since.
pub async fn resume(pool: &Pool, reason: &str, actor: &Actor, now: DateTime<Utc>) -> Result<Resumed> {
    let mut tx = pool.begin().await?;
    if let Err(why) = installation::resume(&mut tx, actor, now).await? {
        return Ok(Resumed::NotReconciled(why));
    }
    set_paused_in(&mut tx, false, reason, actor, now).await?;
    tx.commit().await?;
    Ok(Resumed::Done)
}

/// Pauses or resumes everything, whatever stands against it: people resume by [`resume`].
pub async fn set_paused(
    pool: &Pool,
    paused: bool,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = pool.begin().await?;
    set_paused_in(&mut tx, paused, reason, actor, now).await?;
    tx.commit().await?;
    if paused {
        tell_the_claimed(pool).await;
    }
    Ok(())
}

/// After a pause has been committed: it stands, whatever becomes of this.
pub(crate) async fn tell_the_claimed(pool: &Pool) {
    if let Err(error) = outbox::release_what_is_paused(pool).await {
        tracing::warn!("what a batch has taken learns of the pause in its turn: {error}");
    }
}

async fn set_paused_in(
    conn: &mut PgConnection,
    paused: bool,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let reason = storable(reason);
    // Shared row locks overtake a waiting UPDATE, so a steady stream of begins could hold a pause off for ever. The table's lock
    // is a queue: those that come after wait.
    sqlx::query!("LOCK TABLE control IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    sqlx::query!(
        "UPDATE control SET paused = $1, reason = $2, changed_by = $3, changed_at = $4",
        paused,
        reason.as_ref(),
        actor.as_str(),
        now
    )
    .execute(&mut *conn)
    .await?;
    let action = if paused { "paused" } else { "resumed" };
    audit::record_subject(conn, actor, action, "system", json!({ "reason": reason }), now).await
}

/// What stands between a payout and its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    None,
    /// The system, its provider, its bank or its account is paused, the provider is suspended, or the account cools off.
    Paused,
    /// The account it was to go to is not in use any more.
    AccountRemoved,
}

/// What holds this payout back. Holds the control row, the provider and the account shared until the transaction ends, so
/// that a pause, a suspension and a removal that have answered are seen here.
///
/// That an account has cooled off is asked when a payout to it is asked for and when it is assessed, and once more here: what was
/// approved meanwhile does not go there earlier.
pub(crate) async fn hold(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<Hold> {
    // A restored database has paused itself before anybody has noticed.
    let paused = sqlx::query_scalar!(
        r#"SELECT paused OR EXISTS (
               SELECT FROM installation i
               WHERE i.system_identifier <> (SELECT system_identifier::text FROM pg_control_system())
                  OR i.timeline <> ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
                  OR i.database_oid <> (SELECT oid::bigint FROM pg_database WHERE datname = current_database())) AS "paused!"
           FROM control FOR SHARE OF control"#
    )
    .fetch_one(&mut *conn)
    .await?;
    if paused {
        return Ok(Hold::Paused);
    }
    let seen = sqlx::query!(
        r#"SELECT v.status AS provider_status, b.status AS account_status, b.usable_from, EXISTS (
               SELECT FROM pauses s WHERE (s.scope, s.subject) IN
                   (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))) AS "paused!"
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN providers v ON v.id = p.provider_id
           WHERE p.id = $1 FOR SHARE OF v, b"#,
        payout.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(if seen.paused || seen.provider_status != "ACTIVE" {
        Hold::Paused
    } else if seen.account_status != "ACTIVE" {
        Hold::AccountRemoved
    } else if seen.usable_from > now {
        Hold::Paused
    } else {
        Hold::None
    })
}
