//! Starts and signals for the engine, written in the transaction of what they tell, delivered by a relay.
//!
//! At least once, in order per payout: a row is offered only when no older one of its payout is undelivered. A lease keeps two
//! relays off the same row; a relay that dies leaves it to the next one when the lease has run out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttemptNumber, BatchId, Money, PayoutId, ProviderId, ReconciliationId};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, audit, text::storable};

/// What a row asks the relay to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    Start(Start),
    Signal { payout: Start, signal: String, body: Value },
    Batch { batch: BatchId },
    InstantBatch,
    Reconciliation { run: ReconciliationId },
}

/// What a payout's workflow is started with; a signal that finds no workflow starts one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub payout: PayoutId,
    pub provider: ProviderId,
    pub amount: Money,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub id: i64,
    /// What a workflow tells its wake-ups apart by: a restored database gives ids a second time, and never this.
    pub wake: i64,
    pub tries: i32,
    pub created_at: DateTime<Utc>,
    pub work: Work,
}

/// A row that failed this often is dead: an admin sees it and can send it again. With the back-off below this is about a day.
pub const MAX_TRIES: i32 = 100;
/// Longest wait between two tries.
const MAX_BACKOFF: TimeDelta = TimeDelta::minutes(15);

pub(crate) async fn start(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    insert(conn, "start", Some(payout), None, None, json!({}), now).await
}

/// A wake-up that names a row: the workflow reads the row again.
pub(crate) async fn signal(
    conn: &mut PgConnection,
    payout: PayoutId,
    signal: &str,
    attempt: Option<AttemptNumber>,
    now: DateTime<Utc>,
) -> Result<()> {
    let body = attempt.map_or_else(|| json!({}), |attempt| json!({ "attempt": attempt }));
    insert(conn, "signal", Some(payout), None, Some(signal), body, now).await
}

pub(crate) async fn batch(conn: &mut PgConnection, batch: BatchId, now: DateTime<Utc>) -> Result<()> {
    insert(conn, "batch", None, Some(batch), None, json!({}), now).await
}

