//! How long an assessment takes: all sixteen rules on facts of many kinds, one by one, as a histogram in JSON.
//!
//! `cargo xtask bench --rules` runs it and holds the 99th of 100 against the bound. Nothing else is in the figure: no database, no
//! JSON, no logging.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use chrono::{DateTime, TimeDelta};
use domain::{
    Currency, Money, RiskFacts, RiskPolicy, RiskRules, assess,
    risk::{Fact, FailedDay, Mode, NameMatch},
};
use rust_decimal::Decimal;
use serde_json::json;

const ASSESSMENTS: usize = 200_000;
/// Until caches and the branch predictor know the way.
const WARM_UP: usize = 10_000;
/// Microseconds; the last bucket is whatever takes longer.
const BUCKETS: [u64; 12] = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100];

/// Someone trusted, someone unknown, and what lies between.
fn many_facts() -> Vec<RiskFacts> {
    let now = DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::days(20_000)).unwrap_or_default();
    let mut all = vec![RiskFacts::unknown(Money::zero(Currency::Ngn), now)];
    for kobo in [1, 4_999_999, 5_000_001, 123_456_789] {
        let amount = Money::new(Decimal::new(kobo, 2), Currency::Ngn).unwrap_or(Money::zero(Currency::Ngn));
        let trusted = RiskFacts::trusted(amount, now);
        let day = |days: i64| now.checked_sub_signed(TimeDelta::days(days)).unwrap_or(now).date_naive();
        let failures = (0..90).map(|days| FailedDay { day: day(days), payouts: 1 }).collect();
        all.push(RiskFacts {
            average_paid: Fact::Known(Some(Decimal::new(33_333_333, 4))),
            ..trusted.clone()
        });
        all.push(RiskFacts { failed_by_day: Fact::Known(failures), ..trusted.clone() });
        all.push(RiskFacts {
            provider_verified: Fact::Known(false),
            bank_changed_at: Fact::Known(Some(now)),
            account_name: Fact::Known(NameMatch::Differs),
            other_providers_on_account: Fact::Known(3),
            provider_since: Fact::Known(now),
            ..trusted.clone()
        });
        all.push(trusted);
    }
    all
}

fn main() {
    let mut rules = RiskRules::first();
    rules.shared_bank_account.mode = Mode::Enforced;
    rules.account_name.mode = Mode::Enforced;
    rules.provider_age.mode = Mode::Enforced;
    rules.sum_against_baseline.mode = Mode::Enforced;
    let policy = RiskPolicy { version: "NGN-1".to_owned(), currency: Currency::Ngn, rules };
    let facts = many_facts();
    let mut nanoseconds = Vec::with_capacity(ASSESSMENTS);
    let mut findings = 0;
    for (turn, facts) in facts.iter().cycle().take(WARM_UP.saturating_add(ASSESSMENTS)).enumerate() {
        let began = Instant::now();
        let assessment = black_box(assess(black_box(&policy), black_box(facts)));
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        findings = assessment.findings.len();
        if turn >= WARM_UP {
            nanoseconds.push(took);
        }
    }
    nanoseconds.sort_unstable();
    let percentile = |per_thousand: usize| {
        let place = nanoseconds.len().saturating_mul(per_thousand).div_ceil(1000).saturating_sub(1);
        nanoseconds.get(place).copied().unwrap_or_default()
    };
    let mut counts: BTreeMap<Option<u64>, u64> = BUCKETS.iter().map(|most| (Some(*most), 0)).collect();
    for took in &nanoseconds {
        let bucket = BUCKETS.into_iter().find(|most| *took < most.saturating_mul(1000));
        let count = counts.entry(bucket).or_default();
        *count = count.saturating_add(1);
    }
    let slower = counts.remove(&None).unwrap_or_default();
    let mut histogram: Vec<_> = counts
        .iter()
        .map(|(below, count)| json!({ "below_microseconds": below, "assessments": count }))
        .collect();
    histogram.push(json!({ "below_microseconds": null, "assessments": slower }));
    println!(
        "{}",
        json!({
            "rules": findings,
            "assessments": nanoseconds.len(),
            "nanoseconds": { "median": percentile(500), "p99": percentile(990), "p999": percentile(999), "worst": percentile(1000) },
            "histogram": histogram,
        })
    );
}
