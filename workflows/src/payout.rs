//! A payout's script, and what it needs to be carried out.
//!
//! Guarantee: the script goes on from wherever the payout stands. Every step answers what comes next, computed from the
//! payout's row, so a script that is started again in the middle (a new run, a new machine, a restored database) does not
//! repeat what is done and does not skip what is not. It sends money only where a step answered that an attempt is recorded.
//!
//! It knows no database, no gateway and no Temporal: [`Steps`] does. One driver is the workflow ([`PayoutWorkflow`]); tests and
//! simulations are others.

mod signals;
mod start;
mod temporal;
mod visibility;
mod waits;
mod workflow;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, Ending, Next};

pub use signals::{Memory, SignalName, WakeUp};
pub use visibility::{Waiting, search_attributes, summary};
pub use waits::{Heard, Place};
pub use workflow::{PayoutRun, PayoutSignal, PayoutWorkflow, WaitingQuery};

/// Carries one payout from request to its end: validate, assess, await decision, await window, transfer, await outcome,
/// retry, notify.
pub async fn payout<S: Steps>(steps: &mut S) -> Result<Ending, S::Stop> {
    let mut next = Next::Assess;
    loop {
        next = match next {
            Next::Assess => steps.validate_and_assess().await?,
            Next::AwaitDecision => steps.await_decision().await?,
            Next::AwaitRelease => steps.await_window().await?,
            Next::Begin => steps.begin_attempt().await?,
            Next::Send { attempt } => steps.transfer(attempt).await?,
            Next::AwaitOutcome { attempt, check_at } => match steps.await_outcome(attempt, check_at).await? {
                Waited::Over => steps.ask_gateway(attempt).await?,
                Waited::Moved(next) => next,
            },
            Next::AwaitRetry { due } => match steps.await_retry(due).await? {
                Waited::Over => steps.ask_gateway_about_all().await?,
                Waited::Moved(next) => next,
            },
            Next::AwaitAttention => steps.await_attention().await?,
            Next::Notify { ending } => {
                steps.notify(ending).await?;
                return Ok(ending);
            }
        };
    }
}

/// What the script can have done. Each step answers what comes next; each may be asked for again after it was done, and then
/// answers as the payout stands.
pub trait Steps {
    /// Why the script is left in the middle: the machinery's business, never the payout's.
    type Stop;

    /// Loads the payout; a new one is checked and its risk assessed.
    async fn validate_and_assess(&mut self) -> Result<Next, Self::Stop>;
    /// Until an admin has approved or rejected.
    async fn await_decision(&mut self) -> Result<Next, Self::Stop>;
    /// Until a batch has taken the payout.
    async fn await_window(&mut self) -> Result<Next, Self::Stop>;
    /// Records the next attempt, if everything permits it.
    async fn begin_attempt(&mut self) -> Result<Next, Self::Stop>;
    /// Sends a recorded attempt under its one reference.
    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, Self::Stop>;
    /// Until the gateway's webhook came, or until `check_at` without it.
    async fn await_outcome(
        &mut self,
        attempt: AttemptNumber,
        check_at: DateTime<Utc>,
    ) -> Result<Waited, Self::Stop>;
    /// Only the gateway's own answer decides how an attempt went.
    async fn ask_gateway(&mut self, attempt: AttemptNumber) -> Result<Next, Self::Stop>;
    /// Until the retry is due.
    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, Self::Stop>;
    /// Before money is sent again every earlier attempt is looked at once more: a late success must not be paid twice.
    async fn ask_gateway_about_all(&mut self) -> Result<Next, Self::Stop>;
    /// Until an admin has retried or refunded.
    async fn await_attention(&mut self) -> Result<Next, Self::Stop>;
    /// Tells the provider how it ended.
    async fn notify(&mut self, ending: Ending) -> Result<(), Self::Stop>;
}

/// How a wait with an end ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is here: the time, or the webhook.
    Over,
    /// Somebody moved the payout meanwhile.
    Moved(Next),
}
