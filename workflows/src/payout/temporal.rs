//! The script's steps as a Temporal workflow does them.
//!
//! Guarantees: a wake-up is never lost, because whatever arrives makes the workflow look at the row again; Temporal's cancel
//! is one more wake-up and tears nothing down; steps that answer each other without ever waiting are slowed down.
//!
//! Cost of an auto-approved payout whose release and webhook come one after the other: 33 events. No timer runs while a
//! batch is waited for, one while a person is (whom it reminds), and a release goes to the attempt without another look (the gate looks itself).

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{AttemptNumber, Ending, Next, Progress};
use futures::{
    FutureExt,
    future::{Fuse, LocalBoxFuture, pending},
};
use temporalio_workflow::{
    ContinueAsNewOptions, TimerOptions, TimerResult, WaitConditionOptions, WorkflowCancellationToken,
    WorkflowContext, WorkflowTermination, select,
};

use super::{
    PayoutWorkflow, Steps, Waited,
    signals::{SignalName, WakeUp},
    visibility,
    waits::{Heard, Place},
};
use crate::{
    calls::{database_step, gateway_step, pause},
    contract::{
        AttemptRef, Contract, EndingRef, EngineCancel, EngineDecision, PayoutInput, PayoutRef, ReviewCall,
        StraySignal, UNNAMED,
    },
    names,
    start::Started,
};

/// Steps in a row without a wait. The longest honest row is four: look back, begin, transfer, ask.
const UNHURRIED_STEPS: u32 = 6;
/// The first pause of a payout that runs in circles; it doubles.
const CIRCLE_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_CIRCLE_PAUSE: Duration = Duration::from_mins(1);

const OUT_OF_PLACE: &str = "out of place: the payout was looked at and nothing had changed";
const NO_DECISION_DUE: &str = "out of place: nobody is asked for a decision now";

/// The driver: a handle to the workflow, and what the current run has done.
pub(super) struct Temporal {
    ctx: WorkflowContext<PayoutWorkflow>,
    input: PayoutInput,
    payout: PayoutRef,
    /// Temporal's cancel has been passed on to the database.
    cancel_heard: bool,
    steps_in_a_row: u32,
    /// Stays set while a wait answers what is said, so that a signal costs no timer.
    alarm: Option<Alarm>,
}

/// A timer at the server.
struct Alarm {
    at: DateTime<Utc>,
    token: WorkflowCancellationToken,
    rings: Fuse<LocalBoxFuture<'static, TimerResult>>,
}

impl Steps for Temporal {
    type Stop = WorkflowTermination;

    async fn validate_and_assess(&mut self) -> Result<Next, WorkflowTermination> {
        self.show(Next::Assess);
        let summary = "Validate and assess";
        let progress = database_step(&self.ctx, || Contract::assess, self.payout, summary).await?;
        self.answered(progress).await
    }

    async fn await_decision(&mut self) -> Result<Next, WorkflowTermination> {
        loop {
            match self.wait(Place::Decision).await? {
                Waited::Moved(next) => return Ok(next),
                Waited::Over => {
                    let next = self.call_reviewers().await?;
                    if next != Place::Decision.next() {
                        return Ok(next);
                    }
                }
            }
        }
    }

    async fn await_window(&mut self) -> Result<Next, WorkflowTermination> {
        self.wait_for_somebody(Place::Window).await
    }

    async fn begin_attempt(&mut self) -> Result<Next, WorkflowTermination> {
        self.show(Next::Begin);
        let summary = "Record the next attempt";
        let progress = database_step(&self.ctx, || Contract::begin_attempt, self.payout, summary).await?;
        self.answered(progress).await
    }

    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, WorkflowTermination> {
        self.show(Next::Send { attempt });
        let input = AttemptRef { payout: self.payout.payout, attempt };
        let summary = format!("Send attempt {}", attempt.get());
        let activity = || Contract::transfer;
        let line = (names::TRANSFER_QUEUE, self.input.provider);
        let progress = gateway_step(&self.ctx, activity, input, line, &summary).await?;
        self.answered(progress).await
    }

    async fn await_outcome(
        &mut self,
        attempt: AttemptNumber,
        check_at: DateTime<Utc>,
    ) -> Result<Waited, WorkflowTermination> {
        self.wait(Place::Outcome { attempt, check_at }).await
    }

