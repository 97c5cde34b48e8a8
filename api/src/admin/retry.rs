//! `POST /api/admin/payouts/{id}/retry`

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
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

pub(crate) struct RetryPayout;

impl Refuses for RetryPayout {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::PayoutMovedOn, Code::NotProvenUnpaid]];
}

#[OpenApi(tag = "Tag::Admin")]
impl RetryPayout {
    /// Try a failed payout again
    ///
    /// For a payout that needs attention. Orders another attempt, now; before it begins every earlier one is looked at once more,
    /// and if one of them turns out to have paid, no other is made. 409 says who was faster when the payout does not need
    /// attention any more.
    #[oai(path = "/api/admin/payouts/:id/retry", method = "post", operation_id = "retryPayout")]
    async fn retry(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Json<AdminPayout>, Refused<Self>> {
        let id = PayoutId::from_uuid(id.0);
        let acted = store::manual::retry(&app.pool, id, &caller.0, &body.0, app.now()).await?;
        Ok(answer(acted)?)
    }
}
