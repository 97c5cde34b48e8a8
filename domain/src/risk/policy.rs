//! The thresholds of one version of the rules, for one currency.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{KNOWN_DAYS, NameMatch};
use crate::{Currency, Money};

/// What a rule does when it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The payout waits for a person.
    Enforced,
    /// It is shown to people, and decides nothing.
    Informational,
    /// It is not looked at.
    Off,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Enforced, Self::Informational, Self::Off];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Informational => "informational",
            Self::Off => "off",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// A rule without a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    pub mode: Mode,
}

/// Fires above an amount in the policy's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountLimit {
    pub mode: Mode,
    pub at_most: Decimal,
}

/// Fires above a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountLimit {
    pub mode: Mode,
    pub at_most: u32,
}

/// Fires below a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtLeast {
    pub mode: Mode,
    pub at_least: u32,
}

/// Fires while something is younger than so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayLimit {
    pub mode: Mode,
    pub days: u16,
}

/// Fires above a number of failures within so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    pub mode: Mode,
    pub at_most: u32,
    pub within_days: u16,
}

/// Fires when a name is less alike than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameRule {
    pub mode: Mode,
    /// `same` or `similar`.
    pub accept: NameMatch,
}

/// Fires above so many times the provider's average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    pub mode: Mode,
    pub at_most_times: u32,
}

/// Fires above so many times the provider's usual pace, from so many requests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    pub mode: Mode,
    pub at_most_times: u32,
    /// Fewer requests than this within a week are nobody's spike.
    pub from_requests: u32,
}

/// Fires above so many times what the provider usually asks for in a week, from so much on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumPace {
    pub mode: Mode,
    pub at_most_times: u32,
    /// Less than this within a week is nobody's spike.
    pub from_amount: Decimal,
}

impl SumPace {
    /// Also for policies that are older than this rule: it is shown, and decides nothing that it did not decide before.
    fn first() -> Self {
        Self { mode: Mode::Informational, at_most_times: 5, from_amount: Decimal::new(30_000_000, 2) }
    }
}

/// The sixteen rules, each with its mode and its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRules {
    /// The largest amount that may go by itself.
    pub amount: AmountLimit,
    pub provider_verified: Switch,
    /// Payouts that reached the provider before, in any currency.
    pub successful_payouts: AtLeast,
    pub recent_failures: Failures,
    /// Since the account this payout goes to replaced or joined another.
    pub bank_details_changed: DayLimit,
    /// Other providers who use, or have used, the same account.
    pub shared_bank_account: CountLimit,
    /// The bank's name for the account against the provider's.
    pub account_name: NameRule,
    /// Requests, this one included.
    pub requests_per_day: CountLimit,
    /// What was asked for, this payout included.
    pub sum_per_day: AmountLimit,
    pub requests_per_week: CountLimit,
    pub sum_per_week: AmountLimit,
    /// The last week's requests against the weeks before.
    pub requests_against_baseline: Frequency,
    /// What was asked for within the last week against the weeks before.
    #[serde(default = "SumPace::first")]
    pub sum_against_baseline: SumPace,
    /// The amount against what was paid on average.
    pub amount_against_baseline: Times,
    /// Since the marketplace told of the provider.
    pub provider_age: DayLimit,
    /// Always enforced: it refuses.
    pub provider_suspended: Switch,
}

/// One version of the rules for one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskPolicy {
    /// Stored with every assessment.
    pub version: String,
    pub currency: Currency,
    pub rules: RiskRules,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongRule {
    /// A path such as `amount.at_most`.
    pub field: String,
    pub words: String,
}

const MAX_COUNT: u32 = 1_000_000;
const MAX_DAYS: u16 = 3650;
const MAX_TIMES: u32 = 1000;

