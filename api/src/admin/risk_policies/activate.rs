//! `POST /api/admin/risk-policies/{id}/activate`

use domain::RiskPolicyId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::policy::{REFUSALS, RiskPolicy, told};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

pub(crate) struct ActivateRiskPolicy;

impl Refuses for ActivateRiskPolicy {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, REFUSALS];
}

#[OpenApi(tag = "Tag::Admin")]
impl ActivateRiskPolicy {
    /// Put a risk policy in force
    ///
    /// For an `admin` or `finance` other than the one who proposed it. Retires the active one of its currency in the same moment:
    /// once this has answered, no payout is assessed by the old policy any more. What has been assessed stays as it is. Safe to
    /// repeat.
    #[oai(
        path = "/api/admin/risk-policies/:id/activate",
        method = "post",
        operation_id = "activateRiskPolicy"
    )]
    async fn activate(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
    ) -> Result<Json<RiskPolicy>, Refused<Self>> {
        let id = RiskPolicyId::from_uuid(id.0);
        let moved = store::risk_policies::activate(&app.pool, id, &caller.0, app.now()).await?;
        Ok(Json(told(moved)?))
    }
}
