//! The endpoint: routes, limits, and one form for every failure.

use std::{any::Any, sync::Arc, time::Instant};

use poem::{
    Endpoint, EndpointExt as _, IntoEndpoint as _, Request, Response, Route,
    http::{HeaderValue, header},
    middleware::CatchPanic,
};
use tokio::sync::Semaphore;

use crate::{
    app::App,
    docs_page, document, limits,
    problem::{Code, Problem, of_framework_error, respond},
    stop_page,
};

/// Everything this server answers. Whatever goes wrong inside, what comes out is a problem.
pub fn endpoint(app: Arc<App>, public_url: Option<&url::Url>) -> impl Endpoint<Output = Response> + 'static {
    let service = document::service(public_url);
    let routes =
        stop_page::routes(docs_page::routes(Route::new(), public_url, document::of(&service).to_string()));
    let routes = routes.nest_no_strip("/", service);
    let permits = Arc::new(Semaphore::new(limits::MAX_IN_FLIGHT));
    routes
        .into_endpoint()
        .data(Arc::clone(&app))
        .with(CatchPanic::new().with_handler(panicked))
        .around(move |next, request| limits::guard(next, request, Arc::clone(&app), Arc::clone(&permits)))
        .catch_all_error(|error: poem::Error| async move { respond(&of_framework_error(&error)) })
        .around(finish)
}

/// What every answer has, and one line in the log: failures of ours are seen without asking for more.
async fn finish<E: Endpoint<Output = Response>>(next: Arc<E>, request: Request) -> poem::Result<Response> {
    let (method, path, began) =
        (request.method().clone(), stop_page::loggable(request.uri().path()).to_owned(), Instant::now());
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Balances and names are nobody's to keep on the way; the pages around the API have their own rule.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let (status, elapsed) = (answer.status().as_u16(), began.elapsed());
    if answer.status().is_server_error() {
        tracing::warn!(http.method = %method, http.path = path, http.status = status, ?elapsed, "{method} {path}: {status}");
    } else {
        tracing::debug!(http.method = %method, http.path = path, http.status = status, ?elapsed, "{method} {path}: {status}");
    }
    Ok(answer)
}

fn panicked(_payload: Box<dyn Any + Send>) -> Response {
    // The panic hook has written message and place to the log; the payload may hold anything.
    tracing::error!("a request panicked");
    respond(&Problem::new(
        Code::InternalError,
        "The failure has been recorded. Sending the request again does no harm.",
    ))
}
