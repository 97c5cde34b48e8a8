//! What a transfer cost: booked once for each that paid, at the first answer that tells it. That may be long after: two people
//! may have said that it paid, and its record turns up later.

use chrono::{DateTime, Utc};
use domain::{AttemptId, AttemptStatus, Observed, PayoutId, judge};
use sqlx::PgConnection;

use crate::{Error, Result, ledger};

/// Books the fee that this answer tells, unless one was told before. The answer agrees with what was asked for, and has been
/// acted on; the payout and the attempt are locked. An attempt has a fee just where it is booked.
pub(super) async fn book(
    conn: &mut PgConnection,
    payout: PayoutId,
    attempt: AttemptId,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = sqlx::query!("SELECT status, fee FROM attempts WHERE id = $1", attempt.uuid())
        .fetch_one(&mut *conn)
        .await?;
    let after: AttemptStatus = row.status.parse().map_err(Error::Corrupt)?;
    let (None, Some(fee)) = (row.fee, judge::fee_told(after, observed)) else { return Ok(()) };
    sqlx::query!(
        "UPDATE attempts SET fee = $2, updated_at = $3 WHERE id = $1",
        attempt.uuid(),
        fee.amount(),
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE payouts SET fee = $3 WHERE id = $1 AND fee IS NULL
           AND EXISTS (SELECT FROM postings WHERE attempt_id = $2 AND kind = 'paid')",
        payout.uuid(),
        attempt.uuid(),
        fee.amount(),
    )
    .execute(&mut *conn)
    .await?;
    if fee.is_zero() { Ok(()) } else { ledger::fee(conn, payout, attempt, fee, now).await }
}
