//! What stands behind a review: the provider's past payouts, and what changed lately.
//!
//! Cost: bounded by [`HISTORY_DEPTH`] of the provider's payouts and by what happened to them and their accounts within
//! [`CHANGED_WITHIN`]; a queue's page reads [`SHORT_DEPTH`] payouts of each of its providers.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, Money, PayoutId, PayoutStatus, ProviderId};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Review;
use crate::{
    Error, Pool, Result,
    payouts::{self, Payout, money},
};

/// The latest payouts of a provider that a review's page sums up.
pub const HISTORY_DEPTH: i64 = 1000;
/// Of these as many are shown one by one.
const SHOWN: i64 = 10;
/// The latest payouts that the queue sums up for each of its rows.
const SHORT_DEPTH: i64 = 50;
/// What happened within this time is told as a change.
pub const CHANGED_WITHIN: TimeDelta = TimeDelta::days(30);
/// Changes that are told, latest first.
const CHANGES_SHOWN: i64 = 50;
/// Of each provider and account.
const CHANGES_OF_ONE: i64 = 20;

/// A provider's past in short: their latest payouts, this one left out, and the kinds of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    pub completed: u32,
    pub failed: u32,
    pub changed: Vec<String>,
}

/// What a reviewer sees beside the rules.
#[derive(Debug, Clone)]
pub struct Background {
    pub past: ProviderPast,
    /// Latest first.
    pub changes: Vec<Change>,
}

/// A provider's payouts in the currency of the review, the reviewed one left out.
#[derive(Debug, Clone)]
pub struct ProviderPast {
    pub first_seen: DateTime<Utc>,
    /// By status.
    pub by_status: Vec<StatusSum>,
    /// Whether the sums are over all of them, or over the latest [`HISTORY_DEPTH`].
    pub complete: bool,
    /// What a completed one came to.
    pub average_paid: Option<Money>,
    /// Latest first, of every currency.
    pub last: Vec<Payout>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSum {
    pub status: PayoutStatus,
    pub count: u32,
    pub sum: Money,
}

/// Something that happened to the provider or one of their accounts.
#[derive(Debug, Clone)]
pub struct Change {
    pub at: DateTime<Utc>,
    /// As the audit trail calls it, pauses with what they paused.
    pub what: String,
    pub by: String,
    pub detail: Value,
}

/// What stands behind one review. `None`: there is no such payout.
pub async fn background(pool: &Pool, payout: PayoutId, now: DateTime<Utc>) -> Result<Option<Background>> {
    let mut conn = pool.acquire().await?;
    let Some(payout) = payouts::get_in(&mut conn, payout).await? else { return Ok(None) };
    let past = provider_past(&mut conn, pool, &payout).await?;
    let changes =
        changes(&mut conn, &[payout.provider.uuid()], now).await?.into_iter().map(|(_, change)| change);
    Ok(Some(Background { past, changes: changes.collect() }))
}

async fn provider_past(conn: &mut PgConnection, pool: &Pool, payout: &Payout) -> Result<ProviderPast> {
    let currency = payout.amount.currency();
    let first_seen =
        sqlx::query_scalar!("SELECT created_at FROM providers WHERE id = $1", payout.provider.uuid())
            .fetch_one(&mut *conn)
            .await?;
    let rows = sqlx::query!(
        r#"SELECT status, currency, count(*) AS "count!", coalesce(sum(amount), 0) AS "sum!", sum(count(*)) OVER () AS "seen!"
           FROM (SELECT status, currency, amount FROM payouts WHERE provider_id = $1 AND id <> $2 ORDER BY id DESC LIMIT $3) latest
           GROUP BY status, currency ORDER BY status"#,
        payout.provider.uuid(),
        payout.id.uuid(),
        HISTORY_DEPTH,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seen = rows.first().map_or(Decimal::ZERO, |row| row.seen);
    let mut by_status = vec![];
    for row in rows.iter().filter(|row| row.currency == currency.code()) {
        by_status.push(StatusSum {
            status: row.status.parse().map_err(Error::Corrupt)?,
            count: u32::try_from(row.count).map_err(Error::corrupt)?,
            sum: money(row.sum, &row.currency)?,
        });
    }
    let filter = payouts::Filter { provider: Some(payout.provider), ..payouts::Filter::default() };
    let page = payouts::Page::newest(None, SHOWN.saturating_add(1));
    let last = payouts::list(pool, &filter, page).await?;
    let shown = usize::try_from(SHOWN).map_err(Error::corrupt)?;
    Ok(ProviderPast {
        first_seen,
        average_paid: average(&by_status, currency),
        by_status,
        complete: seen < Decimal::from(HISTORY_DEPTH),
        last: last.into_iter().filter(|other| other.id != payout.id).take(shown).collect(),
    })
}

/// Rounded to the currency's minor unit: it is for eyes only.
fn average(by_status: &[StatusSum], currency: Currency) -> Option<Money> {
    let paid = by_status.iter().find(|one| one.status == PayoutStatus::Completed)?;
    let average = paid.sum.amount().checked_div(Decimal::from(paid.count))?;
    Money::new(average.round_dp(currency.scale()), currency).ok()
}

/// The pasts of the providers on a page, by payout.
pub(super) async fn pasts(
    conn: &mut PgConnection,
    reviews: &[Review],
    now: DateTime<Utc>,
) -> Result<HashMap<PayoutId, Past>> {
    let payouts: Vec<Uuid> = reviews.iter().map(|review| review.payout.uuid()).collect();
    let mut providers: Vec<Uuid> = reviews.iter().map(|review| review.provider.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT r.payout_id AS "payout_id!", count(*) FILTER (WHERE p.status = 'COMPLETED') AS "completed!",
                  count(*) FILTER (WHERE p.status = 'FAILED') AS "failed!"
           FROM unnest($1::uuid[], $2::uuid[]) AS r (payout_id, provider_id)
           LEFT JOIN LATERAL (SELECT status FROM payouts WHERE provider_id = r.provider_id AND id <> r.payout_id
                              ORDER BY id DESC LIMIT $3) p ON true
           GROUP BY r.payout_id"#,
        &payouts,
        &providers,
        SHORT_DEPTH,
    )
    .fetch_all(&mut *conn)
    .await?;
    providers.sort_unstable();
    providers.dedup();
    let mut changed: HashMap<ProviderId, Vec<String>> = HashMap::new();
    for (provider, change) in changes(conn, &providers, now).await? {
        let kinds = changed.entry(provider).or_default();
        if !kinds.contains(&change.what) {
            kinds.push(change.what);
        }
    }
    let number = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    let whose: HashMap<Uuid, ProviderId> =
        reviews.iter().map(|review| (review.payout.uuid(), review.provider)).collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let provider = whose.get(&row.payout_id);
            let past = Past {
                completed: number(row.completed),
                failed: number(row.failed),
                changed: provider.and_then(|provider| changed.get(provider)).cloned().unwrap_or_default(),
            };
            (PayoutId::from_uuid(row.payout_id), past)
        })
        .collect())
}

