//! How workflows call activities: with which limits, and what a failure means.
//!
//! Guarantee: a step is tried until it has answered. Cost: a short database step is one event (a local activity's marker);
//! only when the database is slow or away does it become a regular activity (three events and a workflow task). Limit: an
//! answer that does not parse fails the workflow task, which is tried again for ever and heals with the next deployment.
//!
//! Every call has a cancellation token of its own: Temporal's cancel must never kill a transfer in the middle.

use std::time::Duration;

use domain::ProviderId;
use temporalio_common::{ActivityDefinition, Priority};
use temporalio_workflow::{
    ActivityExecutionError, ActivityOptions, LocalActivityOptions, RetryPolicy, TimerOptions,
    WorkflowCancellationToken, WorkflowContext, WorkflowTermination,
};

use crate::names;

/// What whoever starts a workflow sets as its workflow task timeout: a worker that was killed in the middle of a task is
/// noticed after this time.
pub const WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(5);

/// A short database step that takes longer than this is waiting for a lock or for a database that is away.
const LOCAL_STEP_TIMEOUT: Duration = Duration::from_secs(2);
/// One more try on the spot catches a connection that broke or a serialization failure; more would hold the workflow task
/// beyond [`WORKFLOW_TASK_TIMEOUT`].
const LOCAL_STEP_TRIES: u32 = 2;
/// Long enough for a fail-over's refused connection to be another one the second time.
const LOCAL_STEP_PAUSE: Duration = Duration::from_millis(200);
/// Both tries, and the wait for a free slot.
const LOCAL_STEP_TOTAL: Duration = Duration::from_millis(4_500);

/// The same step as a regular activity. A worker that died with it is noticed after this time.
const DATABASE_STEP_TIMEOUT: Duration = Duration::from_secs(10);
const DATABASE_STEP_FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A database that was away for an hour is asked again within half a minute of its return.
const DATABASE_STEP_LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A gateway call: the HTTP client gives up after 38 s (the gateway itself after 28 s); the rest is for the two commits
/// around it.
const GATEWAY_STEP_TIMEOUT: Duration = Duration::from_mins(1);
/// The activity says that it lives at least every two seconds, so that one whose worker died is tried again within six
/// seconds instead of a minute. A second run of a transfer finds the first one's record and does not send.
pub const GATEWAY_HEARTBEAT: Duration = Duration::from_secs(5);
/// A step of a reconciliation: pages of a list, and a call for each difference on them. Nobody waits for it.
const COMPARING_STEP_TIMEOUT: Duration = Duration::from_mins(10);
const GATEWAY_STEP_FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The activity names its own delay when the gateway did (429).
const GATEWAY_STEP_LONGEST_PAUSE: Duration = Duration::from_mins(1);

const LONG_STEP_FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONG_STEP_LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// An activity that says "never again" contradicts its contract. The payout waits this long for somebody to mend it.
const REFUSED_STEP_PAUSE: Duration = Duration::from_mins(5);

const BACKOFF: f64 = 2.0;

/// A short database step: on the spot, and if that fails on the queue until it works.
pub(crate) async fn database_step<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    summary: &str,
) -> Result<A::Output, WorkflowTermination>
where
    A::Input: Clone,
{
    let on_the_spot = LocalActivityOptions::builder()
        .start_to_close_timeout(LOCAL_STEP_TIMEOUT)
        .schedule_to_close_timeout(LOCAL_STEP_TOTAL)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(LOCAL_STEP_PAUSE)
                .maximum_attempts(LOCAL_STEP_TRIES)
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build();
    match ctx.execute_local_activity(activity(), input.clone(), on_the_spot).await {
        Ok(answer) => Ok(answer),
        Err(error @ ActivityExecutionError::Serialization(_)) => Err(error.into()),
        Err(_) => {
            let options = || {
                ActivityOptions::with_start_to_close_timeout(DATABASE_STEP_TIMEOUT)
                    .task_queue(names::TASK_QUEUE)
                    .retry_policy(endless(DATABASE_STEP_FIRST_PAUSE, DATABASE_STEP_LONGEST_PAUSE))
                    .cancellation_token(WorkflowCancellationToken::new())
                    .summary(summary.to_owned())
                    .build()
            };
            until_it_answers(ctx, activity, input, options).await
        }
    }
}

