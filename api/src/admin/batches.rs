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
        Ok(Json(Batches { items, next_cursor, next_window_at: app.next_window() }))
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
    /// Its payouts are listed by `GET /api/admin/payouts?batch=`.
    #[oai(path = "/api/admin/batches/:id", method = "get", operation_id = "getBatch")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The batch.
        id: Path<Uuid>,
    ) -> Result<Json<Batch>, Refused<Self>> {
        let batch = store::batches::get(&app.pool, BatchId::from_uuid(id.0)).await?;
        Ok(Json(Batch::from(&batch.ok_or_else(Problem::not_found)?)))
    }
}
