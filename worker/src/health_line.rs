//! One log line every five minutes that says how this worker is, for those who read logs and nothing else.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use workflows::names;

use crate::{
    fleet::{self, Queue},
    health::Vitals,
};

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
    let waiting = fleet::queues(&vitals.engine).await;
    let waiting =
        |queue: &str| waiting.iter().find(|one| one.name == queue).and_then(|one: &Queue| one.backlog);
    let say = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let [payouts, transfers, look_ups] =
        [names::TASK_QUEUE, names::TRANSFER_QUEUE, names::LOOKUP_QUEUE].map(|queue| say(waiting(queue)));
    if let Some(own) = vitals.redis.own_clients().await.filter(|own| *own > max_clients) {
        tracing::warn!(
            "{own} connections to Redis are this system's, more than REDIS_MAX_CLIENTS={max_clients}: fewer processes, or a smaller \
             REDIS_POOL_SIZE"
        );
    }
    let open = vitals.redis.connections().iter().filter(|one| one.open).count();
    tracing::info!(
        "health: {} of {max_clients} Redis connections ({open} of this process), {} steps done, {} to be tried again, waiting: {payouts} workflow tasks, \
         {transfers} transfers, {look_ups} look-ups, {} outbox rows",
        say(clients.map(i64::from)),
        vitals.world.tally.done(),
        vitals.world.tally.failed(),
        say(backlog.map(|backlog| backlog.undelivered)),
    );
}
