//! The whole API on a real database: every test has one of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

mod admin;
mod bad_input;
mod batch_rules;
mod comparing;
mod dashboard;
mod dead_letters;
mod document;
mod exports;
mod health;
mod idempotency;
mod live;
mod messages;
mod metrics;
mod people;
mod platform;
mod provider;
mod rates;
mod redis_server;
mod reviewing;
mod risk_policies;
mod roles;
mod screens;
mod trouble;
mod webhook_endpoints;
mod webhooks;
mod world;
