//! A transfer and what belongs to it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event::{Movement, MovementKind};
use crate::faults::{Endpoint, Subject};
use crate::status::Status;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) reference: String,
    pub(crate) bank_code: String,
    pub(crate) account_number: String,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    pub(crate) debit_currency: String,
    pub(crate) narration: String,
    pub(crate) beneficiary_name: Option<String>,
    pub(crate) callback_url: Option<String>,
    /// JSON text, echoed as it came.
    pub(crate) meta: Option<String>,
    pub(crate) batch: Option<u64>,
}

impl Order {
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            endpoint: Endpoint::Transfer,
            reference: Some(&self.reference),
            account_number: Some(&self.account_number),
            bank_code: Some(&self.bank_code),
            amount: Some(self.amount),
        }
    }
}

/// A status a transfer will reach, decided when it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) due: DateTime<Utc>,
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) webhook: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) id: u64,
    pub(crate) order: Order,
    pub(crate) fee: Decimal,
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) steps: VecDeque<Step>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) retry_of: Option<u64>,
    pub(crate) webhooks: Vec<WebhookTry>,
}

/// One delivery of a webhook and what the receiver said: an HTTP status, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTry {
    /// Simulated.
    pub at: DateTime<Utc>,
    pub status: Status,
    pub answer: String,
}

impl Transfer {
    pub(crate) fn times(&self, kind: MovementKind) -> usize {
        self.movements.iter().filter(|movement| movement.kind == kind).count()
    }

    /// Amount and fee, as far as they have left the wallet and neither arrived nor come back.
    pub(crate) fn in_flight(&self) -> Decimal {
        match self.movements.as_slice() {
            [only] if only.kind == MovementKind::Debited => only.amount,
            _ => Decimal::ZERO,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) errors: Vec<BatchError>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BatchError {
    pub(crate) reference: String,
    pub(crate) item: usize,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Beneficiary {
    pub(crate) id: u64,
    pub(crate) bank_code: String,
    pub(crate) account_number: String,
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
}
