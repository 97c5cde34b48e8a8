//! Payouts held for people.

use chrono::{DateTime, Utc};
use domain::{Finding, Money, PayoutId, ProviderId, ReviewId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Pool, Result, payouts::money};

pub(crate) async fn open(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO reviews (id, payout_id, opened_at) VALUES ($1, $2, $3)",
        ReviewId::mint().uuid(),
        payout.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts the payout before people again: its review is opened once more, or a first one where it had none.
pub(crate) async fn reopen(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO reviews (id, payout_id, opened_at) VALUES ($1, $2, $3)
         ON CONFLICT (payout_id) DO UPDATE SET status = 'OPEN', opened_at = $3, closed_at = NULL",
        ReviewId::mint().uuid(),
        payout.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes the payout's review if it has an open one.
pub(crate) async fn close(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE reviews SET status = 'CLOSED', closed_at = $2 WHERE payout_id = $1 AND status = 'OPEN'",
        payout.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One waiting payout and why it waits.
#[derive(Debug, Clone)]
pub struct Review {
    pub id: ReviewId,
    pub payout: PayoutId,
    pub provider: ProviderId,
    pub provider_name: String,
    pub amount: Money,
    pub opened_at: DateTime<Utc>,
    /// Every rule, fired or not.
    pub findings: Vec<Finding>,
}

/// Where a page of the queue starts: after this review.
#[derive(Debug, Clone, Copy)]
pub struct After {
    pub opened_at: DateTime<Utc>,
    pub id: ReviewId,
}

/// The queue, longest waiting first.
pub async fn list(pool: &Pool, after: Option<After>, limit: i64) -> Result<Vec<Review>> {
    let rows = sqlx::query!(
        "SELECT r.id, r.payout_id, r.opened_at, p.provider_id, p.amount, p.currency, v.display_name, a.findings
         FROM reviews r JOIN payouts p ON p.id = r.payout_id JOIN providers v ON v.id = p.provider_id
         JOIN assessments a ON a.payout_id = r.payout_id
         WHERE r.status = 'OPEN' AND ($1::timestamptz IS NULL OR (r.opened_at, r.id) > ($1, $2::uuid))
         ORDER BY r.opened_at, r.id LIMIT $3",
        after.map(|after| after.opened_at),
        after.map_or(Uuid::nil(), |after| after.id.uuid()),
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Review {
                id: ReviewId::from_uuid(row.id),
                payout: PayoutId::from_uuid(row.payout_id),
                provider: ProviderId::from_uuid(row.provider_id),
                provider_name: row.display_name,
                amount: money(row.amount, &row.currency)?,
                opened_at: row.opened_at,
                findings: serde_json::from_value(row.findings).map_err(Error::corrupt)?,
            })
        })
        .collect()
}
