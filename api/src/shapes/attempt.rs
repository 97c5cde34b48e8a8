//! One try to pay a payout, without what only the gateway and we know.

use chrono::{DateTime, Utc};
use poem_openapi::Object;

use super::AttemptStatus;

/// One try to pay a payout.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ProviderAttempt {
    /// 1 for the first try.
    pub number: u8,
    /// What is known about it.
    pub status: AttemptStatus,
    /// When it was begun (UTC).
    pub began_at: DateTime<Utc>,
    /// When the gateway said how it ended.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why it failed, in words.
    pub failure: Option<String>,
}

impl From<&store::attempts::Attempt> for ProviderAttempt {
    fn from(attempt: &store::attempts::Attempt) -> Self {
        Self {
            number: attempt.number.get(),
            status: attempt.status.into(),
            began_at: attempt.began_at,
            settled_at: attempt.settled_at,
            failure: attempt.failure_code.map(|code| code.words().to_owned()),
        }
    }
}
