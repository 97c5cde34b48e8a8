//! The sixteen rules as staff reads and writes them.

use domain::{
    Currency, RiskRules as Terms,
    risk::{
        self, AmountLimit, AtLeast, CountLimit, DayLimit, Failures, Frequency, Mode, NameMatch, SumPace,
        Switch, Times,
    },
};
use poem_openapi::{Enum, Object};

use crate::{body::Fields, problem::FieldCode};

/// `enforced`: what fires goes to a person. `informational`: it is shown and decides nothing. `off`: it is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "domain::risk::Mode")]
pub(super) enum RuleMode {
    Enforced,
    Informational,
    Off,
}

/// `same`: the same words in any order, whatever their case, accents, titles and punctuation. `similar`: every word of the
/// shorter name is in the longer one, or an initial of it, and one whole word at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum AcceptedName {
    Same,
    Similar,
}

/// A rule without a threshold.
#[derive(Debug, Clone, Object)]
pub(super) struct SwitchRule {
    /// What it does when it fires.
    mode: RuleMode,
}

/// Fires above an amount.
#[derive(Debug, Clone, Object)]
pub(super) struct AmountRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// In the policy's currency, as a decimal string such as `50000.00`.
    #[oai(validator(max_length = 32))]
    at_most: String,
}

/// Fires above a number.
#[derive(Debug, Clone, Object)]
pub(super) struct CountRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// So many are usual.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    at_most: u32,
}

/// Fires below a number.
#[derive(Debug, Clone, Object)]
pub(super) struct AtLeastRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// So many are enough.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    at_least: u32,
}

/// Fires while something is younger than so many days.
#[derive(Debug, Clone, Object)]
pub(super) struct DaysRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// Whole days of 24 hours.
    #[oai(validator(minimum(value = "0"), maximum(value = "3650")))]
    days: u32,
}

/// Fires above a number of failures within so many days.
#[derive(Debug, Clone, Object)]
pub(super) struct FailuresRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// So many are usual.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    at_most: u32,
    /// Days (UTC), the one that began so long ago included.
    #[oai(validator(minimum(value = "1"), maximum(value = "90")))]
    within_days: u32,
}

/// Fires when a name is less alike.
#[derive(Debug, Clone, Object)]
pub(super) struct NamesRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// How alike the names have to be.
    accept: AcceptedName,
}

/// Fires above so many times the provider's own average.
#[derive(Debug, Clone, Object)]
pub(super) struct TimesRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// How many times the average is usual.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    at_most_times: u32,
}

/// Fires above so many times the provider's own pace, from so many requests on.
#[derive(Debug, Clone, Object)]
pub(super) struct PaceRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// How many times the weekly average of the 12 weeks before is usual.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    at_most_times: u32,
    /// Fewer requests than this within 7 days never fire.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    from_requests: u32,
}

/// Fires above so many times what the provider usually asks for in a week, from so much on.
#[derive(Debug, Clone, Object)]
pub(super) struct SumPaceRule {
    /// What it does when it fires.
    mode: RuleMode,
    /// How many times the weekly average of the 12 weeks before is usual.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    at_most_times: u32,
    /// Less than this within 7 days never fires. In the policy's currency, as a decimal string such as `300000.00`.
    #[oai(validator(max_length = 32))]
    from_amount: String,
}

/// All sixteen rules; each has to be given. A rule whose facts are not known fires.
#[derive(Debug, Clone, Object)]
pub(super) struct RiskRules {
    /// The payout's amount.
    amount: AmountRule,
    /// Whether the marketplace calls the provider verified.
    provider_verified: SwitchRule,
    /// Payouts that reached the provider before, in any currency.
    successful_payouts: AtLeastRule,
    /// Payouts that failed for good, and still are.
    recent_failures: FailuresRule,
    /// Since the account this payout goes to was added beside or instead of another. The first account is no change.
    bank_details_changed: DaysRule,
    /// Other providers who use, or have used, the same account; counted up to 100.
    shared_bank_account: CountRule,
    /// The bank's name for the account against the provider's name.
    account_name: NamesRule,
    /// Requests within 24 hours, this one included.
    requests_per_day: CountRule,
    /// What was asked for within 24 hours in the policy's currency, this payout included.
    sum_per_day: AmountRule,
    /// Requests within 7 days, this one included.
    requests_per_week: CountRule,
    /// What was asked for within 7 days in the policy's currency, this payout included.
    sum_per_week: AmountRule,
    /// Requests within 7 days against the provider's own pace before.
    requests_against_baseline: PaceRule,
    /// What was asked for within 7 days in the policy's currency, this payout included, against the provider's own weeks before.
    sum_against_baseline: SumPaceRule,
    /// The amount against what the provider was paid on average in this currency. Fires while nothing was paid.
    amount_against_baseline: TimesRule,
    /// Since the marketplace first told of the provider.
    provider_age: DaysRule,
    /// A suspended provider's payout is rejected at once (`provider_suspended`). Has to be `enforced`.
    provider_suspended: SwitchRule,
}

