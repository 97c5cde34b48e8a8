//! The steps one by one, on a real database and a gateway that says what the test wants: each run twice, at the same time as
//! itself, and in every way that the gateway may answer or fail to.
//!
//! After each the books balance and the gateway has heard of at most one reference per attempt.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that goes wrong should stop at once, also in its harness"
)]

mod comparing;
mod differential;
mod faults;
mod harness;
mod look_ups;
mod screening;
mod steps;
mod transfers;
