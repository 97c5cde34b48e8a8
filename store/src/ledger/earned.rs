//! The marketplace owes a provider more: obligations → available.

use chrono::{DateTime, Utc};
use domain::{EarningId, Money, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn earned(
    conn: &mut PgConnection,
    provider: ProviderId,
    earning: EarningId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "earned",
        event: format!("earned:{earning}"),
        payout: None,
        attempt: None,
        earning: Some(earning),
        lines: &[(Account::Available(provider), amount), (Account::Obligations, amount.negated())],
    }
    .write(conn, now)
    .await
    .map(drop)
}
