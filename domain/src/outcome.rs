//! What the gateway answered, and what may be concluded from it. Unknown is a value.
//!
//! Absence never ends an attempt: "not found", however often, permits only sending the *same* attempt again under the same
//! reference. A next attempt and a refund demand a [`ProvenUnpaid`] for every earlier one, and only this module makes one.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountName, AccountNumber, AttemptNumber, AttemptStatus, BankCode, Failure, Money, Reference};

/// What an attempt asks the gateway to do; the same for every send of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptTerms {
    pub reference: Reference,
    pub amount: Money,
    pub bank: BankCode,
    pub account: AccountNumber,
    pub beneficiary: AccountName,
    /// Shown on the recipient's statement.
    pub narration: String,
}

/// The answer to a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// Queued under the gateway's id. Not yet paid.
    Accepted(Accepted),
    /// Refused for a known reason. Proof only if this reference was sent exactly once.
    Declined(Failure),
    /// The gateway already has this reference: it says nothing about the outcome, which must be observed.
    Duplicate,
    /// No byte of the request can have been carried out.
    NotSent(NotSent),
    /// The bytes may have left. The money may move.
    Unknown { why: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The gateway's own id of the transfer.
    pub gateway_id: String,
    pub fee: Option<Money>,
}

/// Why nothing was sent, and when to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSent {
    pub class: NotSentClass,
    pub retry_after: Option<Duration>,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSentClass {
    /// DNS, connect or TLS failed.
    Unreachable,
    /// 429.
    RateLimited,
    /// 401: the key is wrong or missing.
    Unauthorized,
    /// The gateway does not take calls from this address.
    NotWhitelisted,
}

/// The answer to a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    InFlight(Sighting),
    Succeeded(Sighting),
    Failed(Sighting, Failure),
    /// Paid, then given back.
    Reversed(Sighting),
    NotFound,
    /// A status word, or a body, that this client does not know.
    Unrecognised {
        said: String,
    },
}

/// The gateway's record of a transfer, as far as it was told. Cannot be printed with its account number.
#[derive(Clone, PartialEq, Eq)]
pub struct Sighting {
    pub reference: Reference,
    pub gateway_id: String,
    pub amount: Money,
    pub bank: String,
    pub account: String,
    pub fee: Option<Money>,
}

impl fmt::Debug for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sighting")
            .field("reference", &self.reference)
            .field("gateway_id", &self.gateway_id)
            .field("amount", &self.amount)
            .field("fee", &self.fee)
            .finish_non_exhaustive()
    }
}

impl Sighting {
    /// The first field that does not agree with what the attempt asked for. Evidence counts only when there is none.
    pub fn disagreement(&self, terms: &AttemptTerms) -> Option<&'static str> {
        if self.reference != terms.reference {
            Some("reference")
        } else if self.amount.currency() != terms.amount.currency() {
            Some("currency")
        } else if self.amount.amount() != terms.amount.amount() {
            Some("amount")
        } else if self.account != terms.account.expose() {
            Some("account")
        } else {
            None
        }
    }
}

/// One earlier attempt, as far as it matters for what may come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFacts {
    pub number: AttemptNumber,
    pub status: AttemptStatus,
    /// Sends whose bytes may have reached the gateway.
    pub sends: u32,
    /// When the gateway itself last said that this reference has failed, or declined its only send.
    pub failed_seen_at: Option<DateTime<Utc>>,
    /// What the latest look at a failed attempt said instead.
    pub doubt: Option<Doubt>,
    /// It paid what was not due, and that is booked as the provider's debt.
    pub excess: bool,
}

/// What a look at a failed attempt said that was no failure. While it stands, the failure proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Nothing that tells: a record that is gone, that disagrees, or that cannot be read.
    Unconfirmed,
    /// The gateway is still at it.
    InFlight,
}

impl Doubt {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::InFlight => "in_flight",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Unconfirmed, Self::InFlight].into_iter().find(|doubt| doubt.as_str() == text)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Unconfirmed => "the gateway did not confirm its failure when it was asked again",
            Self::InFlight => "the gateway now says that it is on its way",
        }
    }
}

