//! What the gateway says about an attempt when it is asked: written down, and acted on, in one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountName, AttemptId, AttemptNumber, AttemptStatus, AttemptTerms, Doubt, Observed, PayoutId, Progress,
    Reference, Sighting, poll_delay,
};
use serde_json::json;
use sqlx::PgConnection;

use super::{add_evidence, settle};
use crate::{
    Error, Pool, Result,
    payouts::{self, Payout, attempt_number, money, progress_in},
    text::storable,
};

/// Where an observation came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Send,
    LookUp,
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::LookUp => "look_up",
        }
    }
}

/// What to ask the gateway about, and what its answer must agree with.
#[derive(Debug, Clone)]
pub struct TermsAndPlace {
    pub attempt: AttemptId,
    pub number: AttemptNumber,
    pub terms: AttemptTerms,
    pub gateway_id: Option<String>,
    pub status: AttemptStatus,
}

/// The terms of one attempt; `None` if there is none of this number.
pub async fn terms(pool: &Pool, payout: PayoutId, number: AttemptNumber) -> Result<Option<TermsAndPlace>> {
    Ok(all_terms(pool, payout).await?.into_iter().find(|place| place.number == number))
}

/// The terms of every attempt that has failed, in order: what must be looked at again before another try or a refund.
pub async fn terms_of_earlier(pool: &Pool, payout: PayoutId) -> Result<Vec<TermsAndPlace>> {
    let mut places = all_terms(pool, payout).await?;
    places.retain(|place| place.status == AttemptStatus::Failed);
    Ok(places)
}

async fn all_terms(pool: &Pool, payout: PayoutId) -> Result<Vec<TermsAndPlace>> {
    let rows = sqlx::query!(
        "SELECT a.id, a.number, a.reference, a.gateway_id, a.status, p.amount, p.currency, b.bank_code, b.account_number, b.account_name
         FROM attempts a JOIN payouts p ON p.id = a.payout_id JOIN bank_accounts b ON b.id = p.bank_account_id
         WHERE a.payout_id = $1 ORDER BY a.number",
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TermsAndPlace {
                attempt: AttemptId::from_uuid(row.id),
                number: attempt_number(row.number)?,
                gateway_id: row.gateway_id,
                status: row.status.parse().map_err(Error::Corrupt)?,
                terms: AttemptTerms {
                    reference: Reference::from_stored(row.reference),
                    amount: money(row.amount, &row.currency)?,
                    bank: row.bank_code.parse().map_err(Error::corrupt)?,
                    account: row.account_number.parse().map_err(Error::corrupt)?,
                    beneficiary: AccountName::new(&row.account_name),
                    narration: String::new(),
                },
            })
        })
        .collect()
}

/// The attempt's row while it is judged.
struct Held {
    status: AttemptStatus,
    looks: u32,
    send_deadline: Option<DateTime<Utc>>,
    gateway_id: Option<String>,
}

