//! Providers as staff looks at them: found, listed, and one with everything about them.
//!
//! Cost: a page is three short reads, whose cost is that of the page and of what is open, whatever there was and however many
//! providers there are (`store/tests/it/overview_cost.rs`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, Money, ProviderId};

use crate::{
    Error, Pool, Result,
    audit::Line,
    balances::Balance,
    payouts::money,
    providers::{Provider, Row},
};

/// Which providers a list shows. Everything is optional and narrows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these: what a text names.
    pub among: Option<Vec<ProviderId>>,
    pub suspended: Option<bool>,
    /// `true`: those who owe.
    pub in_debt: Option<bool>,
    /// `true`: those whom somebody or a case has paused.
    pub paused: Option<bool>,
}

/// Newest first, or from a place backwards.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub from: Option<ProviderId>,
    /// Towards the newest.
    pub back: bool,
    pub limit: i64,
}

/// What there is about a provider beside their row.
#[derive(Debug, Clone, Default)]
pub struct Around {
    pub balances: Vec<Balance>,
    pub paused: bool,
    /// Payouts that have not ended, and of those the failed ones that a person has to move on.
    pub open: i64,
    pub attention: i64,
}

macro_rules! page {
    ($bound:tt, $order:tt, $filter:expr, $among:expr, $page:expr) => {
        sqlx::query_as!(
            Row,
            "SELECT id, external_id, display_name, email, verified, status, created_at, updated_at
             FROM providers p
             WHERE ($1::uuid[] IS NULL OR id = ANY($1)) AND ($2::boolean IS NULL OR (status = 'SUSPENDED') = $2)
               AND ($3::boolean IS NOT TRUE OR id = ANY (ARRAY(
                    SELECT a.provider_id FROM ledger_accounts a WHERE a.kind = 'provider_debt' AND a.balance < 0)))
               AND ($3::boolean IS NOT FALSE OR NOT EXISTS (
                    SELECT FROM ledger_accounts a WHERE a.provider_id = p.id AND a.kind = 'provider_debt' AND a.balance < 0))
               AND ($4::boolean IS NOT TRUE OR id = ANY (ARRAY(
                    SELECT s.subject::uuid FROM pauses s WHERE s.scope = 'provider')))
               AND ($4::boolean IS NOT FALSE OR NOT EXISTS (
                    SELECT FROM pauses s WHERE s.scope = 'provider' AND s.subject = p.id::text))
               AND ($5::uuid IS NULL OR "
                + $bound
                + ") ORDER BY "
                + $order
                + " LIMIT $6",
            $among,
            $filter.suspended,
            $filter.in_debt,
            $filter.paused,
            $page.from.map(ProviderId::uuid),
            $page.limit,
        )
    };
}

pub async fn list(pool: &Pool, filter: &Filter, page: Page) -> Result<Vec<Provider>> {
    let among: Option<Vec<uuid::Uuid>> =
        filter.among.as_ref().map(|ids| ids.iter().copied().map(ProviderId::uuid).collect());
    let among = among.as_deref();
    let mut tx = pool.begin().await?;
    // A filter that narrows to a few of very many is an index of its own; the plan for any filter would walk them all.
    sqlx::query!("SET LOCAL plan_cache_mode = 'force_custom_plan'").execute(&mut *tx).await?;
    let rows = if page.back {
        page!("id > $5", "id", filter, among, page).fetch_all(&mut *tx).await?
    } else {
        page!("id < $5", "id DESC", filter, among, page).fetch_all(&mut *tx).await?
    };
    tx.commit().await?;
    rows.into_iter().map(Provider::try_from).collect()
}

/// What there is about each of these.
pub async fn around(pool: &Pool, providers: &[ProviderId]) -> Result<BTreeMap<ProviderId, Around>> {
    let ids: Vec<uuid::Uuid> = providers.iter().copied().map(ProviderId::uuid).collect();
    let mut found: BTreeMap<ProviderId, Around> =
        providers.iter().map(|id| (*id, Around::default())).collect();
    let counted = sqlx::query!(
        r#"SELECT v.id AS "id!", EXISTS (SELECT FROM pauses s WHERE s.scope = 'provider' AND s.subject = v.id::text) AS "paused!",
                  (SELECT count(*) FROM payouts p WHERE p.provider_id = v.id AND (
                       p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL)))
                      AS "open!",
                  (SELECT count(*) FROM payouts p WHERE p.provider_id = v.id AND (
                       p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL))
                       AND p.needs_attention) AS "attention!"
           FROM unnest($1::uuid[]) AS v (id)"#,
        &ids,
    )
    .fetch_all(pool)
    .await?;
    for row in counted {
        if let Some(around) = found.get_mut(&ProviderId::from_uuid(row.id)) {
            (around.paused, around.open, around.attention) = (row.paused, row.open, row.attention);
        }
    }
    let balances = sqlx::query!(
        r#"SELECT provider_id AS "provider_id!", currency,
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_available'), 0) AS "available!",
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_reserved'), 0) AS "reserved!",
                  coalesce(sum(balance) FILTER (WHERE kind = 'provider_paid_out'), 0) AS "paid_out!",
                  coalesce(-sum(balance) FILTER (WHERE kind = 'provider_debt'), 0) AS "debt!"
           FROM ledger_accounts
           WHERE kind IN ('provider_available', 'provider_reserved', 'provider_paid_out', 'provider_debt')
             AND provider_id = ANY($1)
           GROUP BY provider_id, currency ORDER BY provider_id, currency"#,
        &ids,
    )
    .fetch_all(pool)
    .await?;
    for row in balances {
        let currency: Currency = row.currency.parse().map_err(Error::corrupt)?;
        let balance = Balance {
            currency,
            available: money(row.available, &row.currency)?,
            reserved: money(row.reserved, &row.currency)?,
            paid_out: money(row.paid_out, &row.currency)?,
            debt: money(row.debt, &row.currency)?,
        };
        if let Some(around) = found.get_mut(&ProviderId::from_uuid(row.provider_id)) {
            around.balances.push(balance);
        }
    }
    Ok(found)
}

