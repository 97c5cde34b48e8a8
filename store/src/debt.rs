//! What a provider owes back is taken from what is free, as soon as there is any.
//!
//! Debt arises by an overpayment or by a cut of what was earned. It is recovered right then, and whenever earnings become free:
//! a new earning, a reservation that was refunded, a payment that was returned. So a provider never has both a debt and an
//! available balance.
//!
//! Lock order: everything here holds the provider's four accounts, by id, before it touches an earning.

use chrono::{DateTime, Utc};
use domain::{Currency, EarningId, Money, PostingId, ProviderId};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Error, Result, balances, ledger};

/// For whoever has just freed earnings and holds the available account: costs one read where nothing is owed. `cause` names the
/// event that freed them; each frees once.
pub(crate) async fn recover_if_owed(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    // Whoever adds to a debt holds the available account too: this cannot change under us.
    let owes = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM ledger_accounts
               WHERE kind = 'provider_debt' AND provider_id = $1 AND currency = $2 AND balance < 0) AS "owes!""#,
        provider.uuid(),
        currency.code(),
    )
    .fetch_one(&mut *conn)
    .await?;
    if owes { recover(conn, provider, currency, cause, None, now).await } else { Ok(()) }
}

/// Takes as much of the debt as is free: first of the earning `first`, then of the oldest.
pub(crate) async fn recover(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
    cause: &str,
    first: Option<EarningId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let accounts = balances::lock_accounts(conn, provider, currency).await?;
    let amount = accounts.available.least(accounts.owed).map_err(Error::corrupt)?;
    if amount.is_zero() {
        return Ok(());
    }
    let posting = ledger::debt_recovered(conn, provider, cause, amount, now).await?;
    let mut wanted = amount.amount();
    if let Some(earning) = first {
        let taken = take_from(conn, earning, wanted, posting).await?;
        wanted = wanted.checked_sub(taken).ok_or_else(|| Error::corrupt("a debt is too large"))?;
    }
    let taken = take_oldest(conn, provider, currency, wanted, posting).await?;
    if taken == wanted {
        Ok(())
    } else {
        Err(Error::corrupt(format!(
            "earnings of provider {provider} cover {taken} of {wanted} to be recovered"
        )))
    }
}

async fn take_from(
    conn: &mut PgConnection,
    earning: EarningId,
    wanted: Decimal,
    posting: PostingId,
) -> Result<Decimal> {
    Ok(sqlx::query_scalar!(
        r#"WITH taken AS (
               SELECT id, least(amount - allocated, $2::numeric) AS amount FROM earnings WHERE id = $1 AND allocated < amount
           ), marked AS (
               UPDATE earnings e SET allocated = e.allocated + t.amount, recovered = e.recovered + t.amount
               FROM taken t WHERE e.id = t.id
           ), written AS (
               INSERT INTO recoveries (posting_id, earning_id, amount) SELECT $3, id, amount FROM taken RETURNING amount
           )
           SELECT coalesce(sum(amount), 0) AS "taken!" FROM written"#,
        earning.uuid(),
        wanted,
        posting.uuid(),
    )
    .fetch_one(conn)
    .await?)
}

async fn take_oldest(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
    wanted: Decimal,
    posting: PostingId,
) -> Result<Decimal> {
    if wanted.is_zero() {
        return Ok(wanted);
    }
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE taken AS (
               (SELECT id, earned_at, least(amount - allocated, $3::numeric) AS amount, $3::numeric - (amount - allocated) AS wanted
                FROM earnings
                WHERE provider_id = $1 AND currency = $2 AND allocated < amount
                ORDER BY earned_at, id LIMIT 1)
               UNION ALL
               SELECT next.id, next.earned_at, least(next.free, taken.wanted), taken.wanted - next.free
               FROM taken CROSS JOIN LATERAL (
                   SELECT id, earned_at, amount - allocated AS free
                   FROM earnings
                   WHERE provider_id = $1 AND currency = $2 AND allocated < amount
                     AND (earned_at, id) > (taken.earned_at, taken.id)
                   ORDER BY earned_at, id LIMIT 1) next
               WHERE taken.wanted > 0
           ), marked AS (
               UPDATE earnings e SET allocated = e.allocated + t.amount, recovered = e.recovered + t.amount
               FROM taken t WHERE e.id = t.id
           ), written AS (
               INSERT INTO recoveries (posting_id, earning_id, amount) SELECT $4, id, amount FROM taken RETURNING amount
           )
           SELECT coalesce(sum(amount), 0) AS "taken!" FROM written"#,
        provider.uuid(),
        currency.code(),
        wanted,
        posting.uuid(),
    )
    .fetch_one(conn)
    .await?)
}

/// What had been taken for a debt that turns out not to be owed is free again: latest taken first.
pub(crate) async fn give_back(
    conn: &mut PgConnection,
    provider: ProviderId,
    amount: Money,
    posting: PostingId,
) -> Result<()> {
    if amount.is_zero() {
        return Ok(());
    }
    let given = sqlx::query_scalar!(
        r#"WITH taken AS (
               SELECT id, recovered, sum(recovered) OVER (ORDER BY earned_at DESC, id DESC) AS so_far
               FROM earnings WHERE provider_id = $1 AND currency = $2 AND recovered > 0
           ), given AS (
               SELECT id, least(recovered, $3::numeric - (so_far - recovered)) AS amount
               FROM taken WHERE so_far - recovered < $3::numeric
           ), marked AS (
               UPDATE earnings e SET allocated = e.allocated - g.amount, recovered = e.recovered - g.amount
               FROM given g WHERE e.id = g.id
           ), written AS (
               INSERT INTO recoveries (posting_id, earning_id, amount) SELECT $4, id, -amount FROM given RETURNING amount
           )
           SELECT -coalesce(sum(amount), 0) AS "given!" FROM written"#,
        provider.uuid(),
        amount.currency().code(),
        amount.amount(),
        posting.uuid(),
    )
    .fetch_one(conn)
    .await?;
    if given == amount.amount() {
        Ok(())
    } else {
        Err(Error::corrupt(format!("provider {provider} had {given} of {amount} recovered")))
    }
}