/// Writes down one look and what follows from it, and answers what comes next. Seeing the same again only refreshes it.
pub async fn record_observation(
    pool: &Pool,
    payout: PayoutId,
    place: &TermsAndPlace,
    observed: &Observed,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let row =
        payouts::lock(&mut tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let held = lock_attempt(&mut tx, place.attempt).await?;
    let (verdict, detail) = judge(&mut tx, &row, place, &held, observed, policy, now).await?;
    add_evidence(&mut tx, place.attempt, Source::LookUp, verdict, detail, now).await?;
    let progress = progress_in(&mut tx, payout, now).await?;
    tx.commit().await?;
    Ok(progress)
}

async fn lock_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Held> {
    let row = sqlx::query!(
        "SELECT status, looks, send_deadline, gateway_id FROM attempts WHERE id = $1 FOR NO KEY UPDATE",
        attempt.uuid()
    )
    .fetch_one(conn)
    .await?;
    Ok(Held {
        status: row.status.parse().map_err(Error::Corrupt)?,
        looks: u32::try_from(row.looks).map_err(Error::corrupt)?,
        send_deadline: row.send_deadline,
        gateway_id: row.gateway_id,
    })
}

type Written = (&'static str, serde_json::Value);

async fn judge(
    conn: &mut PgConnection,
    payout: &Payout,
    place: &TermsAndPlace,
    held: &Held,
    observed: &Observed,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Written> {
    let sighting = match observed {
        Observed::InFlight(sighting)
        | Observed::Succeeded(sighting)
        | Observed::Failed(sighting, _)
        | Observed::Reversed(sighting) => Some(sighting),
        Observed::NotFound | Observed::Unrecognised { .. } => None,
    };
    // Evidence counts only where it agrees with what was asked for.
    if let Some(field) = sighting.and_then(|sighting| sighting.disagreement(&place.terms)) {
        tracing::error!(payout.id = %payout.id, "the gateway's record of payout {} disagrees on the {field}", payout.id);
        not_told(conn, place.attempt, held, policy, now).await?;
        return Ok(("disagrees", json!({ "field": field })));
    }
    match observed {
        Observed::InFlight(sighting) => {
            in_flight(conn, place.attempt, held, sighting, policy, now).await?;
            Ok(("in_flight", json!({ "gateway_id": sighting.gateway_id })))
        }
        Observed::Succeeded(sighting) => {
            let detail = json!({ "gateway_id": sighting.gateway_id, "fee": sighting.fee });
            match held.status {
                AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                    settle::succeed(conn, payout, place.attempt, sighting, now).await?;
                    Ok(("succeeded", detail))
                }
                AttemptStatus::Succeeded => Ok(("succeeded", detail)),
                AttemptStatus::Failed => {
                    settle::paid_after_all(conn, payout, place.attempt, now).await?;
                    Ok(("late_success", detail))
                }
                AttemptStatus::Reversed => Ok(("late_success", detail)),
            }
        }
        Observed::Failed(sighting, failure) => {
            let detail = json!({ "gateway_id": sighting.gateway_id, "code": failure.code, "message": failure.message });
            match held.status {
                AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
                    remember_id(conn, place.attempt, sighting).await?;
                    settle::fail(conn, payout, place.attempt, failure, policy, now).await?;
                    Ok(("failed", detail))
                }
                AttemptStatus::Failed => {
                    remember_id(conn, place.attempt, sighting).await?;
                    settle::seen_failed_again(conn, place.attempt, now).await?;
                    Ok(("failed", detail))
                }
                AttemptStatus::Succeeded | AttemptStatus::Reversed => {
                    tracing::error!(payout.id = %payout.id, "payout {} was paid and the gateway now says that it failed", payout.id);
                    Ok(("failed_after_success", detail))
                }
            }
        }
        Observed::Reversed(sighting) => {
            reversed(conn, payout, place.attempt, held, sighting, policy, now).await?;
            Ok(("reversed", json!({ "gateway_id": sighting.gateway_id })))
        }
        Observed::NotFound => {
            not_found(conn, place.attempt, held, policy, now).await?;
            Ok(("not_found", json!({})))
        }
        Observed::Unrecognised { said } => {
            not_told(conn, place.attempt, held, policy, now).await?;
            Ok(("unrecognised", json!({ "said": said })))
        }
    }
}

/// The gateway is at it.
async fn in_flight(
    conn: &mut PgConnection,
    attempt: AttemptId,
    held: &Held,
    sighting: &Sighting,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    match held.status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
            let becomes = Some(AttemptStatus::Accepted);
            look_again(conn, attempt, held, becomes, Some(sighting), policy, now).await
        }
        AttemptStatus::Failed => {
            remember_id(conn, attempt, sighting).await?;
            settle::doubt(conn, attempt, Doubt::InFlight, now).await.map(drop)
        }
        AttemptStatus::Succeeded | AttemptStatus::Reversed => Ok(()),
    }
}

