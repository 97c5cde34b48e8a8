//! A case as staff sees it.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object, types::Any};
use uuid::Uuid;

use crate::{
    auth::Staff,
    money::Amount,
    shapes::{Action, actions},
};

/// Why somebody must look.
///
/// `unknown_too_long` (nobody could tell for a day whether a transfer was paid), `contradiction` (a failure that the gateway
/// does not confirm any more, or a record that disagrees with what was asked for), `overpaid` (money went twice; the excess is
/// the provider's debt), `reversal` (a paid transfer that the gateway now calls failed), `unknown_transfer` (the gateway has one
/// that we have no attempt for), `missing_transfer` (the other way round), `amount_differs`, `status_differs`,
/// `statement_line` (a line of the wallet's statement that nothing explains), `account_failing` (payout after payout to one bank
/// account failed), `books` (the books do not add up), `restored` (the database was restored and may have forgotten transfers),
/// `account_stopped` (a bank account was added, and its provider says by the link in the mail that it was not them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "store::cases::CaseKind")]
pub(super) enum CaseKind {
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

/// `OPEN`, or `CLOSED` by proof or by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "store::cases::CaseStatus")]
pub(super) enum CaseStatus {
    Open,
    Closed,
}

/// What a person must settle.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Case {
    /// Names the case.
    pub id: Uuid,
    /// Why somebody must look.
    pub kind: CaseKind,
    /// What it is about: `attempt:<id>`, `transfer:<gateway id>`, `bank_account:<id>` and so on.
    pub subject: String,
    /// The payout it is about.
    pub payout_id: Option<Uuid>,
    /// The provider it is about.
    pub provider_id: Option<Uuid>,
    /// How much it is about.
    pub amount: Option<Amount>,
    /// In words.
    pub summary: String,
    /// Whether it is open.
    pub status: CaseStatus,
    /// When it was found (UTC).
    pub opened_at: DateTime<Utc>,
    /// When its cause was last seen.
    pub seen_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Who closed it: `admin:<name>`, or `system` where proof healed it.
    pub closed_by: Option<String>,
    /// What settled it.
    pub resolution: Option<String>,
    /// What can be done about it, and whether you may do it now.
    pub actions: Vec<Action>,
}

impl Case {
    /// With what this one of the staff may do about it.
    pub(super) fn told(case: &store::cases::Case, staff: &Staff) -> Self {
        Self {
            id: case.id.uuid(),
            kind: case.kind.into(),
            subject: case.subject.clone(),
            payout_id: case.payout.map(domain::PayoutId::uuid),
            provider_id: case.provider.map(domain::ProviderId::uuid),
            amount: case.amount.map(Amount),
            summary: case.summary.clone(),
            status: case.status.into(),
            opened_at: case.opened_at,
            seen_at: case.seen_at,
            closed_at: case.closed_at,
            closed_by: case.closed_by.clone(),
            resolution: case.resolution.clone(),
            actions: actions(Some(store::actions::of_case(case, staff.who()))),
        }
    }
}

/// Something that was seen about a case.
#[derive(Debug, Object)]
pub(super) struct CaseEvidence {
    /// `gateway`, `ledger`, `statement`, `system`, or who said it.
    source: String,
    /// Its particulars; never an account number or a name.
    detail: Any<serde_json::Value>,
    /// When (UTC).
    observed_at: DateTime<Utc>,
}

impl From<store::cases::CaseEvidence> for CaseEvidence {
    fn from(evidence: store::cases::CaseEvidence) -> Self {
        Self { source: evidence.source, detail: Any(evidence.detail), observed_at: evidence.observed_at }
    }
}
