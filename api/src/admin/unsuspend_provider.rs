//! `POST /api/admin/providers/{id}/unsuspend`

use domain::ProviderId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use store::suspensions::Lifting;
use uuid::Uuid;

use super::act::Reason;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::Body,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// What came of lifting a suspension.
#[derive(Debug, Object)]
struct Unsuspended {
    /// Whether the provider is suspended still, by the marketplace: it takes that back itself.
    suspended: bool,
}

pub(crate) struct UnsuspendProvider;

impl Refuses for UnsuspendProvider {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl UnsuspendProvider {
    /// Lift the suspension of a provider
    ///
    /// Takes back what staff has said; the marketplace's own word stands, and the answer says so. What waited leaves with the next
    /// batch. The provider is told. Whoever lifts it cannot approve payouts to them for seven days. Safe to repeat.
    #[oai(path = "/api/admin/providers/:id/unsuspend", method = "post", operation_id = "unsuspendProvider")]
    async fn unsuspend(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The provider.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Json<Unsuspended>, Refused<Self>> {
        let id = ProviderId::from_uuid(id.0);
        match store::suspensions::lift(&app.pool, id, &body.0, &caller.0, app.now()).await? {
            Lifting::Done { by_marketplace } => Ok(Json(Unsuspended { suspended: by_marketplace })),
            Lifting::Unknown => Err(Problem::not_found().into()),
        }
    }
}
