//! Where a payout stands: its row and its open attempt, in one read, as `domain` judges them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    AttemptNumber, BankAccountId, BatchId, OpenAttempt, OpenReview, PausedBy, PayoutId, PayoutStatus,
    Progress, Standing,
};
use sqlx::PgConnection;

use super::{failure_code, held, route};
use crate::{Error, Pool, Result};

/// What the workflow does next.
pub async fn progress(pool: &Pool, id: PayoutId, now: DateTime<Utc>) -> Result<Progress> {
    progress_in(&mut *pool.acquire().await?, id, now).await
}

pub(crate) async fn progress_in(
    conn: &mut PgConnection,
    id: PayoutId,
    now: DateTime<Utc>,
) -> Result<Progress> {
    let standing = standing_in(conn, id).await?.ok_or_else(|| Error::corrupt(format!("no payout {id}")))?;
    Ok(standing.progress(now))
}

/// Where it stands, with whoever's pause holds it up now, or whose turn comes before it. Costs one read by key more where a pause would.
pub async fn standing(pool: &Pool, id: PayoutId) -> Result<Option<Standing>> {
    let mut conn = pool.acquire().await?;
    let Some(standing) = standing_in(&mut conn, id).await? else { return Ok(None) };
    let (paused, turn_at) = match standing.status {
        PayoutStatus::Approved | PayoutStatus::Processing => held_up(&mut conn, id).await?,
        PayoutStatus::Requested
        | PayoutStatus::Completed
        | PayoutStatus::Failed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => (None, None),
    };
    Ok(Some(Standing { paused, turn_at, ..standing }))
}

/// The same for every payout of a page: two reads for all of them.
pub async fn standings(pool: &Pool, ids: &[PayoutId]) -> Result<BTreeMap<PayoutId, Standing>> {
    let ids: Vec<uuid::Uuid> = ids.iter().copied().map(PayoutId::uuid).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT p.id AS "id!", p.status AS "status!", p.risk, p.batch_id, p.held, p.next_attempt_at, p.refunded_at, p.failure_code,
                  a.number AS "number?", a.status AS "attempt_status?", a.sends AS "sends?", a.resend AS "resend?", a.check_at,
                  r.opened_at AS "waiting_since?", r.reminded_at, r.escalated_at, r.approvals AS "approvals?",
                  r.approvals_needed AS "approvals_needed?"
           FROM payouts p LEFT JOIN attempts a ON a.payout_id = p.id AND a.status <> 'FAILED' AND NOT a.late
           LEFT JOIN reviews r ON r.payout_id = p.id AND r.status = 'OPEN'
           WHERE p.id = ANY($1)"#,
        &ids,
    )
    .fetch_all(pool)
    .await?;
    let held_up = sqlx::query!(
        r#"SELECT p.id,
                  c.paused OR v.status <> 'ACTIVE' OR coalesce(bool_or(s.paused_by NOT LIKE 'case:%'), false) AS "by_admin!",
                  coalesce(bool_or(s.paused_by LIKE 'case:%'), false) AS "by_case!",
                  (SELECT max(o.due_at) FROM outbox o WHERE o.payout_id = p.id AND o.due_at > '-infinity'
                     AND o.delivered_at IS NULL AND o.dead_at IS NULL) AS turn_at
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN providers v ON v.id = p.provider_id
           CROSS JOIN control c
           LEFT JOIN pauses s ON (s.scope, s.subject) IN
               (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))
           WHERE p.id = ANY($1) AND p.status IN ('APPROVED', 'PROCESSING') GROUP BY p.id, c.paused, v.status"#,
        &ids,
    )
    .fetch_all(pool)
    .await?;
    let held_up: BTreeMap<_, _> = held_up
        .into_iter()
        .map(|seen| (seen.id, (whose(seen.by_admin, seen.by_case), seen.turn_at)))
        .collect();
    rows.into_iter()
        .map(|row| {
            let id = PayoutId::from_uuid(row.id);
            let (paused, turn_at) = held_up.get(&row.id).copied().unwrap_or_default();
            Ok((id, Standing { paused, turn_at, ..Standing::try_from(row)? }))
        })
        .collect()
}

/// Who ends the pause that holds this payout up: an admin, and where only cases do, finance. And when its turn comes.
async fn held_up(conn: &mut PgConnection, id: PayoutId) -> Result<(Option<PausedBy>, Option<DateTime<Utc>>)> {
    let seen = sqlx::query!(
        r#"SELECT c.paused OR v.status <> 'ACTIVE' OR coalesce(bool_or(s.paused_by NOT LIKE 'case:%'), false) AS "by_admin!",
                  coalesce(bool_or(s.paused_by LIKE 'case:%'), false) AS "by_case!",
                  (SELECT max(o.due_at) FROM outbox o WHERE o.payout_id = p.id AND o.due_at > '-infinity'
                     AND o.delivered_at IS NULL AND o.dead_at IS NULL) AS turn_at
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN providers v ON v.id = p.provider_id
           CROSS JOIN control c
           LEFT JOIN pauses s ON (s.scope, s.subject) IN
               (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))
           WHERE p.id = $1 GROUP BY p.id, c.paused, v.status"#,
        id.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok((whose(seen.by_admin, seen.by_case), seen.turn_at))
}

