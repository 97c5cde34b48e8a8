//! Where Redis is and how many connections it may be asked for.

use std::{fmt, time::Duration};

/// Cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(password: String) -> Self {
        Self(password)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: Option<Password>,
    pub db: i64,
    /// Over the whole fleet: what the server is told to allow.
    pub max_clients: u32,
    /// Connections of one process, at least 2: one listens, the others ask.
    pub pool_size: u32,
    /// A server that answers slower than this is as good as away.
    pub patience: Duration,
}

impl RedisSettings {
    /// A person waits for what waits for Redis.
    pub const PATIENCE: Duration = Duration::from_millis(500);
}
