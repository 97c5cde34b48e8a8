//! What happened in a period, for charts.
//!
//! Cost: three statements, each along one covering index, over what ended within the period and nothing else (a failed attempt asks
//! its payout for the currency); about a second for a million payouts within it. The caller bounds the period. Days are those of
//! one time zone.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Currency, Money};

use crate::{Pool, Result, payouts::money};

/// From (included) and to (not included).
#[derive(Debug, Clone, Copy)]
pub struct Period {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// The median and the 95th percentile, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    pub p50: i64,
    pub p95: i64,
}

/// What was paid on one day, and how long it had taken.
#[derive(Debug, Clone)]
pub struct Paid {
    pub day: NaiveDate,
    pub payouts: i64,
    pub sum: Money,
    /// From the request to the gateway's confirmation.
    pub whole: Spread,
    /// From the request to the approval.
    pub until_approved: Spread,
    /// From the approval to the batch.
    pub until_claimed: Spread,
    /// From the batch to the gateway's confirmation, with every retry.
    pub until_paid: Spread,
}

/// How often attempts failed for one reason.
#[derive(Debug, Clone)]
pub struct Failures {
    /// A [`domain::FailureCode`].
    pub code: String,
    pub attempts: i64,
}

/// The reviews that were closed on one day.
#[derive(Debug, Clone)]
pub struct Reviewed {
    pub day: NaiveDate,
    pub reviews: i64,
    /// From opened to closed.
    pub waited: Spread,
}

#[derive(Debug, Clone)]
pub struct Statistics {
    pub paid: Vec<Paid>,
    /// Most frequent first.
    pub failures: Vec<Failures>,
    pub reviewed: Vec<Reviewed>,
}

/// `zone` is the name of a time zone that both sides know.
pub async fn of(pool: &Pool, currency: Currency, period: Period, zone: &str) -> Result<Statistics> {
    let paid = sqlx::query!(
        r#"SELECT (completed_at AT TIME ZONE $4)::date AS "day!", count(*) AS "payouts!", sum(amount) AS "sum!",
                  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP
                      (ORDER BY extract(epoch FROM completed_at - requested_at)::bigint) AS "whole!: Vec<i64>",
                  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP
                      (ORDER BY extract(epoch FROM approved_at - requested_at)::bigint) AS "until_approved: Vec<i64>",
                  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP
                      (ORDER BY extract(epoch FROM claimed_at - approved_at)::bigint) AS "until_claimed: Vec<i64>",
                  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP
                      (ORDER BY extract(epoch FROM completed_at - claimed_at)::bigint) AS "until_paid: Vec<i64>"
           FROM payouts WHERE currency = $1 AND completed_at >= $2 AND completed_at < $3 GROUP BY 1 ORDER BY 1"#,
        currency.code(),
        period.from,
        period.to,
        zone,
    )
    .fetch_all(pool)
    .await?;
    let failures = sqlx::query_as!(
        Failures,
        r#"SELECT a.failure_code AS "code!", count(*) AS "attempts!"
           FROM attempts a JOIN payouts p ON p.id = a.payout_id
           WHERE a.status = 'FAILED' AND a.settled_at >= $2 AND a.settled_at < $3 AND p.currency = $1
           GROUP BY 1 ORDER BY 2 DESC, 1"#,
        currency.code(),
        period.from,
        period.to,
    )
    .fetch_all(pool)
    .await?;
    let reviewed = sqlx::query!(
        r#"SELECT (r.closed_at AT TIME ZONE $4)::date AS "day!", count(*) AS "reviews!",
                  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP
                      (ORDER BY extract(epoch FROM r.closed_at - r.opened_at)::bigint) AS "waited!: Vec<i64>"
           FROM reviews r
           WHERE r.status = 'CLOSED' AND r.closed_at >= $2 AND r.closed_at < $3 AND r.currency = $1
           GROUP BY 1 ORDER BY 1"#,
        currency.code(),
        period.from,
        period.to,
        zone,
    )
    .fetch_all(pool)
    .await?;
    Ok(Statistics {
        paid: paid
            .into_iter()
            .map(|row| {
                Ok(Paid {
                    day: row.day,
                    payouts: row.payouts,
                    sum: money(row.sum, currency.code())?,
                    whole: spread(Some(&row.whole)),
                    until_approved: spread(row.until_approved.as_deref()),
                    until_claimed: spread(row.until_claimed.as_deref()),
                    until_paid: spread(row.until_paid.as_deref()),
                })
            })
            .collect::<Result<_>>()?,
        failures,
        reviewed: reviewed
            .into_iter()
            .map(|row| Reviewed { day: row.day, reviews: row.reviews, waited: spread(Some(&row.waited)) })
            .collect(),
    })
}

fn spread(values: Option<&[i64]>) -> Spread {
    match values {
        Some(&[p50, p95]) => Spread { p50, p95 },
        Some(_) | None => Spread { p50: 0, p95: 0 },
    }
}
