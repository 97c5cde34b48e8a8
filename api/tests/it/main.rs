//! The whole API on a real database: every test has one of its own.

mod admin;
mod bad_input;
mod document;
mod exports;
mod health;
mod idempotency;
mod platform;
mod provider;
mod roles;
mod webhooks;
mod world;
