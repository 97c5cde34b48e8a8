//! The set of payouts that a window claims and releases.
//!
//! Claiming is idempotent by row: a payout is claimed by the one UPDATE that found it APPROVED, and its release signal is a row
//! of the same transaction. A batch whose worker dies is carried on by another: claiming again takes what is left.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, BatchWindow, Money};
use serde_json::json;
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, audit, outbox, payouts::money};

/// How long an instant batch leaves a payout alone at most after it came back for want of funds; the first time it is a minute,
/// then twice as long each time. `funds_rest` in the migrations says the same.
pub const LONGEST_FUNDS_REST: TimeDelta = TimeDelta::hours(4);

/// Whoever was approved this recently has asked for a batch, which may be under way.
const ASKED_ITSELF: TimeDelta = TimeDelta::seconds(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    Window,
    RunNow,
    Instant,
}

impl BatchKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Window => "WINDOW",
            Self::RunNow => "RUN_NOW",
            Self::Instant => "INSTANT",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "WINDOW" => Ok(Self::Window),
            "RUN_NOW" => Ok(Self::RunNow),
            "INSTANT" => Ok(Self::Instant),
            other => Err(Error::corrupt(format!("batch kind {other}"))),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub id: BatchId,
    pub kind: BatchKind,
    pub window_at: Option<DateTime<Utc>>,
    pub opened_by: String,
    pub opened_at: DateTime<Utc>,
    /// Set once it has nothing left to claim.
    pub closed_at: Option<DateTime<Utc>>,
    pub payouts: u32,
    pub sums: Vec<Money>,
}

