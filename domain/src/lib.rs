//! The rules of payouts, without any I/O.
//!
//! Everything here is a pure function of its arguments: no clock but [`Clock`] (which callers pass in), no database, no
//! network. The other crates read rows or gateway answers into these types, ask them what is legal, and write the answer
//! down. Architecture invariant: this crate depends on none of ours.

mod account;
pub mod calendar;
mod clock;
mod failure;
pub mod forecast;
mod ids;
pub mod judge;
mod limits;
mod money;
mod next;
mod outcome;
mod purse;
pub mod reconcile;
mod reference;
mod retry;
mod review;
pub mod risk;
pub mod schedule;
pub mod statement;
mod status;
mod window;

pub use account::{AccountName, AccountNumber, BankCode, InvalidAccount};
pub use clock::{Clock, ManualClock, SystemClock};
pub use failure::{Failure, FailureClass, FailureCode};
pub use ids::{
    AdjustmentId, AttemptId, AttestationId, BankAccountId, BatchId, CaseId, DecisionId, EarningId, InvalidId,
    PayoutId, PostingId, ProviderId, ReconciliationId, ReviewId, RiskPolicyId, StatementId,
    WORKFLOW_ID_PREFIX,
};
pub use limits::{Limit, Limits};
pub use money::{Currency, InvalidMoney, Money};
pub use next::{Ending, Held, Next, OpenAttempt, PausedBy, Progress, Standing, Waiting, WaitingFor, WhoActs};
pub use outcome::{
    Accepted, AttemptFacts, AttemptTerms, Doubt, NotProven, NotSent, NotSentClass, Observed, ProvenUnpaid,
    Sighting, Submitted, next_attempt,
};
pub use purse::{Allowance, Purse};
pub use reference::{InvalidPrefix, Reference, ReferenceParts, ReferencePrefix};
pub use retry::{AttemptNumber, InvalidSchedule, MAX_AUTOMATIC_RETRIES, RetrySchedule, poll_delay};
pub use review::{Call, ESCALATE_AFTER, OpenReview, REMIND_AFTER};
pub use risk::{Assessment, Finding, RiskFacts, RiskPolicy, RiskRules, Route, RuleName, assess};
pub use schedule::{Calendar, Schedule};
pub use status::{AttemptEvent, AttemptStatus, IllegalMove, PayoutEvent, PayoutStatus};
pub use window::{BatchWindow, InvalidWindow};
