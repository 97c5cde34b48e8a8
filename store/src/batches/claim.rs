//! Taking approved payouts into a batch, each with its release signal in the same transaction.
//!
//! In turns over the providers: the first payout of each, then the second of each, and so on, the oldest approval first within a
//! turn; whom three windows in a row have passed over for want of funds goes before all others. That is the order in which
//! money and limits are given out where they are short, and in which releases are written where they are not: a provider with
//! a thousand payouts does not stand in front of fifty with one each. What does not fit is passed over and says why
//! ([`domain::Held`]); a smaller one behind it may fit.
//!
//! Cost: one transaction of at most nine statements however many payouts it takes; the sort is over all that are approved. What
//! limits are held against is kept in rows: nothing is counted anew. `cargo xtask bench --claims` measures it.

use chrono::{DateTime, Utc};
use domain::{Allowance, BatchId, Currency, Held, Limits, Money, PayoutId, Purse};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{BatchKind, rules};
use crate::{Error, Pool, Result, payouts::money};

/// Windows that may pass a provider over before it goes first. The statement below says the same.
pub const PASSED_OVER_AT_MOST: i32 = 3;

/// What one chunk came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chunk {
    pub claimed: u32,
    /// Passed over for want of funds or for a limit.
    pub held: u32,
    /// Another chunk may find more.
    pub more: bool,
}

/// Looks at up to `limit` approved payouts and claims those that fit, in turns, which go on from chunk to chunk. While the system is paused nothing is claimed;
/// what is paused by provider, bank or account, and what a suspended provider asked for, is not looked at; nor is what this batch
/// has passed over already, or what came back for want of funds since it was opened. An instant batch leaves those alone for longer
/// each time, up to [`super::LONGEST_FUNDS_REST`]: there may be many of them in a minute.
///
/// Where screening is demanded, what it has not cleared is not looked at either ([`crate::screening`]).
///
/// A payout that somebody else has locked just now is left out: it is moved, or another chunk's. Its own script may only be looking at
/// it; without another look it would wait for a whole window.
pub async fn claim_chunk(pool: &Pool, batch: BatchId, limit: i64, now: DateTime<Utc>) -> Result<Chunk> {
    let mut tx = pool.begin().await?;
    let open = sqlx::query!(
        "SELECT opened_at, kind, screened_since FROM batches WHERE id = $1 AND status = 'OPEN' FOR NO KEY UPDATE",
        batch.uuid()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(open) = open else { return Ok(Chunk::default()) };
    let instant = match BatchKind::parse(&open.kind)? {
        BatchKind::Instant => true,
        BatchKind::Window | BatchKind::RunNow => false,
    };
    let paused = sqlx::query_scalar!("SELECT paused FROM control FOR SHARE").fetch_one(&mut *tx).await?;
    if paused {
        return Ok(Chunk::default());
    }
    let next = sqlx::query_scalar!(
        r#"SELECT ready.id
           FROM (SELECT p.id, p.approved_at,
                        coalesce(taken.payouts, 0)
                        + row_number() OVER (PARTITION BY p.provider_id, p.currency ORDER BY p.approved_at, p.id) AS turn,
                        o.windows >= 3 AS passed_over
                 FROM payouts p
                 LEFT JOIN (SELECT provider_id, currency, count(*) AS payouts FROM payouts WHERE batch_id = $6
                            GROUP BY provider_id, currency) taken
                        ON taken.provider_id = p.provider_id AND taken.currency = p.currency JOIN providers v ON v.id = p.provider_id AND v.status = 'ACTIVE'
                 JOIN bank_accounts b ON b.id = p.bank_account_id
                 LEFT JOIN passed_over o ON o.provider_id = p.provider_id AND o.currency = p.currency
                 WHERE p.status = 'APPROVED' AND p.approved_at <= $2
                   AND (p.held IS NULL OR p.held = 'paused'
                        OR p.updated_at < CASE WHEN $4 THEN $2 - funds_rest(p.attempts, p.counted_failures) ELSE $3 END)
                   AND NOT EXISTS (
                       SELECT FROM pauses s WHERE (s.scope, s.subject) IN
                           (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text)))
                   AND ($5::timestamptz IS NULL OR screened(p, $5) = 'clear')) ready
           ORDER BY (ready.turn = 1 AND ready.passed_over IS TRUE) DESC, ready.turn, ready.approved_at, ready.id
           LIMIT $1"#,
        limit,
        now,
        open.opened_at,
        instant,
        open.screened_since,
        batch.uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    if next.is_empty() {
        return Ok(Chunk::default());
    }
    let found = i64::try_from(next.len()).map_err(Error::corrupt)?;
    let waiting = lock(&mut tx, &next).await?;
    let left_out = waiting.len() < next.len();
    let (taken, left) = choose(&mut tx, batch, &waiting, now).await?;
    let claimed = claim(&mut tx, batch, &taken, open.screened_since.is_some(), now).await?;
    let held = hold(&mut tx, batch, &left, now).await?;
    tx.commit().await?;
    Ok(Chunk { claimed, held, more: found == limit || left_out })
}

/// A payout that waits for a batch, and that this transaction has locked.
struct Ready {
    /// In the order in which they are to leave.
    place: i64,
    payout: PayoutId,
    amount: Money,
}

/// Those of them that nobody else is moving, in the given order.
async fn lock(conn: &mut PgConnection, next: &[Uuid]) -> Result<Vec<Ready>> {
    let rows = sqlx::query!(
        r#"SELECT n.place AS "place!", p.id, p.amount, p.currency
         FROM unnest($1::uuid[]) WITH ORDINALITY AS n (id, place) JOIN payouts p ON p.id = n.id
         WHERE p.status = 'APPROVED'
         ORDER BY n.place
         FOR NO KEY UPDATE OF p SKIP LOCKED"#,
        next,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let amount = money(row.amount, &row.currency)?;
            Ok(Ready { place: row.place, payout: PayoutId::from_uuid(row.id), amount })
        })
        .collect()
}

