//! The gateway paid: the reservation is settled (reserved → paid out) and the money left the wallet (wallet → clearing).

use chrono::{DateTime, Utc};
use domain::{AttemptId, Money, PayoutId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn paid(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "paid",
        event: format!("paid:{payout}"),
        payout: Some(payout),
        attempt: Some(attempt),
        earning: None,
        lines: &[
            (Account::Reserved(provider), amount.negated()),
            (Account::PaidOut(provider), amount),
            (Account::GatewayWallet, amount.negated()),
            (Account::Clearing, amount),
        ],
    }
    .write(conn, now)
    .await
    .map(drop)
}
