//! What one HTTP call came to, before anyone asks what it means.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;

/// Longest wait that is believed. Flutterwave's own longest documented cool-off is 30 minutes; a larger number is a mistake
/// that must not stop payouts for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// One HTTP call, over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exchange {
    /// DNS, connect or TLS failed: no byte of the request left this machine.
    NotConnected { why: String },
    /// Timed out or broke after that. The request may have arrived, whole or not.
    Broken { why: String },
    /// A status line and headers came back.
    Answered(Answer),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Whole(Bytes),
    /// It broke off, or is longer than this client reads.
    Cut {
        why: String,
    },
}

/// How long a `Retry-After` header asks to wait: seconds, or a date, which is counted from the answer's own `Date` because
/// only that clock is the gateway's.
pub(super) fn retry_after(header: &str, answer_date: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = DateTime::parse_from_rfc2822(header).ok()?;
        let from = DateTime::parse_from_rfc2822(answer_date?.trim()).ok()?;
        until.signed_duration_since(from).to_std().ok()?
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        let now = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        for (header, date, seconds) in [
            ("2", None, Some(2)),
            (" 120 ", None, Some(120)),
            ("0", None, Some(0)),
            ("999999999", None, Some(3600)),
            ("Wed, 21 Oct 2026 07:29:30 GMT", now, Some(90)),
            ("Wed, 21 Oct 2026 07:29:30 GMT", None, None),
            ("Wed, 21 Oct 2026 07:00:00 GMT", now, None),
            ("-1", now, None),
            ("soon", now, None),
            ("", now, None),
        ] {
            assert_eq!(retry_after(header, date), seconds.map(Duration::from_secs), "{header:?}");
        }
    }
}
