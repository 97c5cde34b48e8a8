//! What a person must settle, with its evidence.
//!
//! A case is opened in the transaction that found it. Finding it again adds what is new to the open one; a case that proof
//! heals is closed by the system in the transaction that heals it.

use chrono::{DateTime, Utc};
use domain::{AttemptId, BankAccountId, CaseId, Money, PayoutId, ProviderId};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Actor, Error, Pool, Result, audit, bank_accounts,
    notifications::{self, AdminEvent},
    pauses,
    payouts::money,
    text::{storable, storable_json},
};

/// Observations of one case that are shown, oldest first.
pub const EVIDENCE_LIMIT: i64 = 1000;

/// Why somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaseKind {
    UnknownTooLong,
    Contradiction,
    Overpaid,
    Reversal,
    UnknownTransfer,
    MissingTransfer,
    AmountDiffers,
    StatusDiffers,
    StatementLine,
    AccountFailing,
    Books,
    Restored,
    AccountStopped,
}

impl CaseKind {
    pub const ALL: [Self; 13] = [
        Self::UnknownTooLong,
        Self::Contradiction,
        Self::Overpaid,
        Self::Reversal,
        Self::UnknownTransfer,
        Self::MissingTransfer,
        Self::AmountDiffers,
        Self::StatusDiffers,
        Self::StatementLine,
        Self::AccountFailing,
        Self::Books,
        Self::Restored,
        Self::AccountStopped,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTooLong => "unknown_too_long",
            Self::Contradiction => "contradiction",
            Self::Overpaid => "overpaid",
            Self::Reversal => "reversal",
            Self::UnknownTransfer => "unknown_transfer",
            Self::MissingTransfer => "missing_transfer",
            Self::AmountDiffers => "amount_differs",
            Self::StatusDiffers => "status_differs",
            Self::StatementLine => "statement_line",
            Self::AccountFailing => "account_failing",
            Self::Books => "books",
            Self::Restored => "restored",
            Self::AccountStopped => "account_stopped",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    pub kind: CaseKind,
    /// What it is about: `attempt:<id>`, `transfer:<gateway id>`, … At most one case of a kind is open about it.
    pub subject: String,
    pub payout: Option<PayoutId>,
    pub provider: Option<ProviderId>,
    pub amount: Option<Money>,
    /// In words, for the list; at most 500 characters.
    pub summary: &'a str,
    /// `gateway`, `ledger`, `statement`, `system`, or who said it.
    pub source: &'a str,
    /// Never an account number or a name.
    pub detail: Value,
}

/// Opens a case, or adds to the one that is open. Seeing the very same again only notes when.
pub async fn open(conn: &mut PgConnection, finding: &Finding<'_>, now: DateTime<Utc>) -> Result<CaseId> {
    let summary = storable(finding.summary);
    let case = sqlx::query_scalar!(
        "INSERT INTO cases (id, kind, subject, payout_id, provider_id, amount, currency, summary, opened_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         ON CONFLICT (kind, subject) WHERE status = 'OPEN'
         DO UPDATE SET seen_at = greatest(cases.seen_at, EXCLUDED.seen_at)
         RETURNING id",
        CaseId::mint().uuid(),
        finding.kind.as_str(),
        finding.subject,
        finding.payout.map(PayoutId::uuid),
        finding.provider.map(ProviderId::uuid),
        finding.amount.map(Money::amount),
        finding.amount.map(|amount| amount.currency().code()),
        summary.as_ref(),
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let case = CaseId::from_uuid(case);
    // Told once for each case, however often it is found again.
    let (about, key) = (AdminEvent::CaseOpened, format!("case:{case}"));
    notifications::tell_admins(conn, about, &key, &summary, now).await?;
    add_evidence(conn, case, finding.source, finding.detail.clone(), now).await?;
    Ok(case)
}

/// Adds what was seen, unless it was the last thing seen.
pub async fn add_evidence(
    conn: &mut PgConnection,
    case: CaseId,
    source: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO case_evidence (case_id, source, detail, observed_at)
         SELECT $1, $2, $3, $4
         WHERE NOT EXISTS (
             SELECT FROM (SELECT source, detail FROM case_evidence WHERE case_id = $1 ORDER BY id DESC LIMIT 1) latest
             WHERE latest.source = $2 AND latest.detail = $3)",
        case.uuid(),
        source,
        storable_json(detail),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes the open case of this kind about a subject, where there is one: proof has settled it.
pub async fn heal(
    conn: &mut PgConnection,
    kind: CaseKind,
    subject: &str,
    resolution: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let healed = sqlx::query!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $3, closed_by = 'system', resolution = $4
         WHERE kind = $1 AND subject = $2 AND status = 'OPEN'",
        kind.as_str(),
        subject,
        now,
        resolution,
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(healed == 1)
}

/// The subject of a case about an attempt.
pub fn about_attempt(attempt: AttemptId) -> String {
    format!("attempt:{attempt}")
}

/// The subject of a case about a bank account.
pub fn about_bank_account(account: BankAccountId) -> String {
    format!("bank_account:{account}")
}

/// The attempt's outcome is known: whoever was asked to find it out, or to settle what was said about it, has nothing left to
/// do. For the transaction in which it ends.
pub(crate) async fn attempt_ended(
    conn: &mut PgConnection,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<()> {
    const WORDS: &str = "the attempt's outcome is known";
    let subject = about_attempt(attempt);
    for kind in [CaseKind::UnknownTooLong, CaseKind::Contradiction] {
        heal(conn, kind, &subject, WORDS, now).await?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseStatus {
    Open,
    Closed,
}

impl CaseStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Closed => "CLOSED",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "OPEN" => Ok(Self::Open),
            "CLOSED" => Ok(Self::Closed),
            other => Err(Error::corrupt(format!("case status {other}"))),
        }
    }
}

/// A case as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub id: CaseId,
    pub kind: CaseKind,
    pub subject: String,
    pub payout: Option<PayoutId>,
    pub provider: Option<ProviderId>,
    pub amount: Option<Money>,
    pub summary: String,
    pub status: CaseStatus,
    pub opened_at: DateTime<Utc>,
    /// When its cause was last seen.
    pub seen_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    /// `system` where proof healed it.
    pub closed_by: Option<String>,
    pub resolution: Option<String>,
}

/// What was seen about a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseEvidence {
    pub source: String,
    pub detail: Value,
    pub observed_at: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    kind: String,
    subject: String,
    payout_id: Option<Uuid>,
    provider_id: Option<Uuid>,
    amount: Option<Decimal>,
    currency: Option<String>,
    summary: String,
    status: String,
    opened_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    closed_by: Option<String>,
    resolution: Option<String>,
}

impl TryFrom<Row> for Case {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let amount = row.amount.zip(row.currency.as_deref());
        Ok(Self {
            id: CaseId::from_uuid(row.id),
            kind: CaseKind::parse(&row.kind).ok_or_else(|| Error::corrupt(format!("case {}", row.kind)))?,
            subject: row.subject,
            payout: row.payout_id.map(PayoutId::from_uuid),
            provider: row.provider_id.map(ProviderId::from_uuid),
            amount: amount.map(|(amount, currency)| money(amount, currency)).transpose()?,
            summary: row.summary,
            status: CaseStatus::parse(&row.status)?,
            opened_at: row.opened_at,
            seen_at: row.seen_at,
            closed_at: row.closed_at,
            closed_by: row.closed_by,
            resolution: row.resolution,
        })
    }
}

