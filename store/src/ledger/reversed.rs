//! The bank gave back what was paid: paid out → available, and the money is in the wallet again (clearing → wallet). Fees stay.

use chrono::{DateTime, Utc};
use domain::{AttemptId, Money, PayoutId, PostingId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

/// What had been paid as asked for goes back to the provider's balance.
pub async fn reversed(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "reversed",
        event: format!("reversed:{attempt}"),
        payout: Some(payout),
        attempt: Some(attempt),
        earning: None,
        lines: &[
            (Account::Available(provider), amount),
            (Account::PaidOut(provider), amount.negated()),
            (Account::GatewayWallet, amount),
            (Account::Clearing, amount.negated()),
        ],
    }
    .write(conn, now)
    .await
    .map(drop)
}

/// What had been paid too much is not owed any more (`forgiven`); of the rest, which had been recovered already, the provider
/// gets it back (`given_back`).
pub async fn excess_reversed(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    (forgiven, given_back): (Money, Money),
    now: DateTime<Utc>,
) -> Result<PostingId> {
    Posting {
        kind: "reversed",
        event: format!("reversed:{attempt}"),
        payout: Some(payout),
        attempt: Some(attempt),
        earning: None,
        lines: &[
            (Account::Available(provider), given_back),
            (Account::PaidOut(provider), amount.negated()),
            (Account::Debt(provider), forgiven),
            (Account::GatewayWallet, amount),
            (Account::Clearing, amount.negated()),
        ],
    }
    .write(conn, now)
    .await
}