/// A step that calls the gateway for this provider, on `queue`. Where more wait there than the rate allows, the engine takes
/// providers in turns: one with a thousand payouts does not hold back those with one.
pub(crate) async fn gateway_step<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    (queue, provider): (&str, ProviderId),
    summary: &str,
) -> Result<A::Output, WorkflowTermination>
where
    A::Input: Clone,
{
    let turns = Priority::builder().fairness_key(provider.to_string()).build();
    asking_step(ctx, activity, input, (queue, GATEWAY_STEP_TIMEOUT, turns), summary).await
}

/// A step of a reconciliation or a batch: many questions, on the queue of those that only ask.
pub(crate) async fn comparing_step<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    summary: &str,
) -> Result<A::Output, WorkflowTermination>
where
    A::Input: Clone,
{
    let line = (names::LOOKUP_QUEUE, COMPARING_STEP_TIMEOUT, Priority::default());
    asking_step(ctx, activity, input, line, summary).await
}

async fn asking_step<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    (queue, timeout, turns): (&str, Duration, Priority),
    summary: &str,
) -> Result<A::Output, WorkflowTermination>
where
    A::Input: Clone,
{
    let options = || {
        ActivityOptions::with_start_to_close_timeout(timeout)
            .task_queue(queue.to_owned())
            .priority(turns.clone())
            .heartbeat_timeout(GATEWAY_HEARTBEAT)
            .retry_policy(endless(GATEWAY_STEP_FIRST_PAUSE, GATEWAY_STEP_LONGEST_PAUSE))
            .cancellation_token(WorkflowCancellationToken::new())
            .summary(summary.to_owned())
            .build()
    };
    until_it_answers(ctx, activity, input, options).await
}

/// A step that may take minutes and that nobody's money waits for: tried `tries` times, then the run fails.
pub(crate) async fn long_step<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    (timeout, tries): (Duration, u32),
    summary: &str,
) -> Result<A::Output, WorkflowTermination> {
    let options = ActivityOptions::with_start_to_close_timeout(timeout)
        .task_queue(names::TASK_QUEUE)
        .heartbeat_timeout(GATEWAY_HEARTBEAT)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(LONG_STEP_FIRST_PAUSE)
                .backoff_coefficient(BACKOFF)
                .maximum_interval(LONG_STEP_LONGEST_PAUSE)
                .maximum_attempts(tries)
                .build(),
        )
        .summary(summary.to_owned())
        .build();
    Ok(ctx.execute_activity(activity(), input, options).await?)
}

/// The server retries; this loop only meets an activity that declared itself not worth retrying.
async fn until_it_answers<W, A: ActivityDefinition>(
    ctx: &WorkflowContext<W>,
    activity: impl Fn() -> A,
    input: A::Input,
    options: impl Fn() -> ActivityOptions,
) -> Result<A::Output, WorkflowTermination>
where
    A::Input: Clone,
{
    loop {
        match ctx.execute_activity(activity(), input.clone(), options()).await {
            Ok(answer) => return Ok(answer),
            Err(error @ ActivityExecutionError::Serialization(_)) => return Err(error.into()),
            Err(_) => pause(ctx, REFUSED_STEP_PAUSE, "A step refused to be tried again").await,
        }
    }
}

/// Waits, whatever happens meanwhile.
pub(crate) async fn pause<W>(ctx: &WorkflowContext<W>, how_long: Duration, summary: &str) {
    let timer = TimerOptions::builder(how_long)
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build();
    ctx.timer(timer).await;
}

fn endless(first: Duration, longest: Duration) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(first)
        .backoff_coefficient(BACKOFF)
        .maximum_interval(longest)
        .build()
}