/// What happened to these providers and their accounts, latest first.
async fn changes(
    conn: &mut PgConnection,
    providers: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<(ProviderId, Change)>> {
    let since = now.checked_sub_signed(CHANGED_WITHIN).unwrap_or(now);
    let most = CHANGES_SHOWN.saturating_mul(i64::try_from(providers.len()).map_err(Error::corrupt)?.max(1));
    let rows = sqlx::query!(
        r#"SELECT s.provider_id AS "provider_id!", a.at, a.action, a.actor, s.what AS "what!", a.detail
           FROM (SELECT id AS provider_id, id::text AS subject, 'provider' AS what FROM unnest($1::uuid[]) AS v (id)
                 UNION ALL SELECT id, 'provider:' || id, 'provider' FROM unnest($1::uuid[]) AS v (id)
                 UNION ALL SELECT provider_id, id::text, 'bank_account' FROM bank_accounts WHERE provider_id = ANY ($1)
                 UNION ALL SELECT provider_id, 'bank_account:' || id, 'bank_account' FROM bank_accounts WHERE provider_id = ANY ($1)) s
           JOIN LATERAL (SELECT at, action, actor, detail FROM audit
                         WHERE subject = s.subject AND at > $2
                           AND (action <> 'provider_changed' OR detail -> 'changed' <> '{}')
                         ORDER BY at DESC LIMIT $3) a ON true
           ORDER BY a.at DESC LIMIT $4"#,
        providers,
        since,
        CHANGES_OF_ONE,
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            // `paused` alone does not say what.
            let what = match row.action.as_str() {
                "paused" | "resumed" => format!("{}_{}", row.what, row.action),
                _ => row.action,
            };
            let change = Change { at: row.at, what, by: row.actor, detail: row.detail };
            (ProviderId::from_uuid(row.provider_id), change)
        })
        .collect())
}
