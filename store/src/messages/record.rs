//! What came of a try, and what follows from it: for the message, and for its endpoint.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Due, LONGEST_LEASE, To, earlier};
use crate::{
    Actor, Pool, Result, audit,
    notifications::{AdminEvent, tell_admins},
    text::storable,
};

/// A webhook endpoint that took nothing for so long is switched off, and an admin told.
pub const ENDPOINT_FAILS_FOR: TimeDelta = TimeDelta::days(5);

/// Waits between tries, as Standard Webhooks recommends; with the last one it is a little more than three days.
const BACK_OFF: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub outcome: Outcome,
    /// Of HTTP or SMTP.
    pub code: Option<u16>,
    /// What it said; only the beginning is kept.
    pub answer: String,
    pub took: std::time::Duration,
    /// When the endpoint asked to be tried again.
    pub retry_after: Option<TimeDelta>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// The endpoint said no; it may say yes later.
    Refused,
    Unreachable,
    TimedOut,
    /// The endpoint is no more, or never will take this.
    Gone,
    /// An address that nothing of ours may call.
    NotAllowed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Gone => "gone",
            Self::NotAllowed => "not_allowed",
        }
    }
}

/// What becomes of a message after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Again(DateTime<Utc>),
    Failed,
}

/// An endpoint that says when is believed for at most so long.
const LONGEST_WISH: TimeDelta = TimeDelta::hours(1);

fn fate(due: &Due, tried: &Tried, now: DateTime<Utc>) -> Fate {
    match tried.outcome {
        Outcome::Delivered => Fate::Delivered,
        Outcome::Gone | Outcome::NotAllowed => Fate::Failed,
        Outcome::Refused | Outcome::Unreachable | Outcome::TimedOut => {
            let place = usize::try_from(due.tries.saturating_sub(1)).unwrap_or(usize::MAX);
            let Some(wait) = BACK_OFF.get(place) else { return Fate::Failed };
            let wait = (*wait).max(tried.retry_after.unwrap_or_default().min(LONGEST_WISH));
            // Up to a tenth more, by the message's own id: what failed together is not tried together again.
            let tenth = i64::from(due.id.as_bytes().last().copied().unwrap_or_default());
            let jitter = TimeDelta::milliseconds(wait.num_milliseconds().saturating_mul(tenth) / 2560);
            let at = wait.checked_add(&jitter).and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now);
            Fate::Again(at)
        }
    }
}

/// Writes down what came of a try, and what follows: delivered, again later, or failed. A try whose lease has run out and that
/// somebody else has taken up changes nothing but the list of tries.
pub async fn record(pool: &Pool, due: &Due, tried: &Tried, now: DateTime<Utc>) -> Result<()> {
    const ANSWER_CHARS: usize = 500;
    let fate = fate(due, tried, now);
    let answer: String = storable(&tried.answer).chars().take(ANSWER_CHARS).collect();
    let (state, next, error) = match fate {
        Fate::Delivered => ("DELIVERED", None, None),
        Fate::Again(at) => ("PENDING", Some(at), Some(describe(tried, &answer))),
        Fate::Failed => ("FAILED", None, Some(describe(tried, &answer))),
    };
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "INSERT INTO message_tries (message_id, at, took_ms, outcome, code, answer) VALUES ($1, $2, $3, $4, $5, $6)",
        due.id,
        now,
        i32::try_from(tried.took.as_millis()).unwrap_or(i32::MAX),
        tried.outcome.as_str(),
        tried.code.map(i32::from).filter(|code| (100..1000).contains(code)),
        (!answer.is_empty()).then_some(&answer),
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE messages SET state = $3, next_try_at = coalesce($4, next_try_at), last_error = $5,
                ended_at = CASE WHEN $3 = 'PENDING' THEN NULL ELSE $6::timestamptz END
         WHERE id = $1 AND tries = $2 AND state = 'PENDING'",
        due.id,
        due.tries,
        state,
        next,
        error,
        now,
    )
    .execute(&mut *tx)
    .await?;
    if tried.outcome == Outcome::Delivered {
        bring_forward(&mut tx, &due.lane, now).await?;
    }
    match (&due.to, tried.outcome) {
        (To::Webhook { endpoint, .. }, outcome) => {
            note_health(&mut tx, *endpoint, outcome, &answer, now).await?;
        }
        (To::Push { subscription, .. }, Outcome::Gone) => forget_browser(&mut tx, *subscription, now).await?,
        (
            To::Push { .. },
            Outcome::Delivered
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::TimedOut
            | Outcome::NotAllowed,
        )
        | (To::Email { .. } | To::Nobody, _) => {}
    }
    tx.commit().await?;
    Ok(())
}

