//! What people and the relay say to an open payout, and what the workflow remembers of it.
//!
//! A signal is a wake-up that names a row, `{"id": <outbox id>, "attempt"?: <number>}`: it is never believed, only answered
//! with another look at the row. One exception is made for people: `decision` may come from the Temporal UI or CLI as
//! `{"decision": "approve"|"reject", "reason": "…", "by"?: "…"}` and becomes a request to the database.
//!
//! Guarantee: whatever arrives (no payload, several, not JSON, a megabyte, an unknown name), nothing here fails; what is not
//! understood is kept as a [`Stray`] for the audit, never with its payload. Limits: the last [`REMEMBERED`] ids drop repeats,
//! [`RECORDED_STRAYS`] strays are recorded per payout, after that only a counter moves. Not seen: who sent a signal (SDK 1.1
//! keeps the server's `identity` from workflow code), hence `by`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use domain::AttemptNumber;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use temporalio_common::data_converters::RawValue;

use crate::{
    contract::{UNNAMED, Verdict},
    names,
};

/// Ids of wake-ups that are remembered to drop their repeats. The relay repeats itself within seconds, so few are enough; a
/// repeat that slips through costs one look at the row.
const REMEMBERED: usize = 64;
/// Wake-ups that wait to be answered. One look at the row answers all that came before it, so more add nothing.
const MAX_PENDING: usize = 64;
/// Requests by hand that wait to be answered.
const MAX_REQUESTS: usize = 8;
/// Strays that get an audit row; somebody who sends more is told once.
pub(super) const RECORDED_STRAYS: u32 = 20;
/// Far above anything meant for us; larger payloads are not even parsed.
const MAX_SIGNAL_BYTES: usize = 4096;
const MAX_NAME_CHARS: usize = 60;
const MAX_REASON_CHARS: usize = 500;
const MAX_IDENTITY_CHARS: usize = 80;
/// A webhook re-arms one look at its attempt per this time (the gateway's own limit on looking is far above it).
const HINT_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// The signals a payout listens to. All carry a [`WakeUp`]; a person may send `decision` with
/// `{"decision": "approve"|"reject", "reason": "…", "by": "…"}` instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalName {
    Decision,
    Release,
    TransferUpdate,
    Cancel,
    ManualAction,
}

impl SignalName {
    pub const ALL: [Self; 5] =
        [Self::Decision, Self::Release, Self::TransferUpdate, Self::Cancel, Self::ManualAction];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => names::SIGNAL_DECISION,
            Self::Release => names::SIGNAL_RELEASE,
            Self::TransferUpdate => names::SIGNAL_TRANSFER_UPDATE,
            Self::Cancel => names::SIGNAL_CANCEL,
            Self::ManualAction => names::SIGNAL_MANUAL_ACTION,
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// What our relay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeUp {
    /// The outbox or inbox row.
    pub id: i64,
    /// The attempt that a webhook is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptNumber>,
}

/// A decision that somebody signalled by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) key: String,
}

/// A signal that was not understood, or that nothing waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) name: String,
    pub(super) why: String,
    pub(super) count: u32,
    pub(super) key: String,
}

/// What outlives a run that continues as new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The last wake-ups, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    seen: VecDeque<(SignalName, i64)>,
    /// Signals that were not understood or out of place.
    #[serde(default)]
    pub(super) strays: u32,
    /// Attempts that a webhook was about and that have not been looked at since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    hints: BTreeSet<AttemptNumber>,
    /// The last look at each attempt that a webhook caused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    followed: BTreeMap<AttemptNumber, DateTime<Utc>>,
}

impl Memory {
    pub(crate) fn is_fresh(&self) -> bool {
        self == &Self::default()
    }

    fn has_heard(&self, name: SignalName, id: i64) -> bool {
        self.seen.contains(&(name, id))
    }

    /// Whether this wake-up has not been heard before; from now on it has.
    pub fn is_news(&mut self, name: SignalName, id: i64) -> bool {
        if self.has_heard(name, id) {
            return false;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((name, id));
        true
    }

    /// A webhook about `attempt` came.
    pub fn hint(&mut self, attempt: AttemptNumber) {
        self.hints.insert(attempt);
    }

    /// The attempt that a webhook asks to look at first, and the earliest moment to do so.
    pub fn hinted(&self, now: DateTime<Utc>) -> Option<(AttemptNumber, DateTime<Utc>)> {
        let earliest = |attempt: &AttemptNumber| {
            let pause_over = self.followed.get(attempt).and_then(|at| at.checked_add_signed(HINT_PAUSE));
            (*attempt, pause_over.map_or(now, |at| at.max(now)))
        };
        self.hints.iter().map(earliest).min_by_key(|(_, at)| *at)
    }

    /// `attempt` is being looked at because of a webhook.
    pub fn follow_hint(&mut self, attempt: AttemptNumber, now: DateTime<Utc>) {
        self.hints.remove(&attempt);
        self.followed.insert(attempt, now);
    }

    /// `attempt` is being looked at because it is time.
    pub fn drop_hint(&mut self, attempt: AttemptNumber) {
        self.hints.remove(&attempt);
    }

    /// Every attempt is being looked at.
    pub fn drop_hints(&mut self) {
        self.hints.clear();
    }
}

/// What has been heard and not been answered yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) memory: Memory,
    /// Signals this run has heard: makes each one's key.
    heard: u64,
    wake_ups: Vec<(SignalName, WakeUp)>,
    requests: VecDeque<Request>,
    strays: VecDeque<Stray>,
}