/// Which cases a list shows. Everything is optional and narrows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kind: Option<CaseKind>,
    pub status: Option<CaseStatus>,
    pub payout: Option<PayoutId>,
    pub provider: Option<ProviderId>,
}

/// Newest first, older than `before`.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub before: Option<CaseId>,
    pub limit: i64,
}

pub async fn list(pool: &Pool, filter: &Filter, page: Page) -> Result<Vec<Case>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, subject, payout_id, provider_id, amount, currency, summary, status, opened_at, seen_at, closed_at,
                closed_by, resolution
         FROM cases
         WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR status = $2)
           AND ($3::uuid IS NULL OR payout_id = $3) AND ($4::uuid IS NULL OR provider_id = $4)
           AND ($5::uuid IS NULL OR id < $5)
         ORDER BY id DESC LIMIT $6",
        filter.kind.map(CaseKind::as_str),
        filter.status.map(CaseStatus::as_str),
        filter.payout.map(PayoutId::uuid),
        filter.provider.map(ProviderId::uuid),
        page.before.map(CaseId::uuid),
        page.limit,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Case::try_from)
    .collect()
}

/// What a person must still settle about a payout.
pub async fn open_of_payout(pool: &Pool, payout: PayoutId) -> Result<Vec<Case>> {
    /// A payout has a handful in the worst case.
    const LIMIT: i64 = 100;
    let filter = Filter { status: Some(CaseStatus::Open), payout: Some(payout), ..Filter::default() };
    list(pool, &filter, Page { before: None, limit: LIMIT }).await
}

