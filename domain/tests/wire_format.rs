//! What the rules' types look like in histories and answers: a change here is a change of the wire.
//!
//! `cargo xtask` names this test when it builds the programs, so that cargo counts the features of tests too and the heavy
//! crates are compiled once for the demo and the tests together (`xtask/src/stack/programs.rs`).

#![expect(
    clippy::unwrap_used,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, Currency, Ending, Money, Next, PayoutStatus, Progress, Route};

fn written(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn money_is_a_string_with_a_currency() {
    let money = Money::parse("1500.5", Currency::Ngn).unwrap();
    assert_eq!(written(&money), r#"{"amount":"1500.50","currency":"NGN"}"#);
    assert_eq!(serde_json::from_str::<Money>(r#"{"amount":"1500.50","currency":"NGN"}"#).unwrap(), money);
}

#[test]
fn progress_keeps_its_form() {
    let attempt = AttemptNumber::new(2).unwrap();
    let progress = Progress {
        next: Next::AwaitOutcome { attempt, check_at: DateTime::<Utc>::UNIX_EPOCH },
        status: PayoutStatus::Processing,
        risk: Some(Route::Auto),
        batch: None,
        call_at: None,
    };
    let json = r#"{"next":{"step":"await_outcome","attempt":2,"check_at":"1970-01-01T00:00:00Z"},"status":"PROCESSING","risk":"auto","batch":null}"#;
    assert_eq!(written(&progress), json);
    assert_eq!(serde_json::from_str::<Progress>(json).unwrap(), progress);
}

#[test]
fn a_field_that_an_old_history_lacks_is_none() {
    let old = r#"{"next":{"step":"notify","ending":"completed"},"status":"COMPLETED"}"#;
    let progress: Progress = serde_json::from_str(old).unwrap();
    assert_eq!(
        (progress.next, progress.risk, progress.batch),
        (Next::Notify { ending: Ending::Completed }, None, None)
    );
}
