//! The set of payouts that a window claims and releases.
//!
//! Claiming is idempotent by row: a payout is claimed by the one UPDATE that found it APPROVED, and its release signal is a row
//! of the same transaction. A batch whose worker dies is carried on by another: claiming again takes what is left.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, BatchWindow, Money, Schedule};
use serde_json::json;
use sqlx::PgConnection;

mod claim;
mod close;
mod record;
pub mod rules;

use crate::{
    Actor, Error, Pool, Result,
    alerts::{self, Alert},
    audit, outbox,
    payouts::money,
};

pub use claim::{Chunk, PASSED_OVER_AT_MOST, claim_chunk};
pub use close::close;
pub use record::{LeftOut, Standing, record};

/// How long an instant batch leaves a payout alone at most after it came back for want of funds; the first time it is a minute,
/// then twice as long each time. `funds_rest` in the migrations says the same.
pub const LONGEST_FUNDS_REST: TimeDelta = TimeDelta::hours(4);

/// A batch that comes later after its window is told about.
const LATE: TimeDelta = TimeDelta::minutes(10);
/// A batch that an admin ran takes seconds. Two runs that carry the same one share it.
const LOST_AFTER: TimeDelta = TimeDelta::minutes(2);
/// More are not counted.
const MOST_MISSED: usize = 1000;

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
    /// Windows before its own that no batch has had.
    pub missed: u32,
}

/// Opens the batch of the current window. `None`: no window is due (its batch is closed already). An open one is answered
/// again, so that a batch whose worker died is carried on; so is an admin's that is open for longer than [`LOST_AFTER`], whose run may be
/// lost. `window` and `zone` are the settings', in force until people set
/// another schedule.
///
/// Windows that passed without a batch are made up for by this one, once: what they would have taken is still approved. The batch
/// counts them, and people are told; also when the window's own batch comes late.
pub async fn open_due(
    pool: &Pool,
    window: BatchWindow,
    zone: chrono_tz::Tz,
    now: DateTime<Utc>,
) -> Result<Option<BatchId>> {
    let mut tx = pool.begin().await?;
    let left_open = sqlx::query_scalar!(
        "SELECT id FROM batches
         WHERE status = 'OPEN' AND (kind = 'WINDOW' OR (kind = 'RUN_NOW' AND opened_at < $1)) ORDER BY id LIMIT 1",
        now.checked_sub_signed(LOST_AFTER).unwrap_or(now),
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(id) = left_open {
        return Ok(Some(BatchId::from_uuid(id)));
    }
    let rules = rules::get_in(&mut tx).await?;
    let schedule = rules.schedule.unwrap_or_else(|| Schedule::of_settings(window, zone));
    let due = schedule.current(now).filter(|due| rules.scheduled_at.is_none_or(|set| *due > set));
    let Some(due) = due else { return Ok(None) };
    let before = sqlx::query_scalar!(
        r#"SELECT max(window_at) FROM batches WHERE kind = 'WINDOW' AND window_at < $1"#,
        due
    )
    .fetch_one(&mut *tx)
    .await?;
    // The first batch ever has missed nothing.
    let missed = before.map_or(0, |before| {
        let from = rules.scheduled_at.map_or(before, |set| set.max(before));
        schedule.between(from, due, MOST_MISSED)
    });
    let missed = i32::try_from(missed).map_err(Error::corrupt)?;
    let id = BatchId::mint();
    let opened = sqlx::query!(
        "INSERT INTO batches (id, kind, window_at, opened_by, opened_at, missed) VALUES ($1, 'WINDOW', $2, 'system', $3, $4)
         ON CONFLICT (window_at) WHERE kind = 'WINDOW' DO NOTHING",
        id.uuid(),
        due,
        now,
        missed,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if opened == 1 {
        let detail = json!({ "window": due, "missed": missed });
        audit::record_subject(&mut tx, &Actor::system(), "batch_opened", &id.to_string(), detail, now)
            .await?;
        let late = now.signed_duration_since(due);
        if missed > 0 || (before.is_some() && late >= LATE) {
            let words = format!(
                "The batch of the window at {due} was opened at {now}; {missed} windows before it had none. It takes what they would have taken."
            );
            alerts::tell(&mut tx, Alert::WindowMissed, &due.to_rfc3339(), &words, now).await?;
        }
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
/// held back and holds back no more, whoever ended it and however. `instant`: the settings say that payouts are instant, which holds
/// until people set another schedule. Cost: one look into the index of approved payouts.
pub async fn ask_for_instant(pool: &Pool, instant: bool, now: DateTime<Utc>) -> Result<bool> {
    let settled = now.checked_sub_signed(ASKED_ITSELF).unwrap_or(now);
    let mut tx = pool.begin().await?;
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM payouts p
               WHERE p.status = 'APPROVED' AND p.approved_at <= $1 AND p.updated_at <= $2
                 AND (p.held IS NULL OR p.held = 'paused' OR p.updated_at < $1 - funds_rest(p.attempts, p.counted_failures))
                 AND EXISTS (SELECT FROM providers v WHERE v.id = p.provider_id AND v.status = 'ACTIVE')
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'provider' AND s.subject = p.provider_id::text)
                 AND NOT EXISTS (SELECT FROM pauses s WHERE s.scope = 'bank_account' AND s.subject = p.bank_account_id::text)
                 AND NOT EXISTS (
                     SELECT FROM pauses s JOIN bank_accounts b ON b.bank_code = s.subject
                     WHERE s.scope = 'bank' AND b.id = p.bank_account_id))
           AND NOT EXISTS (SELECT FROM control WHERE paused)
           AND NOT EXISTS (SELECT FROM outbox WHERE kind = 'instant_batch' AND delivered_at IS NULL AND dead_at IS NULL)
           AND coalesce((SELECT schedule ->> 'kind' = 'instant' FROM batch_rules), $3)
           AS "waits!""#,
        now,
        settled,
        instant,
    )
    .fetch_one(&mut *tx)
    .await?;
    if waits {
        outbox::instant_batch(&mut tx, instant, now).await?;
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

struct Row {
    id: uuid::Uuid,
    kind: String,
    window_at: Option<DateTime<Utc>>,
    opened_by: String,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    payouts: i32,
    missed: i32,
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
            missed: u32::try_from(row.missed).map_err(Error::corrupt)?,
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
        r#"SELECT b.id, b.kind, b.window_at, b.opened_by, b.opened_at, b.closed_at, b.payouts, b.missed,
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

/// The batch releases what it claims at this pace from now on, with four seconds of it at once; without one, everything at once. The
/// first pace of a batch stays.
///
/// Transfers a second are limited anyway. What is released long before its turn only waits in the engine, where workers drop it from
/// memory and read it again, and where the order in which it was claimed is lost.
pub async fn set_pace(pool: &Pool, batch: BatchId, per_second: u32, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE batches SET releases_per_second = $2, releases_from = $3
         WHERE id = $1 AND status = 'OPEN' AND releases_from IS NULL",
        batch.uuid(),
        i32::try_from(per_second.max(1)).unwrap_or(i32::MAX),
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Newest first, older than `before`.
pub async fn list(pool: &Pool, before: Option<BatchId>, limit: i64) -> Result<Vec<Batch>> {
    sqlx::query_as!(
        Row,
        r#"SELECT b.id, b.kind, b.window_at, b.opened_by, b.opened_at, b.closed_at, b.payouts, b.missed,
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
