//! `GET /api/admin/reviews/{id}`

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Any};
use store::reviews;
use uuid::Uuid;

use super::{
    review_view::{Review, ReviewApproval},
    view::AdminPayout,
};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
    shapes::PayoutStatus,
};

/// Everything a reviewer decides on.
#[derive(Debug, Object)]
struct ReviewDetail {
    /// The review, its rules and its wait.
    review: Review,
    /// The approvals that count, oldest first. One where two are needed is not enough.
    approvals: Vec<ReviewApproval>,
    /// What the provider was paid before.
    history: ProviderHistory,
    /// What happened to the provider, their bank accounts and pauses within 30 days, latest first, at most 50.
    changes: Vec<ProviderChange>,
}

/// A provider's other payouts.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ProviderHistory {
    /// When the marketplace told of them first (UTC).
    first_seen: DateTime<Utc>,
    /// How many and how much, by status, in the currency of the review.
    by_status: Vec<StatusTotal>,
    /// Whether that is over all their payouts; `false`: over the latest 1,000.
    complete: bool,
    /// What a completed payout came to on average, in the currency of the review. Absent where there was none.
    average_paid: Option<Amount>,
    /// The latest ten, newest first.
    last: Vec<AdminPayout>,
}

/// The payouts of one status.
#[derive(Debug, Object)]
struct StatusTotal {
    /// Where they stand.
    status: PayoutStatus,
    /// How many.
    count: u32,
    /// How much they come to.
    sum: Amount,
}

/// Something that happened to a provider or one of their accounts.
#[derive(Debug, Object)]
struct ProviderChange {
    /// When (UTC).
    at: DateTime<Utc>,
    /// What: `provider_added`, `provider_changed`, `bank_account_added`, `bank_account_removed`, `provider_paused`,
    /// `provider_resumed`, `bank_account_paused`, `bank_account_resumed`.
    what: String,
    /// Who: `platform:<name>`, `provider:<id>` or `admin:<name>`.
    by: String,
    /// Particulars. For `provider_changed` the member `changed` has each field with its value before and after.
    detail: Any<serde_json::Value>,
}

pub(crate) struct GetReview;

impl Refuses for GetReview {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetReview {
    /// A review and what stands behind it
    ///
    /// The risk rules that fired, the approvals so far, the provider's past and what changed lately: what a decision is made on, in
    /// one answer. 404 once the payout is not under review any more; `GET /api/admin/payouts/{id}` says what became of it.
    #[oai(path = "/api/admin/reviews/:id", method = "get", operation_id = "getReview")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
    ) -> Result<Json<ReviewDetail>, Refused<Self>> {
        let (payout, now) = (PayoutId::from_uuid(id.0), app.now());
        let review = reviews::get(&app.pool, payout, now).await?.ok_or_else(Problem::not_found)?;
        let background = reviews::background(&app.pool, payout, now).await?.ok_or_else(Problem::not_found)?;
        let past = background.past;
        let history = ProviderHistory {
            first_seen: past.first_seen,
            by_status: past
                .by_status
                .iter()
                .map(|one| StatusTotal { status: one.status.into(), count: one.count, sum: Amount(one.sum) })
                .collect(),
            complete: past.complete,
            average_paid: past.average_paid.map(Amount),
            last: past.last.iter().map(AdminPayout::from).collect(),
        };
        let approvals = review.approvals.iter().map(|approval| ReviewApproval {
            by: approval.by.clone(),
            at: approval.at,
            reason: approval.reason.clone(),
        });
        let changes = background.changes.into_iter().map(|change| ProviderChange {
            at: change.at,
            what: change.what,
            by: change.by,
            detail: Any(change.detail),
        });
        Ok(Json(ReviewDetail {
            approvals: approvals.collect(),
            review: Review::from(&review),
            history,
            changes: changes.collect(),
        }))
    }
}
