//! What somebody was told. The row is written in the transaction it tells about, once for each (event, what it is about); it is
//! the line of the in-app feed, and what [`crate::messages`] makes the messages of the other channels from.
//!
//! Costs one INSERT in the transaction that tells. Never an account number beyond its last four digits, in any text here.

use chrono::{DateTime, Utc};
use domain::{BankAccountId, Money, PayoutId, ProviderId};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Pool, Result, payouts::money, text::storable};

/// What a provider is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Received,
    Approved,
    Rejected,
    Cancelled,
    Completed,
    Failed,
    Refunded,
    /// Another payout, to another account, takes its place.
    Replaced,
    Returned,
    /// Payout after payout to one account failed.
    CheckAccount,
    /// For their safety: where their money goes was changed.
    BankAccountChanged,
    /// Staff has suspended payouts to them, and lets them go on.
    Suspended,
    SuspensionLifted,
}

impl Event {
    pub const ALL: [Self; 13] = [
        Self::Received,
        Self::Approved,
        Self::Rejected,
        Self::Cancelled,
        Self::Completed,
        Self::Failed,
        Self::Refunded,
        Self::Replaced,
        Self::Returned,
        Self::CheckAccount,
        Self::BankAccountChanged,
        Self::Suspended,
        Self::SuspensionLifted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::Replaced => "replaced",
            Self::Returned => "returned",
            Self::CheckAccount => "check_account",
            Self::BankAccountChanged => "bank_account_changed",
            Self::Suspended => "suspended",
            Self::SuspensionLifted => "suspension_lifted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }

    /// Told whatever the provider's settings say: someone who has taken over an account must not be able to keep it quiet.
    pub fn is_mandatory(self) -> bool {
        match self {
            Self::BankAccountChanged => true,
            Self::Received
            | Self::Approved
            | Self::Rejected
            | Self::Cancelled
            | Self::Completed
            | Self::Failed
            | Self::Refunded
            | Self::Replaced
            | Self::Returned
            | Self::CheckAccount
            | Self::Suspended
            | Self::SuspensionLifted => false,
        }
    }

    /// What the marketplace hears it as; `None`: not theirs to hear.
    pub fn webhook_type(self) -> Option<&'static str> {
        match self {
            Self::Received => Some("payout.received"),
            Self::Approved => Some("payout.approved"),
            Self::Rejected => Some("payout.rejected"),
            Self::Cancelled => Some("payout.cancelled"),
            Self::Completed => Some("payout.completed"),
            Self::Failed => Some("payout.failed"),
            Self::Refunded => Some("payout.refunded"),
            Self::Replaced => Some("payout.replaced"),
            Self::Returned => Some("payout.returned"),
            Self::CheckAccount | Self::BankAccountChanged | Self::Suspended | Self::SuspensionLifted => None,
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
            Self::Replaced => "Your payout goes to another account",
            Self::Returned => "Your bank returned a payout",
            Self::CheckAccount => "Please check your bank account",
            Self::BankAccountChanged => "Your bank accounts were changed",
            Self::Suspended => "Payouts to you are suspended",
            Self::SuspensionLifted => "Payouts to you go on",
        }
    }

    fn body(self, amount: Money, why: Option<&str>) -> String {
        let amount = amount.readable();
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
            Self::Replaced => format!("{amount} could not be paid and was asked for again, to the account you gave.{why}"),
            Self::Returned => format!("Your bank returned {amount}. It is back in your balance; check the account."),
            Self::CheckAccount => "Several payouts in a row to the same bank account could not be made, so nothing more is sent to \
                                   it. Check the account with your bank and tell us, or remove it and add another."
                .to_owned(),
            Self::BankAccountChanged | Self::Suspended | Self::SuspensionLifted => why.trim_start().to_owned(),
        }
    }
}

/// What admins are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminEvent {
    ReviewWaiting,
    ReviewEscalated,
    FundingShort,
    AttemptUnknown,
    WindowMissed,
    CaseOpened,
    /// A webhook endpoint took nothing for days.
    WebhookDisabled,
}

