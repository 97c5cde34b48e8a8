//! What people who answer for the money are told when it happens.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Result, audit,
    notifications::{self, AdminEvent},
};

/// What they are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alert {
    /// Approved payouts wait, or will wait, for money.
    FundingShort,
    /// A window passed without a batch.
    WindowMissed,
}

impl Alert {
    fn action(self) -> &'static str {
        match self {
            Self::FundingShort => "funding_short",
            Self::WindowMissed => "window_missed",
        }
    }
}

/// Tells them, in the transaction that found it. `key`: one message for one happening.
pub(crate) async fn tell(
    conn: &mut PgConnection,
    about: Alert,
    key: &str,
    words: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    tracing::warn!(alert = about.action(), "{words}");
    let event = match about {
        Alert::FundingShort => AdminEvent::FundingShort,
        Alert::WindowMissed => AdminEvent::WindowMissed,
    };
    notifications::tell_admins(conn, event, key, words, now).await?;
    let detail = json!({ "key": key, "words": words });
    audit::record_subject(conn, &Actor::system(), about.action(), key, detail, now).await
}
