//! Nobody approves what they asked for or changed.
//!
//! Guarantee: an admin who did something to this payout but decide on it, ever, or to its provider, one of their accounts or
//! earnings within [`INVOLVED_FOR`], cannot approve it. It fails closed: an action that a later version adds involves, unless it
//! is named here. Rejecting is open to everybody: it gives the money back to the balance and lets nobody be paid.
//!
//! Cost: a few reads by index over one provider's accounts (at most 10 in use) and what was done to them in the window.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

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
    let since = now.checked_sub_signed(INVOLVED_FOR).unwrap_or(now);
    let deciding: Vec<String> = DECIDING.iter().map(|action| (*action).to_owned()).collect();
    Ok(sqlx::query_as!(
        Involvement,
        r#"SELECT action AS "action!", at AS "at!" FROM (
               SELECT action, at FROM audit WHERE payout_id = $1 AND actor = $3 AND action <> ALL ($4)
               UNION ALL
               SELECT a.action, a.at FROM
                   (SELECT $2::uuid::text AS subject UNION ALL SELECT 'provider:' || $2::uuid
                    UNION ALL SELECT id::text FROM bank_accounts WHERE provider_id = $2
                    UNION ALL SELECT 'bank_account:' || id FROM bank_accounts WHERE provider_id = $2) s
                   JOIN audit a ON a.subject = s.subject
               WHERE a.actor = $3 AND a.at > $5
               UNION ALL
               SELECT 'earning_adjusted', adjusted_at FROM adjustments
               WHERE provider_id = $2 AND adjusted_by = $3 AND adjusted_at > $5
           ) did ORDER BY at DESC LIMIT 1"#,
        payout.id.uuid(),
        payout.provider.uuid(),
        admin.as_str(),
        &deciding,
        since,
    )
    .fetch_optional(conn)
    .await?)
}
