//! What a provider can ask for, has asked for, and has been paid.

use chrono::{DateTime, Utc};
use domain::{Currency, Money, ProviderId};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Error, Pool, Result, payouts::money};

/// Per currency: `available + reserved + paid_out − debt` is everything ever earned, with its adjustments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    pub currency: Currency,
    pub available: Money,
    pub reserved: Money,
    pub paid_out: Money,
    pub debt: Money,
}

pub async fn of(pool: &Pool, provider: ProviderId) -> Result<Vec<Balance>> {
    let rows = sqlx::query!(
        r#"SELECT currency,
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_available'), 0) AS "available!",
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_reserved'), 0) AS "reserved!",
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_paid_out'), 0) AS "paid_out!",
                  coalesce(-sum(balance) FILTER (WHERE kind = 'provider_debt'), 0) AS "debt!"
           FROM ledger_accounts WHERE provider_id = $1 GROUP BY currency ORDER BY currency"#,
        provider.uuid(),
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Balance {
                currency: row.currency.parse().map_err(Error::corrupt)?,
                available: money(row.available, &row.currency)?,
                reserved: money(row.reserved, &row.currency)?,
                paid_out: money(row.paid_out, &row.currency)?,
                debt: money(row.debt, &row.currency)?,
            })
        })
        .collect()
}

/// What one provider has free and owes, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) available: Money,
    /// Zero or above.
    pub(crate) owed: Money,
}

/// Locks all of a provider's accounts, by id, before a transaction that books more than one posting on them or changes their
/// debt.
pub(crate) async fn lock_accounts(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
) -> Result<Accounts> {
    let rows = sqlx::query!(
        r#"SELECT kind, balance AS "balance!" FROM ledger_accounts WHERE provider_id = $1 AND currency = $2
           ORDER BY id FOR NO KEY UPDATE"#,
        provider.uuid(),
        currency.code(),
    )
    .fetch_all(conn)
    .await?;
    let balance = |kind| {
        let found = rows.iter().find(|row| row.kind == kind).map(|row| row.balance);
        let found = found
            .ok_or_else(|| Error::corrupt(format!("provider {provider} has no {kind} in {currency}")))?;
        money(found, currency.code())
    };
    Ok(Accounts { available: balance("provider_available")?, owed: balance("provider_debt")?.negated() })
}

/// Locks the provider's available balance: requests of one provider take turns here.
pub(crate) async fn lock_available(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
) -> Result<Decimal> {
    let available = sqlx::query_scalar!(
        r#"SELECT balance AS "balance!" FROM ledger_accounts
           WHERE kind = 'provider_available' AND provider_id = $1 AND currency = $2 FOR NO KEY UPDATE"#,
        provider.uuid(),
        currency.code(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(available.unwrap_or_default())
}

/// The same as it is now, not locked.
pub(crate) async fn available(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
) -> Result<Decimal> {
    let available = sqlx::query_scalar!(
        r#"SELECT balance AS "balance!" FROM ledger_accounts
           WHERE kind = 'provider_available' AND provider_id = $1 AND currency = $2"#,
        provider.uuid(),
        currency.code(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(available.unwrap_or_default())
}

/// What the ledger says was in the gateway's wallet at `now`: funded less paid less fees. Reads every movement of the wallet
/// (about two microseconds each): for a check and a batch, not for a request.
pub async fn wallet(pool: &Pool, currency: Currency, now: DateTime<Utc>) -> Result<Decimal> {
    let sum = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(e.amount), 0) AS "sum!" FROM entries e
           JOIN ledger_accounts a ON a.id = e.account_id JOIN postings p ON p.id = e.posting_id
           WHERE a.kind = 'gateway_wallet' AND a.currency = $1 AND p.posted_at <= $2"#,
        currency.code(),
        now,
    )
    .fetch_one(pool)
    .await?;
    Ok(sum)
}
