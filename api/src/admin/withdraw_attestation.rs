//! `POST /api/admin/payouts/{id}/attempts/{number}/attestation/withdraw`

use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    act::Reason,
    attestation::{Attestation, REFUSALS, attempt, told},
};
use crate::{
    app::TheApp,
    auth::AsFinance,
    body::Body,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

pub(crate) struct WithdrawAttestation;

impl Refuses for WithdrawAttestation {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, REFUSALS];
}

#[OpenApi(tag = "Tag::Admin")]
impl WithdrawAttestation {
    /// Take an attestation back
    ///
    /// For any finance admin, as long as it has not ended the attempt: while it waits for its second person, or cools. The attempt
    /// is then worked on as before.
    #[oai(
        path = "/api/admin/payouts/:id/attempts/:number/attestation/withdraw",
        method = "post",
        operation_id = "withdrawAttestation"
    )]
    async fn withdraw(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        /// The payout.
        id: Path<Uuid>,
        /// The attempt's number: 1 for the first try.
        number: Path<u8>,
        body: Body<Reason>,
    ) -> Result<Json<Attestation>, Refused<Self>> {
        let (payout, number) = (PayoutId::from_uuid(id.0), attempt(number.0)?);
        let attested =
            store::attestations::withdraw(&app.pool, payout, number, &body.0, &caller.0, app.now()).await?;
        Ok(Json(told(attested)?.0))
    }
}
