//! What waits for the next windows, and the warning ahead of one that the wallet will not do for.

use chrono::{DateTime, Utc};
use domain::{Allowance, Currency, forecast::Waiting};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    Error, Pool, Result,
    alerts::{self, Alert},
    batches::rules,
    funds::{self, Funds},
};

/// What waits, by currency; only currencies in which something does. `now`: what is approved by then. The wallet is as it was last
/// seen ([`funds::seen`]): whoever wants it fresh looks first.
pub async fn waiting(pool: &Pool, now: DateTime<Utc>) -> Result<Vec<(Waiting, Funds)>> {
    let limits = rules::get(pool).await?.limits;
    let rows = sqlx::query!(
        r#"SELECT currency AS "currency!", count(*) FILTER (WHERE status = 'APPROVED') AS "approved!",
                  coalesce(sum(amount) FILTER (WHERE status = 'APPROVED'), 0) AS "amount!",
                  count(*) FILTER (WHERE status = 'REQUESTED') AS "reviews!",
                  coalesce(sum(amount) FILTER (WHERE status = 'REQUESTED'), 0) AS "in_review!"
           FROM waiting_for_a_batch($1)
           GROUP BY currency"#,
        now,
    )
    .fetch_all(pool)
    .await?;
    let seen = funds::seen(pool).await?;
    let mut found = vec![];
    for row in rows {
        let currency: Currency = row.currency.parse().map_err(Error::corrupt)?;
        let funds = seen.iter().find(|funds| funds.currency == currency);
        let Some(funds) = funds else { return Err(Error::corrupt(format!("no funds in {currency}"))) };
        let waiting = Waiting {
            currency,
            payouts: u32::try_from(row.approved).map_err(Error::corrupt)?,
            amount: row.amount,
            in_review: row.in_review,
            payouts_in_review: u32::try_from(row.reviews).map_err(Error::corrupt)?,
            spendable: funds.spendable.map(domain::Money::amount),
            fee_each: funds.fee_each.amount(),
            limit: limits.of_batch(currency).unwrap_or(Allowance::UNLIMITED),
        };
        found.push((waiting, *funds));
    }
    Ok(found)
}

/// Tells finance that the window will be short, once a window and currency. Answers whether they were told now.
pub async fn warn(
    pool: &Pool,
    window: DateTime<Utc>,
    currency: Currency,
    shortfall: Decimal,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    if !first(&mut tx, window, currency, shortfall, now).await? {
        return Ok(false);
    }
    let words = format!(
        "The batch at {window} will be short of {} {currency}: top the wallet up before then.",
        shortfall.normalize()
    );
    let key = format!("{}:{currency}", window.to_rfc3339());
    alerts::tell(&mut tx, Alert::FundingShort, &key, &words, now).await?;
    tx.commit().await?;
    Ok(true)
}

async fn first(
    conn: &mut PgConnection,
    window: DateTime<Utc>,
    currency: Currency,
    shortfall: Decimal,
    now: DateTime<Utc>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO window_warnings (window_at, currency, shortfall, warned_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (window_at, currency) DO NOTHING",
        window,
        currency.code(),
        shortfall,
        now,
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(inserted == 1)
}
