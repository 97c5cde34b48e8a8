//! What workflows may ask of the world: the name, input and result of every activity. `activities/` implements them
//! (`#[activity(definition = workflows::Assess)]`), so a mismatch is a compile error.
//!
//! Guarantee to the implementer: one struct in, one value out, and fields are only ever added, with a default. Demand on the
//! implementer: every activity runs at least once, maybe twice at the same time, and must be idempotent by row; a failure
//! means "try again" and is tried again for ever, so an answer that trying again cannot change is a result, not an error.
//!
//! `transfer`, `observe` and `reobserve` call the gateway and must heartbeat every two seconds while they do: one that is
//! silent for [`crate::GATEWAY_HEARTBEAT`] counts as dead and is started again elsewhere.
//!
//! Nothing here may carry an account number, a name or a token: inputs and results stay readable in the history for years.

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, BatchId, Currency, Ending, PayoutId, Progress, ProviderId, ReconciliationId};
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;

use crate::payout::Memory;

/// What a payout's workflow is started with. Everything else is read from the row. The last three only fill the search
/// attributes; whoever starts the workflow may set those too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutInput {
    pub payout: PayoutId,
    pub provider: ProviderId,
    /// In the currency's minor unit.
    pub amount_minor: i64,
    pub currency: Currency,
    /// Filled by the workflow itself when it continues as new; whoever starts one leaves it at its default.
    #[serde(default, skip_serializing_if = "Memory::is_fresh")]
    pub memory: Memory,
}

/// One payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRef {
    pub payout: PayoutId,
}

/// One attempt of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRef {
    pub payout: PayoutId,
    pub attempt: AttemptNumber,
}

/// Whoever decides on a payout is to be told that it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCall {
    pub payout: PayoutId,
    /// When the timer rang, as the workflow knows the time.
    pub at: DateTime<Utc>,
}

/// A payout and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingRef {
    pub payout: PayoutId,
    pub ending: Ending,
}

/// A decision that somebody signalled from the Temporal UI or CLI. It is a request: the database says what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineDecision {
    pub payout: PayoutId,
    pub verdict: Verdict,
    /// Empty where none was given.
    #[serde(default)]
    pub reason: String,
    /// What the sender calls themselves, unverified; [`UNNAMED`] where they did not say.
    pub identity: String,
    /// The same for every try of this request and for no other.
    pub signal_key: String,
}

/// What a reviewer, or somebody in their place, wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    Reject,
}

/// Temporal's own cancel: cancel the payout if that is still legal, else record that somebody wanted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineCancel {
    pub payout: PayoutId,
    /// Empty where none was given.
    #[serde(default)]
    pub reason: String,
    /// [`UNNAMED`]: the SDK does not tell a workflow who asked for its cancel.
    pub identity: String,
    /// The same for every try of this request and for no other.
    pub signal_key: String,
}

/// The identity of a sender who did not give one.
pub const UNNAMED: &str = "unnamed";

/// A signal that was ignored: malformed, of an unknown name, or out of place. Never its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StraySignal {
    pub payout: PayoutId,
    /// As it was sent, shortened.
    pub name: String,
    /// Why it was ignored, in words for an operator.
    pub why: String,
    /// How many of them this workflow has met, this one included.
    pub count: u32,
    /// The same for every try to record this signal and for no other.
    pub signal_key: String,
}

/// Which batch to run, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchInput {
    /// A batch that somebody made (run-now). `None`: ask the database whether a window is due.
    #[serde(default)]
    pub batch: Option<BatchId>,
    /// Instant payouts: batch whatever is approved, again for every [`crate::names::SIGNAL_RUN`] that came meanwhile.
    #[serde(default)]
    pub open: bool,
}

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRef {
    pub batch: BatchId,
}

/// What was done before a batch claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Another step of the same kind waits.
    pub more: bool,
}

/// What one chunk of a batch took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub claimed: u32,
    /// Another chunk may find more.
    pub more: bool,
}

/// A closed batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    pub payouts: u32,
}

/// A check of the books. Nothing is asked yet; fields come with a default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksCheckInput {}

/// What a reading of the ledger came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerChecked {
    /// False: the last reading took so long that this one is left out.
    pub read: bool,
    pub findings: u32,
}

/// Which look at the workflows of payouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsPage {
    pub look: RunsLook,
}

