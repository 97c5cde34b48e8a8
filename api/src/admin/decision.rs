//! `POST /api/admin/payouts/{id}/decision`

use domain::{BatchWindow, PayoutId, PayoutStatus};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, param::Path, payload::Json};
use store::{
    decisions::{Claim, Decided, NewDecision, Verdict},
    involvement::{INVOLVED_FOR, Involvement},
};
use uuid::Uuid;

use super::{act::MAX_REASON_CHARS, review_view::taken, view::AdminPayout};
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
pub(super) enum DecisionVerdict {
    /// Let it leave with the next batch.
    Approve,
    /// Give the money back to the balance. Final.
    Reject,
}

/// A reviewer's decision.
#[expect(clippy::struct_field_names, reason = "the API calls it `decision`")]
#[derive(Debug, Object)]
struct Decision {
    /// `approve` lets it leave with the next batch; `reject` gives the money back to the balance and is final.
    decision: DecisionVerdict,
    /// Why; 1 to 1000 characters. The provider reads the reason of a rejection.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
    /// Decide although somebody else has taken the review on. Default: false.
    #[oai(rename = "override")]
    over: Option<bool>,
}

struct Given {
    verdict: Verdict,
    reason: String,
    claim: Claim,
}

impl FromFields for Decision {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let verdict = verdict(fields);
        let reason = fields.text("reason", MAX_REASON_CHARS);
        let claim = claim(fields);
        Some(Given { verdict: verdict?, reason: reason?, claim: claim? })
    }
}

pub(super) fn verdict(fields: &mut Fields) -> Option<Verdict> {
    fields.parsed("decision", FieldCode::InvalidValue, |text| match text {
        "approve" => Ok(Verdict::Approve),
        "reject" => Ok(Verdict::Reject),
        _ => Err("must be approve or reject".to_owned()),
    })
}

/// What `override` says.
pub(super) fn claim(fields: &mut Fields) -> Option<Claim> {
    let over = fields.bool_or("override", false)?;
    Some(if over { Claim::Override } else { Claim::Respect })
}

#[derive(ApiResponse)]
enum Answer {
    /// Decided: the payout has moved.
    #[oai(status = 200)]
    Decided(Json<AdminPayout>),
    /// Your approval is stored, and the amount needs two: the payout stays under review until somebody else approves it too.
    #[oai(status = 202)]
    Second(Json<AdminPayout>),
}

/// What stands in the way of a decision.
pub(super) const DECIDING: &[Code] =
    &[Code::PayoutMovedOn, Code::SecondPersonRequired, Code::ReviewerInvolved, Code::ReviewTaken];

pub(crate) struct DecidePayout;

impl Refuses for DecidePayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, DECIDING];
}

#[OpenApi(tag = "Tag::Admin")]
impl DecidePayout {
    /// Approve or reject a payout under review
    ///
    /// Whoever is first has decided: the payout has moved when this answers, and the other reviewer gets 409 with where it stands
    /// and who moved it. Sending the same decision twice is such a conflict too. The decision is kept with its reason for ever.
    ///
    /// Above its currency's limit (`GET /api/admin/approval-limits`) a payout needs two approvers: the first approval answers 202,
    /// that of a different admin 200. Anybody's reject, at any time, rejects. Nobody approves what they asked for or changed
    /// (`reviewer_involved`); rejecting stays open to them. Every admin may decide, also once a review was escalated.
    #[oai(path = "/api/admin/payouts/:id/decision", method = "post", operation_id = "decidePayout")]
    async fn decide(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Decision>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { verdict, reason, claim } = &body.0;
        let new = NewDecision { payout: PayoutId::from_uuid(id.0), verdict: *verdict, reason };
        let instant = app.window == BatchWindow::Open;
        let decided =
            store::decisions::decide_over(&app.pool, &new, &caller.0, *claim, instant, app.now()).await?;
        match decided {
            Decided::Done(payout) => Ok(Answer::Decided(Json(AdminPayout::from(payout.as_ref())))),
            Decided::Second(payout) => Ok(Answer::Second(Json(AdminPayout::from(payout.as_ref())))),
            Decided::NotFound => Err(Problem::not_found().into()),
            Decided::NotUnderReview(conflict) => Err(too_late(&conflict).into()),
            Decided::ApprovedByThem => Err(approved_by_you().into()),
            Decided::Involved(involvement) => Err(involved(&involvement).into()),
            Decided::Taken(assigned) => Err(taken(&assigned).into()),
        }
    }
}

pub(super) fn approved_by_you() -> Problem {
    let detail = "You have approved this payout. It needs the approval of a different admin too.";
    Problem::new(Code::SecondPersonRequired, detail)
}

pub(super) fn involved(involvement: &Involvement) -> Problem {
    let detail = format!(
        "You cannot approve this payout: `{}` at {} was yours. What was done to the payout counts for ever, what was done to its \
         provider or their accounts for {} days. Somebody else decides; rejecting is open to you.",
        involvement.action,
        involvement.at.to_rfc3339(),
        INVOLVED_FOR.num_days()
    );
    Problem::new(Code::ReviewerInvolved, detail)
}

pub(super) fn too_late(conflict: &store::Conflict) -> Problem {
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
