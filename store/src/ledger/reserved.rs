//! A payout was requested: available → reserved. The provider's available balance cannot go below zero: the database refuses.

use chrono::{DateTime, Utc};
use domain::{Money, PayoutId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn reserved(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "reserved",
        event: format!("reserved:{payout}"),
        payout: Some(payout),
        attempt: None,
        earning: None,
        lines: &[(Account::Available(provider), amount.negated()), (Account::Reserved(provider), amount)],
    }
    .write(conn, now)
    .await
    .map(drop)
}
