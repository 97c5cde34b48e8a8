//! The gateway paid a transfer of ours that this database has forgotten with its payout: paid out, and owed back by the provider
//! whose account it went to (debt), so that the same money cannot be asked for again; and the money left the wallet (wallet →
//! clearing). A kind of `overpaid`: as far as these books know it was not to be paid.

use chrono::{DateTime, Utc};
use domain::{Money, PostingId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn forgotten(
    conn: &mut PgConnection,
    provider: ProviderId,
    gateway_id: &str,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<PostingId> {
    Posting {
        kind: "overpaid",
        event: format!("overpaid:transfer:{gateway_id}"),
        payout: None,
        attempt: None,
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
}
