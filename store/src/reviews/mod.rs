//! Payouts held for people: a payout has at most one review, open while people are asked.
//!
//! Guarantees: above [`crate::approval_limits`] a payout is approved by two different people of the same round, which a trigger
//! checks too; an undo begins a new round, with no approval and a new wait; people are told when it opens, reminded of it
//! once, and others once more ([`call`]). Everything here that a decision depends on is read and written under the payout's lock.

mod assignment;
mod background;
mod calls;
mod queue;

pub use assignment::{ASSIGNED_FOR, Assigned, Assigning, assign, release};
pub use background::{
    Background, CHANGED_WITHIN, Change, HISTORY_DEPTH, Past, ProviderPast, StatusSum, background,
};
pub use calls::call;
pub use queue::{After, Assignee, COUNT_LIMIT, Filter, Listed, Sort, count, list};

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Finding, Money, OpenReview, PayoutId, ProviderId, ReviewId};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, payouts::money, text::storable};

/// A payout that waits for people, and all that is known about the wait.
#[derive(Debug, Clone)]
pub struct Review {
    pub id: ReviewId,
    pub payout: PayoutId,
    pub provider: ProviderId,
    pub provider_name: String,
    pub amount: Money,
    /// How long it has waited, who was told, and who has approved so far: in numbers.
    pub wait: OpenReview,
    /// Every rule, fired or not.
    pub findings: Vec<Finding>,
    /// Who has taken it on, until when. One that has lapsed is none.
    pub assigned: Option<Assigned>,
    /// The approval that was taken back last.
    pub undone: Option<UndoneApproval>,
    /// Each with who gave it, of this round.
    pub approvals: Vec<Approval>,
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub by: String,
    pub at: DateTime<Utc>,
    pub reason: String,
}

/// An approval that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoneApproval {
    pub by: String,
    pub at: DateTime<Utc>,
    pub reason: String,
}

/// What a decision has to know of the review it is about.
#[derive(Debug)]
pub(crate) struct Facing {
    pub(crate) round: i32,
    pub(crate) approvals_needed: u8,
    pub(crate) assigned: Option<Assigned>,
}

pub(crate) async fn open(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    insert(conn, payout, None, now).await
}

