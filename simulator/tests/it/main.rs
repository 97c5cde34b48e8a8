//! The simulator from outside: over HTTP, and as a process that is killed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that goes wrong should stop at once, also in its harness"
)]

mod control;
mod durability;
mod faults;
mod harness;
mod lookups;
mod node_sdk;
mod receiver;
mod transfers;
mod webhooks;
