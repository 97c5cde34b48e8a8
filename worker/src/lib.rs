//! The worker process: carries workflows and their steps, relays the outbox, starts what has no workflow, and says how it is.
//!
//! Deployed apart from the API ([`serve`] in a binary of its own), or inside it in development (`ENABLE_WORKERS=true`). Any number
//! may run at once: the database and Temporal decide who does what. Guarantee: it can be killed at any moment.
//! Architecture invariant: no rule of payouts is here; this crate only wires the others together.

mod deliverer;
mod engine;
pub mod fleet;
mod forgotten;
pub mod funding_watch;
mod health;
mod health_line;
mod heartbeat;
mod instant;
mod live;
pub mod metrics;
mod place;
mod processes;
mod relay;
mod resealing;
mod schedule;
mod serve;
pub mod settings;
mod supervisor;
mod sweeper;
mod telemetry;

pub use engine::Engine;
pub use live::tell_changes;
pub use relay::relay;
pub use serve::{Running, World, serve, world};
pub use settings::Settings;
pub use telemetry::init_logs;
