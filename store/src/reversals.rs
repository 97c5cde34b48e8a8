//! A person's word that a paid transfer came back, where the gateway's first word would wait for its second.

use chrono::{DateTime, Utc};
use domain::{AttemptId, AttemptStatus, CaseId, PayoutId};
use serde_json::json;

use crate::{
    Actor, Error, Pool, Result, attempts,
    cases::{self, Case, CaseKind, CaseStatus},
    payouts,
    text::storable,
};

/// What came of confirming a reversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// The money is the provider's again (or no debt any more), and the case is closed.
    Done(Box<Case>),
    NotFound,
    /// The case is about something else than a reversal.
    NotAReversal,
    /// Somebody, or proof, was faster; or the gateway has taken its word back.
    NotWaiting(Box<Case>),
}

/// Finance confirms the reversal of a case. One transaction: attempt, payout, money, message and the case. No second look at the
/// gateway is needed, but its first word is: the attempt must have been seen to be called failed or reversed, and not been
/// called paid since; or the wallet's statement shows the money that came back.
///
/// Locks: payout, attempt, accounts, earnings, case.
pub async fn confirm_by_finance(
    pool: &Pool,
    case: CaseId,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Confirmed> {
    let Some(found) = cases::get(pool, case).await? else { return Ok(Confirmed::NotFound) };
    let attempt = found.subject.strip_prefix("attempt:").and_then(|id| id.parse::<AttemptId>().ok());
    let (CaseKind::Reversal, Some(payout), Some(attempt)) = (found.kind, found.payout, attempt) else {
        return Ok(Confirmed::NotAReversal);
    };
    let mut tx = pool.begin().await?;
    let row = payouts::lock(&mut tx, payout).await?.ok_or_else(|| gone(payout))?;
    let held = attempts::hold(&mut tx, attempt).await?;
    // Once the attempt is locked nobody else closes a case about its reversal but by hand.
    let found = cases::get_in(&mut tx, case).await?.ok_or_else(|| gone(payout))?;
    // The wallet's statement shows a credit where the gateway's record of the transfer may never say a word.
    let by_statement = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM case_evidence WHERE case_id = $1 AND source = 'statement') AS "shown!""#,
        case.uuid()
    )
    .fetch_one(&mut *tx)
    .await?;
    let seen = held.watched.status == AttemptStatus::Succeeded
        && (held.watched.reversal_seen_at.is_some() || by_statement);
    if found.status != CaseStatus::Open || !seen {
        return Ok(Confirmed::NotWaiting(Box::new(found)));
    }
    attempts::reverse(&mut tx, &row, &held, admin, Some(reason), now).await?;
    let detail = json!({ "confirmed_by": admin.as_str() });
    cases::add_evidence(&mut tx, case, admin.as_str(), detail, now).await?;
    let resolution = storable(reason);
    let closed = sqlx::query!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $2, closed_by = $3, resolution = $4 WHERE id = $1 AND status = 'OPEN'",
        case.uuid(),
        now,
        admin.as_str(),
        resolution.as_ref(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    payouts::moved_one(closed, payout)?;
    let closed = cases::get_in(&mut tx, case).await?.ok_or_else(|| gone(payout))?;
    tx.commit().await?;
    Ok(Confirmed::Done(Box::new(closed)))
}

fn gone(payout: PayoutId) -> Error {
    Error::corrupt(format!("payout {payout} or its case is gone"))
}
