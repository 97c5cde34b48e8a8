//! `POST /api/admin/payouts/{id}/refund`

use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    act::{Reason, answer},
    view::AdminPayout,
};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::Body,
    document::Tag,
    look_again::look_again,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_GATEWAY, WITH_ID},
};

pub(crate) struct RefundPayout;

impl Refuses for RefundPayout {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, WITH_BODY, WITH_GATEWAY, &[Code::PayoutMovedOn, Code::NotProvenUnpaid]];
}

#[OpenApi(tag = "Tag::Admin")]
impl RefundPayout {
    /// Give the money of a failed payout back
    ///
    /// For a payout that needs attention. Final: the reserved money goes back to the provider's balance and this payout can never
    /// be paid. Every attempt is looked at once more at the gateway, now; unless each of them has conclusively failed nothing
    /// happens (409 `not_proven_unpaid`, or 503 when the gateway cannot be asked).
    #[oai(path = "/api/admin/payouts/:id/refund", method = "post", operation_id = "refundPayout")]
    async fn refund(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Json<AdminPayout>, Refused<Self>> {
        let id = PayoutId::from_uuid(id.0);
        look_again(&app, id).await?;
        let acted = store::manual::refund(&app.pool, id, &caller.0, &body.0, app.now()).await?;
        Ok(answer(acted)?)
    }
}
