//! Above which amount a payout needs two different approvers, per currency.
//!
//! Guarantees: a smaller limit counts at once, also for what waits already; a larger one is proposed by one admin and counts when
//! another asks for the same, and only for reviews that open afterwards: nobody raises it to approve alone. A currency without a
//! limit needs two approvers for everything.

use chrono::{DateTime, Utc};
use domain::{Currency, Money};
use serde_json::json;

use crate::{Actor, Error, Pool, Result, audit, payouts::money};

/// The limit of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalLimit {
    /// One approver suffices up to this amount.
    pub amount: Money,
    /// Who changed it last, and when; none as installed.
    pub changed: Option<(String, DateTime<Utc>)>,
    /// A larger one that waits for a second admin.
    pub proposed: Option<Proposed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    pub amount: Money,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// What came of asking for another limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limited {
    /// It counts: it is smaller, or two admins have asked for it, or it was so already.
    Counts(ApprovalLimit),
    /// It is larger, and waits for another admin who asks for the same.
    Proposed(ApprovalLimit),
}

struct Row {
    currency: String,
    amount: rust_decimal::Decimal,
    changed_by: Option<String>,
    changed_at: Option<DateTime<Utc>>,
    proposed_amount: Option<rust_decimal::Decimal>,
    proposed_by: Option<String>,
    proposed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for ApprovalLimit {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let proposed = match (row.proposed_amount, row.proposed_by, row.proposed_at) {
            (Some(amount), Some(by), Some(at)) => {
                Some(Proposed { amount: money(amount, &row.currency)?, by, at })
            }
            (_, _, _) => None,
        };
        Ok(Self {
            amount: money(row.amount, &row.currency)?,
            changed: row.changed_by.zip(row.changed_at),
            proposed,
        })
    }
}

/// Every limit, by currency.
pub async fn list(pool: &Pool) -> Result<Vec<ApprovalLimit>> {
    sqlx::query_as!(
        Row,
        "SELECT currency, amount, changed_by, changed_at, proposed_amount, proposed_by, proposed_at
         FROM approval_limits ORDER BY currency",
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(ApprovalLimit::try_from)
    .collect()
}

/// Asks for `amount` as its currency's limit.
pub async fn set(
    pool: &Pool,
    amount: Money,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Limited> {
    let mut tx = pool.begin().await?;
    let code = amount.currency().code();
    // A currency that has none needs two for everything: as if its limit were nothing.
    sqlx::query!(
        "INSERT INTO approval_limits (currency, amount) VALUES ($1, 0) ON CONFLICT (currency) DO NOTHING",
        code
    )
    .execute(&mut *tx)
    .await?;
    let before: ApprovalLimit = sqlx::query_as!(
        Row,
        "SELECT currency, amount, changed_by, changed_at, proposed_amount, proposed_by, proposed_at
         FROM approval_limits WHERE currency = $1 FOR UPDATE",
        code,
    )
    .fetch_one(&mut *tx)
    .await?
    .try_into()?;
    let raises = amount.amount() > before.amount.amount();
    let agreed = before
        .proposed
        .as_ref()
        .is_some_and(|proposed| proposed.amount == amount && proposed.by != admin.as_str());
    let counts = !raises || agreed;
    let detail = json!({
        "currency": code, "from": before.amount, "to": amount, "reason": reason,
        "proposed_by": before.proposed.as_ref().filter(|_| agreed).map(|proposed| &proposed.by),
    });
    if counts {
        sqlx::query!(
            "UPDATE approval_limits SET amount = $2, changed_by = $3, changed_at = $4,
                    proposed_amount = NULL, proposed_by = NULL, proposed_at = NULL WHERE currency = $1",
            code,
            amount.amount(),
            admin.as_str(),
            now,
        )
        .execute(&mut *tx)
        .await?;
    } else {
        sqlx::query!(
            "UPDATE approval_limits SET proposed_amount = $2, proposed_by = $3, proposed_at = $4 WHERE currency = $1",
            code,
            amount.amount(),
            admin.as_str(),
            now,
        )
        .execute(&mut *tx)
        .await?;
    }
    let action = if counts { "approval_limit_changed" } else { "approval_limit_proposed" };
    audit::record_subject(&mut tx, admin, action, &format!("approval_limit:{code}"), detail, now).await?;
    tx.commit().await?;
    let after = of(pool, amount.currency()).await?.ok_or_else(|| Error::corrupt("a limit is gone"))?;
    Ok(if counts { Limited::Counts(after) } else { Limited::Proposed(after) })
}

/// The limit of one currency.
pub async fn of(pool: &Pool, currency: Currency) -> Result<Option<ApprovalLimit>> {
    sqlx::query_as!(
        Row,
        "SELECT currency, amount, changed_by, changed_at, proposed_amount, proposed_by, proposed_at
         FROM approval_limits WHERE currency = $1",
        currency.code(),
    )
    .fetch_optional(pool)
    .await?
    .map(ApprovalLimit::try_from)
    .transpose()
}
