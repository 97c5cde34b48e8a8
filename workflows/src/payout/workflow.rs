//! The workflow type `Payout`: how Temporal starts, signals and asks it.
//!
//! Guarantee: a signal of any name with any payload is heard and never fails a workflow task. The SDK's macro cannot promise
//! that: it ignores unknown names without a trace and fails the task for ever on a payload that does not parse. So the few
//! lines that the macro would have written stand here by hand, with one handler for all names.

use std::any::Any;

use domain::{Ending, Next, PayoutId, Progress};
use futures::future::{FutureExt, LocalBoxFuture};
use temporalio_common::{
    HasWorkflowDefinition, QueryDefinition, SignalDefinition, WorkflowDefinition,
    data_converters::{PayloadConverter, RawValue},
    protos::temporal::api::common::v1::Payloads,
};
use temporalio_workflow::{
    WorkflowContext, WorkflowContextView, WorkflowTermination,
    workflow_interceptors::WorkflowOutputValue,
    workflows::{WorkflowDefinitionDescriptor, WorkflowError, WorkflowImplementation},
};

use super::{
    payout,
    signals::{Inbox, SignalName, WakeUp},
    start::AnyStart,
    temporal::Temporal,
    visibility::{self, Waiting},
};
use crate::{
    contract::PayoutInput,
    names,
    start::{Started, unreadable},
};

/// A payout's workflow: its state. Register it with a worker, name it to a client.
pub struct PayoutWorkflow {
    /// `None`: the workflow was started with something else.
    input: Option<PayoutInput>,
    pub(super) inbox: Inbox,
    /// What is done or waited for now.
    pub(super) next: Next,
    pub(super) progress: Option<Progress>,
}

impl PayoutWorkflow {
    /// To start it: `client.start_workflow(PayoutWorkflow::RUN, input, …)`.
    pub const RUN: PayoutRun = PayoutRun;
    /// To ask it what it waits for: `handle.query(PayoutWorkflow::WAITING, (), …)`.
    pub const WAITING: WaitingQuery = WaitingQuery;

    pub(super) fn waiting(&self, payout: PayoutId) -> Waiting {
        visibility::waiting(payout, self.next, self.progress.as_ref(), self.inbox.memory.strays)
    }
}

/// The workflow's start: one [`PayoutInput`] in, how the payout ended out.
pub struct PayoutRun;

impl WorkflowDefinition for PayoutRun {
    type Input = PayoutInput;
    type Output = Ending;
    fn name(&self) -> &'static str {
        names::PAYOUT_WORKFLOW
    }
}

impl HasWorkflowDefinition for PayoutRun {
    type Run = Self;
}

impl WorkflowDefinition for PayoutWorkflow {
    type Input = PayoutInput;
    type Output = Ending;
    fn name(&self) -> &'static str {
        names::PAYOUT_WORKFLOW
    }
}

impl HasWorkflowDefinition for PayoutWorkflow {
    type Run = PayoutRun;
}

/// A wake-up under one of the payout's signal names: `handle.signal(PayoutSignal(SignalName::Release), WakeUp { … }, …)`.
pub struct PayoutSignal(pub SignalName);

impl SignalDefinition for PayoutSignal {
    type Workflow = PayoutRun;
    type Input = WakeUp;
    fn name(&self) -> &'static str {
        self.0.as_str()
    }
}

/// The query `waiting`.
pub struct WaitingQuery;

impl QueryDefinition for WaitingQuery {
    type Workflow = PayoutRun;
    type Input = ();
    type Output = Waiting;
    fn name(&self) -> &'static str {
        names::QUERY_WAITING
    }
}

impl WorkflowImplementation for PayoutWorkflow {
    type Run = AnyStart;

    const HAS_INIT: bool = true;
    const INIT_TAKES_INPUT: bool = true;

