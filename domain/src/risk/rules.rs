//! The rules, one function each.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{
    AmountLimit, AtLeast, BASELINE_WEEKS, CountLimit, DayLimit, Fact, Failures, Finding, Frequency, Mode,
    NameMatch, NameRule, RiskFacts, RiskPolicy, RuleName, SumPace, Times,
};
use crate::Currency;

/// What one rule saw.
pub(super) struct Seen {
    fired: bool,
    unknown: bool,
    observed: String,
    threshold: String,
    words: &'static str,
}

impl Seen {
    pub(super) fn fired(observed: String, threshold: String, words: &'static str) -> Self {
        Self { fired: true, unknown: false, observed, threshold, words }
    }

    fn when(fired: bool, observed: String, threshold: String, [quiet, loud]: [&'static str; 2]) -> Self {
        Self { fired, unknown: false, observed, threshold, words: if fired { loud } else { quiet } }
    }

    /// Nobody knows: it fires.
    fn unknown(threshold: String, words: &'static str) -> Self {
        Self { fired: true, unknown: true, observed: "not recorded then".to_owned(), threshold, words }
    }

    pub(super) fn finding(self, rule: RuleName, mode: Mode) -> Finding {
        Finding {
            rule,
            fired: self.fired,
            informational: match mode {
                Mode::Enforced => false,
                Mode::Informational | Mode::Off => true,
            },
            unknown: self.unknown,
            observed: self.observed,
            threshold: self.threshold,
            words: self.words.to_owned(),
        }
    }
}

/// Asks every rule that is not switched off, in the order in which they are shown.
pub(super) fn look(policy: &RiskPolicy, facts: &RiskFacts) -> Vec<Finding> {
    let (rules, currency) = (&policy.rules, policy.currency);
    let mut findings = Vec::with_capacity(16);
    let mut ask = |name: RuleName, mode: Mode, rule: &dyn Fn() -> Seen| match mode {
        Mode::Enforced | Mode::Informational => findings.push(rule().finding(name, mode)),
        Mode::Off => {}
    };
    ask(RuleName::Amount, rules.amount.mode, &|| amount(rules.amount, currency, facts));
    ask(RuleName::ProviderVerified, rules.provider_verified.mode, &|| verified(facts));
    ask(RuleName::SuccessfulPayouts, rules.successful_payouts.mode, &|| {
        successful(rules.successful_payouts, facts)
    });
    ask(RuleName::RecentFailures, rules.recent_failures.mode, &|| failures(rules.recent_failures, facts));
    ask(RuleName::BankDetailsChanged, rules.bank_details_changed.mode, &|| {
        bank_change(rules.bank_details_changed, facts)
    });
    ask(RuleName::SharedBankAccount, rules.shared_bank_account.mode, &|| {
        shared_account(rules.shared_bank_account, facts)
    });
    ask(RuleName::AccountName, rules.account_name.mode, &|| account_name(rules.account_name, facts));
    ask(RuleName::RequestsPerDay, rules.requests_per_day.mode, &|| {
        requests(rules.requests_per_day, facts.requests_last_day, DAY)
    });
    ask(RuleName::SumPerDay, rules.sum_per_day.mode, &|| {
        sum(rules.sum_per_day, currency, facts.sum_last_day, facts, DAY)
    });
    ask(RuleName::RequestsPerWeek, rules.requests_per_week.mode, &|| {
        requests(rules.requests_per_week, facts.requests_last_week, WEEK)
    });
    ask(RuleName::SumPerWeek, rules.sum_per_week.mode, &|| {
        sum(rules.sum_per_week, currency, facts.sum_last_week, facts, WEEK)
    });
    ask(RuleName::RequestsAgainstBaseline, rules.requests_against_baseline.mode, &|| {
        pace(rules.requests_against_baseline, facts)
    });
    ask(RuleName::SumAgainstBaseline, rules.sum_against_baseline.mode, &|| {
        sum_pace(rules.sum_against_baseline, currency, facts)
    });
    ask(RuleName::AmountAgainstBaseline, rules.amount_against_baseline.mode, &|| {
        amount_against_average(rules.amount_against_baseline, facts)
    });
    ask(RuleName::ProviderAge, rules.provider_age.mode, &|| age(rules.provider_age, facts));
    ask(RuleName::ProviderSuspended, rules.provider_suspended.mode, &|| suspended(facts));
    findings
}

fn amount(rule: AmountLimit, currency: Currency, facts: &RiskFacts) -> Seen {
    let fired = facts.amount.currency() != currency || facts.amount.amount() > rule.at_most;
    Seen::when(
        fired,
        facts.amount.to_string(),
        format!("at most {} {currency}", rule.at_most),
        [
            "The amount is within the limit for automatic approval",
            "The amount is above the limit for automatic approval",
        ],
    )
}

fn verified(facts: &RiskFacts) -> Seen {
    let threshold = "verified".to_owned();
    let Fact::Known(verified) = facts.provider_verified else {
        return Seen::unknown(threshold, "It is not known whether the provider is verified");
    };
    Seen::when(
        !verified,
        if verified { "verified" } else { "not verified" }.to_owned(),
        threshold,
        ["The provider is verified", "The provider is not verified"],
    )
}

fn successful(rule: AtLeast, facts: &RiskFacts) -> Seen {
    let threshold = format!("at least {}", rule.at_least);
    let Fact::Known(successful) = facts.successful_payouts else {
        return Seen::unknown(threshold, "It is not known how many payouts have reached this provider");
    };
    Seen::when(
        successful < rule.at_least,
        successful.to_string(),
        threshold,
        ["Enough payouts have reached this provider before", "Few payouts have reached this provider before"],
    )
}

/// Counts whole days: one that has begun within the period counts.
fn failures(rule: Failures, facts: &RiskFacts) -> Seen {
    let threshold = format!("at most {} in {} days", rule.at_most, rule.within_days);
    let since = facts.observed_at.checked_sub_signed(TimeDelta::days(rule.within_days.into()));
    let (Fact::Known(days), Some(since)) = (&facts.failed_by_day, since) else {
        return Seen::unknown(threshold, "It is not known how many payouts failed lately");
    };
    let recent = days.iter().filter(|failed| failed.day >= since.date_naive());
    let failed = recent.fold(0_u32, |sum, day| sum.saturating_add(day.payouts));
    Seen::when(
        failed > rule.at_most,
        failed.to_string(),
        threshold,
        ["Few payouts failed lately", "Several payouts failed lately"],
    )
}

/// Whether less than so many days have passed. What cannot be told has not passed.
fn younger(than_days: u16, began: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    began.checked_add_signed(TimeDelta::days(than_days.into())).is_none_or(|old| now < old)
}

fn bank_change(rule: DayLimit, facts: &RiskFacts) -> Seen {
    let threshold = format!("not within {} days", rule.days);
    let Fact::Known(changed_at) = facts.bank_changed_at else {
        return Seen::unknown(threshold, "It is not known when the bank details changed");
    };
    Seen::when(
        changed_at.is_some_and(|at| younger(rule.days, at, facts.observed_at)),
        changed_at.map_or_else(|| "never changed".to_owned(), |at| format!("changed {}", at.date_naive())),
        threshold,
        ["The bank details have not changed lately", "The bank details changed lately"],
    )
}

fn shared_account(rule: CountLimit, facts: &RiskFacts) -> Seen {
    let threshold = format!("at most {} other providers", rule.at_most);
    let Fact::Known(others) = facts.other_providers_on_account else {
        return Seen::unknown(threshold, "It is not known whether other providers use this account");
    };
    Seen::when(
        others > rule.at_most,
        format!("{others} other providers"),
        threshold,
        [
            "The account is not shared with other providers",
            "Other providers use, or have used, the same account",
        ],
    )
}

fn account_name(rule: NameRule, facts: &RiskFacts) -> Seen {
    let words = |name| match name {
        NameMatch::Same => "the same name",
        NameMatch::Similar => "a similar name",
        NameMatch::Differs => "another name",
    };
    let threshold = words(rule.accept).to_owned();
    let Fact::Known(seen) = facts.account_name else {
        return Seen::unknown(threshold, "It is not known whose name is on the account");
    };
    Seen::when(
        seen < rule.accept,
        words(seen).to_owned(),
        threshold,
        [
            "The name on the account is the provider's",
            "The name on the account differs from the provider's name",
        ],
    )
}

/// The words for one period.
struct Period {
    within: &'static str,
    unknown_count: &'static str,
    unknown_sum: &'static str,
    count: [&'static str; 2],
    sum: [&'static str; 2],
}

const DAY: &Period = &Period {
    within: "within 24 hours",
    unknown_count: "It is not known how many requests came within a day",
    unknown_sum: "It is not known how much was asked for within a day",
    count: ["Requests come at the usual pace", "Many requests came within a day"],
    sum: ["The sum asked for within a day is usual", "Much was asked for within a day"],
};

const WEEK: &Period = &Period {
    within: "within 7 days",
    unknown_count: "It is not known how many requests came within a week",
    unknown_sum: "It is not known how much was asked for within a week",
    count: ["The number of requests within a week is usual", "Many requests came within a week"],
    sum: ["The sum asked for within a week is usual", "Much was asked for within a week"],
};

fn requests(rule: CountLimit, counted: Fact<u32>, period: &Period) -> Seen {
    let threshold = format!("at most {} {}", rule.at_most, period.within);
    let Fact::Known(counted) = counted else {
        return Seen::unknown(threshold, period.unknown_count);
    };
    let observed = format!("{counted} {}", period.within);
    Seen::when(counted > rule.at_most, observed, threshold, period.count)
}

fn sum(
    rule: AmountLimit,
    currency: Currency,
    summed: Fact<Decimal>,
    facts: &RiskFacts,
    period: &Period,
) -> Seen {
    let threshold = format!("at most {} {currency} {}", rule.at_most, period.within);
    let Fact::Known(summed) = summed else {
        return Seen::unknown(threshold, period.unknown_sum);
    };
    let fired = facts.amount.currency() != currency || summed > rule.at_most;
    let paid_in = facts.amount.currency();
    let observed = format!("{} {paid_in} {}", summed.round_dp(paid_in.scale()), period.within);
    Seen::when(fired, observed, threshold, period.sum)
}

/// Someone without a past has a usual pace of none, so the number from which it counts is what protects them.
fn pace(rule: Frequency, facts: &RiskFacts) -> Seen {
    let threshold = format!(
        "fewer than {} a week, or at most {} times the usual",
        rule.from_requests, rule.at_most_times
    );
    let (Fact::Known(week), Fact::Known(before)) = (facts.requests_last_week, facts.requests_in_baseline)
    else {
        return Seen::unknown(threshold, "It is not known how often this provider usually asks");
    };
    // week > times × before / weeks, in whole numbers.
    let now = u64::from(week).saturating_mul(BASELINE_WEEKS.into());
    let most = u64::from(before).saturating_mul(rule.at_most_times.into());
    Seen::when(
        week >= rule.from_requests && now > most,
        format!("{week} within 7 days, {before} in the {BASELINE_WEEKS} weeks before"),
        threshold,
        ["The provider asks as often as usual", "The provider asks far more often than usual"],
    )
}

/// As with the number: someone without a past usually asks for nothing.
fn sum_pace(rule: SumPace, currency: Currency, facts: &RiskFacts) -> Seen {
    let threshold = format!(
        "less than {} {currency} a week, or at most {} times the usual",
        rule.from_amount, rule.at_most_times
    );
    let (Fact::Known(week), Fact::Known(before)) = (facts.sum_last_week, facts.sum_in_baseline) else {
        return Seen::unknown(threshold, "It is not known how much this provider usually asks for");
    };
    // week > times × before / weeks. What is too large to be multiplied is larger than anything that is not.
    let now = week.checked_mul(BASELINE_WEEKS.into());
    let most = before.max(Decimal::ZERO).checked_mul(rule.at_most_times.into());
    let spike = most.is_some_and(|most| now.is_none_or(|now| now > most));
    let paid_in = facts.amount.currency();
    Seen::when(
        paid_in != currency || (week >= rule.from_amount && spike),
        format!(
            "{} {paid_in} within 7 days, {} in the {BASELINE_WEEKS} weeks before",
            week.round_dp(paid_in.scale()),
            before.round_dp(paid_in.scale())
        ),
        threshold,
        ["The provider asks for as much as usual", "The provider asks for far more than usual"],
    )
}

fn amount_against_average(rule: Times, facts: &RiskFacts) -> Seen {
    let threshold = format!("at most {} times the average", rule.at_most_times);
    let Fact::Known(average) = facts.average_paid else {
        return Seen::unknown(threshold, "It is not known what this provider was paid before");
    };
    // Nothing paid yet, or too much to be multiplied: the amount cannot be compared.
    let ceiling = average.and_then(|average| average.checked_mul(rule.at_most_times.into()));
    Seen::when(
        ceiling.is_none_or(|ceiling| facts.amount.amount() > ceiling),
        average.map_or_else(
            || format!("nothing paid in {} yet", facts.amount.currency()),
            |average| format!("{} against {} on average", facts.amount.amount(), average.round_dp(2)),
        ),
        threshold,
        ["The amount is usual for this provider", "The amount is unusual for this provider"],
    )
}

fn age(rule: DayLimit, facts: &RiskFacts) -> Seen {
    let threshold = format!("known for {} days", rule.days);
    let Fact::Known(since) = facts.provider_since else {
        return Seen::unknown(threshold, "It is not known how long this provider has been here");
    };
    Seen::when(
        younger(rule.days, since, facts.observed_at),
        format!("since {}", since.date_naive()),
        threshold,
        ["The provider is not new", "The provider is new"],
    )
}

/// The one rule that refuses.
pub(super) fn suspended(facts: &RiskFacts) -> Seen {
    let threshold = "not suspended".to_owned();
    let Fact::Known(suspended) = facts.provider_suspended else {
        return Seen::unknown(threshold, "It is not known whether the provider is suspended");
    };
    Seen::when(
        suspended,
        if suspended { "suspended" } else { "not suspended" }.to_owned(),
        threshold,
        ["The provider is not suspended", "The provider is suspended"],
    )
}
