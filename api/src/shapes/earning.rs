//! One amount owed to a provider.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use crate::money::Amount;

/// One amount owed to a provider.
#[derive(Debug, Clone, Object)]
pub(crate) struct Earning {
    /// Ours.
    pub id: Uuid,
    /// The marketplace's.
    pub external_id: String,
    /// What is owed.
    pub amount: Amount,
    /// What of it is reserved for, or was paid by, payouts.
    pub allocated: Amount,
    /// What of it has been paid.
    pub paid: Amount,
    /// `AVAILABLE`, `RESERVED` (some or all of it belongs to payouts) or `PAID_OUT` (all of it has been paid).
    pub status: String,
    /// What it was for.
    pub description: String,
    /// When it was earned (UTC). Payouts use up the oldest first.
    pub earned_at: DateTime<Utc>,
}

impl From<&store::earnings::Earning> for Earning {
    fn from(earning: &store::earnings::Earning) -> Self {
        Self {
            id: earning.id.uuid(),
            external_id: earning.external_id.clone(),
            amount: Amount(earning.amount),
            allocated: Amount(earning.allocated),
            paid: Amount(earning.paid),
            status: earning.status.as_str().to_owned(),
            description: earning.description.clone(),
            earned_at: earning.earned_at,
        }
    }
}
