//! Payouts that are not final, for the sweeper that makes sure each has a workflow; and those that a workflow has and we have not.

use chrono::{DateTime, Utc};
use domain::{PayoutId, ProviderId};
use uuid::Uuid;

use crate::{Pool, Result, outbox::Start, payouts::money};

/// Open payouts in order of id, after `after`, that have not moved since `quiet_since`.
pub async fn open_payouts(
    pool: &Pool,
    after: Option<PayoutId>,
    quiet_since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Start>> {
    let rows = sqlx::query!(
        "SELECT id, provider_id, amount, currency FROM payouts
         WHERE (status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL))
           AND updated_at < $1 AND ($2::uuid IS NULL OR id > $2)
         ORDER BY id LIMIT $3",
        quiet_since,
        after.map(PayoutId::uuid),
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Start {
                payout: PayoutId::from_uuid(row.id),
                provider: ProviderId::from_uuid(row.provider_id),
                amount: money(row.amount, &row.currency)?,
            })
        })
        .collect()
}

/// Those of these payouts that are not in this database.
pub async fn forgotten(pool: &Pool, payouts: &[PayoutId]) -> Result<Vec<PayoutId>> {
    let ids: Vec<Uuid> = payouts.iter().map(|payout| payout.uuid()).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT asked.id AS "id!" FROM unnest($1::uuid[]) AS asked (id)
           WHERE NOT EXISTS (SELECT FROM payouts p WHERE p.id = asked.id)"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(PayoutId::from_uuid).collect())
}
