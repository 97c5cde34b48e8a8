//! `GET /api/admin/cases` and `GET /api/admin/cases/{id}`

use domain::{CaseId, PayoutId, ProviderId};
use poem::Request;
use poem_openapi::{
    ApiResponse, Object, OpenApi, ResponseContent,
    param::{Path, Query},
    payload::Json,
};
use store::cases::{Filter, Page};
use uuid::Uuid;

use super::{
    case::{Case, CaseEvidence, CaseKind, CaseStatus},
    export::Csv,
    payouts::{ListFormat, wants_csv},
};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
};

/// Cases, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Cases {
    /// This page.
    items: Vec<Case>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

#[derive(ResponseContent)]
enum Content {
    #[oai(content_type = "application/json")]
    Page(Json<Cases>),
    #[oai(content_type = "text/csv")]
    Export(Csv),
}

#[derive(ApiResponse)]
enum Answer {
    /// A page, or everything as CSV.
    #[oai(status = 200)]
    Found(Content),
}

pub(crate) struct ListCases;

impl Refuses for ListCases {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListCases {
    /// What a person must settle
    ///
    /// Newest first, a page at a time; `status=OPEN` is the work to do. With `format=csv`, or `Accept: text/csv`, everything that
    /// matches comes as one CSV file, at most 50,000 rows, newest first; cells that a spreadsheet would take for a formula begin
    /// with an apostrophe.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/cases", method = "get", operation_id = "listCases")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        request: &Request,
        /// Only cases of this kind.
        kind: Query<Option<CaseKind>>,
        /// Only open, or only closed ones.
        status: Query<Option<CaseStatus>>,
        /// Only those about this payout.
        payout: Query<Option<Uuid>>,
        /// Only those about this provider.
        provider: Query<Option<Uuid>>,
        /// `csv` for a file. Default: `json`, or what `Accept` prefers.
        format: Query<Option<ListFormat>>,
        /// `next_cursor` of the page before. Not for CSV.
        cursor: Query<Option<Cursor>>,
        /// How many per page. Not for CSV.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Answer, Refused<Self>> {
        let filter = Filter {
            kind: kind.0.map(Into::into),
            status: status.0.map(Into::into),
            payout: payout.0.map(PayoutId::from_uuid),
            provider: provider.0.map(ProviderId::from_uuid),
        };
        if wants_csv(format.0, request) {
            return Ok(Answer::Found(Content::Export(Csv::cases(app.pool.clone(), filter))));
        }
        let page = Page {
            before: cursor.0.map(|cursor| CaseId::from_uuid(cursor.0)),
            limit: paging::fetch(limit.0),
        };
        let rows = store::cases::list(&app.pool, &filter, page).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        let items = rows.iter().map(|case| Case::told(case, &caller.0)).collect();
        Ok(Answer::Found(Content::Page(Json(Cases { items, next_cursor }))))
    }
}

/// A case with everything that was seen about it.
#[derive(Debug, Object)]
struct CaseDetail {
    /// The case itself.
    case: Case,
    /// What was seen, oldest first; the same thing seen again and again is there once.
    evidence: Vec<CaseEvidence>,
}

pub(crate) struct GetCase;

impl Refuses for GetCase {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetCase {
    /// One case, with its evidence
    ///
    /// What was found, what was seen about it since, and how it was settled.
    #[oai(path = "/api/admin/cases/:id", method = "get", operation_id = "getCase")]
    async fn get(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The case.
        id: Path<Uuid>,
    ) -> Result<Json<CaseDetail>, Refused<Self>> {
        let id = CaseId::from_uuid(id.0);
        let case = store::cases::get(&app.pool, id).await?.ok_or_else(Problem::not_found)?;
        let evidence = store::cases::evidence(&app.pool, id).await?;
        Ok(Json(CaseDetail {
            case: Case::told(&case, &caller.0),
            evidence: evidence.into_iter().map(CaseEvidence::from).collect(),
        }))
    }
}