/// Instant payouts: asks for a batch at once. Many of these are one batch. `instant`: the settings say that payouts are, which holds
/// until people set another schedule; where they are not nothing is written.
pub(crate) async fn instant_batch(conn: &mut PgConnection, instant: bool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (kind, created_at, next_try_at)
         SELECT 'instant_batch', $1, $1
         WHERE coalesce((SELECT schedule ->> 'kind' = 'instant' FROM batch_rules), $2)",
        now,
        instant,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A comparison with the gateway that an admin asked for.
pub(crate) async fn reconciliation(
    conn: &mut PgConnection,
    run: ReconciliationId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (kind, reconciliation_id, created_at, next_try_at) VALUES ('reconciliation', $1, $2, $2)",
        run.uuid(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Releases of what cannot begin now, as everything is paused or they are, are due at once: each payout learns without waiting for its
/// turn that it waits again. What somebody else has locked just now comes when it is due.
pub(crate) async fn release_what_is_paused(pool: &Pool) -> Result<()> {
    let due = sqlx::query!(
        "UPDATE outbox SET due_at = '-infinity' WHERE id IN (
             SELECT o.id FROM outbox o JOIN payouts p ON p.id = o.payout_id
             JOIN providers v ON v.id = p.provider_id JOIN bank_accounts b ON b.id = p.bank_account_id CROSS JOIN control c
             WHERE o.due_at > '-infinity' AND o.delivered_at IS NULL AND o.dead_at IS NULL
               AND (c.paused OR v.status <> 'ACTIVE' OR EXISTS (
                   SELECT FROM pauses s WHERE (s.scope, s.subject) IN
                       (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))))
             FOR UPDATE OF o SKIP LOCKED)"
    )
    .execute(pool)
    .await?
    .rows_affected();
    if due > 0 {
        sqlx::query("SELECT pg_notify('outbox', '')").execute(pool).await?;
    }
    Ok(())
}

/// A release of the same payout that waits for its turn is due then: it must not hold up what comes after it.
async fn insert(
    conn: &mut PgConnection,
    kind: &str,
    payout: Option<PayoutId>,
    batch: Option<BatchId>,
    signal: Option<&str>,
    body: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "WITH before AS (
             UPDATE outbox SET due_at = '-infinity'
             WHERE payout_id = $2 AND due_at > '-infinity' AND delivered_at IS NULL AND dead_at IS NULL)
         INSERT INTO outbox (kind, payout_id, batch_id, signal, body, created_at, next_try_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        kind,
        payout.map(PayoutId::uuid),
        batch.map(BatchId::uuid),
        signal,
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `limit` rows that are due, longest due first and at most one per payout, and keeps them for `lease`.
pub async fn lease(pool: &Pool, limit: i64, lease: Duration, now: DateTime<Utc>) -> Result<Vec<Row>> {
    let until =
        TimeDelta::from_std(lease).ok().and_then(|lease| now.checked_add_signed(lease)).unwrap_or(now);
    let rows = sqlx::query!(
        r#"WITH due AS (
               SELECT o.id FROM outbox o
               WHERE o.delivered_at IS NULL AND o.dead_at IS NULL AND o.due_at <= $1 AND o.next_try_at <= $1
                 AND NOT EXISTS (
                     SELECT FROM outbox older
                     WHERE older.payout_id = o.payout_id AND older.id < o.id
                       AND older.delivered_at IS NULL AND older.dead_at IS NULL)
               ORDER BY o.due_at, o.id LIMIT $2
               FOR UPDATE SKIP LOCKED
           ), leased AS (
               UPDATE outbox o SET next_try_at = $3, tries = o.tries + 1 FROM due WHERE o.id = due.id
               RETURNING o.*
           )
           SELECT l.id AS "id!", l.wake AS "wake!", l.kind AS "kind!", l.tries AS "tries!", l.created_at AS "created_at!",
                  l.signal, l.body AS "body!", l.batch_id, l.payout_id, l.reconciliation_id,
                  p.provider_id AS "provider_id?", p.amount AS "amount?", p.currency AS "currency?"
           FROM leased l LEFT JOIN payouts p ON p.id = l.payout_id
           ORDER BY l.due_at, l.id"#,
        now,
        limit,
        until,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let start = match (row.payout_id, row.provider_id, row.amount, row.currency) {
                (Some(payout), Some(provider), Some(amount), Some(currency)) => Some(Start {
                    payout: PayoutId::from_uuid(payout),
                    provider: ProviderId::from_uuid(provider),
                    amount: crate::payouts::money(amount, &currency)?,
                }),
                (_, _, _, _) => None,
            };
            let work = match (row.kind.as_str(), start, row.signal, row.batch_id) {
                ("start", Some(start), None, _) => Work::Start(start),
                ("signal", Some(payout), Some(signal), _) => Work::Signal { payout, signal, body: row.body },
                ("batch", _, _, Some(batch)) => Work::Batch { batch: BatchId::from_uuid(batch) },
                ("instant_batch", _, _, _) => Work::InstantBatch,
                ("reconciliation", _, _, _) if row.reconciliation_id.is_some() => {
                    let run = row.reconciliation_id.unwrap_or_default();
                    Work::Reconciliation { run: ReconciliationId::from_uuid(run) }
                }
                (kind, _, _, _) => {
                    return Err(Error::corrupt(format!("outbox row {} of kind {kind}", row.id)));
                }
            };
            Ok(Row { id: row.id, wake: row.wake, tries: row.tries, created_at: row.created_at, work })
        })
        .collect()
}

