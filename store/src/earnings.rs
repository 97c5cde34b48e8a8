//! Amounts owed, pushed in by the marketplace under its own ids. Pushing the same one again changes nothing.

use chrono::{DateTime, SubsecRound, Utc};
use domain::{EarningId, Money, ProviderId};
use rust_decimal::Decimal;
use serde_json::json;

use crate::{Actor, Error, Pool, Result, audit, ledger, payouts::money};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarningStatus {
    Available,
    /// Some or all of it is reserved for, or paid by, payouts.
    Reserved,
    /// All of it has been paid.
    PaidOut,
}

impl EarningStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Reserved => "RESERVED",
            Self::PaidOut => "PAID_OUT",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earning {
    pub id: EarningId,
    pub provider: ProviderId,
    pub external_id: String,
    pub amount: Money,
    pub allocated: Money,
    pub paid: Money,
    pub description: String,
    pub earned_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub status: EarningStatus,
}

#[derive(Debug, Clone)]
pub struct NewEarning {
    pub external_id: String,
    pub provider_external_id: String,
    pub amount: Money,
    pub description: String,
    pub earned_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    New(Earning),
    /// The same content under the same id: nothing changed.
    Again(Earning),
    /// Other content under the same id: nothing changed; this is what we have.
    Differs(Earning),
    UnknownProvider,
}

struct Row {
    id: uuid::Uuid,
    provider_id: uuid::Uuid,
    external_id: String,
    amount: Decimal,
    currency: String,
    allocated: Decimal,
    paid: Decimal,
    description: String,
    earned_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    status: String,
}

impl TryFrom<Row> for Earning {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let status = match row.status.as_str() {
            "AVAILABLE" => EarningStatus::Available,
            "RESERVED" => EarningStatus::Reserved,
            "PAID_OUT" => EarningStatus::PaidOut,
            other => return Err(Error::corrupt(format!("earning status {other}"))),
        };
        Ok(Self {
            id: EarningId::from_uuid(row.id),
            provider: ProviderId::from_uuid(row.provider_id),
            external_id: row.external_id,
            amount: money(row.amount, &row.currency)?,
            allocated: money(row.allocated, &row.currency)?,
            paid: money(row.paid, &row.currency)?,
            description: row.description,
            earned_at: row.earned_at,
            created_at: row.created_at,
            status,
        })
    }
}

/// One transaction: the earning, the provider's accounts if these are their first in this currency, the posting, audit.
pub async fn push(pool: &Pool, new: &NewEarning, actor: &Actor, now: DateTime<Utc>) -> Result<Pushed> {
    let mut tx = pool.begin().await?;
    let provider =
        sqlx::query_scalar!("SELECT id FROM providers WHERE external_id = $1", new.provider_external_id)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(provider) = provider.map(ProviderId::from_uuid) else { return Ok(Pushed::UnknownProvider) };
    let id = EarningId::mint();
    // The database keeps microseconds: the same content told again must compare equal.
    let earned_at = new.earned_at.trunc_subsecs(6);
    let inserted = sqlx::query!(
        "INSERT INTO earnings (id, provider_id, external_id, amount, currency, description, earned_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (external_id) DO NOTHING",
        id.uuid(),
        provider.uuid(),
        new.external_id,
        new.amount.amount(),
        new.amount.currency().code(),
        new.description,
        earned_at,
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if inserted == 1 {
        ledger::open_accounts(&mut tx, provider, new.amount.currency()).await?;
        ledger::earned(&mut tx, provider, id, new.amount, now).await?;
        let detail = json!({ "provider": provider, "amount": new.amount });
        audit::record_subject(&mut tx, actor, "earning_pushed", &id.to_string(), detail, now).await?;
    }
    let earning = by_external_id_in(&mut tx, &new.external_id).await?;
    tx.commit().await?;
    let Some(earning) = earning else {
        return Err(Error::corrupt("an earning that was just pushed is gone"));
    };
    if inserted == 1 {
        return Ok(Pushed::New(earning));
    }
    let same = earning.provider == provider
        && earning.amount == new.amount
        && earning.description == new.description
        && earning.earned_at == earned_at;
    Ok(if same { Pushed::Again(earning) } else { Pushed::Differs(earning) })
}

pub async fn by_external_id(pool: &Pool, external_id: &str) -> Result<Option<Earning>> {
    by_external_id_in(&mut *pool.acquire().await?, external_id).await
}

async fn by_external_id_in(conn: &mut sqlx::PgConnection, external_id: &str) -> Result<Option<Earning>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, provider_id, external_id, amount, currency, allocated, paid, description, earned_at, created_at, status AS "status!"
           FROM earnings WHERE external_id = $1"#,
        external_id,
    )
    .fetch_optional(conn)
    .await?
    .map(Earning::try_from)
    .transpose()
}

/// A provider's earnings, newest first, older than `before`.
pub async fn list(
    pool: &Pool,
    provider: ProviderId,
    before: Option<EarningId>,
    limit: i64,
) -> Result<Vec<Earning>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, provider_id, external_id, amount, currency, allocated, paid, description, earned_at, created_at, status AS "status!"
           FROM earnings WHERE provider_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"#,
        provider.uuid(),
        before.map(EarningId::uuid),
        limit,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Earning::try_from)
    .collect()
}
