//! `/metrics` of the API, on an address of its own (`METRICS_ADDRESS`): what is told there is for whoever runs the system, and
//! whoever can reach it needs no token. The public address has no such path.

use std::{net::SocketAddr, sync::Arc};

use activities::Tally;
use domain::Clock;
use ephemeral::Links;
use poem::listener::TcpListener;
use poem::{Endpoint, EndpointExt as _, IntoResponse as _, Response, Route, Server, get, handler, web::Data};
use store::Pool;
use tokio_util::sync::CancellationToken;
use worker::metrics;

/// What the page is made of.
pub struct Sources {
    pub pool: Pool,
    pub redis: Arc<Links>,
    pub max_redis_clients: u32,
    pub clock: Arc<dyn Clock>,
    /// With the worker inside this process: what it has done.
    pub worker: Option<Arc<worker::World>>,
}

/// Serves until `stop`; an address that is taken is an error.
pub async fn serve(
    listen: SocketAddr,
    sources: Arc<Sources>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    Server::new(TcpListener::bind(listen))
        .run_with_graceful_shutdown(endpoint(sources), stop.cancelled_owned(), None)
        .await
}

/// The page, and nothing else.
pub fn endpoint(sources: Arc<Sources>) -> impl Endpoint {
    Route::new().at("/metrics", get(page)).data(sources)
}

#[handler]
async fn page(sources: Data<&Arc<Sources>>) -> Response {
    let tally: Option<&Tally> = sources.worker.as_ref().map(|world| &world.tally);
    let now = sources.clock.now();
    let text = metrics::text(&sources.pool, &sources.redis, sources.max_redis_clients, tally, now).await;
    text.with_content_type(metrics::CONTENT_TYPE).into_response()
}
