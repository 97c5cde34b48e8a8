//! How much may leave at once.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Allowance, Currency, schedule::at_local};

/// A limit on the payouts of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub currency: Currency,
    #[serde(flatten)]
    pub allowance: Allowance,
}

/// The limits of a batch and of a day, at most one each per currency. None limits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    #[serde(default)]
    pub batch: Vec<Limit>,
    #[serde(default)]
    pub day: Vec<Limit>,
    /// Where days begin.
    #[serde(with = "zone", default = "utc")]
    pub zone: Tz,
}

fn utc() -> Tz {
    Tz::UTC
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: vec![], day: vec![], zone: utc() }
    }
}

impl Limits {
    pub fn of_batch(&self, currency: Currency) -> Option<Allowance> {
        find(&self.batch, currency)
    }

    pub fn of_day(&self, currency: Currency) -> Option<Allowance> {
        find(&self.day, currency)
    }

    /// When the day of `now` began.
    pub fn day_began(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let midnight = now.with_timezone(&self.zone).date_naive().and_hms_opt(0, 0, 0);
        let began = midnight.and_then(|midnight| at_local(midnight, self.zone));
        // Only at the end of the calendar.
        began.unwrap_or_else(|| now.checked_sub_signed(TimeDelta::days(1)).unwrap_or(now))
    }
}

fn find(limits: &[Limit], currency: Currency) -> Option<Allowance> {
    limits.iter().find(|limit| limit.currency == currency).map(|limit| limit.allowance)
}

/// A time zone as its IANA name.
pub(crate) mod zone {
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|_| D::Error::custom(format!("no time zone is called {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_keep_their_stored_form() {
        let text = r#"{"batch":[{"currency":"NGN","payouts":500,"amount":"1000000.00"}],"day":[{"currency":"KES","payouts":9}],"zone":"Africa/Lagos"}"#;
        let limits: Limits = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&limits).unwrap(), text);
        assert_eq!(limits.of_batch(Currency::Ngn).unwrap().payouts, Some(500));
        assert_eq!(limits.of_day(Currency::Ngn), None);
        assert_eq!(serde_json::from_str::<Limits>("{}").unwrap(), Limits::default());
    }

    #[test]
    fn a_day_begins_at_local_midnight() {
        let limits = Limits { zone: chrono_tz::Africa::Lagos, ..Limits::default() };
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(limits.day_began(at("2026-11-22T23:30:00Z")), at("2026-11-22T23:00:00Z"));
        assert_eq!(limits.day_began(at("2026-11-22T22:59:00Z")), at("2026-11-21T23:00:00Z"));
    }
}
