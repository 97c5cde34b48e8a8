//! People are told that a payout waits for them, when it begins to and once more, and after a day others are.
//!
//! Guarantee: each is told once a round, whoever asks for it and how often: the row says what was told. The time is that of the
//! timer that rang, so a worker whose clock is wrong tells nothing early.

use chrono::{DateTime, Utc};
use domain::{Call, Money, PayoutId, Progress};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result, audit,
    notifications::{self, AdminEvent},
    payouts::{self, Payout, moved_one, progress_in},
};

/// Tells people that a review has opened, in the transaction that opens it.
pub(super) async fn opened(
    conn: &mut PgConnection,
    payout: PayoutId,
    amount: Money,
    again: bool,
    at: DateTime<Utc>,
) -> Result<()> {
    let words = if again {
        format!("The approval of payout {payout} of {amount} was taken back: it waits for a decision again.")
    } else {
        format!("Payout {payout} of {amount} waits for a decision.")
    };
    notifications::tell_admins(conn, AdminEvent::ReviewWaiting, &wait(payout, at), &words, at).await
}

/// What names a wait in the admins' feed.
fn wait(payout: PayoutId, since: DateTime<Utc>) -> String {
    format!("payout:{payout}:{}", since.timestamp_micros())
}

/// Tells whoever is to be told at `at`, if the payout still waits and they were not told before. Answers where it stands.
pub async fn call(pool: &Pool, id: PayoutId, at: DateTime<Utc>) -> Result<Progress> {
    let mut tx = pool.begin().await?;
    let payout =
        payouts::lock(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    if let Some((call, since)) = due(&mut tx, id, at).await? {
        match call {
            Call::Reminder => remind(&mut tx, &payout, since, at).await?,
            Call::Escalation => escalate(&mut tx, &payout, since, at).await?,
        }
    }
    let progress = progress_in(&mut tx, id, at).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Who is to be told now, and since when it waits.
async fn due(
    conn: &mut PgConnection,
    payout: PayoutId,
    at: DateTime<Utc>,
) -> Result<Option<(Call, DateTime<Utc>)>> {
    let standing = payouts::standing_in(conn, payout).await?;
    let review = standing.and_then(|standing| standing.review);
    Ok(review.and_then(|review| {
        review.next_call(at).filter(|(_, due)| *due <= at).map(|(call, _)| (call, review.waiting_since))
    }))
}

async fn remind(
    conn: &mut PgConnection,
    payout: &Payout,
    since: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<()> {
    let told = sqlx::query!(
        "UPDATE reviews SET reminded_at = $2 WHERE payout_id = $1 AND status = 'OPEN' AND reminded_at IS NULL AND escalated_at IS NULL",
        payout.id.uuid(),
        at,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(told, payout.id)?;
    let detail = json!({ "waiting_since": since });
    audit::record(conn, &Actor::system(), "review_reminded", payout.id, None, detail, at).await?;
    tell(conn, AdminEvent::ReviewWaiting, payout, since, at).await
}

async fn escalate(
    conn: &mut PgConnection,
    payout: &Payout,
    since: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<()> {
    let told = sqlx::query!(
        "UPDATE reviews SET escalated_at = $2 WHERE payout_id = $1 AND status = 'OPEN' AND escalated_at IS NULL",
        payout.id.uuid(),
        at,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    moved_one(told, payout.id)?;
    let detail = json!({ "waiting_since": since });
    audit::record(conn, &Actor::system(), "review_escalated", payout.id, None, detail, at).await?;
    tell(conn, AdminEvent::ReviewEscalated, payout, since, at).await
}

/// Once a wait.
async fn tell(
    conn: &mut PgConnection,
    about: AdminEvent,
    payout: &Payout,
    since: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<()> {
    let hours = at.signed_duration_since(since).num_hours();
    let key = format!("{}:{hours}h", wait(payout.id, since));
    let words =
        format!("Payout {} of {} has waited for a decision for {hours} hours.", payout.id, payout.amount);
    notifications::tell_admins(conn, about, &key, &words, at).await
}
