//! What the gateway says about an attempt when it is asked: written down, judged by [`domain::judge`], and acted on, in one
//! transaction.

use chrono::{DateTime, Utc};
use domain::{
    AccountName, AttemptId, AttemptNumber, AttemptStatus, AttemptTerms, AttestationId, Observed, PayoutId,
    Progress, Reference, Sighting,
    judge::{self, Around, Beside, Consequence, OtherAttempt, Watched},
};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    add_evidence, fees, late, reverse,
    settle::{self, Paid, RetryPolicy},
};
use crate::{
    Error, Pool, Result, attestations,
    cases::{self, CaseKind, Finding},
    outbox,
    payouts::{self, Payout, attempt_number, money, progress_in},
    text::storable,
};

/// Where an observation came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Send,
    LookUp,
    Attestation,
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::LookUp => "look_up",
            Self::Attestation => "attestation",
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

/// An attempt's row while it is judged. Its payout is locked, and so is it.
pub(crate) struct Held {
    pub(super) id: AttemptId,
    pub(super) number: AttemptNumber,
    pub(crate) watched: Watched,
    pub(super) doubted_at: Option<DateTime<Utc>>,
}

/// Locks an attempt of a payout that is locked.
pub(crate) async fn hold(conn: &mut PgConnection, attempt: AttemptId) -> Result<Held> {
    let row = sqlx::query!(
        "SELECT number, status, sends, looks, send_deadline, gateway_id, doubted_at, reversal_seen_at FROM attempts
         WHERE id = $1 FOR NO KEY UPDATE",
        attempt.uuid()
    )
    .fetch_one(&mut *conn)
    .await?;
    // After the lock, so that it is seen as it is: what two people have attested, also what has been carried out already.
    let attested_unpaid_from = sqlx::query_scalar!(
        "SELECT min(effective_at) FROM attestations
         WHERE attempt_id = $1 AND status IN ('CONFIRMED', 'APPLIED') AND verdict = 'not_paid'",
        attempt.uuid()
    )
    .fetch_one(conn)
    .await?;
    Ok(Held {
        id: attempt,
        number: attempt_number(row.number)?,
        watched: Watched {
            status: row.status.parse().map_err(Error::Corrupt)?,
            sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
            looks: u32::try_from(row.looks).map_err(Error::corrupt)?,
            send_deadline: row.send_deadline,
            has_gateway_id: row.gateway_id.is_some(),
            attested_unpaid_from,
            reversal_seen_at: row.reversal_seen_at,
        },
        doubted_at: row.doubted_at,
    })
}

/// The payout around one of its attempts.
pub(super) async fn around(conn: &mut PgConnection, payout: &Payout, attempt: AttemptId) -> Result<Around> {
    let rows = sqlx::query!(
        r#"SELECT status, sends,
                  late AND EXISTS (SELECT FROM postings g WHERE g.attempt_id = a.id AND g.kind = 'overpaid') AS "excess!"
           FROM attempts a WHERE payout_id = $1 AND id <> $2"#,
        payout.id.uuid(),
        attempt.uuid(),
    )
    .fetch_all(conn)
    .await?;
    let others: Result<Vec<Beside>> = rows
        .into_iter()
        .map(|row| {
            let status = row.status.parse().map_err(Error::Corrupt)?;
            Ok(Beside {
                status,
                sends: u32::try_from(row.sends).map_err(Error::corrupt)?,
                excess: row.excess,
            })
        })
        .collect();
    let other = OtherAttempt::among(others?);
    Ok(Around { payout: payout.status, refunded: payout.refunded_at.is_some(), other })
}

/// Writes down one look and what follows from it, and answers what comes next. Seeing the same again only refreshes it.
pub async fn record_observation(
    pool: &Pool,
    payout: PayoutId,
    place: &TermsAndPlace,
    observed: &Observed,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    record(&mut tx, payout, place, observed, policy, now).await?;
    let progress = progress_in(&mut tx, payout, now).await?;
    tx.commit().await?;
    Ok(progress)
}

/// The same by somebody else than the payout's own script, which is told in the same transaction where the look has ended what
/// it waits for.
pub async fn record_observation_and_wake(
    pool: &Pool,
    payout: PayoutId,
    place: &TermsAndPlace,
    observed: &Observed,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = pool.begin().await?;
    match record(&mut tx, payout, place, observed, policy, now).await? {
        Consequence::Succeed | Consequence::Fail(_) => {
            outbox::signal(&mut tx, payout, "transfer_update", Some(place.number), now).await?;
        }
        // A late success tells it itself; the rest leaves the script where it is, or finds it at its end.
        Consequence::Late(_)
        | Consequence::LookAgain { .. }
        | Consequence::MayResend
        | Consequence::ConfirmFailure
        | Consequence::Doubt(_)
        | Consequence::ReversalSeen
        | Consequence::Reverse
        | Consequence::NotReversed
        | Consequence::Nothing => {}
    }
    tx.commit().await?;
    Ok(())
}

