//! Webhooks, kept before they are answered. A webhook is a hint: it wakes its payout, the gateway's own answer decides.

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, PayoutId, Reference};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Pool, Result, outbox, payouts, text::storable};

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Its payout was told to look.
    Woken { payout: PayoutId },
    /// Its payout has ended: kept for reconciliation.
    Finished { payout: PayoutId },
    /// No attempt of ours has this reference: kept.
    Unknown,
    /// Not a transfer's event: kept.
    Unreadable,
    /// The very same body came before.
    Again,
}

impl Disposition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Woken { .. } => "woken",
            Self::Finished { .. } => "finished",
            Self::Unknown | Self::Again => "unknown",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Stores the raw body (deduplicated by its hash) and the wake-up, in one transaction. `reference` is what the body named, if it
/// could be read.
pub async fn receive(
    pool: &Pool,
    body: &[u8],
    reference: Option<&Reference>,
    now: DateTime<Utc>,
) -> Result<Disposition> {
    let hash: [u8; 32] = Sha256::digest(body).into();
    let named = reference.map(|reference| storable(reference.as_str()));
    let mut tx = pool.begin().await?;
    let attempt = match &named {
        None => None,
        Some(reference) => {
            sqlx::query!(
                "SELECT a.id, a.number, a.payout_id, p.status, p.refunded_at FROM attempts a JOIN payouts p ON p.id = a.payout_id
                 WHERE a.reference = $1",
                reference.as_ref()
            )
            .fetch_optional(&mut *tx)
            .await?
        }
    };
    let mut wake: Option<(PayoutId, AttemptNumber)> = None;
    let disposition = match &attempt {
        None if reference.is_none() => Disposition::Unreadable,
        None => Disposition::Unknown,
        Some(row) => {
            let payout = PayoutId::from_uuid(row.payout_id);
            let status: domain::PayoutStatus = row.status.parse().map_err(crate::Error::Corrupt)?;
            if status.is_final() || row.refunded_at.is_some() {
                Disposition::Finished { payout }
            } else {
                wake = Some((payout, payouts::attempt_number(row.number)?));
                Disposition::Woken { payout }
            }
        }
    };
    let inserted = sqlx::query!(
        "INSERT INTO inbox (id, source, body_hash, body, reference, attempt_id, disposition, received_at)
         VALUES ($1, 'flutterwave', $2, $3, $4, $5, $6, $7) ON CONFLICT (source, body_hash) DO NOTHING",
        Uuid::now_v7(),
        &hash,
        body,
        named.as_deref(),
        attempt.as_ref().map(|row| row.id),
        disposition.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if inserted == 0 {
        sqlx::query!(
            "UPDATE inbox SET repeats = repeats + 1 WHERE source = 'flutterwave' AND body_hash = $1",
            &hash
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        return Ok(Disposition::Again);
    }
    if let Some((payout, attempt)) = wake {
        outbox::signal(&mut tx, payout, "transfer_update", Some(attempt), now).await?;
    }
    tx.commit().await?;
    Ok(disposition)
}

/// How many webhooks were kept, by disposition; for the operator.
pub async fn counts(pool: &Pool) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT disposition, count(*) AS "count!" FROM inbox GROUP BY disposition ORDER BY disposition"#
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.disposition, row.count)).collect())
}
