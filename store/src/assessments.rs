//! Validates and assesses a requested payout: one transaction, so that an approved payout always has its assessment.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Assessment, Finding, PayoutEvent, PayoutId, PayoutStatus, Progress, RiskFacts, RiskPolicy, Route, assess,
};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, audit,
    notifications::{self, Event},
    outbox,
    payouts::{self, Payout, moved_one, progress_in},
    reservations, reviews,
};

/// Answers where the payout stands afterwards. A payout that is past this step is answered as it stands, unchanged.
///
/// `instant`: approved payouts leave at once (no windows), so an approval asks for a batch.
pub async fn validate_and_assess(
    pool: &Pool,
    id: PayoutId,
    policy: &RiskPolicy,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let payout =
        payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    if payout.status == PayoutStatus::Requested && payout.risk.is_none() {
        match refusal(&mut tx, &payout, now).await? {
            Some(refusal) => reject(&mut tx, &payout, refusal.0, refusal.1, &Actor::system(), now).await?,
            None => assess_and_move(&mut tx, &payout, policy, instant, now).await?,
        }
    }
    let progress = progress_in(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Why the payout cannot be made at all: a code and words.
async fn refusal(
    conn: &mut PgConnection,
    payout: &Payout,
    now: DateTime<Utc>,
) -> Result<Option<(&'static str, &'static str)>> {
    let seen = sqlx::query!(
        r#"SELECT p.status AS provider_status, b.status AS account_status, b.usable_from,
                  (SELECT coalesce(sum(amount), 0) FROM allocations WHERE payout_id = $3 AND state = 'RESERVED') AS "covered!"
           FROM providers p, bank_accounts b WHERE p.id = $1 AND b.id = $2"#,
        payout.provider.uuid(),
        payout.bank_account.uuid(),
        payout.id.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(if seen.provider_status != "ACTIVE" {
        Some(("provider_suspended", "The provider is suspended."))
    } else if seen.account_status != "ACTIVE" {
        Some(("bank_account_removed", "The bank account was removed."))
    } else if seen.usable_from > now {
        Some(("bank_account_cooling_off", "The bank account was added too recently."))
    } else if seen.covered != payout.amount.amount() {
        Some(("not_covered", "The balance does not cover the payout any more."))
    } else {
        None
    })
}

/// Moves a requested payout to REJECTED and gives the money back.
pub(crate) async fn reject(
    conn: &mut PgConnection,
    payout: &Payout,
    code: &str,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'REJECTED', rejected_at = $2, rejection_code = $3, rejection_reason = $4, updated_at = $2
         WHERE id = $1 AND status = 'REQUESTED'",
        payout.id.uuid(),
        now,
        code,
        reason,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    reservations::refund(conn, payout.provider, payout.id, payout.amount, now).await?;
    reviews::close(conn, payout.id, now).await?;
    audit::record(conn, actor, "rejected", payout.id, Some(reason), json!({ "code": code }), now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Rejected, payout.amount, Some(reason), now)
        .await
}

/// Moves a requested payout to APPROVED.
pub(crate) async fn approve(
    conn: &mut PgConnection,
    payout: &Payout,
    actor: &Actor,
    reason: Option<&str>,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    payout.status.after(PayoutEvent::Approve).map_err(Error::corrupt)?;
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'APPROVED', approved_at = $2, approved_by = $3, updated_at = $2
         WHERE id = $1 AND status = 'REQUESTED'",
        payout.id.uuid(),
        now,
        actor.as_str(),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    audit::record(conn, actor, "approved", payout.id, reason, json!({}), now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Approved, payout.amount, None, now).await?;
    if instant {
        outbox::instant_batch(conn, now).await?;
    }
    Ok(())
}

async fn assess_and_move(
    conn: &mut PgConnection,
    payout: &Payout,
    policy: &RiskPolicy,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let facts = facts(conn, payout, policy, now).await?;
    let assessment = assess(policy, &facts);
    sqlx::query!(
        "INSERT INTO assessments (payout_id, route, policy_version, findings, facts, assessed_at) VALUES ($1, $2, $3, $4, $5, $6)",
        payout.id.uuid(),
        assessment.route.as_str(),
        assessment.policy_version,
        serde_json::to_value(&assessment.findings).map_err(Error::corrupt)?,
        serde_json::to_value(&facts).map_err(Error::corrupt)?,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let moved = sqlx::query!(
        "UPDATE payouts SET risk = $2, updated_at = $3 WHERE id = $1 AND status = 'REQUESTED' AND risk IS NULL",
        payout.id.uuid(),
        assessment.route.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    match assessment.route {
        Route::Auto => {
            approve(conn, payout, &Actor::system(), Some("low risk: no rule fired"), instant, now).await
        }
        Route::Review => {
            let fired: Vec<&str> = assessment
                .findings
                .iter()
                .filter(|finding| finding.fired)
                .map(|finding| finding.words.as_str())
                .collect();
            reviews::open(conn, payout.id, now).await?;
            let reason = fired.join("; ");
            audit::record(conn, &Actor::system(), "review_opened", payout.id, Some(&reason), json!({}), now)
                .await
        }
    }
}

/// What is known about the provider. Bounded by the policy's own windows and by indexes that start with the provider.
async fn facts(
    conn: &mut PgConnection,
    payout: &Payout,
    policy: &RiskPolicy,
    now: DateTime<Utc>,
) -> Result<RiskFacts> {
    let failed_since =
        now.checked_sub_signed(TimeDelta::days(policy.failed_within_days.into())).unwrap_or(now);
    let day_ago = now.checked_sub_signed(TimeDelta::days(1)).unwrap_or(now);
    let seen = sqlx::query!(
        r#"SELECT p.verified,
                  CASE WHEN b.is_change THEN b.created_at END AS bank_changed_at,
                  s.successful AS "successful!", s.failed AS "failed!", s.last_day AS "last_day!", s.average_paid
           FROM providers p, bank_accounts b,
                LATERAL (SELECT count(*) FILTER (WHERE status = 'COMPLETED') AS successful,
                                count(*) FILTER (WHERE failed_at >= $3 AND status = 'FAILED') AS failed,
                                count(*) FILTER (WHERE requested_at > $4) AS last_day,
                                round(avg(amount) FILTER (WHERE status = 'COMPLETED' AND currency = $5), 4) AS average_paid
                         FROM payouts WHERE provider_id = $1) s
           WHERE p.id = $1 AND b.id = $2"#,
        payout.provider.uuid(),
        payout.bank_account.uuid(),
        failed_since,
        day_ago,
        payout.amount.currency().code(),
    )
    .fetch_one(conn)
    .await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(RiskFacts {
        amount: payout.amount,
        provider_verified: seen.verified,
        successful_payouts: count(seen.successful),
        recent_failed_payouts: count(seen.failed),
        bank_changed_at: seen.bank_changed_at,
        requests_last_day: count(seen.last_day),
        average_paid: seen.average_paid,
        observed_at: now,
    })
}

/// The stored assessment of a payout.
pub async fn of(pool: &Pool, id: PayoutId) -> Result<Option<(Assessment, DateTime<Utc>)>> {
    let row = sqlx::query!(
        "SELECT route, policy_version, findings, assessed_at FROM assessments WHERE payout_id = $1",
        id.uuid()
    )
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        let findings: Vec<Finding> = serde_json::from_value(row.findings).map_err(Error::corrupt)?;
        let assessment =
            Assessment { route: payouts::route(&row.route)?, policy_version: row.policy_version, findings };
        Ok((assessment, row.assessed_at))
    })
    .transpose()
}
