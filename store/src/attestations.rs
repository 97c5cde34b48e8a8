//! The human exit from an outcome that the gateway does not tell: what the bank or the gateway's support said, in a document,
//! proposed by one finance admin and confirmed by another.
//!
//! `paid` counts at once. `not paid` cools for [`ATTESTATION_COOLS_FOR`]; the first look after that which does not contradict it
//! ends the attempt. While it is confirmed nothing is sent again, and the gateway's own word withdraws it: what it sees in
//! flight or paid is believed before two people. Lock order: payout, attempt, attestation.

use chrono::{DateTime, Utc};
use domain::{
    AttemptId, AttemptNumber, AttemptStatus, AttestationId, PayoutId, judge::ATTESTATION_COOLS_FOR,
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Actor, Error, Pool, Result,
    attempts::{self, RetryPolicy},
    audit, outbox,
    payouts::{self, Payout, attempt_number},
    text::storable,
};

/// What two people say about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Paid,
    NotPaid,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::NotPaid => "not_paid",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Paid, Self::NotPaid].into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// Where an attestation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waits for a second person.
    Proposed,
    /// Two people have said so; `not paid` cools.
    Confirmed,
    /// It has ended the attempt.
    Applied,
    /// Taken back by a person, or contradicted by the gateway.
    Withdrawn,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Confirmed => "CONFIRMED",
            Self::Applied => "APPLIED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Proposed, Self::Confirmed, Self::Applied, Self::Withdrawn]
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| Error::corrupt(format!("attestation {text}")))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    pub id: AttestationId,
    pub attempt: AttemptNumber,
    pub verdict: Verdict,
    /// Where the document can be found, and what it says.
    pub document: String,
    pub reason: String,
    pub stage: Stage,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<DateTime<Utc>>,
    /// `not paid` may end the attempt from this moment.
    pub effective_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// What one finance admin says.
#[derive(Debug, Clone)]
pub struct NewAttestation<'a> {
    pub payout: PayoutId,
    pub attempt: AttemptNumber,
    pub verdict: Verdict,
    /// 1 to 500 characters.
    pub document: &'a str,
    /// 1 to 1000 characters.
    pub reason: &'a str,
}

/// What came of proposing, confirming or withdrawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attested {
    Done(Box<Attestation>),
    /// The very same was done before; nothing changed.
    Again(Box<Attestation>),
    /// There is no such attempt.
    NotFound,
    /// Its outcome is known, or it was not sent, or a send may be on its way: there is nothing to attest.
    NotAttestable {
        why: &'static str,
    },
    /// Another attestation about this attempt is open.
    OtherOpen(Box<Attestation>),
    /// None is open.
    NoneOpen,
    /// Who proposed it cannot confirm it.
    SamePerson,
}

struct Row {
    id: Uuid,
    number: i16,
    verdict: String,
    document: String,
    reason: String,
    status: String,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
    confirmed_by: Option<String>,
    confirmed_at: Option<DateTime<Utc>>,
    effective_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Attestation {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let unknown = || Error::corrupt(format!("attestation of {}", row.verdict));
        Ok(Self {
            id: AttestationId::from_uuid(row.id),
            attempt: attempt_number(row.number)?,
            verdict: Verdict::parse(&row.verdict).ok_or_else(unknown)?,
            document: row.document,
            reason: row.reason,
            stage: Stage::parse(&row.status)?,
            proposed_by: row.proposed_by,
            proposed_at: row.proposed_at,
            confirmed_by: row.confirmed_by,
            confirmed_at: row.confirmed_at,
            effective_at: row.effective_at,
            ended_at: row.ended_at,
        })
    }
}

/// Every attestation about a payout's attempts, in order.
pub async fn of_payout(pool: &Pool, payout: PayoutId) -> Result<Vec<Attestation>> {
    sqlx::query_as!(
        Row,
        "SELECT t.id, a.number, t.verdict, t.document, t.reason, t.status, t.proposed_by, t.proposed_at, t.confirmed_by,
                t.confirmed_at, t.effective_at, t.ended_at
         FROM attestations t JOIN attempts a ON a.id = t.attempt_id WHERE a.payout_id = $1 ORDER BY a.number, t.proposed_at, t.id",
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Attestation::try_from)
    .collect()
}

/// Why each attempt of a payout cannot be attested now, where it cannot: what [`propose`] would say.
pub(crate) async fn attestable(
    pool: &Pool,
    payout: PayoutId,
    now: DateTime<Utc>,
) -> Result<Vec<(AttemptNumber, Option<&'static str>)>> {
    let rows = sqlx::query!(
        r#"SELECT id, number, status, sends, send_deadline, doubt IS NOT NULL AS "doubted!" FROM attempts
           WHERE payout_id = $1 ORDER BY number"#,
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let attempt = Held {
                id: AttemptId::from_uuid(row.id),
                status: row.status.parse().map_err(Error::Corrupt)?,
                sends: row.sends,
                send_deadline: row.send_deadline,
                doubted: row.doubted,
            };
            Ok((attempt_number(row.number)?, attempt.not_attestable(now)))
        })
        .collect()
}

