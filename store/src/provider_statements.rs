//! A provider's month, from the ledger: what they were owed when it began, everything that changed that, and what they were owed
//! when it ended.
//!
//! The balance is what the marketplace owes: available and reserved, less the provider's debt. Guarantee: closing is opening and
//! the sum of the lines, and the next month opens with it, because both are sums over the same entries, cut at the same moment;
//! everything is read in one snapshot. A month is half-open. Cost: one read of the provider's entries in that currency, about
//! three microseconds each, whatever the month; at most [`MAX_LINES`] lines are told.

use chrono::{DateTime, Utc};
use domain::{Currency, EarningId, Money, PayoutId, ProviderId};

use crate::{Error, Pool, Result, payouts::money};

/// What a page of paper takes a hundred times over. Who has more reads the API's lists.
pub const MAX_LINES: usize = 10_000;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Earned,
    Adjusted,
    Paid,
    /// The bank gave a payout back.
    Returned,
    /// More was paid than was asked for: owed back.
    Overpaid,
    /// A payout was not made. What had been set aside is free again; the balance is the same.
    Refunded,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Earned, Self::Adjusted, Self::Paid, Self::Returned, Self::Overpaid, Self::Refunded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earned => "earned",
            Self::Adjusted => "adjusted",
            Self::Paid => "paid",
            Self::Returned => "returned",
            Self::Overpaid => "overpaid",
            Self::Refunded => "refunded",
        }
    }

    /// `None`: it moves between what a provider has free, set aside and owes, and is no line.
    fn of(posting: &str) -> Result<Option<Self>> {
        match posting {
            "earned" => Ok(Some(Self::Earned)),
            "adjusted" => Ok(Some(Self::Adjusted)),
            "paid" => Ok(Some(Self::Paid)),
            "reversed" => Ok(Some(Self::Returned)),
            "overpaid" => Ok(Some(Self::Overpaid)),
            "refunded" => Ok(Some(Self::Refunded)),
            "reserved" | "debt_recovered" | "fee" | "wallet_funded" => Ok(None),
            other => Err(Error::corrupt(format!("posting of kind {other}"))),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: DateTime<Utc>,
    pub kind: Kind,
    pub payout: Option<PayoutId>,
    pub earning: Option<EarningId>,
    /// What it changes the balance by.
    pub amount: Money,
    /// The balance after it.
    pub balance: Money,
    /// With [`Kind::Refunded`]: how much is free again.
    pub freed: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub currency: Currency,
    pub opening: Money,
    pub lines: Vec<Line>,
    pub closing: Money,
    /// Of the closing balance: what could be asked for, what was set aside, and (taken off) what was owed back.
    pub available: Money,
    pub reserved: Money,
    pub debt: Money,
}

/// What came of asking for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    Statement(Box<Statement>),
    /// It would have more than [`MAX_LINES`].
    TooLong,
}

/// Everything from `from` (included) to `to` (not included).
pub async fn make(
    pool: &Pool,
    provider: ProviderId,
    currency: Currency,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Made> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    let sums = sqlx::query!(
        r#"SELECT coalesce(sum(e.amount) FILTER (WHERE p.posted_at < $3), 0) AS "opening!",
                  coalesce(sum(e.amount) FILTER (WHERE a.kind = 'provider_available'), 0) AS "available!",
                  coalesce(sum(e.amount) FILTER (WHERE a.kind = 'provider_reserved'), 0) AS "reserved!",
                  coalesce(-sum(e.amount) FILTER (WHERE a.kind = 'provider_debt'), 0) AS "debt!"
           FROM ledger_accounts a JOIN entries e ON e.account_id = a.id JOIN postings p ON p.id = e.posting_id
           WHERE a.provider_id = $1 AND a.currency = $2 AND p.posted_at < $4
             AND a.kind IN ('provider_available', 'provider_reserved', 'provider_debt')"#,
        provider.uuid(),
        currency.code(),
        from,
        to,
    )
    .fetch_one(&mut *tx)
    .await?;
    let limit = i64::try_from(MAX_LINES).unwrap_or(i64::MAX).saturating_add(1);
    let rows = sqlx::query!(
        r#"SELECT p.kind, p.payout_id, p.earning_id, p.posted_at, sum(e.amount) AS "net!",
                  coalesce(sum(e.amount) FILTER (WHERE a.kind = 'provider_available'), 0) AS "freed!"
           FROM ledger_accounts a JOIN entries e ON e.account_id = a.id JOIN postings p ON p.id = e.posting_id
           WHERE a.provider_id = $1 AND a.currency = $2 AND p.posted_at >= $3 AND p.posted_at < $4
             AND a.kind IN ('provider_available', 'provider_reserved', 'provider_debt')
             AND p.kind NOT IN ('reserved', 'debt_recovered')
           GROUP BY p.id ORDER BY p.posted_at, p.id LIMIT $5"#,
        provider.uuid(),
        currency.code(),
        from,
        to,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    if rows.len() > MAX_LINES {
        return Ok(Made::TooLong);
    }
    let code = currency.code();
    let opening = money(sums.opening, code)?;
    let mut balance = opening;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(kind) = Kind::of(&row.kind)? else { continue };
        let amount = money(row.net, code)?;
        balance = balance.checked_add(amount).map_err(Error::corrupt)?;
        let freed = match kind {
            Kind::Refunded => Some(money(row.freed, code)?),
            Kind::Earned | Kind::Adjusted | Kind::Paid | Kind::Returned | Kind::Overpaid => None,
        };
        lines.push(Line {
            at: row.posted_at,
            kind,
            payout: row.payout_id.map(PayoutId::from_uuid),
            earning: row.earning_id.map(EarningId::from_uuid),
            amount,
            balance,
            freed,
        });
    }
    let (available, reserved, debt) =
        (money(sums.available, code)?, money(sums.reserved, code)?, money(sums.debt, code)?);
    let closing =
        available.checked_add(reserved).and_then(|sum| sum.checked_sub(debt)).map_err(Error::corrupt)?;
    if closing != balance {
        return Err(Error::corrupt(format!(
            "the statement of provider {provider} ends at {balance}, the ledger at {closing}"
        )));
    }
    Ok(Made::Statement(Box::new(Statement { currency, opening, lines, closing, available, reserved, debt })))
}