impl From<&Terms> for RiskRules {
    fn from(rules: &Terms) -> Self {
        let switch = |rule: Switch| SwitchRule { mode: rule.mode.into() };
        let amount =
            |rule: AmountLimit| AmountRule { mode: rule.mode.into(), at_most: rule.at_most.to_string() };
        let count = |rule: CountLimit| CountRule { mode: rule.mode.into(), at_most: rule.at_most };
        let days = |rule: DayLimit| DaysRule { mode: rule.mode.into(), days: rule.days.into() };
        Self {
            amount: amount(rules.amount),
            provider_verified: switch(rules.provider_verified),
            successful_payouts: AtLeastRule {
                mode: rules.successful_payouts.mode.into(),
                at_least: rules.successful_payouts.at_least,
            },
            recent_failures: FailuresRule {
                mode: rules.recent_failures.mode.into(),
                at_most: rules.recent_failures.at_most,
                within_days: rules.recent_failures.within_days.into(),
            },
            bank_details_changed: days(rules.bank_details_changed),
            shared_bank_account: count(rules.shared_bank_account),
            account_name: NamesRule {
                mode: rules.account_name.mode.into(),
                accept: match rules.account_name.accept {
                    NameMatch::Same => AcceptedName::Same,
                    NameMatch::Similar | NameMatch::Differs => AcceptedName::Similar,
                },
            },
            requests_per_day: count(rules.requests_per_day),
            sum_per_day: amount(rules.sum_per_day),
            requests_per_week: count(rules.requests_per_week),
            sum_per_week: amount(rules.sum_per_week),
            requests_against_baseline: PaceRule {
                mode: rules.requests_against_baseline.mode.into(),
                at_most_times: rules.requests_against_baseline.at_most_times,
                from_requests: rules.requests_against_baseline.from_requests,
            },
            sum_against_baseline: SumPaceRule {
                mode: rules.sum_against_baseline.mode.into(),
                at_most_times: rules.sum_against_baseline.at_most_times,
                from_amount: rules.sum_against_baseline.from_amount.to_string(),
            },
            amount_against_baseline: TimesRule {
                mode: rules.amount_against_baseline.mode.into(),
                at_most_times: rules.amount_against_baseline.at_most_times,
            },
            provider_age: days(rules.provider_age),
            provider_suspended: switch(rules.provider_suspended),
        }
    }
}

/// Reads all sixteen rules and checks their ranges for a currency; every mistake is noted under its path.
pub(super) fn read(fields: &mut Fields, currency: Option<Currency>) -> Option<Terms> {
    let given = fields.nested("rules", |fields| rules(fields, currency.unwrap_or(Currency::Ngn)))?;
    let wrong = given.check(currency?);
    for wrong in &wrong {
        fields.refuse(&format!("rules.{}", wrong.field), FieldCode::InvalidValue, wrong.words.as_str());
    }
    wrong.is_empty().then_some(given)
}

