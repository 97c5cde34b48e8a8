//! What people stop in part: a provider, a bank, a bank account. The kill switch for everything is [`crate::control`].
//!
//! Guarantee: once [`pause`] has answered no attempt begins for what is paused. Every begin share-locks the control row before
//! it reads the pauses; a pause takes the control table's exclusive lock before it writes, so it waits for the begins that are
//! under way, and those that come after it see it.
//!
//! What an admin paused an admin resumes. The pause of a case (`paused_by` is `case:<id>`) stands beside it and ends with its
//! case.

use chrono::{DateTime, Utc};
use domain::{BankAccountId, BankCode, CaseId, ProviderId};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, Error, Pool, Result, audit, control, text::storable};

/// Pauses that are listed. More at one time is a reason to pause everything.
pub const LIST_LIMIT: i64 = 1000;

/// What is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paused {
    Provider(ProviderId),
    Bank(BankCode),
    BankAccount(BankAccountId),
}

impl Paused {
    pub fn scope(&self) -> &'static str {
        match self {
            Self::Provider(_) => "provider",
            Self::Bank(_) => "bank",
            Self::BankAccount(_) => "bank_account",
        }
    }

    /// The provider's or account's id, or the bank's code.
    pub fn subject(&self) -> String {
        match self {
            Self::Provider(id) => id.to_string(),
            Self::Bank(code) => code.as_str().to_owned(),
            Self::BankAccount(id) => id.to_string(),
        }
    }

    fn parse(scope: &str, subject: &str) -> Result<Self> {
        match scope {
            "provider" => Ok(Self::Provider(subject.parse().map_err(Error::corrupt)?)),
            "bank" => Ok(Self::Bank(subject.parse().map_err(Error::corrupt)?)),
            "bank_account" => Ok(Self::BankAccount(subject.parse().map_err(Error::corrupt)?)),
            other => Err(Error::corrupt(format!("pause of a {other}"))),
        }
    }
}

/// A pause that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub what: Paused,
    pub reason: String,
    /// `admin:<sub>` or `case:<id>`.
    pub by: String,
    pub at: DateTime<Utc>,
}

/// What came of asking for a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pausing {
    Done(Pause),
    /// An admin has paused it already; nothing changed.
    Already(Pause),
    /// There is no such provider or account.
    Unknown,
}

/// What came of lifting one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resuming {
    /// No admin's pause stands (any more). `still`: a case keeps it paused.
    Done { still: Option<CaseId> },
    /// There is no such provider or account.
    Unknown,
}

struct Row {
    scope: String,
    subject: String,
    reason: String,
    paused_by: String,
    paused_at: DateTime<Utc>,
}

impl TryFrom<Row> for Pause {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            what: Paused::parse(&row.scope, &row.subject)?,
            reason: row.reason,
            by: row.paused_by,
            at: row.paused_at,
        })
    }
}

/// Every pause that stands, latest first; at most [`LIST_LIMIT`].
pub async fn list(pool: &Pool) -> Result<Vec<Pause>> {
    sqlx::query_as!(
        Row,
        "SELECT scope, subject, reason, paused_by, paused_at FROM pauses ORDER BY paused_at DESC, scope, subject LIMIT $1",
        LIST_LIMIT,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Pause::try_from)
    .collect()
}

