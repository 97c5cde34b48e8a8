//! What the provider is told. The message is a row of the transaction it tells about; one per (payout, event, channel).

use chrono::{DateTime, Utc};
use domain::{Money, PayoutId, ProviderId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Pool, Result, text::storable};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Received,
    Approved,
    Rejected,
    Cancelled,
    Completed,
    Failed,
    Refunded,
    Returned,
    /// Payout after payout to one account failed.
    CheckAccount,
}

impl Event {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::Returned => "returned",
            Self::CheckAccount => "check_account",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Received => "We have your payout request",
            Self::Approved => "Your payout is approved",
            Self::Rejected => "Your payout was rejected",
            Self::Cancelled => "Your payout is cancelled",
            Self::Completed => "Your payout has arrived",
            Self::Failed => "Your payout could not be made",
            Self::Refunded => "Your money is back in your balance",
            Self::Returned => "Your bank returned a payout",
            Self::CheckAccount => "Please check your bank account",
        }
    }

    fn body(self, amount: Money, why: Option<&str>) -> String {
        let why = why.map(|why| format!(" {why}")).unwrap_or_default();
        match self {
            Self::Received => format!("You asked for {amount}. It is reserved from your balance."),
            Self::Approved => format!("{amount} will leave with the next batch."),
            Self::Rejected => format!("{amount} was not approved and is back in your balance.{why}"),
            Self::Cancelled => format!("{amount} is back in your balance."),
            Self::Completed => format!("{amount} was paid to your bank account."),
            Self::Failed => {
                format!("{amount} could not be paid and stays reserved while we look at it.{why}")
            }
            Self::Refunded => format!("{amount} could not be paid; you can ask for it again.{why}"),
            Self::Returned => format!("Your bank returned {amount}. It is back in your balance; check the account."),
            Self::CheckAccount => "Several payouts in a row to the same bank account could not be made, so nothing more is sent to \
                                   it. Check the account with your bank and tell us, or remove it and add another."
                .to_owned(),
        }
    }
}

/// Writes the message into the feed. Telling the same again is nothing new.
pub(crate) async fn tell(
    conn: &mut PgConnection,
    payout: PayoutId,
    provider: ProviderId,
    event: Event,
    amount: Money,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let body = storable(&event.body(amount, why)).into_owned();
    sqlx::query!(
        "INSERT INTO notifications (id, payout_id, provider_id, event, channel, title, body, created_at)
         VALUES ($1, $2, $3, $4, 'feed', $5, $6, $7) ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING",
        Uuid::now_v7(),
        payout.uuid(),
        provider.uuid(),
        event.as_str(),
        event.title(),
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Delivers what of this payout's messages has not been. The feed's delivery is the row itself: it is stamped as delivered.
/// Answers how many there were.
pub async fn deliver(pool: &Pool, payout: PayoutId, now: DateTime<Utc>) -> Result<u64> {
    deliver_in(&mut *pool.acquire().await?, payout, now).await
}

pub(crate) async fn deliver_in(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<u64> {
    Ok(sqlx::query!(
        "UPDATE notifications SET delivered_at = $2 WHERE payout_id = $1 AND channel = 'feed' AND delivered_at IS NULL",
        payout.uuid(),
        now,
    )
    .execute(conn)
    .await?
    .rows_affected())
}

#[derive(Debug, Clone)]
pub struct Notification {
    pub id: Uuid,
    pub payout_id: Uuid,
    pub event: String,
    pub title: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// A provider's feed, newest first, older than `before`.
pub async fn feed(
    pool: &Pool,
    provider: ProviderId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Notification>> {
    Ok(sqlx::query_as!(
        Notification,
        "SELECT id, payout_id, event, title, body, created_at, read_at FROM notifications
         WHERE provider_id = $1 AND channel = 'feed' AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        provider.uuid(),
        before,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// How many messages the provider has not read.
pub async fn unread(pool: &Pool, provider: ProviderId) -> Result<i64> {
    let unread = sqlx::query_scalar!(
        r#"SELECT count(*) AS "unread!" FROM notifications WHERE provider_id = $1 AND channel = 'feed' AND read_at IS NULL"#,
        provider.uuid(),
    )
    .fetch_one(pool)
    .await?;
    Ok(unread)
}

/// The provider has read everything up to this message. What was read before keeps its time. Answers how many were new.
pub async fn mark_read(pool: &Pool, provider: ProviderId, up_to: Uuid, now: DateTime<Utc>) -> Result<u64> {
    Ok(sqlx::query!(
        "UPDATE notifications SET read_at = $3
         WHERE provider_id = $1 AND channel = 'feed' AND read_at IS NULL AND id <= $2",
        provider.uuid(),
        up_to,
        now,
    )
    .execute(pool)
    .await?
    .rows_affected())
}

/// Whether this message is in the provider's feed.
pub async fn is_theirs(pool: &Pool, provider: ProviderId, message: Uuid) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM notifications WHERE id = $1 AND provider_id = $2 AND channel = 'feed'",
        message,
        provider.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.is_some())
}