    async fn ask_gateway(&mut self, attempt: AttemptNumber) -> Result<Next, WorkflowTermination> {
        self.ctx.state_mut(|state| state.inbox.memory.drop_hint(attempt));
        let input = AttemptRef { payout: self.payout.payout, attempt };
        let summary = format!("Ask the gateway about attempt {}", attempt.get());
        let activity = || Contract::observe;
        let line = (names::LOOKUP_QUEUE, self.input.provider);
        let progress = gateway_step(&self.ctx, activity, input, line, &summary).await?;
        self.answered(progress).await
    }

    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, WorkflowTermination> {
        self.wait(Place::Retry { due }).await
    }

    async fn ask_gateway_about_all(&mut self) -> Result<Next, WorkflowTermination> {
        self.ctx.state_mut(|state| state.inbox.memory.drop_hints());
        let summary = "Ask the gateway about every earlier attempt";
        let activity = || Contract::reobserve;
        let line = (names::LOOKUP_QUEUE, self.input.provider);
        let progress = gateway_step(&self.ctx, activity, self.payout, line, summary).await?;
        self.answered(progress).await
    }

    async fn await_attention(&mut self) -> Result<Next, WorkflowTermination> {
        self.wait_for_somebody(Place::Attention).await
    }

    async fn notify(&mut self, ending: Ending) -> Result<(), WorkflowTermination> {
        self.show(Next::Notify { ending });
        let input = EndingRef { payout: self.payout.payout, ending };
        database_step(&self.ctx, || Contract::notify, input, "Tell how it ended").await
    }
}

impl Temporal {
    pub(super) fn new(ctx: WorkflowContext<PayoutWorkflow>, input: PayoutInput) -> Self {
        let payout = PayoutRef { payout: input.payout };
        Self { ctx, input, payout, cancel_heard: false, steps_in_a_row: 0, alarm: None }
    }

    /// Before the workflow ends: what people asked for meanwhile is not lost without a trace. A wake-up is: it named a row,
    /// and whoever wrote the row finds the payout ended.
    pub(super) async fn leave(&mut self) -> Result<(), WorkflowTermination> {
        self.hear_cancel().await?;
        while let Some(request) = self.ctx.state_mut(|state| state.inbox.next_request()) {
            self.stray(names::SIGNAL_DECISION, NO_DECISION_DUE, request.key);
        }
        self.record_strays().await
    }

    /// When people are to be told that a decision is waited for: as the row said last, so also after a run that was lost.
    fn call_at(&self) -> Option<DateTime<Utc>> {
        self.ctx.state(|state| state.progress.and_then(|progress| progress.call_at))
    }

    /// Those who decide are told that the payout waits; the row knows who was told already.
    async fn call_reviewers(&mut self) -> Result<Next, WorkflowTermination> {
        let input = ReviewCall { payout: self.payout.payout, at: self.now() };
        let summary = "Tell people that the payout waits for them";
        let activity = || Contract::call_reviewers;
        let progress = database_step(&self.ctx, activity, input, summary).await?;
        self.answered(progress).await
    }

    async fn wait_for_somebody(&mut self, place: Place) -> Result<Next, WorkflowTermination> {
        loop {
            if let Waited::Moved(next) = self.wait(place).await? {
                return Ok(next);
            }
        }
    }

    /// Waits at `place` until it is over or somebody has moved the payout, and answers everything that is said meanwhile.
    async fn wait(&mut self, place: Place) -> Result<Waited, WorkflowTermination> {
        self.show(place.next());
        let waited = self.wait_and_listen(place).await;
        self.silence();
        waited
    }

    /// When the wait at `place` is over. What is said meanwhile may change when reviewers are to be called.
    fn due(&self, place: Place) -> Option<DateTime<Utc>> {
        match place {
            Place::Decision => self.call_at(),
            Place::Window | Place::Outcome { .. } | Place::Retry { .. } | Place::Attention => place.due(),
        }
    }

