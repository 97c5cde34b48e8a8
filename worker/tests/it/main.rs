//! Payouts end to end: a database, Temporal, a worker and the simulated gateway, in one process.
//!
//! Needs `DATABASE_URL` and `TEMPORAL_ADDRESS` (`cargo xtask test -p worker` gives both). Every test has a database and a
//! Temporal namespace of its own, so they run side by side. `RECORD_HISTORIES=1` writes what the replay test reads.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test that goes wrong should stop at once, also in its harness"
)]

mod batching;
mod budget;
mod checks;
mod comparing;
mod disturbed_looks;
mod forgotten;
mod herd;
mod long_comparison;
mod lost_runs;
mod outages;
mod recycling;
mod relay;
mod replay;
mod reviewing;
mod routes;
mod screening;
mod signals;
mod stage;
