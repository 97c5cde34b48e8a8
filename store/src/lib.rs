//! The database arbitrates: every change of money or status is one transaction here, with its audit row, its outbox row and its
//! postings, and every UPDATE names the status it expects.
//!
//! Refusals are values (a lost race, too little money); [`Error`] means the database could not answer. Times are arguments; no
//! `now()` in business SQL.
//!
//! Lock order, everywhere: batch, payout, the risk policy's advisory lock, attempt, attestation, control, provider and bank
//! account, case and its pause, ledger accounts (by id), allocations and earnings; at commit a provider's totals, then their days
//! and hours. A transaction that books more than once on a provider's accounts, or changes their debt, locks all four first; one
//! that ends with a case locks it last, when nobody waits for anything behind it. A claim holds the batch and the control row
//! while it takes payouts, so it skips a payout that is locked instead of waiting for it. Every statement runs at READ COMMITTED
//! and sees what was committed before it began: what must not change between a check and an act is locked by the check.

mod actor;
mod alerts;
mod debt;
mod error;
mod pool;
mod text;

pub mod account_stops;
pub mod actions;
pub mod another_account;
pub mod approval_limits;
pub mod assessments;
pub mod attempts;
pub mod attestations;
pub mod audit;
pub mod backtests;
pub mod balances;
pub mod bank_accounts;
pub mod batches;
pub mod books;
pub mod books_check;
pub mod cases;
pub mod changes;
pub mod control;
pub mod counts;
pub mod decisions;
pub mod earnings;
pub mod forecast;
pub mod fundings;
pub mod funds;
pub mod inbox;
pub mod installation;
pub mod involvement;
pub mod ledger;
pub mod manual;
pub mod messages;
pub mod notifications;
pub mod outbox;
pub mod overdue;
pub mod pauses;
pub mod payouts;
pub mod provider_lists;
pub mod provider_statements;
pub mod providers;
pub mod reconciliations;
pub mod reservations;
pub mod reversals;
pub mod reviews;
pub mod risk_policies;
pub mod screening;
pub mod statements;
pub mod statistics;
pub mod suspensions;
pub mod sweep;
pub mod vitals;
pub mod webhook_endpoints;
pub mod wishes;

pub use actor::{Actor, ByHand, Role};
pub use error::{Conflict, Error, Result};
pub use pool::{MIGRATOR, Pool, connect, connect_lazy, migrate, ping};
