//! The experimenter's hands: look into the books, plant faults, turn switches.
//!
//! [`Control`] is the same for tests in the process and, through `/_sim/…`, for everyone else. No key is asked:
//! the simulator listens on loopback, and there is nothing to steal.

mod routes;
mod statement;
mod views;
mod webhooks;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

pub(crate) use routes::{page, route};
pub use views::{ClockView, PostsView, ReferenceView, TransferPage, TransferView, WalletView};
pub use webhooks::{WebhookOrder, WebhookSent};

use crate::books::{Broken, Event, accept, settle};
use crate::faults::{Plan, Planted};
use crate::settings::Settings;
use crate::span::Span;
use crate::world::World;

/// A page of the books is built under their lock.
pub const LARGEST_PAGE: usize = 10_000;

/// What a reversal says unless it is told otherwise.
const REVERSED: &str = "DISBURSE FAILED: Transfer was reversed";

/// Why the control handle could not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlError {
    NotFound(String),
    Refused(String),
    /// The journal cannot be written.
    BooksBroken,
}

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(why) | Self::Refused(why) => f.write_str(why),
            Self::BooksBroken => f.write_str("the books cannot be written"),
        }
    }
}

impl std::error::Error for ControlError {}

impl From<Broken> for ControlError {
    fn from(_: Broken) -> Self {
        Self::BooksBroken
    }
}

#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) world: Arc<World>,
}

impl Control {
    /// A page of the books: transfers with an id above `after`, oldest first.
    pub async fn page(&self, after: u64, limit: usize) -> Result<TransferPage, ControlError> {
        let limit = limit.clamp(1, LARGEST_PAGE);
        let first = after.saturating_add(1);
        let page = self.world.books.read(|state| {
            let mut rest = state.transfers.range(first..).map(|(_, transfer)| transfer);
            let transfers: Vec<_> =
                rest.by_ref().take(limit).map(|transfer| TransferView::of(state, transfer)).collect();
            let more = rest.next().is_some();
            let next = transfers.last().map(|last| last.id).filter(|_| more);
            TransferPage { total: state.transfers.len(), transfers, next }
        });
        Ok(page.await?)
    }

    /// The newest transfers, newest first.
    pub async fn newest(&self, limit: usize) -> Result<TransferPage, ControlError> {
        let limit = limit.clamp(1, LARGEST_PAGE);
        let page = self.world.books.read(|state| {
            let newest = state.transfers.values().rev().take(limit);
            let transfers = newest.map(|transfer| TransferView::of(state, transfer)).collect();
            TransferPage { total: state.transfers.len(), transfers, next: None }
        });
        Ok(page.await?)
    }

    /// Every transfer in the books, oldest first.
    pub async fn transfers(&self) -> Result<Vec<TransferView>, ControlError> {
        let mut all = Vec::new();
        let mut after = Some(0);
        while let Some(id) = after {
            let page = self.page(id, LARGEST_PAGE).await?;
            after = page.next;
            all.extend(page.transfers);
        }
        Ok(all)
    }

    /// What the books know about a reference; none when it was never posted.
    pub async fn reference(&self, reference: &str) -> Result<Option<ReferenceView>, ControlError> {
        let view = self.world.books.read(|state| {
            let known = state.references.get(reference)?;
            Some(ReferenceView {
                reference: reference.to_owned(),
                posts: known.posts,
                duplicates: known.duplicates,
                transfers: state.under(reference).map(|found| TransferView::of(state, found)).collect(),
            })
        });
        Ok(view.await?)
    }

    /// The latest transfer under a reference.
    pub async fn transfer(&self, reference: &str) -> Result<Option<TransferView>, ControlError> {
        Ok(self.reference(reference).await?.and_then(|mut known| known.transfers.pop()))
    }

    pub async fn wallet(&self) -> Result<WalletView, ControlError> {
        let view =
            |state: &crate::books::State| WalletView { balance: state.wallet, in_flight: state.in_flight };
        Ok(self.world.books.read(view).await?)
    }

    pub async fn set_wallet(&self, balance: Decimal) -> Result<WalletView, ControlError> {
        self.world.books.write(|draft| draft.record(Event::WalletSet { balance })).await?;
        self.wallet().await
    }

    pub fn plant(&self, plan: Plan) -> Result<Planted, ControlError> {
        let planted = self.world.faults.plant(plan).map_err(ControlError::Refused)?;
        tracing::info!(fault = planted.fault.kind(), "planted fault {}", planted.fault.kind());
        Ok(planted)
    }

