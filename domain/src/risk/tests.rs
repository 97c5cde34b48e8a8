//! Each rule at its threshold, and what holds for all of them.

#![expect(clippy::arithmetic_side_effects, reason = "days and thresholds near those of a policy")]

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{Currency, Money};

fn naira(amount: &str) -> Money {
    Money::parse(amount, Currency::Ngn).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// Every rule enforced.
fn policy() -> RiskPolicy {
    let mut rules = RiskRules::first();
    rules.shared_bank_account.mode = Mode::Enforced;
    rules.account_name.mode = Mode::Enforced;
    rules.provider_age.mode = Mode::Enforced;
    rules.sum_against_baseline.mode = Mode::Enforced;
    RiskPolicy { version: "test".to_owned(), currency: Currency::Ngn, rules }
}

fn trusted() -> RiskFacts {
    RiskFacts::trusted(naira("50000"), now())
}

fn fired(facts: &RiskFacts) -> Vec<RuleName> {
    let assessment = assess(&policy(), facts);
    assert_eq!(assessment.findings.len(), 16);
    let fired: Vec<_> = assessment.findings.iter().filter(|f| f.fired).map(|f| f.rule).collect();
    assert_eq!(assessment.route == Route::Auto, fired.is_empty());
    assert_eq!(assessment.reasons().is_empty(), fired.is_empty());
    fired
}

fn ago(days: i64) -> DateTime<Utc> {
    now() - TimeDelta::days(days)
}

/// A change of the facts that one rule, and no other, notices.
fn one_rule_each() -> Vec<(RuleName, RiskFacts)> {
    use RuleName as R;
    let failed =
        |day: DateTime<Utc>, payouts| Fact::Known(vec![FailedDay { day: day.date_naive(), payouts }]);
    vec![
        (R::Amount, RiskFacts { amount: naira("50000.01"), ..trusted() }),
        (R::ProviderVerified, RiskFacts { provider_verified: Fact::Known(false), ..trusted() }),
        (R::SuccessfulPayouts, RiskFacts { successful_payouts: Fact::Known(2), ..trusted() }),
        (R::RecentFailures, RiskFacts { failed_by_day: failed(ago(30), 2), ..trusted() }),
        (
            R::BankDetailsChanged,
            RiskFacts { bank_changed_at: Fact::Known(Some(ago(7) + TimeDelta::seconds(1))), ..trusted() },
        ),
        (R::SharedBankAccount, RiskFacts { other_providers_on_account: Fact::Known(1), ..trusted() }),
        (R::AccountName, RiskFacts { account_name: Fact::Known(NameMatch::Differs), ..trusted() }),
        (R::RequestsPerDay, RiskFacts { requests_last_day: Fact::Known(10), ..trusted() }),
        (R::SumPerDay, RiskFacts { sum_last_day: Fact::Known(decimal("200000.01")), ..trusted() }),
        (
            R::RequestsPerWeek,
            RiskFacts {
                requests_last_week: Fact::Known(41),
                requests_in_baseline: Fact::Known(1000),
                ..trusted()
            },
        ),
        (
            R::SumPerWeek,
            RiskFacts {
                sum_last_week: Fact::Known(decimal("750000.01")),
                sum_in_baseline: Fact::Known(decimal("12000000")),
                ..trusted()
            },
        ),
        (
            R::RequestsAgainstBaseline,
            RiskFacts {
                requests_last_week: Fact::Known(16),
                requests_in_baseline: Fact::Known(38),
                ..trusted()
            },
        ),
        (
            R::SumAgainstBaseline,
            RiskFacts {
                sum_last_week: Fact::Known(decimal("300000")),
                sum_in_baseline: Fact::Known(decimal("719999.99")),
                ..trusted()
            },
        ),
        (
            R::AmountAgainstBaseline,
            RiskFacts { average_paid: Fact::Known(Some(decimal("9999.99"))), ..trusted() },
        ),
        (
            R::ProviderAge,
            RiskFacts { provider_since: Fact::Known(ago(7) + TimeDelta::seconds(1)), ..trusted() },
        ),
        (R::ProviderSuspended, RiskFacts { provider_suspended: Fact::Known(true), ..trusted() }),
    ]
}

#[test]
fn each_rule_fires_beyond_its_threshold() {
    assert_eq!(fired(&trusted()), []);
    for (rule, facts) in one_rule_each() {
        assert_eq!(fired(&facts), [rule]);
    }
}

#[test]
fn no_rule_fires_at_its_threshold() {
    let failed = |days| Fact::Known(vec![FailedDay { day: ago(days).date_naive(), payouts: 1 }]);
    let quiet = [
        RiskFacts { successful_payouts: Fact::Known(3), ..trusted() },
        RiskFacts { failed_by_day: failed(0), ..trusted() },
        RiskFacts { bank_changed_at: Fact::Known(Some(ago(7))), ..trusted() },
        RiskFacts { provider_since: Fact::Known(ago(7)), ..trusted() },
        RiskFacts { account_name: Fact::Known(NameMatch::Similar), ..trusted() },
        RiskFacts { requests_last_day: Fact::Known(9), ..trusted() },
        RiskFacts { sum_last_day: Fact::Known(decimal("200000")), ..trusted() },
        RiskFacts { requests_last_week: Fact::Known(14), requests_in_baseline: Fact::Known(0), ..trusted() },
        RiskFacts { requests_last_week: Fact::Known(15), requests_in_baseline: Fact::Known(36), ..trusted() },
        RiskFacts {
            sum_last_week: Fact::Known(decimal("299999.99")),
            sum_in_baseline: Fact::Known(Decimal::ZERO),
            ..trusted()
        },
        RiskFacts {
            sum_last_week: Fact::Known(decimal("300000")),
            sum_in_baseline: Fact::Known(decimal("720000")),
            ..trusted()
        },
        RiskFacts { average_paid: Fact::Known(Some(decimal("10000"))), ..trusted() },
    ];
    for facts in quiet {
        assert_eq!(fired(&facts), []);
    }
    let old = Fact::Known(vec![FailedDay { day: ago(31).date_naive(), payouts: 9 }]);
    assert_eq!(fired(&RiskFacts { failed_by_day: old, ..trusted() }), []);
}

#[test]
fn what_nobody_knows_fires() {
    let unknown = RiskFacts::unknown(naira("1"), now());
    let assessment = assess(&policy(), &unknown);
    assert_eq!(assessment.route, Route::Review);
    let known: Vec<_> = assessment.findings.iter().filter(|f| !f.unknown).map(|f| f.rule).collect();
    assert_eq!(known, [RuleName::Amount]);
    assert!(assessment.findings.iter().filter(|f| f.unknown).all(|f| f.fired));
    assert_eq!(
        fired(&RiskFacts { average_paid: Fact::Known(None), ..trusted() }),
        [RuleName::AmountAgainstBaseline]
    );
    let cedi = Money::parse("10", Currency::Ghs).unwrap();
    assert_eq!(
        fired(&RiskFacts { amount: cedi, ..trusted() }),
        [RuleName::Amount, RuleName::SumPerDay, RuleName::SumPerWeek, RuleName::SumAgainstBaseline]
    );
}

#[test]
fn a_suspended_provider_is_refused_and_one_of_whom_it_is_not_known_reviewed() {
    let suspended = RiskFacts { provider_suspended: Fact::Known(true), ..trusted() };
    let unknown = RiskFacts { provider_suspended: Fact::Missing, ..trusted() };
    assert_eq!(assess(&policy(), &suspended).route, Route::Refuse);
    assert_eq!(assess(&policy(), &unknown).route, Route::Review);
    assert_eq!(assess_without_policy(&suspended).route, Route::Refuse);
    assert_eq!(assess_without_policy(&unknown).route, Route::Review);
    assert_eq!(assess_without_policy(&trusted()).route, Route::Review);
    assert_eq!(assess_without_facts(&trusted()).route, Route::Review);
    assert_eq!(replay(&policy(), &suspended).0, Replayed::Refuse);
}

#[test]
fn an_informational_rule_is_shown_and_decides_nothing() {
    for (rule, facts) in one_rule_each().into_iter().filter(|(rule, _)| *rule != RuleName::ProviderSuspended)
    {
        let mut shown = policy();
        *mode(&mut shown.rules, rule) = Mode::Informational;
        let assessment = assess(&shown, &facts);
        assert_eq!((assessment.route, assessment.findings.len()), (Route::Auto, 16));
        assert!(assessment.findings.iter().any(|f| f.rule == rule && f.fired && f.informational));
        let mut without = policy();
        *mode(&mut without.rules, rule) = Mode::Off;
        let assessment = assess(&without, &facts);
        assert_eq!((assessment.route, assessment.findings.len()), (Route::Auto, 15));
    }
}

#[test]
fn facts_of_the_first_form_are_read_and_what_they_lack_is_unknown() {
    let old = r#"{"amount":{"amount":"50000.00","currency":"NGN"},"provider_verified":true,"successful_payouts":3,
        "recent_failed_payouts":1,"bank_changed_at":null,"requests_last_day":4,"average_paid":"20000",
        "observed_at":"2026-11-22T09:00:00Z"}"#;
    let facts: RiskFacts = serde_json::from_str(old).unwrap();
    assert_eq!(facts.version, 1);
    assert_eq!(facts.bank_changed_at, Fact::Known(None));
    assert_eq!(facts.average_paid, Fact::Known(Some(decimal("20000"))));
    assert!(facts.failed_by_day.is_missing() && facts.account_name.is_missing());
    let (would, assessment) = replay(&policy(), &facts);
    assert_eq!((would, assessment.route), (Replayed::Unknown, Route::Review));
    let finding = assessment.findings.iter().find(|f| f.rule == RuleName::AccountName).unwrap();
    assert_eq!(
        (finding.fired, finding.unknown, finding.observed.as_str()),
        (true, true, "not recorded then")
    );
    let too_much = RiskFacts { amount: naira("50000.01"), ..facts };
    assert_eq!(replay(&policy(), &too_much).0, Replayed::Review);
}

