//! `GET /api/admin/batches` and `GET /api/admin/batches/{id}`

use chrono::{DateTime, Utc};
use domain::BatchId;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
    shapes::PayoutStatus,
};

/// The set of payouts that left together.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Batch {
    /// Names the batch.
    id: Uuid,
    /// `WINDOW` (the clock), `RUN_NOW` (an admin) or `INSTANT` (an approval, where payouts need not wait for windows).
    kind: String,
    /// The window it belongs to.
    window_at: Option<DateTime<Utc>>,
    /// Who opened it: `admin:<name>` or `system`.
    opened_by: String,
    /// When it was opened (UTC).
    opened_at: DateTime<Utc>,
    /// When it had nothing left to take.
    closed_at: Option<DateTime<Utc>>,
    /// How many payouts it took. List them with `GET /api/admin/payouts?batch=`.
    payouts: u32,
    /// How much, by currency.
    sums: Vec<Amount>,
    /// Windows before its own that had no batch; it took what they would have taken.
    missed_windows: u32,
    /// How long it took to claim, in seconds.
    duration_seconds: Option<i64>,
}

/// A batch and what became of its payouts.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct BatchDetail {
    #[oai(flatten)]
    batch: Batch,
    /// Its payouts by where they stand now. Those that came back to wait (a pause, an empty wallet) belong to no batch any more.
    standings: Vec<BatchStanding>,
    /// What it left where it was.
    left: Vec<BatchLeft>,
}

/// Payouts of a batch that stand alike now.
#[derive(Debug, Object)]
struct BatchStanding {
    /// Where they stand.
    status: PayoutStatus,
    /// How many.
    payouts: u32,
    /// How much.
    amount: Amount,
}

/// Approved payouts that a batch did not take.
#[derive(Debug, Object)]
struct BatchLeft {
    /// `paused` (everything, the provider, the bank or the account is, or the provider is suspended), `funds` (the wallet did not do)
    /// or `limit` (of a batch or a day).
    reason: String,
    /// How many.
    payouts: u32,
    /// How much.
    amount: Amount,
}

impl From<&store::batches::Batch> for Batch {
    fn from(batch: &store::batches::Batch) -> Self {
        Self {
            id: batch.id.uuid(),
            kind: batch.kind.as_str().to_owned(),
            window_at: batch.window_at,
            opened_by: batch.opened_by.clone(),
            opened_at: batch.opened_at,
            closed_at: batch.closed_at,
            payouts: batch.payouts,
            sums: batch.sums.iter().copied().map(Amount).collect(),
            missed_windows: batch.missed,
            duration_seconds: batch
                .closed_at
                .map(|closed| closed.signed_duration_since(batch.opened_at).num_seconds()),
        }
    }
}

/// Batches, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Batches {
    /// This page.
    items: Vec<Batch>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// When the next batch leaves by itself, where batches have windows.
    next_window_at: Option<DateTime<Utc>>,
}

pub(crate) struct ListBatches;

impl Refuses for ListBatches {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListBatches {
    /// Batches
    ///
    /// Newest first, with how many payouts each took and how much; and when the next one leaves.
    #[oai(path = "/api/admin/batches", method = "get", operation_id = "listBatches")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Batches>, Refused<Self>> {
        let before = cursor.0.map(|cursor| BatchId::from_uuid(cursor.0));
        let rows = store::batches::list(&app.pool, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        let items = rows.iter().map(Batch::from).collect();
        Ok(Json(Batches { items, next_cursor, next_window_at: app.next_window().await? }))
    }
}

pub(crate) struct GetBatch;

impl Refuses for GetBatch {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetBatch {
    /// One batch
    ///
    /// How many payouts it took and how much, where these stand now, and what it left out and why. Its payouts are listed by
    /// `GET /api/admin/payouts?batch=`.
    #[oai(path = "/api/admin/batches/:id", method = "get", operation_id = "getBatch")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The batch.
        id: Path<Uuid>,
    ) -> Result<Json<BatchDetail>, Refused<Self>> {
        let id = BatchId::from_uuid(id.0);
        let batch = store::batches::get(&app.pool, id).await?.ok_or_else(Problem::not_found)?;
        let (standings, left) = store::batches::record(&app.pool, id).await?;
        let standings = standings.into_iter().map(|alike| BatchStanding {
            status: alike.status.into(),
            payouts: alike.payouts,
            amount: Amount(alike.amount),
        });
        let left = left.into_iter().map(|left| BatchLeft {
            reason: left.reason,
            payouts: left.payouts,
            amount: Amount(left.amount),
        });
        Ok(Json(BatchDetail {
            batch: Batch::from(&batch),
            standings: standings.collect(),
            left: left.collect(),
        }))
    }
}
