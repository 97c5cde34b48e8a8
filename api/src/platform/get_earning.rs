//! `GET /api/platform/earnings/{external_id}`

use poem_openapi::{OpenApi, param::Path, payload::Json};

use super::external_id::ExternalId;
use crate::{
    app::TheApp,
    auth::AsPlatform,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
    shapes::Earning,
};

pub(crate) struct GetEarning;

impl Refuses for GetEarning {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Platform")]
impl GetEarning {
    /// Read an earning
    ///
    /// With how much of it is reserved for, or was paid by, payouts, and with its corrections.
    #[oai(path = "/api/platform/earnings/:external_id", method = "get", operation_id = "getEarning")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsPlatform,
        /// The marketplace's id of the earning.
        external_id: Path<ExternalId>,
    ) -> Result<Json<Earning>, Refused<Self>> {
        let found = store::earnings::by_external_id(&app.pool, &external_id.0.known()?).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        let with = Earning::with_adjustments(&app.pool, &[found]).await?;
        Ok(Json(with.into_iter().next().ok_or_else(Problem::not_found)?))
    }
}
