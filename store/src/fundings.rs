//! What finance puts into the gateway's wallet, by the reference of its bank transfer.
//!
//! Guarantee: one reference is booked once, whatever is told about it later, in one transaction with its audit row and the end of
//! the cases that asked about it. It moves nothing of a provider's: the wallet's balance in the books is all that changes.

use chrono::{DateTime, Utc};
use domain::{CaseId, Money};
use serde_json::json;
use sqlx::PgConnection;

use crate::{Actor, Pool, Result, audit, ledger, payouts::money, text::storable};

/// A reference is kept in the event of its posting and in the subject of a case.
pub const MAX_REFERENCE_CHARS: usize = 150;

/// What is to be booked.
#[derive(Debug, Clone, Copy)]
pub struct NewFunding<'a> {
    /// As the wallet's statement has it; 1 to [`MAX_REFERENCE_CHARS`] characters.
    pub reference: &'a str,
    /// Above zero.
    pub amount: Money,
    /// 1 to 1000 characters.
    pub reason: &'a str,
}

/// What is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    pub reference: String,
    pub amount: Money,
    pub booked_at: DateTime<Utc>,
    /// The cases about lines of a statement that it explains.
    pub closed: Vec<CaseId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booked {
    New(Funding),
    /// It was booked before; nothing was changed.
    Before(Funding),
    /// Another amount is booked under this reference; nothing was changed.
    Differs(Funding),
    /// It is the reference of a transfer of ours: what comes in under it came back.
    OfATransfer,
}

/// Books what finance put in, and closes the cases of statement lines that it explains.
///
/// Two at once: the second waits for the first at the posting's unique event, and finds it.
pub async fn book(pool: &Pool, new: &NewFunding<'_>, actor: &Actor, now: DateTime<Utc>) -> Result<Booked> {
    let reference = storable(new.reference);
    let mut tx = pool.begin().await?;
    let ours = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts WHERE reference = $1) AS "ours!""#,
        reference.as_ref()
    )
    .fetch_one(&mut *tx)
    .await?;
    if ours {
        return Ok(Booked::OfATransfer);
    }
    // Whoever books under this reference takes turns; a second posting of the event would be an error, not an answer.
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('wallet_funded:' || $1, 0))",
        reference.as_ref()
    )
    .execute(&mut *tx)
    .await?;
    if let Some(before) = booked(&mut tx, &reference).await? {
        return Ok(if before.amount == new.amount {
            Booked::Before(before)
        } else {
            Booked::Differs(before)
        });
    }
    ledger::wallet_funded(&mut tx, &reference, new.amount, now).await?;
    let subject = format!("funding:{reference}");
    let detail = json!({ "reference": reference, "amount": new.amount.to_string(), "reason": new.reason });
    audit::record_subject(&mut tx, actor, "wallet_funded", &subject, detail, now).await?;
    let closed = explain(&mut tx, &reference, new.amount, now).await?;
    tx.commit().await?;
    Ok(Booked::New(Funding { reference: reference.into_owned(), amount: new.amount, booked_at: now, closed }))
}

async fn booked(conn: &mut PgConnection, reference: &str) -> Result<Option<Funding>> {
    let row = sqlx::query!(
        "SELECT p.posted_at, e.amount, a.currency
         FROM postings p JOIN entries e ON e.posting_id = p.id JOIN ledger_accounts a ON a.id = e.account_id
         WHERE p.event = 'wallet_funded:' || $1 AND a.kind = 'gateway_wallet'",
        reference,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Funding {
            reference: reference.to_owned(),
            amount: money(row.amount, &row.currency)?,
            booked_at: row.posted_at,
            closed: vec![],
        })
    })
    .transpose()
}

/// The lines of imported statements that this is: nobody has to look at them any more.
async fn explain(
    conn: &mut PgConnection,
    reference: &str,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<Vec<CaseId>> {
    let closed = sqlx::query_scalar!(
        "UPDATE cases c SET status = 'CLOSED', closed_at = $4, closed_by = 'system',
                resolution = 'It is money that finance has put in, and booked as that.'
         WHERE kind = 'statement_line' AND status = 'OPEN' AND amount = $2 AND currency = $3
           AND EXISTS (SELECT FROM case_evidence e WHERE e.case_id = c.id AND e.source = 'statement'
                           AND e.detail ->> 'type' = 'credit' AND e.detail ->> 'reference' = $1)
         RETURNING id",
        reference,
        amount.amount(),
        amount.currency().code(),
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(closed.into_iter().map(CaseId::from_uuid).collect())
}
