//! Lists of payouts: filtered, in pages, either way.
//!
//! Cost: a page is read along one index. The statement is planned for the filters it is given, every time: the plan that suits
//! every filter suits none of them. Free text is never compared with payouts: [`seek`] finds whom or what it names first.

use chrono::{DateTime, Utc};
use domain::{BatchId, Currency, PayoutId, PayoutStatus, ProviderId, Route};
use rust_decimal::Decimal;

use super::{Payout, Row};
use crate::{Pool, Result};

/// Which payouts a list shows. Everything is optional and narrows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub provider: Option<ProviderId>,
    pub status: Option<PayoutStatus>,
    /// `true`: not ended yet.
    pub open: Option<bool>,
    pub risk: Option<Route>,
    pub batch: Option<BatchId>,
    pub needs_attention: Option<bool>,
    /// Requested at or after.
    pub from: Option<DateTime<Utc>>,
    /// Requested before.
    pub to: Option<DateTime<Utc>>,
    pub currency: Option<Currency>,
    /// At least so much, in whatever currency.
    pub min_amount: Option<Decimal>,
    /// At most so much.
    pub max_amount: Option<Decimal>,
    pub sought: Option<Sought>,
}

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    Payout(PayoutId),
    /// Those whose name or external id begins so.
    Providers(Vec<ProviderId>),
}

/// A page of a list, from a place on.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub order: Order,
    /// The payout that the page comes after, in this order.
    pub from: Option<PayoutId>,
    pub limit: i64,
}

/// By when they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    /// The same list from its other end.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::NewestFirst => Self::OldestFirst,
            Self::OldestFirst => Self::NewestFirst,
        }
    }
}

impl Page {
    /// Older than `before`, newest first.
    pub fn newest(before: Option<PayoutId>, limit: i64) -> Self {
        Self { order: Order::NewestFirst, from: before, limit }
    }
}

/// One statement in two orders.
macro_rules! page {
    ($bound:tt, $order:tt, $filter:expr, $one:expr, $several:expr, $page:expr) => {
        sqlx::query_as!(
            Row,
            "SELECT id, provider_id, bank_account_id, amount, currency, status, risk, requested_at, approved_at, approved_by,
                    batch_id, claimed_at, held, attempts, counted_failures, next_attempt_at, needs_attention, failure_code,
                    failure_message, failed_at, fee, completed_at, rejected_at, rejection_code, rejection_reason, cancelled_at,
                    refunded_at, reversed_at, updated_at
             FROM payouts
             WHERE ($1::uuid IS NULL OR provider_id = $1) AND ($2::text IS NULL OR status = $2)
               AND ($3::text IS NULL OR risk = $3) AND ($4::uuid IS NULL OR batch_id = $4)
               AND ($5::boolean IS NULL OR needs_attention = $5)
               AND ($6::timestamptz IS NULL OR requested_at >= $6) AND ($7::timestamptz IS NULL OR requested_at < $7)
               AND ($8::boolean IS NULL OR $8 =
                    (status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL)))
               AND ($9::text IS NULL OR currency = $9)
               AND ($10::numeric IS NULL OR amount >= $10) AND ($11::numeric IS NULL OR amount <= $11)
               AND ($12::uuid IS NULL OR id = $12) AND ($13::uuid[] IS NULL OR provider_id = ANY($13))
               AND ($14::uuid IS NULL OR "
                + $bound
                + ") ORDER BY "
                + $order
                + " LIMIT $15",
            $filter.provider.map(ProviderId::uuid),
            $filter.status.map(PayoutStatus::as_str),
            $filter.risk.map(Route::as_str),
            $filter.batch.map(BatchId::uuid),
            $filter.needs_attention,
            $filter.from,
            $filter.to,
            $filter.open,
            $filter.currency.map(Currency::code),
            $filter.min_amount,
            $filter.max_amount,
            $one,
            $several,
            $page.from.map(PayoutId::uuid),
            $page.limit,
        )
    };
}

fn one(filter: &Filter) -> Option<uuid::Uuid> {
    match &filter.sought {
        Some(Sought::Payout(id)) => Some(id.uuid()),
        Some(Sought::Providers(_)) | None => None,
    }
}

fn several(filter: &Filter) -> Option<Vec<uuid::Uuid>> {
    match &filter.sought {
        Some(Sought::Providers(ids)) => Some(ids.iter().copied().map(ProviderId::uuid).collect()),
        Some(Sought::Payout(_)) | None => None,
    }
}

pub async fn list(pool: &Pool, filter: &Filter, page: Page) -> Result<Vec<Payout>> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SET LOCAL plan_cache_mode = 'force_custom_plan'").execute(&mut *tx).await?;
    let (one, several) = (one(filter), several(filter));
    let several = several.as_deref();
    let rows = match page.order {
        Order::NewestFirst => {
            page!("id < $14", "id DESC", filter, one, several, page).fetch_all(&mut *tx).await?
        }
        Order::OldestFirst => page!("id > $14", "id", filter, one, several, page).fetch_all(&mut *tx).await?,
    };
    tx.commit().await?;
    rows.into_iter().map(Payout::try_from).collect()
}

/// Providers that one text may name; who types more of it is found among more.
const MAX_PROVIDERS: i64 = 50;

/// What a person means by a text: a payout's id, a reference that the gateway knows, a provider's id, or the beginning of a
/// provider's external id or name, whatever its case. Each is one look into one index.
pub async fn seek(pool: &Pool, text: &str) -> Result<Sought> {
    let text = text.trim();
    if let Ok(id) = uuid::Uuid::try_parse(text) {
        let provider =
            sqlx::query_scalar!("SELECT id FROM providers WHERE id = $1", id).fetch_optional(pool).await?;
        return Ok(provider.map_or_else(
            || Sought::Payout(PayoutId::from_uuid(id)),
            |id| Sought::Providers(vec![ProviderId::from_uuid(id)]),
        ));
    }
    let reference = text.to_ascii_lowercase();
    let attempt = sqlx::query_scalar!("SELECT payout_id FROM attempts WHERE reference = $1", reference)
        .fetch_optional(pool)
        .await?;
    if let Some(payout) = attempt {
        return Ok(Sought::Payout(PayoutId::from_uuid(payout)));
    }
    let ids = sqlx::query_scalar!(
        r#"(SELECT id AS "id!" FROM providers
            WHERE external_id ~>=~ $1 AND external_id ~<~ ($1 || chr(1114111)) ORDER BY external_id USING ~<~ LIMIT $2)
           UNION
           (SELECT id FROM providers
            WHERE lower(display_name) ~>=~ lower($1) AND lower(display_name) ~<~ (lower($1) || chr(1114111))
            ORDER BY lower(display_name) USING ~<~ LIMIT $2)"#,
        text,
        MAX_PROVIDERS,
    )
    .fetch_all(pool)
    .await?;
    Ok(Sought::Providers(ids.into_iter().map(ProviderId::from_uuid).collect()))
}
