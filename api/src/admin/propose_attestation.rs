//! `POST /api/admin/payouts/{id}/attempts/{number}/attestation`

use domain::PayoutId;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json};
use store::attestations::{NewAttestation, Verdict};
use uuid::Uuid;

use super::{
    act::MAX_REASON_CHARS,
    attestation::{Attestation, AttestedVerdict, REFUSALS, attempt, told},
};
use crate::{
    app::TheApp,
    auth::AsFinance,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// The column holds this many.
const MAX_DOCUMENT_CHARS: usize = 500;

/// What the bank or the gateway's support said about an attempt.
#[derive(Debug, Object)]
struct NewAttestationBody {
    /// Whether it paid.
    verdict: AttestedVerdict,
    /// Where the document can be found (a ticket, a file), and what it says; 1 to 500 characters.
    #[oai(validator(min_length = 1, max_length = 500))]
    document: String,
    /// Why it is believed; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    verdict: Verdict,
    document: String,
    reason: String,
}

impl FromFields for NewAttestationBody {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let verdict = fields.parsed("verdict", FieldCode::InvalidValue, |text| {
            Verdict::parse(text).ok_or_else(|| "must be paid or not_paid".to_owned())
        });
        let document = fields.text("document", MAX_DOCUMENT_CHARS);
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { verdict: verdict?, document: document?, reason: reason? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// Proposed: another finance admin has to confirm it.
    #[oai(status = 201)]
    Proposed(Json<Attestation>),
    /// You have proposed exactly this before; nothing changed.
    #[oai(status = 200)]
    Again(Json<Attestation>),
}

pub(crate) struct ProposeAttestation;

impl Refuses for ProposeAttestation {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, REFUSALS];
}

#[OpenApi(tag = "Tag::Admin")]
impl ProposeAttestation {
    /// Say how an attempt ended
    ///
    /// For finance, where the gateway does not tell: on an attempt that was sent and has no outcome, or one whose failure the
    /// gateway does not confirm any more. Changes nothing until another finance admin confirms it. Safe to repeat.
    #[oai(
        path = "/api/admin/payouts/:id/attempts/:number/attestation",
        method = "post",
        operation_id = "proposeAttestation"
    )]
    async fn propose(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        /// The payout.
        id: Path<Uuid>,
        /// The attempt's number: 1 for the first try.
        number: Path<u8>,
        body: Body<NewAttestationBody>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { verdict, document, reason } = &body.0;
        let new = NewAttestation {
            payout: PayoutId::from_uuid(id.0),
            attempt: attempt(number.0)?,
            verdict: *verdict,
            document,
            reason,
        };
        let attested = store::attestations::propose(&app.pool, &new, &caller.0, app.now()).await?;
        let (attestation, is_new) = told(attested)?;
        Ok(if is_new { Answer::Proposed(Json(attestation)) } else { Answer::Again(Json(attestation)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<NewAttestationBody>();
    }
}
