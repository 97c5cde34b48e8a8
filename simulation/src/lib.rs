//! The payout system without its servers: millions of payouts in minutes, every one of them under attack.
//!
//! The script is the real one (`workflows::payout`), and every decision is `domain`'s. Around them stand a model of the store,
//! one method per transaction, a gateway that loses, delays, repeats, garbles and takes back what it says, and a scheduler
//! with virtual time that lets workers die between any two transactions. Each world is a function of its seed.
//!
//! Guarantee: after every event the invariants hold (see [`model`]'s checks and the gateway's own books), or the run fails
//! with the seed and the shortest trace that was found. Limit: it attacks rules and script, not SQL; that the store does the
//! same as the model is for the differential test to show.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "numbers and rows are the model's own: whatever overflows or is missing should stop the simulation at once"
)]

mod coverage;
mod dice;
mod fleet;
mod gateway;
pub mod model;
mod report;
mod script;
mod shrink;
mod world;

pub use coverage::{Coverage, Fault, Mark};
pub use fleet::{Fleet, Plan, sail, seed_of};
pub use report::{failure, table};
pub use shrink::smallest;
pub use world::{Ends, Outcome, Setting, policy, run};
