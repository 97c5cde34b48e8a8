//! Asking for a payout: one transaction that checks, reserves, and writes what must go out.
//!
//! The idempotency key is a row of the same transaction: a second request under the key waits for the first, a refused one
//! leaves no row behind. Nine statements on the happy path.

use chrono::{DateTime, Utc};
use domain::{BankAccountId, Money, PausedBy, PayoutId, ProviderId};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Payout, get_in, standing::paused_account};
use crate::{
    Actor, Error, Pool, Result, audit, balances,
    notifications::{self, Event},
    outbox, reservations,
};

#[derive(Debug, Clone)]
pub struct NewPayout {
    pub provider: ProviderId,
    pub bank_account: BankAccountId,
    /// Positive, at the currency's scale.
    pub amount: Money,
    /// 1 to 255 characters, the caller's.
    pub idempotency_key: String,
    /// SHA-256 of what was asked for: the same key with another hash is refused.
    pub body_hash: [u8; 32],
}

#[derive(Debug, Clone, PartialEq)]
pub enum Requested {
    New {
        payout: Box<Payout>,
        answer: Value,
    },
    /// The first answer under this key, as it was given.
    Again {
        answer: Value,
    },
}

/// Nothing was written and the key is still free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefused {
    InsufficientBalance { available: Money },
    KeyReused,
    UnknownProvider,
    UnknownBankAccount,
    BankAccountCoolingOff { until: DateTime<Utc> },
    BankAccountCurrency,
    ProviderSuspended,
}

/// `render` makes the answer that is stored under the key.
pub async fn request(
    pool: &Pool,
    new: &NewPayout,
    render: impl Fn(&Payout) -> Value + Send,
    now: DateTime<Utc>,
) -> Result<Result<Requested, RequestRefused>> {
    let mut tx = pool.begin().await?;
    let key = KeyUse { provider: new.provider, key: &new.idempotency_key, body_hash: &new.body_hash };
    match take_key(&mut tx, &key, now).await? {
        Key::Taken => {}
        Key::Answered(answer) => return Ok(Ok(Requested::Again { answer })),
        Key::OtherBody => return Ok(Err(RequestRefused::KeyReused)),
        Key::UnknownProvider => return Ok(Err(RequestRefused::UnknownProvider)),
    }
    let asked =
        Asked { provider: new.provider, bank_account: new.bank_account, amount: new.amount, replaces: None };
    let (id, payout) = match write(&mut tx, &asked, now).await? {
        Ok(written) => written,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let answer = render(&payout);
    keep_answer(&mut tx, &key, id, &answer).await?;
    tx.commit().await?;
    Ok(Ok(Requested::New { payout: Box::new(payout), answer }))
}

/// What is asked for, whoever asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) provider: ProviderId,
    pub(crate) bank_account: BankAccountId,
    pub(crate) amount: Money,
    /// The payout that this one is asked for instead of.
    pub(crate) replaces: Option<PayoutId>,
}

/// Checks, reserves, and writes the payout with what must go out. A refusal has written nothing.
pub(crate) async fn write(
    conn: &mut PgConnection,
    new: &Asked,
    now: DateTime<Utc>,
) -> Result<Result<(PayoutId, Payout), RequestRefused>> {
    if let Some(refusal) = refuse_account(conn, new, now).await? {
        return Ok(Err(refusal));
    }
    let available = balances::lock_available(conn, new.provider, new.amount.currency()).await?;
    if let Some(refusal) = refuse_amount(available, new.amount)? {
        return Ok(Err(refusal));
    }
    let id = PayoutId::mint();
    sqlx::query!(
        "INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, requested_at, updated_at, replaces)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        id.uuid(),
        new.provider.uuid(),
        new.bank_account.uuid(),
        new.amount.amount(),
        new.amount.currency().code(),
        now,
        new.replaces.map(PayoutId::uuid),
    )
    .execute(&mut *conn)
    .await?;
    reservations::reserve(conn, new.provider, id, new.amount, now).await?;
    let actor = Actor::provider(new.provider);
    let detail = match new.replaces {
        None => json!({ "amount": new.amount }),
        Some(old) => json!({ "amount": new.amount, "replaces": old }),
    };
    audit::record(conn, &actor, "requested", id, None, detail, now).await?;
    notifications::tell(conn, id, new.provider, Event::Received, new.amount, None, now).await?;
    outbox::start(conn, id, now).await?;
    let Some(payout) = get_in(conn, id).await? else {
        return Err(Error::corrupt(format!("payout {id} is gone in its own transaction")));
    };
    Ok(Ok((id, payout)))
}

