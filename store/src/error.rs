//! The database could not, or holds what it must not.

use domain::PayoutStatus;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Not a refusal: nothing was decided. Callers answer 503 or try again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
    #[error("migrations could not be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row that the constraints should have made impossible.
    #[error("inconsistent row: {0}")]
    Corrupt(String),
}

impl Error {
    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }
}

/// Someone else was first: where the payout stands now, and who moved it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub status: PayoutStatus,
    /// The last actor in the audit trail.
    pub by: String,
}