    pub fn faults(&self) -> Vec<Planted> {
        self.world.faults.list()
    }

    /// False when there is no fault of that id.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.world.faults.remove(id)
    }

    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    pub fn settings(&self) -> Arc<Settings> {
        self.world.settings()
    }

    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> Result<Arc<Settings>, ControlError> {
        let changed = self.world.change_settings(|settings| {
            let mut settings = settings.clone();
            change(&mut settings);
            settings.check().map(|()| settings)
        });
        changed.map_err(ControlError::Refused)
    }

    /// As over HTTP: a JSON object with the settings to replace.
    pub fn patch_settings(&self, patch: &serde_json::Value) -> Result<Arc<Settings>, ControlError> {
        self.world.change_settings(|settings| settings.patched(patch)).map_err(ControlError::Refused)
    }

    /// Sends webhooks now and waits for the receiver's answers. They are not retried and not in the books.
    pub async fn send_webhook(&self, order: WebhookOrder) -> Result<WebhookSent, ControlError> {
        webhooks::send(&self.world, order).await.map_err(ControlError::Refused)
    }

    /// Turns the latest transfer under a reference from SUCCESSFUL to FAILED and gives the money back. An event
    /// is sent if `event` says so, else as the setting `reversal_event` has it.
    pub async fn reverse(
        &self,
        reference: &str,
        message: Option<&str>,
        event: Option<bool>,
    ) -> Result<TransferView, ControlError> {
        let settings = self.world.settings();
        let event = event.unwrap_or(settings.reversal_event);
        let reversed = self.world.books.write(|draft| {
            let id = draft.state().under(reference).last().map(|transfer| transfer.id)?;
            Some(settle::reverse(draft, self.world.terms(&settings), id, message.unwrap_or(REVERSED), event))
        });
        match reversed.await? {
            Some(true) => {}
            Some(false) => return Err(ControlError::Refused(format!("{reference} is not SUCCESSFUL"))),
            None => return Err(ControlError::NotFound(format!("there is no transfer {reference}"))),
        }
        let not_found = || ControlError::NotFound(format!("there is no transfer {reference}"));
        self.transfer(reference).await?.ok_or_else(not_found)
    }

    /// What the dashboard's retry of a failed transfer does: a new transfer, `<reference>_RETRY_<n>`.
    pub async fn retry(&self, reference: &str) -> Result<TransferView, ControlError> {
        let settings = self.world.settings();
        let retried = self.world.books.write(|draft| {
            let id = draft.state().under(reference).last().map(|transfer| transfer.id)?;
            let retried = accept::retry(draft, self.world.terms(&settings), id);
            Some(retried.map(|transfer| TransferView::of(draft.state(), &transfer)))
        });
        match retried.await? {
            Some(Ok(retry)) => Ok(retry),
            Some(Err(refusal)) => Err(ControlError::Refused(refusal.message)),
            None => Err(ControlError::NotFound(format!("there is no transfer {reference}"))),
        }
    }

    /// The wallet's statement, as the dashboard has it to download.
    pub async fn statement(&self) -> Result<String, ControlError> {
        Ok(self.world.books.read(statement::csv).await?)
    }

    /// The arrivals of `POST /v3/transfers` since a moment of the wall clock, oldest first; the timeline keeps
    /// the latest hundred thousand.
    pub async fn posts(&self, since: Option<DateTime<Utc>>) -> Result<PostsView, ControlError> {
        let view = self.world.books.read(|state| {
            let wanted = |arrival: &&crate::Arrival| since.is_none_or(|since| arrival.real_at >= since);
            PostsView {
                total: state.verdicts.values().fold(0, |sum, count| sum.saturating_add(*count)),
                verdicts: state.verdicts.clone(),
                timeline: state.timeline.iter().filter(wanted).cloned().collect(),
            }
        });
        Ok(view.await?)
    }

    pub fn clock(&self) -> ClockView {
        let clock = &self.world.books.clock;
        ClockView { now: clock.now(), real_now: clock.real_now(), rate: clock.rate() }
    }

    /// Moves the simulated clock forward; what falls due in between happens now.
    pub async fn advance_clock(&self, by: Span) -> Result<ClockView, ControlError> {
        let clock = &self.world.books.clock;
        clock.advance(by);
        self.world.books.write(|draft| draft.record(Event::Clock(clock.anchor()))).await?;
        Ok(self.clock())
    }
}