/// Pauses. Pausing what an admin has paused already changes nothing.
pub async fn pause(
    pool: &Pool,
    what: &Paused,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Pausing> {
    let mut tx = pool.begin().await?;
    if !exists(&mut tx, what).await? {
        return Ok(Pausing::Unknown);
    }
    queue(&mut tx).await?;
    if let Some(standing) = by_admin(&mut tx, what).await? {
        return Ok(Pausing::Already(standing));
    }
    let reason = storable(reason).into_owned();
    insert(&mut tx, what, &reason, admin.as_str(), now).await?;
    let detail = json!({ "reason": reason });
    audit::record_subject(&mut tx, admin, "paused", &named(what), detail, now).await?;
    tx.commit().await?;
    control::tell_the_claimed(pool).await;
    Ok(Pausing::Done(Pause { what: what.clone(), reason, by: admin.to_string(), at: now }))
}

/// Lifts an admin's pause. Where none stands nothing changes.
pub async fn resume(
    pool: &Pool,
    what: &Paused,
    reason: &str,
    admin: &Actor,
    now: DateTime<Utc>,
) -> Result<Resuming> {
    let mut tx = pool.begin().await?;
    if !exists(&mut tx, what).await? {
        return Ok(Resuming::Unknown);
    }
    queue(&mut tx).await?;
    let lifted = sqlx::query!(
        "DELETE FROM pauses WHERE scope = $1 AND subject = $2 AND paused_by NOT LIKE 'case:%'",
        what.scope(),
        what.subject(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if lifted > 0 {
        let detail = json!({ "reason": storable(reason) });
        audit::record_subject(&mut tx, admin, "resumed", &named(what), detail, now).await?;
    }
    let still = sqlx::query_scalar!(
        "SELECT paused_by FROM pauses WHERE scope = $1 AND subject = $2 ORDER BY paused_at LIMIT 1",
        what.scope(),
        what.subject(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    let still = still.as_deref().and_then(|by| by.strip_prefix("case:"));
    Ok(Resuming::Done { still: still.map(|case| case.parse().map_err(Error::corrupt)).transpose()? })
}

/// The pause that a case makes, in the transaction that opens it: what begins after it has committed sees it.
pub(crate) async fn for_case(
    conn: &mut PgConnection,
    what: &Paused,
    case: CaseId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    insert(conn, what, reason, &case_name(case), now).await
}

/// Ends the pauses that a case made. Answers what was paused.
pub(crate) async fn end_of_case(conn: &mut PgConnection, case: CaseId) -> Result<Vec<Paused>> {
    let rows =
        sqlx::query!("DELETE FROM pauses WHERE paused_by = $1 RETURNING scope, subject", case_name(case))
            .fetch_all(conn)
            .await?;
    rows.iter().map(|row| Paused::parse(&row.scope, &row.subject)).collect()
}

fn case_name(case: CaseId) -> String {
    format!("case:{case}")
}

fn named(what: &Paused) -> String {
    format!("{}:{}", what.scope(), what.subject())
}

/// Waits for the begins that are under way; those that come later wait for this transaction.
pub(crate) async fn queue(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("LOCK TABLE control IN EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

async fn insert(
    conn: &mut PgConnection,
    what: &Paused,
    reason: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO pauses (scope, subject, reason, paused_by, paused_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (scope, subject, paused_by) DO NOTHING",
        what.scope(),
        what.subject(),
        reason,
        by,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn by_admin(conn: &mut PgConnection, what: &Paused) -> Result<Option<Pause>> {
    sqlx::query_as!(
        Row,
        "SELECT scope, subject, reason, paused_by, paused_at FROM pauses
         WHERE scope = $1 AND subject = $2 AND paused_by NOT LIKE 'case:%' LIMIT 1",
        what.scope(),
        what.subject(),
    )
    .fetch_optional(conn)
    .await?
    .map(Pause::try_from)
    .transpose()
}

/// Banks are the gateway's: any code may be paused.
async fn exists(conn: &mut PgConnection, what: &Paused) -> Result<bool> {
    let found: Option<Uuid> = match what {
        Paused::Provider(id) => {
            sqlx::query_scalar!("SELECT id FROM providers WHERE id = $1", id.uuid())
                .fetch_optional(conn)
                .await?
        }
        Paused::BankAccount(id) => {
            sqlx::query_scalar!("SELECT id FROM bank_accounts WHERE id = $1", id.uuid())
                .fetch_optional(conn)
                .await?
        }
        Paused::Bank(_) => return Ok(true),
    };
    Ok(found.is_some())
}
