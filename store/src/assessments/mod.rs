//! Validates and assesses a requested payout: one transaction, so that an approved payout always has its assessment.
//!
//! Six statements until the assessment is stored, none of which costs more for a provider with a longer history: the payout's
//! lock, the validation, a savepoint, the facts with the policies in force, its release, and the assessment with the route.
//! The policies are read under a shared lock that activation takes alone (`risk_policies`): an assessment that begins after an
//! activation has answered goes by the new policy.

pub(crate) mod facts;

use chrono::{DateTime, Utc};
use domain::{Assessment, Finding, PayoutEvent, PayoutId, PayoutStatus, Progress, Route, assess};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, audit,
    notifications::{self, Event},
    payouts::{self, Payout, moved_one, progress_in},
    reservations, reviews,
};

/// Answers where the payout stands afterwards. A payout that is past this step is answered as it stands, unchanged.
///
/// `instant`: by the settings approved payouts leave at once (no windows), so an approval asks for a batch.
pub async fn validate_and_assess(
    pool: &Pool,
    id: PayoutId,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let payout =
        payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    if payout.status == PayoutStatus::Requested && payout.risk.is_none() {
        match refusal(&mut tx, &payout, now).await? {
            Some(refusal) => reject(&mut tx, &payout, refusal.0, refusal.1, &Actor::system(), now).await?,
            None => assess_and_move(&mut tx, &payout, instant, now).await?,
        }
    }
    let progress = progress_in(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Why the payout cannot be made at all: a code and words. That its provider is suspended is one of the risk rules, and refuses
/// there. Also waits for an activation that is under way, and holds off the next one.
async fn refusal(
    conn: &mut PgConnection,
    payout: &Payout,
    now: DateTime<Utc>,
) -> Result<Option<(&'static str, &'static str)>> {
    let seen = sqlx::query!(
        r#"SELECT status AS account_status, usable_from,
                  (SELECT coalesce(sum(amount), 0) FROM allocations WHERE payout_id = $2 AND state = 'RESERVED') AS "covered!",
                  pg_advisory_xact_lock_shared(hashtextextended('risk policy ' || $3, 0)) AS "lock: ()"
           FROM bank_accounts WHERE id = $1"#,
        payout.bank_account.uuid(),
        payout.id.uuid(),
        payout.amount.currency().code(),
    )
    .fetch_one(conn)
    .await?;
    Ok(if seen.account_status != "ACTIVE" {
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
    // Instant payouts: the same statement asks for a batch (`outbox::instant_batch` says the same).
    let moved = sqlx::query_scalar!(
        r#"WITH moved AS (
               UPDATE payouts SET status = 'APPROVED', approved_at = $2, approved_by = $3, updated_at = $2
               WHERE id = $1 AND status = 'REQUESTED' RETURNING id
           ), asked AS (
               INSERT INTO outbox (kind, created_at, next_try_at)
               SELECT 'instant_batch', $2, $2 FROM moved
               WHERE coalesce((SELECT schedule ->> 'kind' = 'instant' FROM batch_rules), $4)
           )
           SELECT count(*) AS "moved!" FROM moved"#,
        payout.id.uuid(),
        now,
        actor.as_str(),
        instant,
    )
    .fetch_one(&mut *conn)
    .await?;
    moved_one(u64::try_from(moved).map_err(Error::corrupt)?, payout.id)?;
    audit::record(conn, actor, "approved", payout.id, reason, json!({}), now).await?;
    notifications::tell(conn, payout.id, payout.provider, Event::Approved, payout.amount, None, now).await
}

async fn assess_and_move(
    conn: &mut PgConnection,
    payout: &Payout,
    instant: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let gathered = facts::gather(conn, payout, now).await?;
    let assessment = gathered.assess();
    let shadow = gathered.shadow.as_ref();
    let shadow_route = shadow.map(|shadow| assess(&shadow.policy, &gathered.facts).route);
    let moved = sqlx::query!(
        "WITH stored AS (
             INSERT INTO assessments (payout_id, route, policy_id, policy_version, findings, facts, assessed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)),
         shadowed AS (
             INSERT INTO shadow_assessments (payout_id, policy_id, route, active_route, assessed_at)
             SELECT $1, $8, $9, $2, $7 WHERE $8::uuid IS NOT NULL)
         UPDATE payouts SET risk = $2, updated_at = $7 WHERE id = $1 AND status = 'REQUESTED' AND risk IS NULL",
        payout.id.uuid(),
        assessment.route.as_str(),
        gathered.active.as_ref().map(|active| active.id.uuid()),
        assessment.policy_version,
        serde_json::to_value(&assessment.findings).map_err(Error::corrupt)?,
        serde_json::to_value(&gathered.facts).map_err(Error::corrupt)?,
        now,
        shadow.map(|shadow| shadow.id.uuid()),
        shadow_route.map(Route::as_str),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, payout.id)?;
    let system = Actor::system();
    match assessment.route {
        Route::Auto => approve(conn, payout, &system, Some("low risk: no rule fired"), instant, now).await,
        Route::Review => {
            reviews::open(conn, payout.id, now).await?;
            let reasons = assessment.reasons();
            audit::record(conn, &system, "review_opened", payout.id, Some(&reasons), json!({}), now).await
        }
        Route::Refuse => {
            reject(conn, payout, "provider_suspended", "The provider is suspended.", &system, now).await
        }
    }
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
