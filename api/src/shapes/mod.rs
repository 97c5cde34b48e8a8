//! How things look on the wire, where more than one endpoint shows them. Only here and in the endpoints are poem's derives.

mod action;
mod attempt;
mod bank_account;
mod earning;
pub(crate) mod message;
mod payout;
pub(crate) mod push;
mod status;
mod timeline;
mod waiting;

pub(crate) use action::{Action, actions};
pub(crate) use attempt::ProviderAttempt;
pub(crate) use bank_account::{BankAccount, BankAccountBrief};
pub(crate) use earning::{Adjustment, Earning};
pub(crate) use payout::Payout;
pub(crate) use status::{AttemptStatus, Currency, PayoutStatus, RiskRoute};
pub(crate) use timeline::{TimelineEntry, provider_timeline, role_of};
pub(crate) use waiting::{Waiting, waiting};
