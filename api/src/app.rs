//! What handlers work with.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{BatchWindow, Clock, PayoutId, ReferencePrefix, Schedule};
use gateway::PayoutGateway;
use poem::web::Data;
use store::attempts::RetryPolicy;
use worker::settings::AppEnv;

use crate::{
    auth::Verifier, banks::BankList, health::Dependency, rate::RateLimits, settings::WebhookSecret,
    stream::Streams,
};

/// Made once at start; handlers get it as [`TheApp`].
pub struct App {
    pub pool: store::Pool,
    pub gateway: Arc<dyn PayoutGateway>,
    pub banks: BankList,
    pub clock: Arc<dyn Clock>,
    pub verifier: Arc<dyn Verifier>,
    pub webhook_secret: WebhookSecret,
    /// How long an account that is not the provider's first waits for its first payout.
    pub cooling_off: TimeDelta,
    /// How long ago a sign-in may be that changes where money goes.
    pub sign_in_fresh_for: TimeDelta,
    /// Where people reach this API; links in messages begin with it.
    pub public_url: Option<url::Url>,
    pub window: BatchWindow,
    pub zone: Tz,
    /// What follows from an observation, here as in the workflow.
    pub retry_policy: RetryPolicy,
    /// Whether this is for trying things out.
    pub environment: AppEnv,
    /// What this installation's references begin with.
    pub prefix: ReferencePrefix,
    /// How long after it was paid a transfer may still come back.
    pub return_window: TimeDelta,
    /// How people are told beside the feed.
    pub channels: channels::Settings,
    pub temporal_ui: Option<TemporalUi>,
    pub rates: RateLimits,
    /// Asked how long its queues are, and nothing else: what must reach it goes through the outbox.
    pub engine: worker::Engine,
    pub streams: Streams,
    /// What the API can do without for a while; `/readyz` tells how they are.
    pub dependencies: Vec<Arc<dyn Dependency>>,
}

/// The state as an argument of a handler.
pub type TheApp<'a> = Data<&'a Arc<App>>;

impl App {
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// When the next batch leaves, where batches have windows.
    pub async fn next_window(&self) -> store::Result<Option<DateTime<Utc>>> {
        Ok(self.schedule().await?.after(self.now()))
    }

    /// When batches leave: as people have set it, else as the settings say.
    pub async fn schedule(&self) -> store::Result<Schedule> {
        store::batches::rules::schedule(&self.pool, &self.schedule_of_settings()).await
    }

    pub fn schedule_of_settings(&self) -> Schedule {
        Schedule::of_settings(self.window, self.zone)
    }
}

/// Where an operator reads a payout's history.
#[derive(Debug, Clone)]
pub struct TemporalUi {
    pub base: url::Url,
    pub namespace: String,
}

impl TemporalUi {
    /// The list of runs of this payout's workflow; the latest is on top.
    pub fn link(&self, payout: PayoutId) -> String {
        format!("{}/{}", self.workflows(), payout.workflow_id())
    }

    /// What such a link begins with: a payout's id follows.
    pub fn payouts(&self) -> String {
        format!("{}/{}", self.workflows(), domain::WORKFLOW_ID_PREFIX)
    }

    fn workflows(&self) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("{base}/namespaces/{}/workflows", self.namespace)
    }
}
