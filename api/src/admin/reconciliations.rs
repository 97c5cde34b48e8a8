//! `GET /api/admin/reconciliations`, `GET /api/admin/reconciliations/{id}` and `POST /api/admin/reconciliations/run`

use chrono::{DateTime, NaiveDate, Utc};
use domain::ReconciliationId;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use store::reconciliations::{self, Opened, Run, RunKind};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
};

/// One comparison of the gateway's transfers with our attempts, both ways.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Reconciliation {
    /// Names the run.
    id: Uuid,
    /// `SCHEDULED` (the clock) or `RUN_NOW` (an admin).
    kind: String,
    /// `LISTING` (it reads the gateway's list), `LOOKING` (it asks for what was not listed) or `FINISHED`.
    status: String,
    /// Who opened it: `admin:<name>` or `system`.
    opened_by: String,
    /// When it was opened (UTC).
    opened_at: DateTime<Utc>,
    /// When everything had been compared.
    finished_at: Option<DateTime<Utc>>,
    /// Attempts that are open, or ended since then, are compared: the return window.
    since: DateTime<Utc>,
    /// The first day of the gateway's list, in its own time zone.
    from_day: NaiveDate,
    /// The last day of it.
    to_day: NaiveDate,
    /// The page of the list that is read next.
    next_page: u32,
    /// Transfers in the list.
    listed: u32,
    /// Of those: they agree with an attempt of ours.
    matched: u32,
    /// Of those: another installation made them.
    elsewhere: u32,
    /// Of those: they do not say whose they are.
    unreadable: u32,
    /// Attempts that were asked for one by one, because they differ or were not listed.
    looked_up: u32,
    /// Of those: the answer moved them.
    healed: u32,
    /// Transfers of ours that the database had forgotten.
    claimed: u32,
    /// Differences that are cases. List them with `GET /api/admin/cases?status=OPEN`.
    differences: u32,
}

impl From<&Run> for Reconciliation {
    fn from(run: &Run) -> Self {
        let counts = run.counts;
        Self {
            id: run.id.uuid(),
            kind: run.kind.as_str().to_owned(),
            status: run.status.as_str().to_owned(),
            opened_by: run.opened_by.clone(),
            opened_at: run.opened_at,
            finished_at: run.finished_at,
            since: run.since,
            from_day: run.from_day,
            to_day: run.to_day,
            next_page: run.next_page,
            listed: counts.listed,
            matched: counts.matched,
            elsewhere: counts.elsewhere,
            unreadable: counts.unreadable,
            looked_up: counts.looked_up,
            healed: counts.healed,
            claimed: counts.claimed,
            differences: counts.differences,
        }
    }
}

/// Reconciliations, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Reconciliations {
    /// This page.
    items: Vec<Reconciliation>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

pub(crate) struct ListReconciliations;

impl Refuses for ListReconciliations {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListReconciliations {
    /// Reconciliations
    ///
    /// Newest first: what each compared, and what came of it.
    #[oai(path = "/api/admin/reconciliations", method = "get", operation_id = "listReconciliations")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Reconciliations>, Refused<Self>> {
        let before = cursor.0.map(|cursor| ReconciliationId::from_uuid(cursor.0));
        let rows = reconciliations::list(&app.pool, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        Ok(Json(Reconciliations { items: rows.iter().map(Reconciliation::from).collect(), next_cursor }))
    }
}

pub(crate) struct GetReconciliation;

impl Refuses for GetReconciliation {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetReconciliation {
    /// One reconciliation
    ///
    /// Where it stands and what it has met so far.
    #[oai(path = "/api/admin/reconciliations/:id", method = "get", operation_id = "getReconciliation")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The run.
        id: Path<Uuid>,
    ) -> Result<Json<Reconciliation>, Refused<Self>> {
        let run = reconciliations::get(&app.pool, ReconciliationId::from_uuid(id.0)).await?;
        Ok(Json(Reconciliation::from(&run.ok_or_else(Problem::not_found)?)))
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The run is open and begins at once.
    #[oai(status = 201)]
    Opened(Json<Reconciliation>),
}

pub(crate) struct RunReconciliation;

impl Refuses for RunReconciliation {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, &[Code::ReconciliationRunning]];
}

#[OpenApi(tag = "Tag::Admin")]
impl RunReconciliation {
    /// Compare with the gateway now
    ///
    /// Opens a run besides those of the clock: everything the gateway has for the return window is compared with our attempts, and
    /// everything of ours that it does not list is asked for. What is proven is healed, the rest is a case. One at a time: while
    /// one runs the answer is 409.
    #[oai(path = "/api/admin/reconciliations/run", method = "post", operation_id = "runReconciliation")]
    async fn run(&self, app: TheApp<'_>, caller: AsAdmin) -> Result<Answer, Refused<Self>> {
        let (window, now) = (app.return_window, app.now());
        match reconciliations::open(&app.pool, RunKind::RunNow, window, &caller.0, now).await? {
            Opened::New(run) => Ok(Answer::Opened(Json(Reconciliation::from(&run)))),
            Opened::Running(run) => {
                let detail = format!(
                    "Reconciliation {} of {} is running since {}.",
                    run.id, run.opened_by, run.opened_at
                );
                Err(Problem::new(Code::ReconciliationRunning, detail).into())
            }
        }
    }
}
