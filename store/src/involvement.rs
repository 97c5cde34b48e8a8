//! Nobody approves what they asked for or changed.
//!
//! Guarantee: an admin who did something to this payout but decide on it, ever, or to its provider, one of their accounts or
//! earnings within [`INVOLVED_FOR`], cannot approve it. It fails closed: an action that a later version adds involves, unless it
//! is named here. Rejecting is open to everybody: it gives the money back to the balance and lets nobody be paid.
//!
//! Cost: a few reads by index over one provider's accounts (at most 10 in use) and what was done to them in the window.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, Result, payouts::Payout};

/// As long as a change of bank details is a reason for a review by default.
pub const INVOLVED_FOR: TimeDelta = TimeDelta::days(7);

/// What people do to a payout because they decide on it.
const DECIDING: &[&str] = &[
    "approved",
    "approval_given",
    "approval_undone",
    "rejected",
    "review_assigned",
    "review_released",
    "case_closed",
    "resent",
];

/// What somebody did before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Involvement {
    /// As the audit trail calls it.
    pub action: String,
    pub at: DateTime<Utc>,
}

/// The latest thing that keeps `admin` from approving this payout.
pub(crate) async fn of(
    conn: &mut PgConnection,
    payout: &Payout,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Involvement>> {
    Ok(of_each(conn, &[payout], admin, now).await?.remove(&payout.id))
}

/// The same for every one of these that they are involved in: one statement.
pub(crate) async fn of_each(
    conn: &mut PgConnection,
    payouts: &[&Payout],
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<BTreeMap<PayoutId, Involvement>> {
    let since = now.checked_sub_signed(INVOLVED_FOR).unwrap_or(now);
    let deciding: Vec<String> = DECIDING.iter().map(|action| (*action).to_owned()).collect();
    let ids: Vec<Uuid> = payouts.iter().map(|payout| payout.id.uuid()).collect();
    let providers: Vec<Uuid> = payouts.iter().map(|payout| payout.provider.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT p.id AS "id!", did.action AS "action!", did.at AS "at!"
           FROM unnest($1::uuid[], $2::uuid[]) AS p (id, provider) CROSS JOIN LATERAL (
               SELECT action, at FROM audit WHERE payout_id = p.id AND actor = $3 AND action <> ALL ($4)
               UNION ALL
               SELECT a.action, a.at FROM
                   (SELECT p.provider::text AS subject UNION ALL SELECT 'provider:' || p.provider
                    UNION ALL SELECT id::text FROM bank_accounts WHERE provider_id = p.provider
                    UNION ALL SELECT 'bank_account:' || id FROM bank_accounts WHERE provider_id = p.provider) s
                   JOIN audit a ON a.subject = s.subject
               WHERE a.actor = $3 AND a.at > $5
               UNION ALL
               SELECT 'earning_adjusted', adjusted_at FROM adjustments
               WHERE provider_id = p.provider AND adjusted_by = $3 AND adjusted_at > $5
               ORDER BY at DESC LIMIT 1) did"#,
        &ids,
        &providers,
        admin.as_str(),
        &deciding,
        since,
    )
    .fetch_all(conn)
    .await?;
    let told = rows
        .into_iter()
        .map(|row| (PayoutId::from_uuid(row.id), Involvement { action: row.action, at: row.at }));
    Ok(told.collect())
}
