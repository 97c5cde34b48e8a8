//! What became of a batch's payouts.

use domain::{BatchId, Money, PayoutStatus};

use crate::{Error, Pool, Result, payouts::money};

/// What a batch left where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `paused`, `funds` or `limit`.
    pub reason: String,
    pub payouts: u32,
    pub amount: Money,
}

/// Payouts of a batch that stand alike now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub status: PayoutStatus,
    pub payouts: u32,
    pub amount: Money,
}

/// Its payouts by where they stand now, and what it passed over. Those that came back to wait (a pause, an empty wallet) are in
/// neither: a batch's own count less these. Cost: the batch's payouts, by index.
pub async fn record(pool: &Pool, batch: BatchId) -> Result<(Vec<Standing>, Vec<LeftOut>)> {
    let stand = sqlx::query!(
        r#"SELECT status, currency, count(*) AS "payouts!", sum(amount) AS "amount!"
           FROM payouts WHERE batch_id = $1 GROUP BY status, currency ORDER BY status, currency"#,
        batch.uuid(),
    )
    .fetch_all(pool)
    .await?;
    let left = sqlx::query!(
        "SELECT reason, currency, payouts, amount FROM batch_held WHERE batch_id = $1 ORDER BY reason, currency",
        batch.uuid(),
    )
    .fetch_all(pool)
    .await?;
    let stand = stand.into_iter().map(|row| {
        Ok(Standing {
            status: row.status.parse().map_err(Error::Corrupt)?,
            payouts: u32::try_from(row.payouts).map_err(Error::corrupt)?,
            amount: money(row.amount, &row.currency)?,
        })
    });
    let left = left.into_iter().map(|row| {
        Ok(LeftOut {
            reason: row.reason,
            payouts: u32::try_from(row.payouts).map_err(Error::corrupt)?,
            amount: money(row.amount, &row.currency)?,
        })
    });
    Ok((stand.collect::<Result<_>>()?, left.collect::<Result<_>>()?))
}
