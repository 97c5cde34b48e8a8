//! What still differs is a case; what agrees again closes it.

use chrono::{DateTime, Utc};
use domain::{CaseId, Money, ProviderId, reconcile::Difference};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Known, cut};
use crate::{
    Pool, Result,
    cases::{self, CaseKind, Finding, about_attempt},
    text::storable_json,
};

/// What a difference is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An attempt of ours, and what the gateway has for it.
    Attempt { known: &'a Known, difference: Difference },
    /// A transfer that is not an attempt of ours. `of`: the attempt whose reference it has or tried again.
    Transfer {
        gateway_id: &'a str,
        of: Option<&'a Known>,
        amount: Option<Money>,
        provider: Option<ProviderId>,
    },
}

/// Opens the case, or adds to the open one. `None`: a person has closed it as explained, and the gateway says the same as then.
pub async fn differ(
    pool: &Pool,
    subject: Subject<'_>,
    summary: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<Option<CaseId>> {
    let mut tx = pool.begin().await?;
    let case = differ_in(&mut tx, subject, summary, detail, now).await?;
    tx.commit().await?;
    Ok(case)
}

pub(crate) async fn differ_in(
    conn: &mut PgConnection,
    subject: Subject<'_>,
    summary: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> Result<Option<CaseId>> {
    let summary = cut(summary);
    let detail = storable_json(detail);
    let finding = match subject {
        Subject::Attempt { known, difference } => Finding {
            kind: kind_of(difference),
            subject: about_attempt(known.attempt),
            payout: Some(known.payout),
            provider: Some(known.provider),
            amount: Some(known.ours.terms.amount),
            summary: &summary,
            source: "gateway",
            detail,
        },
        Subject::Transfer { gateway_id, of, amount, provider } => Finding {
            kind: CaseKind::UnknownTransfer,
            subject: about_transfer(gateway_id),
            payout: of.map(|known| known.payout),
            provider: provider.or(of.map(|known| known.provider)),
            amount,
            summary: &summary,
            source: "gateway",
            detail,
        },
    };
    if explained(conn, &finding).await? {
        return Ok(None);
    }
    cases::open(conn, &finding, now).await.map(Some)
}

/// The subject of a case about a transfer that is not ours.
pub(super) fn about_transfer(gateway_id: &str) -> String {
    /// The column holds 200 with the word before it; the gateway's ids have at most 20 digits.
    const MAX_CHARS: usize = 100;
    format!("transfer:{}", cut(gateway_id).chars().take(MAX_CHARS).collect::<String>())
}

fn kind_of(difference: Difference) -> CaseKind {
    match difference {
        Difference::Amount | Difference::Currency => CaseKind::AmountDiffers,
        // The record disagrees with what was asked for.
        Difference::Account | Difference::Bank => CaseKind::Contradiction,
        Difference::Outcome => CaseKind::StatusDiffers,
        Difference::Missing => CaseKind::MissingTransfer,
    }
}

/// Whether a person has closed a case of this kind about this subject after it was last seen to be just so.
pub(crate) async fn explained(conn: &mut PgConnection, finding: &Finding<'_>) -> Result<bool> {
    let explained = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM (SELECT id, closed_by FROM cases
                            WHERE kind = $1 AND subject = $2 ORDER BY id DESC LIMIT 1) latest
               WHERE latest.closed_by <> 'system'
                 AND EXISTS (SELECT FROM case_evidence e
                             WHERE e.case_id = latest.id AND e.source = $3 AND e.detail = $4)) AS "explained!""#,
        finding.kind.as_str(),
        finding.subject,
        finding.source,
        finding.detail,
    )
    .fetch_one(conn)
    .await?;
    Ok(explained)
}

/// These attempts agree with the gateway (again): whoever was asked to settle a difference has nothing left to do.
pub async fn agree(pool: &Pool, attempts: &[&Known], now: DateTime<Utc>) -> Result<u64> {
    let subjects: Vec<String> = attempts.iter().map(|known| about_attempt(known.attempt)).collect();
    if subjects.is_empty() {
        return Ok(0);
    }
    Ok(sqlx::query!(
        "UPDATE cases SET status = 'CLOSED', closed_at = $2, closed_by = 'system',
                resolution = 'The gateway and we tell the same again.'
         WHERE kind IN ('missing_transfer', 'amount_differs', 'status_differs') AND subject = ANY($1) AND status = 'OPEN'",
        &subjects,
        now,
    )
    .execute(pool)
    .await?
    .rows_affected())
}

/// A transfer that is not ours has failed: whoever was asked about it has nothing left to do.
pub async fn moved_nothing(pool: &Pool, gateway_id: &str, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let subject = about_transfer(gateway_id);
    let resolution = "The gateway says that it failed: no money moved.";
    let healed = cases::heal(&mut tx, CaseKind::UnknownTransfer, &subject, resolution, now).await?;
    tx.commit().await?;
    Ok(healed)
}

/// The evidence of a difference: never an account number or a name.
pub(super) fn told(gateway_id: &str, reference: &str, status: &str) -> Value {
    json!({ "gateway_id": gateway_id, "reference": reference, "status": status })
}
