//! A message that goes out, and what its endpoint answered.

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{Enum, Object};
use store::messages::{self, State};
use uuid::Uuid;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum MessageState {
    /// To be delivered, now or at `next_try_at`.
    Pending,
    /// Its endpoint has taken it.
    Delivered,
    /// Refused for good, or tried for three days in vain.
    Failed,
    /// Nobody wants it any more: the browser has unsubscribed, or the endpoint was switched off.
    Dropped,
}

impl From<MessageState> for State {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Pending => Self::Pending,
            MessageState::Delivered => Self::Delivered,
            MessageState::Failed => Self::Failed,
            MessageState::Dropped => Self::Dropped,
        }
    }
}

impl From<State> for MessageState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Delivered => Self::Delivered,
            State::Failed => Self::Failed,
            State::Dropped => Self::Dropped,
        }
    }
}

/// A message by e-mail, push or webhook.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Message {
    /// Names it. Mail carries it in its `Message-ID`.
    pub id: Uuid,
    /// What it tells (`webhook-id` is `msg_` and this without hyphens); absent for a test of a webhook's endpoint.
    pub event_id: Option<Uuid>,
    /// What happened, as in the feed; absent for a test.
    pub event: Option<String>,
    /// The payout it tells about.
    pub payout_id: Option<Uuid>,
    /// `email`, `push` or `webhook`.
    pub channel: String,
    /// The address, or the id of the browser's subscription or of the webhook endpoint.
    pub endpoint: String,
    /// Where it stands.
    pub state: MessageState,
    /// How often it was tried since it was last sent (again).
    pub tries: i32,
    /// When it was written (UTC).
    pub created_at: DateTime<Utc>,
    /// When it is tried next, while it is pending.
    pub next_try_at: Option<DateTime<Utc>>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the last try did not deliver it.
    pub last_error: Option<String>,
    /// The status that its endpoint last answered, of HTTP or SMTP.
    pub code: Option<i32>,
    /// The beginning of what its endpoint last answered.
    pub answer: Option<String>,
}

impl From<messages::Message> for Message {
    fn from(message: messages::Message) -> Self {
        Self {
            id: message.id,
            event_id: message.notification,
            event: message.event,
            payout_id: message.payout.map(PayoutId::uuid),
            channel: message.channel,
            endpoint: message.endpoint,
            state: message.state.into(),
            tries: message.tries,
            created_at: message.created_at,
            next_try_at: message.next_try_at,
            ended_at: message.ended_at,
            last_error: message.last_error,
            code: message.code,
            answer: message.answer,
        }
    }
}

/// Messages, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Messages {
    /// This page.
    pub items: Vec<Message>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    pub next_cursor: Option<String>,
}
