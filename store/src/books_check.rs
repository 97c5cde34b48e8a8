//! Where the scheduled check of the books stands: [`crate::books`] against itself, and payouts against their workflows.
//!
//! Cost: the ledger is read whole, about a tenth of a millisecond for each payout that ever was (300,000 payouts with 1,200,000
//! postings: 30 s of one connection on a busy laptop). So a check that took long makes the next one wait ([`LEDGER_REST`] times as long): it never
//! takes more than a twentieth of one connection. Workflows are gone through in pages, from where the last run stopped.
//! What is wrong is a case of kind `books`, with what was found as its evidence; a check that finds nothing closes it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{PayoutId, PayoutStatus};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Error, Pool, Result,
    books::Verdict,
    cases::{self, CaseKind, Finding},
};

/// After a look at the whole ledger at least this many times its duration passes before the next.
pub const LEDGER_REST: i32 = 20;
/// More findings than this say nothing more to a person; all of them are counted.
const SHOWN: usize = 50;
/// Ended payouts that ended longer ago than this when the very first check runs are not looked at: their histories are gone.
const FIRST_LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// Who moved just now is being carried by somebody; the sweeper has been there twice.
const QUIET_FOR: TimeDelta = TimeDelta::minutes(5);

const LEDGER: &str = "ledger";
const RUNS: &str = "workflows";
const SOURCE: &str = "ledger";

/// Whether the ledger is due to be read: the last reading is far enough back for what it cost.
pub async fn ledger_is_due(pool: &Pool, now: DateTime<Utc>) -> Result<bool> {
    let last = sqlx::query!("SELECT ledger_at, ledger_took_ms FROM books_check").fetch_one(pool).await?;
    let rest = TimeDelta::milliseconds(last.ledger_took_ms).checked_mul(LEDGER_REST);
    let rested = |at: DateTime<Utc>| rest.and_then(|rest| at.checked_add_signed(rest));
    Ok(last.ledger_at.is_none_or(|at| rested(at).is_none_or(|due| due <= now)))
}

