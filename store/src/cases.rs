//! What a person must settle, with its evidence.
//!
//! A case is opened in the transaction that found it. Finding it again adds what is new to the open one; a case that proof
//! heals is closed by the system in the transaction that heals it.

use chrono::{DateTime, Utc};
use domain::{CaseId, Money, PayoutId, ProviderId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    Result,
    text::{storable, storable_json},
};

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
}

impl CaseKind {
    pub const ALL: [Self; 12] = [
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
