//! `POST /api/admin/providers/{id}/suspend`

use chrono::{DateTime, Utc};
use domain::ProviderId;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json};
use store::suspensions::Suspending;
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

/// What staff has said about a provider.
#[derive(Debug, Object)]
pub(super) struct ProviderSuspension {
    /// Why: for staff, and never told to the provider.
    reason: String,
    /// Who: `admin:<name>`.
    suspended_by: String,
    /// Since when (UTC).
    suspended_at: DateTime<Utc>,
}

impl From<store::suspensions::Suspension> for ProviderSuspension {
    fn from(suspension: store::suspensions::Suspension) -> Self {
        Self { reason: suspension.reason, suspended_by: suspension.by, suspended_at: suspension.at }
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// Suspended: from now on no attempt begins for them.
    #[oai(status = 201)]
    Suspended(Json<ProviderSuspension>),
    /// Staff had suspended them already; nothing changed.
    #[oai(status = 200)]
    Already(Json<ProviderSuspension>),
}

pub(crate) struct SuspendProvider;

impl Refuses for SuspendProvider {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl SuspendProvider {
    /// Suspend payouts to a provider
    ///
    /// Once this has answered no attempt to pay them begins: what they ask for is refused, what is not checked yet is rejected, what
    /// is approved waits, and what was sent before goes on to its end. The provider is told that payouts to them are suspended, not
    /// why. It stands beside the marketplace's own `suspended`, which cannot lift it. Safe to repeat. (A pause holds everything up
    /// and refuses nothing; the provider is not told of it.)
    #[oai(path = "/api/admin/providers/:id/suspend", method = "post", operation_id = "suspendProvider")]
    async fn suspend(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The provider.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Answer, Refused<Self>> {
        let id = ProviderId::from_uuid(id.0);
        match store::suspensions::suspend(&app.pool, id, &body.0, &caller.0, app.now()).await? {
            Suspending::Done(suspension) => Ok(Answer::Suspended(Json(suspension.into()))),
            Suspending::Already(suspension) => Ok(Answer::Already(Json(suspension.into()))),
            Suspending::Unknown => Err(Problem::not_found().into()),
        }
    }
}
