//! The body of a webhook.
//!
//! The webhook says `fullname` where the API says `full_name`, and a key contains a dot: both are the gateway's.
//! <https://developer.flutterwave.com/v3.0.0/docs/webhooks>

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::accounts;
use crate::api::shapes;
use crate::banks;
use crate::books::Transfer;
use crate::money::Number;
use crate::settings::{Settings, WebhookShape};
use crate::status::Status;

#[derive(Serialize)]
struct Current {
    event: &'static str,
    #[serde(rename = "event.type", skip_serializing_if = "Option::is_none")]
    event_type: Option<&'static str>,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    id: u64,
    account_number: String,
    bank_name: String,
    bank_code: String,
    fullname: String,
    created_at: String,
    currency: String,
    debit_currency: String,
    amount: Number,
    fee: Number,
    status: String,
    reference: String,
    meta: Option<Box<RawValue>>,
    narration: String,
    approver: Option<String>,
    complete_message: String,
    requires_approval: u8,
    is_approved: u8,
}

#[derive(Serialize)]
struct Legacy {
    #[serde(rename = "event.type")]
    event_type: &'static str,
    transfer: LegacyTransfer,
}

#[derive(Serialize)]
struct LegacyTransfer {
    id: u64,
    account_number: String,
    bank_code: String,
    fullname: String,
    date_created: String,
    currency: String,
    debit_currency: Option<String>,
    amount: Number,
    fee: Number,
    status: String,
    reference: String,
    meta: Option<Box<RawValue>>,
    narration: String,
    approver: Option<String>,
    complete_message: String,
    requires_approval: u8,
    is_approved: u8,
    bank_name: String,
    proof: String,
}

/// What a webhook claims, if it differs from the books.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) status: Option<Status>,
    pub(crate) message: Option<String>,
    pub(crate) amount: Option<Decimal>,
    pub(crate) account_number: Option<String>,
    pub(crate) id: Option<u64>,
}

pub(crate) fn body(
    transfer: &Transfer,
    claim: Claim,
    settings: &Settings,
) -> Result<String, serde_json::Error> {
    let order = &transfer.order;
    let id = claim.id.unwrap_or(transfer.id);
    let data = Data {
        id,
        account_number: claim.account_number.unwrap_or_else(|| order.account_number.clone()),
        bank_name: banks::transfer_name(&order.bank_code),
        bank_code: order.bank_code.clone(),
        fullname: accounts::owner(&order.bank_code, &order.account_number),
        created_at: shapes::moment(transfer.created_at),
        currency: order.currency.clone(),
        debit_currency: order.debit_currency.clone(),
        amount: Number(claim.amount.unwrap_or(order.amount)),
        fee: Number(transfer.fee),
        status: claim.status.unwrap_or_else(|| transfer.status.clone()).into(),
        reference: order.reference.clone(),
        meta: order.meta.clone().and_then(|meta| RawValue::from_string(meta).ok()),
        narration: order.narration.clone(),
        approver: None,
        complete_message: claim.message.unwrap_or_else(|| transfer.message.clone()),
        requires_approval: 0,
        is_approved: 1,
    };
    match settings.webhook_shape {
        WebhookShape::Current => serde_json::to_string(&Current {
            event: "transfer.completed",
            event_type: settings.event_type.then_some("Transfer"),
            data,
        }),
        WebhookShape::Legacy => {
            serde_json::to_string(&Legacy { event_type: "Transfer", transfer: legacy(data, id) })
        }
    }
}

fn legacy(data: Data, id: u64) -> LegacyTransfer {
    LegacyTransfer {
        id: data.id,
        account_number: data.account_number,
        bank_code: data.bank_code,
        fullname: data.fullname,
        date_created: data.created_at,
        currency: data.currency,
        debit_currency: None,
        amount: data.amount,
        fee: data.fee,
        status: data.status,
        reference: data.reference,
        meta: data.meta,
        narration: data.narration,
        approver: data.approver,
        complete_message: data.complete_message,
        requires_approval: data.requires_approval,
        is_approved: data.is_approved,
        bank_name: data.bank_name,
        // A session id of thirty digits, as the inter-bank switch gives out.
        proof: format!("{id:030}"),
    }
}
