//! The books: every transfer, every movement of money, every POST.
//!
//! Guarantees: nobody hears of anything that is not on disk (with a journal), neither as an answer nor as a
//! webhook nor in a look-up; a decision and its events are one step under one lock, so a reference is accepted
//! once however many POSTs race.
//! Limit: one process; what is decided under the lock must not wait.

pub(crate) mod accept;
mod event;
mod journal;
mod plan;
pub(crate) mod settle;
mod state;
mod transfer;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use event::Line;
pub use event::{Arrival, Movement, MovementKind, Verdict};
pub(crate) use event::{Deferred, Event};
pub(crate) use journal::Broken;
use journal::Journal;
pub(crate) use plan::{Course, TRANSFER_FAILED};
pub(crate) use state::{Due, State};
pub use state::{LONGEST_TIMELINE, MOST_TRANSFERS};
pub use transfer::WebhookTry;
pub(crate) use transfer::{Batch, BatchError, Beneficiary, Order, Transfer};

use crate::clock::Clock;

#[derive(Debug)]
pub(crate) struct Books {
    state: Mutex<State>,
    journal: Journal,
    pub(crate) clock: Clock,
    /// Rung when the agenda may have something earlier.
    pub(crate) agenda_changed: Notify,
}

/// The books while something is being decided.
pub(crate) struct Draft<'a> {
    state: &'a mut State,
    lines: Vec<Line>,
    pub(crate) now: DateTime<Utc>,
}

impl Draft<'_> {
    pub(crate) const fn state(&self) -> &State {
        self.state
    }

    pub(crate) fn record(&mut self, event: Event) {
        let line = Line { n: self.state.lines.saturating_add(1), at: self.now, event };
        self.state.apply(&line);
        self.lines.push(line);
    }

    /// Takes an entry off the agenda. It is no event: until the work is recorded, a restart puts it back.
    pub(crate) fn take_due(&mut self) -> Option<Due> {
        let entry = self.state.agenda.first_entry()?;
        (entry.key().0 <= self.now).then(|| entry.remove())
    }

    /// Puts an entry back for later.
    pub(crate) fn put_back(&mut self, due: DateTime<Utc>, what: Due) {
        self.state.schedule(due, what);
    }
}

impl Books {
    pub(crate) fn open(path: Option<&Path>, clock_rate: u32) -> anyhow::Result<Self> {
        let mut state = State::default();
        let journal = match path {
            Some(path) => Journal::open(path, &mut state)?,
            None => Journal::nowhere(),
        };
        let clock = Clock::start(clock_rate, state.clock);
        Ok(Self { state: Mutex::new(state), journal, clock, agenda_changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole events applied, so the books are still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides and records in one step; the answer may be used once the books are on disk up to the line given.
    pub(crate) fn decide<R>(&self, decide: impl FnOnce(&mut Draft<'_>) -> R) -> (R, u64) {
        let mut state = self.state();
        let mut draft = Draft { now: self.clock.now(), state: &mut state, lines: Vec::new() };
        let outcome = decide(&mut draft);
        let lines = draft.lines;
        let upto = state.lines;
        self.journal.append(&lines);
        drop(state);
        if !lines.is_empty() {
            self.agenda_changed.notify_one();
        }
        (outcome, upto)
    }

    pub(crate) async fn on_disk(&self, upto: u64) -> Result<(), Broken> {
        self.journal.on_disk(upto).await
    }

    /// Decides, and waits until it is on disk.
    pub(crate) async fn write<R>(&self, decide: impl FnOnce(&mut Draft<'_>) -> R) -> Result<R, Broken> {
        let (outcome, upto) = self.decide(decide);
        self.on_disk(upto).await?;
        Ok(outcome)
    }

    /// Looks, and waits until what was seen is on disk.
    pub(crate) async fn read<R>(&self, look: impl FnOnce(&State) -> R) -> Result<R, Broken> {
        let (seen, upto) = {
            let state = self.state();
            (look(&state), state.lines)
        };
        self.on_disk(upto).await?;
        Ok(seen)
    }

    /// The moment the agenda's first entry is due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.state().agenda.keys().next().map(|(due, _)| *due)
    }

    pub(crate) fn close(&self) {
        self.journal.close();
    }
}
