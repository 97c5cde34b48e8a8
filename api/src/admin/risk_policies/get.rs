//! `GET /api/admin/risk-policies/{id}`

use domain::RiskPolicyId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::policy::RiskPolicy;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

pub(crate) struct GetRiskPolicy;

impl Refuses for GetRiskPolicy {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetRiskPolicy {
    /// One risk policy
    ///
    /// For `admin` and `finance`. Its rules are those that assessments under its `version` went by.
    #[oai(path = "/api/admin/risk-policies/:id", method = "get", operation_id = "getRiskPolicy")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
    ) -> Result<Json<RiskPolicy>, Refused<Self>> {
        let policy = store::risk_policies::get(&app.pool, RiskPolicyId::from_uuid(id.0)).await?;
        Ok(Json(policy.as_ref().map(RiskPolicy::from).ok_or_else(Problem::not_found)?))
    }
}
