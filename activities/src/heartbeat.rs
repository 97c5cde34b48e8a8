//! Says that a step lives while it waits for the gateway, so that a dead worker is noticed in seconds.

use std::time::Duration;

use temporalio_sdk::activities::ActivityContext;

/// A third of [`workflows::GATEWAY_HEARTBEAT`]: two may be lost.
const EVERY: Duration = Duration::from_secs(2);

pub(crate) async fn while_waiting<T>(ctx: &ActivityContext, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            answer = &mut work => return answer,
            () = tokio::time::sleep(EVERY) => {
                // The server may want the step cancelled; a call that may move money is never given up half way.
                if let Err(error) = ctx.record_heartbeat(()).await {
                    tracing::debug!("a heartbeat was not taken: {error}");
                }
            }
        }
    }
}
