//! Redis: what is shared between processes for convenience and may vanish at any moment.
//!
//! Live updates of screens ([`live`]), request rate limits ([`limits`]), short-lived answers of the gateway ([`cache`]) and the
//! workers' signs of life ([`beats`]). Each says what is done while Redis is away, and none of them waits for it: a server that does
//! not answer is asked again a second later, and meanwhile every caller is told [`Away`] at once.
//!
//! Architecture invariant: no payout, no lock, no queue and no idempotency key is here, and nothing that decides about money may ask
//! this crate. Guarantee: no account number, client address or token's subject is in Redis in plain text: keys are
//! sealed ([`Seal`]). The name of an account's holder is, for ten minutes, under a key that does not tell whose account it is.
//! Limit: one server; the scripts use several keys at once, which a cluster would refuse.

pub mod beats;
pub mod cache;
pub mod limits;
mod links;
pub mod live;
mod seal;
mod settings;

pub use links::{Away, Connection, Links, Purpose};
pub use seal::Seal;
pub use settings::{Password, RedisSettings};
