//! The queue: open reviews, filtered, sorted, a page at a time, and how many there are.
//!
//! Cost: a page reads its rows along an index; a rare filter reads at most every open review. Counting stops at [`COUNT_LIMIT`].
//! A page starts after a place, not after a number of rows, so whoever leaves the queue meanwhile moves nobody past the reader.

use chrono::{DateTime, Utc};
use domain::{Currency, ProviderId, ReviewId};
use rust_decimal::Decimal;

use super::{Review, Row};
use crate::{Actor, Pool, Result};

/// The count is exact up to here.
pub const COUNT_LIMIT: i64 = 1000;

/// Which reviews are listed. Everything narrows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub currency: Option<Currency>,
    /// Of at least this amount.
    pub min: Option<Decimal>,
    /// Of at most this amount.
    pub max: Option<Decimal>,
    /// Where this rule fired.
    pub rule: Option<String>,
    pub provider: Option<ProviderId>,
    pub assignee: Option<Assignee>,
    /// Waiting since before this.
    pub waiting_since_before: Option<DateTime<Utc>>,
    /// One approval given and another one needed.
    pub awaits_second: Option<bool>,
    pub escalated: Option<bool>,
}

/// Whose they are. A claim that has lapsed is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    Nobody,
    Anybody,
    Is(Actor),
}

impl Assignee {
    fn kind(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Anybody => "anybody",
            Self::Is(_) => "is",
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::Anybody => None,
            Self::Is(who) => Some(who.as_str()),
        }
    }
}

/// The order, and where in it a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Longest waiting first.
    Waiting(Option<After<DateTime<Utc>>>),
    /// Largest first, by number: sensible within a currency.
    Largest(Option<After<Decimal>>),
}

/// After this review, at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After<T> {
    pub place: T,
    pub id: ReviewId,
}

/// A review of the queue, with its provider's past in short.
#[derive(Debug, Clone)]
pub struct Listed {
    pub review: Review,
    pub past: super::Past,
}

/// The same columns and conditions in every query over the queue; sqlx wants each query as one literal.
macro_rules! queue {
    ($as:ident ! ( $($row:ident,)? $select:literal, $order:literal ), $filter:ident, $now:ident $(, $more:expr)*) => {
        sqlx::$as!(
            $($row,)?
            $select + " WHERE r.status = 'OPEN'
               AND ($1::text IS NULL OR r.currency = $1)
               AND ($2::numeric IS NULL OR r.amount >= $2) AND ($3::numeric IS NULL OR r.amount <= $3)
               AND ($4::text IS NULL OR $4 = ANY (r.fired))
               AND ($5::uuid IS NULL OR r.provider_id = $5)
               AND ($6::text IS NULL OR CASE $6 WHEN 'nobody' THEN r.assigned_until IS NULL OR r.assigned_until <= $8
                                                WHEN 'anybody' THEN r.assigned_until > $8
                                                ELSE r.assigned_to = $7 AND r.assigned_until > $8 END)
               AND ($9::timestamptz IS NULL OR r.opened_at <= $9)
               AND ($10::boolean IS NULL OR (r.approvals > 0 AND r.approvals < r.approvals_needed) = $10)
               AND ($11::boolean IS NULL OR (r.escalated_at IS NOT NULL) = $11) " + $order,
            $filter.currency.map(Currency::code),
            $filter.min,
            $filter.max,
            $filter.rule,
            $filter.provider.map(ProviderId::uuid),
            $filter.assignee.as_ref().map(Assignee::kind),
            $filter.assignee.as_ref().and_then(Assignee::name),
            $now,
            $filter.waiting_since_before,
            $filter.awaits_second,
            $filter.escalated,
            $($more,)*
        )
    };
}

/// A page of the queue, without the words of approvals.
pub async fn list(
    pool: &Pool,
    filter: &Filter,
    sort: Sort,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>> {
    let mut conn = pool.acquire().await?;
    let rows = match sort {
        Sort::Waiting(after) => {
            queue!(
                query_as!(
                    Row,
                    "SELECT r.id, r.payout_id, r.provider_id, v.display_name, r.amount, r.currency, r.opened_at, r.reminded_at,
                            r.escalated_at, r.approvals, r.approvals_needed, r.assigned_to, r.assigned_by, r.assigned_until,
                            r.undone_at, r.undone_by, r.undone_reason, a.findings
                     FROM reviews r JOIN providers v ON v.id = r.provider_id JOIN assessments a ON a.payout_id = r.payout_id",
                    "AND ($12::timestamptz IS NULL OR (r.opened_at, r.id) > ($12, $13::uuid)) ORDER BY r.opened_at, r.id LIMIT $14"
                ),
                filter, now, after.map(|after| after.place), after.map(|after| after.id.uuid()), limit
            )
            .fetch_all(&mut *conn)
            .await?
        }
        Sort::Largest(after) => {
            queue!(
                query_as!(
                    Row,
                    "SELECT r.id, r.payout_id, r.provider_id, v.display_name, r.amount, r.currency, r.opened_at, r.reminded_at,
                            r.escalated_at, r.approvals, r.approvals_needed, r.assigned_to, r.assigned_by, r.assigned_until,
                            r.undone_at, r.undone_by, r.undone_reason, a.findings
                     FROM reviews r JOIN providers v ON v.id = r.provider_id JOIN assessments a ON a.payout_id = r.payout_id",
                    "AND ($12::numeric IS NULL OR (r.amount, r.id) < ($12, $13::uuid)) ORDER BY r.amount DESC, r.id DESC LIMIT $14"
                ),
                filter, now, after.map(|after| after.place), after.map(|after| after.id.uuid()), limit
            )
            .fetch_all(&mut *conn)
            .await?
        }
    };
    let reviews = rows.into_iter().map(|row| row.read(now)).collect::<Result<Vec<_>>>()?;
    let mut pasts = super::background::pasts(&mut conn, &reviews, now).await?;
    Ok(reviews
        .into_iter()
        .map(|review| Listed { past: pasts.remove(&review.payout).unwrap_or_default(), review })
        .collect())
}

/// How many there are, up to one more than [`COUNT_LIMIT`].
pub async fn count(pool: &Pool, filter: &Filter, now: DateTime<Utc>) -> Result<i64> {
    let counted = queue!(
        query_scalar!(
            r#"SELECT count(*) AS "counted!" FROM (SELECT FROM reviews r"#,
            "LIMIT $12) AS bounded"
        ),
        filter,
        now,
        COUNT_LIMIT.saturating_add(1)
    )
    .fetch_one(pool)
    .await?;
    Ok(counted)
}