/// The engine has it.
pub async fn delivered(pool: &Pool, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE outbox SET delivered_at = $2, last_error = NULL WHERE id = ANY($1) AND delivered_at IS NULL",
        ids,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The engine did not take it: again later, doubling from a second, dead after [`MAX_TRIES`].
pub async fn failed(pool: &Pool, row: &Row, error: &str, now: DateTime<Utc>) -> Result<()> {
    let doublings = u32::try_from(row.tries.clamp(0, 10)).unwrap_or(10);
    let wait = TimeDelta::seconds(2_i64.saturating_pow(doublings)).min(MAX_BACKOFF);
    let error: String = storable(error).chars().take(500).collect();
    sqlx::query!(
        "UPDATE outbox SET next_try_at = $2, last_error = $3, dead_at = CASE WHEN tries >= $4 THEN $5::timestamptz END
         WHERE id = $1 AND delivered_at IS NULL AND dead_at IS NULL",
        row.id,
        now.checked_add_signed(wait).unwrap_or(now),
        error,
        MAX_TRIES,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The engine is away: give the rows back, due soon, without counting a try against them.
pub async fn give_back(pool: &Pool, ids: &[i64], due: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE outbox SET next_try_at = $2, tries = greatest(tries - 1, 0)
         WHERE id = ANY($1) AND delivered_at IS NULL AND dead_at IS NULL",
        ids,
        due
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A row that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: i64,
    /// `start`, `signal`, `batch`, `instant_batch` or `reconciliation`.
    pub kind: String,
    pub payout: Option<PayoutId>,
    pub batch: Option<BatchId>,
    pub signal: Option<String>,
    pub created_at: DateTime<Utc>,
    pub tries: i32,
    /// What the engine last said.
    pub last_error: Option<String>,
    pub dead_at: DateTime<Utc>,
}

/// Which of them.
#[derive(Debug, Clone, Default)]
pub struct DeadFilter {
    pub kind: Option<String>,
    pub payout: Option<PayoutId>,
    pub signal: Option<String>,
}

/// Rows that were given up, newest first, older than `before`.
pub async fn dead(
    pool: &Pool,
    filter: &DeadFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<DeadLetter>> {
    let rows = sqlx::query!(
        r#"SELECT id, kind, payout_id, batch_id, signal, created_at, tries, last_error, dead_at AS "dead_at!"
           FROM outbox
           WHERE delivered_at IS NULL AND dead_at IS NOT NULL
             AND ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR payout_id = $2)
             AND ($3::text IS NULL OR signal = $3) AND ($4::bigint IS NULL OR id < $4)
           ORDER BY id DESC LIMIT $5"#,
        filter.kind,
        filter.payout.map(PayoutId::uuid),
        filter.signal,
        before,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadLetter {
            id: row.id,
            kind: row.kind,
            payout: row.payout_id.map(PayoutId::from_uuid),
            batch: row.batch_id.map(BatchId::from_uuid),
            signal: row.signal,
            created_at: row.created_at,
            tries: row.tries,
            last_error: row.last_error,
            dead_at: row.dead_at,
        })
        .collect())
}

/// What came of sending a dead row again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// Due again, oldest first: the row, and every dead one of its payout that is older, because the order per payout is kept.
    Done(Vec<i64>),
    /// It was delivered, or is due again already.
    NotDead,
    NotFound,
}

/// Makes a row that was given up due again, with all its tries before it: an admin has seen why and mended it.
///
/// Rows of its payout that were written later and delivered meanwhile stay delivered: each only wakes the workflow, which reads
/// the payout as it stands now. Later ones that still wait wait for this one.
pub async fn resend(pool: &Pool, id: i64, actor: &Actor, now: DateTime<Utc>) -> Result<Resent> {
    let mut tx = pool.begin().await?;
    let Some(row) = sqlx::query!("SELECT payout_id FROM outbox WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(&mut *tx)
        .await?
    else {
        return Ok(Resent::NotFound);
    };
    let mut ids = sqlx::query_scalar!(
        "UPDATE outbox SET dead_at = NULL, tries = 0, next_try_at = $3
         WHERE (id = $1 OR (payout_id = $2 AND id < $1)) AND delivered_at IS NULL AND dead_at IS NOT NULL
           AND EXISTS (SELECT FROM outbox asked WHERE asked.id = $1 AND asked.delivered_at IS NULL AND asked.dead_at IS NOT NULL)
         RETURNING id",
        id,
        row.payout_id,
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    if ids.is_empty() {
        // Now, not some time after the drop: a row that is still locked is passed over by the relay.
        tx.rollback().await?;
        return Ok(Resent::NotDead);
    }
    ids.sort_unstable();
    let detail = json!({ "outbox": ids });
    match row.payout_id {
        Some(payout) => {
            audit::record(&mut tx, actor, "resent", PayoutId::from_uuid(payout), None, detail, now).await?;
        }
        None => audit::record_subject(&mut tx, actor, "resent", &format!("outbox:{id}"), detail, now).await?,
    }
    sqlx::query("SELECT pg_notify('outbox', '')").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Resent::Done(ids))
}

/// How much waits, and since when: the measure of whether anything falls between the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Those that are not due yet among them.
    pub undelivered: i64,
    pub dead: i64,
    /// Since when the first of them could have been delivered.
    pub oldest: Option<DateTime<Utc>>,
}

pub async fn backlog(pool: &Pool) -> Result<Backlog> {
    Ok(sqlx::query_as!(
        Backlog,
        r#"SELECT waiting.count AS "undelivered!", waiting.oldest,
                  (SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND dead_at IS NOT NULL) AS "dead!"
           FROM (SELECT count(*) AS count, min(greatest(created_at, due_at)) AS oldest
                 FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL) waiting"#
    )
    .fetch_one(pool)
    .await?)
}