impl RiskRules {
    /// What a new installation begins with, in naira. The rules on shared accounts, names, age and a week's sum against
    /// those before are informational: on the first day every provider is new and many are known by the name of their shop. A backtest says what enforcing them
    /// would do. Also in `migrations/0016_risk_policies.sql`; a test holds the two in step.
    pub fn first() -> Self {
        let (mode, shown) = (Mode::Enforced, Mode::Informational);
        let naira = |whole: i64| Decimal::new(whole.saturating_mul(100), 2);
        Self {
            amount: AmountLimit { mode, at_most: naira(50_000) },
            provider_verified: Switch { mode },
            successful_payouts: AtLeast { mode, at_least: 3 },
            recent_failures: Failures { mode, at_most: 1, within_days: 30 },
            bank_details_changed: DayLimit { mode, days: 7 },
            shared_bank_account: CountLimit { mode: shown, at_most: 0 },
            account_name: NameRule { mode: shown, accept: NameMatch::Similar },
            requests_per_day: CountLimit { mode, at_most: 9 },
            sum_per_day: AmountLimit { mode, at_most: naira(200_000) },
            requests_per_week: CountLimit { mode, at_most: 40 },
            sum_per_week: AmountLimit { mode, at_most: naira(750_000) },
            requests_against_baseline: Frequency { mode, at_most_times: 5, from_requests: 15 },
            sum_against_baseline: SumPace::first(),
            amount_against_baseline: Times { mode, at_most_times: 5 },
            provider_age: DayLimit { mode: shown, days: 7 },
            provider_suspended: Switch { mode },
        }
    }

    /// Everything that is wrong with the thresholds for a currency; empty when they can be used.
    pub fn check(&self, currency: Currency) -> Vec<WrongRule> {
        let mut wrong = Wrong { currency, found: vec![] };
        wrong.amount("amount.at_most", self.amount.at_most);
        wrong.amount("sum_per_day.at_most", self.sum_per_day.at_most);
        wrong.amount("sum_per_week.at_most", self.sum_per_week.at_most);
        wrong.amount("sum_against_baseline.from_amount", self.sum_against_baseline.from_amount);
        let times = self.sum_against_baseline.at_most_times;
        wrong.within("sum_against_baseline.at_most_times", times, 1, MAX_TIMES);
        wrong.within("successful_payouts.at_least", self.successful_payouts.at_least, 0, MAX_COUNT);
        wrong.within("recent_failures.at_most", self.recent_failures.at_most, 0, MAX_COUNT);
        let days = u32::from(self.recent_failures.within_days);
        wrong.within("recent_failures.within_days", days, 1, KNOWN_DAYS.into());
        let days = u32::from(self.bank_details_changed.days);
        wrong.within("bank_details_changed.days", days, 0, MAX_DAYS.into());
        // Others are counted up to a hundred.
        wrong.within("shared_bank_account.at_most", self.shared_bank_account.at_most, 0, 99);
        wrong.within("requests_per_day.at_most", self.requests_per_day.at_most, 0, MAX_COUNT);
        wrong.within("requests_per_week.at_most", self.requests_per_week.at_most, 0, MAX_COUNT);
        let baseline = self.requests_against_baseline;
        wrong.within("requests_against_baseline.at_most_times", baseline.at_most_times, 1, MAX_TIMES);
        wrong.within("requests_against_baseline.from_requests", baseline.from_requests, 0, MAX_COUNT);
        let times = self.amount_against_baseline.at_most_times;
        wrong.within("amount_against_baseline.at_most_times", times, 1, MAX_TIMES);
        wrong.within("provider_age.days", self.provider_age.days.into(), 0, MAX_DAYS.into());
        if self.account_name.accept == NameMatch::Differs {
            wrong.note("account_name.accept", "must be same or similar".to_owned());
        }
        if self.provider_suspended.mode != Mode::Enforced {
            wrong.note(
                "provider_suspended.mode",
                "must be enforced: a suspended provider is never paid".to_owned(),
            );
        }
        let used = |mode| mode != Mode::Off;
        if used(self.requests_per_day.mode)
            && used(self.requests_per_week.mode)
            && self.requests_per_week.at_most < self.requests_per_day.at_most
        {
            wrong.note("requests_per_week.at_most", "must not be below requests_per_day.at_most".to_owned());
        }
        if used(self.sum_per_day.mode)
            && used(self.sum_per_week.mode)
            && self.sum_per_week.at_most < self.sum_per_day.at_most
        {
            wrong.note("sum_per_week.at_most", "must not be below sum_per_day.at_most".to_owned());
        }
        wrong.found
    }
}

