//! Why a question to the gateway has no answer.

use std::time::Duration;

/// The gateway could not be asked, or its answer could not be used. Says nothing about any transfer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the gateway could not be asked ({class:?}): {message}")]
pub struct LookUpFailed {
    pub class: LookUpClass,
    /// How long the gateway asked us to wait, where it did.
    pub retry_after: Option<Duration>,
    pub message: String,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookUpClass {
    /// DNS, connect or TLS failed: ask again.
    Unreachable,
    /// Timed out, or the connection broke in the middle: ask again.
    Interrupted,
    /// 429: ask again, later.
    RateLimited,
    /// 5xx: ask again.
    Unavailable,
    /// 401: the key is wrong or missing. An operator must act.
    Unauthorized,
    /// The gateway does not take calls from this address. An operator must act.
    NotWhitelisted,
    /// Another 4xx: asking the same again gives the same.
    Refused,
    /// An answer this client does not know: a redirect, a body of another shape, more pages than it reads.
    NotUnderstood,
}

impl LookUpClass {
    /// Whether asking again, without anybody doing anything, may help.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Unreachable | Self::Interrupted | Self::RateLimited | Self::Unavailable => true,
            Self::Unauthorized | Self::NotWhitelisted | Self::Refused | Self::NotUnderstood => false,
        }
    }
}

/// Why there is no name for an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveFailed {
    /// The bank does not know the account.
    #[error("the bank does not know this account: {message}")]
    NoSuchAccount { message: String },
    #[error("the gateway does not know this bank code")]
    UnknownBank,
    /// Nobody could be asked: this says nothing about the account.
    #[error(transparent)]
    Unavailable(#[from] LookUpFailed),
}
