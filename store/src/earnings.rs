//! Amounts owed, and corrections of them, pushed in by the marketplace under its own ids. Pushing the same one again changes
//! nothing.

use chrono::{DateTime, SubsecRound, Utc};
use domain::{AdjustmentId, Currency, EarningId, Money, ProviderId};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, audit, balances, debt, ledger, payouts::money, text::storable};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarningStatus {
    Available,
    /// Some or all of it is reserved for, or paid by, payouts.
    Reserved,
    /// All of it has been paid, but for what was taken for a debt.
    PaidOut,
    /// All of it was taken for a debt.
    Recovered,
}

impl EarningStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Reserved => "RESERVED",
            Self::PaidOut => "PAID_OUT",
            Self::Recovered => "RECOVERED",
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
    /// What of it went against the provider's debt.
    pub recovered: Money,
    /// The earning that this one raises, where it is an adjustment.
    pub adjusts: Option<EarningId>,
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
    recovered: Decimal,
    adjusts: Option<uuid::Uuid>,
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
            "RECOVERED" => EarningStatus::Recovered,
            other => return Err(Error::corrupt(format!("earning status {other}"))),
        };
        Ok(Self {
            id: EarningId::from_uuid(row.id),
            provider: ProviderId::from_uuid(row.provider_id),
            external_id: row.external_id,
            amount: money(row.amount, &row.currency)?,
            allocated: money(row.allocated, &row.currency)?,
            paid: money(row.paid, &row.currency)?,
            recovered: money(row.recovered, &row.currency)?,
            adjusts: row.adjusts.map(EarningId::from_uuid),
            description: row.description,
            earned_at: row.earned_at,
            created_at: row.created_at,
            status,
        })
    }
}

/// One transaction: the earning, the provider's accounts if these are their first in this currency, the posting, what they owe
/// taken from it, audit.
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
        let cause = format!("earned:{id}");
        debt::recover_if_owed(&mut tx, provider, new.amount.currency(), &cause, now).await?;
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
        r#"SELECT id, provider_id, external_id, amount, currency, allocated, paid, recovered, adjusts, description, earned_at,
                  created_at, status AS "status!"
           FROM earnings WHERE external_id = $1"#,
        external_id,
    )
    .fetch_optional(conn)
    .await?
    .map(Earning::try_from)
    .transpose()
}

/// Which earnings a list shows. Everything is optional and narrows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub status: Option<EarningStatus>,
    pub currency: Option<Currency>,
    /// Earned at or after.
    pub from: Option<DateTime<Utc>>,
    /// Earned before.
    pub to: Option<DateTime<Utc>>,
}

/// A provider's earnings, newest first, older than `before`.
pub async fn list(
    pool: &Pool,
    provider: ProviderId,
    filter: &Filter,
    before: Option<EarningId>,
    limit: i64,
) -> Result<Vec<Earning>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, provider_id, external_id, amount, currency, allocated, paid, recovered, adjusts, description, earned_at,
                  created_at, status AS "status!"
           FROM earnings
           WHERE provider_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($4::text IS NULL OR status = $4)
             AND ($5::text IS NULL OR currency = $5)
             AND ($6::timestamptz IS NULL OR earned_at >= $6) AND ($7::timestamptz IS NULL OR earned_at < $7)
           ORDER BY id DESC LIMIT $3"#,
        provider.uuid(),
        before.map(EarningId::uuid),
        limit,
        filter.status.map(EarningStatus::as_str),
        filter.currency.map(Currency::code),
        filter.from,
        filter.to,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Earning::try_from)
    .collect()
}

/// A correction of an earning.
#[derive(Debug, Clone)]
pub struct NewAdjustment {
    /// The marketplace's own id of the correction. A raise becomes an earning under it.
    pub external_id: String,
    pub earning_external_id: String,
    /// Above zero: the provider is owed more. Below: less.
    pub amount: Money,
    /// 1 to 1000 characters.
    pub reason: String,
}