type Taken = Vec<PayoutId>;
type Left = Vec<(PayoutId, Held)>;

/// Gives money and limits out, and takes what was given from the funds that all batches share.
async fn choose(
    conn: &mut PgConnection,
    batch: BatchId,
    waiting: &[Ready],
    now: DateTime<Utc>,
) -> Result<(Taken, Left)> {
    let (mut taken, mut left) = (vec![], vec![]);
    let limits = rules::get_in(conn).await?.limits;
    // Always in this order: two batches at once lock the funds in the same order.
    for currency in Currency::ALL {
        let of_currency = || waiting.iter().filter(|ready| ready.amount.currency() == currency);
        if of_currency().next().is_none() {
            continue;
        }
        let mut purse = purse(conn, batch, currency, &limits, now).await?;
        let (mut claims, mut claimed) = (0_i64, Money::zero(currency));
        for ready in of_currency() {
            match purse.take(ready.amount) {
                Ok(()) => {
                    taken.push((ready.place, ready.payout));
                    claims = claims.saturating_add(1);
                    claimed = claimed.checked_add(ready.amount).map_err(Error::corrupt)?;
                }
                Err(why) => left.push((ready.payout, why)),
            }
        }
        sqlx::query!(
            "UPDATE funds SET spendable = $2, claims = claims + $3, claimed = claimed + $4 WHERE currency = $1",
            currency.code(),
            purse.spendable,
            claims,
            claimed.amount(),
        )
        .execute(&mut *conn)
        .await?;
    }
    // The turns go over all currencies.
    taken.sort_unstable();
    Ok((taken.into_iter().map(|(_, payout)| payout).collect(), left))
}

