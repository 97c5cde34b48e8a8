//! The wallet's statement, as a CSV file: every movement between the wallet and the world, oldest first.
//!
//! Limit: money put into the wallet by the control API is not in it, and there is no running balance.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::books::{Movement, MovementKind, State, Transfer};

const HEADER: &str = "Date,Type,Amount,Fee,Currency,Reference,Remarks\n";

/// What one movement is in the statement.
struct Entry<'a> {
    at: DateTime<Utc>,
    direction: &'static str,
    amount: Decimal,
    fee: Decimal,
    transfer: &'a Transfer,
    remarks: &'static str,
}

pub(super) fn csv(state: &State) -> String {
    let mut entries: Vec<_> = state
        .transfers
        .values()
        .flat_map(|transfer| transfer.movements.iter().filter_map(|movement| entry(transfer, movement)))
        .collect();
    entries.sort_by_key(|entry| entry.at);
    let mut file = HEADER.to_owned();
    for entry in entries {
        let at = entry.at.format("%Y-%m-%dT%H:%M:%S.%6fZ");
        let Entry { direction, amount, fee, transfer, remarks, .. } = entry;
        let (currency, reference) = (&transfer.order.debit_currency, quoted(&transfer.order.reference));
        // Writing to a String cannot fail.
        let _ = writeln!(file, "{at},{direction},{amount},{fee},{currency},{reference},{remarks}");
    }
    file
}

fn entry<'a>(transfer: &'a Transfer, movement: &Movement) -> Option<Entry<'a>> {
    let entry = |direction, amount, fee, remarks| {
        Some(Entry { at: movement.at, direction, amount, fee, transfer, remarks })
    };
    match movement.kind {
        MovementKind::Debited => entry("debit", transfer.order.amount, transfer.fee, "Transfer"),
        MovementKind::Returned => entry("credit", movement.amount, Decimal::ZERO, "Failed transfer"),
        MovementKind::Reversed => entry("credit", movement.amount, Decimal::ZERO, "Reversed transfer"),
        // It left the wallet before.
        MovementKind::Paid => None,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
