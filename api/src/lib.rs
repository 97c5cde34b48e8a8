//! The HTTP side of payouts: thin handlers that parse, make one call into the store, and answer.
//!
//! Guarantees: every answer that is not a success is `application/problem+json` with a stable code; nobody sees another
//! provider's data; an amount is never a JSON number. Cost: one pooled connection for the time of one store call; nothing is
//! remembered between requests but the list of banks.
//!
//! Architecture invariant: no SQL here, and no call to the workflow engine: what must reach it is a row of the outbox, written by
//! the store in the transaction of the change, and delivered by the relay.

pub mod app;
pub mod auth;
pub mod banks;
pub mod dashboard;
pub mod document;
pub mod health;
pub mod metrics;
pub mod rate;
pub mod server;
pub mod settings;
pub mod stream;

mod admin;
mod body;
mod csv;
mod docs_page;
mod events;
mod idempotency;
mod limits;
mod look_again;
mod me;
mod money;
mod paging;
mod pdf;
mod platform;
mod problem;
mod provider;
mod refused;
mod rendered;
mod shapes;
mod stop_page;
mod webhooks;

pub use limits::{DRAIN_TIMEOUT, IDLE_CONNECTION};
