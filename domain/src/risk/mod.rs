//! Low risk goes through by itself; everything else waits for a person.
//!
//! Evaluation is pure, in exact decimals, and fails closed: a fact that nobody knows makes its rule fire, and without a policy
//! nothing goes by itself. A rule's threshold is data ([`RiskPolicy`]); what it compares is stored beside the answer
//! ([`RiskFacts`]), so that another policy can be tried on the same facts later ([`replay`]). Costs a few microseconds.

mod facts;
mod names;
mod policy;
mod replay;
mod rules;

pub use facts::{BASELINE_WEEKS, FACTS_VERSION, Fact, FailedDay, FailuresOn, KNOWN_DAYS, RiskFacts};
pub use names::{NameMatch, compare_names};
pub use policy::{
    AmountLimit, AtLeast, CountLimit, DayLimit, Failures, Frequency, Mode, NameRule, RiskPolicy, RiskRules,
    SumPace, Switch, Times, WrongRule,
};
pub use replay::{Replayed, replay};

use serde::{Deserialize, Serialize};

use rules::Seen;

/// The version told where no policy was asked.
const NO_POLICY: &str = "none";

/// Where an assessed payout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    Auto,
    Review,
    /// Nobody may approve it: rejected at once.
    Refuse,
}

impl Route {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Review, Self::Refuse];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Review => "review",
            Self::Refuse => "refuse",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.as_str() == text)
    }
}

/// The rules by name, in the order they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleName {
    Amount,
    ProviderVerified,
    SuccessfulPayouts,
    RecentFailures,
    BankDetailsChanged,
    SharedBankAccount,
    AccountName,
    #[serde(alias = "request_frequency")]
    RequestsPerDay,
    SumPerDay,
    RequestsPerWeek,
    SumPerWeek,
    RequestsAgainstBaseline,
    SumAgainstBaseline,
    #[serde(alias = "amount_spike")]
    AmountAgainstBaseline,
    ProviderAge,
    ProviderSuspended,
    /// No rule of a policy: there is none to ask.
    ActivePolicy,
    /// No rule of a policy: what it compares could not be read.
    FactsGathered,
}

impl RuleName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::ProviderVerified => "provider_verified",
            Self::SuccessfulPayouts => "successful_payouts",
            Self::RecentFailures => "recent_failures",
            Self::BankDetailsChanged => "bank_details_changed",
            Self::SharedBankAccount => "shared_bank_account",
            Self::AccountName => "account_name",
            Self::RequestsPerDay => "requests_per_day",
            Self::SumPerDay => "sum_per_day",
            Self::RequestsPerWeek => "requests_per_week",
            Self::SumPerWeek => "sum_per_week",
            Self::RequestsAgainstBaseline => "requests_against_baseline",
            Self::SumAgainstBaseline => "sum_against_baseline",
            Self::AmountAgainstBaseline => "amount_against_baseline",
            Self::ProviderAge => "provider_age",
            Self::ProviderSuspended => "provider_suspended",
            Self::ActivePolicy => "active_policy",
            Self::FactsGathered => "facts_gathered",
        }
    }
}

/// One rule's answer, in words a person understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: RuleName,
    pub fired: bool,
    /// Shown to people, and decides nothing.
    #[serde(default)]
    pub informational: bool,
    /// What it compares was not known. It fires then.
    #[serde(default)]
    pub unknown: bool,
    pub observed: String,
    pub threshold: String,
    pub words: String,
}

impl Finding {
    /// Whether it speaks against paying without a look.
    pub fn counts(&self) -> bool {
        self.fired && !self.informational
    }
}

/// The risk engine's answer for one payout: auto only if no rule that counts fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub route: Route,
    pub policy_version: String,
    pub findings: Vec<Finding>,
}

impl Assessment {
    /// Why it does not go by itself, in words; empty when it does.
    pub fn reasons(&self) -> String {
        let words: Vec<&str> =
            self.findings.iter().filter(|finding| finding.counts()).map(|f| f.words.as_str()).collect();
        words.join("; ")
    }
}

/// Applies a policy to facts.
pub fn assess(policy: &RiskPolicy, facts: &RiskFacts) -> Assessment {
    let findings = rules::look(policy, facts);
    Assessment { route: route(&findings), policy_version: policy.version.clone(), findings }
}

/// What becomes of a payout when no policy is in force for its currency: a person looks at it, unless it is refused anyway.
pub fn assess_without_policy(facts: &RiskFacts) -> Assessment {
    closed(facts, RuleName::ActivePolicy, "a policy", "No risk policy is active for this currency")
}

/// What becomes of a payout about which nothing could be read: a person looks at it.
pub fn assess_without_facts(facts: &RiskFacts) -> Assessment {
    closed(facts, RuleName::FactsGathered, "the facts", "What the risk rules compare could not be read")
}

fn closed(facts: &RiskFacts, rule: RuleName, needed: &str, words: &'static str) -> Assessment {
    let seen = Seen::fired("none".to_owned(), needed.to_owned(), words);
    let findings = vec![
        rules::suspended(facts).finding(RuleName::ProviderSuspended, Mode::Enforced),
        seen.finding(rule, Mode::Enforced),
    ];
    Assessment { route: route(&findings), policy_version: NO_POLICY.to_owned(), findings }
}

/// Suspension that is known refuses; anything else that counts is for a person.
fn route(findings: &[Finding]) -> Route {
    let refused = |finding: &Finding| finding.rule == RuleName::ProviderSuspended && !finding.unknown;
    let counting = findings.iter().filter(|finding| finding.counts());
    counting.fold(Route::Auto, |route, finding| {
        route.max(if refused(finding) { Route::Refuse } else { Route::Review })
    })
}

#[cfg(test)]
mod tests;
