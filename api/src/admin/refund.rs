//! `POST /api/admin/payouts/{id}/refund`

use activities::{LookFailed, Reobserved, look_at_earlier_attempts};
use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    act::{Reason, answer},
    view::AdminPayout,
};
use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    banks::{not_asked, within_patience},
    body::Body,
    document::Tag,
    problem::{Code, Problem},
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

/// Asks the gateway about every attempt that has failed, and writes down what it says. The store refunds only on failures that
/// were seen just now.
///
/// A payout that cannot be refunded anyway costs the gateway nothing: the store says why.
async fn look_again(app: &App, id: PayoutId) -> Result<(), Problem> {
    let payout = store::payouts::get(&app.pool, id).await?;
    if !payout.is_some_and(|payout| payout.needs_attention) {
        return Ok(());
    }
    let (gateway, clock) = (app.gateway.as_ref(), app.clock.as_ref());
    let looks = look_at_earlier_attempts(&app.pool, gateway, clock, &app.retry_policy, id);
    match within_patience(looks).await? {
        // What they came to is judged once more under the payout's lock.
        Ok(Reobserved::AllFailed | Reobserved::NotProven(_)) => Ok(()),
        Err(LookFailed::Store(error)) => Err(error.into()),
        Err(LookFailed::Gateway(failed)) => Err(not_asked(&failed)),
    }
}