/// A correction of what a provider had earned.
#[derive(Debug, Clone)]
pub struct Correction {
    pub external_id: String,
    pub earning: uuid::Uuid,
    pub amount: Money,
    pub reason: String,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// The latest corrections, newest first.
pub async fn corrections(pool: &Pool, provider: ProviderId, limit: i64) -> Result<Vec<Correction>> {
    let rows = sqlx::query!(
        "SELECT external_id, earning_id, amount, currency, reason, adjusted_by, adjusted_at
         FROM adjustments WHERE provider_id = $1 ORDER BY id DESC LIMIT $2",
        provider.uuid(),
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Correction {
                external_id: row.external_id,
                earning: row.earning_id,
                amount: money(row.amount, &row.currency)?,
                reason: row.reason,
                by: row.adjusted_by,
                at: row.adjusted_at,
            })
        })
        .collect()
}

/// Who did what to the provider or their accounts, latest first: not to their payouts, those have trails of their own.
pub async fn trail(pool: &Pool, provider: ProviderId, limit: i64) -> Result<Vec<Line>> {
    Ok(sqlx::query_as!(
        Line,
        r#"SELECT did.id AS "id!", did.at AS "at!", did.actor AS "actor!", did.action AS "action!", did.reason, did.detail AS "detail!"
           FROM (
               SELECT $1::uuid::text AS subject UNION ALL SELECT 'provider:' || $1::uuid::text
               UNION ALL SELECT id::text FROM bank_accounts WHERE provider_id = $1
               UNION ALL SELECT 'bank_account:' || id::text FROM bank_accounts WHERE provider_id = $1) named
           CROSS JOIN LATERAL (
               SELECT a.* FROM audit a WHERE a.subject = named.subject ORDER BY a.at DESC, a.id DESC LIMIT $2) did
           ORDER BY did.at DESC, did.id DESC LIMIT $2"#,
        provider.uuid(),
        limit,
    )
    .fetch_all(pool)
    .await?)
}