/// Keeps what a reading of the ledger found: a case where it is wrong, and none where it is right.
pub async fn record_ledger(
    pool: &Pool,
    verdict: &Verdict,
    took: TimeDelta,
    now: DateTime<Utc>,
) -> Result<()> {
    let wrong = verdict.findings.len();
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "UPDATE books_check SET ledger_at = $1, ledger_took_ms = $2, ledger_wrong = $3,
                ledger_right_at = CASE WHEN $3 = 0 THEN $1 ELSE ledger_right_at END",
        now,
        took.num_milliseconds().max(0),
        i32::try_from(wrong).unwrap_or(i32::MAX),
    )
    .execute(&mut *tx)
    .await?;
    if wrong == 0 {
        cases::heal(&mut tx, CaseKind::Books, LEDGER, "a later check found the books right", now).await?;
    } else {
        let shown: Vec<_> = verdict.findings.iter().take(SHOWN).collect();
        let summary = format!("the books do not add up: {wrong} findings");
        let finding = Finding {
            kind: CaseKind::Books,
            subject: LEDGER.to_owned(),
            payout: None,
            provider: None,
            amount: None,
            summary: &summary,
            source: SOURCE,
            detail: json!({ "findings": shown, "in_all": wrong }),
        };
        cases::open(&mut tx, &finding, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A payout whose workflow is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToLookAt {
    pub payout: PayoutId,
    /// Final, so nothing may carry it any more; else something must.
    pub ended: bool,
}

/// The next payouts to look at, and where they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub payouts: Vec<ToLookAt>,
    from: Place,
    to: Place,
    /// Nothing is left: open payouts begin anew with the next page.
    pub last: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    open_after: Option<Uuid>,
    ended_after: Option<DateTime<Utc>>,
    ended_after_id: Option<Uuid>,
}

/// Up to `limit` open and `limit` ended payouts that have been quiet for a while, from where the last page ended.
pub async fn next_page(pool: &Pool, limit: i64, now: DateTime<Utc>) -> Result<Page> {
    let from = sqlx::query_as!(Place, "SELECT open_after, ended_after, ended_after_id FROM books_check")
        .fetch_one(pool)
        .await?;
    let quiet_since = now.checked_sub_signed(QUIET_FOR).unwrap_or(now);
    let open = sqlx::query_scalar!(
        "SELECT id FROM payouts
         WHERE (status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL))
           AND updated_at < $1 AND ($2::uuid IS NULL OR id > $2)
         ORDER BY id LIMIT $3",
        quiet_since,
        from.open_after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let ended = sqlx::query!(
        "SELECT id, updated_at FROM payouts
         WHERE (status IN ('COMPLETED', 'REJECTED', 'CANCELLED', 'REVERSED') OR refunded_at IS NOT NULL)
           AND updated_at < $1 AND (updated_at, id) > ($2, $3)
         ORDER BY updated_at, id LIMIT $4",
        quiet_since,
        from.ended_after.or_else(|| now.checked_sub_signed(FIRST_LOOK_BACK)).unwrap_or(now),
        from.ended_after_id.unwrap_or(Uuid::nil()),
        limit,
    )
    .fetch_all(pool)
    .await?;
    let full = |rows: usize| i64::try_from(rows).is_ok_and(|rows| rows == limit);
    let (more_open, more_ended) = (full(open.len()), full(ended.len()));
    let to = Place {
        open_after: open.last().copied().filter(|_| more_open),
        ended_after: ended.last().map(|row| row.updated_at).or(from.ended_after),
        ended_after_id: ended.last().map(|row| row.id).or(from.ended_after_id),
    };
    let open = open.into_iter().map(|id| ToLookAt { payout: PayoutId::from_uuid(id), ended: false });
    let ended = ended.into_iter().map(|row| ToLookAt { payout: PayoutId::from_uuid(row.id), ended: true });
    Ok(Page { payouts: open.chain(ended).collect(), from, to, last: !more_open && !more_ended })
}

/// The page was looked at: the next one begins after it, and what looked wrong is kept for a second look. A page that somebody
/// else has passed meanwhile moves nothing.
pub async fn turn(pool: &Pool, page: &Page, suspects: &[PayoutId], now: DateTime<Utc>) -> Result<()> {
    let suspects: Vec<Uuid> = suspects.iter().map(|payout| payout.uuid()).collect();
    sqlx::query!(
        "UPDATE books_check SET open_after = $1, ended_after = $2, ended_after_id = $3, runs_at = $4,
                suspects = (ARRAY(SELECT DISTINCT unnest(suspects || $5::uuid[])))[1:1000]
         WHERE open_after IS NOT DISTINCT FROM $6 AND ended_after_id IS NOT DISTINCT FROM $7",
        page.to.open_after,
        page.to.ended_after,
        page.to.ended_after_id,
        now,
        &suspects,
        page.from.open_after,
        page.from.ended_after_id,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What looked wrong so far, as it stands now.
pub async fn suspects(pool: &Pool) -> Result<Vec<ToLookAt>> {
    let rows = sqlx::query!(
        "SELECT id, status, refunded_at FROM payouts WHERE id = ANY(SELECT unnest(suspects) FROM books_check) ORDER BY id"
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let status: PayoutStatus = row.status.parse().map_err(Error::corrupt)?;
            Ok(ToLookAt {
                payout: PayoutId::from_uuid(row.id),
                ended: status.is_final() || row.refunded_at.is_some(),
            })
        })
        .collect()
}

/// A payout whose workflow is not as it must be, still so at the second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongRun {
    pub payout: PayoutId,
    /// In words.
    pub what: String,
}

/// Keeps what the second look found: a case where something is wrong, and none where all is right.
pub async fn record_runs(pool: &Pool, wrong: &[WrongRun], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = wrong.iter().map(|run| run.payout.uuid()).collect();
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "UPDATE books_check SET suspects = ($1::uuid[])[1:1000], runs_wrong = $2, runs_at = $3",
        &ids,
        i32::try_from(wrong.len()).unwrap_or(i32::MAX),
        now,
    )
    .execute(&mut *tx)
    .await?;
    if wrong.is_empty() {
        cases::heal(&mut tx, CaseKind::Books, RUNS, "a later check found every workflow right", now).await?;
    } else {
        let shown: Vec<_> =
            wrong.iter().take(SHOWN).map(|run| format!("{}: {}", run.payout, run.what)).collect();
        let summary = format!("{} payouts and their workflows disagree", wrong.len());
        let finding = Finding {
            kind: CaseKind::Books,
            subject: RUNS.to_owned(),
            payout: None,
            provider: None,
            amount: None,
            summary: &summary,
            source: "system",
            detail: json!({ "findings": shown, "in_all": wrong.len() }),
        };
        cases::open(&mut tx, &finding, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
