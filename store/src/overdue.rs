//! What has waited too long for the gateway to tell, found in the database whatever the workflows do: a payout whose gateway
//! cannot be reached is found as well as one whose run is stuck.
//!
//! An attempt without outcome is told about after [`ALERT_AFTER`], once, and becomes a case after [`CASE_AFTER`]. A payout that
//! waits for a failure nobody confirms goes to a person after [`DOUBT_GOES_TO_A_PERSON_AFTER`], with a case. Nothing here ends
//! an attempt: time proves nothing. Cases end in the transaction in which their cause does.
//!
//! Costs three reads of partial indexes a round, and one short transaction for each case that is opened.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttemptId, AttemptNumber, Next, PayoutId, judge::DOUBT_GOES_TO_A_PERSON_AFTER};
use serde_json::json;

use crate::{
    Error, Pool, Result, attempts,
    cases::{self, CaseKind, Finding},
    notifications::{self, AdminEvent},
    payouts::{self, Payout, attempt_number},
};

/// A transfer is usually told about within seconds.
pub const ALERT_AFTER: TimeDelta = TimeDelta::minutes(15);
/// From then on it is a person's to ask the bank or the gateway's support.
pub const CASE_AFTER: TimeDelta = TimeDelta::hours(24);
/// Rows of one kind that one round takes on; the next round takes the rest.
const MOST_AT_ONCE: i64 = 200;

/// An attempt that was sent and has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    pub payout: PayoutId,
    pub attempt: AttemptNumber,
    /// When it was begun.
    pub began_at: DateTime<Utc>,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Without outcome for [`ALERT_AFTER`], and not told about before.
    pub alerts: Vec<Silent>,
    /// Cases opened about attempts without outcome.
    pub unknown: u32,
    /// Payouts whose earlier failure nobody confirmed.
    pub doubted: u32,
}

/// One round.
pub async fn look(pool: &Pool, now: DateTime<Utc>) -> Result<Round> {
    Ok(Round {
        alerts: alert(pool, now).await?,
        unknown: open_unknown(pool, now).await?,
        doubted: give_doubted_to_people(pool, now).await?,
    })
}

/// Each attempt is answered once. One that waited before it was sent counts from what was first seen of it.
async fn alert(pool: &Pool, now: DateTime<Utc>) -> Result<Vec<Silent>> {
    let mut tx = pool.begin().await?;
    let rows = sqlx::query!(
        "UPDATE attempts SET alerted_at = $1 WHERE id IN (
             SELECT a.id FROM attempts a
             WHERE a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN') AND a.sends > 0 AND a.began_at <= $2 AND a.alerted_at IS NULL
               AND coalesce((SELECT min(e.observed_at) FROM evidence e WHERE e.attempt_id = a.id AND e.verdict <> 'not_sent'),
                            a.send_deadline, a.began_at) <= $2
             ORDER BY a.began_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
         RETURNING payout_id, number, began_at",
        now,
        earlier(now, ALERT_AFTER),
        MOST_AT_ONCE,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut silent = Vec::new();
    for row in rows {
        let (payout, attempt) = (PayoutId::from_uuid(row.payout_id), attempt_number(row.number)?);
        let words = format!(
            "Attempt {} of payout {payout} was sent and has no outcome yet. It is looked at again and again; after a day it is a case.",
            row.number
        );
        let key = format!("payout:{payout}:attempt:{}", row.number);
        notifications::tell_admins(&mut tx, AdminEvent::AttemptUnknown, &key, &words, now).await?;
        silent.push(Silent { payout, attempt, began_at: row.began_at });
    }
    tx.commit().await?;
    Ok(silent)
}

/// One case for each attempt; a case that a person closed is opened again a day later if there is still no outcome.
async fn open_unknown(pool: &Pool, now: DateTime<Utc>) -> Result<u32> {
    let due = earlier(now, CASE_AFTER);
    let rows = sqlx::query!(
        "SELECT a.id, a.payout_id FROM attempts a
         WHERE a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN') AND a.sends > 0 AND a.began_at <= $1
           AND coalesce((SELECT min(e.observed_at) FROM evidence e WHERE e.attempt_id = a.id AND e.verdict <> 'not_sent'),
                        a.send_deadline, a.began_at) <= $1
           AND NOT EXISTS (SELECT FROM cases c WHERE c.kind = 'unknown_too_long' AND c.payout_id = a.payout_id
                             AND c.subject = 'attempt:' || a.id AND (c.status = 'OPEN' OR c.closed_at > $1))
         ORDER BY a.began_at LIMIT $2",
        due,
        MOST_AT_ONCE,
    )
    .fetch_all(pool)
    .await?;
    let mut opened: u32 = 0;
    for row in rows {
        let (payout, attempt) = (PayoutId::from_uuid(row.payout_id), AttemptId::from_uuid(row.id));
        if open_unknown_case(pool, payout, attempt, now).await? {
            opened = opened.saturating_add(1);
        }
    }
    Ok(opened)
}

async fn open_unknown_case(
    pool: &Pool,
    payout: PayoutId,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let payout = locked(&mut tx, payout).await?;
    let held = sqlx::query!(
        "SELECT number, status, sends, looks, gateway_id IS NOT NULL AS named, began_at FROM attempts
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN') FOR NO KEY UPDATE",
        attempt.uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    // Its outcome has come meanwhile.
    let Some(held) = held else { return Ok(false) };
    let finding = Finding {
        kind: CaseKind::UnknownTooLong,
        subject: cases::about_attempt(attempt),
        payout: Some(payout.id),
        provider: Some(payout.provider),
        amount: Some(payout.amount),
        summary: "Nobody could tell for a day whether this transfer was paid. Ask the gateway's support or the bank, then attest it.",
        source: "system",
        detail: json!({
            "attempt": held.number, "status": held.status, "sends": held.sends, "looks": held.looks,
            "known_to_the_gateway": held.named, "began_at": held.began_at,
        }),
    };
    cases::open(&mut tx, &finding, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Payouts that would try again if only the gateway said once more that an earlier attempt failed. Their workflow gives them to
/// a person after a day; where it cannot look any more, this does.
async fn give_doubted_to_people(pool: &Pool, now: DateTime<Utc>) -> Result<u32> {
    let rows = sqlx::query!(
        "SELECT DISTINCT p.id FROM attempts a JOIN payouts p ON p.id = a.payout_id
         WHERE a.doubt IS NOT NULL AND a.doubted_at <= $1
           AND (p.status = 'PROCESSING' OR (p.status = 'FAILED' AND p.next_attempt_at <= $2))
           AND NOT EXISTS (SELECT FROM attempts o WHERE o.payout_id = p.id AND o.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN'))
         LIMIT $3",
        earlier(now, DOUBT_GOES_TO_A_PERSON_AFTER),
        now,
        MOST_AT_ONCE,
    )
    .fetch_all(pool)
    .await?;
    let mut given: u32 = 0;
    for row in rows {
        let progress = attempts::after_looking(pool, PayoutId::from_uuid(row.id), now).await?;
        if progress.next == Next::AwaitAttention {
            given = given.saturating_add(1);
        }
    }
    Ok(given)
}

async fn locked(conn: &mut sqlx::PgConnection, id: PayoutId) -> Result<Payout> {
    payouts::lock(conn, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))
}

fn earlier(now: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(by).unwrap_or(now)
}
