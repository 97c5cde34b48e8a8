//! Where a payout stands: its row and its open attempt, in one read, as `domain` judges them.

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, BatchId, OpenAttempt, PausedBy, PayoutId, PayoutStatus, Progress, Standing};
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

/// Where it stands, with whoever's pause holds it up now. Costs one read by key more where a pause would.
pub async fn standing(pool: &Pool, id: PayoutId) -> Result<Option<Standing>> {
    let mut conn = pool.acquire().await?;
    let Some(standing) = standing_in(&mut conn, id).await? else { return Ok(None) };
    let paused = match standing.status {
        PayoutStatus::Approved | PayoutStatus::Processing => paused_by(&mut conn, id).await?,
        PayoutStatus::Requested
        | PayoutStatus::Completed
        | PayoutStatus::Failed
        | PayoutStatus::Rejected
        | PayoutStatus::Cancelled
        | PayoutStatus::Reversed => None,
    };
    Ok(Some(Standing { paused, ..standing }))
}

/// Who ends the pause that holds this payout up: an admin, and where only cases do, finance.
async fn paused_by(conn: &mut PgConnection, id: PayoutId) -> Result<Option<PausedBy>> {
    let seen = sqlx::query!(
        r#"SELECT c.paused OR v.status <> 'ACTIVE' OR coalesce(bool_or(s.paused_by NOT LIKE 'case:%'), false) AS "by_admin!",
                  coalesce(bool_or(s.paused_by LIKE 'case:%'), false) AS "by_case!"
           FROM payouts p JOIN bank_accounts b ON b.id = p.bank_account_id JOIN providers v ON v.id = p.provider_id
           CROSS JOIN control c
           LEFT JOIN pauses s ON (s.scope, s.subject) IN
               (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text))
           WHERE p.id = $1 GROUP BY c.paused, v.status"#,
        id.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(match (seen.by_admin, seen.by_case) {
        (true, _) => Some(PausedBy::Admin),
        (false, true) => Some(PausedBy::Case),
        (false, false) => None,
    })
}

async fn standing_in(conn: &mut PgConnection, id: PayoutId) -> Result<Option<Standing>> {
    let row = sqlx::query!(
        r#"SELECT p.status, p.risk, p.batch_id, p.held, p.next_attempt_at, p.refunded_at, p.failure_code,
                  a.number AS "number?", a.status AS "attempt_status?", a.sends AS "sends?", a.resend AS "resend?", a.check_at
           FROM payouts p LEFT JOIN attempts a ON a.payout_id = p.id AND a.status <> 'FAILED' AND NOT a.late
           WHERE p.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
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
    Ok(Some(Standing {
        status: row.status.parse().map_err(Error::Corrupt)?,
        risk: row.risk.as_deref().map(route).transpose()?,
        batch: row.batch_id.map(BatchId::from_uuid),
        held: row.held.as_deref().map(held).transpose()?,
        paused: None,
        next_attempt_at: row.next_attempt_at,
        refunded: row.refunded_at.is_some(),
        failure: row.failure_code.as_deref().map(failure_code).transpose()?,
        open_attempt,
    }))
}

pub(crate) fn attempt_number(number: i16) -> Result<AttemptNumber> {
    u8::try_from(number)
        .ok()
        .and_then(AttemptNumber::new)
        .ok_or_else(|| Error::corrupt(format!("attempt number {number}")))
}
