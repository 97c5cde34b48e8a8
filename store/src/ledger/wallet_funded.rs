//! Finance put money into the gateway's wallet: suspense → wallet. `event` names the bank transfer, so that telling it twice
//! books it once.

use chrono::{DateTime, Utc};
use domain::Money;
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn wallet_funded(
    conn: &mut PgConnection,
    event: &str,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    Posting {
        kind: "wallet_funded",
        event: format!("wallet_funded:{event}"),
        payout: None,
        attempt: None,
        earning: None,
        lines: &[(Account::GatewayWallet, amount), (Account::Suspense, amount.negated())],
    }
    .write(conn, now)
    .await
    .map(drop)
}