/// The same for the payouts of a page.
pub async fn open_of_payouts(pool: &Pool, payouts: &[PayoutId]) -> Result<Vec<Case>> {
    let ids: Vec<Uuid> = payouts.iter().copied().map(PayoutId::uuid).collect();
    sqlx::query_as!(
        Row,
        "SELECT id, kind, subject, payout_id, provider_id, amount, currency, summary, status, opened_at, seen_at, closed_at,
                closed_by, resolution
         FROM cases WHERE payout_id = ANY($1) AND status = 'OPEN' ORDER BY id DESC",
        &ids,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Case::try_from)
    .collect()
}

pub async fn get(pool: &Pool, id: CaseId) -> Result<Option<Case>> {
    get_in(&mut *pool.acquire().await?, id).await
}

pub(crate) async fn get_in(conn: &mut PgConnection, id: CaseId) -> Result<Option<Case>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, subject, payout_id, provider_id, amount, currency, summary, status, opened_at, seen_at, closed_at,
                closed_by, resolution
         FROM cases WHERE id = $1",
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Case::try_from)
    .transpose()
}

/// What was seen about a case, oldest first; at most [`EVIDENCE_LIMIT`].
pub async fn evidence(pool: &Pool, id: CaseId) -> Result<Vec<CaseEvidence>> {
    Ok(sqlx::query_as!(
        CaseEvidence,
        "SELECT source, detail, observed_at FROM case_evidence WHERE case_id = $1 ORDER BY id LIMIT $2",
        id.uuid(),
        EVIDENCE_LIMIT,
    )
    .fetch_all(pool)
    .await?)
}

/// How a person closes a case.
#[derive(Debug, Clone)]
pub struct Closing<'a> {
    pub case: CaseId,
    /// Why it can be closed; 1 to 1000 characters.
    pub reason: &'a str,
    /// What was arranged, where the cause still stands; 1 to 1000 characters.
    pub resolution: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    Done(Box<Case>),
    NotFound,
    /// Somebody, or proof, was faster.
    Already(Box<Case>),
    /// What it was opened for is still so, and nothing was said about it.
    StillSo {
        why: &'static str,
    },
}

/// A person settles a case. What is still so needs a resolution in words. The pauses that the case made end with it, in the
/// same transaction. No money moves.
///
/// Locks: the bank account of an account's case, then the case.
pub async fn close(pool: &Pool, closing: &Closing<'_>, actor: &Actor, now: DateTime<Utc>) -> Result<Closed> {
    let mut tx = pool.begin().await?;
    let Some(case) = get_in(&mut tx, closing.case).await? else { return Ok(Closed::NotFound) };
    match case.status {
        CaseStatus::Open => {}
        CaseStatus::Closed => return Ok(Closed::Already(Box::new(case))),
    }
    if let Some(why) = still_so(&mut tx, &case).await?
        && closing.resolution.is_none()
    {
        return Ok(Closed::StillSo { why });
    }
    if case.kind == CaseKind::AccountFailing
        && let Some(account) = id_in(&case.subject, "bank_account:")
    {
        bank_accounts::forget_failures(&mut tx, BankAccountId::from_uuid(account)).await?;
    }
    let (reason, resolution) = (storable(closing.reason), closing.resolution.map(storable));
    let closed = sqlx::query!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $2, closed_by = $3, resolution = $4 WHERE id = $1 AND status = 'OPEN'",
        closing.case.uuid(),
        now,
        actor.as_str(),
        resolution.as_deref().unwrap_or(&reason),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let resumed = pauses::end_of_case(&mut tx, closing.case).await?;
    let after = get_in(&mut tx, closing.case).await?.ok_or_else(|| Error::corrupt("a case is gone"))?;
    if closed == 0 {
        return Ok(Closed::Already(Box::new(after)));
    }
    let resumed: Vec<_> = resumed.iter().map(|what| format!("{}:{}", what.scope(), what.subject())).collect();
    let detail =
        json!({ "case": case.id, "kind": case.kind.as_str(), "resolution": resolution, "resumed": resumed });
    if let Some(payout) = case.payout {
        audit::record(&mut tx, actor, "case_closed", payout, Some(closing.reason), detail, now).await?;
    } else {
        let detail = json!({ "reason": reason, "about": detail });
        let subject = format!("case:{}", case.id);
        audit::record_subject(&mut tx, actor, "case_closed", &subject, detail, now).await?;
    }
    tx.commit().await?;
    Ok(Closed::Done(Box::new(after)))
}