enum Meaning {
    WakeUp(SignalName, WakeUp),
    Request { verdict: Verdict, reason: String, by: String },
}

impl Inbox {
    pub(super) fn remembering(memory: Memory) -> Self {
        Self { memory, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wake_ups.is_empty() && self.requests.is_empty() && self.strays.is_empty()
    }

    /// Takes in a signal of any name with any payload.
    pub(super) fn receive(&mut self, run_id: &str, name: &str, raw: &RawValue) {
        self.heard = self.heard.saturating_add(1);
        let key = format!("{run_id}/{}", self.heard);
        match understand(name, raw) {
            Ok(Meaning::WakeUp(name, wake_up)) => self.wake(name, wake_up, key),
            Ok(Meaning::Request { verdict, reason, by }) => {
                if self.requests.len() < MAX_REQUESTS {
                    self.requests.push_back(Request { verdict, reason, by, key });
                } else {
                    self.stray(name, "too many decisions at once", key);
                }
            }
            Err(why) => self.stray(name, &why, key),
        }
    }

    fn wake(&mut self, name: SignalName, wake_up: WakeUp, key: String) {
        if self.wake_ups.len() >= MAX_PENDING {
            if !self.memory.has_heard(name, wake_up.id) {
                self.stray(name.as_str(), "too many wake-ups at once", key);
            }
            return;
        }
        if self.memory.is_news(name, wake_up.id) {
            self.wake_ups.push((name, wake_up));
        }
    }

    /// Counts a signal that is ignored, and keeps it for the audit while there are not too many.
    pub(super) fn stray(&mut self, name: &str, why: &str, key: String) {
        self.memory.strays = self.memory.strays.saturating_add(1);
        if self.memory.strays <= RECORDED_STRAYS {
            self.strays.push_back(Stray {
                name: shorten(name, MAX_NAME_CHARS),
                why: why.to_owned(),
                count: self.memory.strays,
                key,
            });
        }
    }

    /// The wake-ups so far: one look at the row answers them all.
    pub(super) fn take_wake_ups(&mut self) -> Vec<(SignalName, WakeUp)> {
        std::mem::take(&mut self.wake_ups)
    }

    pub(super) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    pub(super) fn next_stray(&mut self) -> Option<Stray> {
        self.strays.pop_front()
    }
}

/// What a signal means, or why it means nothing, in words for an operator and without a character of its payload.
fn understand(name: &str, raw: &RawValue) -> Result<Meaning, String> {
    let Some(name) = SignalName::parse(name) else {
        return Err("no payout listens to a signal of this name".to_owned());
    };
    let payload = match raw.payloads.as_slice() {
        [payload] => payload,
        [] => return Err(format!("no input: expected {}", expected(name))),
        several => {
            return Err(format!("{} inputs: expected one, {}", several.len(), expected(name)));
        }
    };
    if payload.data.len() > MAX_SIGNAL_BYTES {
        return Err(format!(
            "an input of {} bytes, the limit is {MAX_SIGNAL_BYTES}: expected {}",
            payload.data.len(),
            expected(name)
        ));
    }
    let value: Value = serde_json::from_slice(&payload.data)
        .map_err(|_| format!("the input is not JSON: expected {}", expected(name)))?;
    let Value::Object(fields) = value else {
        return Err(format!("the input is not a JSON object: expected {}", expected(name)));
    };
    if name == SignalName::Decision && fields.contains_key("decision") {
        return request(&fields);
    }
    let id = fields
        .get("id")
        .and_then(Value::as_i64)
        .ok_or_else(|| format!("`id` is not an integer: expected {}", expected(name)))?;
    let attempt = match fields.get("attempt") {
        None | Some(Value::Null) => None,
        Some(number) => {
            let known =
                number.as_u64().and_then(|number| u8::try_from(number).ok()).and_then(AttemptNumber::new);
            Some(known.ok_or_else(|| "`attempt` is not the number of an attempt".to_owned())?)
        }
    };
    Ok(Meaning::WakeUp(name, WakeUp { id, attempt }))
}

fn request(fields: &serde_json::Map<String, Value>) -> Result<Meaning, String> {
    let verdict = match fields.get("decision").and_then(Value::as_str) {
        Some("approve") => Verdict::Approve,
        Some("reject") => Verdict::Reject,
        Some(_) | None => return Err("`decision` is neither \"approve\" nor \"reject\"".to_owned()),
    };
    let text = |field: &str, limit| match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(shorten(text.trim(), limit)).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("`{field}` is not a text")),
    };
    Ok(Meaning::Request {
        verdict,
        reason: text("reason", MAX_REASON_CHARS)?.unwrap_or_default(),
        by: text("by", MAX_IDENTITY_CHARS)?.unwrap_or_else(|| UNNAMED.to_owned()),
    })
}

