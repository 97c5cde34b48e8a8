//! Keeps a background task going: one that ends by error is started again, with a pause.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn keep_going<F>(name: &'static str, stop: CancellationToken, mut start: impl FnMut() -> F)
where
    F: Future<Output = anyhow::Result<()>>,
{
    while !stop.is_cancelled() {
        if let Err(error) = start().await {
            tracing::warn!("{name} is started again: {error:#}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
