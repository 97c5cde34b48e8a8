//! Low risk goes through by itself; everything else waits for a person.
//!
//! Evaluation is pure and fails closed: a fact that is missing makes its rule fire.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Money;

/// Where an assessed payout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    Auto,
    Review,
}

impl Route {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Review => "review",
        }
    }
}

/// The thresholds of one version of the rules, for one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskPolicy {
    /// Stored with every assessment.
    pub version: String,
    /// The largest amount that may go by itself.
    pub auto_approve_limit: Money,
    /// Payouts that reached the provider before.
    pub min_successful_payouts: u32,
    /// This many failed payouts within `failed_within_days` raise a flag.
    pub failed_payouts_flag: u32,
    pub failed_within_days: u16,
    /// A change of bank details within these days raises a flag.
    pub bank_change_within_days: u16,
    /// Requests within 24 hours, this one included, that count as a spike.
    pub requests_per_day_spike: u32,
    /// An amount more than this many times the provider's average paid amount counts as a spike.
    pub amount_spike_factor: u16,
}

/// What was known about the provider when the payout was assessed. Stored, so that another policy can be tried on it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskFacts {
    pub amount: Money,
    pub provider_verified: bool,
    pub successful_payouts: u32,
    pub recent_failed_payouts: u32,
    /// When the account this payout goes to was added or changed, unless it was the provider's first.
    pub bank_changed_at: Option<DateTime<Utc>>,
    /// Requests within the last 24 hours, this one included.
    pub requests_last_day: u32,
    /// Average of what was paid to the provider so far.
    pub average_paid: Option<Decimal>,
    pub observed_at: DateTime<Utc>,
}

/// The rules by name, in the order they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleName {
    Amount,
    ProviderVerified,
    SuccessfulPayouts,
    RecentFailures,
    BankDetailsChanged,
    RequestFrequency,
    AmountSpike,
}

/// One rule's answer, in words a person understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: RuleName,
    pub fired: bool,
    pub observed: String,
    pub threshold: String,
    pub words: String,
}

/// The risk engine's answer for one payout: auto only if no rule fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub route: Route,
    pub policy_version: String,
    pub findings: Vec<Finding>,
}

/// Applies a policy to facts.
pub fn assess(policy: &RiskPolicy, facts: &RiskFacts) -> Assessment {
    let findings = vec![
        amount(policy, facts),
        verified(facts),
        successful(policy, facts),
        failures(policy, facts),
        bank_change(policy, facts),
        frequency(policy, facts),
        amount_spike(policy, facts),
    ];
    let route = if findings.iter().any(|finding| finding.fired) { Route::Review } else { Route::Auto };
    Assessment { route, policy_version: policy.version.clone(), findings }
}

fn finding(rule: RuleName, fired: bool, observed: String, threshold: String, words: [&str; 2]) -> Finding {
    let [quiet, loud] = words;
    Finding { rule, fired, observed, threshold, words: if fired { loud } else { quiet }.to_owned() }
}

fn amount(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    let limit = policy.auto_approve_limit;
    let fired = facts.amount.currency() != limit.currency() || facts.amount.amount() > limit.amount();
    finding(
        RuleName::Amount,
        fired,
        facts.amount.to_string(),
        format!("at most {limit}"),
        [
            "The amount is within the limit for automatic approval",
            "The amount is above the limit for automatic approval",
        ],
    )
}

fn verified(facts: &RiskFacts) -> Finding {
    finding(
        RuleName::ProviderVerified,
        !facts.provider_verified,
        if facts.provider_verified { "verified" } else { "not verified" }.to_owned(),
        "verified".to_owned(),
        ["The provider is verified", "The provider is not verified"],
    )
}

fn successful(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    finding(
        RuleName::SuccessfulPayouts,
        facts.successful_payouts < policy.min_successful_payouts,
        facts.successful_payouts.to_string(),
        format!("at least {}", policy.min_successful_payouts),
        ["Enough payouts have reached this provider before", "Few payouts have reached this provider before"],
    )
}

fn failures(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    finding(
        RuleName::RecentFailures,
        facts.recent_failed_payouts >= policy.failed_payouts_flag,
        facts.recent_failed_payouts.to_string(),
        format!("fewer than {} in {} days", policy.failed_payouts_flag, policy.failed_within_days),
        ["Few payouts failed lately", "Several payouts failed lately"],
    )
}