/// Who could not be reached takes messages again: those that wait for it alone need not wait any longer. One that was refused, or
/// took too long, may be its own trouble and keeps its back-off. Costs one look into an index where nothing waits.
async fn bring_forward(conn: &mut PgConnection, lane: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET next_try_at = $2
         WHERE lane = $1 AND state = 'PENDING' AND next_try_at > $3 AND last_error LIKE 'unreachable%'",
        lane,
        now,
        // What is nearer may be leased to somebody: brought forward it would be sent twice.
        now.checked_add_signed(LONGEST_LEASE).unwrap_or(now),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn describe(tried: &Tried, answer: &str) -> String {
    const CHARS: usize = 500;
    let code = tried.code.map(|code| format!(" {code}")).unwrap_or_default();
    format!("{}{code}: {answer}", tried.outcome.as_str()).chars().take(CHARS).collect()
}

/// Nobody wants it any more: not a failure.
pub async fn drop_unwanted(pool: &Pool, due: &Due, why: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = $3 WHERE id = $1 AND state = 'PENDING'",
        due.id,
        now,
        why,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A browser that has unsubscribed, or is gone: its messages are too.
async fn forget_browser(conn: &mut PgConnection, subscription: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("DELETE FROM push_subscriptions WHERE id = $1", subscription).execute(&mut *conn).await?;
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = 'the browser has unsubscribed'
         WHERE channel = 'push' AND endpoint = $1 AND state IN ('PENDING', 'FAILED')",
        subscription.to_string(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One success makes a webhook endpoint well; one that is gone, or has taken nothing for [`ENDPOINT_FAILS_FOR`], is switched off.
async fn note_health(
    conn: &mut PgConnection,
    endpoint: Uuid,
    outcome: Outcome,
    answer: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let why = match outcome {
        Outcome::Delivered => {
            sqlx::query!(
                "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL",
                endpoint
            )
            .execute(conn)
            .await?;
            return Ok(());
        }
        Outcome::Gone => Some("it answered 410 Gone".to_owned()),
        Outcome::Refused | Outcome::Unreachable | Outcome::TimedOut | Outcome::NotAllowed => None,
    };
    let failing = sqlx::query!(
        "UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $2) WHERE id = $1 AND status = 'ENABLED'
         RETURNING failing_since, url",
        endpoint,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(failing) = failing else { return Ok(()) };
    let too_long = failing.failing_since.is_some_and(|since| since <= earlier(now, ENDPOINT_FAILS_FOR));
    let said: String = answer.chars().take(200).collect();
    let why =
        why.or_else(|| too_long.then(|| format!("nothing was taken for 5 days; the last answer: {said}")));
    let Some(why) = why else { return Ok(()) };
    sqlx::query!(
        "UPDATE webhook_endpoints SET status = 'DISABLED', disabled_why = $2, updated_at = $3 WHERE id = $1 AND status = 'ENABLED'",
        endpoint,
        why,
        now,
    )
    .execute(&mut *conn)
    .await?;
    drop_waiting(conn, endpoint, now).await?;
    let subject = format!("webhook_endpoint:{endpoint}");
    let detail = json!({ "why": why });
    audit::record_subject(conn, &Actor::system(), "webhook_endpoint_disabled", &subject, detail, now).await?;
    let words = format!(
        "{} hears of no payout any more: {why}. When it is mended, switch it on and replay what it missed.",
        failing.url
    );
    let key = format!("{subject}:{}", now.timestamp());
    tell_admins(conn, AdminEvent::WebhookDisabled, &key, &words, now).await
}

/// What still waits for an endpoint that was switched off. It can be replayed.
pub(crate) async fn drop_waiting(conn: &mut PgConnection, endpoint: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE messages SET state = 'DROPPED', ended_at = $2, last_error = 'the endpoint was switched off'
         WHERE lane = 'webhook:' || $1::text AND state = 'PENDING'",
        endpoint.to_string(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(tries: i32) -> Due {
        Due {
            id: Uuid::max(),
            lane: "email".to_owned(),
            tries,
            to: To::Email { address: "a@b.example".to_owned() },
            told: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn refused(retry_after: Option<TimeDelta>) -> Tried {
        let (answer, took) = (String::new(), std::time::Duration::ZERO);
        Tried { outcome: Outcome::Refused, code: Some(503), answer, took, retry_after }
    }

    #[test]
    fn tries_spread_over_three_days_and_end() {
        let start = DateTime::UNIX_EPOCH;
        let mut now = start;
        for tries in 1..=9 {
            let Fate::Again(at) = fate(&due(tries), &refused(None), now) else {
                panic!("gave up at {tries}")
            };
            assert!(at > now);
            now = at;
        }
        let took = now - start;
        assert!(TimeDelta::days(3) < took && took < TimeDelta::days(4), "{took}");
        assert_eq!(fate(&due(10), &refused(None), now), Fate::Failed);
    }

    #[test]
    fn an_endpoint_may_ask_for_time_but_not_for_ever() {
        let now = DateTime::UNIX_EPOCH;
        let wait = |wish| match fate(&due(1), &refused(Some(wish)), now) {
            Fate::Again(at) => at - now,
            Fate::Delivered | Fate::Failed => panic!(),
        };
        assert!(wait(TimeDelta::minutes(2)) >= TimeDelta::minutes(2));
        assert!(wait(TimeDelta::days(400)) < TimeDelta::hours(2));
    }
}
