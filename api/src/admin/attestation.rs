//! What two finance admins say about an attempt, as staff sees it.

use chrono::{DateTime, Utc};
use domain::AttemptNumber;
use poem_openapi::{Enum, Object};
use store::attestations::Attested;
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// Whether the attempt paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "store::attestations::Verdict")]
pub(super) enum AttestedVerdict {
    Paid,
    NotPaid,
}

/// `PROPOSED` (waits for a second person), `CONFIRMED` (`not_paid` cools until `effective_at`), `APPLIED` (it has ended the
/// attempt), `WITHDRAWN` (taken back, or the gateway said otherwise).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "store::attestations::Stage")]
pub(super) enum AttestationStatus {
    Proposed,
    Confirmed,
    Applied,
    Withdrawn,
}

/// How an attempt ended by the word of two people, where the gateway does not tell.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Attestation {
    /// Names the attestation.
    id: Uuid,
    /// The number of the attempt.
    attempt: u8,
    /// What is said.
    verdict: AttestedVerdict,
    /// Where the document can be found, and what it says.
    document: String,
    /// Why it is believed.
    reason: String,
    /// Where it stands.
    status: AttestationStatus,
    /// Who said so first: `admin:<name>`.
    proposed_by: String,
    /// When (UTC).
    proposed_at: DateTime<Utc>,
    /// Who said so too.
    confirmed_by: Option<String>,
    /// When.
    confirmed_at: Option<DateTime<Utc>>,
    /// From when a look at the gateway that does not contradict it ends the attempt (`not_paid`), or since when it has ended.
    effective_at: Option<DateTime<Utc>>,
    /// When it was applied or withdrawn.
    ended_at: Option<DateTime<Utc>>,
}

impl From<&store::attestations::Attestation> for Attestation {
    fn from(attestation: &store::attestations::Attestation) -> Self {
        Self {
            id: attestation.id.uuid(),
            attempt: attestation.attempt.get(),
            verdict: attestation.verdict.into(),
            document: attestation.document.clone(),
            reason: attestation.reason.clone(),
            status: attestation.stage.into(),
            proposed_by: attestation.proposed_by.clone(),
            proposed_at: attestation.proposed_at,
            confirmed_by: attestation.confirmed_by.clone(),
            confirmed_at: attestation.confirmed_at,
            effective_at: attestation.effective_at,
            ended_at: attestation.ended_at,
        }
    }
}

/// What each of the three operations may refuse for.
pub(super) const REFUSALS: &[Code] =
    &[Code::NotAttestable, Code::AttestationOpen, Code::NoOpenAttestation, Code::SecondPersonRequired];

/// A number that no attempt can have is an unknown attempt.
pub(super) fn attempt(number: u8) -> Result<AttemptNumber, Problem> {
    AttemptNumber::new(number).ok_or_else(Problem::not_found)
}

/// What was attested, and whether it is new.
pub(super) fn told(attested: Attested) -> Result<(Attestation, bool), Problem> {
    match attested {
        Attested::Done(attestation) => Ok((Attestation::from(attestation.as_ref()), true)),
        Attested::Again(attestation) => Ok((Attestation::from(attestation.as_ref()), false)),
        Attested::NotFound => Err(Problem::not_found()),
        Attested::NotAttestable { why } => Err(Problem::new(
            Code::NotAttestable,
            format!("There is nothing to attest about this attempt: {why}."),
        )),
        Attested::OtherOpen(open) => {
            let (by, verdict) = (&open.proposed_by, open.verdict.as_str());
            let detail = format!("`{verdict}` was proposed by {by} and is {}.", open.stage.as_str());
            Err(Problem::new(Code::AttestationOpen, detail))
        }
        Attested::NoneOpen => {
            Err(Problem::new(Code::NoOpenAttestation, "No attestation about this attempt is open."))
        }
        Attested::SamePerson => Err(Problem::new(
            Code::SecondPersonRequired,
            "Another finance admin has to confirm what you proposed.",
        )),
    }
}
