//! `POST /api/admin/payouts/{id}/attempts/{number}/attestation/confirm`

use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::attestation::{Attestation, REFUSALS, attempt, told};
use crate::{
    app::TheApp,
    auth::AsFinance,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

pub(crate) struct ConfirmAttestation;

impl Refuses for ConfirmAttestation {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, REFUSALS];
}

#[OpenApi(tag = "Tag::Admin")]
impl ConfirmAttestation {
    /// Say so too
    ///
    /// For a finance admin other than the one who proposed it. `paid` counts at once: the attempt has succeeded, and where the money
    /// went twice by that, the excess is the provider's debt. `not_paid` cools for 72 hours; the first look at the gateway after
    /// that which does not contradict it ends the attempt as failed, and the payout waits for an admin to retry or refund it. Until
    /// then nothing is sent again. Safe to repeat.
    #[oai(
        path = "/api/admin/payouts/:id/attempts/:number/attestation/confirm",
        method = "post",
        operation_id = "confirmAttestation"
    )]
    async fn confirm(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        /// The payout.
        id: Path<Uuid>,
        /// The attempt's number: 1 for the first try.
        number: Path<u8>,
    ) -> Result<Json<Attestation>, Refused<Self>> {
        let (payout, number) = (PayoutId::from_uuid(id.0), attempt(number.0)?);
        let attested =
            store::attestations::confirm(&app.pool, payout, number, &app.retry_policy, &caller.0, app.now())
                .await?;
        Ok(Json(told(attested)?.0))
    }
}
