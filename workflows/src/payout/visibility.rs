//! What an operator sees of a payout without opening code or database: the query, the search attributes and the sentence
//! that the Temporal UI shows as current details.
//!
//! Cost: search attributes are an event each time they change, so they are written together with a task that happens anyway
//! and only where they changed; the sentence and the query cost nothing. Never here: account numbers and names.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{AttemptNumber, BatchId, Next, PayoutId, PayoutStatus, Progress, WaitingFor, WhoActs};
use serde::{Deserialize, Serialize};
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributeUpdate, SearchAttributes};

use crate::{contract::PayoutInput, names};

const STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword(names::ATTRIBUTE_STATUS);
const PROVIDER: SearchAttributeKey<String> = SearchAttributeKey::keyword(names::ATTRIBUTE_PROVIDER);
const RISK: SearchAttributeKey<String> = SearchAttributeKey::keyword(names::ATTRIBUTE_RISK);
const AMOUNT_MINOR: SearchAttributeKey<i64> = SearchAttributeKey::int(names::ATTRIBUTE_AMOUNT_MINOR);
const BATCH: SearchAttributeKey<String> = SearchAttributeKey::keyword(names::ATTRIBUTE_BATCH);

/// The search attributes of a payout that has just been requested: for whoever starts its workflow.
pub fn search_attributes(input: &PayoutInput) -> SearchAttributes {
    SearchAttributes::new(wanted(input, None))
}

/// One line for whoever starts the workflow to put into its static summary: what is paid to whom, by id.
pub fn summary(input: &PayoutInput) -> String {
    let scale = usize::try_from(input.currency.scale()).unwrap_or_default();
    let digits = format!("{:0>width$}", input.amount_minor, width = scale.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{} {whole}{point}{fraction} to provider {}", input.currency.code(), input.provider)
}

/// The search attributes that `progress` changes, given what the workflow has already.
pub(super) fn changed_attributes(
    current: &SearchAttributes,
    input: &PayoutInput,
    progress: &Progress,
) -> Vec<SearchAttributeUpdate> {
    let mut after = current.clone();
    wanted(input, Some(progress))
        .into_iter()
        .filter(|update| {
            let before = after.raw_payload(update.name()).map(|payload| payload.data.clone());
            after.apply(update.clone());
            after.raw_payload(update.name()).map(|payload| payload.data.clone()) != before
        })
        .collect()
}

fn wanted(input: &PayoutInput, progress: Option<&Progress>) -> Vec<SearchAttributeUpdate> {
    let none = || names::ATTRIBUTE_NONE.to_owned();
    let status = progress.map_or(PayoutStatus::Requested, |progress| progress.status);
    let risk = progress.and_then(|progress| progress.risk);
    let batch = progress.and_then(|progress| progress.batch);
    vec![
        STATUS.value_set(status.as_str().to_owned()),
        PROVIDER.value_set(input.provider.to_string()),
        RISK.value_set(risk.map_or_else(none, |risk| risk.as_str().to_owned())),
        AMOUNT_MINOR.value_set(input.amount_minor),
        BATCH.value_set(batch.map_or_else(none, |batch| batch.to_string())),
    ]
}

/// The answer of the query `waiting`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub payout: PayoutId,
    /// As the last step found it; `None` before the first.
    pub status: Option<PayoutStatus>,
    /// The words of `domain::WaitingFor`; `None` once nothing is waited for.
    pub waiting_for: Option<String>,
    /// The words of `domain::WhoActs`.
    pub who: Option<String>,
    /// When it moves by itself, where that is known.
    pub until: Option<DateTime<Utc>>,
    pub attempt: Option<AttemptNumber>,
    pub batch: Option<BatchId>,
    /// Signals that were malformed, unknown or out of place.
    pub stray_signals: u32,
    /// The same in a sentence.
    pub says: String,
}

/// What is being done or waited for, as far as `next` and the last answer tell.
pub(super) fn waiting(
    payout: PayoutId,
    next: Next,
    progress: Option<&Progress>,
    stray_signals: u32,
) -> Waiting {
    let (what, attempt, until) = match next {
        Next::Assess => (Some((WaitingFor::Assessment, WhoActs::System)), None, None),
        Next::AwaitDecision => (Some((WaitingFor::Decision, WhoActs::Admin)), None, None),
        Next::AwaitRelease => (Some((WaitingFor::Window, WhoActs::System)), None, None),
        Next::Begin => (Some((WaitingFor::Transfer, WhoActs::System)), None, None),
        Next::Send { attempt } => (Some((WaitingFor::Transfer, WhoActs::System)), Some(attempt), None),
        Next::AwaitOutcome { attempt, check_at } => {
            (Some((WaitingFor::Gateway, WhoActs::Gateway)), Some(attempt), Some(check_at))
        }
        Next::AwaitRetry { due } => (Some((WaitingFor::Retry, WhoActs::System)), None, Some(due)),
        Next::AwaitAttention => (Some((WaitingFor::Attention, WhoActs::Admin)), None, None),
        Next::Notify { .. } => (None, None, None),
    };
    Waiting {
        payout,
        status: progress.map(|progress| progress.status),
        waiting_for: what.map(|(what, _)| what.as_str().to_owned()),
        who: what.map(|(_, who)| who.as_str().to_owned()),
        until,
        attempt,
        batch: progress.and_then(|progress| progress.batch),
        stray_signals,
        says: sentence(next),
    }
}

