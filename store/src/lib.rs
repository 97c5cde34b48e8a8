//! The database arbitrates: every change of money or status is one transaction here, with its audit row, its outbox row and its
//! postings, and every UPDATE names the status it expects.
//!
//! Refusals are values (a lost race, too little money); [`Error`] means the database could not answer. Times are arguments; no
//! `now()` in business SQL.
//!
//! Lock order, everywhere: batch, payout, attempt, control, provider and bank account, ledger accounts (by id), allocations and
//! earnings. A claim holds the batch and the control row while it takes payouts, so it skips a payout that is locked instead of
//! waiting for it. Every statement runs at READ COMMITTED and sees what was committed before it began: what must not change
//! between a check and an act is locked by the check.

mod actor;
mod error;
mod pool;
mod text;

pub mod assessments;
pub mod attempts;
pub mod audit;
pub mod balances;
pub mod bank_accounts;
pub mod batches;
pub mod books;
pub mod cases;
pub mod control;
pub mod decisions;
pub mod earnings;
pub mod inbox;
pub mod ledger;
pub mod manual;
pub mod notifications;
pub mod outbox;
pub mod payouts;
pub mod providers;
pub mod reservations;
pub mod reviews;
pub mod sweep;

pub use actor::{Actor, Role};
pub use error::{Conflict, Error, Result};
pub use pool::{MIGRATOR, Pool, connect, connect_lazy, migrate, ping};
