//! The gateway's transfers against our attempts, both ways.
//!
//! Guarantee: a run can be stopped anywhere and goes on where it was, and one that is repeated finds the same and opens nothing
//! twice: its cursor is a row, advanced only from the place it was read at; a case is open once about its subject; and what a
//! person has closed as explained is opened again only when the gateway says something else than it did then.
//!
//! It moves no money by itself. What differs is asked for one by one, and that answer goes the way every answer goes
//! ([`crate::attempts::record_observation_and_wake`]): proof heals, the rest is a case.
//!
//! Cost: one question for each page of the list, one for each attempt that differs or was not listed, two short transactions
//! a page. Limit: one run at a time.

mod claim;
mod difference;
mod listed;
mod missing;

pub use claim::{Claim, claim};
pub(crate) use difference::explained;
pub use difference::{Subject, agree, differ, moved_nothing};
pub use listed::{Known, known};
pub use missing::{LEFT_TO_THE_NEXT_RUN, Unseen, unseen};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{AttemptId, ReconciliationId};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, Error, Pool, Result, audit, outbox, text::storable};

/// The gateway's days are days of its own time zone: one more on either side leaves none out.
const DAYS_OF_ANOTHER_ZONE: TimeDelta = TimeDelta::days(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    Scheduled,
    RunNow,
}

impl RunKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::RunNow => "RUN_NOW",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "SCHEDULED" => Ok(Self::Scheduled),
            "RUN_NOW" => Ok(Self::RunNow),
            other => Err(Error::corrupt(format!("reconciliation kind {other}"))),
        }
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It reads the gateway's list.
    Listing,
    /// It asks for what was not in the list.
    Looking,
    Finished,
}

impl RunStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listing => "LISTING",
            Self::Looking => "LOOKING",
            Self::Finished => "FINISHED",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "LISTING" => Ok(Self::Listing),
            "LOOKING" => Ok(Self::Looking),
            "FINISHED" => Ok(Self::Finished),
            other => Err(Error::corrupt(format!("reconciliation status {other}"))),
        }
    }
}

/// What one run, or one step of it, has met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows of the gateway's list.
    pub listed: u32,
    /// Of those: they agree with an attempt of ours.
    pub matched: u32,
    /// Of those: another installation's.
    pub elsewhere: u32,
    /// Of those: they do not say whose they are.
    pub unreadable: u32,
    /// Attempts that were asked for one by one.
    pub looked_up: u32,
    /// Of those: the answer moved them.
    pub healed: u32,
    /// Transfers of ours that we had forgotten.
    pub claimed: u32,
    /// Differences that are cases.
    pub differences: u32,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: ReconciliationId,
    pub kind: RunKind,
    pub status: RunStatus,
    pub opened_by: String,
    pub opened_at: DateTime<Utc>,
    /// Attempts that are open, or ended since then, are compared.
    pub since: DateTime<Utc>,
    pub from_day: NaiveDate,
    pub to_day: NaiveDate,
    /// Listing: the page that is read next.
    pub next_page: u32,
    /// Looking: the attempts up to this one have been asked for.
    pub looked_up_to: Option<AttemptId>,
    pub counts: Counts,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What came of asking for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    New(Run),
    /// This one is not finished yet.
    Running(Run),
}

/// Opens a run over the return window, unless one is running: then that one is answered, to be carried on.
pub async fn open(
    pool: &Pool,
    kind: RunKind,
    window: TimeDelta,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Opened> {
    let mut tx = pool.begin().await?;
    let id = ReconciliationId::mint();
    let since = now.checked_sub_signed(window).unwrap_or(now);
    let from = since.checked_sub_signed(DAYS_OF_ANOTHER_ZONE).unwrap_or(since).date_naive();
    let to = now.checked_add_signed(DAYS_OF_ANOTHER_ZONE).unwrap_or(now).date_naive();
    let opened = sqlx::query!(
        "INSERT INTO reconciliations (id, kind, opened_by, opened_at, since, from_day, to_day)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ((true)) WHERE finished_at IS NULL DO NOTHING",
        id.uuid(),
        kind.as_str(),
        actor.as_str(),
        now,
        since,
        from,
        to,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if opened == 1 {
        let subject = format!("reconciliation:{id}");
        let detail = json!({ "kind": kind.as_str() });
        audit::record_subject(&mut tx, actor, "reconciliation_opened", &subject, detail, now).await?;
        match kind {
            RunKind::RunNow => outbox::reconciliation(&mut tx, id, now).await?,
            RunKind::Scheduled => {}
        }
    }
    tx.commit().await?;
    let running = running(pool).await?;
    match running {
        Some(run) if run.id == id => Ok(Opened::New(run)),
        Some(run) => Ok(Opened::Running(run)),
        // It was finished between the two statements: its schedule, or the admin, asks again.
        None => match list(pool, None, 1).await?.pop() {
            Some(run) => Ok(Opened::Running(run)),
            None => Err(Error::corrupt("a reconciliation stands in the way and is gone")),
        },
    }
}

struct Row {
    id: Uuid,
    kind: String,
    status: String,
    opened_by: String,
    opened_at: DateTime<Utc>,
    since: DateTime<Utc>,
    from_day: NaiveDate,
    to_day: NaiveDate,
    next_page: i32,
    looked_up_to: Option<Uuid>,
    listed: i32,
    matched: i32,
    elsewhere: i32,
    unreadable: i32,
    looked_up: i32,
    healed: i32,
    claimed: i32,
    differences: i32,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Run {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let count = |n: i32| u32::try_from(n).map_err(Error::corrupt);
        Ok(Self {
            id: ReconciliationId::from_uuid(row.id),
            kind: RunKind::parse(&row.kind)?,
            status: RunStatus::parse(&row.status)?,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            since: row.since,
            from_day: row.from_day,
            to_day: row.to_day,
            next_page: count(row.next_page)?,
            looked_up_to: row.looked_up_to.map(AttemptId::from_uuid),
            counts: Counts {
                listed: count(row.listed)?,
                matched: count(row.matched)?,
                elsewhere: count(row.elsewhere)?,
                unreadable: count(row.unreadable)?,
                looked_up: count(row.looked_up)?,
                healed: count(row.healed)?,
                claimed: count(row.claimed)?,
                differences: count(row.differences)?,
            },
            finished_at: row.finished_at,
        })
    }
}

pub async fn get(pool: &Pool, id: ReconciliationId) -> Result<Option<Run>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, status, opened_by, opened_at, since, from_day, to_day, next_page, looked_up_to, listed, matched,
                elsewhere, unreadable, looked_up, healed, claimed, differences, finished_at
         FROM reconciliations WHERE id = $1",
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(Run::try_from)
    .transpose()
}

/// The run that is not finished.
pub async fn running(pool: &Pool) -> Result<Option<Run>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, status, opened_by, opened_at, since, from_day, to_day, next_page, looked_up_to, listed, matched,
                elsewhere, unreadable, looked_up, healed, claimed, differences, finished_at
         FROM reconciliations WHERE finished_at IS NULL"
    )
    .fetch_optional(pool)
    .await?
    .map(Run::try_from)
    .transpose()
}

