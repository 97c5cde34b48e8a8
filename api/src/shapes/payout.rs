//! A payout as its provider sees it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use super::PayoutStatus;
use crate::money::Amount;

/// A provider's request to be paid. The money is reserved from the moment it exists.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Payout {
    /// Names the payout everywhere, for ever.
    pub id: Uuid,
    /// Where it stands.
    pub status: PayoutStatus,
    /// What the provider receives. Fees are not taken from it.
    pub amount: Amount,
    /// Where the money goes; fixed when the payout was asked for.
    pub bank_account_id: Uuid,
    /// When it was asked for (UTC).
    pub requested_at: DateTime<Utc>,
    /// When it was approved, by the rules or by an admin.
    pub approved_at: Option<DateTime<Utc>>,
    /// When the gateway confirmed that the money has arrived.
    pub completed_at: Option<DateTime<Utc>>,
    /// Why it could not be paid, while `FAILED`.
    pub failure: Option<Failure>,
    /// When it is tried again by itself, while `FAILED`.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the reserved money went back to the balance after a failure. From then on the payout is final.
    pub refunded_at: Option<DateTime<Utc>>,
    /// Why it was rejected, while `REJECTED`.
    pub rejection: Option<Rejection>,
    /// When the provider took it back.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When the bank returned the money.
    pub reversed_at: Option<DateTime<Utc>>,
}

/// Why a payout could not be paid.
#[derive(Debug, Clone, Object)]
pub(crate) struct Failure {
    /// For programs: `account_invalid`, `account_blacklisted`, `bank_unknown`, `beneficiary_name_missing`, `wallet_empty`,
    /// `merchant_restricted`, `merchant_daily_limit`, `amount_limit`, `amount_too_small`, `bank_unavailable` or `other`. More
    /// may come.
    pub code: String,
    /// For people: what it means, and what the provider can do.
    pub detail: String,
    /// When the gateway said so.
    pub at: DateTime<Utc>,
}

/// Why a payout was rejected. The money is back in the balance.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Rejection {
    /// For programs. More may come.
    pub code: String,
    /// The reason as it was given.
    pub reason: Option<String>,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

impl From<&store::payouts::Payout> for Payout {
    fn from(payout: &store::payouts::Payout) -> Self {
        let failed = matches!(payout.status, domain::PayoutStatus::Failed);
        let failure = payout.failure_code.zip(payout.failed_at).filter(|_| failed);
        let rejection = payout.rejection_code.clone().zip(payout.rejected_at);
        Self {
            id: payout.id.uuid(),
            status: payout.status.into(),
            amount: Amount(payout.amount),
            bank_account_id: payout.bank_account.uuid(),
            requested_at: payout.requested_at,
            approved_at: payout.approved_at,
            completed_at: payout.completed_at,
            failure: failure.map(|(code, at)| Failure {
                code: code.as_str().to_owned(),
                detail: code.words().to_owned(),
                at,
            }),
            next_attempt_at: payout.next_attempt_at,
            refunded_at: payout.refunded_at,
            rejection: rejection.map(|(code, at)| Rejection {
                code,
                reason: payout.rejection_reason.clone(),
                at,
            }),
            cancelled_at: payout.cancelled_at,
            reversed_at: payout.reversed_at,
        }
    }
}