/// One finance admin says how an attempt ended. Saying the very same again changes nothing.
pub async fn propose(
    pool: &Pool,
    new: &NewAttestation<'_>,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Attested> {
    let mut tx = pool.begin().await?;
    let Some((_, attempt)) = lock(&mut tx, new.payout, new.attempt).await? else {
        return Ok(Attested::NotFound);
    };
    let (document, reason) = (storable(new.document), storable(new.reason));
    if let Some(open) = open_of(&mut tx, attempt.id).await? {
        let same = open.verdict == new.verdict
            && open.proposed_by == admin.as_str()
            && open.document == document
            && open.reason == reason;
        let open = Box::new(open);
        return Ok(if same { Attested::Again(open) } else { Attested::OtherOpen(open) });
    }
    if let Some(why) = attempt.not_attestable(now) {
        return Ok(Attested::NotAttestable { why });
    }
    let id = AttestationId::mint();
    sqlx::query!(
        "INSERT INTO attestations (id, attempt_id, verdict, document, reason, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.uuid(),
        attempt.id.uuid(),
        new.verdict.as_str(),
        document.as_ref(),
        reason.as_ref(),
        admin.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "attempt": new.attempt, "verdict": new.verdict.as_str(), "document": document });
    audit::record(&mut tx, admin, "attestation_proposed", new.payout, Some(new.reason), detail, now).await?;
    finish(tx, id).await
}

