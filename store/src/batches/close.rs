//! The end of a batch: what it left, and why; whom it passed over; and finance is told where money was short.

use chrono::{DateTime, Utc};
use domain::BatchId;
use sqlx::PgConnection;

use super::BatchKind;
use crate::{
    Error, Pool, Result,
    alerts::{self, Alert},
};

/// Nothing is left to claim. Closing a closed batch changes nothing. Answers how many payouts it took.
///
/// Cost: a look at what is approved, and at what the batch took and passed over.
pub async fn close(pool: &Pool, batch: BatchId, now: DateTime<Utc>) -> Result<u32> {
    let mut tx = pool.begin().await?;
    let closed = sqlx::query!(
        "UPDATE batches SET status = 'CLOSED', closed_at = $2 WHERE id = $1 AND status = 'OPEN' RETURNING kind, window_at, opened_at",
        batch.uuid(),
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(closed) = closed {
        match BatchKind::parse(&closed.kind)? {
            BatchKind::Window => {
                count_paused(&mut tx, batch, closed.opened_at).await?;
                count_passed_over(&mut tx, batch).await?;
            }
            BatchKind::RunNow => count_paused(&mut tx, batch, closed.opened_at).await?,
            BatchKind::Instant => {}
        }
        // One message a window; where there are none, one an hour.
        let moment = closed.window_at.unwrap_or(closed.opened_at).format("%Y-%m-%dT%H");
        tell_what_is_short(&mut tx, batch, &format!("{}:{moment}", closed.kind), now).await?;
    }
    let payouts = sqlx::query_scalar!("SELECT payouts FROM batches WHERE id = $1", batch.uuid())
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    u32::try_from(payouts.unwrap_or_default()).map_err(Error::corrupt)
}

/// What was there when the batch opened and a pause or a suspension kept from it.
async fn count_paused(conn: &mut PgConnection, batch: BatchId, opened_at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO batch_held (batch_id, reason, currency, payouts, amount)
         SELECT $1, 'paused', p.currency, count(*)::integer, sum(p.amount)
         FROM payouts p JOIN providers v ON v.id = p.provider_id JOIN bank_accounts b ON b.id = p.bank_account_id
         CROSS JOIN control c
         WHERE p.status = 'APPROVED' AND p.approved_at <= $2
           AND (c.paused OR v.status <> 'ACTIVE' OR EXISTS (
                SELECT FROM pauses s WHERE (s.scope, s.subject) IN
                    (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))))
         GROUP BY p.currency
         ON CONFLICT (batch_id, reason, currency) DO NOTHING",
        batch.uuid(),
        opened_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whoever got nothing of a window for want of funds, once more in a row. The count of whoever got something, or waits for nothing any
/// more, begins anew; one whom a pause or a limit kept from this window keeps theirs.
async fn count_passed_over(conn: &mut PgConnection, batch: BatchId) -> Result<()> {
    sqlx::query!(
        "WITH skipped AS (
             SELECT DISTINCT p.provider_id, p.currency FROM payouts p
             WHERE p.held_batch = $1 AND p.held = 'funds' AND p.status = 'APPROVED'
               AND NOT EXISTS (SELECT FROM payouts taken WHERE taken.batch_id = $1 AND taken.provider_id = p.provider_id
                                 AND taken.currency = p.currency)
         ), done AS (
             DELETE FROM passed_over o
             WHERE EXISTS (SELECT FROM payouts p WHERE p.batch_id = $1 AND p.provider_id = o.provider_id AND p.currency = o.currency)
                OR NOT EXISTS (SELECT FROM payouts p WHERE p.status = 'APPROVED' AND p.provider_id = o.provider_id AND p.currency = o.currency)
         )
         INSERT INTO passed_over (provider_id, currency, windows) SELECT provider_id, currency, 1 FROM skipped
         ON CONFLICT (provider_id, currency) DO UPDATE SET windows = passed_over.windows + 1",
        batch.uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn tell_what_is_short(
    conn: &mut PgConnection,
    batch: BatchId,
    key: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let short = sqlx::query!(
        "SELECT currency, payouts, amount FROM batch_held WHERE batch_id = $1 AND reason = 'funds' ORDER BY currency",
        batch.uuid(),
    )
    .fetch_all(&mut *conn)
    .await?;
    if short.is_empty() {
        return Ok(());
    }
    let sums: Vec<String> = short
        .iter()
        .map(|row| format!("{} payouts of {} {}", row.payouts, row.amount.normalize(), row.currency))
        .collect();
    let words = format!("The wallet was short: batch {batch} left {} waiting for money.", sums.join(", "));
    alerts::tell(conn, Alert::FundingShort, key, &words, now).await
}