/// Opens the batch of the current window. `None`: no window is due (its batch is closed already). An open one is answered
/// again, so that a batch whose worker died is carried on.
pub async fn open_due(
    pool: &Pool,
    window: BatchWindow,
    zone: chrono_tz::Tz,
    now: DateTime<Utc>,
) -> Result<Option<BatchId>> {
    let mut tx = pool.begin().await?;
    let left_open = sqlx::query_scalar!(
        "SELECT id FROM batches WHERE status = 'OPEN' AND kind = 'WINDOW' ORDER BY id LIMIT 1"
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(id) = left_open {
        return Ok(Some(BatchId::from_uuid(id)));
    }
    let Some(due) = window.current(now, zone) else { return Ok(None) };
    let id = BatchId::mint();
    let opened = sqlx::query!(
        "INSERT INTO batches (id, kind, window_at, opened_by, opened_at) VALUES ($1, 'WINDOW', $2, 'system', $3)
         ON CONFLICT (window_at) WHERE kind = 'WINDOW' DO NOTHING",
        id.uuid(),
        due,
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if opened == 1 {
        let detail = json!({ "window": due });
        audit::record_subject(&mut tx, &Actor::system(), "batch_opened", &id.to_string(), detail, now)
            .await?;
    }
    tx.commit().await?;
    Ok((opened == 1).then_some(id))
}

/// Opens a batch for instant payouts, or answers the one that is open: there is one at a time.
pub async fn open_instant(pool: &Pool, now: DateTime<Utc>) -> Result<BatchId> {
    /// Each further try means that another batch was opened and closed between two statements.
    const TRIES: u8 = 5;
    for _ in 0..TRIES {
        let id = BatchId::mint();
        let opened = sqlx::query_scalar!(
            "INSERT INTO batches (id, kind, opened_by, opened_at) VALUES ($1, 'INSTANT', 'system', $2)
             ON CONFLICT (kind) WHERE kind = 'INSTANT' AND status = 'OPEN' DO NOTHING RETURNING id",
            id.uuid(),
            now,
        )
        .fetch_optional(pool)
        .await?;
        let open = match opened {
            Some(id) => Some(id),
            None => {
                sqlx::query_scalar!("SELECT id FROM batches WHERE status = 'OPEN' AND kind = 'INSTANT'")
                    .fetch_optional(pool)
                    .await?
            }
        };
        if let Some(id) = open {
            return Ok(BatchId::from_uuid(id));
        }
    }
    Err(Error::corrupt("instant batches are closed faster than they can be found"))
}

/// An admin's batch, at once. The engine is told through the outbox.
pub async fn run_now(pool: &Pool, actor: &Actor, now: DateTime<Utc>) -> Result<Batch> {
    let mut tx = pool.begin().await?;
    let id = insert(&mut tx, BatchKind::RunNow, actor, now).await?;
    audit::record_subject(&mut tx, actor, "batch_opened", &id.to_string(), json!({ "run_now": true }), now)
        .await?;
    outbox::batch(&mut tx, id, now).await?;
    tx.commit().await?;
    get(pool, id).await?.ok_or_else(|| Error::corrupt(format!("batch {id} is gone")))
}

async fn insert(
    conn: &mut PgConnection,
    kind: BatchKind,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchId> {
    let id = BatchId::mint();
    sqlx::query!(
        "INSERT INTO batches (id, kind, opened_by, opened_at) VALUES ($1, $2, $3, $4)",
        id.uuid(),
        kind.as_str(),
        actor.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Whether anything waits for a batch.
pub async fn any_approved(pool: &Pool) -> Result<bool> {
    let found = sqlx::query_scalar!("SELECT id FROM payouts WHERE status = 'APPROVED' LIMIT 1")
        .fetch_optional(pool)
        .await?;
    Ok(found.is_some())
}

/// Instant payouts: writes the wish for a batch where approved payouts wait that one would take, unless a wish is on its way.
/// Answers whether one was written.
///
/// An approval asks for its batch itself. This finds those whom nobody asks for: what a pause, a suspension or an empty wallet had
/// held back and holds back no more, whoever ended it and however. Cost: one look into the index of approved payouts.
pub async fn ask_for_instant(pool: &Pool, now: DateTime<Utc>) -> Result<bool> {
    let settled = now.checked_sub_signed(ASKED_ITSELF).unwrap_or(now);
    let mut tx = pool.begin().await?;
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM payouts p
               WHERE p.status = 'APPROVED' AND p.approved_at <= $1 AND p.updated_at <= $2
                 AND (p.held IS DISTINCT FROM 'funds' OR p.updated_at < $1 - funds_rest(p.attempts, p.counted_failures))
                 AND EXISTS (SELECT FROM providers v WHERE v.id = p.provider_id AND v.status = 'ACTIVE')
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'provider' AND s.subject = p.provider_id::text)
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'bank_account' AND s.subject = p.bank_account_id::text)
                 AND NOT EXISTS (
                     SELECT FROM pauses s JOIN bank_accounts b ON b.bank_code = s.subject
                     WHERE s.scope = 'bank' AND b.id = p.bank_account_id))
           AND NOT EXISTS (SELECT FROM control WHERE paused)
           AND NOT EXISTS (SELECT FROM outbox WHERE kind = 'instant_batch' AND delivered_at IS NULL AND dead_at IS NULL)
           AS "waits!""#,
        now,
        settled,
    )
    .fetch_one(&mut *tx)
    .await?;
    if waits {
        outbox::instant_batch(&mut tx, now).await?;
    }
    tx.commit().await?;
    Ok(waits)
}

/// How many batches of windows and run-now came before this one within the minute before `now`.
pub async fn begun_within_a_minute(pool: &Pool, batch: BatchId, now: DateTime<Utc>) -> Result<u32> {
    let minute_ago = now.checked_sub_signed(TimeDelta::minutes(1)).unwrap_or(now);
    let ahead = sqlx::query_scalar!(
        r#"SELECT count(*) AS "ahead!" FROM batches WHERE opened_at > $2 AND id < $1 AND kind IN ('WINDOW', 'RUN_NOW')"#,
        batch.uuid(),
        minute_ago,
    )
    .fetch_one(pool)
    .await?;
    u32::try_from(ahead).map_err(Error::corrupt)
}

/// Whether this batch may still claim.
pub async fn is_open(pool: &Pool, id: BatchId) -> Result<bool> {
    let found = sqlx::query_scalar!("SELECT id FROM batches WHERE id = $1 AND status = 'OPEN'", id.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(found.is_some())
}

/// Claims up to `limit` approved payouts, oldest approval first, each with its release signal. Answers how many: fewer than
/// `limit` means that nothing is left that is not being moved by somebody else just now. While the system is paused nothing is
/// claimed; what is paused by provider, bank or account, and what a suspended provider asked for, is passed over; what came back
/// for want of funds since this batch was opened waits for the next one. An instant batch leaves those alone for longer each
/// time, up to [`LONGEST_FUNDS_REST`]: there may be many of them in a minute, and each try uses one of a payout's numbers up.
pub async fn claim_chunk(pool: &Pool, batch: BatchId, limit: i64, now: DateTime<Utc>) -> Result<u32> {
    let mut tx = pool.begin().await?;
    let open = sqlx::query!(
        "SELECT opened_at, kind FROM batches WHERE id = $1 AND status = 'OPEN' FOR NO KEY UPDATE",
        batch.uuid()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(open) = open else { return Ok(0) };
    let instant = match BatchKind::parse(&open.kind)? {
        BatchKind::Instant => true,
        BatchKind::Window | BatchKind::RunNow => false,
    };
    let paused = sqlx::query_scalar!("SELECT paused FROM control FOR SHARE").fetch_one(&mut *tx).await?;
    if paused {
        return Ok(0);
    }
    let claimed = sqlx::query_scalar!(
        r#"WITH next AS (
               SELECT p.id FROM payouts p
               WHERE p.status = 'APPROVED' AND p.approved_at <= $3
                 AND (p.held IS DISTINCT FROM 'funds' OR p.updated_at < CASE WHEN $5 THEN $3 - funds_rest(p.attempts, p.counted_failures) ELSE $4 END)
                 AND EXISTS (SELECT FROM providers v WHERE v.id = p.provider_id AND v.status = 'ACTIVE')
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'provider' AND s.subject = p.provider_id::text)
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'bank_account' AND s.subject = p.bank_account_id::text)
                 AND NOT EXISTS (
                     SELECT FROM pauses s JOIN bank_accounts b ON b.bank_code = s.subject
                     WHERE s.scope = 'bank' AND b.id = p.bank_account_id)
               ORDER BY p.approved_at, p.id LIMIT $2
               FOR NO KEY UPDATE OF p SKIP LOCKED
           ), claimed AS (
               UPDATE payouts p SET status = 'PROCESSING', batch_id = $1, claimed_at = $3, held = NULL, updated_at = $3
               FROM next WHERE p.id = next.id AND p.status = 'APPROVED'
               RETURNING p.id, p.amount, p.currency
           ), released AS (
               INSERT INTO outbox (kind, payout_id, signal, created_at, next_try_at)
               SELECT 'signal', id, 'release', $3, $3 FROM claimed ORDER BY id
           ), audited AS (
               INSERT INTO audit (at, actor, action, payout_id, detail)
               SELECT $3, 'system', 'claimed', id, jsonb_build_object('batch', $1::uuid) FROM claimed ORDER BY id
           ), summed AS (
               INSERT INTO batch_sums (batch_id, currency, amount)
               SELECT $1, currency, sum(amount) FROM claimed GROUP BY currency
               ON CONFLICT (batch_id, currency) DO UPDATE SET amount = batch_sums.amount + excluded.amount
           )
           SELECT count(*) AS "claimed!" FROM claimed"#,
        batch.uuid(),
        limit,
        now,
        open.opened_at,
        instant,
    )
    .fetch_one(&mut *tx)
    .await?;
    let claimed = i32::try_from(claimed).map_err(Error::corrupt)?;
    if claimed > 0 {
        sqlx::query!(
            "UPDATE batches SET payouts = payouts + $2 WHERE id = $1 AND status = 'OPEN'",
            batch.uuid(),
            claimed
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    u32::try_from(claimed).map_err(Error::corrupt)
}

/// Nothing is left to claim. Closing a closed batch changes nothing. Answers how many payouts it took.
pub async fn close(pool: &Pool, batch: BatchId, now: DateTime<Utc>) -> Result<u32> {
    sqlx::query!(
        "UPDATE batches SET status = 'CLOSED', closed_at = $2 WHERE id = $1 AND status = 'OPEN'",
        batch.uuid(),
        now
    )
    .execute(pool)
    .await?;
    let payouts = sqlx::query_scalar!("SELECT payouts FROM batches WHERE id = $1", batch.uuid())
        .fetch_optional(pool)
        .await?;
    u32::try_from(payouts.unwrap_or_default()).map_err(Error::corrupt)
}

struct Row {
    id: uuid::Uuid,
    kind: String,
    window_at: Option<DateTime<Utc>>,
    opened_by: String,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    payouts: i32,
    currencies: Vec<String>,
    amounts: Vec<rust_decimal::Decimal>,
}

impl TryFrom<Row> for Batch {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: BatchId::from_uuid(row.id),
            kind: BatchKind::parse(&row.kind)?,
            window_at: row.window_at,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            payouts: u32::try_from(row.payouts).map_err(Error::corrupt)?,
            sums: row
                .amounts
                .into_iter()
                .zip(&row.currencies)
                .map(|(amount, currency)| money(amount, currency))
                .collect::<Result<_>>()?,
        })
    }
}