/// Puts the payout before people again, in a new round: its review is opened once more, or a first one where it had none.
pub(crate) async fn reopen(
    conn: &mut PgConnection,
    payout: PayoutId,
    undone: (&Actor, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    insert(conn, payout, Some(undone), now).await
}

async fn insert(
    conn: &mut PgConnection,
    payout: PayoutId,
    undone: Option<(&Actor, &str)>,
    now: DateTime<Utc>,
) -> Result<()> {
    let reason = undone.map(|(_, reason)| storable(reason));
    let opened = sqlx::query!(
        "INSERT INTO reviews (id, payout_id, opened_at, provider_id, amount, currency, fired, approvals_needed,
                              undone_at, undone_by, undone_reason)
         SELECT $1, p.id, $3, p.provider_id, p.amount, p.currency,
                ARRAY(SELECT f ->> 'rule' FROM jsonb_array_elements(coalesce(a.findings, '[]')) f WHERE (f ->> 'fired')::boolean
                        AND NOT coalesce((f ->> 'informational')::boolean, false)),
                CASE WHEN p.amount > coalesce(l.amount, 0) THEN 2 ELSE 1 END,
                CASE WHEN $4::text IS NOT NULL THEN $3::timestamptz END, $4, $5
         FROM payouts p LEFT JOIN assessments a ON a.payout_id = p.id LEFT JOIN approval_limits l ON l.currency = p.currency
         WHERE p.id = $2
         ON CONFLICT (payout_id) DO UPDATE SET
             status = 'OPEN', opened_at = excluded.opened_at, closed_at = NULL, round = reviews.round + 1, approvals = 0,
             approvals_needed = greatest(reviews.approvals_needed, excluded.approvals_needed),
             assigned_to = NULL, assigned_by = NULL, assigned_until = NULL, reminded_at = NULL, escalated_at = NULL,
             undone_at = excluded.undone_at, undone_by = excluded.undone_by, undone_reason = excluded.undone_reason
         RETURNING amount, currency",
        ReviewId::mint().uuid(),
        payout.uuid(),
        now,
        undone.map(|(by, _)| by.as_str()),
        reason.as_deref(),
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or_else(|| Error::corrupt(format!("no payout {payout} to review")))?;
    let amount = money(opened.amount, &opened.currency)?;
    calls::opened(conn, payout, amount, undone.is_some(), now).await
}

/// Something else than a risk rule holds it: who filters the queue by it finds it.
pub(crate) async fn also_fired(conn: &mut PgConnection, payout: PayoutId, why: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE reviews SET fired = array_append(fired, $2) WHERE payout_id = $1 AND NOT $2 = ANY (fired)",
        payout.uuid(),
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes the payout's review if it has an open one.
pub(crate) async fn close(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE reviews SET status = 'CLOSED', closed_at = $2 WHERE payout_id = $1 AND status = 'OPEN'",
        payout.uuid(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The open review that a decision is about. A limit that was made smaller since it opened counts from here on. The payout is
/// locked.
pub(crate) async fn face(conn: &mut PgConnection, payout: PayoutId, now: DateTime<Utc>) -> Result<Facing> {
    let row = sqlx::query!(
        "UPDATE reviews r SET approvals_needed = CASE
             WHEN r.amount > coalesce((SELECT l.amount FROM approval_limits l WHERE l.currency = r.currency), 0) THEN 2
             ELSE r.approvals_needed END
         WHERE r.payout_id = $1 AND r.status = 'OPEN'
         RETURNING r.round, r.approvals_needed, r.assigned_to, r.assigned_by, r.assigned_until, r.escalated_at",
        payout.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Error::corrupt(format!("payout {payout} waits for people without a review")))?;
    Ok(Facing {
        round: row.round,
        approvals_needed: u8::try_from(row.approvals_needed).map_err(Error::corrupt)?,
        // Whoever took it on has had a day.
        assigned: assignment::standing(row.assigned_to, row.assigned_by, row.assigned_until, now)
            .filter(|_| row.escalated_at.is_none()),
    })
}

/// Counts one more approval of this round, which is not the last.
pub(crate) async fn approved_once(conn: &mut PgConnection, payout: PayoutId) -> Result<()> {
    sqlx::query!("UPDATE reviews SET approvals = approvals + 1 WHERE payout_id = $1", payout.uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// The approvals of the payout's current round, oldest first.
pub(crate) async fn approvals(conn: &mut PgConnection, payout: PayoutId) -> Result<Vec<Approval>> {
    Ok(sqlx::query_as!(
        Approval,
        r#"SELECT d.decided_by AS by, d.decided_at AS at, d.reason FROM reviews r
           JOIN decisions d ON d.payout_id = r.payout_id AND d.round = r.round AND d.verdict = 'approve' AND d.verified
           WHERE r.payout_id = $1 ORDER BY d.decided_at, d.id"#,
        payout.uuid(),
    )
    .fetch_all(conn)
    .await?)
}

/// Who has given an approval that counts, for each of these that waits for another.
pub(crate) async fn half_approved(
    conn: &mut PgConnection,
    payouts: &[PayoutId],
) -> Result<BTreeMap<PayoutId, String>> {
    let ids: Vec<uuid::Uuid> = payouts.iter().copied().map(PayoutId::uuid).collect();
    let rows = sqlx::query!(
        "SELECT r.payout_id, d.decided_by FROM reviews r
         JOIN decisions d ON d.payout_id = r.payout_id AND d.round = r.round AND d.verdict = 'approve' AND d.verified
         WHERE r.payout_id = ANY($1) AND r.status = 'OPEN'",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (PayoutId::from_uuid(row.payout_id), row.decided_by)).collect())
}

/// The open review of one payout; `None` once it is decided, cancelled or was never before people.
pub async fn get(pool: &Pool, payout: PayoutId, now: DateTime<Utc>) -> Result<Option<Review>> {
    let mut conn = pool.acquire().await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT r.id, r.payout_id, r.provider_id, v.display_name, r.amount, r.currency, r.opened_at, r.reminded_at, r.escalated_at,
                r.approvals, r.approvals_needed, r.assigned_to, r.assigned_by, r.assigned_until, r.undone_at, r.undone_by,
                r.undone_reason, a.findings
         FROM reviews r JOIN providers v ON v.id = r.provider_id JOIN assessments a ON a.payout_id = r.payout_id
         WHERE r.payout_id = $1 AND r.status = 'OPEN'",
        payout.uuid(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let approvals = approvals(&mut conn, payout).await?;
    Ok(Some(Review { approvals, ..row.read(now)? }))
}

struct Row {
    id: uuid::Uuid,
    payout_id: uuid::Uuid,
    provider_id: uuid::Uuid,
    display_name: String,
    amount: Decimal,
    currency: String,
    opened_at: DateTime<Utc>,
    reminded_at: Option<DateTime<Utc>>,
    escalated_at: Option<DateTime<Utc>>,
    approvals: i16,
    approvals_needed: i16,
    assigned_to: Option<String>,
    assigned_by: Option<String>,
    assigned_until: Option<DateTime<Utc>>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
    undone_reason: Option<String>,
    findings: serde_json::Value,
}

impl Row {
    /// Without the approvals' own words.
    fn read(self, now: DateTime<Utc>) -> Result<Review> {
        let undone = match (self.undone_by, self.undone_at, self.undone_reason) {
            (Some(by), Some(at), Some(reason)) => Some(UndoneApproval { by, at, reason }),
            (_, _, _) => None,
        };
        Ok(Review {
            id: ReviewId::from_uuid(self.id),
            payout: PayoutId::from_uuid(self.payout_id),
            provider: ProviderId::from_uuid(self.provider_id),
            provider_name: self.display_name,
            amount: money(self.amount, &self.currency)?,
            wait: OpenReview {
                waiting_since: self.opened_at,
                reminded_at: self.reminded_at,
                escalated_at: self.escalated_at,
                approvals: u8::try_from(self.approvals).map_err(Error::corrupt)?,
                approvals_needed: u8::try_from(self.approvals_needed).map_err(Error::corrupt)?,
            },
            findings: serde_json::from_value(self.findings).map_err(Error::corrupt)?,
            assigned: assignment::standing(self.assigned_to, self.assigned_by, self.assigned_until, now),
            undone,
            approvals: vec![],
        })
    }
}
