//! The gateway paid what was not to be paid (again): paid out, and owed back by the provider (debt), and the money left the
//! wallet (wallet → clearing).

use chrono::{DateTime, Utc};
use domain::{AttemptId, Money, PayoutId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn overpaid(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "overpaid",
        event: format!("overpaid:{attempt}"),
        payout: Some(payout),
        attempt: Some(attempt),
        earning: None,
        lines: &[
            (Account::PaidOut(provider), amount),
            (Account::Debt(provider), amount.negated()),
            (Account::GatewayWallet, amount.negated()),
            (Account::Clearing, amount),
        ],
    }
    .write(conn, now)
    .await
    .map(drop)
}
