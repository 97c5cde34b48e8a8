//! What goes out by e-mail, push and webhook: one message per (what was told, channel, endpoint), under an id that stays.
//!
//! A notification is handed over once: [`hand_over`] writes a message for each endpoint that wants it, by what its owner has
//! set. From then on the row is the promise. [`lease`] gives it to a deliverer, [`record`] writes down what the endpoint
//! answered; a deliverer that dies leaves it to the next when its lease has run out. So a message arrives at least once, and
//! carries its id so that a second arrival can be recognised. What is tried for three days in vain is FAILED, is seen by admins
//! and can be sent again.
//!
//! Lanes never wait for each other: all e-mail is one, each push service is one, each webhook endpoint is one. A lease takes a
//! few rows of each lane that is not busy, found by skipping along the index, whatever waits in the others.

use chrono::{DateTime, TimeDelta, Utc};

mod hand_over;
mod kept;
mod lease;
mod record;

pub use hand_over::{MOST_TO_AN_ADMIN_PER_HOUR, hand_over, hand_over_payout};
pub use kept::{Filter, KEPT_FOR, Message, Resent, State, forget_old, list, resend};
pub use lease::{About, Due, LONGEST_LEASE, To, Told, lease};
pub(crate) use record::drop_waiting;
pub use record::{ENDPOINT_FAILS_FOR, Outcome, Tried, drop_unwanted, record};

/// Which channels this installation has. Webhooks need nothing but an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels {
    pub email: bool,
    pub push: bool,
}

fn earlier(now: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(by).unwrap_or(now)
}
