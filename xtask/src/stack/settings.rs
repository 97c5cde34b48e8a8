//! The environment that `api` and `worker` are started with.
//!
//! Addresses and secrets are the stack's. Everything else is a default for development, and a variable that is set in
//! xtask's own environment wins, so `BATCH_WINDOW=2h cargo xtask dev` does what it says.

use std::env;

use super::mail::{MailAddress, SMTP_URL};
use super::redis::RedisAddress;
use super::temporal::{NAMESPACE, TemporalAddress};
use super::token::AUDIENCE;

/// What `.env.example` documents as tunable, as a local stack wants it.
pub const TUNABLES: [(&str, &str); 25] = [
    ("APP_ENV", "development"),
    ("LOG_FORMAT", "text"),
    ("DATABASE_POOL_SIZE", "10"),
    ("REDIS_MAX_CLIENTS", "50"),
    ("REDIS_POOL_SIZE", "10"),
    // Everybody here is one address, and one token stands for a whole marketplace.
    ("RATE_LIMIT_PER_TOKEN", "0"),
    ("RATE_LIMIT_PLATFORM", "0"),
    ("RATE_LIMIT_PER_ADDRESS", "0"),
    ("RATE_LIMIT_WEBHOOKS", "0"),
    ("PAYOUT_WORKER_CONCURRENCY", "5"),
    ("PAYOUT_WORKER_RATE_LIMIT", "10"),
    ("BATCH_WORKER_CONCURRENCY", "1"),
    ("BATCH_WORKER_RATE_LIMIT", "1"),
    // Someone who tries the product out does not wait two hours for the next window.
    ("BATCH_WINDOW", "open"),
    ("BATCH_TIME_ZONE", "Africa/Lagos"),
    ("RETRY_SCHEDULE", "1m,5m,30m"),
    ("WEBHOOK_TIMEOUT", "30s"),
    ("REFERENCE_PREFIX", "dev"),
    // In development a signal typed into the Temporal UI may approve a payout.
    ("ALLOW_ENGINE_APPROVAL", "true"),
    // Nobody is asked about providers.
    ("SCREENING_URL", ""),
    ("SCREENING_SECRET", ""),
    ("SCREENING_TIMEOUT", "5s"),
    ("SCREENING_VALID_FOR", "24h"),
    ("MIGRATE_ON_START", "true"),
    // The worker is a process of its own here, so that it can be killed on its own.
    ("ENABLE_WORKERS", "false"),
];

/// Where everything is and what opens it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub database_url: String,
    pub redis: RedisAddress,
    pub temporal: TemporalAddress,
    /// Where mail is caught, where it is.
    pub mail: Option<MailAddress>,
    pub api_listen: String,
    pub worker_listen: String,
    pub metrics_listen: String,
    pub simulator_listen: String,
    pub jwt_secret: String,
    pub flutterwave_secret_key: String,
    pub flutterwave_webhook_hash: String,
}

impl Surroundings {
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api_listen)
    }

    pub fn worker_url(&self) -> String {
        format!("http://{}", self.worker_listen)
    }

    pub fn simulator_url(&self) -> String {
        format!("http://{}", self.simulator_listen)
    }

    pub fn webhook_url(&self) -> String {
        format!("{}/api/webhooks/flutterwave/payout_status", self.api_url())
    }

    /// What a test or a program needs to reach the servers.
    pub fn servers(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("DATABASE_URL".to_owned(), self.database_url.clone()),
            ("TEMPORAL_ADDRESS".to_owned(), self.temporal.grpc.clone()),
            ("TEMPORAL_NAMESPACE".to_owned(), NAMESPACE.to_owned()),
        ];
        if let Some(ui) = &self.temporal.ui {
            variables.push(("TEMPORAL_UI_URL".to_owned(), ui.clone()));
        }
        variables.extend(self.redis.variables());
        variables
    }

    /// The whole environment of `api` and `worker`.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut variables = self.servers();
        let own = [
            ("API_LISTEN", self.api_listen.clone()),
            ("API_PUBLIC_URL", self.api_url()),
            ("WORKER_LISTEN", self.worker_listen.clone()),
            ("METRICS_ADDRESS", self.metrics_listen.clone()),
            // The API serves the dashboard where there is a build of it.
            ("DASHBOARD_URL", self.api_url()),
            ("JWT_SECRET", self.jwt_secret.clone()),
            ("JWT_AUDIENCE", AUDIENCE.to_owned()),
            ("FLUTTERWAVE_BASE_URL", self.simulator_url()),
            ("FLUTTERWAVE_SECRET_KEY", self.flutterwave_secret_key.clone()),
            ("FLUTTERWAVE_WEBHOOK_HASH", self.flutterwave_webhook_hash.clone()),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        variables.extend(self.mail.iter().map(|mail| (SMTP_URL.to_owned(), mail.smtp.clone())));
        let tunables = TUNABLES.iter().filter(|(name, _)| env::var_os(name).is_none());
        variables.extend(tunables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        variables
    }
}