/// A word that the gateway's own documents do not have for transfers: the money moved, and perhaps back. A person looks.
async fn reversed(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    held: &Held,
    sighting: &Sighting,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    match held.status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
            let becomes = Some(AttemptStatus::Unknown);
            look_again(conn, attempt, held, becomes, Some(sighting), policy, now).await
        }
        AttemptStatus::Failed => settle::paid_after_all(conn, payout, attempt, now).await,
        AttemptStatus::Succeeded | AttemptStatus::Reversed => Ok(()),
    }
}

/// An answer that tells nothing, but is no absence either: the same attempt is not sent again on it.
async fn not_told(
    conn: &mut PgConnection,
    attempt: AttemptId,
    held: &Held,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    match held.status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => {
            look_again(conn, attempt, held, Some(AttemptStatus::Unknown), None, policy, now).await
        }
        AttemptStatus::Failed => settle::doubt(conn, attempt, Doubt::Unconfirmed, now).await.map(drop),
        AttemptStatus::Succeeded | AttemptStatus::Reversed => Ok(()),
    }
}

/// Absence never ends an attempt: once the last send can no longer be on its way, the same attempt may be sent again. One that
/// the gateway has told an id for is only looked at again.
async fn not_found(
    conn: &mut PgConnection,
    attempt: AttemptId,
    held: &Held,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    match held.status {
        // A declined send leaves no record behind: not finding one is what was to be expected. A record that was there and is
        // gone confirms nothing.
        AttemptStatus::Failed if held.gateway_id.is_none() => {
            settle::seen_failed_again(conn, attempt, now).await
        }
        AttemptStatus::Failed => settle::doubt(conn, attempt, Doubt::Unconfirmed, now).await.map(drop),
        AttemptStatus::Submitting | AttemptStatus::Unknown => {
            let may_be_on_its_way = held.send_deadline.is_some_and(|deadline| now < deadline);
            if may_be_on_its_way || held.gateway_id.is_some() {
                look_again(conn, attempt, held, None, None, policy, now).await
            } else {
                sqlx::query!(
                    "UPDATE attempts SET status = 'UNKNOWN', resend = true, looks = looks + 1, updated_at = $2
                     WHERE id = $1 AND status IN ('SUBMITTING', 'UNKNOWN')",
                    attempt.uuid(),
                    now,
                )
                .execute(conn)
                .await?;
                Ok(())
            }
        }
        AttemptStatus::Accepted => look_again(conn, attempt, held, None, None, policy, now).await,
        AttemptStatus::Succeeded | AttemptStatus::Reversed => Ok(()),
    }
}

/// No final answer: ask again, later each time.
async fn look_again(
    conn: &mut PgConnection,
    attempt: AttemptId,
    held: &Held,
    becomes: Option<AttemptStatus>,
    sighting: Option<&Sighting>,
    policy: &settle::RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    let wait: TimeDelta = poll_delay(policy.webhook_timeout, held.looks);
    let after_wait = now.checked_add_signed(wait).unwrap_or(now);
    // What was not found may be sent again once its send can no longer be on its way: that moment is not slept through.
    let check_at = match (becomes, held.send_deadline) {
        (None, Some(deadline)) if deadline > now => after_wait.min(deadline),
        (_, _) => after_wait,
    };
    let gateway_id = sighting.map(|sighting| storable(&sighting.gateway_id));
    // Whatever the gateway said, it was no absence: the leave to send again, if there was one, is withdrawn.
    sqlx::query!(
        "UPDATE attempts SET status = coalesce($2, status), looks = looks + 1, check_at = $3,
                gateway_id = coalesce($4, gateway_id), resend = resend AND $2 IS NULL, updated_at = $5
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        becomes.map(AttemptStatus::as_str),
        check_at,
        gateway_id.as_deref(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn remember_id(conn: &mut PgConnection, attempt: AttemptId, sighting: &Sighting) -> Result<()> {
    let gateway_id = storable(&sighting.gateway_id);
    sqlx::query!(
        "UPDATE attempts SET gateway_id = coalesce(gateway_id, $2), fee = coalesce($3, fee) WHERE id = $1",
        attempt.uuid(),
        gateway_id.as_ref(),
        sighting.fee.map(domain::Money::amount),
    )
    .execute(conn)
    .await?;
    Ok(())
}
