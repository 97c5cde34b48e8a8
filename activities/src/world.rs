//! What every activity is given.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::{BatchWindow, Clock, ReferencePrefix};
use gateway::PayoutGateway;
use store::{Pool, attempts::RetryPolicy, messages::Channels};
use tokio::sync::Semaphore;

use crate::{Screening, Tally};

/// The installation's rules, read once at start.
#[derive(Debug, Clone)]
pub struct Rules {
    pub retry: RetryPolicy,
    pub prefix: ReferencePrefix,
    pub window: BatchWindow,
    pub zone: Tz,
    /// Whether an approve signalled at the engine is honoured.
    pub engine_approval: bool,
    /// The HTTP client's timeout and a margin: how long a send may be on its way.
    pub send_lease: Duration,
    /// Shown on the recipient's statement, at most 100 characters.
    pub narration: String,
    /// How long after it was paid a transfer may still come back.
    pub return_window: TimeDelta,
    /// Batches (of windows and run-now) that may begin within a minute, over the whole fleet.
    pub batches_per_minute: u32,
    /// Payouts that a batch releases in a second.
    pub releases_per_second: u32,
    /// By what people are told beside the feed.
    pub channels: Channels,
}

impl Rules {
    pub(crate) fn instant(&self) -> bool {
        match self.window {
            BatchWindow::Open => true,
            BatchWindow::Every(_) => false,
        }
    }
}

/// Database, gateway, clock and rules.
pub struct World {
    pub pool: Pool,
    pub gateway: Arc<dyn PayoutGateway>,
    pub clock: Arc<dyn Clock>,
    pub rules: Rules,
    /// Asked before payouts leave, where the installation has one.
    pub screening: Option<Screening>,
    pub tally: Tally,
    /// Chunks that this process claims at the same time.
    pub batch_slots: Semaphore,
}