struct Wrong {
    currency: Currency,
    found: Vec<WrongRule>,
}

impl Wrong {
    fn note(&mut self, field: &str, words: String) {
        self.found.push(WrongRule { field: field.to_owned(), words });
    }

    fn within(&mut self, field: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.note(field, format!("must be from {least} to {most}"));
        }
    }

    fn amount(&mut self, field: &str, amount: Decimal) {
        if amount.is_sign_negative() && !amount.is_zero() {
            self.note(field, "must not be negative".to_owned());
        } else if let Err(wrong) = Money::new(amount, self.currency) {
            self.note(field, wrong.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl Fn(&mut RiskRules)) -> Vec<String> {
        let mut rules = RiskRules::first();
        change(&mut rules);
        rules.check(Currency::Ngn).into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn every_threshold_has_its_range() {
        assert_eq!(wrong(|_| ()), [""; 0]);
        assert_eq!(wrong(|rules| rules.amount.at_most = Decimal::new(1, 3)), ["amount.at_most"]);
        assert_eq!(wrong(|rules| rules.amount.at_most = Decimal::new(-1, 0)), ["amount.at_most"]);
        assert_eq!(wrong(|rules| rules.amount.at_most = Decimal::MAX), ["amount.at_most"]);
        assert_eq!(wrong(|rules| rules.recent_failures.within_days = 91), ["recent_failures.within_days"]);
        assert_eq!(wrong(|rules| rules.recent_failures.within_days = 0), ["recent_failures.within_days"]);
        assert_eq!(wrong(|rules| rules.provider_age.days = 3651), ["provider_age.days"]);
        assert_eq!(wrong(|rules| rules.shared_bank_account.at_most = 100), ["shared_bank_account.at_most"]);
        assert_eq!(wrong(|rules| rules.account_name.accept = NameMatch::Differs), ["account_name.accept"]);
        assert_eq!(
            wrong(|rules| rules.amount_against_baseline.at_most_times = 0),
            ["amount_against_baseline.at_most_times"]
        );
        assert_eq!(
            wrong(|rules| rules.sum_against_baseline.from_amount = Decimal::new(-1, 0)),
            ["sum_against_baseline.from_amount"]
        );
        assert_eq!(
            wrong(|rules| rules.sum_against_baseline.at_most_times = 1001),
            ["sum_against_baseline.at_most_times"]
        );
        assert_eq!(wrong(|rules| rules.requests_per_week.at_most = 8), ["requests_per_week.at_most"]);
        assert_eq!(wrong(|rules| rules.sum_per_week.at_most = Decimal::ONE), ["sum_per_week.at_most"]);
    }

    #[test]
    fn nobody_switches_suspension_off() {
        for mode in [Mode::Off, Mode::Informational] {
            assert_eq!(wrong(|rules| rules.provider_suspended.mode = mode), ["provider_suspended.mode"]);
        }
    }

    #[test]
    fn a_stored_policy_that_is_older_than_a_rule_shows_it_and_decides_as_before() {
        let mut json = serde_json::to_value(RiskRules::first()).unwrap();
        json.as_object_mut().unwrap().remove("sum_against_baseline");
        let read = serde_json::from_value::<RiskRules>(json).unwrap();
        assert_eq!(read.sum_against_baseline.mode, Mode::Informational);
    }

    #[test]
    fn a_stored_policy_with_an_unknown_rule_is_not_guessed_at() {
        let mut json = serde_json::to_value(RiskRules::first()).unwrap();
        assert_eq!(serde_json::from_value::<RiskRules>(json.clone()).unwrap(), RiskRules::first());
        json["moon_phase"] = serde_json::json!({ "mode": "enforced" });
        assert!(serde_json::from_value::<RiskRules>(json).is_err());
    }
}