#[test]
fn a_policy_that_asks_only_what_was_recorded_can_be_tried_on_old_facts() {
    let facts = RiskFacts {
        version: 1,
        provider_verified: Fact::Known(true),
        ..RiskFacts::unknown(naira("10"), now())
    };
    let mut policy = policy();
    for rule in RULES {
        if !matches!(rule, RuleName::Amount | RuleName::ProviderVerified) {
            *mode(&mut policy.rules, rule) = Mode::Off;
        }
    }
    policy.rules.provider_suspended.mode = Mode::Enforced;
    assert_eq!(replay(&policy, &facts).0, Replayed::Auto);
}

#[test]
fn findings_of_the_first_form_are_read() {
    let old = r#"{"rule":"amount_spike","fired":true,"observed":"1","threshold":"2","words":"three"}"#;
    let finding: Finding = serde_json::from_str(old).unwrap();
    assert_eq!((finding.rule, finding.counts()), (RuleName::AmountAgainstBaseline, true));
}

const RULES: [RuleName; 16] = [
    RuleName::Amount,
    RuleName::ProviderVerified,
    RuleName::SuccessfulPayouts,
    RuleName::RecentFailures,
    RuleName::BankDetailsChanged,
    RuleName::SharedBankAccount,
    RuleName::AccountName,
    RuleName::RequestsPerDay,
    RuleName::SumPerDay,
    RuleName::RequestsPerWeek,
    RuleName::SumPerWeek,
    RuleName::RequestsAgainstBaseline,
    RuleName::SumAgainstBaseline,
    RuleName::AmountAgainstBaseline,
    RuleName::ProviderAge,
    RuleName::ProviderSuspended,
];

