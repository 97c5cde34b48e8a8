//! A risk policy as staff sees it.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use store::risk_policies::{Moved, Policy};
use uuid::Uuid;

use super::rules::RiskRules;
use crate::problem::{Code, Problem};

/// `DRAFT` (proposed), `SHADOW` (tried beside the active one), `ACTIVE` (in force), `RETIRED` (replaced or withdrawn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "store::risk_policies::Status")]
pub(super) enum RiskPolicyStatus {
    Draft,
    Shadow,
    Active,
    Retired,
}

/// One version of the risk rules for one currency. It never changes: another threshold is another version.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct RiskPolicy {
    /// Names the policy.
    id: Uuid,
    /// As assessments name it: `NGN-3`.
    version: String,
    /// What it is for: `NGN`, `GHS` or `KES`.
    currency: String,
    /// Where it stands.
    status: RiskPolicyStatus,
    /// Every rule with its mode and threshold.
    rules: RiskRules,
    /// Why it was proposed.
    reason: String,
    /// Who proposed it: `admin:<name>`, or `installation` for the first one.
    proposed_by: String,
    /// When (UTC).
    proposed_at: DateTime<Utc>,
    /// Who put it in force: somebody else.
    activated_by: Option<String>,
    /// When.
    activated_at: Option<DateTime<Utc>>,
    /// Who replaced or withdrew it.
    retired_by: Option<String>,
    /// When.
    retired_at: Option<DateTime<Utc>>,
}

impl From<&Policy> for RiskPolicy {
    fn from(policy: &Policy) -> Self {
        Self {
            id: policy.id.uuid(),
            version: policy.version(),
            currency: policy.currency.code().to_owned(),
            status: policy.status.into(),
            rules: RiskRules::from(&policy.rules),
            reason: policy.reason.clone(),
            proposed_by: policy.proposed_by.clone(),
            proposed_at: policy.proposed_at,
            activated_by: policy.activated_by.clone(),
            activated_at: policy.activated_at,
            retired_by: policy.retired_by.clone(),
            retired_at: policy.retired_at,
        }
    }
}

/// What moving a policy may be refused for.
pub(super) const REFUSALS: &[Code] = &[Code::RiskPolicyMovedOn, Code::SecondPersonRequired];

pub(super) fn told(moved: Moved) -> Result<RiskPolicy, Problem> {
    match moved {
        Moved::Done(policy) | Moved::Again(policy) => Ok(RiskPolicy::from(policy.as_ref())),
        Moved::NotFound => Err(Problem::not_found()),
        Moved::SamePerson => Err(Problem::new(
            Code::SecondPersonRequired,
            "Another admin has to put in force what you proposed.",
        )),
        Moved::NotFrom(status) => Err(Problem::new(
            Code::RiskPolicyMovedOn,
            format!("The policy is {}, from which there is no such move.", status.as_str()),
        )),
    }
}
