//! `POST /api/admin/payouts/{id}/decision`

use domain::{BatchWindow, PayoutId, PayoutStatus};
use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json};
use store::decisions::{Decided, NewDecision, Verdict};
use uuid::Uuid;

use super::{act::MAX_REASON_CHARS, view::AdminPayout};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// What to do with a payout under review.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum DecisionVerdict {
    /// Let it leave with the next batch.
    Approve,
    /// Give the money back to the balance. Final.
    Reject,
}

/// A reviewer's decision.
#[derive(Debug, Object)]
struct Decision {
    /// `approve` lets it leave with the next batch; `reject` gives the money back to the balance and is final.
    decision: DecisionVerdict,
    /// Why; 1 to 1000 characters. The provider reads the reason of a rejection.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    verdict: Verdict,
    reason: String,
}

impl FromFields for Decision {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let verdict = fields.parsed("decision", FieldCode::InvalidValue, |text| match text {
            "approve" => Ok(Verdict::Approve),
            "reject" => Ok(Verdict::Reject),
            _ => Err("must be approve or reject".to_owned()),
        });
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { verdict: verdict?, reason: reason? })
    }
}

pub(crate) struct DecidePayout;

impl Refuses for DecidePayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::PayoutMovedOn]];
}

#[OpenApi(tag = "Tag::Admin")]
impl DecidePayout {
    /// Approve or reject a payout under review
    ///
    /// Whoever is first has decided: the payout has moved when this answers, and the other reviewer gets 409 with where it stands
    /// and who moved it. Sending the same decision twice is such a conflict too. The decision is kept with its reason for ever.
    #[oai(path = "/api/admin/payouts/:id/decision", method = "post", operation_id = "decidePayout")]
    async fn decide(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Decision>,
    ) -> Result<Json<AdminPayout>, Refused<Self>> {
        let Given { verdict, reason } = &body.0;
        let new = NewDecision { payout: PayoutId::from_uuid(id.0), verdict: *verdict, reason };
        let instant = app.window == BatchWindow::Open;
        match store::decisions::decide(&app.pool, &new, &caller.0, instant, app.now()).await? {
            Decided::Done(payout) => Ok(Json(AdminPayout::from(payout.as_ref()))),
            Decided::NotFound => Err(Problem::not_found().into()),
            Decided::NotUnderReview(conflict) => Err(too_late(&conflict).into()),
        }
    }
}

fn too_late(conflict: &store::Conflict) -> Problem {
    let problem = Problem::moved_on(conflict.status, &conflict.by);
    if conflict.status == PayoutStatus::Requested {
        return problem
            .saying("The payout is still being checked. It can be decided once it is under review.");
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<Decision>();
    }
}
