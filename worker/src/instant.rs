//! Instant payouts: asks for a batch when approved payouts wait that nobody asks for.
//!
//! An approval asks for its own batch. What a pause, a suspension or an empty wallet had held back is found here within
//! [`EVERY`], whoever ended it and however; so an approval whose wish was lost would be. Where payouts leave in windows nothing is asked for; that may change at run time.

use std::{sync::Arc, time::Duration};

use domain::Clock;
use store::Pool;
use tokio_util::sync::CancellationToken;

/// How long a payout waits after a pause has ended. One look into an index, from every worker.
const EVERY: Duration = Duration::from_secs(5);

/// `instant`: the settings say that payouts are.
pub(crate) async fn ask(
    pool: Pool,
    instant: bool,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        if store::batches::ask_for_instant(&pool, instant, clock.now()).await? {
            tracing::info!("approved payouts wait: a batch was asked for");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