fn mode(rules: &mut RiskRules, rule: RuleName) -> &mut Mode {
    use RuleName as R;
    match rule {
        R::Amount => &mut rules.amount.mode,
        R::ProviderVerified => &mut rules.provider_verified.mode,
        R::SuccessfulPayouts => &mut rules.successful_payouts.mode,
        R::RecentFailures => &mut rules.recent_failures.mode,
        R::BankDetailsChanged => &mut rules.bank_details_changed.mode,
        R::SharedBankAccount => &mut rules.shared_bank_account.mode,
        R::AccountName => &mut rules.account_name.mode,
        R::RequestsPerDay => &mut rules.requests_per_day.mode,
        R::SumPerDay => &mut rules.sum_per_day.mode,
        R::RequestsPerWeek => &mut rules.requests_per_week.mode,
        R::SumPerWeek => &mut rules.sum_per_week.mode,
        R::RequestsAgainstBaseline => &mut rules.requests_against_baseline.mode,
        R::SumAgainstBaseline => &mut rules.sum_against_baseline.mode,
        R::AmountAgainstBaseline => &mut rules.amount_against_baseline.mode,
        R::ProviderAge => &mut rules.provider_age.mode,
        R::ProviderSuspended | R::ActivePolicy | R::FactsGathered => &mut rules.provider_suspended.mode,
    }
}

