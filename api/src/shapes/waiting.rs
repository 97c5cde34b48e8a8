//! The answer to "what is it waiting for, who must act, when will it move".

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{PayoutId, WaitingFor, WhoActs};
use poem_openapi::Object;
use store::cases::{Case, CaseKind, CaseStatus};

use crate::app::App;

/// What a payout waits for. Absent once it has ended.
#[expect(clippy::struct_field_names, reason = "the API calls it `waiting_for`")]
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Waiting {
    /// `assessment`, `decision`, `second_approval`, `window`, `pause_end`, `funds`, `limit`, `transfer`, `gateway`, `unknown_outcome`, `retry` or
    /// `attention`.
    pub waiting_for: String,
    /// Who moves it next: `system`, `admin`, `finance` or `gateway`.
    pub who: String,
    /// When it moves by itself, where that is known.
    pub until: Option<DateTime<Utc>>,
    /// The same as a sentence.
    pub detail: String,
}

impl Waiting {
    /// What a payout waits for, where `cases` are those about it. One that needs a person's word is finance's to move on: the
    /// gateway has had its time.
    pub(crate) fn told(waiting: &domain::Waiting, cases: &[Case]) -> Self {
        let owned = cases.iter().any(|case| case.status == CaseStatus::Open && owns(case.kind));
        let who =
            if owned && waits_for_an_answer(waiting.waiting_for) { WhoActs::Finance } else { waiting.who };
        Self {
            waiting_for: waiting.waiting_for.as_str().to_owned(),
            who: who.as_str().to_owned(),
            until: waiting.until,
            detail: format!("{} {}", sentence(waiting), mover(who)),
        }
    }
}

/// What each payout of a page waits for; those that have ended are not in it. Four reads for all of them.
pub(crate) async fn waiting(
    app: &App,
    ids: &[PayoutId],
) -> Result<BTreeMap<PayoutId, Waiting>, store::Error> {
    let standings = store::payouts::standings(&app.pool, ids).await?;
    let mut cases: BTreeMap<PayoutId, Vec<Case>> = BTreeMap::new();
    for case in store::cases::open_of_payouts(&app.pool, ids).await? {
        if let Some(payout) = case.payout {
            cases.entry(payout).or_default().push(case);
        }
    }
    let (now, window) = (app.now(), app.next_window().await?);
    let told = standings.into_iter().filter_map(|(id, standing)| {
        let waiting = standing.waiting(now, window)?;
        Some((id, Waiting::told(&waiting, cases.get(&id).map_or(&[], Vec::as_slice))))
    });
    Ok(told.collect())
}

/// Whether a case of this kind is about how the payout's own money moved.
fn owns(kind: CaseKind) -> bool {
    match kind {
        CaseKind::UnknownTooLong
        | CaseKind::Contradiction
        | CaseKind::UnknownTransfer
        | CaseKind::MissingTransfer
        | CaseKind::AmountDiffers
        | CaseKind::StatusDiffers => true,
        CaseKind::Overpaid
        | CaseKind::Reversal
        | CaseKind::StatementLine
        | CaseKind::AccountFailing
        | CaseKind::Books
        | CaseKind::Restored
        | CaseKind::AccountStopped => false,
    }
}

/// Whether a word of finance moves it on: nothing else is needed for a decision, a window or an end of a pause.
fn waits_for_an_answer(waiting_for: WaitingFor) -> bool {
    match waiting_for {
        WaitingFor::Transfer
        | WaitingFor::Gateway
        | WaitingFor::UnknownOutcome
        | WaitingFor::Retry
        | WaitingFor::Attention => true,
        WaitingFor::Assessment
        | WaitingFor::Decision
        | WaitingFor::SecondApproval
        | WaitingFor::Window
        | WaitingFor::PauseEnd
        | WaitingFor::Funds
        | WaitingFor::Limit => false,
    }
}

fn sentence(waiting: &domain::Waiting) -> &'static str {
    match waiting.waiting_for {
        WaitingFor::Assessment => "The request is being checked.",
        WaitingFor::Decision => "The request is under review.",
        WaitingFor::SecondApproval => "The request is under review; the amount needs a second approval.",
        WaitingFor::Window => "Approved; it leaves with the next batch.",
        WaitingFor::PauseEnd => "Approved; payouts are paused for the moment.",
        WaitingFor::Funds => "Approved; the payout account is being topped up.",
        WaitingFor::Limit => "Approved; as much as may leave at once has left, so it waits for its turn.",
        WaitingFor::Transfer if waiting.until.is_some() => {
            "It leaves with this batch; others are sent first, so it waits for its turn."
        }
        WaitingFor::Transfer => "The transfer is about to be made.",
        WaitingFor::Gateway => "The transfer was made; the bank's answer is awaited.",
        WaitingFor::UnknownOutcome => {
            "The transfer was made; whether it arrived is being found out. It is not paid twice."
        }
        WaitingFor::Retry => "The transfer failed and is tried again.",
        WaitingFor::Attention => "The transfer failed; someone looks at it. The money stays reserved.",
    }
}

fn mover(who: WhoActs) -> &'static str {
    match who {
        WhoActs::System => "Nobody needs to do anything.",
        WhoActs::Admin => "An admin moves it on.",
        WhoActs::Finance => "Finance moves it on.",
        WhoActs::Gateway => "The payment gateway moves it on.",
    }
}
