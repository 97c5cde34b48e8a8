//! A transfer that had been booked as [`super::forgotten`] came back: paid out → debt as far as it is still owed (`forgiven`), the
//! rest, which had been recovered already, to the provider's balance (`given_back`); and the money is in the wallet again
//! (clearing → wallet). A kind of `reversed`.

use chrono::{DateTime, Utc};
use domain::{Money, PostingId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn forgotten_reversed(
    conn: &mut PgConnection,
    provider: ProviderId,
    gateway_id: &str,
    amount: Money,
    (forgiven, given_back): (Money, Money),
    now: DateTime<Utc>,
) -> Result<PostingId> {
    Posting {
        kind: "reversed",
        event: format!("reversed:transfer:{gateway_id}"),
        payout: None,
        attempt: None,
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
