//! A payout ended unpaid (rejected, cancelled, refunded by an admin after it failed): reserved → available.

use chrono::{DateTime, Utc};
use domain::{Money, PayoutId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn refunded(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "refunded",
        event: format!("refunded:{payout}"),
        payout: Some(payout),
        attempt: None,
        earning: None,
        lines: &[(Account::Available(provider), amount), (Account::Reserved(provider), amount.negated())],
    }
    .write(conn, now)
    .await
    .map(drop)
}