async fn purse(
    conn: &mut PgConnection,
    batch: BatchId,
    currency: Currency,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<Purse> {
    let funds = sqlx::query!(
        "SELECT spendable, fee_each FROM funds WHERE currency = $1 FOR NO KEY UPDATE",
        currency.code(),
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut left = vec![];
    if let Some(allowance) = limits.of_batch(currency) {
        let row = sqlx::query!(
            "SELECT kept_payouts, kept_amount FROM batch_sums WHERE batch_id = $1 AND currency = $2",
            batch.uuid(),
            currency.code(),
        )
        .fetch_optional(&mut *conn)
        .await?;
        let (payouts, amount) = row.map_or((0, Decimal::ZERO), |row| (row.kept_payouts, row.kept_amount));
        left.push(rest(allowance, payouts, amount)?);
    }
    if let Some(allowance) = limits.of_day(currency) {
        let row = sqlx::query!(
            r#"SELECT coalesce(sum(payouts), 0)::bigint AS "payouts!", coalesce(sum(amount), 0) AS "amount!"
               FROM claimed_quarters WHERE quarter >= $1 AND currency = $2"#,
            limits.day_began(now),
            currency.code(),
        )
        .fetch_one(&mut *conn)
        .await?;
        left.push(rest(allowance, row.payouts, row.amount)?);
    }
    Ok(Purse { spendable: funds.spendable, fee_each: funds.fee_each, limits: left })
}

fn rest(allowance: Allowance, payouts: i64, amount: Decimal) -> Result<Allowance> {
    Ok(allowance.after(u32::try_from(payouts).map_err(Error::corrupt)?, amount))
}

/// Moves them, in the order in which they are to leave, each with its release at the pace of the batch ([`super::set_pace`]).
async fn claim(
    conn: &mut PgConnection,
    batch: BatchId,
    taken: &[PayoutId],
    screened: bool,
    now: DateTime<Utc>,
) -> Result<u32> {
    if taken.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = taken.iter().map(|payout| payout.uuid()).collect();
    let claimed = sqlx::query_scalar!(
        r#"WITH claimed AS (
               UPDATE payouts p SET status = 'PROCESSING', batch_id = $1, claimed_at = $3, held = NULL, held_batch = NULL,
                      updated_at = $3
               FROM unnest($2::uuid[]) WITH ORDINALITY AS n (id, place)
               WHERE p.id = n.id AND p.status = 'APPROVED'
               RETURNING p.id, p.provider_id, p.bank_account_id, p.amount, p.currency, n.place
           ), released AS (
               INSERT INTO outbox (kind, payout_id, signal, created_at, next_try_at, due_at)
               SELECT 'signal', c.id, 'release', $3, $3, release_due(b, b.payouts + row_number() OVER (ORDER BY c.place))
               FROM claimed c, batches b WHERE b.id = $1 ORDER BY c.place
           ), audited AS (
               INSERT INTO audit (at, actor, action, payout_id, detail)
               SELECT $3, 'system', 'claimed', c.id,
                      jsonb_strip_nulls(jsonb_build_object('batch', $1::uuid, 'screening', s.verdict, 'list_version', s.list_version))
               FROM claimed c LEFT JOIN LATERAL (
                   SELECT verdict, list_version FROM screenings s
                   WHERE $4 AND s.provider_id = c.provider_id AND s.bank_account_id = c.bank_account_id
                   ORDER BY s.answered_at DESC, s.id DESC LIMIT 1) s ON true
               ORDER BY c.place
           ), summed AS (
               INSERT INTO batch_sums (batch_id, currency, amount, kept_payouts, kept_amount)
               SELECT $1, currency, sum(amount), count(*), sum(amount) FROM claimed GROUP BY currency
               ON CONFLICT (batch_id, currency) DO UPDATE SET
                   amount = batch_sums.amount + excluded.amount,
                   kept_payouts = batch_sums.kept_payouts + excluded.kept_payouts,
                   kept_amount = batch_sums.kept_amount + excluded.kept_amount
           ), of_the_day AS (
               INSERT INTO claimed_quarters AS q (quarter, currency, payouts, amount)
               SELECT quarter_of($3), currency, count(*), sum(amount) FROM claimed GROUP BY currency
               ON CONFLICT (quarter, currency) DO UPDATE SET
                   payouts = q.payouts + excluded.payouts, amount = q.amount + excluded.amount
           ), counted AS (
               UPDATE batches SET payouts = payouts + (SELECT count(*) FROM claimed)::integer WHERE id = $1 AND status = 'OPEN'
           )
           SELECT count(*) AS "claimed!" FROM claimed"#,
        batch.uuid(),
        &ids,
        now,
        screened,
    )
    .fetch_one(conn)
    .await?;
    if claimed == i64::try_from(ids.len()).map_err(Error::corrupt)? {
        u32::try_from(claimed).map_err(Error::corrupt)
    } else {
        Err(Error::corrupt(format!("{claimed} of {} locked payouts were approved", ids.len())))
    }
}

/// Leaves them approved, with the reason. Their timeline tells it once, not window after window.
async fn hold(
    conn: &mut PgConnection,
    batch: BatchId,
    left: &[(PayoutId, Held)],
    now: DateTime<Utc>,
) -> Result<u32> {
    if left.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = left.iter().map(|(payout, _)| payout.uuid()).collect();
    let reasons: Vec<String> = left.iter().map(|(_, why)| why.as_str().to_owned()).collect();
    let held = sqlx::query_scalar!(
        r#"WITH held AS (
               UPDATE payouts p SET held = n.reason, held_batch = $1, updated_at = $4
               FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS n (id, reason, place)
               JOIN payouts before ON before.id = n.id
               WHERE p.id = n.id AND p.status = 'APPROVED'
               RETURNING p.id, p.amount, p.currency, n.reason, n.place, before.held AS held_before
           ), audited AS (
               INSERT INTO audit (at, actor, action, payout_id, reason, detail)
               SELECT $4, 'system', 'held', id, reason, jsonb_build_object('batch', $1::uuid)
               FROM held WHERE held_before IS DISTINCT FROM reason ORDER BY place
           ), summed AS (
               INSERT INTO batch_held (batch_id, reason, currency, payouts, amount)
               SELECT $1, reason, currency, count(*)::integer, sum(amount) FROM held GROUP BY reason, currency
               ON CONFLICT (batch_id, reason, currency) DO UPDATE
                   SET payouts = batch_held.payouts + excluded.payouts, amount = batch_held.amount + excluded.amount
           )
           SELECT count(*) AS "held!" FROM held"#,
        batch.uuid(),
        &ids,
        &reasons,
        now,
    )
    .fetch_one(conn)
    .await?;
    u32::try_from(held).map_err(Error::corrupt)
}
