//! What a hook outside said about a provider and an account, and what follows from it.
//!
//! An answer is good for a named time, for the name it was asked about, and for the newest list that any answer was made from: a
//! newer list asks about everybody again. Guarantee: a batch for which screening is demanded takes only payouts whose answer is good
//! and clear, or which an admin has approved with the hit, or the silence, before their eyes. Whatever is not clear, no answer
//! included, goes before people. Providers are not told why. Cost: one row of answers for each provider, account and batch that asks;
//! nothing where nobody demands it.

use chrono::{DateTime, Utc};
use domain::{AccountName, AccountNumber, BankAccountId, BankCode, BatchId, Currency, PayoutId, ProviderId};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, audit, decisions, outbox,
    payouts::{self, moved_one},
    reviews,
    text::storable,
};

/// Begins the reason of a review that was opened, or opened again, because screening did not clear the payout.
pub const REASON: &str = "screening";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Clear,
    Hit,
    /// No answer, none that can be believed, or the hook could not look.
    Error,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Hit => "hit",
            Self::Error => "error",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "clear" => Ok(Self::Clear),
            "hit" => Ok(Self::Hit),
            "error" => Ok(Self::Error),
            other => Err(Error::corrupt(format!("screening verdict {other}"))),
        }
    }
}

/// What was said about a provider and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screening {
    pub verdict: Verdict,
    /// Of the lists that were looked into; always there unless the verdict is an error.
    pub list_version: Option<String>,
    pub reason: Option<String>,
    pub answered_at: DateTime<Utc>,
}

/// Whom to ask about.
#[derive(Debug)]
pub struct Subject {
    pub provider: ProviderId,
    pub provider_external_id: String,
    pub provider_name: String,
    pub bank_account: BankAccountId,
    pub currency: Currency,
    pub bank: BankCode,
    pub number: AccountNumber,
    pub name: AccountName,
}

/// Demands it for a batch: only what was answered after `since` counts. Before the batch claims.
pub async fn demand(pool: &Pool, batch: BatchId, since: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE batches SET screened_since = $2 WHERE id = $1 AND status = 'OPEN'",
        batch.uuid(),
        since
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Providers and accounts of approved payouts about whom there is no good answer, at most `limit`. One that the hook did not give
/// is asked for again by each batch, once: what was answered after the batch was opened is not asked again.
pub async fn to_ask(
    pool: &Pool,
    since: DateTime<Utc>,
    batch_opened_at: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Subject>> {
    let rows = sqlx::query!(
        r#"SELECT v.id AS provider, v.external_id, v.display_name, b.id AS account, b.currency, b.bank_code,
                  b.account_number, b.account_name
           FROM (SELECT DISTINCT provider_id, bank_account_id FROM payouts WHERE status = 'APPROVED') p
           JOIN providers v ON v.id = p.provider_id JOIN bank_accounts b ON b.id = p.bank_account_id
           LEFT JOIN LATERAL (
               SELECT s.answered_at, s.list_version FROM screenings s
               WHERE s.provider_id = p.provider_id AND s.bank_account_id = p.bank_account_id
                 AND s.provider_name = v.display_name AND s.answered_at > $1
               ORDER BY s.answered_at DESC, s.id DESC LIMIT 1) said ON true
           WHERE said.answered_at IS NULL
              OR (said.answered_at < $2
                  AND (said.list_version IS NULL OR said.list_version <> (
                     SELECT list_version FROM screenings WHERE list_version IS NOT NULL
                     ORDER BY answered_at DESC, id DESC LIMIT 1)))
           LIMIT $3"#,
        since,
        batch_opened_at,
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Subject {
                provider: ProviderId::from_uuid(row.provider),
                provider_external_id: row.external_id,
                provider_name: row.display_name,
                bank_account: BankAccountId::from_uuid(row.account),
                currency: row.currency.parse().map_err(Error::corrupt)?,
                bank: row.bank_code.parse().map_err(Error::corrupt)?,
                number: row.account_number.parse().map_err(Error::corrupt)?,
                name: AccountName::new(&row.account_name),
            })
        })
        .collect()
}

