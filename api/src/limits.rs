//! How much can be asked of this process, and what happens beyond. How often one caller may ask is in [`crate::rate`].

use std::{sync::Arc, time::Duration};

use poem::{Endpoint, IntoResponse as _, Request, Response};
use tokio::sync::Semaphore;

use crate::{
    app::App,
    auth::Identity,
    problem::{Code, Problem, body_too_large, of_framework_error, respond},
};

/// The largest JSON body of ours is below 4 KiB; a webhook's `meta` can be larger. The inbox's CHECK has the same number.
pub(crate) const MAX_BODY_BYTES: usize = 65_536;
/// A statement of 20,000 lines of 200 characters, the most that is read of one.
pub(crate) const MAX_STATEMENT_BYTES: usize = 4 * 1024 * 1024;
/// Where those are sent.
const STATEMENTS_PATH: &str = "/api/admin/wallet-statements";
/// A token of ours has below 1 KiB; browsers and proxies add a few KiB.
const MAX_HEADER_BYTES: usize = 16_384;
/// Ids, filters and a cursor fit ten times.
const MAX_URI_BYTES: usize = 4_096;
/// Longer than any statement may take, shorter than the usual 30 s of proxies: the client hears it from us.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests worked on at once. The database pool is smaller, so these wait there; what is beyond waits here.
pub(crate) const MAX_IN_FLIGHT: usize = 64;
/// How long a request waits for its turn before it is told to come back.
const MAX_QUEUE_TIME: Duration = Duration::from_secs(5);
/// Half-open and forgotten connections end; browsers and proxies keep theirs for about a minute.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(75);
/// What is still open at shutdown has this long to end: the request timeout and a margin.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Lets a request through to `next` within the limits above.
pub(crate) async fn guard<E: Endpoint>(
    next: Arc<E>,
    mut request: Request,
    app: Arc<App>,
    permits: Arc<Semaphore>,
) -> poem::Result<Response> {
    if let Some(problem) = refuse_size(&request) {
        return Ok(respond(&problem));
    }
    let identity = Identity::of(&request, app.verifier.as_ref()).await;
    let told = match app.rates.count(&request, &identity).await {
        Ok(told) => told,
        Err(refusal) => return Ok(*refusal),
    };
    request.extensions_mut().insert(identity);
    let Ok(Ok(_permit)) = tokio::time::timeout(MAX_QUEUE_TIME, permits.acquire()).await else {
        return Ok(respond(&Problem::new(
            Code::Overloaded,
            "Too many requests are being worked on. Come back in a moment.",
        )));
    };
    if let Ok(answer) = tokio::time::timeout(REQUEST_TIMEOUT, next.call(request)).await {
        // Errors become answers here, so that they tell the limits too.
        let mut answer = match answer {
            Ok(answer) => answer.into_response(),
            Err(error) => respond(&of_framework_error(&error)),
        };
        told.write(&mut answer);
        return Ok(answer);
    }
    let detail = "The request was given up. It may or may not have been carried out: send it again, with the same idempotency key \
                  where there is one.";
    Ok(respond(&Problem::new(Code::TimedOut, detail)))
}

/// Refuses by the declared length before anything is read; bodies without one are counted while they are read.
fn refuse_size(request: &Request) -> Option<Problem> {
    let header_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    if header_bytes > MAX_HEADER_BYTES || request.uri().to_string().len() > MAX_URI_BYTES {
        let detail =
            format!("Headers may have {MAX_HEADER_BYTES} bytes together, the address {MAX_URI_BYTES}.");
        return Some(Problem::new(Code::HeadersTooLarge, detail));
    }
    let length = request.headers().get(poem::http::header::CONTENT_LENGTH)?;
    let declared = length.to_str().ok()?.parse::<u64>().ok()?;
    let most = if request.uri().path() == STATEMENTS_PATH { MAX_STATEMENT_BYTES } else { MAX_BODY_BYTES };
    (declared > u64::try_from(most).unwrap_or(u64::MAX)).then(body_too_large)
}
