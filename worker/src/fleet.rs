//! What runs where: the workers that say they are there, and what waits in Temporal's queues.
//!
//! For people who look. Cost: one round trip to Redis, and one to Temporal for each queue, at once; nothing is kept.
//! While one of them is away its part is missing, and the answer says so.

use std::time::Duration;

use ephemeral::{
    Away, Links,
    beats::{self, Beat},
};
use futures::future::join_all;
use temporalio_client::tonic::IntoRequest;
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, taskqueue::v1::TaskQueue, workflowservice::v1::DescribeTaskQueueRequest,
};
use workflows::names;

use crate::Engine;

/// A page that somebody looks at does not wait longer for Temporal.
const PATIENCE: Duration = Duration::from_secs(2);
/// More pollers of one queue than any fleet has.
const MOST_POLLERS: usize = 1_000;

/// The three queues, and what of each counts: workflow tasks of the first, steps of the others.
const QUEUES: [(&str, TaskQueueType); 3] = [
    (names::TASK_QUEUE, TaskQueueType::Workflow),
    (names::TRANSFER_QUEUE, TaskQueueType::Activity),
    (names::LOOKUP_QUEUE, TaskQueueType::Activity),
];

/// What is known just now.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// `Err`: Redis is away, so nobody knows here.
    pub workers: Result<Vec<Beat>, Away>,
    pub queues: Vec<Queue>,
}

/// One of Temporal's queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub name: &'static str,
    /// Tasks that wait, about. `None`: Temporal did not say.
    pub backlog: Option<i64>,
    pub pollers: Vec<Poller>,
}

/// Who asks a queue for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poller {
    pub identity: String,
    /// Seconds since 1970, of its last poll.
    pub polled_at: i64,
}

/// Everything that is known just now.
pub async fn read(links: &Links, engine: &Engine) -> Fleet {
    let (workers, queues) = futures::join!(beats::all(links), queues(engine));
    Fleet { workers, queues }
}

/// What waits in Temporal's queues.
pub async fn queues(engine: &Engine) -> Vec<Queue> {
    join_all(QUEUES.map(|(name, kind)| describe(engine, name, kind))).await
}

async fn describe(engine: &Engine, name: &'static str, kind: TaskQueueType) -> Queue {
    let nothing = Queue { name, backlog: None, pollers: vec![] };
    let request = DescribeTaskQueueRequest {
        namespace: engine.namespace().to_owned(),
        task_queue: Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() }),
        task_queue_type: kind.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let Some(client) = engine.get() else { return nothing };
    let mut service = client.connection().workflow_service();
    let asked = service.describe_task_queue(request.into_request());
    let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asked).await else { return nothing };
    let answer = answer.into_inner();
    let pollers = answer.pollers.into_iter().take(MOST_POLLERS).map(|poller| Poller {
        identity: poller.identity,
        polled_at: poller.last_access_time.map_or(0, |time| time.seconds),
    });
    Queue {
        name,
        backlog: answer.stats.map(|stats| stats.approximate_backlog_count),
        pollers: pollers.collect(),
    }
}