    async fn wait_and_listen(&mut self, place: Place) -> Result<Waited, WorkflowTermination> {
        loop {
            if let Some(next) = self.hear(place).await? {
                return Ok(Waited::Moved(next));
            }
            let (now, due) = (self.now(), self.due(place));
            if due.is_some_and(|due| due <= now) {
                return Ok(Waited::Over);
            }
            let hinted = self.ctx.state(|state| state.inbox.memory.hinted(now));
            if let Some((attempt, at)) = hinted
                && at <= now
            {
                self.ctx.state_mut(|state| state.inbox.memory.follow_hint(attempt, now));
                if place.is_about(attempt) {
                    return Ok(Waited::Over);
                }
                // A webhook about an earlier attempt: a late success must be known before money is sent again.
                let next = self.ask_gateway(attempt).await?;
                if next != place.next() {
                    return Ok(Waited::Moved(next));
                }
                self.show(place.next());
                continue;
            }
            self.continue_as_new_when_long()?;
            let alarm = [due, hinted.map(|(_, at)| at)].into_iter().flatten().min();
            self.sleep(place, alarm).await;
        }
    }

    /// Answers what has been said so far. `Some`: the payout is not at `place` any more.
    async fn hear(&mut self, place: Place) -> Result<Option<Next>, WorkflowTermination> {
        if let Some(next) = self.hear_cancel().await?
            && next != place.next()
        {
            return Ok(Some(next));
        }
        while let Some(request) = self.ctx.state_mut(|state| state.inbox.next_request()) {
            if place != Place::Decision {
                self.stray(names::SIGNAL_DECISION, NO_DECISION_DUE, request.key);
                continue;
            }
            let decision = EngineDecision {
                payout: self.payout.payout,
                verdict: request.verdict,
                reason: request.reason,
                identity: request.by,
                signal_key: request.key,
            };
            let summary = "A decision signalled by hand";
            let activity = || Contract::request_decision;
            let progress = database_step(&self.ctx, activity, decision, summary).await?;
            let next = self.answered(progress).await?;
            if next != place.next() {
                return Ok(Some(next));
            }
        }
        let wake_ups = self.ctx.state_mut(|state| state.inbox.take_wake_ups());
        let next = self.answer_wake_ups(place, &wake_ups).await?;
        self.record_strays().await?;
        Ok(next.filter(|next| *next != place.next()))
    }

    async fn answer_wake_ups(
        &mut self,
        place: Place,
        wake_ups: &[(SignalName, WakeUp)],
    ) -> Result<Option<Next>, WorkflowTermination> {
        let mut look = false;
        let mut unexpected = vec![];
        for (name, wake_up) in wake_ups {
            match place.hears(*name, *wake_up) {
                Heard::Release => return Ok(Some(Next::Begin)),
                Heard::Hint(attempt) => self.ctx.state_mut(|state| state.inbox.memory.hint(attempt)),
                Heard::Look => look = true,
                Heard::Unexpected => unexpected.push((*name, *wake_up)),
            }
        }
        if !look && unexpected.is_empty() {
            return Ok(None);
        }
        let progress =
            database_step(&self.ctx, || Contract::reload, self.payout, "Look at the payout again").await?;
        let next = self.answered(progress).await?;
        if next == place.next() {
            for (name, wake_up) in unexpected {
                let key = format!("{}/{}/{}", self.ctx.run_id(), name.as_str(), wake_up.id);
                self.stray(name.as_str(), OUT_OF_PLACE, key);
            }
        }
        Ok(Some(next))
    }

    /// Temporal's own cancel: the database says whether it is still legal.
    async fn hear_cancel(&mut self) -> Result<Option<Next>, WorkflowTermination> {
        let token = self.ctx.cancellation_token();
        if self.cancel_heard || !token.is_cancelled() {
            return Ok(None);
        }
        self.cancel_heard = true;
        let cancel = EngineCancel {
            payout: self.payout.payout,
            reason: token.reason().unwrap_or_default(),
            identity: UNNAMED.to_owned(),
            signal_key: format!("{}/cancel", self.ctx.run_id()),
        };
        let summary = "A cancel requested by hand";
        let progress = database_step(&self.ctx, || Contract::request_cancel, cancel, summary).await?;
        self.answered(progress).await.map(Some)
    }

    fn stray(&self, name: &str, why: &str, key: String) {
        self.ctx.state_mut(|state| state.inbox.stray(name, why, key));
    }

