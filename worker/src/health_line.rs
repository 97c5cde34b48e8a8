//! One log line every five minutes that says how this worker is, for those who read logs and nothing else.

use std::{sync::Arc, time::Duration};

use temporalio_client::tonic::IntoRequest;
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, taskqueue::v1::TaskQueue, workflowservice::v1::DescribeTaskQueueRequest,
};
use tokio_util::sync::CancellationToken;
use workflows::names;

use crate::{Engine, health::Vitals};

const EVERY: Duration = Duration::from_mins(5);

pub(crate) async fn tell(
    vitals: Arc<Vitals>,
    max_clients: u32,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        line(&vitals, max_clients).await;
    }
}

pub(crate) async fn line(vitals: &Vitals, max_clients: u32) {
    let clients = vitals.redis.connected_clients().await;
    let backlog = store::outbox::backlog(&vitals.world.pool).await.ok();
    let waiting = [
        queue_backlog(&vitals.engine, names::TASK_QUEUE, TaskQueueType::Workflow).await,
        queue_backlog(&vitals.engine, names::TRANSFER_QUEUE, TaskQueueType::Activity).await,
        queue_backlog(&vitals.engine, names::LOOKUP_QUEUE, TaskQueueType::Activity).await,
    ];
    let say = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let [payouts, transfers, look_ups] = waiting.map(say);
    tracing::info!(
        "health: {} of {max_clients} Redis connections, {} steps done, {} to be tried again, waiting: {payouts} workflow tasks, \
         {transfers} transfers, {look_ups} look-ups, {} outbox rows",
        say(clients.map(i64::from)),
        vitals.world.tally.done(),
        vitals.world.tally.failed(),
        say(backlog.map(|backlog| backlog.undelivered)),
    );
}

/// Tasks that wait in one of Temporal's queues.
async fn queue_backlog(engine: &Engine, queue: &str, kind: TaskQueueType) -> Option<i64> {
    let request = DescribeTaskQueueRequest {
        namespace: engine.namespace().to_owned(),
        task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
        task_queue_type: kind.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let answer = engine
        .get()?
        .connection()
        .workflow_service()
        .describe_task_queue(request.into_request())
        .await
        .ok()?;
    answer.into_inner().stats.map(|stats| stats.approximate_backlog_count)
}
