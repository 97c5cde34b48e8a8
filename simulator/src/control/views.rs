//! What the control handle shows: the books as plain values. Amounts are strings in JSON, moments RFC 3339.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::books::{Arrival, Movement, MovementKind, State, Transfer, Verdict, WebhookTry};
use crate::status::Status;

/// A transfer in the books.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferView {
    pub id: u64,
    pub reference: String,
    pub account_number: String,
    pub bank_code: String,
    pub amount: Decimal,
    pub fee: Decimal,
    pub currency: String,
    pub status: Status,
    pub complete_message: String,
    /// Simulated.
    pub created_at: DateTime<Utc>,
    /// How often its reference was posted, rejected duplicates included.
    pub posts: u64,
    /// How often it was rejected as a duplicate.
    pub duplicates: u64,
    /// How often the beneficiary was paid: more than once would be the catastrophe.
    pub times_paid: usize,
    /// How often money came back to the wallet, after a failure or by reversal.
    pub times_returned: usize,
    pub movements: Vec<Movement>,
    pub webhooks: Vec<WebhookTry>,
}

impl TransferView {
    pub(super) fn of(state: &State, transfer: &Transfer) -> Self {
        let order = &transfer.order;
        let known = state.references.get(&order.reference);
        let returned = transfer.times(MovementKind::Returned);
        Self {
            id: transfer.id,
            reference: order.reference.clone(),
            account_number: order.account_number.clone(),
            bank_code: order.bank_code.clone(),
            amount: order.amount,
            fee: transfer.fee,
            currency: order.currency.clone(),
            status: transfer.status.clone(),
            complete_message: transfer.message.clone(),
            created_at: transfer.created_at,
            posts: known.map_or(0, |known| known.posts),
            duplicates: known.map_or(0, |known| known.duplicates),
            times_paid: transfer.times(MovementKind::Paid),
            times_returned: transfer.times(MovementKind::Reversed).saturating_add(returned),
            movements: transfer.movements.clone(),
            webhooks: transfer.webhooks.clone(),
        }
    }
}

/// A page of the books.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferPage {
    /// Of the whole books.
    pub total: usize,
    pub transfers: Vec<TransferView>,
    /// What to ask for `after` to get the next page; none on the last.
    pub next: Option<u64>,
}

/// Everything under one reference, whether or not a transfer came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReferenceView {
    pub reference: String,
    pub posts: u64,
    pub duplicates: u64,
    /// More than one only where a setting lets a reference be used again.
    pub transfers: Vec<TransferView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletView {
    /// What can be spent.
    pub balance: Decimal,
    /// What has left the wallet and has neither arrived nor come back.
    pub in_flight: Decimal,
}

/// The arrivals of `POST /v3/transfers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PostsView {
    pub total: u64,
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Oldest first, on the wall clock.
    pub timeline: Vec<Arrival>,
}

/// The simulated clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClockView {
    pub now: DateTime<Utc>,
    pub real_now: DateTime<Utc>,
    pub rate: u32,
}
