//! A payout as risk and finance see it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use crate::{
    money::Amount,
    shapes::{PayoutStatus, RiskRoute},
};

/// A payout with what only staff sees.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AdminPayout {
    /// Names the payout everywhere.
    pub id: Uuid,
    /// Whose it is.
    pub provider_id: Uuid,
    /// Where the money goes.
    pub bank_account_id: Uuid,
    /// What the provider receives.
    pub amount: Amount,
    /// Where it stands.
    pub status: PayoutStatus,
    /// What the risk rules made of it; absent until they ran.
    pub risk: Option<RiskRoute>,
    /// When it was asked for (UTC).
    pub requested_at: DateTime<Utc>,
    /// When it was approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// Who approved it: `admin:<name>`, `engine:<claimed name>` or `system`.
    pub approved_by: Option<String>,
    /// The batch that took it.
    pub batch_id: Option<Uuid>,
    /// When the batch took it.
    pub claimed_at: Option<DateTime<Utc>>,
    /// Why the next window passes it over: `paused`, `funds` or `limit`.
    pub held: Option<String>,
    /// How many attempts were begun.
    pub attempts: u8,
    /// How many of them count as failures of the payout.
    pub counted_failures: u8,
    /// When it is tried again by itself.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Whether an admin has to retry or refund it.
    pub needs_attention: bool,
    /// Why it failed, for programs.
    pub failure_code: Option<String>,
    /// What the gateway said.
    pub failure_message: Option<String>,
    /// When it failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// What the gateway took for the transfer that paid.
    pub fee: Option<Amount>,
    /// When the gateway confirmed it.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it was rejected.
    pub rejected_at: Option<DateTime<Utc>>,
    /// Why it was rejected, for programs.
    pub rejection_code: Option<String>,
    /// Why it was rejected.
    pub rejection_reason: Option<String>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When the money went back to the balance after a failure.
    pub refunded_at: Option<DateTime<Utc>>,
    /// When the bank returned the money.
    pub reversed_at: Option<DateTime<Utc>>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&store::payouts::Payout> for AdminPayout {
    fn from(payout: &store::payouts::Payout) -> Self {
        Self {
            id: payout.id.uuid(),
            provider_id: payout.provider.uuid(),
            bank_account_id: payout.bank_account.uuid(),
            amount: Amount(payout.amount),
            status: payout.status.into(),
            risk: payout.risk.map(Into::into),
            requested_at: payout.requested_at,
            approved_at: payout.approved_at,
            approved_by: payout.approved_by.clone(),
            batch_id: payout.batch.map(domain::BatchId::uuid),
            claimed_at: payout.claimed_at,
            held: payout.held.map(|held| held_words(held).to_owned()),
            attempts: payout.attempts,
            counted_failures: payout.counted_failures,
            next_attempt_at: payout.next_attempt_at,
            needs_attention: payout.needs_attention,
            failure_code: payout.failure_code.map(|code| code.as_str().to_owned()),
            failure_message: payout.failure_message.clone(),
            failed_at: payout.failed_at,
            fee: payout.fee.map(Amount),
            completed_at: payout.completed_at,
            rejected_at: payout.rejected_at,
            rejection_code: payout.rejection_code.clone(),
            rejection_reason: payout.rejection_reason.clone(),
            cancelled_at: payout.cancelled_at,
            refunded_at: payout.refunded_at,
            reversed_at: payout.reversed_at,
            updated_at: payout.updated_at,
        }
    }
}

pub(super) fn held_words(held: domain::Held) -> &'static str {
    match held {
        domain::Held::Paused => "paused",
        domain::Held::Funds => "funds",
        domain::Held::Limit => "limit",
    }
}

/// One risk rule's answer.
#[derive(Debug, Clone, Object)]
pub(super) struct RuleFinding {
    /// Which rule.
    pub rule: String,
    /// Whether it speaks against paying without a look.
    pub fired: bool,
    /// Whether it is only shown: the policy lets it decide nothing.
    pub informational: bool,
    /// Whether what it compares was not known. It fires then.
    pub unknown: bool,
    /// What it saw.
    pub observed: String,
    /// What it compared that with.
    pub threshold: String,
    /// The result as a sentence.
    pub words: String,
}

impl From<&domain::Finding> for RuleFinding {
    fn from(finding: &domain::Finding) -> Self {
        Self {
            rule: finding.rule.as_str().to_owned(),
            fired: finding.fired,
            informational: finding.informational,
            unknown: finding.unknown,
            observed: finding.observed.clone(),
            threshold: finding.threshold.clone(),
            words: finding.words.clone(),
        }
    }
}
