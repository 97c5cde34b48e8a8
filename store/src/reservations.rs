//! The part of a provider's earnings set aside for one open payout.
//!
//! Architecture invariant: whoever changes a provider's allocations or earnings has booked the movement first and so holds the
//! provider's reserved account, or has locked all of their accounts. Earnings are then read and changed by one transaction at a
//! time, in a statement that began after everybody before had committed; and nobody waits for an account while holding an
//! earning, but for those with a higher id.

use chrono::{DateTime, Utc};
use domain::{AttemptId, Money, PayoutId, ProviderId};
use sqlx::PgConnection;

use crate::{Error, Result, debt, ledger};

/// Sets aside `amount`, oldest earnings first and partially where needed, and books it. The caller has locked the available
/// balance and seen that it is enough; earnings that do not add up to it are a corrupt book and nothing is written.
///
/// It goes from one earning to the next along the index until it has enough, so it costs what it takes, however many small
/// earnings the provider has left.
pub(crate) async fn reserve(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    ledger::reserved(conn, provider, payout, amount, now).await?;
    let taken = sqlx::query_scalar!(
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
               UPDATE earnings e SET allocated = e.allocated + t.amount FROM taken t WHERE e.id = t.id
           ), allocated AS (
               INSERT INTO allocations (payout_id, earning_id, amount) SELECT $4, id, amount FROM taken RETURNING amount
           )
           SELECT coalesce(sum(amount), 0) AS "taken!" FROM allocated"#,
        provider.uuid(),
        amount.currency().code(),
        amount.amount(),
        payout.uuid(),
    )
    .fetch_one(conn)
    .await?;
    if taken == amount.amount() {
        Ok(())
    } else {
        Err(Error::corrupt(format!("earnings cover {taken} of payout {payout}, the ledger said {amount}")))
    }
}

/// Gives the reservation back to the balance, and takes from it what the provider owes.
pub(crate) async fn refund(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    ledger::refunded(conn, provider, payout, amount, now).await?;
    let freed = sqlx::query_scalar!(
        r#"WITH freed AS (
               UPDATE allocations SET state = 'REFUNDED' WHERE payout_id = $1 AND state = 'RESERVED' RETURNING earning_id, amount
           ), unmarked AS (
               UPDATE earnings e SET allocated = e.allocated - f.amount FROM freed f WHERE e.id = f.earning_id
           )
           SELECT coalesce(sum(amount), 0) AS "freed!" FROM freed"#,
        payout.uuid(),
    )
    .fetch_one(&mut *conn)
    .await?;
    settled_whole(payout, freed, amount)?;
    debt::recover_if_owed(conn, provider, amount.currency(), &format!("refunded:{payout}"), now).await
}

/// Settles the reservation: the earnings it was made of have been paid, by this attempt.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    ledger::paid(conn, provider, payout, attempt, amount, now).await?;
    let paid = sqlx::query_scalar!(
        r#"WITH settled AS (
               UPDATE allocations SET state = 'PAID' WHERE payout_id = $1 AND state = 'RESERVED' RETURNING earning_id, amount
           ), marked AS (
               UPDATE earnings e SET paid = e.paid + s.amount FROM settled s WHERE e.id = s.earning_id
           )
           SELECT coalesce(sum(amount), 0) AS "paid!" FROM settled"#,
        payout.uuid(),
    )
    .fetch_one(conn)
    .await?;
    settled_whole(payout, paid, amount)
}

/// The bank gave back what this attempt had paid: the earnings are free again.
pub(crate) async fn give_back(
    conn: &mut PgConnection,
    provider: ProviderId,
    payout: PayoutId,
    attempt: AttemptId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<()> {
    ledger::reversed(conn, provider, payout, attempt, amount, now).await?;
    let returned = sqlx::query_scalar!(
        r#"WITH returned AS (
               UPDATE allocations SET state = 'RETURNED' WHERE payout_id = $1 AND state = 'PAID' RETURNING earning_id, amount
           ), marked AS (
               UPDATE earnings e SET paid = e.paid - r.amount, allocated = e.allocated - r.amount
               FROM returned r WHERE e.id = r.earning_id
           )
           SELECT coalesce(sum(amount), 0) AS "returned!" FROM returned"#,
        payout.uuid(),
    )
    .fetch_one(conn)
    .await?;
    settled_whole(payout, returned, amount)
}

fn settled_whole(payout: PayoutId, moved: rust_decimal::Decimal, amount: Money) -> Result<()> {
    if moved == amount.amount() {
        Ok(())
    } else {
        Err(Error::corrupt(format!("payout {payout} of {amount} had {moved} reserved")))
    }
}
