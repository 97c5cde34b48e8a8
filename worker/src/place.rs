//! Watches whether the database is still where it was: see [`store::installation`].
//!
//! The gate to every attempt compares the place itself, so nothing begins on a restored database before this has looked; this says
//! it aloud, opens the case, and finds what only a process that was there before can find.

use std::{sync::Arc, time::Duration};

use domain::Clock;
use store::{
    Pool,
    installation::{self, Place},
};
use tokio_util::sync::CancellationToken;

/// What was committed in between and is gone is found by its absence: the shorter, the less can be begun again before it is found.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn watch(pool: Pool, clock: Arc<dyn Clock>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut seen = None;
    loop {
        match installation::check(&pool, seen, clock.now()).await {
            Ok(Place::AsItWas { high_water }) => seen = Some(high_water),
            Ok(Place::Moved { why, high_water }) => {
                tracing::error!("the database is not where it was: {why}; everything is paused");
                seen = Some(high_water);
            }
            Err(error) => tracing::warn!("where the database is could not be asked: {error}"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
