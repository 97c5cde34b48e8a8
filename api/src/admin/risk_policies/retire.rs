//! `POST /api/admin/risk-policies/{id}/retire`

use domain::RiskPolicyId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::policy::{RiskPolicy, told};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

pub(crate) struct RetireRiskPolicy;

impl Refuses for RetireRiskPolicy {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, &[Code::RiskPolicyMovedOn, Code::SecondPersonRequired]];
}

#[OpenApi(tag = "Tag::Admin")]
impl RetireRiskPolicy {
    /// Withdraw a risk policy
    ///
    /// For `admin` and `finance`. Takes back a proposal, ends a trial, or takes the `ACTIVE` policy out of force without another:
    /// then every payout of its currency goes to people until a policy is activated. One person is enough, because it lets nothing
    /// through. Final, and safe to repeat.
    #[oai(path = "/api/admin/risk-policies/:id/retire", method = "post", operation_id = "retireRiskPolicy")]
    async fn retire(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
    ) -> Result<Json<RiskPolicy>, Refused<Self>> {
        let id = RiskPolicyId::from_uuid(id.0);
        let moved = store::risk_policies::retire(&app.pool, id, &caller.0, app.now()).await?;
        Ok(Json(told(moved)?))
    }
}