fn fact<T: std::fmt::Debug + Clone>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Fact<T>> {
    prop::option::weighted(0.9, known).prop_map(|value| value.map_or(Fact::Missing, Fact::Known))
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        (0_i64..100_000_000).prop_map(|minor| Decimal::new(minor, 2)),
        Just(Decimal::MAX),
        Just(Decimal::MIN),
        any::<i64>().prop_map(|minor| Decimal::new(minor, 4)),
    ]
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        (0_i64..10_000).prop_map(|hours| now() - TimeDelta::hours(hours)),
        Just(DateTime::<Utc>::MIN_UTC),
        Just(DateTime::<Utc>::MAX_UTC),
    ]
}

fn any_count() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..60, any::<u32>()]
}

fn any_facts() -> impl Strategy<Value = RiskFacts> {
    let days = prop::collection::vec(
        ((0_i64..100), any_count())
            .prop_map(|(days, payouts)| FailedDay { day: ago(days).date_naive(), payouts }),
        0..5,
    );
    let name = prop_oneof![Just(NameMatch::Same), Just(NameMatch::Similar), Just(NameMatch::Differs)];
    let one = (
        (0_i64..20_000_000, any_time()),
        fact(any::<bool>()),
        fact(prop::bool::weighted(0.1)),
        fact(any_time()),
        fact(any_count()),
        fact(prop::option::of(any_decimal())),
        fact(days),
        fact(prop::option::of(any_time())),
    );
    let other = (
        fact(0_u32..3),
        fact(name),
        fact(any_count()),
        fact(any_decimal()),
        fact(any_count()),
        fact(any_decimal()),
        fact(any_count()),
        fact(any_decimal()),
    );
    (one, other).prop_map(|(one, other)| RiskFacts {
        version: FACTS_VERSION,
        amount: Money::new(Decimal::new(one.0.0, 2), Currency::Ngn).unwrap(),
        observed_at: one.0.1,
        provider_verified: one.1,
        provider_suspended: one.2,
        provider_since: one.3,
        successful_payouts: one.4,
        average_paid: one.5,
        failed_by_day: one.6,
        bank_changed_at: one.7,
        other_providers_on_account: other.0,
        account_name: other.1,
        requests_last_day: other.2,
        sum_last_day: other.3,
        requests_last_week: other.4,
        sum_last_week: other.5,
        requests_in_baseline: other.6,
        sum_in_baseline: other.7,
    })
}

/// Trusted but for one or two things, so that both routes are met often.
fn nearly_trusted() -> impl Strategy<Value = RiskFacts> {
    (any_facts(), 0..RULES.len()).prop_map(|(any, which)| {
        let mut facts = one_rule_each().swap_remove(which).1;
        facts.sum_last_day = any.sum_last_day;
        facts.requests_last_week = any.requests_last_week;
        facts
    })
}

fn some_facts() -> impl Strategy<Value = RiskFacts> {
    prop_oneof![any_facts(), nearly_trusted()]
}

