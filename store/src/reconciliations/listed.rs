//! Whose the rows of the gateway's list are.

use domain::{
    AccountName, AttemptId, AttemptNumber, AttemptTerms, Doubt, PayoutId, ProviderId, Reference,
    reconcile::Ours,
};

use crate::{
    Error, Pool, Result,
    payouts::{attempt_number, money},
};

/// An attempt of ours as it is compared.
#[derive(Debug, Clone)]
pub struct Known {
    pub payout: PayoutId,
    pub provider: ProviderId,
    pub attempt: AttemptId,
    pub number: AttemptNumber,
    pub ours: Ours,
}

pub(super) struct Row {
    pub(super) id: uuid::Uuid,
    pub(super) payout_id: uuid::Uuid,
    pub(super) provider_id: uuid::Uuid,
    pub(super) number: i16,
    pub(super) reference: String,
    pub(super) status: String,
    pub(super) gateway_id: Option<String>,
    pub(super) doubt: Option<String>,
    pub(super) reversal_open: bool,
    pub(super) fee_known: bool,
    pub(super) amount: rust_decimal::Decimal,
    pub(super) currency: String,
    pub(super) bank_code: String,
    pub(super) account_number: String,
    pub(super) account_name: String,
}

impl TryFrom<Row> for Known {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let doubt = row
            .doubt
            .as_deref()
            .map(|text| Doubt::parse(text).ok_or_else(|| Error::corrupt(format!("doubt {text}"))));
        Ok(Self {
            payout: PayoutId::from_uuid(row.payout_id),
            provider: ProviderId::from_uuid(row.provider_id),
            attempt: AttemptId::from_uuid(row.id),
            number: attempt_number(row.number)?,
            ours: Ours {
                gateway_id: row.gateway_id,
                status: row.status.parse().map_err(Error::Corrupt)?,
                doubt: doubt.transpose()?,
                reversal_open: row.reversal_open,
                fee_known: row.fee_known,
                terms: AttemptTerms {
                    reference: Reference::from_stored(row.reference),
                    amount: money(row.amount, &row.currency)?,
                    bank: row.bank_code.parse().map_err(Error::corrupt)?,
                    account: row.account_number.parse().map_err(Error::corrupt)?,
                    beneficiary: AccountName::new(&row.account_name),
                    narration: String::new(),
                },
            },
        })
    }
}

/// The attempts under these references, in no order.
pub async fn known(pool: &Pool, references: &[Reference]) -> Result<Vec<Known>> {
    let references: Vec<String> = references.iter().map(|reference| reference.as_str().to_owned()).collect();
    sqlx::query_as!(
        Row,
        r#"SELECT a.id, a.payout_id, p.provider_id, a.number, a.reference, a.status, a.gateway_id, a.doubt,
                  (a.reversal_seen_at IS NOT NULL AND a.status = 'SUCCEEDED') AS "reversal_open!",
                  a.fee IS NOT NULL AS "fee_known!", p.amount, p.currency, b.bank_code, b.account_number, b.account_name
           FROM attempts a JOIN payouts p ON p.id = a.payout_id JOIN bank_accounts b ON b.id = p.bank_account_id
           WHERE a.reference = ANY($1)"#,
        &references,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Known::try_from)
    .collect()
}