fn expected(name: SignalName) -> &'static str {
    match name {
        SignalName::Decision => {
            r#"{"decision": "approve" or "reject", "reason": "…", "by": "…"} from a person or {"id": <integer>} from the relay"#
        }
        SignalName::TransferUpdate => r#"{"id": <integer>, "attempt": <number>}"#,
        SignalName::Release | SignalName::Cancel | SignalName::ManualAction => r#"{"id": <integer>}"#,
    }
}

/// At most `limit` characters, none of which moves a cursor or ends a line.
fn shorten(text: &str, limit: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(limit).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use temporalio_common::protos::temporal::api::common::v1::Payload;

    use super::*;

    fn json(text: &str) -> RawValue {
        RawValue::new(vec![payload(text.as_bytes())])
    }

    fn payload(data: &[u8]) -> Payload {
        Payload { data: data.to_vec(), ..Payload::default() }
    }

    fn heard(signals: &[(&str, RawValue)]) -> Inbox {
        let mut inbox = Inbox::default();
        for (name, raw) in signals {
            inbox.receive("run", name, raw);
        }
        inbox
    }

    fn why(name: &str, raw: RawValue) -> String {
        let mut inbox = heard(&[(name, raw)]);
        assert!(inbox.wake_ups.is_empty() && inbox.requests.is_empty());
        inbox.next_stray().unwrap().why
    }

    #[test]
    fn a_wake_up_names_a_row() {
        let mut inbox = heard(&[
            ("release", json(r#"{"id": 14}"#)),
            ("transfer_update", json(r#"{"id": 15, "attempt": 2, "later": "field"}"#)),
        ]);
        assert_eq!(
            inbox.take_wake_ups(),
            [
                (SignalName::Release, WakeUp { id: 14, attempt: None }),
                (SignalName::TransferUpdate, WakeUp { id: 15, attempt: AttemptNumber::new(2) }),
            ]
        );
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_repeat_is_dropped_and_the_memory_of_it_is_bounded() {
        let mut inbox = heard(&[("release", json(r#"{"id": 1}"#)), ("release", json(r#"{"id": 1}"#))]);
        assert_eq!(inbox.take_wake_ups().len(), 1);
        for id in 0..1000 {
            inbox.receive("run", "cancel", &json(&format!(r#"{{"id": {id}}}"#)));
            inbox.take_wake_ups();
        }
        assert_eq!(inbox.memory.seen.len(), REMEMBERED);
        assert_eq!(inbox.memory.strays, 0);
    }

    #[test]
    fn a_person_decides_by_request() {
        let mut inbox = heard(&[
            ("decision", json(r#"{"decision":"approve","reason":" looked at it ","by":"ada\u0007"}"#)),
            ("decision", json(r#"{"decision":"reject"}"#)),
        ]);
        let first = inbox.next_request().unwrap();
        assert_eq!((first.verdict, first.reason.as_str()), (Verdict::Approve, "looked at it"));
        assert_eq!((first.by.as_str(), first.key.as_str()), ("ada ", "run/1"));
        let second = inbox.next_request().unwrap();
        assert_eq!(
            (second.verdict, second.reason.as_str(), second.by.as_str()),
            (Verdict::Reject, "", UNNAMED)
        );
    }

    #[test]
    fn what_is_not_understood_says_why_and_nothing_of_its_payload() {
        assert!(why("aprove", json("{}")).starts_with("no payout listens"));
        assert!(why("release", RawValue::new(vec![])).starts_with("no input"));
        assert!(why("release", RawValue::new(vec![payload(b"1"), payload(b"2")])).starts_with("2 inputs"));
        assert!(why("release", json("null")).starts_with("the input is not a JSON object"));
        assert!(
            why("release", RawValue::new(vec![payload(&[0xff, 0x00])])).starts_with("the input is not JSON")
        );
        assert!(
            why("release", RawValue::new(vec![payload(&[b'['; 4000])])).starts_with("the input is not JSON")
        );
        assert!(
            why("release", RawValue::new(vec![payload(&[b' '; 5000])])).starts_with("an input of 5000 bytes")
        );
        assert!(why("release", json(r#"{"id": "14"}"#)).starts_with("`id` is not an integer"));
        assert!(why("release", json(r#"{"id": 1.5}"#)).starts_with("`id` is not an integer"));
        assert!(why("transfer_update", json(r#"{"id": 1, "attempt": 0}"#)).starts_with("`attempt`"));
        assert!(why("decision", json(r#"{"decision": "maybe"}"#)).starts_with("`decision`"));
        assert!(why("decision", json(r#"{"decision": "approve", "reason": 5}"#)).starts_with("`reason`"));
        assert!(why("cancel", json(r#"{"decision": "approve"}"#)).starts_with("`id`"));
    }

    #[test]
    fn after_twenty_strays_only_a_counter_moves() {
        let mut inbox = heard(&vec![("nonsense", json("{}")); 100]);
        assert_eq!(inbox.strays.len(), 20);
        assert_eq!(inbox.memory.strays, 100);
        let last = std::iter::from_fn(|| inbox.next_stray()).last().unwrap();
        assert_eq!((last.count, last.key.as_str()), (20, "run/20"));
    }

    #[test]
    fn webhooks_cause_one_look_a_minute() {
        let attempt = AttemptNumber::FIRST;
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut memory = Memory::default();
        assert_eq!(memory.hinted(at(0)), None);
        memory.hint(attempt);
        assert_eq!(memory.hinted(at(0)), Some((attempt, at(0))));
        memory.follow_hint(attempt, at(0));
        assert_eq!(memory.hinted(at(1)), None);
        memory.hint(attempt);
        assert_eq!(memory.hinted(at(10)), Some((attempt, at(60))));
        assert_eq!(memory.hinted(at(90)), Some((attempt, at(90))));
        let second = attempt.next().unwrap();
        memory.drop_hints();
        memory.hint(second);
        assert_eq!(memory.hinted(at(10)), Some((second, at(10))));
    }

    #[test]
    fn memory_keeps_its_wire_form() {
        assert_eq!(serde_json::to_string(&Memory::default()).unwrap(), r#"{"strays":0}"#);
        let memory = Memory {
            seen: [(SignalName::Release, 14)].into(),
            strays: 3,
            hints: [AttemptNumber::FIRST].into(),
            followed: [(AttemptNumber::FIRST, DateTime::UNIX_EPOCH)].into(),
        };
        let text =
            r#"{"seen":[["release",14]],"strays":3,"hints":[1],"followed":{"1":"1970-01-01T00:00:00Z"}}"#;
        assert_eq!(serde_json::to_string(&memory).unwrap(), text);
        assert_eq!(serde_json::from_str::<Memory>(text).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>("{}").unwrap(), Memory::default());
    }

    fn any_name() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(SignalName::ALL.to_vec()).prop_map(|name| name.as_str().to_owned()),
            any::<String>(),
        ]
    }

    proptest! {
        /// Arbitrary signals never fail, and each is either understood, dropped or counted.
        #[test]
        fn anything_can_be_heard(
            signals in prop::collection::vec((any_name(), prop::collection::vec(any::<Vec<u8>>(), 0..3)), 0..60),
        ) {
            let mut inbox = Inbox::default();
            for (name, payloads) in &signals {
                let payloads = payloads.iter().map(|data| payload(data)).collect();
                inbox.receive("run", name, &RawValue::new(payloads));
            }
            prop_assert!(inbox.strays.len() <= 20);
            for stray in &inbox.strays {
                prop_assert!(stray.name.chars().count() <= MAX_NAME_CHARS);
                prop_assert!(stray.why.chars().count() <= 200);
            }
        }

        /// JSON of any shape never fails either.
        #[test]
        fn any_json_can_be_heard(name in any_name(), id in any::<f64>(), attempt in any::<i64>(), text in any::<String>()) {
            for value in [
                serde_json::json!({"id": id, "attempt": attempt}),
                serde_json::json!({"id": attempt, "attempt": attempt}),
                serde_json::json!({"id": text, "decision": text}),
                serde_json::json!({"decision": "approve", "reason": text, "by": text}),
                serde_json::json!([text, id]),
            ] {
                let mut inbox = heard(&[(name.as_str(), json(&value.to_string()))]);
                prop_assert!(!inbox.is_empty());
                if let Some(request) = inbox.next_request() {
                    prop_assert!(request.reason.chars().count() <= MAX_REASON_CHARS);
                }
            }
        }
    }
}
