//! `GET /api/admin/risk-policies/{id}/disagreements`

use chrono::{DateTime, Utc};
use domain::{PayoutId, RiskPolicyId};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use store::risk_policies;
use uuid::Uuid;

use crate::{
    admin::view::RuleFinding,
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
    shapes::{PayoutStatus, RiskRoute},
};

/// A payout that the policy would have sent elsewhere.
#[derive(Debug, Object)]
struct Disagreement {
    /// The payout.
    payout_id: Uuid,
    /// What is asked for.
    amount: Amount,
    /// Where it stands now.
    status: PayoutStatus,
    /// Where the policy in force sent it.
    was: RiskRoute,
    /// Where this one would have sent it.
    would: RiskRoute,
    /// When (UTC).
    assessed_at: DateTime<Utc>,
    /// What this policy says of it, rule by rule.
    findings: Vec<RuleFinding>,
}

/// Disagreements, newest payouts first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Disagreements {
    /// This page.
    items: Vec<Disagreement>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

impl From<&risk_policies::Disagreement> for Disagreement {
    fn from(one: &risk_policies::Disagreement) -> Self {
        Self {
            payout_id: one.payout.uuid(),
            amount: Amount(one.amount),
            status: one.status.into(),
            was: one.was.into(),
            would: one.would.into(),
            assessed_at: one.assessed_at,
            findings: one.findings.iter().map(RuleFinding::from).collect(),
        }
    }
}

pub(crate) struct ListDisagreements;

impl Refuses for ListDisagreements {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListDisagreements {
    /// Where a shadow policy disagreed
    ///
    /// For `admin` and `finance`. The payouts that were assessed while this policy was tried beside the active one, and that it
    /// would have sent elsewhere; newest first. They stay here when the trial has ended.
    #[oai(
        path = "/api/admin/risk-policies/:id/disagreements",
        method = "get",
        operation_id = "listRiskPolicyDisagreements"
    )]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Disagreements>, Refused<Self>> {
        let policy = risk_policies::get(&app.pool, RiskPolicyId::from_uuid(id.0)).await?;
        let policy = policy.ok_or_else(Problem::not_found)?;
        let before = cursor.0.map(|cursor| PayoutId::from_uuid(cursor.0));
        let rows = risk_policies::disagreements(&app.pool, &policy, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.payout.uuid());
        Ok(Json(Disagreements { items: rows.iter().map(Disagreement::from).collect(), next_cursor }))
    }
}
