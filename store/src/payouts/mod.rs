//! A provider's request to be paid: its row, its lists, and where it stands.

mod cancel;
mod list;
mod payees;
mod request;
mod standing;

pub(crate) use cancel::cancellable;
pub use cancel::{Cancelled, cancel, engine_cancel};
pub use list::{Filter, Order, Page, Sought, list, seek};
pub use payees::{Payee, payees};
pub(crate) use request::{Asked, Key, KeyUse, keep_answer, take_key, write};
pub use request::{NewPayout, Obstacles, RequestRefused, Requested, forget_old_keys, obstacles, request};
pub(crate) use standing::{attempt_number, progress_in, standing_in};
pub use standing::{progress, standing, standings};

use chrono::{DateTime, Utc};
use domain::{
    BankAccountId, BatchId, Currency, FailureCode, Held, Money, PayoutId, PayoutStatus, ProviderId, Route,
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Conflict, Error, Pool, Result, audit};

/// A payout as it is stored. Which of the optional fields are set follows from `status`; the table's CHECKs say how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub id: PayoutId,
    pub provider: ProviderId,
    pub bank_account: BankAccountId,
    pub amount: Money,
    pub status: PayoutStatus,
    pub risk: Option<Route>,
    pub requested_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub approved_by: Option<String>,
    pub batch: Option<BatchId>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub held: Option<Held>,
    pub attempts: u8,
    pub counted_failures: u8,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub needs_attention: bool,
    pub failure_code: Option<FailureCode>,
    pub failure_message: Option<String>,
    pub failed_at: Option<DateTime<Utc>>,
    pub fee: Option<Money>,
    pub completed_at: Option<DateTime<Utc>>,
    pub rejected_at: Option<DateTime<Utc>>,
    pub rejection_code: Option<String>,
    pub rejection_reason: Option<String>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub refunded_at: Option<DateTime<Utc>>,
    pub reversed_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

pub(crate) struct Row {
    id: uuid::Uuid,
    provider_id: uuid::Uuid,
    bank_account_id: uuid::Uuid,
    amount: Decimal,
    currency: String,
    status: String,
    risk: Option<String>,
    requested_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    batch_id: Option<uuid::Uuid>,
    claimed_at: Option<DateTime<Utc>>,
    held: Option<String>,
    attempts: i16,
    counted_failures: i16,
    next_attempt_at: Option<DateTime<Utc>>,
    needs_attention: bool,
    failure_code: Option<String>,
    failure_message: Option<String>,
    failed_at: Option<DateTime<Utc>>,
    fee: Option<Decimal>,
    completed_at: Option<DateTime<Utc>>,
    rejected_at: Option<DateTime<Utc>>,
    rejection_code: Option<String>,
    rejection_reason: Option<String>,
    cancelled_at: Option<DateTime<Utc>>,
    refunded_at: Option<DateTime<Utc>>,
    reversed_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

/// An amount column and its currency.
pub(crate) fn money(amount: Decimal, currency: &str) -> Result<Money> {
    let currency: Currency = currency.parse().map_err(Error::corrupt)?;
    Money::exact(amount, currency).map_err(Error::corrupt)
}

pub(crate) fn route(text: &str) -> Result<Route> {
    Route::parse(text).ok_or_else(|| Error::corrupt(format!("route {text}")))
}

pub(crate) fn held(text: &str) -> Result<Held> {
    match text {
        "paused" => Ok(Held::Paused),
        "funds" => Ok(Held::Funds),
        "limit" => Ok(Held::Limit),
        other => Err(Error::corrupt(format!("held {other}"))),
    }
}

pub(crate) fn failure_code(text: &str) -> Result<FailureCode> {
    FailureCode::parse(text).ok_or_else(|| Error::corrupt(format!("failure code {text}")))
}

impl TryFrom<Row> for Payout {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: PayoutId::from_uuid(row.id),
            provider: ProviderId::from_uuid(row.provider_id),
            bank_account: BankAccountId::from_uuid(row.bank_account_id),
            amount: money(row.amount, &row.currency)?,
            status: row.status.parse().map_err(Error::Corrupt)?,
            risk: row.risk.as_deref().map(route).transpose()?,
            requested_at: row.requested_at,
            approved_at: row.approved_at,
            approved_by: row.approved_by,
            batch: row.batch_id.map(BatchId::from_uuid),
            claimed_at: row.claimed_at,
            held: row.held.as_deref().map(held).transpose()?,
            attempts: u8::try_from(row.attempts).map_err(Error::corrupt)?,
            counted_failures: u8::try_from(row.counted_failures).map_err(Error::corrupt)?,
            next_attempt_at: row.next_attempt_at,
            needs_attention: row.needs_attention,
            failure_code: row.failure_code.as_deref().map(failure_code).transpose()?,
            failure_message: row.failure_message,
            failed_at: row.failed_at,
            fee: row.fee.map(|fee| money(fee, &row.currency)).transpose()?,
            completed_at: row.completed_at,
            rejected_at: row.rejected_at,
            rejection_code: row.rejection_code,
            rejection_reason: row.rejection_reason,
            cancelled_at: row.cancelled_at,
            refunded_at: row.refunded_at,
            reversed_at: row.reversed_at,
            updated_at: row.updated_at,
        })
    }
}

pub async fn get(pool: &Pool, id: PayoutId) -> Result<Option<Payout>> {
    get_in(&mut *pool.acquire().await?, id).await
}

pub(crate) async fn get_in(conn: &mut PgConnection, id: PayoutId) -> Result<Option<Payout>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, bank_account_id, amount, currency, status, risk, requested_at, approved_at, approved_by,
                batch_id, claimed_at, held, attempts, counted_failures, next_attempt_at, needs_attention, failure_code,
                failure_message, failed_at, fee, completed_at, rejected_at, rejection_code, rejection_reason, cancelled_at,
                refunded_at, reversed_at, updated_at
         FROM payouts WHERE id = $1",
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Payout::try_from)
    .transpose()
}

/// The same row, locked until the transaction ends: everybody who moves the payout takes turns here.
pub(crate) async fn lock(conn: &mut PgConnection, id: PayoutId) -> Result<Option<Payout>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, bank_account_id, amount, currency, status, risk, requested_at, approved_at, approved_by,
                batch_id, claimed_at, held, attempts, counted_failures, next_attempt_at, needs_attention, failure_code,
                failure_message, failed_at, fee, completed_at, rejected_at, rejection_code, rejection_reason, cancelled_at,
                refunded_at, reversed_at, updated_at
         FROM payouts WHERE id = $1 FOR NO KEY UPDATE",
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Payout::try_from)
    .transpose()
}

/// What the loser of a race is told.
pub(crate) async fn conflict(conn: &mut PgConnection, payout: &Payout) -> Result<Conflict> {
    Ok(Conflict { status: payout.status, by: audit::last_mover(conn, payout.id).await? })
}

/// A conditional UPDATE that must have met the one row its transaction locked.
pub(crate) fn moved_one(rows: u64, id: PayoutId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(Error::corrupt(format!("payout {id} moved although it was locked"))) }
}
