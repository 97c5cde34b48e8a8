//! Keeps telling what changes, for the screens of the whole fleet: any process that listens is enough, so all of them do.

use std::{sync::Arc, time::Duration};

use ephemeral::live::{self, Live};
use store::Pool;
use tokio_util::sync::CancellationToken;

/// Between two tries to listen to a database that is away.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn tell_changes(pool: Pool, live: Arc<Live>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = live::publish(&pool, &live, &stop).await {
            tracing::warn!("changes are listened to again: {error:#}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
