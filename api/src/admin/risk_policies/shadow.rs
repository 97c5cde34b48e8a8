//! `POST /api/admin/risk-policies/{id}/shadow`

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

pub(crate) struct ShadowRiskPolicy;

impl Refuses for ShadowRiskPolicy {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, &[Code::RiskPolicyMovedOn, Code::SecondPersonRequired]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ShadowRiskPolicy {
    /// Try a risk policy beside the active one
    ///
    /// For `admin` and `finance`. From now on every payout of its currency is assessed by this `DRAFT` too, in the same
    /// transaction and on the same facts; its answer decides nothing and is told where it disagrees. One policy per currency is
    /// tried at a time: the one before is a `DRAFT` again. Safe to repeat.
    #[oai(path = "/api/admin/risk-policies/:id/shadow", method = "post", operation_id = "shadowRiskPolicy")]
    async fn shadow(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
    ) -> Result<Json<RiskPolicy>, Refused<Self>> {
        let id = RiskPolicyId::from_uuid(id.0);
        let moved = store::risk_policies::shadow(&app.pool, id, &caller.0, app.now()).await?;
        Ok(Json(told(moved)?))
    }
}
