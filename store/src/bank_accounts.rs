//! Where a provider is paid. A row's number never changes: payouts pin the row.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountName, AccountNumber, BankAccountId, BankCode, Currency, ProviderId};
use serde_json::json;

use crate::{Actor, Error, Pool, Result, audit, providers};

/// Enough for a person; a list of accounts is also a way to hide one.
pub const MAX_ACCOUNTS: i64 = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankAccount {
    pub id: BankAccountId,
    pub provider: ProviderId,
    pub currency: Currency,
    pub bank: BankCode,
    pub number: AccountNumber,
    pub name: AccountName,
    pub created_at: DateTime<Utc>,
    /// Payouts to it may be asked for from this moment.
    pub usable_from: DateTime<Utc>,
    pub removed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub struct NewBankAccount {
    pub provider: ProviderId,
    pub currency: Currency,
    pub bank: BankCode,
    pub number: AccountNumber,
    /// As the bank answered the name enquiry.
    pub name: AccountName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    New(BankAccount),
    /// The provider has this very account already.
    AlreadyThere(BankAccount),
    TooMany,
    UnknownProvider,
}

struct Row {
    id: uuid::Uuid,
    provider_id: uuid::Uuid,
    currency: String,
    bank_code: String,
    account_number: String,
    account_name: String,
    created_at: DateTime<Utc>,
    usable_from: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for BankAccount {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: BankAccountId::from_uuid(row.id),
            provider: ProviderId::from_uuid(row.provider_id),
            currency: row.currency.parse().map_err(Error::corrupt)?,
            bank: row.bank_code.parse().map_err(Error::corrupt)?,
            number: row.account_number.parse().map_err(Error::corrupt)?,
            name: AccountName::new(&row.account_name),
            created_at: row.created_at,
            usable_from: row.usable_from,
            removed_at: row.removed_at,
        })
    }
}

/// Adds an account. The provider's first is usable at once; a later one is a change of bank details and cools off first.
pub async fn add(
    pool: &Pool,
    new: &NewBankAccount,
    cooling_off: TimeDelta,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Added> {
    let mut tx = pool.begin().await?;
    if !providers::lock(&mut tx, new.provider).await? {
        return Ok(Added::UnknownProvider);
    }
    let existing = sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at
         FROM bank_accounts
         WHERE provider_id = $1 AND bank_code = $2 AND account_number = $3 AND currency = $4 AND status = 'ACTIVE'",
        new.provider.uuid(),
        new.bank.as_str(),
        new.number.expose(),
        new.currency.code(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = existing {
        return Ok(Added::AlreadyThere(row.try_into()?));
    }
    let counts = sqlx::query!(
        r#"SELECT count(*) AS "ever!", count(*) FILTER (WHERE status = 'ACTIVE') AS "active!" FROM bank_accounts WHERE provider_id = $1"#,
        new.provider.uuid(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if counts.active >= MAX_ACCOUNTS {
        return Ok(Added::TooMany);
    }
    let is_change = counts.ever > 0;
    let usable_from = if is_change { now.checked_add_signed(cooling_off).unwrap_or(now) } else { now };
    let id = BankAccountId::mint();
    sqlx::query!(
        "INSERT INTO bank_accounts
             (id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, is_change)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.uuid(),
        new.provider.uuid(),
        new.currency.code(),
        new.bank.as_str(),
        new.number.expose(),
        new.name.expose(),
        now,
        usable_from,
        is_change,
    )
    .execute(&mut *tx)
    .await?;
    let detail =
        json!({ "provider": new.provider, "bank": new.bank.as_str(), "ending": new.number.masked() });
    audit::record_subject(&mut tx, actor, "bank_account_added", &id.to_string(), detail, now).await?;
    tx.commit().await?;
    Ok(Added::New(BankAccount {
        id,
        provider: new.provider,
        currency: new.currency,
        bank: new.bank.clone(),
        number: new.number.clone(),
        name: new.name.clone(),
        created_at: now,
        usable_from,
        removed_at: None,
    }))
}

/// The provider's accounts in use, oldest first.
pub async fn list(pool: &Pool, provider: ProviderId) -> Result<Vec<BankAccount>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at
         FROM bank_accounts WHERE provider_id = $1 AND status = 'ACTIVE' ORDER BY id",
        provider.uuid(),
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(BankAccount::try_from)
    .collect()
}

/// One account, also a removed one that a payout went to.
pub async fn get(pool: &Pool, id: BankAccountId) -> Result<Option<BankAccount>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at
         FROM bank_accounts WHERE id = $1",
        id.uuid(),
    )
    .fetch_optional(pool)
    .await?
    .map(BankAccount::try_from)
    .transpose()
}

/// Takes an account out of use. Payouts that pin it and have not begun are refused at their next check. `false`: not theirs.
pub async fn remove(
    pool: &Pool,
    provider: ProviderId,
    id: BankAccountId,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let removed = sqlx::query!(
        "UPDATE bank_accounts SET status = 'REMOVED', removed_at = $3 WHERE id = $1 AND provider_id = $2 AND status = 'ACTIVE'",
        id.uuid(),
        provider.uuid(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if removed == 1 {
        audit::record_subject(&mut tx, actor, "bank_account_removed", &id.to_string(), json!({}), now)
            .await?;
    }
    tx.commit().await?;
    Ok(removed == 1)
}