fn bank_change(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    let fired = facts.bank_changed_at.is_some_and(|changed| {
        let quiet_until = changed.checked_add_signed(TimeDelta::days(policy.bank_change_within_days.into()));
        quiet_until.is_none_or(|quiet| facts.observed_at < quiet)
    });
    finding(
        RuleName::BankDetailsChanged,
        fired,
        facts
            .bank_changed_at
            .map_or_else(|| "never changed".to_owned(), |at| format!("changed {}", at.date_naive())),
        format!("not within {} days", policy.bank_change_within_days),
        ["The bank details have not changed lately", "The bank details changed lately"],
    )
}

fn frequency(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    finding(
        RuleName::RequestFrequency,
        facts.requests_last_day >= policy.requests_per_day_spike,
        format!("{} in 24 hours", facts.requests_last_day),
        format!("fewer than {} in 24 hours", policy.requests_per_day_spike),
        ["Requests come at the usual pace", "Many requests came within a day"],
    )
}

fn amount_spike(policy: &RiskPolicy, facts: &RiskFacts) -> Finding {
    let ceiling =
        facts.average_paid.and_then(|average| average.checked_mul(policy.amount_spike_factor.into()));
    // Nothing paid yet: the amount cannot be compared, and the rule on successful payouts has fired already.
    let fired = ceiling.is_none_or(|ceiling| facts.amount.amount() > ceiling);
    finding(
        RuleName::AmountSpike,
        fired,
        facts.average_paid.map_or_else(
            || "nothing paid yet".to_owned(),
            |average| format!("{} against {} on average", facts.amount.amount(), average.round_dp(2)),
        ),
        format!("at most {} times the average", policy.amount_spike_factor),
        ["The amount is usual for this provider", "The amount is unusual for this provider"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn naira(amount: &str) -> Money {
        Money::parse(amount, Currency::Ngn).unwrap()
    }

    fn policy() -> RiskPolicy {
        RiskPolicy {
            version: "test".to_owned(),
            auto_approve_limit: naira("50000"),
            min_successful_payouts: 3,
            failed_payouts_flag: 2,
            failed_within_days: 30,
            bank_change_within_days: 7,
            requests_per_day_spike: 5,
            amount_spike_factor: 3,
        }
    }

    fn trusted() -> RiskFacts {
        RiskFacts {
            amount: naira("50000"),
            provider_verified: true,
            successful_payouts: 3,
            recent_failed_payouts: 1,
            bank_changed_at: None,
            requests_last_day: 4,
            average_paid: Some("20000".parse().unwrap()),
            observed_at: DateTime::UNIX_EPOCH,
        }
    }

    fn fired(facts: &RiskFacts) -> Vec<RuleName> {
        let assessment = assess(&policy(), facts);
        let fired: Vec<_> = assessment.findings.iter().filter(|f| f.fired).map(|f| f.rule).collect();
        assert_eq!(assessment.route == Route::Auto, fired.is_empty());
        fired
    }

    #[test]
    fn each_rule_fires_at_its_threshold() {
        assert_eq!(fired(&trusted()), []);
        assert_eq!(fired(&RiskFacts { amount: naira("50000.01"), ..trusted() }), [RuleName::Amount]);
        assert_eq!(fired(&RiskFacts { provider_verified: false, ..trusted() }), [RuleName::ProviderVerified]);
        assert_eq!(fired(&RiskFacts { successful_payouts: 2, ..trusted() }), [RuleName::SuccessfulPayouts]);
        assert_eq!(fired(&RiskFacts { recent_failed_payouts: 2, ..trusted() }), [RuleName::RecentFailures]);
        assert_eq!(fired(&RiskFacts { requests_last_day: 5, ..trusted() }), [RuleName::RequestFrequency]);
        assert_eq!(
            fired(&RiskFacts { average_paid: Some("16666".parse().unwrap()), ..trusted() }),
            [RuleName::AmountSpike]
        );
        let changed = |days| RiskFacts {
            bank_changed_at: Some(DateTime::UNIX_EPOCH - TimeDelta::days(days)),
            ..trusted()
        };
        assert_eq!(fired(&changed(6)), [RuleName::BankDetailsChanged]);
        assert_eq!(fired(&changed(7)), []);
    }

    #[test]
    fn fails_closed() {
        assert_eq!(fired(&RiskFacts { average_paid: None, ..trusted() }), [RuleName::AmountSpike]);
        let cedi = Money::parse("10", Currency::Ghs).unwrap();
        assert_eq!(fired(&RiskFacts { amount: cedi, ..trusted() }), [RuleName::Amount]);
    }
}