/// The first goes on where the last one stopped; the second is at what looked wrong, and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsLook {
    First,
    Second,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsChecked {
    /// Looked at.
    pub payouts: u32,
    /// Of those and of earlier ones: to be looked at again (first look), or wrong (second look).
    pub suspects: u32,
    /// Another page waits.
    pub more: bool,
}

/// A check of the books that came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksChecked {
    pub ledger_read: bool,
    pub findings: u32,
    pub payouts: u32,
    /// Payouts without the workflow they need, or with one they must not have.
    pub suspects: u32,
}

/// Which comparison with the gateway to carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileInput {
    /// One that an admin asked for, or that this workflow goes on with. `None`: open one, or go on with the one that is open.
    #[serde(default)]
    pub run: Option<ReconciliationId>,
}

/// One comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRef {
    pub run: ReconciliationId,
}

/// What a step of it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileStep {
    /// Another step of the same kind waits.
    pub more: bool,
}

/// A comparison that came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    pub listed: u32,
    pub looked_up: u32,
    pub healed: u32,
    pub differences: u32,
}

/// The activities. Its constants (`Contract::assess`) name them in workflow code, its markers (`Assess`) in `activities/`.
pub struct Contract;

#[expect(clippy::needless_pass_by_value, reason = "the macro wants the input by value")]
#[activity_definitions]
impl Contract {
    /// Loads the payout; one that is `REQUESTED` and not assessed yet is validated and assessed, any other is answered as it
    /// stands. A refusal is a rejected payout, not an error.
    #[activity(name = "assess")]
    pub fn assess(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Answers as the row stands, and writes nothing.
    #[activity(name = "reload")]
    pub fn reload(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Tells those who review that the payout waits, and a day later those it is escalated to: each once, whenever it is asked.
    /// One that waits for nobody, or not long enough, is answered as it stands.
    #[activity(name = "call_reviewers")]
    pub fn call_reviewers(call: ReviewCall) -> Progress {
        unimplemented!()
    }

    /// Honours, or refuses and records, a decision signalled by hand.
    #[activity(name = "request_decision")]
    pub fn request_decision(decision: EngineDecision) -> Progress {
        unimplemented!()
    }

    /// Cancels the payout if that is still legal, else records the wish.
    #[activity(name = "request_cancel")]
    pub fn request_cancel(cancel: EngineCancel) -> Progress {
        unimplemented!()
    }

    /// Writes an audit row about a signal that was ignored.
    #[activity(name = "record_signal")]
    pub fn record_signal(signal: StraySignal) {
        unimplemented!()
    }

    /// The one gate to the gateway: records the next attempt if everything permits it. Called after a release without
    /// another look at the row, so a payout that was not released is answered as it stands (`AwaitRelease`).
    #[activity(name = "begin_attempt")]
    pub fn begin_attempt(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Sends a recorded attempt under its one reference, on [`crate::names::TRANSFER_QUEUE`]. A second run that finds it sent
    /// does not send again: it answers `AwaitOutcome`.
    #[activity(name = "transfer")]
    pub fn transfer(attempt: AttemptRef) -> Progress {
        unimplemented!()
    }

    /// Asks the gateway about one attempt and writes down what it says, on [`crate::names::LOOKUP_QUEUE`].
    #[activity(name = "observe")]
    pub fn observe(attempt: AttemptRef) -> Progress {
        unimplemented!()
    }

    /// Asks the gateway about every attempt that ever was, on [`crate::names::LOOKUP_QUEUE`]. Answers `Begin` only where the
    /// retry is due and every attempt has failed conclusively; a late success or a retry that is not due yet is answered as
    /// it stands.
    #[activity(name = "reobserve")]
    pub fn reobserve(payout: PayoutRef) -> Progress {
        unimplemented!()
    }

    /// Writes the messages about how the payout ended, once.
    #[activity(name = "notify")]
    pub fn notify(ending: EndingRef) {
        unimplemented!()
    }

    /// Opens the batch that is asked for, or the one whose window is due, or (`open`) one for whatever is approved now. An
    /// open batch is answered again. `None`: nothing is due, paused, or nothing is approved.
    #[activity(name = "open_batch")]
    pub fn open_batch(input: BatchInput) -> Option<BatchRef> {
        unimplemented!()
    }

    /// Asks the gateway what can be spent, on [`crate::names::LOOKUP_QUEUE`], before the batch claims. A gateway that cannot be
    /// asked is an answer too.
    #[activity(name = "prepare_batch")]
    pub fn prepare_batch(batch: BatchRef) -> Prepared {
        unimplemented!()
    }

    /// Claims the next approved payouts, in turns over the providers, and stores their release signals in the same transaction.
    #[activity(name = "claim_chunk")]
    pub fn claim_chunk(batch: BatchRef) -> Claimed {
        unimplemented!()
    }

    /// Closes the batch; a closed one is answered again.
    #[activity(name = "close_batch")]
    pub fn close_batch(batch: BatchRef) -> BatchSummary {
        unimplemented!()
    }

    /// Reads the whole ledger; findings open a case, none closes it.
    #[activity(name = "check_ledger")]
    pub fn check_ledger(input: BooksCheckInput) -> LedgerChecked {
        unimplemented!()
    }

    /// Looks whether every open payout of a page has a running workflow, and no ended one has. The second look is at what looked
    /// wrong; what still is opens a case, none closes it.
    #[activity(name = "check_runs")]
    pub fn check_runs(page: RunsPage) -> RunsChecked {
        unimplemented!()
    }

    /// Opens a comparison with the gateway, or answers the one that is open; with a run's id that one, unless it is finished.
    #[activity(name = "open_reconciliation")]
    pub fn open_reconciliation(input: ReconcileInput) -> Option<ReconcileRef> {
        unimplemented!()
    }

    /// Compares the next pages of the gateway's list, from the run's cursor, on [`crate::names::LOOKUP_QUEUE`].
    #[activity(name = "reconcile_page")]
    pub fn reconcile_page(run: ReconcileRef) -> ReconcileStep {
        unimplemented!()
    }

    /// Asks the gateway about the next attempts that were not in its list, on [`crate::names::LOOKUP_QUEUE`].
    #[activity(name = "reconcile_missing")]
    pub fn reconcile_missing(run: ReconcileRef) -> ReconcileStep {
        unimplemented!()
    }

    /// Closes the comparison; a closed one is answered again.
    #[activity(name = "close_reconciliation")]
    pub fn close_reconciliation(run: ReconcileRef) -> Reconciled {
        unimplemented!()
    }
}

pub use contract::{
    Assess, BeginAttempt, CallReviewers, CheckLedger, CheckRuns, ClaimChunk, CloseBatch, CloseReconciliation,
    Notify, Observe, OpenBatch, OpenReconciliation, PrepareBatch, ReconcileMissing, ReconcilePage,
    RecordSignal, Reload, Reobserve, RequestCancel, RequestDecision, Transfer,
};

#[cfg(test)]
mod tests {
    use domain::{Next, PayoutStatus, Route};
    use serde::de::DeserializeOwned;
    use temporalio_common::ActivityDefinition;

    use super::*;

    const ID: &str = "0199a000-0000-7000-8000-000000000001";

    fn payout() -> PayoutId {
        ID.parse().unwrap()
    }

    fn batch() -> BatchId {
        ID.parse().unwrap()
    }

    /// What is written today is read by the next release, and what is written here was promised to the last one.
    fn on_the_wire<T>(value: &T, text: &str)
    where
        T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let text = text.replace("ID", ID);
        assert_eq!(serde_json::to_string(value).unwrap(), text);
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
        let later = text.replacen('{', r#"{"added_later":1,"#, 1).replace(",}", "}");
        assert_eq!(&serde_json::from_str::<T>(&later).unwrap(), value);
    }

    #[test]
    fn inputs_and_results_keep_their_wire_form() {
        on_the_wire(
            &PayoutInput {
                payout: payout(),
                provider: ID.parse().unwrap(),
                amount_minor: 150_000,
                currency: Currency::Ngn,
                memory: Memory::default(),
            },
            r#"{"payout":"ID","provider":"ID","amount_minor":150000,"currency":"NGN"}"#,
        );
        on_the_wire(&PayoutRef { payout: payout() }, r#"{"payout":"ID"}"#);
        on_the_wire(
            &AttemptRef { payout: payout(), attempt: AttemptNumber::FIRST },
            r#"{"payout":"ID","attempt":1}"#,
        );
        on_the_wire(
            &ReviewCall { payout: payout(), at: DateTime::UNIX_EPOCH },
            r#"{"payout":"ID","at":"1970-01-01T00:00:00Z"}"#,
        );
        on_the_wire(
            &EndingRef { payout: payout(), ending: Ending::Completed },
            r#"{"payout":"ID","ending":"completed"}"#,
        );
        on_the_wire(
            &EngineDecision {
                payout: payout(),
                verdict: Verdict::Approve,
                reason: "known".to_owned(),
                identity: UNNAMED.to_owned(),
                signal_key: "run/1".to_owned(),
            },
            r#"{"payout":"ID","verdict":"approve","reason":"known","identity":"unnamed","signal_key":"run/1"}"#,
        );
        on_the_wire(
            &EngineCancel {
                payout: payout(),
                reason: String::new(),
                identity: UNNAMED.to_owned(),
                signal_key: "run/cancel".to_owned(),
            },
            r#"{"payout":"ID","reason":"","identity":"unnamed","signal_key":"run/cancel"}"#,
        );
        on_the_wire(
            &StraySignal {
                payout: payout(),
                name: "aprove".to_owned(),
                why: "unknown".to_owned(),
                count: 1,
                signal_key: "run/1".to_owned(),
            },
            r#"{"payout":"ID","name":"aprove","why":"unknown","count":1,"signal_key":"run/1"}"#,
        );
        on_the_wire(
            &Progress {
                next: Next::Send { attempt: AttemptNumber::FIRST },
                status: PayoutStatus::Processing,
                risk: Some(Route::Auto),
                batch: Some(batch()),
                call_at: None,
            },
            r#"{"next":{"step":"send","attempt":1},"status":"PROCESSING","risk":"auto","batch":"ID"}"#,
        );
        on_the_wire(&BatchInput { batch: Some(batch()), open: false }, r#"{"batch":"ID","open":false}"#);
        on_the_wire(&BatchRef { batch: batch() }, r#"{"batch":"ID"}"#);
        on_the_wire(&Claimed { claimed: 100, more: true }, r#"{"claimed":100,"more":true}"#);
        on_the_wire(&Prepared { more: true }, r#"{"more":true}"#);
        on_the_wire(&BatchSummary { payouts: 250 }, r#"{"payouts":250}"#);
        let run = ID.parse().unwrap();
        on_the_wire(&ReconcileInput { run: Some(run) }, r#"{"run":"ID"}"#);
        on_the_wire(&ReconcileRef { run }, r#"{"run":"ID"}"#);
        on_the_wire(&ReconcileStep { more: true }, r#"{"more":true}"#);
        on_the_wire(
            &Reconciled { listed: 9, looked_up: 2, healed: 1, differences: 0 },
            r#"{"listed":9,"looked_up":2,"healed":1,"differences":0}"#,
        );
        assert_eq!(serde_json::from_str::<ReconcileInput>("{}").unwrap(), ReconcileInput::default());
        assert_eq!(serde_json::from_str::<BatchInput>("{}").unwrap(), BatchInput::default());
        on_the_wire(&LedgerChecked { read: true, findings: 2 }, r#"{"read":true,"findings":2}"#);
        on_the_wire(&RunsPage { look: RunsLook::Second }, r#"{"look":"second"}"#);
        on_the_wire(
            &RunsChecked { payouts: 400, suspects: 1, more: true },
            r#"{"payouts":400,"suspects":1,"more":true}"#,
        );
        on_the_wire(
            &BooksChecked { ledger_read: true, findings: 0, payouts: 9, suspects: 0 },
            r#"{"ledger_read":true,"findings":0,"payouts":9,"suspects":0}"#,
        );
        assert_eq!(serde_json::from_str::<BooksCheckInput>("{}").unwrap(), BooksCheckInput::default());
    }

    #[test]
    fn activities_keep_their_names() {
        let names = [
            Contract::assess.name(),
            Contract::reload.name(),
            Contract::request_decision.name(),
            Contract::request_cancel.name(),
            Contract::record_signal.name(),
            Contract::begin_attempt.name(),
            Contract::transfer.name(),
            Contract::observe.name(),
            Contract::reobserve.name(),
            Contract::notify.name(),
            Contract::open_batch.name(),
            Contract::prepare_batch.name(),
            Contract::claim_chunk.name(),
            Contract::close_batch.name(),
            Contract::check_ledger.name(),
            Contract::check_runs.name(),
            Contract::open_reconciliation.name(),
            Contract::reconcile_page.name(),
            Contract::reconcile_missing.name(),
            Contract::close_reconciliation.name(),
        ];
        assert_eq!(
            names.join(" "),
            "assess reload request_decision request_cancel record_signal begin_attempt transfer observe reobserve \
             notify open_batch prepare_batch claim_chunk close_batch check_ledger check_runs open_reconciliation \
             reconcile_page reconcile_missing close_reconciliation"
        );
    }
}