/// The same for a payout that would go to this account.
pub(super) async fn paused_account(
    conn: &mut PgConnection,
    account: BankAccountId,
) -> Result<Option<PausedBy>> {
    let seen = sqlx::query!(
        r#"SELECT c.paused OR v.status <> 'ACTIVE' OR coalesce(bool_or(s.paused_by NOT LIKE 'case:%'), false) AS "by_admin!",
                  coalesce(bool_or(s.paused_by LIKE 'case:%'), false) AS "by_case!"
           FROM bank_accounts b JOIN providers v ON v.id = b.provider_id
           CROSS JOIN control c
           LEFT JOIN pauses s ON (s.scope, s.subject) IN
               (('provider', b.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))
           WHERE b.id = $1 GROUP BY c.paused, v.status"#,
        account.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(seen.and_then(|seen| whose(seen.by_admin, seen.by_case)))
}

fn whose(by_admin: bool, by_case: bool) -> Option<PausedBy> {
    match (by_admin, by_case) {
        (true, _) => Some(PausedBy::Admin),
        (false, true) => Some(PausedBy::Case),
        (false, false) => None,
    }
}

pub(crate) async fn standing_in(conn: &mut PgConnection, id: PayoutId) -> Result<Option<Standing>> {
    sqlx::query_as!(
        Row,
        r#"SELECT p.id AS "id!", p.status AS "status!", p.risk, p.batch_id, p.held, p.next_attempt_at, p.refunded_at, p.failure_code,
                  a.number AS "number?", a.status AS "attempt_status?", a.sends AS "sends?", a.resend AS "resend?", a.check_at,
                  r.opened_at AS "waiting_since?", r.reminded_at, r.escalated_at, r.approvals AS "approvals?",
                  r.approvals_needed AS "approvals_needed?"
           FROM payouts p LEFT JOIN attempts a ON a.payout_id = p.id AND a.status <> 'FAILED' AND NOT a.late
           LEFT JOIN reviews r ON r.payout_id = p.id AND r.status = 'OPEN'
           WHERE p.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Standing::try_from)
    .transpose()
}

struct Row {
    id: uuid::Uuid,
    status: String,
    risk: Option<String>,
    batch_id: Option<uuid::Uuid>,
    held: Option<String>,
    next_attempt_at: Option<DateTime<Utc>>,
    refunded_at: Option<DateTime<Utc>>,
    failure_code: Option<String>,
    number: Option<i16>,
    attempt_status: Option<String>,
    sends: Option<i32>,
    resend: Option<bool>,
    check_at: Option<DateTime<Utc>>,
    waiting_since: Option<DateTime<Utc>>,
    reminded_at: Option<DateTime<Utc>>,
    escalated_at: Option<DateTime<Utc>>,
    approvals: Option<i16>,
    approvals_needed: Option<i16>,
}

impl TryFrom<Row> for Standing {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let open_attempt = match (row.number, row.attempt_status, row.sends, row.resend) {
            (Some(number), Some(status), Some(sends), Some(resend)) => Some(OpenAttempt {
                number: attempt_number(number)?,
                status: status.parse().map_err(Error::Corrupt)?,
                sends: u32::try_from(sends).map_err(Error::corrupt)?,
                resend,
                check_at: row.check_at,
            }),
            (_, _, _, _) => None,
        };
        let review = match (row.waiting_since, row.approvals, row.approvals_needed) {
            (Some(waiting_since), Some(approvals), Some(needed)) => Some(OpenReview {
                waiting_since,
                reminded_at: row.reminded_at,
                escalated_at: row.escalated_at,
                approvals: u8::try_from(approvals).map_err(Error::corrupt)?,
                approvals_needed: u8::try_from(needed).map_err(Error::corrupt)?,
            }),
            (_, _, _) => None,
        };
        Ok(Self {
            status: row.status.parse().map_err(Error::Corrupt)?,
            risk: row.risk.as_deref().map(route).transpose()?,
            batch: row.batch_id.map(BatchId::from_uuid),
            held: row.held.as_deref().map(held).transpose()?,
            paused: None,
            turn_at: None,
            next_attempt_at: row.next_attempt_at,
            refunded: row.refunded_at.is_some(),
            failure: row.failure_code.as_deref().map(failure_code).transpose()?,
            open_attempt,
            review,
        })
    }
}

pub(crate) fn attempt_number(number: i16) -> Result<AttemptNumber> {
    u8::try_from(number)
        .ok()
        .and_then(AttemptNumber::new)
        .ok_or_else(|| Error::corrupt(format!("attempt number {number}")))
}