async fn record(
    tx: &mut PgConnection,
    payout: PayoutId,
    place: &TermsAndPlace,
    observed: &Observed,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<Consequence> {
    let row =
        payouts::lock(tx, payout).await?.ok_or_else(|| Error::corrupt(format!("no payout {payout}")))?;
    let held = hold(tx, place.attempt).await?;
    let around = around(tx, &row, place.attempt).await?;
    let means = judge::look(&held.watched, around, &place.terms, observed, policy.webhook_timeout, now);
    let seen = Seen::new(observed, &place.terms);
    let (verdict, detail) = seen.evidence(observed, &held);
    add_evidence(tx, place.attempt, Source::LookUp, verdict, detail, now).await?;
    if let Some(field) = seen.disagrees {
        disagrees(tx, &row, &held, field, now).await?;
    }
    if let Some(sighting) = seen.sighting {
        remember(tx, &held, sighting).await?;
        believed_before_people(tx, payout, &held, observed, now).await?;
    }
    let paid = seen.sighting.map_or(Paid::ATTESTED, Paid::from);
    carry_out(tx, &row, &held, &means, paid, policy, now).await?;
    // Last: whoever books the transfer itself has locked the provider's accounts before the marketplace's own.
    if seen.sighting.is_some() {
        fees::book(tx, payout, place.attempt, observed, now).await?;
    }
    Ok(means)
}

/// Two finance admins have attested that it paid. The payout is locked; nothing happens where the outcome is known already.
pub(crate) async fn attested_paid(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptId,
    attestation: AttestationId,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    let held = hold(conn, attempt).await?;
    let around = around(conn, payout, attempt).await?;
    let means = judge::attested_paid(&held.watched, around);
    let detail = json!({ "attestation": attestation });
    add_evidence(conn, attempt, Source::Attestation, "succeeded", detail, now).await?;
    carry_out(conn, payout, &held, &means, Paid::ATTESTED, policy, now).await
}

/// Does what was judged.
async fn carry_out(
    conn: &mut PgConnection,
    payout: &Payout,
    held: &Held,
    means: &Consequence,
    paid: Paid<'_>,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
) -> Result<()> {
    match means {
        Consequence::Succeed => settle::succeed(conn, payout, held, paid, now).await,
        Consequence::Fail(failure) => settle::fail(conn, payout, held, failure, policy, now).await,
        Consequence::LookAgain { becomes, check_at } => {
            look_again(conn, held.id, *becomes, *check_at, now).await
        }
        Consequence::MayResend => may_resend(conn, held.id, now).await,
        Consequence::ConfirmFailure => {
            settle::seen_failed_again(conn, held, now).await?;
            // People's word, where that is what it took, has done its work.
            if held.watched.attested_unpaid_from.is_some_and(|from| from <= now) {
                attestations::attempt_ended(conn, held.id, false, now).await?;
            }
            Ok(())
        }
        Consequence::Doubt(doubt) => settle::doubt(conn, held.id, *doubt, now).await,
        Consequence::Late(means) => late::succeed_late(conn, payout, held, paid, *means, now).await,
        Consequence::ReversalSeen => reverse::seen(conn, payout, held, now).await,
        Consequence::Reverse => reverse::reverse(conn, payout, held, now).await,
        Consequence::NotReversed => reverse::taken_back(conn, payout, held, now).await,
        Consequence::Nothing => Ok(()),
    }
}

/// What an answer shows, apart from what it means.
struct Seen<'a> {
    /// The gateway's record, where it agrees with what was asked for.
    sighting: Option<&'a Sighting>,
    /// The field on which it does not.
    disagrees: Option<&'static str>,
}

impl<'a> Seen<'a> {
    fn new(observed: &'a Observed, terms: &AttemptTerms) -> Self {
        let sighting = match observed {
            Observed::InFlight(sighting)
            | Observed::Succeeded(sighting)
            | Observed::Failed(sighting, _)
            | Observed::Reversed(sighting) => Some(sighting),
            Observed::NotFound | Observed::Unrecognised { .. } => None,
        };
        let disagrees = sighting.and_then(|sighting| sighting.disagreement(terms));
        Self { sighting: sighting.filter(|_| disagrees.is_none()), disagrees }
    }

