//! The words for where things stand.

use poem_openapi::Enum;

/// Where a payout stands.
///
/// `REQUESTED` (also while under review), `APPROVED` (waits for a batch), `PROCESSING` (a batch has it; money may be moving),
/// `COMPLETED` (paid), `FAILED` (not paid; retried, or refunded), `REJECTED`, `CANCELLED` (both: the money is back in the
/// balance), `REVERSED` (paid, then returned by the bank).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "domain::PayoutStatus")]
pub enum PayoutStatus {
    Requested,
    Approved,
    Processing,
    Completed,
    Failed,
    Rejected,
    Cancelled,
    Reversed,
}

/// What is known about one attempt to pay.
///
/// `SUBMITTING` (recorded; the gateway is being asked), `ACCEPTED` (the gateway took it), `UNKNOWN` (it may have paid: the
/// gateway is asked until it tells), `SUCCEEDED`, `FAILED` (conclusively not paid), `REVERSED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE", remote = "domain::AttemptStatus")]
pub enum AttemptStatus {
    Submitting,
    Accepted,
    Unknown,
    Succeeded,
    Failed,
    Reversed,
}

/// What the risk rules made of a payout: `auto` goes by itself, `review` waits for an admin, `refuse` was rejected at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "domain::Route")]
pub enum RiskRoute {
    Auto,
    Review,
    Refuse,
}

/// ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "UPPERCASE", remote = "domain::Currency")]
pub enum Currency {
    Ngn,
    Ghs,
    Kes,
}
