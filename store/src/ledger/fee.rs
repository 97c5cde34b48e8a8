//! The gateway took its fee for the transfer that paid: wallet → fees, as the gateway told it. The platform bears it.

use chrono::{DateTime, Utc};
use domain::{AttemptId, Money, PayoutId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn fee(
    conn: &mut PgConnection,
    payout: PayoutId,
    attempt: AttemptId,
    fee: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "fee",
        event: format!("fee:{attempt}"),
        payout: Some(payout),
        attempt: Some(attempt),
        earning: None,
        lines: &[(Account::GatewayWallet, fee.negated()), (Account::GatewayFees, fee)],
    }
    .write(conn, now)
    .await
    .map(drop)
}
