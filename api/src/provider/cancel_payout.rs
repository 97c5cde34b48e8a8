//! `POST /api/provider/payouts/{id}/cancel`

use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
    shapes::{Payout, role_of},
};
use store::payouts::Cancelled;

pub(crate) struct CancelPayout;

impl Refuses for CancelPayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, &[Code::PayoutMovedOn]];
}

#[OpenApi(tag = "Tag::Provider")]
impl CancelPayout {
    /// Take a payout back
    ///
    /// Works until a batch has taken the payout; the money is back in the balance when this answers. From then on it is too late,
    /// and 409 says where the payout stands and who moved it. A cancelled payout cannot be cancelled again (409).
    #[oai(path = "/api/provider/payouts/:id/cancel", method = "post", operation_id = "cancelPayout")]
    async fn cancel(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// The payout.
        id: Path<Uuid>,
    ) -> Result<Json<Payout>, Refused<Self>> {
        match store::payouts::cancel(&app.pool, PayoutId::from_uuid(id.0), caller.0, app.now()).await? {
            Cancelled::Done(payout) => Ok(Json(Payout::from(payout.as_ref()))),
            Cancelled::NotFound => Err(Problem::not_found().into()),
            Cancelled::TooLate(conflict) => {
                Err(Problem::moved_on(conflict.status, role_of(&conflict.by)).into())
            }
        }
    }
}