/// What would refuse a request now, as [`request`] judges it, in its order; and who would hold up what it makes. Writes and locks
/// nothing, so that a request a moment later may hear otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacles {
    pub refusals: Vec<RequestRefused>,
    pub paused: Option<PausedBy>,
}

pub async fn obstacles(
    pool: &Pool,
    provider: ProviderId,
    bank_account: BankAccountId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<Obstacles> {
    let mut conn = pool.acquire().await?;
    let asked = Asked { provider, bank_account, amount, replaces: None };
    let account = refuse_account(&mut conn, &asked, now).await?;
    let available = balances::available(&mut conn, provider, amount.currency()).await?;
    let paused = paused_account(&mut conn, bank_account).await?;
    let refusals = account.into_iter().chain(refuse_amount(available, amount)?).collect();
    Ok(Obstacles { refusals, paused })
}

fn refuse_amount(available: Decimal, amount: Money) -> Result<Option<RequestRefused>> {
    if available >= amount.amount() {
        return Ok(None);
    }
    let available = super::money(available, amount.currency().code())?;
    Ok(Some(RequestRefused::InsufficientBalance { available }))
}

/// An idempotency key and what it is used for.
pub(crate) struct KeyUse<'a> {
    pub(crate) provider: ProviderId,
    pub(crate) key: &'a str,
    pub(crate) body_hash: &'a [u8; 32],
}

/// What came of taking one.
pub(crate) enum Key {
    Taken,
    Answered(Value),
    OtherBody,
    UnknownProvider,
}

/// Inserts the key, or waits for whoever is using it and answers what they got.
pub(crate) async fn take_key(conn: &mut PgConnection, taken: &KeyUse<'_>, now: DateTime<Utc>) -> Result<Key> {
    let inserted = sqlx::query!(
        "INSERT INTO idempotency_keys (provider_id, key, body_hash, created_at)
         SELECT id, $2, $3, $4 FROM providers WHERE id = $1
         ON CONFLICT DO NOTHING",
        taken.provider.uuid(),
        taken.key,
        taken.body_hash,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if inserted == 1 {
        return Ok(Key::Taken);
    }
    let saved = sqlx::query!(
        "SELECT body_hash, answer FROM idempotency_keys WHERE provider_id = $1 AND key = $2",
        taken.provider.uuid(),
        taken.key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(match saved {
        None => Key::UnknownProvider,
        Some(saved) if saved.body_hash != taken.body_hash => Key::OtherBody,
        Some(saved) => Key::Answered(saved.answer.unwrap_or_default()),
    })
}

/// Keeps the answer under the key, in the transaction that took it.
pub(crate) async fn keep_answer(
    conn: &mut PgConnection,
    taken: &KeyUse<'_>,
    payout: PayoutId,
    answer: &Value,
) -> Result<()> {
    sqlx::query!(
        "UPDATE idempotency_keys SET payout_id = $3, answer = $4 WHERE provider_id = $1 AND key = $2",
        taken.provider.uuid(),
        taken.key,
        payout.uuid(),
        answer,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn refuse_account(
    conn: &mut PgConnection,
    new: &Asked,
    now: DateTime<Utc>,
) -> Result<Option<RequestRefused>> {
    let found = sqlx::query!(
        r#"SELECT p.status AS provider_status, b.currency, b.usable_from
           FROM providers p JOIN bank_accounts b ON b.provider_id = p.id AND b.status = 'ACTIVE'
           WHERE p.id = $1 AND b.id = $2"#,
        new.provider.uuid(),
        new.bank_account.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(match found {
        None => Some(RequestRefused::UnknownBankAccount),
        Some(row) if row.provider_status != "ACTIVE" => Some(RequestRefused::ProviderSuspended),
        Some(row) if row.currency != new.amount.currency().code() => {
            Some(RequestRefused::BankAccountCurrency)
        }
        Some(row) if row.usable_from > now => {
            Some(RequestRefused::BankAccountCoolingOff { until: row.usable_from })
        }
        Some(_) => None,
    })
}

/// Keys are kept 30 days; the caller says what that is. At most a thousand at a time, so that it never holds locks for long.
pub async fn forget_old_keys(pool: &Pool, older_than: DateTime<Utc>) -> Result<u64> {
    Ok(sqlx::query!(
        "DELETE FROM idempotency_keys WHERE (provider_id, key) IN
             (SELECT provider_id, key FROM idempotency_keys WHERE created_at < $1 LIMIT 1000)",
        older_than
    )
    .execute(pool)
    .await?
    .rows_affected())
}