pub async fn get(pool: &Pool, id: BatchId) -> Result<Option<Batch>> {
    sqlx::query_as!(
        Row,
        r#"SELECT b.id, b.kind, b.window_at, b.opened_by, b.opened_at, b.closed_at, b.payouts,
                  ARRAY(SELECT currency FROM batch_sums s WHERE s.batch_id = b.id ORDER BY currency) AS "currencies!",
                  ARRAY(SELECT amount FROM batch_sums s WHERE s.batch_id = b.id ORDER BY currency) AS "amounts!: Vec<rust_decimal::Decimal>"
           FROM batches b WHERE b.id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(Batch::try_from)
    .transpose()
}

/// Newest first, older than `before`.
pub async fn list(pool: &Pool, before: Option<BatchId>, limit: i64) -> Result<Vec<Batch>> {
    sqlx::query_as!(
        Row,
        r#"SELECT b.id, b.kind, b.window_at, b.opened_by, b.opened_at, b.closed_at, b.payouts,
                  ARRAY(SELECT currency FROM batch_sums s WHERE s.batch_id = b.id ORDER BY currency) AS "currencies!",
                  ARRAY(SELECT amount FROM batch_sums s WHERE s.batch_id = b.id ORDER BY currency) AS "amounts!: Vec<rust_decimal::Decimal>"
           FROM batches b WHERE $1::uuid IS NULL OR b.id < $1 ORDER BY b.id DESC LIMIT $2"#,
        before.map(BatchId::uuid),
        limit
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Batch::try_from)
    .collect()
}