/// Another finance admin says so too. `paid` ends the attempt in this transaction; `not paid` begins to cool.
pub async fn confirm(
    pool: &Pool,
    payout: PayoutId,
    number: AttemptNumber,
    policy: &RetryPolicy,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Attested> {
    let mut tx = pool.begin().await?;
    let Some((row, attempt)) = lock(&mut tx, payout, number).await? else { return Ok(Attested::NotFound) };
    let Some(open) = open_of(&mut tx, attempt.id).await? else {
        return Ok(match last_of(&mut tx, attempt.id).await? {
            Some(last)
                if last.stage == Stage::Applied && last.confirmed_by.as_deref() == Some(admin.as_str()) =>
            {
                Attested::Again(Box::new(last))
            }
            Some(_) | None => Attested::NoneOpen,
        });
    };
    if open.stage == Stage::Confirmed {
        let mine = open.confirmed_by.as_deref() == Some(admin.as_str());
        let open = Box::new(open);
        return Ok(if mine { Attested::Again(open) } else { Attested::OtherOpen(open) });
    }
    if open.proposed_by == admin.as_str() {
        return Ok(Attested::SamePerson);
    }
    if let Some(why) = attempt.not_attestable(now) {
        return Ok(Attested::NotAttestable { why });
    }
    let effective_at = match open.verdict {
        Verdict::Paid => now,
        Verdict::NotPaid => now.checked_add_signed(ATTESTATION_COOLS_FOR).unwrap_or(now),
    };
    let confirmed = sqlx::query!(
        "UPDATE attestations SET status = 'CONFIRMED', confirmed_by = $2, confirmed_at = $3, effective_at = $4
         WHERE id = $1 AND status = 'PROPOSED'",
        open.id.uuid(),
        admin.as_str(),
        now,
        effective_at,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    payouts::moved_one(confirmed, payout)?;
    let detail = json!({ "attempt": number, "verdict": open.verdict.as_str(), "effective_at": effective_at });
    audit::record(&mut tx, admin, "attestation_confirmed", payout, None, detail, now).await?;
    match open.verdict {
        Verdict::Paid => attempts::attested_paid(&mut tx, &row, attempt.id, open.id, policy, now).await?,
        Verdict::NotPaid => {}
    }
    wake(&mut tx, &row, number, now).await?;
    finish(tx, open.id).await
}

/// Takes an attestation back that has not ended the attempt yet. Any finance admin may.
pub async fn withdraw(
    pool: &Pool,
    payout: PayoutId,
    number: AttemptNumber,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Attested> {
    let mut tx = pool.begin().await?;
    let Some((row, attempt)) = lock(&mut tx, payout, number).await? else { return Ok(Attested::NotFound) };
    let Some(open) = open_of(&mut tx, attempt.id).await? else { return Ok(Attested::NoneOpen) };
    withdraw_open(&mut tx, attempt.id, now).await?;
    let detail = json!({ "attempt": number, "verdict": open.verdict.as_str() });
    audit::record(&mut tx, admin, "attestation_withdrawn", payout, Some(reason), detail, now).await?;
    wake(&mut tx, &row, number, now).await?;
    finish(tx, open.id).await
}

/// The workflow reads the payout again: one that was paid ends, one that cools is looked at in time. An ended payout has none.
async fn wake(
    conn: &mut PgConnection,
    payout: &Payout,
    attempt: AttemptNumber,
    now: DateTime<Utc>,
) -> Result<()> {
    if payout.status.is_final() || payout.refunded_at.is_some() {
        return Ok(());
    }
    outbox::signal(conn, payout.id, "transfer_update", Some(attempt), now).await
}

/// The attempt has ended: what two people confirmed and is now so has been applied, anything else has been overtaken.
pub(crate) async fn attempt_ended(
    conn: &mut PgConnection,
    attempt: AttemptId,
    paid: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let so = if paid { Verdict::Paid } else { Verdict::NotPaid };
    sqlx::query!(
        "UPDATE attestations SET status = CASE WHEN status = 'CONFIRMED' AND verdict = $2 THEN 'APPLIED' ELSE 'WITHDRAWN' END,
                ended_at = $3
         WHERE attempt_id = $1 AND status IN ('PROPOSED', 'CONFIRMED')",
        attempt.uuid(),
        so.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The gateway sees the attempt on its way: what people said about it does not hold.
pub(crate) async fn contradicted(
    conn: &mut PgConnection,
    payout: PayoutId,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    const WHY: &str = "the gateway says that the transfer is on its way";
    if withdraw_open(conn, attempt, now).await? {
        let detail = json!({ "attempt": attempt });
        audit::record(conn, &Actor::system(), "attestation_withdrawn", payout, Some(WHY), detail, now)
            .await?;
    }
    Ok(())
}

async fn withdraw_open(conn: &mut PgConnection, attempt: AttemptId, now: DateTime<Utc>) -> Result<bool> {
    let withdrawn = sqlx::query!(
        "UPDATE attestations SET status = 'WITHDRAWN', ended_at = $2 WHERE attempt_id = $1 AND status IN ('PROPOSED', 'CONFIRMED')",
        attempt.uuid(),
        now,
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(withdrawn > 0)
}

/// An attempt while people say how it ended.
struct Held {
    id: AttemptId,
    status: AttemptStatus,
    sends: i32,
    send_deadline: Option<DateTime<Utc>>,
    doubted: bool,
}

impl Held {
    fn not_attestable(&self, now: DateTime<Utc>) -> Option<&'static str> {
        match self.status {
            AttemptStatus::Submitting | AttemptStatus::Unknown if self.sends == 0 => {
                Some("it was never sent")
            }
            AttemptStatus::Submitting if self.send_deadline.is_some_and(|deadline| now < deadline) => {
                Some("it is being sent just now")
            }
            AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => None,
            AttemptStatus::Failed if self.doubted => None,
            AttemptStatus::Failed => Some("the gateway has said that it failed, and nothing else since"),
            AttemptStatus::Succeeded => Some("the gateway has said that it paid"),
            AttemptStatus::Reversed => Some("it was paid and returned"),
        }
    }
}

async fn lock(
    conn: &mut PgConnection,
    payout: PayoutId,
    number: AttemptNumber,
) -> Result<Option<(Payout, Held)>> {
    let Some(row) = payouts::lock(conn, payout).await? else { return Ok(None) };
    let attempt = sqlx::query!(
        r#"SELECT id, status, sends, send_deadline, doubt IS NOT NULL AS "doubted!" FROM attempts
           WHERE payout_id = $1 AND number = $2 FOR NO KEY UPDATE"#,
        payout.uuid(),
        i16::from(number.get()),
    )
    .fetch_optional(conn)
    .await?;
    let Some(attempt) = attempt else { return Ok(None) };
    let held = Held {
        id: AttemptId::from_uuid(attempt.id),
        status: attempt.status.parse().map_err(Error::Corrupt)?,
        sends: attempt.sends,
        send_deadline: attempt.send_deadline,
        doubted: attempt.doubted,
    };
    Ok(Some((row, held)))
}

async fn open_of(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<Attestation>> {
    let last = last_of(conn, attempt).await?;
    Ok(last.filter(|last| match last.stage {
        Stage::Proposed | Stage::Confirmed => true,
        Stage::Applied | Stage::Withdrawn => false,
    }))
}

/// The latest: an open one is always the latest, there is at most one.
async fn last_of(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<Attestation>> {
    sqlx::query_as!(
        Row,
        "SELECT t.id, a.number, t.verdict, t.document, t.reason, t.status, t.proposed_by, t.proposed_at, t.confirmed_by,
                t.confirmed_at, t.effective_at, t.ended_at
         FROM attestations t JOIN attempts a ON a.id = t.attempt_id WHERE t.attempt_id = $1 ORDER BY t.id DESC LIMIT 1",
        attempt.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Attestation::try_from)
    .transpose()
}

async fn finish(mut tx: sqlx::PgTransaction<'_>, id: AttestationId) -> Result<Attested> {
    let row = sqlx::query_as!(
        Row,
        "SELECT t.id, a.number, t.verdict, t.document, t.reason, t.status, t.proposed_by, t.proposed_at, t.confirmed_by,
                t.confirmed_at, t.effective_at, t.ended_at
         FROM attestations t JOIN attempts a ON a.id = t.attempt_id WHERE t.id = $1",
        id.uuid(),
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Attested::Done(Box::new(row.try_into()?)))
}
