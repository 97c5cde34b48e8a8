//! One amount owed to a provider.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use crate::money::Amount;

/// One amount owed to a provider.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Earning {
    /// Ours.
    pub id: Uuid,
    /// The marketplace's.
    pub external_id: String,
    /// What was earned, before corrections.
    pub amount: Amount,
    /// What of it is not free any more: reserved for, or paid by, payouts, or taken for a debt.
    pub allocated: Amount,
    /// What of it has been paid.
    pub paid: Amount,
    /// What of it went against a debt.
    pub recovered: Amount,
    /// `AVAILABLE`, `RESERVED` (some or all of it belongs to payouts), `PAID_OUT` (all of it has been paid, but for what went
    /// against a debt) or `RECOVERED` (all of it went against a debt).
    pub status: String,
    /// What it was for.
    pub description: String,
    /// When it was earned (UTC). Payouts use up the oldest first.
    pub earned_at: DateTime<Utc>,
    /// The earning that this one raises, where it is an adjustment.
    pub adjusts: Option<Uuid>,
    /// Its corrections, oldest first. A raise is an earning of its own; a cut is owed back at once.
    pub adjustments: Vec<Adjustment>,
}

/// A correction of an earning.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Adjustment {
    /// Ours.
    pub id: Uuid,
    /// The marketplace's.
    pub external_id: String,
    /// The earning that it corrects.
    pub earning_id: Uuid,
    /// Above zero: more is owed to the provider. Below: less.
    pub amount: Amount,
    /// Why.
    pub reason: String,
    /// The earning that a raise is.
    pub raised_id: Option<Uuid>,
    /// When (UTC).
    pub adjusted_at: DateTime<Utc>,
}

impl From<&store::earnings::Adjustment> for Adjustment {
    fn from(adjustment: &store::earnings::Adjustment) -> Self {
        Self {
            id: adjustment.id.uuid(),
            external_id: adjustment.external_id.clone(),
            earning_id: adjustment.earning.uuid(),
            amount: Amount(adjustment.amount),
            reason: adjustment.reason.clone(),
            raised_id: adjustment.raised.map(domain::EarningId::uuid),
            adjusted_at: adjustment.adjusted_at,
        }
    }
}

impl Earning {
    /// These earnings, each with its corrections: one read more.
    pub(crate) async fn with_adjustments(
        pool: &store::Pool,
        earnings: &[store::earnings::Earning],
    ) -> Result<Vec<Self>, store::Error> {
        let ids: Vec<_> = earnings.iter().map(|earning| earning.id).collect();
        let adjustments = store::earnings::adjustments_of(pool, &ids).await?;
        let with = |earning: &store::earnings::Earning| {
            let of_it = adjustments.iter().filter(|adjustment| adjustment.earning == earning.id);
            Self { adjustments: of_it.map(Adjustment::from).collect(), ..Self::from(earning) }
        };
        Ok(earnings.iter().map(with).collect())
    }
}

impl From<&store::earnings::Earning> for Earning {
    fn from(earning: &store::earnings::Earning) -> Self {
        Self {
            id: earning.id.uuid(),
            external_id: earning.external_id.clone(),
            amount: Amount(earning.amount),
            allocated: Amount(earning.allocated),
            paid: Amount(earning.paid),
            recovered: Amount(earning.recovered),
            status: earning.status.as_str().to_owned(),
            description: earning.description.clone(),
            earned_at: earning.earned_at,
            adjusts: earning.adjusts.map(domain::EarningId::uuid),
            adjustments: vec![],
        }
    }
}