/// Newest first, older than `before`.
pub async fn list(pool: &Pool, before: Option<ReconciliationId>, limit: i64) -> Result<Vec<Run>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, status, opened_by, opened_at, since, from_day, to_day, next_page, looked_up_to, listed, matched,
                elsewhere, unreadable, looked_up, healed, claimed, differences, finished_at
         FROM reconciliations WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        before.map(ReconciliationId::uuid),
        limit
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}

/// A page has been compared: keeps which attempts it showed, and goes to the next one, or on to looking where this was the
/// last. `false`: another worker was there first, and its counts stand.
pub async fn page_read(
    pool: &Pool,
    run: &Run,
    seen: &[AttemptId],
    counts: Counts,
    last: bool,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let page = i32::try_from(run.next_page).map_err(Error::corrupt)?;
    let advanced = sqlx::query!(
        "UPDATE reconciliations SET next_page = next_page + 1, status = CASE WHEN $3 THEN 'LOOKING' ELSE status END
         WHERE id = $1 AND status = 'LISTING' AND next_page = $2",
        run.id.uuid(),
        page,
        last,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if advanced == 0 {
        return Ok(false);
    }
    let seen: Vec<Uuid> = seen.iter().map(|attempt| attempt.uuid()).collect();
    sqlx::query!(
        "INSERT INTO reconciliation_sightings (reconciliation_id, attempt_id) SELECT $1, unnest($2::uuid[])
         ON CONFLICT DO NOTHING",
        run.id.uuid(),
        &seen,
    )
    .execute(&mut *tx)
    .await?;
    count(&mut tx, run.id, counts).await?;
    tx.commit().await?;
    Ok(true)
}

/// The attempts up to `upto` have been asked for.
pub async fn looked_up(pool: &Pool, run: &Run, upto: AttemptId, counts: Counts) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let advanced = sqlx::query!(
        "UPDATE reconciliations SET looked_up_to = $3
         WHERE id = $1 AND status = 'LOOKING' AND looked_up_to IS NOT DISTINCT FROM $2",
        run.id.uuid(),
        run.looked_up_to.map(AttemptId::uuid),
        upto.uuid(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if advanced == 1 {
        count(&mut tx, run.id, counts).await?;
    }
    tx.commit().await?;
    Ok(advanced == 1)
}

async fn count(conn: &mut PgConnection, run: ReconciliationId, counts: Counts) -> Result<()> {
    let column = |n: u32| i32::try_from(n).map_err(Error::corrupt);
    sqlx::query!(
        "UPDATE reconciliations SET listed = listed + $2, matched = matched + $3, elsewhere = elsewhere + $4,
                unreadable = unreadable + $5, looked_up = looked_up + $6, healed = healed + $7, claimed = claimed + $8,
                differences = differences + $9
         WHERE id = $1",
        run.uuid(),
        column(counts.listed)?,
        column(counts.matched)?,
        column(counts.elsewhere)?,
        column(counts.unreadable)?,
        column(counts.looked_up)?,
        column(counts.healed)?,
        column(counts.claimed)?,
        column(counts.differences)?,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Everything has been asked for. Finishing a finished run changes nothing; one that still lists is not finished.
pub async fn finish(pool: &Pool, run: ReconciliationId, now: DateTime<Utc>) -> Result<Option<Run>> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "UPDATE reconciliations SET status = 'FINISHED', finished_at = $2 WHERE id = $1 AND status = 'LOOKING'",
        run.uuid(),
        now
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM reconciliation_sightings s USING reconciliations r
         WHERE s.reconciliation_id = $1 AND r.id = s.reconciliation_id AND r.status = 'FINISHED'",
        run.uuid()
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    get(pool, run).await
}

/// Words of the gateway, cut to what a summary holds.
fn cut(text: &str) -> String {
    /// The column holds 500.
    const MAX_CHARS: usize = 480;
    storable(text).chars().take(MAX_CHARS).collect()
}
