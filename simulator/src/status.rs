//! The words for where a transfer stands.

use serde::{Deserialize, Serialize};

/// The documented set, and any other word a fault asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Status {
    New,
    Pending,
    Successful,
    Failed,
    /// A word that is not in the documentation: what a client must not understand.
    Undocumented(String),
}

impl Status {
    pub fn as_str(&self) -> &str {
        match self {
            Self::New => "NEW",
            Self::Pending => "PENDING",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Undocumented(word) => word,
        }
    }

    /// Whether the gateway sends `transfer.completed` on reaching it.
    pub(crate) const fn is_completion(&self) -> bool {
        match self {
            Self::Successful | Self::Failed => true,
            Self::New | Self::Pending | Self::Undocumented(_) => false,
        }
    }
}

impl From<String> for Status {
    fn from(word: String) -> Self {
        match word.as_str() {
            "NEW" => Self::New,
            "PENDING" => Self::Pending,
            "SUCCESSFUL" => Self::Successful,
            "FAILED" => Self::Failed,
            _ => Self::Undocumented(word),
        }
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        match status {
            Status::Undocumented(word) => word,
            Status::New | Status::Pending | Status::Successful | Status::Failed => status.as_str().to_owned(),
        }
    }
}
