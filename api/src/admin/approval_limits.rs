//! `GET /api/admin/approval-limits` and `PUT /api/admin/approval-limits`

use chrono::{DateTime, Utc};
use domain::Money;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use store::approval_limits::{self, Limited};

use super::act::MAX_REASON_CHARS;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    money::Amount,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// Above which amount a payout of this currency needs two different approvers.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ApprovalLimit {
    /// One approver suffices up to this amount.
    amount: Amount,
    /// Who changed it last: `admin:<name>`. Absent while it is as installed.
    changed_by: Option<String>,
    /// When (UTC).
    changed_at: Option<DateTime<Utc>>,
    /// A larger limit that counts when a different admin asks for the same.
    proposed: Option<ProposedLimit>,
}

/// A larger limit that one admin has asked for.
#[derive(Debug, Object)]
struct ProposedLimit {
    /// The limit.
    amount: Amount,
    /// Who asked for it: `admin:<name>`.
    by: String,
    /// When (UTC).
    at: DateTime<Utc>,
}

impl From<approval_limits::ApprovalLimit> for ApprovalLimit {
    fn from(limit: approval_limits::ApprovalLimit) -> Self {
        let (changed_by, changed_at) = limit.changed.unzip();
        Self {
            amount: Amount(limit.amount),
            changed_by,
            changed_at,
            proposed: limit.proposed.map(|proposed| ProposedLimit {
                amount: Amount(proposed.amount),
                by: proposed.by,
                at: proposed.at,
            }),
        }
    }
}

/// Every limit.
#[derive(Debug, Object)]
struct ApprovalLimits {
    /// One per currency. A currency that is not here needs two approvers for everything.
    items: Vec<ApprovalLimit>,
}

pub(crate) struct ListApprovalLimits;

impl Refuses for ListApprovalLimits {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListApprovalLimits {
    /// Above which amounts two approvers are needed
    ///
    /// One limit per currency, with a larger one that waits for a second admin.
    #[oai(path = "/api/admin/approval-limits", method = "get", operation_id = "listApprovalLimits")]
    async fn list(&self, app: TheApp<'_>, _caller: AsAdmin) -> Result<Json<ApprovalLimits>, Refused<Self>> {
        let limits = approval_limits::list(&app.pool).await?;
        Ok(Json(ApprovalLimits { items: limits.into_iter().map(ApprovalLimit::from).collect() }))
    }
}

/// Another limit for a currency, and why.
#[derive(Debug, Object)]
struct NewApprovalLimit {
    /// One approver suffices up to this amount. Its currency says which limit is meant.
    amount: Amount,
    /// For whoever has to answer for it later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    amount: Money,
    reason: String,
}

impl FromFields for NewApprovalLimit {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let amount = fields.positive_money("amount");
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { amount: amount?, reason: reason? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// It counts.
    #[oai(status = 200)]
    Counts(Json<ApprovalLimit>),
    /// It is larger, and counts when a different admin asks for the same.
    #[oai(status = 202)]
    Proposed(Json<ApprovalLimit>),
}

pub(crate) struct SetApprovalLimit;

impl Refuses for SetApprovalLimit {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl SetApprovalLimit {
    /// Change above which amount two approvers are needed
    ///
    /// A smaller limit counts at once, also for what waits for its first approval already. A larger one answers 202 and counts when a
    /// different admin sends the same amount; reviews that are open then keep the approvals they need. Safe to repeat.
    #[oai(path = "/api/admin/approval-limits", method = "put", operation_id = "setApprovalLimit")]
    async fn set(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<NewApprovalLimit>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { amount, reason } = &body.0;
        Ok(match approval_limits::set(&app.pool, *amount, reason, &caller.0, app.now()).await? {
            Limited::Counts(limit) => Answer::Counts(Json(ApprovalLimit::from(limit))),
            Limited::Proposed(limit) => Answer::Proposed(Json(ApprovalLimit::from(limit))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<NewApprovalLimit>();
    }
}
