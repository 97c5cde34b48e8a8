//! One try to pay a payout through the gateway: recorded, then sent, then watched until the gateway itself says how it ended.

//!
//! Architecture invariant: nothing here decides what an answer means; [`domain::judge`] does, and what it says is carried out.

mod begin;
mod fees;
mod late;
mod observe;
mod reverse;
mod send;
mod settle;

pub use begin::{after_looking, begin};
pub(crate) use observe::{Held, attested_paid, hold};
pub use observe::{
    Source, TermsAndPlace, record_observation, record_observation_and_wake, terms, terms_of_earlier,
};
pub(crate) use reverse::carry_out as reverse;
pub use send::{Lease, Sending, count_send, record_not_sent, record_submitted};
pub use settle::RetryPolicy;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    AttemptFacts, AttemptId, AttemptNumber, AttemptStatus, BatchId, Doubt, FailureCode, Money, PayoutId,
    Reference, judge,
};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    Error, Pool, Result,
    payouts::{attempt_number, failure_code, money},
    text::storable_json,
};

/// An attempt as it is stored, with everything that was observed about it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: AttemptId,
    pub number: AttemptNumber,
    /// The batch that had claimed the payout then.
    pub batch: BatchId,
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
    /// It had failed, by the gateway's own word, and paid after all.
    pub late: bool,
    /// When the gateway first called this paid transfer failed or reversed, and has not taken it back since.
    pub reversal_seen_at: Option<DateTime<Utc>>,
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
        "SELECT a.id, a.number, a.batch_id, a.reference, a.status, a.began_at, a.began_by, a.sends, a.gateway_id, a.fee, a.check_at,
                a.not_sent_reason, a.failure_code, a.failure_message, a.counted, a.doubt, a.late,
                a.reversal_seen_at, a.settled_at, p.currency
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
                batch: BatchId::from_uuid(row.batch_id),
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
                late: row.late,
                reversal_seen_at: row.reversal_seen_at,
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

/// Whether money may move again (another attempt, a refund): every attempt of the payout has been seen to have failed within
/// [`judge::FRESH`], and nothing else was seen since; or its money came back, or is the provider's debt. Else why not.
pub async fn proven_unpaid(
    pool: &Pool,
    payout: PayoutId,
    now: DateTime<Utc>,
) -> Result<std::result::Result<(), String>> {
    let facts = facts(&mut *pool.acquire().await?, payout).await?;
    Ok(judge::proofs(&facts, now).map(drop).map_err(|unproven| unproven.to_string()))
}

/// Every attempt of a payout, in order, as far as it matters for what may come next. Whoever acts on them has locked the payout.
pub(crate) async fn facts(conn: &mut PgConnection, payout: PayoutId) -> Result<Vec<AttemptFacts>> {
    let rows = sqlx::query!(
        r#"SELECT number, status, sends, failed_seen_at, doubt,
                  late AND EXISTS (SELECT FROM postings g WHERE g.attempt_id = a.id AND g.kind = 'overpaid') AS "excess!"
           FROM attempts a WHERE payout_id = $1 ORDER BY number"#,
        payout.uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AttemptFacts {
                number: attempt_number(row.number)?,
                status: row.status.parse().map_err(Error::Corrupt)?,
                sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
                failed_seen_at: row.failed_seen_at,
                doubt: row.doubt.as_deref().map(doubt).transpose()?,
                excess: row.excess,
            })
        })
        .collect()
}

/// A failed attempt whose failure the gateway does not confirm.
struct DoubtedAttempt {
    id: AttemptId,
    number: AttemptNumber,
    doubt: Doubt,
    since: DateTime<Utc>,
}

async fn doubted_attempts(conn: &mut PgConnection, payout: PayoutId) -> Result<Vec<DoubtedAttempt>> {
    let rows = sqlx::query!(
        r#"SELECT id, number, doubt AS "doubt!", doubted_at AS "since!" FROM attempts
           WHERE payout_id = $1 AND doubt IS NOT NULL ORDER BY number"#,
        payout.uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DoubtedAttempt {
                id: AttemptId::from_uuid(row.id),
                number: attempt_number(row.number)?,
                doubt: doubt(&row.doubt)?,
                since: row.since,
            })
        })
        .collect()
}

fn doubt(text: &str) -> Result<Doubt> {
    Doubt::parse(text).ok_or_else(|| Error::corrupt(format!("doubt {text}")))
}

/// Whether an attempt of the payout may still pay, has paid it, or was last seen to be anything but failed: then its money is not
/// given back. Whoever acts on it has locked the payout.
pub(crate) async fn may_pay(conn: &mut PgConnection, payout: PayoutId) -> Result<bool> {
    Ok(facts(conn, payout).await?.iter().any(|attempt| attempt.proof_unpaid().is_err()))
}

/// The payouts among these of which that is so, by one read; to tell what could be done about them, not to do it.
pub(crate) async fn that_may_pay(pool: &Pool, payouts: &[PayoutId]) -> Result<BTreeSet<PayoutId>> {
    let ids: Vec<uuid::Uuid> = payouts.iter().copied().map(PayoutId::uuid).collect();
    let rows = sqlx::query!(
        r#"SELECT payout_id, number, status, sends, failed_seen_at, doubt,
                  late AND EXISTS (SELECT FROM postings g WHERE g.attempt_id = a.id AND g.kind = 'overpaid') AS "excess!"
           FROM attempts a WHERE payout_id = ANY($1)"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    let mut found = BTreeSet::new();
    for row in rows {
        let attempt = AttemptFacts {
            number: attempt_number(row.number)?,
            status: row.status.parse().map_err(Error::Corrupt)?,
            sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
            failed_seen_at: row.failed_seen_at,
            doubt: row.doubt.as_deref().map(doubt).transpose()?,
            excess: row.excess,
        };
        if attempt.proof_unpaid().is_err() {
            found.insert(PayoutId::from_uuid(row.payout_id));
        }
    }
    Ok(found)
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
