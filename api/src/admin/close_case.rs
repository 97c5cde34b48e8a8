//! `POST /api/admin/cases/{id}/close`

use domain::CaseId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use store::cases::{Closed, Closing};
use uuid::Uuid;

use super::{act::MAX_REASON_CHARS, case::Case};
use crate::{
    app::TheApp,
    auth::AsFinance,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// Why a case is closed.
#[derive(Debug, Object)]
struct CaseClosing {
    /// For whoever has to answer for it later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
    /// What was arranged, where what the case was opened for is still so; 1 to 1000 characters.
    #[oai(validator(max_length = 1000))]
    resolution: Option<String>,
}

struct Given {
    reason: String,
    resolution: Option<String>,
}

impl FromFields for CaseClosing {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let reason = fields.text("reason", MAX_REASON_CHARS);
        let resolution = fields.optional_text("resolution", MAX_REASON_CHARS);
        Some(Given { reason: reason?, resolution })
    }
}

pub(crate) struct CloseCase;

impl Refuses for CloseCase {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::CaseClosed, Code::CauseStillSo]];
}

#[OpenApi(tag = "Tag::Admin")]
impl CloseCase {
    /// Settle a case
    ///
    /// For finance. Where the cause is still so (a debt is still owed, an attempt still has no outcome, or nothing recorded shows
    /// otherwise) a `resolution` says what was arranged; without one nothing changes (409 `cause_still_so`). Moves no money. The
    /// pause that the case made ends with it: an `overpaid` provider, a failing bank account. The second to close gets 409.
    #[oai(path = "/api/admin/cases/:id/close", method = "post", operation_id = "closeCase")]
    async fn close(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        /// The case.
        id: Path<Uuid>,
        body: Body<CaseClosing>,
    ) -> Result<Json<Case>, Refused<Self>> {
        let closing = Closing {
            case: CaseId::from_uuid(id.0),
            reason: &body.0.reason,
            resolution: body.0.resolution.as_deref(),
        };
        match store::cases::close(&app.pool, &closing, &caller.0, app.now()).await? {
            Closed::Done(case) => Ok(Json(Case::told(&case, &caller.0))),
            Closed::NotFound => Err(Problem::not_found().into()),
            Closed::Already(case) => Err(closed_already(&case).into()),
            Closed::StillSo { why } => {
                let detail = format!("Not closed: {why}. Say in `resolution` what was arranged.");
                Err(Problem::new(Code::CauseStillSo, detail).into())
            }
        }
    }
}

pub(super) fn closed_already(case: &store::cases::Case) -> Problem {
    let by = case.closed_by.as_deref().unwrap_or("somebody");
    let at = case.closed_at.map(|at| format!(" at {}", at.to_rfc3339())).unwrap_or_default();
    Problem::new(Code::CaseClosed, format!("The case was closed by {by}{at}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<CaseClosing>();
    }
}