impl AdminEvent {
    pub const ALL: [Self; 7] = [
        Self::ReviewWaiting,
        Self::ReviewEscalated,
        Self::FundingShort,
        Self::AttemptUnknown,
        Self::WindowMissed,
        Self::CaseOpened,
        Self::WebhookDisabled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReviewWaiting => "review_waiting",
            Self::ReviewEscalated => "review_escalated",
            Self::FundingShort => "funding_short",
            Self::AttemptUnknown => "attempt_unknown",
            Self::WindowMissed => "window_missed",
            Self::CaseOpened => "case_opened",
            Self::WebhookDisabled => "webhook_disabled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }

    fn title(self) -> &'static str {
        match self {
            Self::ReviewWaiting => "A payout waits for a review",
            Self::ReviewEscalated => "A review has waited too long",
            Self::FundingShort => "The wallet does not cover what is to be paid",
            Self::AttemptUnknown => "Nobody can tell whether a transfer was paid",
            Self::WindowMissed => "A batch window was missed",
            Self::CaseOpened => "A case was opened",
            Self::WebhookDisabled => "A webhook endpoint was switched off",
        }
    }
}

/// Tells a provider about a payout. Telling the same again is nothing new.
pub(crate) async fn tell(
    conn: &mut PgConnection,
    payout: PayoutId,
    provider: ProviderId,
    event: Event,
    amount: Money,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (body, why) = (event.body(amount, why), why.map(storable));
    let body = storable(&body);
    sqlx::query!(
        "INSERT INTO notifications
             (id, audience, event, subject, provider_id, payout_id, amount, currency, title, body, reason, created_at)
         VALUES ($1, 'provider', $2, 'payout:' || $3::uuid, $4, $3, $5, $6, $7, $8, $9, $10)
         ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING",
        Uuid::now_v7(),
        event.as_str(),
        payout.uuid(),
        provider.uuid(),
        amount.amount(),
        amount.currency().code(),
        event.title(),
        body.as_ref(),
        why.as_deref(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells a provider that where their money goes was changed: `what` names the change (adding
/// and removing one account are two), `words` say it, with the last four digits at most. Goes out by every channel they have.
pub(crate) async fn tell_of_account(
    conn: &mut PgConnection,
    provider: ProviderId,
    account: BankAccountId,
    what: BankAccountChange,
    words: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let (event, words) = (Event::BankAccountChanged, storable(words));
    sqlx::query!(
        "INSERT INTO notifications (id, audience, event, subject, provider_id, title, body, created_at)
         VALUES ($1, 'provider', $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING",
        Uuid::now_v7(),
        event.as_str(),
        format!("bank_account:{account}:{}", what.key()),
        provider.uuid(),
        event.title(),
        words.as_ref(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells a provider that payouts to them stop, or go on. Each time is told once.
pub(crate) async fn tell_of_suspension(
    conn: &mut PgConnection,
    provider: ProviderId,
    event: Event,
    now: DateTime<Utc>,
) -> Result<()> {
    let words = if event == Event::Suspended {
        "Nothing is paid to you for the moment and no new payout can be asked for. What was approved waits, what you have earned \
         stays yours. Ask the marketplace what to do."
    } else {
        "You can ask for payouts again. What was approved leaves with the next batch."
    };
    sqlx::query!(
        "INSERT INTO notifications (id, audience, event, subject, provider_id, title, body, created_at)
         VALUES ($1, 'provider', $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING",
        Uuid::now_v7(),
        event.as_str(),
        format!("provider:{provider}:{}", now.timestamp_micros()),
        provider.uuid(),
        event.title(),
        words,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What became of a bank account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BankAccountChange {
    Added,
    Removed,
}

impl BankAccountChange {
    fn key(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// Tells the admins. `key` names what it is about (`payout:<id>`, `payout:<id>:attempt:<number>`, `case:<id>`, the time of a window): the
/// same event about the same is told once, so whoever finds it again may tell it again. `words` are a sentence or two of ours, at most 500
/// characters, without names and account numbers: they are mailed.
pub(crate) async fn tell_admins(
    conn: &mut PgConnection,
    about: AdminEvent,
    key: &str,
    words: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    const MAX_CHARS: usize = 500;
    let (key, body): (_, String) = (storable(key), storable(words).chars().take(MAX_CHARS).collect());
    sqlx::query!(
        "INSERT INTO notifications (id, audience, event, subject, title, body, created_at)
         VALUES ($1, 'admins', $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING",
        Uuid::now_v7(),
        about.as_str(),
        key.as_ref(),
        about.title(),
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A line of a provider's feed.
#[derive(Debug, Clone)]
pub struct Notification {
    pub id: Uuid,
    /// None where it is about a bank account.
    pub payout: Option<PayoutId>,
    pub event: String,
    pub title: String,
    pub body: String,
    pub amount: Option<Money>,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    payout_id: Option<Uuid>,
    event: String,
    title: String,
    body: String,
    amount: Option<Decimal>,
    currency: Option<String>,
    reason: Option<String>,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Notification {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let amount = row.amount.zip(row.currency.as_deref());
        Ok(Self {
            id: row.id,
            payout: row.payout_id.map(PayoutId::from_uuid),
            event: row.event,
            title: row.title,
            body: row.body,
            amount: amount.map(|(amount, currency)| money(amount, currency)).transpose()?,
            reason: row.reason,
            created_at: row.created_at,
            read_at: row.read_at,
        })
    }
}

/// A provider's feed, newest first, older than `before`.
pub async fn feed(
    pool: &Pool,
    provider: ProviderId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Notification>> {
    sqlx::query_as!(
        Row,
        "SELECT id, payout_id, event, title, body, amount, currency, reason, created_at, read_at FROM notifications
         WHERE provider_id = $1 AND audience = 'provider' AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        provider.uuid(),
        before,
        limit,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Notification::try_from)
    .collect()
}

/// How many messages the provider has not read.
pub async fn unread(pool: &Pool, provider: ProviderId) -> Result<i64> {
    let unread = sqlx::query_scalar!(
        r#"SELECT count(*) AS "unread!" FROM notifications WHERE provider_id = $1 AND audience = 'provider' AND read_at IS NULL"#,
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
         WHERE provider_id = $1 AND audience = 'provider' AND read_at IS NULL AND id <= $2",
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
        "SELECT id FROM notifications WHERE id = $1 AND provider_id = $2 AND audience = 'provider'",
        message,
        provider.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.is_some())
}

/// Unread lines beyond this many are "many": counting further would read the whole feed of someone who never reads.
pub const MOST_UNREAD: i64 = 1000;

/// A line of the admins' feed.
#[derive(Debug, Clone)]
pub struct AdminNotification {
    pub id: Uuid,
    pub event: String,
    /// `payout:<id>`, `payout:<id>:attempt:<number>`, `case:<id>`, …
    pub subject: String,
    pub title: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    /// By the admin who asks.
    pub read: bool,
}

/// The admins' feed as this admin sees it, newest first, older than `before`.
pub async fn admin_feed(
    pool: &Pool,
    admin: &str,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AdminNotification>> {
    Ok(sqlx::query_as!(
        AdminNotification,
        r#"SELECT id, event, subject, title, body, created_at,
                  coalesce(id <= (SELECT up_to FROM admin_feed_reads WHERE admin = $1), false) AS "read!"
           FROM notifications
           WHERE audience = 'admins' AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"#,
        admin,
        before,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// How many lines the admin has not read, at most [`MOST_UNREAD`].
pub async fn admin_unread(pool: &Pool, admin: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "unread!" FROM (
               SELECT FROM notifications
               WHERE audience = 'admins' AND id > coalesce((SELECT up_to FROM admin_feed_reads WHERE admin = $1), '00000000-0000-0000-0000-000000000000')
               LIMIT $2) unread"#,
        admin,
        MOST_UNREAD,
    )
    .fetch_one(pool)
    .await?)
}

/// This admin has read everything up to this line; nobody else has. `false`: there is no such line.
pub async fn admin_read(pool: &Pool, admin: &str, up_to: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let read = sqlx::query!(
        "INSERT INTO admin_feed_reads (admin, up_to, read_at)
         SELECT $1, id, $3 FROM notifications WHERE id = $2 AND audience = 'admins'
         ON CONFLICT (admin) DO UPDATE
         SET read_at = CASE WHEN admin_feed_reads.up_to < EXCLUDED.up_to THEN EXCLUDED.read_at ELSE admin_feed_reads.read_at END,
             up_to = greatest(admin_feed_reads.up_to, EXCLUDED.up_to)",
        admin,
        up_to,
        now,
    )
    .execute(pool)
    .await?;
    Ok(read.rows_affected() == 1)
}