fn rules(fields: &mut Fields, currency: Currency) -> Option<Terms> {
    let amount = amount_rule(fields, "amount", currency);
    let provider_verified = switch(fields, "provider_verified");
    let successful_payouts = fields.nested("successful_payouts", |rule| {
        let (mode, at_least) = (mode(rule), rule.whole_number("at_least"));
        Some(AtLeast { mode: mode?, at_least: at_least? })
    });
    let recent_failures = fields.nested("recent_failures", |rule| {
        let (mode, at_most) = (mode(rule), rule.whole_number("at_most"));
        let within_days = days(rule, "within_days");
        Some(Failures { mode: mode?, at_most: at_most?, within_days: within_days? })
    });
    let bank_details_changed = day_rule(fields, "bank_details_changed");
    let shared_bank_account = count_rule(fields, "shared_bank_account");
    let account_name = fields.nested("account_name", |rule| {
        let mode = mode(rule);
        let accept = rule.parsed("accept", FieldCode::InvalidValue, |text| match text {
            "same" => Ok(NameMatch::Same),
            "similar" => Ok(NameMatch::Similar),
            _ => Err("must be same or similar".to_owned()),
        });
        Some(risk::NameRule { mode: mode?, accept: accept? })
    });
    let requests_per_day = count_rule(fields, "requests_per_day");
    let sum_per_day = amount_rule(fields, "sum_per_day", currency);
    let requests_per_week = count_rule(fields, "requests_per_week");
    let sum_per_week = amount_rule(fields, "sum_per_week", currency);
    let requests_against_baseline = fields.nested("requests_against_baseline", |rule| {
        let (mode, times) = (mode(rule), rule.whole_number("at_most_times"));
        let from_requests = rule.whole_number("from_requests");
        Some(Frequency { mode: mode?, at_most_times: times?, from_requests: from_requests? })
    });
    let sum_against_baseline = fields.nested("sum_against_baseline", |rule| {
        let (mode, times) = (mode(rule), rule.whole_number("at_most_times"));
        let from_amount = rule.amount_in("from_amount", currency);
        Some(SumPace { mode: mode?, at_most_times: times?, from_amount: from_amount?.amount() })
    });
    let amount_against_baseline = fields.nested("amount_against_baseline", |rule| {
        let (mode, times) = (mode(rule), rule.whole_number("at_most_times"));
        Some(Times { mode: mode?, at_most_times: times? })
    });
    let provider_age = day_rule(fields, "provider_age");
    let provider_suspended = switch(fields, "provider_suspended");
    Some(Terms {
        amount: amount?,
        provider_verified: provider_verified?,
        successful_payouts: successful_payouts?,
        recent_failures: recent_failures?,
        bank_details_changed: bank_details_changed?,
        shared_bank_account: shared_bank_account?,
        account_name: account_name?,
        requests_per_day: requests_per_day?,
        sum_per_day: sum_per_day?,
        requests_per_week: requests_per_week?,
        sum_per_week: sum_per_week?,
        requests_against_baseline: requests_against_baseline?,
        sum_against_baseline: sum_against_baseline?,
        amount_against_baseline: amount_against_baseline?,
        provider_age: provider_age?,
        provider_suspended: provider_suspended?,
    })
}

fn mode(rule: &mut Fields) -> Option<Mode> {
    rule.parsed("mode", FieldCode::InvalidValue, |text| {
        Mode::parse(text).ok_or_else(|| "must be enforced, informational or off".to_owned())
    })
}

fn switch(fields: &mut Fields, name: &str) -> Option<Switch> {
    fields.nested(name, |rule| mode(rule).map(|mode| Switch { mode }))
}

fn count_rule(fields: &mut Fields, name: &str) -> Option<CountLimit> {
    fields.nested(name, |rule| {
        let (mode, at_most) = (mode(rule), rule.whole_number("at_most"));
        Some(CountLimit { mode: mode?, at_most: at_most? })
    })
}

fn day_rule(fields: &mut Fields, name: &str) -> Option<DayLimit> {
    fields.nested(name, |rule| {
        let (mode, days) = (mode(rule), days(rule, "days"));
        Some(DayLimit { mode: mode?, days: days? })
    })
}

/// More days than the type holds are more than any rule allows, and are refused with its range.
fn days(rule: &mut Fields, name: &str) -> Option<u16> {
    rule.whole_number(name).map(|days| u16::try_from(days).unwrap_or(u16::MAX))
}

fn amount_rule(fields: &mut Fields, name: &str, currency: Currency) -> Option<AmountLimit> {
    fields.nested(name, |rule| {
        let (mode, at_most) = (mode(rule), rule.amount_in("at_most", currency));
        Some(AmountLimit { mode: mode?, at_most: at_most?.amount() })
    })
}
