//! Who has taken a review on: a soft claim, so that two people do not look at the same payout without knowing.
//!
//! It lapses by itself after [`ASSIGNED_FOR`], without a timer: the row says until when. It stops nobody: whoever decides over
//! another's claim says so, and the audit trail keeps it. Once a review is escalated a claim warns nobody any more.

use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutId;
use serde_json::json;

use crate::{Actor, Error, Pool, Result, audit, payouts};

/// Long enough to ask somebody, short enough that a claim forgotten over lunch holds nobody up.
pub const ASSIGNED_FOR: TimeDelta = TimeDelta::hours(2);

/// Who has taken a review on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// `admin:<sub>`.
    pub to: String,
    pub by: String,
    pub until: DateTime<Utc>,
}

/// What came of taking it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigning {
    Done(Option<Assigned>),
    /// There is no open review of this payout.
    NotOpen,
    /// Somebody else has it; nothing changed.
    Taken(Assigned),
}

/// A claim that has not lapsed.
pub(super) fn standing(
    to: Option<String>,
    by: Option<String>,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Assigned> {
    match (to, by, until) {
        (Some(to), Some(by), Some(until)) if until > now => Some(Assigned { to, by, until }),
        (_, _, _) => None,
    }
}

/// Gives the review to `to`, for [`ASSIGNED_FOR`] from now. Another's claim is left as it is unless `take_over`.
pub async fn assign(
    pool: &Pool,
    payout: PayoutId,
    to: &Actor,
    by: &Actor,
    take_over: bool,
    now: DateTime<Utc>,
) -> Result<Assigning> {
    let until = now.checked_add_signed(ASSIGNED_FOR).ok_or_else(|| Error::corrupt("the end of time"))?;
    let assigned = Assigned { to: to.to_string(), by: by.to_string(), until };
    change(pool, payout, Some(assigned), by, take_over, now).await
}

/// Lets the review go. Another's claim is left as it is unless `take_over`.
pub async fn release(
    pool: &Pool,
    payout: PayoutId,
    by: &Actor,
    take_over: bool,
    now: DateTime<Utc>,
) -> Result<Assigning> {
    change(pool, payout, None, by, take_over, now).await
}

async fn change(
    pool: &Pool,
    payout: PayoutId,
    to: Option<Assigned>,
    by: &Actor,
    take_over: bool,
    now: DateTime<Utc>,
) -> Result<Assigning> {
    let mut tx = pool.begin().await?;
    if payouts::lock(&mut tx, payout).await?.is_none() {
        return Ok(Assigning::NotOpen);
    }
    let row = sqlx::query!(
        "SELECT assigned_to, assigned_by, assigned_until FROM reviews WHERE payout_id = $1 AND status = 'OPEN'",
        payout.uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(Assigning::NotOpen) };
    let before = standing(row.assigned_to, row.assigned_by, row.assigned_until, now);
    if let Some(before) = &before
        && before.to != by.as_str()
        && !take_over
    {
        return Ok(Assigning::Taken(before.clone()));
    }
    sqlx::query!(
        "UPDATE reviews SET assigned_to = $2, assigned_by = $3, assigned_until = $4 WHERE payout_id = $1 AND status = 'OPEN'",
        payout.uuid(),
        to.as_ref().map(|to| to.to.as_str()),
        to.as_ref().map(|to| to.by.as_str()),
        to.as_ref().map(|to| to.until),
    )
    .execute(&mut *tx)
    .await?;
    if to.is_some() || before.is_some() {
        let action = if to.is_some() { "review_assigned" } else { "review_released" };
        let detail = json!({
            "to": to.as_ref().map(|to| &to.to),
            "until": to.as_ref().map(|to| to.until),
            "from": before.as_ref().map(|before| &before.to),
        });
        audit::record(&mut tx, by, action, payout, None, detail, now).await?;
    }
    tx.commit().await?;
    Ok(Assigning::Done(to))
}