    fn name() -> &'static str {
        names::PAYOUT_WORKFLOW
    }

    fn definition() -> WorkflowDefinitionDescriptor {
        WorkflowDefinitionDescriptor {
            workflow_type: names::PAYOUT_WORKFLOW.to_owned(),
            has_init: Self::HAS_INIT,
            init_takes_input: Self::INIT_TAKES_INPUT,
            signals: SignalName::ALL.map(|name| name.as_str().to_owned()).to_vec(),
            queries: vec![names::QUERY_WAITING.to_owned()],
            updates: vec![],
        }
    }

    fn init(_ctx: WorkflowContextView, started: Option<Started<PayoutInput>>) -> Self {
        let mut input = started.and_then(|started| started.0);
        let memory = input.as_mut().map(|input| std::mem::take(&mut input.memory)).unwrap_or_default();
        Self { input, inbox: Inbox::remembering(memory), next: Next::Assess, progress: None }
    }

    fn run(
        ctx: WorkflowContext<Self>,
        _started: Option<Started<PayoutInput>>,
    ) -> LocalBoxFuture<'static, Result<Box<dyn WorkflowOutputValue>, WorkflowTermination>> {
        async move {
            let input = ctx.state(|state| state.input.clone()).ok_or_else(|| unreadable(UNREADABLE))?;
            let mut steps = Temporal::new(ctx, input);
            let ending = payout(&mut steps).await?;
            steps.leave().await?;
            let output: Box<dyn WorkflowOutputValue> = Box::new(ending);
            Ok(output)
        }
        .boxed_local()
    }

    /// Any name, any payloads.
    fn decode_signal_input(
        _name: &str,
        payloads: Payloads,
        _converter: &PayloadConverter,
    ) -> Result<Option<Box<dyn Any>>, WorkflowError> {
        Ok(Some(Box::new(RawValue::new(payloads.payloads))))
    }

    fn dispatch_signal(
        ctx: WorkflowContext<Self>,
        name: &str,
        input: Box<dyn Any>,
    ) -> LocalBoxFuture<'static, Result<(), WorkflowError>> {
        let raw = input.downcast::<RawValue>().map(|raw| *raw).unwrap_or_default();
        ctx.state_mut(|state| state.inbox.receive(ctx.run_id(), name, &raw));
        std::future::ready(Ok(())).boxed_local()
    }

    /// Whatever a query is asked with, it is answered.
    fn decode_query_input(
        name: &str,
        _payloads: &Payloads,
        _converter: &PayloadConverter,
    ) -> Result<Option<Box<dyn Any>>, WorkflowError> {
        let nothing: Box<dyn Any> = Box::new(());
        Ok((name == names::QUERY_WAITING).then_some(nothing))
    }

    fn dispatch_query(
        &self,
        _ctx: WorkflowContextView,
        _name: &str,
        _input: Box<dyn Any>,
    ) -> Result<Box<dyn WorkflowOutputValue>, WorkflowError> {
        let input = self.input.as_ref().ok_or_else(|| WorkflowError::Execution(UNREADABLE.into()))?;
        Ok(Box::new(self.waiting(input.payout)))
    }

    /// Never called: the descriptor lists no updates, so the SDK refuses each before it comes here.
    fn dispatch_update(
        _ctx: WorkflowContext<Self>,
        _name: &str,
        _input: Box<dyn Any>,
    ) -> LocalBoxFuture<'static, Result<Box<dyn WorkflowOutputValue>, WorkflowError>> {
        std::future::ready(Err(no_updates())).boxed_local()
    }

    fn validate_update(
        &self,
        _ctx: WorkflowContextView,
        _name: &str,
        _input: Box<dyn Any>,
    ) -> Result<(), WorkflowError> {
        Err(no_updates())
    }
}

const UNREADABLE: &str = "the workflow's input is not that of a payout";

fn no_updates() -> WorkflowError {
    WorkflowError::Execution("a payout takes no updates".into())
}
