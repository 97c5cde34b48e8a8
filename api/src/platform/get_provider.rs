//! `GET /api/platform/providers/{external_id}`

use poem_openapi::{OpenApi, param::Path, payload::Json};

use super::{external_id::ExternalId, provider::Provider};
use crate::{
    app::TheApp,
    auth::AsPlatform,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

pub(crate) struct GetProvider;

impl Refuses for GetProvider {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Platform")]
impl GetProvider {
    /// Read a provider
    ///
    /// As it was pushed last, with our own id for it.
    #[oai(path = "/api/platform/providers/:external_id", method = "get", operation_id = "getProvider")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsPlatform,
        /// The marketplace's id of the provider.
        external_id: Path<ExternalId>,
    ) -> Result<Json<Provider>, Refused<Self>> {
        let found = store::providers::by_external_id(&app.pool, &external_id.0.known()?).await?;
        Ok(Json(Provider::from(found.ok_or_else(Problem::not_found)?)))
    }
}
