//! The link in the message that a bank account was added: whoever gets the provider's mail can stop it, without signing in.
//!
//! Guarantee: the link is compared by its hash (the link itself stands in the message and nowhere else); it works once, until the
//! account has cooled off, and can do nothing but stop that one account. Stopping removes the account and opens a case that pauses what was to go there, in one transaction: once
//! it has answered, no attempt to that account begins. Reading changes nothing, so that a mail scanner stops nobody.
//!
//! Locks: the link, bank account, case and its pause.

use chrono::{DateTime, Utc};
use domain::{AccountNumber, BankAccountId, BankCode, ProviderId};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, audit,
    cases::{self, CaseKind, Finding},
    pauses::{self, Paused},
};

/// SHA-256 of what is in the link.
pub type LinkHash = [u8; 32];

/// What a link is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stoppable {
    pub bank: BankCode,
    pub number: AccountNumber,
    pub added_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub stopped_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    Done,
    /// It was stopped before, by this link.
    Already,
    /// No such link, or its time is over.
    Unknown,
}

/// For the transaction that adds the account.
pub(crate) async fn offer(
    conn: &mut PgConnection,
    account: BankAccountId,
    hash: &LinkHash,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO account_stops (link_hash, bank_account_id, expires_at) VALUES ($1, $2, $3)",
        hash,
        account.uuid(),
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the link would stop; `None` where it is unknown or its time is over.
pub async fn look(pool: &Pool, hash: &LinkHash, now: DateTime<Utc>) -> Result<Option<Stoppable>> {
    let row = sqlx::query!(
        "SELECT s.expires_at, s.stopped_at, b.bank_code, b.account_number, b.created_at
         FROM account_stops s JOIN bank_accounts b ON b.id = s.bank_account_id
         WHERE s.link_hash = $1 AND s.expires_at > $2",
        hash,
        now,
    )
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(Stoppable {
            bank: row.bank_code.parse().map_err(Error::corrupt)?,
            number: row.account_number.parse().map_err(Error::corrupt)?,
            added_at: row.created_at,
            expires_at: row.expires_at,
            stopped_at: row.stopped_at,
        })
    })
    .transpose()
}

/// Stops the account that the link is about.
pub async fn stop(pool: &Pool, hash: &LinkHash, now: DateTime<Utc>) -> Result<Stopped> {
    let mut tx = pool.begin().await?;
    let link = sqlx::query!(
        "SELECT bank_account_id, stopped_at FROM account_stops WHERE link_hash = $1 AND expires_at > $2 FOR UPDATE",
        hash,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(link) = link else { return Ok(Stopped::Unknown) };
    if link.stopped_at.is_some() {
        return Ok(Stopped::Already);
    }
    let account = BankAccountId::from_uuid(link.bank_account_id);
    sqlx::query!("UPDATE account_stops SET stopped_at = $2 WHERE link_hash = $1", hash, now)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "UPDATE bank_accounts SET status = 'REMOVED', removed_at = $2 WHERE id = $1 AND status = 'ACTIVE'",
        account.uuid(),
        now,
    )
    .execute(&mut *tx)
    .await?;
    let provider = sqlx::query_scalar!("SELECT provider_id FROM bank_accounts WHERE id = $1", account.uuid())
        .fetch_one(&mut *tx)
        .await?;
    let provider = ProviderId::from_uuid(provider);
    let finding = Finding {
        kind: CaseKind::AccountStopped,
        subject: cases::about_bank_account(account),
        payout: None,
        provider: Some(provider),
        amount: None,
        summary: "A bank account was added, and whoever reads the provider's mail says that it was not them. It is removed, and \
                  nothing is sent to it.",
        source: "system",
        detail: json!({ "bank_account": account }),
    };
    let case = cases::open(&mut tx, &finding, now).await?;
    pauses::for_case(
        &mut tx,
        &Paused::BankAccount(account),
        case,
        "it was stopped by its provider's link",
        now,
    )
    .await?;
    let detail = json!({ "provider": provider, "case": case });
    audit::record_subject(
        &mut tx,
        &Actor::provider(provider),
        "bank_account_stopped",
        &account.to_string(),
        detail,
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(Stopped::Done)
}
