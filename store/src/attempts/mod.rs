//! One try to pay a payout through the gateway: recorded, then sent, then watched until the gateway itself says how it ended.

mod begin;
mod observe;
mod send;
mod settle;

pub use begin::begin;
pub use observe::{Source, TermsAndPlace, record_observation, terms, terms_of_earlier};
pub use send::{Sending, count_send, record_not_sent, record_submitted};
pub use settle::RetryPolicy;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptFacts, AttemptId, AttemptNumber, AttemptStatus, FailureCode, Money, PayoutId, ProvenUnpaid,
    Reference,
};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    Error, Pool, Result,
    payouts::{attempt_number, failure_code, money},
};

/// An attempt as it is stored, with everything that was observed about it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: AttemptId,
    pub number: AttemptNumber,
    pub reference: Reference,
    pub status: AttemptStatus,
    pub began_at: DateTime<Utc>,
    pub began_by: String,
    pub sends: u32,
    pub gateway_id: Option<String>,
    pub fee: Option<Money>,
    pub check_at: Option<DateTime<Utc>>,
    pub not_sent_reason: Option<String>,
    pub failure_code: Option<FailureCode>,
    pub failure_message: Option<String>,
    pub counted: bool,
    pub settled_at: Option<DateTime<Utc>>,
    pub evidence: Vec<Evidence>,
}

/// One stored observation.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub source: String,
    pub verdict: String,
    pub detail: Value,
    pub observed_at: DateTime<Utc>,
}

/// All attempts of a payout with their evidence, in order.
pub async fn of_payout(pool: &Pool, payout: PayoutId) -> Result<Vec<Attempt>> {
    let rows = sqlx::query!(
        "SELECT a.id, a.number, a.reference, a.status, a.began_at, a.began_by, a.sends, a.gateway_id, a.fee, a.check_at,
                a.not_sent_reason, a.failure_code, a.failure_message, a.counted, a.settled_at, p.currency
         FROM attempts a JOIN payouts p ON p.id = a.payout_id WHERE a.payout_id = $1 ORDER BY a.number",
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?;
    let seen = sqlx::query!(
        "SELECT e.attempt_id, e.source, e.verdict, e.detail, e.observed_at
         FROM evidence e JOIN attempts a ON a.id = e.attempt_id WHERE a.payout_id = $1 ORDER BY e.id",
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Attempt {
                id: AttemptId::from_uuid(row.id),
                number: attempt_number(row.number)?,
                reference: Reference::from_stored(row.reference),
                status: row.status.parse().map_err(Error::Corrupt)?,
                began_at: row.began_at,
                began_by: row.began_by,
                sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
                gateway_id: row.gateway_id,
                fee: row.fee.map(|fee| money(fee, &row.currency)).transpose()?,
                check_at: row.check_at,
                not_sent_reason: row.not_sent_reason,
                failure_code: row.failure_code.as_deref().map(failure_code).transpose()?,
                failure_message: row.failure_message,
                counted: row.counted,
                settled_at: row.settled_at,
                evidence: seen
                    .iter()
                    .filter(|e| e.attempt_id == row.id)
                    .map(|e| Evidence {
                        source: e.source.clone(),
                        verdict: e.verdict.clone(),
                        detail: e.detail.clone(),
                        observed_at: e.observed_at,
                    })
                    .collect(),
            })
        })
        .collect()
}

/// Proof about every attempt of a payout, or why there is none. `fresh`: each failure must have been seen within that span
/// before that moment.
pub(crate) async fn proofs(
    conn: &mut PgConnection,
    payout: PayoutId,
    fresh: Option<(DateTime<Utc>, TimeDelta)>,
) -> Result<std::result::Result<Vec<ProvenUnpaid>, String>> {
    let rows = sqlx::query!(
        "SELECT number, status, sends, failed_seen_at FROM attempts WHERE payout_id = $1 ORDER BY number",
        payout.uuid()
    )
    .fetch_all(conn)
    .await?;
    let mut proofs = Vec::with_capacity(rows.len());
    for row in rows {
        let facts = AttemptFacts {
            number: attempt_number(row.number)?,
            status: row.status.parse().map_err(Error::Corrupt)?,
            sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
            failed_seen_at: row.failed_seen_at,
        };
        match facts.proof_unpaid() {
            Ok(proof) => proofs.push(proof),
            Err(unproven) => return Ok(Err(unproven.to_string())),
        }
        let stale = fresh.is_some_and(|(now, within)| {
            facts.failed_seen_at.is_none_or(|seen| now.signed_duration_since(seen) > within)
        });
        if stale {
            let number = facts.number.get();
            return Ok(Err(format!("attempt {number} has not been seen to have failed just now")));
        }
    }
    Ok(Ok(proofs))
}

/// Whether every attempt of a payout has been seen, just now, to have failed; else why not.
pub async fn proven_unpaid(
    pool: &Pool,
    payout: PayoutId,
    now: DateTime<Utc>,
) -> Result<std::result::Result<(), String>> {
    let proofs = proofs(&mut *pool.acquire().await?, payout, Some((now, crate::manual::FRESH))).await?;
    Ok(proofs.map(|_| ()))
}

pub(crate) async fn add_evidence(
    conn: &mut PgConnection,
    attempt: AttemptId,
    source: Source,
    verdict: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO evidence (attempt_id, source, verdict, detail, observed_at) VALUES ($1, $2, $3, $4, $5)",
        attempt.uuid(),
        source.as_str(),
        verdict,
        detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
