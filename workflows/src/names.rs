//! Every name and address on the wire. They are spelled out, never taken from the names of Rust items, so that a renamed
//! function cannot change what an open payout answers to. A name here never changes; a new meaning gets a new name.

/// The queue of the workflows and of every short database step.
pub const TASK_QUEUE: &str = "payouts";
/// The queue of the calls that move money: rate-limited by `PAYOUT_WORKER_RATE_LIMIT`, over the whole fleet.
pub const TRANSFER_QUEUE: &str = "gateway-transfers";
/// The queue of the calls that only ask: never behind a transfer, so that an outcome is heard while the sends are throttled.
pub const LOOKUP_QUEUE: &str = "gateway-lookups";

/// The workflow type of [`crate::PayoutWorkflow`]; its id is [`domain::PayoutId::workflow_id`].
pub const PAYOUT_WORKFLOW: &str = "Payout";
/// The workflow type of [`crate::BatchWorkflow`].
pub const BATCH_WORKFLOW: &str = "Batch";
/// The workflow type of [`crate::BooksCheckWorkflow`].
pub const BOOKS_CHECK_WORKFLOW: &str = "BooksCheck";
/// The id of the batch workflow that serves instant payouts: one at a time, woken by [`SIGNAL_RUN`].
pub const BATCH_OPEN_WORKFLOW_ID: &str = "batch-open";

/// The workflow type of [`crate::ReconciliationWorkflow`].
pub const RECONCILIATION_WORKFLOW: &str = "Reconciliation";

/// A review was decided, or a person asks from the Temporal UI or CLI that it be: see [`crate::payout::SignalName`].
pub const SIGNAL_DECISION: &str = "decision";
/// A batch took the payout.
pub const SIGNAL_RELEASE: &str = "release";
/// The gateway sent a webhook about one of the payout's attempts.
pub const SIGNAL_TRANSFER_UPDATE: &str = "transfer_update";
/// The provider took the request back.
pub const SIGNAL_CANCEL: &str = "cancel";
/// An admin asked for a retry or a refund, or settled a case.
pub const SIGNAL_MANUAL_ACTION: &str = "manual_action";
/// A payout was approved while payouts are instant: batch it now.
pub const SIGNAL_RUN: &str = "run";

/// What a payout is waiting for, who must act, and until when.
pub const QUERY_WAITING: &str = "waiting";

/// Keyword: the payout's status, as `domain::PayoutStatus` spells it.
pub const ATTRIBUTE_STATUS: &str = "PayoutStatus";
/// Keyword: the provider's id.
pub const ATTRIBUTE_PROVIDER: &str = "PayoutProvider";
/// Keyword: `auto`, `review`, or [`ATTRIBUTE_NONE`] before the assessment.
pub const ATTRIBUTE_RISK: &str = "PayoutRisk";
/// Int: the amount in the currency's minor unit.
pub const ATTRIBUTE_AMOUNT_MINOR: &str = "PayoutAmountMinor";
/// Keyword: the batch's id, or [`ATTRIBUTE_NONE`] before a batch took the payout.
pub const ATTRIBUTE_BATCH: &str = "PayoutBatch";
/// Stands where a keyword has no value: unsetting a search attribute poisons the workflow task (SDK 1.1, server 1.32).
pub const ATTRIBUTE_NONE: &str = "none";