/// Writes down what was said.
pub async fn record(pool: &Pool, about: &Subject, said: &Screening) -> Result<()> {
    let mut tx = pool.begin().await?;
    let reason = said.reason.as_deref().map(storable);
    let version = said.list_version.as_deref().map(storable);
    sqlx::query!(
        "INSERT INTO screenings (provider_id, bank_account_id, provider_name, verdict, list_version, reason, answered_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        about.provider.uuid(),
        about.bank_account.uuid(),
        about.provider_name,
        said.verdict.as_str(),
        version.as_deref(),
        reason.as_deref(),
        said.answered_at,
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({
        "provider": about.provider,
        "verdict": said.verdict.as_str(),
        "list_version": version,
        "reason": reason,
    });
    let subject = format!("bank_account:{}", about.bank_account);
    audit::record_subject(&mut tx, &Actor::system(), "screened", &subject, detail, said.answered_at).await?;
    tx.commit().await?;
    Ok(())
}

/// Puts before people what the answers since then keep from leaving. Answers whether there may be more than these `limit`.
pub async fn send_to_review(
    pool: &Pool,
    since: DateTime<Utc>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let stopped = sqlx::query_scalar!(
        "SELECT p.id FROM payouts p WHERE p.status = 'APPROVED' AND screened(p, $1) = 'stopped' ORDER BY p.id LIMIT $2",
        since,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let found = i64::try_from(stopped.len()).map_err(Error::corrupt)?;
    for id in stopped {
        let mut tx = pool.begin().await?;
        stop(&mut tx, PayoutId::from_uuid(id), since, now).await?;
        tx.commit().await?;
    }
    Ok(found == limit)
}

/// One of them, if it still waits for a batch and is still stopped.
async fn stop(conn: &mut PgConnection, id: PayoutId, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    let Some(payout) = payouts::lock(conn, id).await? else { return Ok(()) };
    if !decisions::undoable(&payout) {
        return Ok(());
    }
    let stopped = sqlx::query_scalar!(
        r#"SELECT screened(p, $2) = 'stopped' AS "stopped!" FROM payouts p WHERE p.id = $1"#,
        id.uuid(),
        since
    )
    .fetch_one(&mut *conn)
    .await?;
    let said = last(conn, payout.provider, payout.bank_account, None).await?;
    let (true, Some(said)) = (stopped, said) else { return Ok(()) };
    let moved = sqlx::query!(
        "UPDATE payouts SET status = 'REQUESTED', approved_at = NULL, approved_by = NULL, held = NULL, held_batch = NULL,
                screening_stopped_at = $2, screening_stopped_for = $3, updated_at = $2
         WHERE id = $1 AND status = 'APPROVED'",
        id.uuid(),
        now,
        said.verdict.as_str(),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    let system = Actor::system();
    let why = said.words();
    reviews::reopen(conn, id, (&system, &why), now).await?;
    reviews::also_fired(conn, id, REASON).await?;
    let detail = json!({
        "approved_by": payout.approved_by,
        "verdict": said.verdict.as_str(),
        "list_version": said.list_version,
    });
    audit::record(conn, &system, "screening_stopped", id, Some(&why), detail, now).await?;
    outbox::signal(conn, id, "decision", None, now).await
}

impl Screening {
    /// Why the payout is before people: `screening`, and what it was.
    fn words(&self) -> String {
        let what = match (self.verdict, &self.list_version) {
            (Verdict::Clear, _) => "clear".to_owned(),
            (Verdict::Hit, Some(list)) => format!("a hit in list {list}"),
            (Verdict::Hit, None) => "a hit".to_owned(),
            (Verdict::Error, _) => "no answer".to_owned(),
        };
        match &self.reason {
            Some(reason) => format!("{REASON}: {what}: {reason}"),
            None => format!("{REASON}: {what}"),
        }
    }
}

/// What was said last about a payout's provider and account before a batch took it; or last, while none has.
pub async fn of_payout(pool: &Pool, payout: &payouts::Payout) -> Result<Option<Screening>> {
    let mut conn = pool.acquire().await?;
    last(&mut conn, payout.provider, payout.bank_account, payout.claimed_at).await
}

async fn last(
    conn: &mut PgConnection,
    provider: ProviderId,
    account: BankAccountId,
    by: Option<DateTime<Utc>>,
) -> Result<Option<Screening>> {
    let row = sqlx::query!(
        "SELECT verdict, list_version, reason, answered_at FROM screenings
         WHERE provider_id = $1 AND bank_account_id = $2 AND ($3::timestamptz IS NULL OR answered_at <= $3)
         ORDER BY answered_at DESC, id DESC LIMIT 1",
        provider.uuid(),
        account.uuid(),
        by,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Screening {
            verdict: Verdict::parse(&row.verdict)?,
            list_version: row.list_version,
            reason: row.reason,
            answered_at: row.answered_at,
        })
    })
    .transpose()
}