fn any_policy() -> impl Strategy<Value = RiskPolicy> {
    let modes = prop::collection::vec(
        prop_oneof![Just(Mode::Enforced), Just(Mode::Informational), Just(Mode::Off)],
        RULES.len(),
    );
    (modes, 0_i64..10_000_000, 0_u32..50, 0_u16..90).prop_map(|(modes, limit, count, days)| {
        let mut policy = policy();
        for (rule, mode_of_it) in RULES.into_iter().zip(modes) {
            *mode(&mut policy.rules, rule) = mode_of_it;
        }
        policy.rules.provider_suspended.mode = Mode::Enforced;
        policy.rules.amount.at_most = Decimal::new(limit, 2);
        policy.rules.requests_per_day.at_most = count;
        policy.rules.recent_failures.within_days = days;
        policy
    })
}

/// Makes one threshold let more through.
fn loosened(policy: &RiskPolicy, which: usize) -> RiskPolicy {
    let mut looser = policy.clone();
    let rules = &mut looser.rules;
    match which % 15 {
        0 => rules.amount.at_most += Decimal::ONE,
        1 => rules.successful_payouts.at_least = rules.successful_payouts.at_least.saturating_sub(1),
        2 => rules.recent_failures.at_most += 1,
        3 => rules.recent_failures.within_days = rules.recent_failures.within_days.saturating_sub(1),
        4 => rules.bank_details_changed.days = rules.bank_details_changed.days.saturating_sub(1),
        5 => rules.shared_bank_account.at_most += 1,
        6 => rules.requests_per_day.at_most += 1,
        7 => rules.sum_per_day.at_most += Decimal::ONE,
        8 => rules.requests_per_week.at_most += 1,
        9 => rules.sum_per_week.at_most += Decimal::ONE,
        10 => rules.requests_against_baseline.from_requests += 1,
        11 => rules.requests_against_baseline.at_most_times += 1,
        12 => rules.sum_against_baseline.from_amount += Decimal::ONE,
        13 => rules.sum_against_baseline.at_most_times += 1,
        _ => rules.provider_age.days = rules.provider_age.days.saturating_sub(1),
    }
    looser
}

proptest! {
    #[test]
    fn evaluation_never_panics_and_says_something(policy in any_policy(), facts in some_facts()) {
        let assessment = assess(&policy, &facts);
        for finding in &assessment.findings {
            prop_assert!(!finding.observed.is_empty() && !finding.threshold.is_empty() && !finding.words.is_empty());
        }
        let counted = assessment.findings.iter().any(Finding::counts);
        prop_assert_eq!(assessment.route == Route::Auto, !counted);
        let json = serde_json::to_string(&assessment).unwrap();
        prop_assert_eq!(serde_json::from_str::<Assessment>(&json).unwrap(), assessment);
    }

    #[test]
    fn facts_read_back(facts in some_facts()) {
        let json = serde_json::to_string(&facts).unwrap();
        prop_assert_eq!(serde_json::from_str::<RiskFacts>(&json).unwrap(), facts);
    }

    #[test]
    fn enforcing_another_rule_never_lets_more_through(policy in any_policy(), which in 0..RULES.len(), facts in some_facts()) {
        let mut stricter = policy.clone();
        *mode(&mut stricter.rules, RULES[which]) = Mode::Enforced;
        prop_assert!(assess(&stricter, &facts).route >= assess(&policy, &facts).route);
    }

    #[test]
    fn a_looser_threshold_never_stops_more(policy in any_policy(), which in 0_usize..15, facts in some_facts()) {
        prop_assert!(assess(&loosened(&policy, which), &facts).route <= assess(&policy, &facts).route);
    }

    #[test]
    fn knowing_less_never_lets_more_through(policy in any_policy(), facts in some_facts()) {
        let blind = RiskFacts { account_name: Fact::Missing, failed_by_day: Fact::Missing, ..facts.clone() };
        prop_assert!(assess(&policy, &blind).route >= assess(&policy, &facts).route);
    }

    #[test]
    fn a_replay_is_the_assessment_or_does_not_know(policy in any_policy(), facts in some_facts()) {
        let (would, assessment) = replay(&policy, &facts);
        prop_assert!(would.is(assessment.route) || would == Replayed::Unknown);
        prop_assert!(would != Replayed::Auto || assessment.route == Route::Auto);
    }
}
