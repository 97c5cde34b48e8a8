//! A payout's workflow takes any start: see [`Started`].

use domain::Ending;
use temporalio_common::WorkflowDefinition;

use crate::{contract::PayoutInput, names, start::Started};

/// The workflow's start, as the worker takes it.
pub struct AnyStart;

impl WorkflowDefinition for AnyStart {
    type Input = Started<PayoutInput>;
    type Output = Ending;
    fn name(&self) -> &'static str {
        names::PAYOUT_WORKFLOW
    }
}
