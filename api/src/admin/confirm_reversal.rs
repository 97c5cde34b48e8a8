//! `POST /api/admin/cases/{id}/confirm-reversal`

use domain::CaseId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use store::{cases::CaseStatus, reversals::Confirmed};
use uuid::Uuid;

use super::{act::Reason, case::Case, close_case::closed_already};
use crate::{
    app::TheApp,
    auth::AsFinance,
    body::Body,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

pub(crate) struct ConfirmReversal;

impl Refuses for ConfirmReversal {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::CaseClosed, Code::NotAReversal]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ConfirmReversal {
    /// Confirm that a paid transfer came back
    ///
    /// For finance, on a case of the kind `reversal`: without waiting a day for the gateway to say so again. The payout is
    /// `REVERSED`, its money is back in the provider's balance (or taken off what the provider owes), the provider is told, and the
    /// case is closed. Not before the bank statement shows it: what is given back can be asked for again at once.
    #[oai(path = "/api/admin/cases/:id/confirm-reversal", method = "post", operation_id = "confirmReversal")]
    async fn confirm(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        /// The case.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Json<Case>, Refused<Self>> {
        let id = CaseId::from_uuid(id.0);
        match store::reversals::confirm_by_finance(&app.pool, id, &body.0, &caller.0, app.now()).await? {
            Confirmed::Done(case) => Ok(Json(Case::told(&case, &caller.0))),
            Confirmed::NotFound => Err(Problem::not_found().into()),
            Confirmed::NotAReversal => {
                Err(Problem::new(Code::NotAReversal, "The case is not about a paid transfer that came back.")
                    .into())
            }
            Confirmed::NotWaiting(case) => Err(match case.status {
                CaseStatus::Closed => closed_already(&case),
                CaseStatus::Open => Problem::new(
                    Code::NotAReversal,
                    "The gateway does not, or no longer, say that the transfer came back.",
                ),
            }
            .into()),
        }
    }
}