/// A correction as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    pub id: AdjustmentId,
    pub external_id: String,
    pub earning: EarningId,
    pub provider: ProviderId,
    pub amount: Money,
    pub reason: String,
    /// The earning that a raise made.
    pub raised: Option<EarningId>,
    pub adjusted_by: String,
    pub adjusted_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjusted {
    New(Adjustment),
    /// The same content under the same id: nothing changed.
    Again(Adjustment),
    /// Other content under the same id: nothing changed; this is what we have.
    Differs(Adjustment),
    /// There is no such earning, or it is itself the raise of one.
    UnknownEarning,
    /// An earning has this id already.
    IdIsAnEarnings,
    /// The earning would be worth less than nothing: `left` can be cut at most.
    TooMuch {
        left: Money,
    },
    /// Zero, or another currency than the earning's.
    WrongAmount,
}

/// Corrects an earning. A raise is an earning of its own, free at once. A cut is owed by the provider at once, and recovered from
/// what is free: of the earning itself first, then of the oldest; what is not there is their debt.
///
/// One transaction: the correction, the posting, what is owed taken from what is free, audit. Locks the provider's accounts, so
/// that corrections of one earning take turns.
pub async fn adjust(pool: &Pool, new: &NewAdjustment, actor: &Actor, now: DateTime<Utc>) -> Result<Adjusted> {
    let mut tx = pool.begin().await?;
    let Some(earning) = by_external_id_in(&mut tx, &new.earning_external_id).await? else {
        return Ok(Adjusted::UnknownEarning);
    };
    balances::lock_accounts(&mut tx, earning.provider, earning.amount.currency()).await?;
    let reason = storable(&new.reason);
    if let Some(before) = adjustment_in(&mut tx, &new.external_id).await? {
        let same =
            before.earning == earning.id && before.amount == new.amount && before.reason == reason.as_ref();
        return Ok(if same { Adjusted::Again(before) } else { Adjusted::Differs(before) });
    }
    if earning.adjusts.is_some() {
        return Ok(Adjusted::UnknownEarning);
    }
    if new.amount.is_zero() || new.amount.currency() != earning.amount.currency() {
        return Ok(Adjusted::WrongAmount);
    }
    let left = left_of(&mut tx, &earning).await?;
    let after = left.checked_add(new.amount).map_err(Error::corrupt)?;
    if after.amount() < Decimal::ZERO {
        return Ok(Adjusted::TooMuch { left });
    }
    let id = AdjustmentId::mint();
    let raised = if new.amount.amount() > Decimal::ZERO {
        match raise(&mut tx, &earning, new, &reason, now).await? {
            Some(raised) => Some(raised),
            None => return Ok(Adjusted::IdIsAnEarnings),
        }
    } else {
        None
    };
    let inserted = sqlx::query!(
        "INSERT INTO adjustments (id, external_id, earning_id, provider_id, amount, currency, reason, raised_id, adjusted_by, adjusted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (external_id) DO NOTHING",
        id.uuid(),
        new.external_id,
        earning.id.uuid(),
        earning.provider.uuid(),
        new.amount.amount(),
        new.amount.currency().code(),
        reason.as_ref(),
        raised.map(EarningId::uuid),
        actor.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if inserted == 0 {
        // Another provider's correction took the id between the look and the insert.
        tx.rollback().await?;
        let before = adjustment_in(&mut *pool.acquire().await?, &new.external_id).await?;
        return before.map(Adjusted::Differs).ok_or_else(|| Error::corrupt("an adjustment is gone"));
    }
    let (provider, currency) = (earning.provider, earning.amount.currency());
    match raised {
        Some(raised) => ledger::raised(&mut tx, provider, id, raised, new.amount, now).await?,
        None => ledger::cut(&mut tx, provider, id, earning.id, new.amount.negated(), now).await?,
    }
    debt::recover(&mut tx, provider, currency, &format!("adjusted:{id}"), Some(earning.id), now).await?;
    let detail = json!({ "adjustment": id, "provider": provider, "amount": new.amount, "reason": reason });
    audit::record_subject(&mut tx, actor, "earning_adjusted", &earning.id.to_string(), detail, now).await?;
    let adjustment = adjustment_in(&mut tx, &new.external_id).await?;
    tx.commit().await?;
    adjustment
        .map(Adjusted::New)
        .ok_or_else(|| Error::corrupt("an adjustment is gone in its own transaction"))
}

/// What an earning is worth with every correction so far.
async fn left_of(conn: &mut PgConnection, earning: &Earning) -> Result<Money> {
    let adjusted = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(amount), 0) AS "adjusted!" FROM adjustments WHERE earning_id = $1"#,
        earning.id.uuid()
    )
    .fetch_one(conn)
    .await?;
    let adjusted = money(adjusted, earning.amount.currency().code())?;
    earning.amount.checked_add(adjusted).map_err(Error::corrupt)
}