fn sentence(next: Next) -> String {
    match next {
        Next::Assess => "Checking the request and assessing its risk".to_owned(),
        Next::AwaitDecision => "Waiting for an admin's decision".to_owned(),
        Next::AwaitRelease => "Approved, waiting for a batch".to_owned(),
        Next::Begin => "Released by a batch, recording the next attempt".to_owned(),
        Next::Send { attempt } => format!("Sending attempt {} to the gateway", attempt.get()),
        Next::AwaitOutcome { attempt, check_at } => format!(
            "Attempt {} was sent: waiting for the gateway's webhook, asking again at {}",
            attempt.get(),
            moment(check_at)
        ),
        Next::AwaitRetry { due } => format!("The last attempt failed: trying again at {}", moment(due)),
        Next::AwaitAttention => "Failed: waiting for an admin to retry or to refund the money".to_owned(),
        Next::Notify { ending } => format!("Ended: {}", ending.as_str()),
    }
}

/// The current details in the Temporal UI, as markdown.
pub(super) fn details(waiting: &Waiting) -> String {
    let status = waiting.status.map_or("not loaded yet", PayoutStatus::as_str);
    let batch = waiting.batch.map(|batch| format!("\n\nBatch: {batch}")).unwrap_or_default();
    let ignored = match waiting.stray_signals {
        0 => String::new(),
        count => format!("\n\nIgnored signals: {count}"),
    };
    format!("**{}**\n\nStatus: {status}{batch}{ignored}", waiting.says)
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use domain::{Currency, Ending, ProviderId, Route};

    use super::*;

    fn input() -> PayoutInput {
        PayoutInput {
            payout: PayoutId::mint(),
            provider: ProviderId::mint(),
            amount_minor: 150_000,
            currency: Currency::Ngn,
            memory: crate::payout::Memory::default(),
        }
    }

    #[test]
    fn search_attributes_are_written_only_where_they_changed_and_never_unset() {
        let input = input();
        let mut current = search_attributes(&input);
        assert_eq!(current.get(&RISK).as_deref(), Some("none"));
        assert_eq!(current.get(&AMOUNT_MINOR), Some(150_000));

        let approved = Progress {
            next: Next::AwaitRelease,
            status: PayoutStatus::Approved,
            risk: Some(Route::Auto),
            batch: None,
            call_at: None,
        };
        let changes = changed_attributes(&current, &input, &approved);
        let names: Vec<&str> = changes.iter().map(SearchAttributeUpdate::name).collect();
        assert_eq!(names, [names::ATTRIBUTE_STATUS, names::ATTRIBUTE_RISK]);
        for change in changes {
            assert!(!change.is_unset());
            current.apply(change);
        }
        assert!(changed_attributes(&current, &input, &approved).is_empty());

        // Somebody started the workflow without attributes: all five are written with the first answer.
        let bare = SearchAttributes::new([]);
        assert_eq!(changed_attributes(&bare, &input, &approved).len(), 5);
    }

    #[test]
    fn the_summary_names_amount_and_provider() {
        let input = input();
        assert_eq!(summary(&input), format!("NGN 1500.00 to provider {}", input.provider));
        let cents = PayoutInput { amount_minor: 7, ..input };
        assert!(summary(&cents).starts_with("NGN 0.07 to"));
    }

    #[test]
    fn the_query_says_what_is_waited_for() {
        let payout: PayoutId = "0199a000-0000-7000-8000-000000000001".parse().unwrap();
        let next = Next::AwaitOutcome { attempt: AttemptNumber::FIRST, check_at: DateTime::UNIX_EPOCH };
        let answer = waiting(payout, next, None, 3);
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            concat!(
                r#"{"payout":"0199a000-0000-7000-8000-000000000001","status":null,"waiting_for":"gateway","#,
                r#""who":"gateway","until":"1970-01-01T00:00:00Z","attempt":1,"batch":null,"stray_signals":3,"#,
                r#""says":"Attempt 1 was sent: waiting for the gateway's webhook, asking again at 1970-01-01T00:00:00Z"}"#,
            )
        );
        assert!(details(&answer).ends_with("Status: not loaded yet\n\nIgnored signals: 3"));
        let ended = waiting(payout, Next::Notify { ending: Ending::Completed }, None, 0);
        assert_eq!((ended.waiting_for, ended.says.as_str()), (None, "Ended: completed"));
    }
}
