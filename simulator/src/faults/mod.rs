//! Faults that were planted, how often each has struck, and which transfers look-ups must not see.
//!
//! Guarantee: a fault with `times` strikes exactly so often, also under concurrent requests. Limit: faults live in
//! memory and are gone after a restart, what they did to a transfer stays in the books.

mod fault;
pub(crate) mod random;
pub(crate) mod treatment;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use fault::{Endpoint, Fault, Final, Match, Money};
pub(crate) use fault::{Stage, Subject};

use crate::settings::Random;
use crate::span::Span;

/// Every request is compared with each planted fault, so there must not be many.
pub const MOST_FAULTS: usize = 1_000;

/// How long a `lookup_lag` that names neither a time nor a number of look-ups lasts.
const DEFAULT_LAG: Span = Span::from_secs(30);

/// A fault, what it strikes and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// How often it strikes; zero means until it is deleted.
    #[serde(default = "once")]
    pub times: u32,
    pub fault: Fault,
}

const fn once() -> u32 {
    1
}

impl Plan {
    /// Strikes one transfer, once.
    pub fn once(reference: impl Into<String>, fault: Fault) -> Self {
        let matches = Match { reference: Some(reference.into()), ..Match::default() };
        Self { matches, times: 1, fault }
    }

    /// Strikes whatever comes next.
    pub fn next(fault: Fault) -> Self {
        Self { matches: Match::default(), times: 1, fault }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    pub id: u64,
    #[serde(rename = "match")]
    pub matches: Match,
    pub times: u32,
    /// How often it has struck.
    pub struck: u32,
    pub fault: Fault,
}

impl Planted {
    const fn is_used_up(&self) -> bool {
        self.times != 0 && self.struck >= self.times
    }
}

#[derive(Debug, Default)]
struct Store {
    last_id: u64,
    planted: Vec<Planted>,
    hidden: HashMap<u64, Hidden>,
}

/// A transfer that look-ups must not see yet.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    until: Option<DateTime<Utc>>,
    lookups: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Store>);

impl Faults {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plants a fault; when the store is full, used-up faults make room.
    pub(crate) fn plant(&self, plan: Plan) -> Result<Planted, String> {
        plan.fault.check()?;
        let mut store = self.store();
        if store.planted.len() >= MOST_FAULTS {
            store.planted.retain(|planted| !planted.is_used_up());
        }
        if store.planted.len() >= MOST_FAULTS {
            return Err(format!("there are {MOST_FAULTS} faults already"));
        }
        store.last_id = store.last_id.saturating_add(1);
        let Plan { matches, times, fault } = plan;
        let planted = Planted { id: store.last_id, matches, times, struck: 0, fault };
        store.planted.push(planted.clone());
        Ok(planted)
    }

    pub(crate) fn list(&self) -> Vec<Planted> {
        self.store().planted.clone()
    }

