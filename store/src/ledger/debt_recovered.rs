//! What the provider owed was taken from what was free: available → debt. `cause` names the event that freed it.

use chrono::{DateTime, Utc};
use domain::{Money, PostingId, ProviderId};
use sqlx::PgConnection;

use super::{Account, Posting};
use crate::Result;

pub async fn debt_recovered(
    conn: &mut PgConnection,
    provider: ProviderId,
    cause: &str,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<PostingId> {
    Posting {
        kind: "debt_recovered",
        event: format!("debt_recovered:{cause}"),
        payout: None,
        attempt: None,
        earning: None,
        lines: &[(Account::Available(provider), amount.negated()), (Account::Debt(provider), amount)],
    }
    .write(conn, now)
    .await
}
