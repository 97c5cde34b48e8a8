//! The store against a real database: every move twice and from the wrong status, every guard of the database against SQL by
//! hand, every race in both orders.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

mod fixtures;

mod actions;
mod adjustments;
mod another_account;
mod assessments;
mod begin;
mod books;
mod books_check;
mod changes;
mod control;
mod debt;
mod decisions;
mod failures;
mod funding;
mod guards;
mod instant;
mod late_success;
mod manual;
mod messages;
mod observations;
mod outbox;
mod overview_cost;
mod payees;
mod provider_statements;
mod races;
mod reconciliations;
mod requests;
mod reversals;
mod reviewing;
mod risk_cost;
mod risk_policies;
mod screening;
mod sends;
mod statements;
mod stress;
mod suspensions;
mod trouble;
mod webhooks;
mod who_won;
mod windows;
