//! One try to pay a payout through the gateway: recorded, then sent, then watched until the gateway itself says how it ended.

mod begin;
mod observe;
mod send;
mod settle;

pub use begin::begin;
pub use observe::{Source, TermsAndPlace, record_observation, terms, terms_of_earlier};
pub use send::{Sending, count_send, record_not_sent, record_submitted};
pub use settle::RetryPolicy;

use chrono::{DateTime, Utc};
use domain::{
    AttemptFacts, AttemptId, AttemptNumber, AttemptStatus, Doubt, FailureCode, Money, PayoutId, ProvenUnpaid,
    Reference,
};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    Error, Pool, Result,
    manual::FRESH,
    payouts::{attempt_number, failure_code, money},
    text::storable_json,
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
    /// What the latest look at a failed attempt said instead.
    pub doubt: Option<Doubt>,
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
                a.not_sent_reason, a.failure_code, a.failure_message, a.counted, a.doubt, a.settled_at, p.currency
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
                doubt: row.doubt.as_deref().map(doubt).transpose()?,
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

/// Why money may not move again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unproven {
    pub why: String,
    /// The gateway says that it paid: looking again does not help.
    pub paid_after_all: bool,
}

/// Whether money may move again (another attempt, a refund): every attempt of the payout has been seen to have failed within
/// [`FRESH`], and nothing else was seen since. Else why not.
pub async fn proven_unpaid(
    pool: &Pool,
    payout: PayoutId,
    now: DateTime<Utc>,
) -> Result<std::result::Result<(), String>> {
    let proven = proofs(&mut *pool.acquire().await?, payout, now).await?;
    Ok(proven.map(drop).map_err(|unproven| unproven.why))
}

/// One proof for every attempt of a payout, or what stands against it. Whoever acts on them has locked the payout.
pub(crate) async fn proofs(
    conn: &mut PgConnection,
    payout: PayoutId,
    now: DateTime<Utc>,
) -> Result<std::result::Result<Vec<ProvenUnpaid>, Unproven>> {
    let rows = sqlx::query!(
        "SELECT number, status, sends, failed_seen_at, doubt FROM attempts WHERE payout_id = $1 ORDER BY number",
        payout.uuid()
    )
    .fetch_all(conn)
    .await?;
    let mut proofs = Vec::with_capacity(rows.len());
    let mut unproven: Option<Unproven> = None;
    for row in rows {
        let facts = AttemptFacts {
            number: attempt_number(row.number)?,
            status: row.status.parse().map_err(Error::Corrupt)?,
            sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
            failed_seen_at: row.failed_seen_at,
            doubt: row.doubt.as_deref().map(doubt).transpose()?,
        };
        let against = match facts.proof_unpaid() {
            Ok(proof) => {
                proofs.push(proof);
                let seen_lately =
                    facts.failed_seen_at.is_some_and(|seen| now.signed_duration_since(seen) <= FRESH);
                (!seen_lately).then(|| Unproven {
                    why: format!("attempt {} has not been seen to have failed just now", facts.number.get()),
                    paid_after_all: false,
                })
            }
            Err(not_proven) => Some(Unproven {
                why: not_proven.to_string(),
                paid_after_all: not_proven.doubt == Some(Doubt::Paid),
            }),
        };
        // The worst is told: what a person must settle before what another look may.
        if let Some(against) = against
            && unproven.as_ref().is_none_or(|worst| against.paid_after_all && !worst.paid_after_all)
        {
            unproven = Some(against);
        }
    }
    Ok(match unproven {
        None => Ok(proofs),
        Some(unproven) => Err(unproven),
    })
}

fn doubt(text: &str) -> Result<Doubt> {
    Doubt::parse(text).ok_or_else(|| Error::corrupt(format!("doubt {text}")))
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
        storable_json(detail),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
