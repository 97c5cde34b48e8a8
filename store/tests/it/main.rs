//! The store against a real database: every move twice and from the wrong status, every guard of the database against SQL by
//! hand, every race in both orders.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

mod fixtures;

mod assessments;
mod begin;
mod books;
mod control;
mod decisions;
mod failures;
mod guards;
mod manual;
mod messages;
mod observations;
mod outbox;
mod payees;
mod races;
mod requests;
mod sends;
mod stress;
mod webhooks;
mod windows;