/// The earning that a raise is; `None` where one has its external id already.
async fn raise(
    conn: &mut PgConnection,
    earning: &Earning,
    new: &NewAdjustment,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<EarningId>> {
    /// As long as an earning's description may be.
    const MAX_CHARS: usize = 500;
    let id = EarningId::mint();
    let description: String = reason.chars().take(MAX_CHARS).collect();
    let inserted = sqlx::query!(
        "INSERT INTO earnings (id, provider_id, external_id, amount, currency, description, earned_at, created_at, adjusts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (external_id) DO NOTHING",
        id.uuid(),
        earning.provider.uuid(),
        new.external_id,
        new.amount.amount(),
        new.amount.currency().code(),
        description,
        now,
        earning.id.uuid(),
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok((inserted == 1).then_some(id))
}

struct AdjustmentRow {
    id: uuid::Uuid,
    external_id: String,
    earning_id: uuid::Uuid,
    provider_id: uuid::Uuid,
    amount: Decimal,
    currency: String,
    reason: String,
    raised_id: Option<uuid::Uuid>,
    adjusted_by: String,
    adjusted_at: DateTime<Utc>,
}

impl TryFrom<AdjustmentRow> for Adjustment {
    type Error = Error;
    fn try_from(row: AdjustmentRow) -> Result<Self> {
        Ok(Self {
            id: AdjustmentId::from_uuid(row.id),
            external_id: row.external_id,
            earning: EarningId::from_uuid(row.earning_id),
            provider: ProviderId::from_uuid(row.provider_id),
            amount: money(row.amount, &row.currency)?,
            reason: row.reason,
            raised: row.raised_id.map(EarningId::from_uuid),
            adjusted_by: row.adjusted_by,
            adjusted_at: row.adjusted_at,
        })
    }
}

async fn adjustment_in(conn: &mut PgConnection, external_id: &str) -> Result<Option<Adjustment>> {
    sqlx::query_as!(
        AdjustmentRow,
        "SELECT id, external_id, earning_id, provider_id, amount, currency, reason, raised_id, adjusted_by, adjusted_at
         FROM adjustments WHERE external_id = $1",
        external_id,
    )
    .fetch_optional(conn)
    .await?
    .map(Adjustment::try_from)
    .transpose()
}

/// Every correction of these earnings, oldest first.
pub async fn adjustments_of(pool: &Pool, earnings: &[EarningId]) -> Result<Vec<Adjustment>> {
    let earnings: Vec<uuid::Uuid> = earnings.iter().copied().map(EarningId::uuid).collect();
    sqlx::query_as!(
        AdjustmentRow,
        "SELECT id, external_id, earning_id, provider_id, amount, currency, reason, raised_id, adjusted_by, adjusted_at
         FROM adjustments WHERE earning_id = ANY($1) ORDER BY id",
        &earnings,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Adjustment::try_from)
    .collect()
}
