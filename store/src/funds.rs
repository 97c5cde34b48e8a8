//! What may be claimed of the merchant's wallet.
//!
//! Spendable = what the gateway says can be spent, without what is claimed (or is to be tried again) and not debited yet.
//! What was accepted counts as not debited for [`DEBIT_TAKES`] after it was sent, because the gateway says neither when it
//! debits nor what its balance includes; so does what was sent and not answered. The careful side: a payout may wait a
//! window longer than it must.
//!
//! What is claimed while the gateway is being asked counts as not debited: [`see`] is given what was claimed before the question.
//! What is claimed afterwards takes its part away itself. Cost: what is under way, by index.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, Money};
use rust_decimal::Decimal;

use crate::{Error, Pool, Result, payouts::money};

/// After this long the gateway has debited what it accepted, or will not.
pub const DEBIT_TAKES: TimeDelta = TimeDelta::minutes(10);

/// The wallet in one currency, as a batch saw it last, and what batches have left of it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    pub currency: Currency,
    /// `None`: nobody has asked yet.
    pub asked_at: Option<DateTime<Utc>>,
    /// `None`: the gateway could not be asked.
    pub balance: Option<Money>,
    pub spendable: Option<Money>,
    /// What a transfer costs besides its amount, at most.
    pub fee_each: Money,
}

/// What waits for money in one currency: approved by now, and not held for anything else than money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub currency: Currency,
    pub payouts: u32,
    pub amount: Money,
    /// The largest of them: what the fee is asked for.
    pub largest: Money,
}

/// What was approved by now, by currency.
pub async fn asked(pool: &Pool, now: DateTime<Utc>) -> Result<Vec<Asked>> {
    let rows = sqlx::query!(
        r#"SELECT currency AS "currency!", count(*) AS "payouts!", sum(amount) AS "amount!", max(amount) AS "largest!"
           FROM waiting_for_a_batch($1) WHERE status = 'APPROVED' GROUP BY currency ORDER BY currency"#,
        now,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Asked {
                currency: row.currency.parse().map_err(Error::corrupt)?,
                payouts: u32::try_from(row.payouts).map_err(Error::corrupt)?,
                amount: money(row.amount, &row.currency)?,
                largest: money(row.largest, &row.currency)?,
            })
        })
        .collect()
}

/// What the gateway was asked and said.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    pub currency: Currency,
    /// A moment before the question.
    pub asked_at: DateTime<Utc>,
    /// `None`: it could not be asked.
    pub balance: Option<Money>,
    /// `None`: it could not be asked; the last one known stays.
    pub fee_each: Option<Money>,
    /// What was claimed and not debited at `asked_at`, by [`claimed_and_not_debited`] before the question.
    pub undebited: Undebited,
}

/// Money that the wallet will lose and has not lost yet, as far as we can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undebited {
    pub payouts: u32,
    pub amount: Decimal,
    /// What batches had ever claimed then.
    claims: i64,
    claimed: Decimal,
}

/// What was claimed, or is to be tried again, and is not debited. Asked before the gateway is: what it debits meanwhile is taken
/// away twice rather than not at all.
pub async fn claimed_and_not_debited(
    pool: &Pool,
    currency: Currency,
    now: DateTime<Utc>,
) -> Result<Undebited> {
    // One statement, so one moment: a claim is in the first sum and in the second, or in neither.
    let row = sqlx::query!(
        r#"SELECT count(u.amount) AS "payouts!", coalesce(sum(u.amount), 0) AS "amount!", f.claims, f.claimed
           FROM funds f LEFT JOIN (
                 SELECT p.amount, p.currency FROM payouts p
                 LEFT JOIN attempts a ON a.payout_id = p.id AND a.status <> 'FAILED' AND NOT a.late
                 WHERE p.status = 'PROCESSING'
                   AND (a.id IS NULL OR a.sends = 0 OR (a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN') AND a.send_deadline > $2))
                 UNION ALL
                 SELECT p.amount, p.currency FROM payouts p WHERE p.next_attempt_at IS NOT NULL) u ON u.currency = f.currency
           WHERE f.currency = $1 GROUP BY f.currency"#,
        currency.code(),
        now.checked_sub_signed(DEBIT_TAKES).unwrap_or(now),
    )
    .fetch_one(pool)
    .await?;
    Ok(Undebited {
        payouts: u32::try_from(row.payouts).map_err(Error::corrupt)?,
        amount: row.amount,
        claims: row.claims,
        claimed: row.claimed,
    })
}

/// Writes down what the gateway said, for claims to spend. An older look never replaces a younger one.
pub async fn see(pool: &Pool, sight: &Sight) -> Result<()> {
    let mut tx = pool.begin().await?;
    let known = sqlx::query!(
        "SELECT fee_each, claims, claimed FROM funds WHERE currency = $1 FOR NO KEY UPDATE",
        sight.currency.code(),
    )
    .fetch_one(&mut *tx)
    .await?;
    let fee_each = sight.fee_each.map_or(known.fee_each, Money::amount);
    let before = &sight.undebited;
    let left = |balance: Money| {
        let claims = known.claims.checked_sub(before.claims)?.checked_add(before.payouts.into())?;
        let claimed = known.claimed.checked_sub(before.claimed)?.checked_add(before.amount)?;
        let fees = Decimal::from(claims).checked_mul(fee_each)?;
        balance.amount().checked_sub(claimed)?.checked_sub(fees)
    };
    let spendable = match sight.balance {
        None => None,
        Some(balance) => Some(left(balance).ok_or_else(|| Error::corrupt("more money than can be counted"))?),
    };
    sqlx::query!(
        "UPDATE funds SET asked_at = $2, balance = $3, spendable = $4, fee_each = $5
         WHERE currency = $1 AND (asked_at IS NULL OR asked_at <= $2)",
        sight.currency.code(),
        sight.asked_at,
        sight.balance.map(Money::amount),
        spendable,
        fee_each,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// As they were seen last.
pub async fn seen(pool: &Pool) -> Result<Vec<Funds>> {
    let rows =
        sqlx::query!("SELECT currency, asked_at, balance, spendable, fee_each FROM funds ORDER BY currency")
            .fetch_all(pool)
            .await?;
    rows.into_iter()
        .map(|row| {
            let amount =
                |amount: Option<Decimal>| amount.map(|amount| money(amount, &row.currency)).transpose();
            Ok(Funds {
                currency: row.currency.parse().map_err(Error::corrupt)?,
                asked_at: row.asked_at,
                balance: amount(row.balance)?,
                spendable: amount(row.spendable)?,
                fee_each: money(row.fee_each, &row.currency)?,
            })
        })
        .collect()
}

impl Funds {
    /// What would be left if everybody who asks were paid; below zero is what is missing. `None`: the gateway could not be asked.
    pub fn left_for(&self, asked: &Asked) -> Option<Decimal> {
        let fees = Decimal::from(asked.payouts).checked_mul(self.fee_each.amount())?;
        let cost = asked.amount.amount().checked_add(fees)?;
        self.spendable?.amount().checked_sub(cost)
    }
}
