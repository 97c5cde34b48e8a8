//! The gateway's JSON for a transfer, as its API shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::accounts;
use crate::banks;
use crate::books::Transfer;
use crate::money::Number;

/// Whole seconds with a decoration of milliseconds, as in every sample.
pub(crate) fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[derive(Serialize)]
pub(crate) struct TransferData {
    id: u64,
    account_number: String,
    bank_code: String,
    full_name: String,
    created_at: String,
    currency: String,
    debit_currency: String,
    amount: Number,
    fee: Number,
    status: String,
    reference: String,
    meta: Option<Box<RawValue>>,
    narration: String,
    /// Look-ups have the field, the answer to a POST has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    approver: Option<()>,
    complete_message: String,
    requires_approval: u8,
    is_approved: u8,
    bank_name: String,
}

impl TransferData {
    pub(crate) fn queued(transfer: &Transfer) -> Self {
        let order = &transfer.order;
        Self {
            id: transfer.id,
            account_number: order.account_number.clone(),
            bank_code: order.bank_code.clone(),
            full_name: accounts::owner(&order.bank_code, &order.account_number),
            created_at: moment(transfer.created_at),
            currency: order.currency.clone(),
            debit_currency: order.debit_currency.clone(),
            amount: Number(order.amount),
            fee: Number(transfer.fee),
            status: transfer.status.clone().into(),
            reference: order.reference.clone(),
            meta: order.meta.clone().and_then(|meta| RawValue::from_string(meta).ok()),
            narration: order.narration.clone(),
            approver: None,
            complete_message: transfer.message.clone(),
            requires_approval: 0,
            is_approved: 1,
            bank_name: banks::transfer_name(&order.bank_code),
        }
    }

    pub(crate) fn fetched(transfer: &Transfer) -> Self {
        Self { approver: Some(()), ..Self::queued(transfer) }
    }
}