    /// As it is stored: a word, and the gateway's own.
    fn evidence(&self, observed: &Observed, held: &Held) -> (&'static str, serde_json::Value) {
        if let Some(field) = self.disagrees {
            return ("disagrees", json!({ "field": field }));
        }
        let had_paid = match held.watched.status {
            AttemptStatus::Succeeded | AttemptStatus::Reversed => true,
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Failed => false,
        };
        let settled_otherwise =
            held.watched.status == AttemptStatus::Failed || held.watched.status == AttemptStatus::Reversed;
        match observed {
            Observed::InFlight(sighting) => ("in_flight", json!({ "gateway_id": sighting.gateway_id })),
            Observed::Succeeded(sighting) => {
                let detail = json!({ "gateway_id": sighting.gateway_id, "fee": sighting.fee });
                (if settled_otherwise { "late_success" } else { "succeeded" }, detail)
            }
            Observed::Failed(sighting, failure) => {
                let detail = json!({ "gateway_id": sighting.gateway_id, "code": failure.code, "message": failure.message });
                (if had_paid { "failed_after_success" } else { "failed" }, detail)
            }
            Observed::Reversed(sighting) => ("reversed", json!({ "gateway_id": sighting.gateway_id })),
            Observed::NotFound => ("not_found", json!({})),
            Observed::Unrecognised { said } => ("unrecognised", json!({ "said": said })),
        }
    }
}

/// A record under our reference that is not what we asked for: evidence of nothing, and somebody must look.
async fn disagrees(
    conn: &mut PgConnection,
    payout: &Payout,
    held: &Held,
    field: &'static str,
    now: DateTime<Utc>,
) -> Result<()> {
    tracing::error!(payout.id = %payout.id, "the gateway's record of payout {} disagrees on the {field}", payout.id);
    let number = held.number.get();
    let summary =
        format!("the gateway's record of attempt {number} of payout {} disagrees on the {field}", payout.id);
    let finding = Finding {
        kind: CaseKind::Contradiction,
        subject: cases::about_attempt(held.id),
        payout: Some(payout.id),
        provider: Some(payout.provider),
        amount: Some(payout.amount),
        summary: &summary,
        source: "gateway",
        detail: json!({ "disagrees_on": field }),
    };
    cases::open(conn, &finding, now).await.map(drop)
}

/// The gateway's own word goes before that of people: on its way or paid withdraws what they said of it.
async fn believed_before_people(
    conn: &mut PgConnection,
    payout: PayoutId,
    held: &Held,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Result<()> {
    match observed {
        Observed::InFlight(_) | Observed::Succeeded(_) | Observed::Reversed(_) => {}
        Observed::Failed(_, _) | Observed::NotFound | Observed::Unrecognised { .. } => return Ok(()),
    }
    if held.watched.status == AttemptStatus::Succeeded || held.watched.status == AttemptStatus::Reversed {
        return Ok(());
    }
    attestations::contradicted(conn, payout, held.id, now).await?;
    // Also what has been carried out: it must not confirm the failure once more.
    sqlx::query!(
        "UPDATE attestations SET status = 'WITHDRAWN', ended_at = $2
         WHERE attempt_id = $1 AND status = 'APPLIED' AND verdict = 'not_paid'",
        held.id.uuid(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The gateway does not know it, and no send can be on its way.
async fn may_resend(conn: &mut PgConnection, attempt: AttemptId, now: DateTime<Utc>) -> Result<()> {
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

/// No final answer: ask again. What was no absence withdraws the leave to send again, if there was one.
async fn look_again(
    conn: &mut PgConnection,
    attempt: AttemptId,
    becomes: Option<AttemptStatus>,
    check_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE attempts SET status = coalesce($2, status), looks = looks + 1, check_at = $3, resend = resend AND $2 IS NULL,
                updated_at = $4
         WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')",
        attempt.uuid(),
        becomes.map(AttemptStatus::as_str),
        check_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The gateway's id for it, as far as it is news.
async fn remember(conn: &mut PgConnection, held: &Held, sighting: &Sighting) -> Result<()> {
    if held.watched.has_gateway_id {
        return Ok(());
    }
    let gateway_id = storable(&sighting.gateway_id);
    sqlx::query!(
        "UPDATE attempts SET gateway_id = $2 WHERE id = $1 AND gateway_id IS NULL",
        held.id.uuid(),
        gateway_id.as_ref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