    async fn record_strays(&mut self) -> Result<(), WorkflowTermination> {
        while let Some(stray) = self.ctx.state_mut(|state| state.inbox.next_stray()) {
            let signal = StraySignal {
                payout: self.payout.payout,
                name: stray.name,
                why: stray.why,
                count: stray.count,
                signal_key: stray.key,
            };
            database_step(&self.ctx, || Contract::record_signal, signal, "An ignored signal").await?;
        }
        Ok(())
    }

    /// Until something is said, or until `alarm`.
    async fn sleep(&mut self, place: Place, alarm: Option<DateTime<Utc>>) {
        self.show(place.next());
        self.steps_in_a_row = 0;
        if self.alarm.as_ref().map(|set| set.at) != alarm {
            self.silence();
            self.alarm = alarm.map(|at| Alarm::set(self.ctx.clone(), at, place.alarm()));
        }
        let mut never = pending().boxed_local().fuse();
        let mut rings = self.alarm.as_mut().map_or(&mut never, |set| &mut set.rings);
        let apart =
            WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build();
        let said = self.ctx.wait_condition_with_options(|state| !state.inbox.is_empty(), apart);
        let cancelled =
            async { if self.cancel_heard { pending().await } else { self.ctx.cancelled().await } };
        let (mut said, mut cancelled) = (std::pin::pin!(said), std::pin::pin!(cancelled.fuse()));
        let rung = select! {
            _ = said => false,
            _ = cancelled => false,
            _ = rings => true,
        };
        if rung {
            self.alarm = None;
        }
    }

    /// Dropping a timer's future would leave the timer running at the server.
    fn silence(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            alarm.token.cancel();
        }
    }

    /// A run whose history has grown long goes on as a new one, with all it remembers. Nothing is pending here.
    fn continue_as_new_when_long(&self) -> Result<(), WorkflowTermination> {
        if !self.ctx.continue_as_new_suggested() {
            return Ok(());
        }
        let memory = self.ctx.state(|state| state.inbox.memory.clone());
        let input = Started(Some(PayoutInput { memory, ..self.input.clone() }));
        self.ctx.continue_as_new(input, ContinueAsNewOptions::default()).map(|never| match never {})
    }

    /// Takes a step's answer in: for the operator's eyes, and for the pace.
    async fn answered(&mut self, progress: Progress) -> Result<Next, WorkflowTermination> {
        let changes = self.ctx.state_mut(|state| {
            state.progress = Some(progress);
            visibility::changed_attributes(&self.ctx.search_attributes(), &self.input, &progress)
        });
        if !changes.is_empty() {
            self.ctx.upsert_search_attributes(changes);
        }
        self.steps_in_a_row = self.steps_in_a_row.saturating_add(1);
        if let Some(circles) = self.steps_in_a_row.checked_sub(UNHURRIED_STEPS) {
            let how_long =
                CIRCLE_PAUSE.saturating_mul(2_u32.saturating_pow(circles)).min(LONGEST_CIRCLE_PAUSE);
            pause(&self.ctx, how_long, "Steps answer each other without waiting: slowing down").await;
        }
        Ok(progress.next)
    }

    fn show(&self, next: Next) {
        let waiting = self.ctx.state_mut(|state| {
            state.next = next;
            state.waiting(self.payout.payout)
        });
        self.ctx.set_current_details(visibility::details(&waiting));
    }

    fn now(&self) -> DateTime<Utc> {
        now(&self.ctx)
    }
}

impl Alarm {
    /// The timer starts when it is first waited for; one whose time has passed rings at once.
    fn set(ctx: WorkflowContext<PayoutWorkflow>, at: DateTime<Utc>, summary: &'static str) -> Self {
        let token = WorkflowCancellationToken::new();
        let apart = token.clone();
        let rings = async move {
            let wait = at.signed_duration_since(now(&ctx)).to_std().unwrap_or_default();
            let timer =
                TimerOptions::builder(wait).cancellation_token(apart).summary(summary.to_owned()).build();
            ctx.timer(timer).await
        };
        Self { at, token, rings: rings.boxed_local().fuse() }
    }
}

/// Workflow time: the same on every replay.
fn now(ctx: &WorkflowContext<PayoutWorkflow>) -> DateTime<Utc> {
    ctx.workflow_time().map_or(DateTime::UNIX_EPOCH, DateTime::from)
}