/// Proof that an attempt did not pay its payout, or not for good. Made only from an attempt whose failure the gateway itself told
/// (or two finance admins attested), and nothing else since; from one whose money came back, which was seen twice a day apart
/// (or confirmed by finance); or from one whose money is the provider's debt already, and so none of the payout's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenUnpaid {
    attempt: AttemptNumber,
}

/// An attempt that may still pay, or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("attempt {} is {status}: {}", attempt.get(), doubt.map_or("it has not conclusively failed", Doubt::words))]
pub struct NotProven {
    pub attempt: AttemptNumber,
    pub status: AttemptStatus,
    pub doubt: Option<Doubt>,
}

impl AttemptFacts {
    pub fn proof_unpaid(&self) -> Result<ProvenUnpaid, NotProven> {
        let unproven = NotProven { attempt: self.number, status: self.status, doubt: self.doubt };
        match self.status {
            AttemptStatus::Failed if self.failed_seen_at.is_some() && self.doubt.is_none() => {
                Ok(ProvenUnpaid { attempt: self.number })
            }
            AttemptStatus::Succeeded if self.excess => Ok(ProvenUnpaid { attempt: self.number }),
            AttemptStatus::Reversed => Ok(ProvenUnpaid { attempt: self.number }),
            AttemptStatus::Failed
            | AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Succeeded => Err(unproven),
        }
    }
}

impl ProvenUnpaid {
    /// Which attempt this is proof about.
    pub fn attempt(self) -> AttemptNumber {
        self.attempt
    }
}

/// The number of the next attempt. The proofs are the argument: one for every attempt made so far (`earlier` says how many
/// there were), else there is no next attempt. `None` when the numbers are used up.
pub fn next_attempt(earlier: u8, proofs: &[ProvenUnpaid]) -> Option<AttemptNumber> {
    let every_one_proven = (1..=earlier).all(|n| proofs.iter().any(|proof| proof.attempt.get() == n));
    if every_one_proven { AttemptNumber::new(earlier.checked_add(1)?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(number: u8, status: AttemptStatus, seen: bool) -> AttemptFacts {
        AttemptFacts {
            number: AttemptNumber::new(number).unwrap(),
            status,
            sends: 1,
            failed_seen_at: seen.then_some(DateTime::UNIX_EPOCH),
            doubt: None,
            excess: false,
        }
    }

    #[test]
    fn what_was_booked_as_excess_has_not_paid_its_payout() {
        for status in AttemptStatus::ALL {
            let excess = AttemptFacts { excess: true, ..facts(1, status, false) }.proof_unpaid().is_ok();
            let expected = matches!(status, AttemptStatus::Succeeded | AttemptStatus::Reversed);
            assert_eq!(excess, expected, "{status}");
        }
    }

    #[test]
    fn only_a_seen_failure_and_money_that_came_back_are_proof() {
        for status in AttemptStatus::ALL {
            let proven = facts(1, status, true).proof_unpaid().is_ok();
            let expected = matches!(status, AttemptStatus::Failed | AttemptStatus::Reversed);
            assert_eq!(proven, expected, "{status}");
        }
        assert!(facts(1, AttemptStatus::Failed, false).proof_unpaid().is_err());
    }

    #[test]
    fn a_doubted_failure_is_no_proof() {
        for doubt in [Doubt::Unconfirmed, Doubt::InFlight] {
            let doubted =
                AttemptFacts { doubt: Some(doubt), ..facts(1, AttemptStatus::Failed, true) }.proof_unpaid();
            assert!(doubted.unwrap_err().to_string().starts_with("attempt 1 is FAILED: the gateway"));
            assert_eq!(Doubt::parse(doubt.as_str()), Some(doubt));
        }
    }

    #[test]
    fn a_next_attempt_needs_proof_about_every_earlier_one() {
        let first = facts(1, AttemptStatus::Failed, true).proof_unpaid().unwrap();
        let second = facts(2, AttemptStatus::Failed, true).proof_unpaid().unwrap();
        assert_eq!(next_attempt(0, &[]).map(AttemptNumber::get), Some(1));
        assert_eq!(next_attempt(1, &[]), None);
        assert_eq!(next_attempt(2, &[second]), None);
        assert_eq!(next_attempt(2, &[first, first]), None);
        assert_eq!(next_attempt(2, &[first, second]).map(AttemptNumber::get), Some(3));
    }
}
