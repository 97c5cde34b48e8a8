//! What was known when a payout was assessed.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NameMatch;
use crate::Money;

/// The form in which facts are stored today. Additions keep older facts readable: what they lack is [`Fact::Missing`].
pub const FACTS_VERSION: u16 = 3;
/// Failures are known day by day for so long: a policy cannot look further back.
pub const KNOWN_DAYS: u16 = 90;
/// A provider's own pace is their requests in so many weeks before the last one.
pub const BASELINE_WEEKS: u8 = 12;

/// Something that may not have been known, or not been recorded then. It is left out of the JSON while it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fact<T> {
    Known(T),
    #[default]
    Missing,
}

impl<T> Fact<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Missing => None,
        }
    }

    pub fn is_missing(&self) -> bool {
        self.known().is_none()
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Known)
    }
}

/// Payouts that failed for good on one day (UTC) and still are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDay {
    pub day: NaiveDate,
    pub payouts: u32,
}

/// Failures by day, any order, no day older than [`KNOWN_DAYS`].
pub type FailuresOn = Vec<FailedDay>;

/// What was known about the provider when the payout was assessed. Stored, so that another policy can be tried on it later:
/// nothing here depends on a policy, and nothing names a person or an account. Velocities count what was asked for, in whole
/// hours: the last day may have up to 59 minutes more than 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskFacts {
    #[serde(default = "first_version")]
    pub version: u16,
    pub amount: Money,
    pub observed_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub provider_verified: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub provider_suspended: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub provider_since: Fact<DateTime<Utc>>,
    /// In any currency.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub successful_payouts: Fact<u32>,
    /// What was paid on average, in the payout's currency; null while nothing was.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub average_paid: Fact<Option<Decimal>>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub failed_by_day: Fact<FailuresOn>,
    /// When the account this payout goes to was added or changed; null when it was the provider's first.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub bank_changed_at: Fact<Option<DateTime<Utc>>>,
    /// Other providers who use, or have used, the same account; counted up to 100.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub other_providers_on_account: Fact<u32>,
    /// How the bank's name for the account compares with the provider's.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub account_name: Fact<NameMatch>,
    /// Requests in any currency, this one included.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub requests_last_day: Fact<u32>,
    /// What was asked for in the payout's currency, this payout included.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub sum_last_day: Fact<Decimal>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub requests_last_week: Fact<u32>,
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub sum_last_week: Fact<Decimal>,
    /// Requests in the [`BASELINE_WEEKS`] weeks before the last one.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub requests_in_baseline: Fact<u32>,
    /// What was asked for in them, in the payout's currency.
    #[serde(default, skip_serializing_if = "Fact::is_missing")]
    pub sum_in_baseline: Fact<Decimal>,
}

fn first_version() -> u16 {
    1
}

impl RiskFacts {
    /// Nothing but the request itself is known: every rule that needs more will fire.
    pub fn unknown(amount: Money, observed_at: DateTime<Utc>) -> Self {
        Self {
            version: FACTS_VERSION,
            amount,
            observed_at,
            provider_verified: Fact::Missing,
            provider_suspended: Fact::Missing,
            provider_since: Fact::Missing,
            successful_payouts: Fact::Missing,
            average_paid: Fact::Missing,
            failed_by_day: Fact::Missing,
            bank_changed_at: Fact::Missing,
            other_providers_on_account: Fact::Missing,
            account_name: Fact::Missing,
            requests_last_day: Fact::Missing,
            sum_last_day: Fact::Missing,
            requests_last_week: Fact::Missing,
            sum_last_week: Fact::Missing,
            requests_in_baseline: Fact::Missing,
            sum_in_baseline: Fact::Missing,
        }
    }

    /// A provider of whom nothing speaks: for tests and figures.
    pub fn trusted(amount: Money, observed_at: DateTime<Utc>) -> Self {
        let long_ago = observed_at.checked_sub_signed(chrono::TimeDelta::days(400)).unwrap_or(observed_at);
        Self {
            provider_verified: Fact::Known(true),
            provider_suspended: Fact::Known(false),
            provider_since: Fact::Known(long_ago),
            successful_payouts: Fact::Known(100),
            average_paid: Fact::Known(Some(amount.amount())),
            failed_by_day: Fact::Known(vec![]),
            bank_changed_at: Fact::Known(None),
            other_providers_on_account: Fact::Known(0),
            account_name: Fact::Known(NameMatch::Same),
            requests_last_day: Fact::Known(1),
            sum_last_day: Fact::Known(amount.amount()),
            requests_last_week: Fact::Known(1),
            sum_last_week: Fact::Known(amount.amount()),
            requests_in_baseline: Fact::Known(12),
            sum_in_baseline: Fact::Known(
                amount.amount().checked_mul(BASELINE_WEEKS.into()).unwrap_or(Decimal::MAX),
            ),
            ..Self::unknown(amount, observed_at)
        }
    }
}
