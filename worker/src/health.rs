//! `/healthz` and `/metrics` of a worker.

use std::{net::SocketAddr, sync::Arc};

use activities::World;
use ephemeral::Links;
use poem::{
    Endpoint, EndpointExt, IntoResponse, Response, Route, Server, get, handler, http::StatusCode,
    listener::TcpListener, web::Data,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{Engine, metrics};

/// What the endpoints look at.
pub(crate) struct Vitals {
    pub(crate) world: Arc<World>,
    pub(crate) engine: Engine,
    pub(crate) redis: Arc<Links>,
    pub(crate) max_redis_clients: u32,
}

pub(crate) async fn serve(
    listen: SocketAddr,
    vitals: Arc<Vitals>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    Server::new(TcpListener::bind(listen))
        .run_with_graceful_shutdown(routes(vitals), stop.cancelled_owned(), None)
        .await?;
    Ok(())
}

fn routes(vitals: Arc<Vitals>) -> impl Endpoint {
    Route::new().at("/healthz", get(healthz)).at("/metrics", get(prometheus)).data(vitals)
}

/// 200 while the worker can do its work, 503 while the database or Temporal is away. Redis away is only told.
#[handler]
async fn healthz(vitals: Data<&Arc<Vitals>>) -> Response {
    let database = store::ping(&vitals.world.pool).await.is_ok();
    let temporal = vitals.engine.get().is_some();
    let redis = vitals.redis.ping().await;
    let word = |up: bool| if up { "up" } else { "down" };
    let status = if database && temporal { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if !(database && temporal) { "down" } else if redis { "ok" } else { "degraded" },
        "database": word(database),
        "temporal": word(temporal),
        "redis": word(redis),
    });
    poem::web::Json(body).with_status(status).into_response()
}

/// Prometheus text format.
#[handler]
async fn prometheus(vitals: Data<&Arc<Vitals>>) -> Response {
    let world = &vitals.world;
    let (tally, now) = (Some(&world.tally), world.clock.now());
    let text = metrics::text(&world.pool, &vitals.redis, vitals.max_redis_clients, tally, now).await;
    text.with_content_type(metrics::CONTENT_TYPE).into_response()
}
