//! `POST /api/admin/reviews/decisions`

use domain::{BatchWindow, PayoutId};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use store::decisions::{self, Claim, Decided, NewDecision, Verdict};
use uuid::Uuid;

use super::{
    act::MAX_REASON_CHARS,
    decision::{DecisionVerdict, approved_by_you, claim, involved, too_late, verdict},
    review_view::taken,
};
use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// More is not looked at one by one any more. Each is a transaction of a few milliseconds.
const MAX_PAYOUTS: usize = 100;

/// One decision about several payouts under review.
#[derive(Debug, Object)]
struct Decisions {
    /// The payouts, at most 100.
    #[oai(validator(min_items = 1, max_items = 100))]
    payout_ids: Vec<Uuid>,
    /// `approve` or `reject`, for each of them.
    decision: DecisionVerdict,
    /// Why; 1 to 1000 characters. Kept with each decision; the providers read the reason of a rejection.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
    /// Decide also what somebody else has taken on. Default: false.
    #[oai(rename = "override")]
    over: Option<bool>,
}

struct Given {
    payouts: Vec<Uuid>,
    verdict: Verdict,
    reason: String,
    claim: Claim,
}

impl FromFields for Decisions {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let payouts = fields.ids("payout_ids", MAX_PAYOUTS);
        let verdict = verdict(fields);
        let reason = fields.text("reason", MAX_REASON_CHARS);
        let claim = claim(fields);
        Some(Given { payouts: payouts?, verdict: verdict?, reason: reason?, claim: claim? })
    }
}

/// What came of one of several decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum DecisionResult {
    /// The payout has moved.
    Decided,
    /// Your approval is stored; the amount needs that of a different admin too.
    SecondApprovalNeeded,
    /// You had decided so before; nothing changed.
    Already,
    /// Nothing happened; `code` says why.
    Refused,
}

/// One payout and what came of the decision on it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct DecisionOutcome {
    /// Which payout.
    payout_id: Uuid,
    /// What came of it.
    result: DecisionResult,
    /// Why it was refused: the code that `POST /api/admin/payouts/{id}/decision` would have answered with.
    code: Option<String>,
    /// The same for people.
    detail: Option<String>,
}

/// What came of each.
#[derive(Debug, Object)]
struct DecisionOutcomes {
    /// In the order they were asked for.
    items: Vec<DecisionOutcome>,
}

pub(crate) struct DecideMany;

impl Refuses for DecideMany {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl DecideMany {
    /// Decide on several payouts at once
    ///
    /// One verdict and one reason for up to 100 payouts. Each is decided on its own, in its own transaction, under the same rules as
    /// one alone; one that is refused keeps no other from being decided, and the answer tells what came of each. Safe to repeat: what
    /// you have decided so already is `already`.
    #[oai(path = "/api/admin/reviews/decisions", method = "post", operation_id = "decideReviews")]
    async fn decide(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<Decisions>,
    ) -> Result<Json<DecisionOutcomes>, Refused<Self>> {
        let mut items = vec![];
        for payout in &body.0.payouts {
            items.push(one(&app, &caller.0, *payout, &body.0).await?);
        }
        Ok(Json(DecisionOutcomes { items }))
    }
}

async fn one(
    app: &App,
    admin: &store::Actor,
    payout_id: Uuid,
    given: &Given,
) -> Result<DecisionOutcome, store::Error> {
    let payout = PayoutId::from_uuid(payout_id);
    let new = NewDecision { payout, verdict: given.verdict, reason: &given.reason };
    let instant = app.window == BatchWindow::Open;
    let decided = decisions::decide_over(&app.pool, &new, admin, given.claim, instant, app.now()).await?;
    let refused = match decided {
        Decided::Done(_) => return Ok(outcome(payout_id, DecisionResult::Decided)),
        Decided::Second(_) => return Ok(outcome(payout_id, DecisionResult::SecondApprovalNeeded)),
        Decided::NotUnderReview(conflict) => too_late(&conflict),
        Decided::ApprovedByThem => approved_by_you(),
        Decided::NotFound => Problem::not_found(),
        Decided::Involved(involvement) => involved(&involvement),
        Decided::Taken(assigned) => taken(&assigned),
    };
    if decisions::stands(&app.pool, payout, admin, given.verdict).await? {
        return Ok(outcome(payout_id, DecisionResult::Already));
    }
    Ok(DecisionOutcome {
        code: Some(refused.code().as_str().to_owned()),
        detail: Some(refused.detail().to_owned()),
        ..outcome(payout_id, DecisionResult::Refused)
    })
}

fn outcome(payout_id: Uuid, result: DecisionResult) -> DecisionOutcome {
    DecisionOutcome { payout_id, result, code: None, detail: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<Decisions>();
    }
}