    /// Forgets one fault; false when there is none of that id.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut store = self.store();
        let before = store.planted.len();
        store.planted.retain(|planted| planted.id != id);
        store.planted.len() < before
    }

    /// Forgets every fault, and lets look-ups see every transfer.
    pub(crate) fn clear(&self) {
        let mut store = self.store();
        store.planted.clear();
        store.hidden.clear();
    }

    /// The fault that strikes here, counted as struck; planted ones go before chance.
    pub(crate) fn strike(
        &self,
        stage: Stage,
        subject: &Subject<'_>,
        random: &Random,
        nth: u64,
    ) -> Option<Fault> {
        let mut store = self.store();
        let planted = store.planted.iter_mut().find(|planted| {
            !planted.is_used_up() && planted.fault.stage() == stage && planted.matches.agrees(stage, subject)
        });
        if let Some(planted) = planted {
            planted.struck = planted.struck.saturating_add(1);
            return Some(planted.fault.clone());
        }
        drop(store);
        let by_chance =
            !random.rates.is_empty() && (stage != Stage::Answer || subject.endpoint == Endpoint::Transfer);
        if by_chance { random::draw(random, stage, subject.reference.unwrap_or_default(), nth) } else { None }
    }

    /// Hides a transfer from look-ups as the fault says; other faults hide nothing.
    pub(crate) fn hide(&self, id: u64, fault: &Fault, now: DateTime<Utc>) {
        if let Fault::LookupLag { duration, lookups } = fault {
            let duration = duration.or((*lookups == 0).then_some(DEFAULT_LAG));
            let hidden = Hidden { until: duration.map(|span| span.after(now)), lookups: *lookups };
            self.store().hidden.insert(id, hidden);
        }
    }

    /// Whether a look-up sees this transfer; asking counts as a look-up. A lag that was planted after the
    /// transfer was accepted begins with the first look-up.
    pub(crate) fn sees(&self, id: u64, subject: &Subject<'_>, now: DateTime<Utc>) -> bool {
        let is_new = !self.store().hidden.contains_key(&id);
        if is_new && let Some(lag) = self.strike(Stage::Hiding, subject, &Random::default(), 0) {
            self.hide(id, &lag, now);
        }
        !self.hides(id, now)
    }

    /// An entry that is over stays, so that one lag does not strike a transfer twice.
    fn hides(&self, id: u64, now: DateTime<Utc>) -> bool {
        let mut store = self.store();
        let Some(hidden) = store.hidden.get_mut(&id) else {
            return false;
        };
        if hidden.until.is_some_and(|until| now < until) {
            return true;
        }
        match hidden.lookups.checked_sub(1) {
            Some(left) => {
                hidden.lookups = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(reference: &str) -> Subject<'_> {
        Subject { reference: Some(reference), ..Subject::default() }
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_was_told_and_only_where() {
        let faults = Faults::default();
        let mut plan = Plan::once("mine", Fault::ResetAfter {});
        plan.times = 2;
        faults.plant(plan).unwrap();
        let strike =
            |stage, reference| faults.strike(stage, &subject(reference), &Random::default(), 0).is_some();
        assert!(!strike(Stage::Answer, "other"));
        assert!(!strike(Stage::Webhook, "mine"));
        assert!(strike(Stage::Answer, "mine"));
        assert!(strike(Stage::Answer, "mine"));
        assert!(!strike(Stage::Answer, "mine"));
        assert_eq!(faults.list()[0].struck, 2);
    }

    #[test]
    fn every_field_of_a_match_must_agree() {
        let matches: Match =
            serde_json::from_str(r#"{"reference_contains":"-b-","bank_code":"044","amount":"10.50"}"#)
                .unwrap();
        let amount = |text| Some(rust_decimal::Decimal::from_str_exact(text).unwrap());
        let shown = Subject {
            reference: Some("a-b-c"),
            bank_code: Some("044"),
            amount: amount("10.5"),
            ..Subject::default()
        };
        assert!(matches.agrees(Stage::Answer, &shown));
        assert!(!matches.agrees(Stage::Answer, &Subject { amount: amount("10.51"), ..shown }));
        assert!(!matches.agrees(Stage::Answer, &Subject { reference: None, ..shown }));
        assert!(!matches.agrees(Stage::Answer, &Subject { endpoint: Endpoint::Lookup, ..shown }));
    }

    #[test]
    fn a_lag_is_over_after_its_lookups() {
        let faults = Faults::default();
        let now = DateTime::UNIX_EPOCH;
        faults.hide(1, &Fault::LookupLag { duration: None, lookups: 2 }, now);
        assert_eq!([1, 1, 1, 1].map(|id| faults.hides(id, now)), [true, true, false, false]);
        faults.hide(2, &Fault::LookupLag { duration: Some(Span::from_secs(5)), lookups: 0 }, now);
        assert!(faults.hides(2, Span::from_secs(4).after(now)));
        assert!(!faults.hides(2, Span::from_secs(5).after(now)));
    }

    #[test]
    fn unknown_kinds_and_fields_are_refused() {
        for text in [
            r#"{"fault":{"kind":"no_such"}}"#,
            r#"{"fault":{"kind":"fail","mesage":"x"}}"#,
            r#"{"match":{"ref":"x"},"fault":{"kind":"fail"}}"#,
            r#"{"time":1,"fault":{"kind":"fail"}}"#,
        ] {
            assert!(serde_json::from_str::<Plan>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_kind_has_defaults_and_keeps_its_name() {
        for kind in [
            "stall_then_503",
            "late_carry_out",
            "timeout_money_moves",
            "reset_before",
            "reset_after",
            "html_error",
            "rate_limited",
            "unauthorized",
            "ip_not_whitelisted",
            "decline",
            "fail",
            "pending_forever",
            "unknown_status",
            "flip_after_success",
            "webhook_early",
            "lookup_lag",
            "lookup_error",
            "webhook_lost",
            "webhook_late",
            "webhook_duplicate",
            "webhook_reordered",
        ] {
            let fault = Fault::with_defaults(kind).unwrap();
            assert_eq!(fault.kind(), kind);
            fault.check().unwrap();
        }
    }
}