/// What is still as it was when the case was opened, in words; `None` only where the database itself shows that it is not.
async fn still_so(conn: &mut PgConnection, case: &Case) -> Result<Option<&'static str>> {
    const NOT_SHOWN: &str = "nothing that is recorded here shows that the difference is gone";
    Ok(match case.kind {
        CaseKind::UnknownTooLong => open_attempt(conn, case).await?,
        CaseKind::Contradiction => match open_attempt(conn, case).await? {
            Some(why) => Some(why),
            None => doubted_attempt(conn, case).await?,
        },
        CaseKind::Overpaid => {
            let owes = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM ledger_accounts
                       WHERE kind = 'provider_debt' AND provider_id = $1 AND currency = $2 AND balance < 0) AS "owes!""#,
                case.provider.map(ProviderId::uuid),
                case.amount.map(|amount| amount.currency().code()),
            )
            .fetch_one(conn)
            .await?;
            owes.then_some("the provider still owes what was paid too much")
        }
        CaseKind::Reversal => {
            let seen = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM attempts
                       WHERE id = $1 AND status = 'SUCCEEDED' AND reversal_seen_at IS NOT NULL) AS "seen!""#,
                id_in(&case.subject, "attempt:"),
            )
            .fetch_one(conn)
            .await?;
            seen.then_some(
                "the gateway still says that the transfer did not stay paid, and nothing was given back",
            )
        }
        CaseKind::AccountFailing => {
            let paused = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM bank_accounts WHERE id = $1 AND status = 'ACTIVE' AND failed_in_row > 0) AS "paused!""#,
                id_in(&case.subject, "bank_account:"),
            )
            .fetch_one(conn)
            .await?;
            paused.then_some("nothing has been paid to the account since its payouts failed")
        }
        CaseKind::Restored => {
            let paused = sqlx::query_scalar!("SELECT paused FROM control").fetch_one(conn).await?;
            paused.then_some("payouts are still paused")
        }
        CaseKind::UnknownTransfer
        | CaseKind::MissingTransfer
        | CaseKind::AmountDiffers
        | CaseKind::StatusDiffers
        | CaseKind::StatementLine
        | CaseKind::AccountStopped
        | CaseKind::Books => Some(NOT_SHOWN),
    })
}

async fn open_attempt(conn: &mut PgConnection, case: &Case) -> Result<Option<&'static str>> {
    let open = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts
               WHERE id = $1 AND status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')) AS "open!""#,
        id_in(&case.subject, "attempt:"),
    )
    .fetch_one(conn)
    .await?;
    Ok(open.then_some("the attempt still has no outcome"))
}

async fn doubted_attempt(conn: &mut PgConnection, case: &Case) -> Result<Option<&'static str>> {
    let doubted = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts WHERE id = $1 AND doubt IS NOT NULL) AS "doubted!""#,
        id_in(&case.subject, "attempt:"),
    )
    .fetch_one(conn)
    .await?;
    Ok(doubted.then_some("the gateway still does not confirm that the attempt failed"))
}

/// The id in a subject such as `attempt:<id>`.
fn id_in(subject: &str, kind: &str) -> Option<Uuid> {
    Uuid::try_parse(subject.strip_prefix(kind)?).ok()
}
