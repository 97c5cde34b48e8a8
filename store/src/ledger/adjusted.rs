//! What was earned is corrected. A raise is owed like an earning (obligations → available); a cut is owed back by the provider
//! (debt → obligations) until it is recovered.

use chrono::{DateTime, Utc};
use domain::{AdjustmentId, EarningId, Money, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

/// `earning`: the one that the raise made.
pub async fn raised(
    conn: &mut PgConnection,
    provider: ProviderId,
    adjustment: AdjustmentId,
    earning: EarningId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "adjusted",
        event: format!("adjusted:{adjustment}"),
        payout: None,
        attempt: None,
        earning: Some(earning),
        lines: &[(Account::Available(provider), amount), (Account::Obligations, amount.negated())],
    }
    .write(conn, now)
    .await
    .map(drop)
}

/// `amount`: how much less, above zero. `earning`: the one that is worth less.
pub async fn cut(
    conn: &mut PgConnection,
    provider: ProviderId,
    adjustment: AdjustmentId,
    earning: EarningId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "adjusted",
        event: format!("adjusted:{adjustment}"),
        payout: None,
        attempt: None,
        earning: Some(earning),
        lines: &[(Account::Debt(provider), amount.negated()), (Account::Obligations, amount)],
    }
    .write(conn, now)
    .await
    .map(drop)
}
