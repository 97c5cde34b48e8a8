//! `/healthz` and `/metrics` of a worker.

use std::{fmt::Write, net::SocketAddr, sync::Arc};

use activities::World;
use poem::{
    Endpoint, EndpointExt, IntoResponse, Response, Route, Server, get, handler, http::StatusCode,
    listener::TcpListener, web::Data,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{Engine, RedisLink};

/// What the endpoints look at.
pub(crate) struct Vitals {
    pub(crate) world: Arc<World>,
    pub(crate) engine: Engine,
    pub(crate) redis: Arc<RedisLink>,
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
    Route::new().at("/healthz", get(healthz)).at("/metrics", get(metrics)).data(vitals)
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
async fn metrics(vitals: Data<&Arc<Vitals>>) -> Response {
    let tally = &vitals.world.tally;
    let mut text = String::new();
    let mut gauge = |name: &str, kind: &str, help: &str, value: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    gauge("payouts_steps_done_total", "counter", "Steps that answered.", tally.done().to_string());
    gauge(
        "payouts_steps_failed_total",
        "counter",
        "Steps that will be tried again.",
        tally.failed().to_string(),
    );
    if let Ok(backlog) = store::outbox::backlog(&vitals.world.pool).await {
        let now = vitals.world.clock.now();
        let age = backlog.oldest.map_or(0, |oldest| now.signed_duration_since(oldest).num_seconds().max(0));
        gauge(
            "payouts_outbox_undelivered",
            "gauge",
            "Starts and signals not delivered yet.",
            backlog.undelivered.to_string(),
        );
        gauge("payouts_outbox_dead", "gauge", "Starts and signals given up.", backlog.dead.to_string());
        gauge(
            "payouts_outbox_oldest_age_seconds",
            "gauge",
            "Age of the oldest undelivered row.",
            age.to_string(),
        );
    }
    if let Some(clients) = vitals.redis.connected_clients().await {
        gauge(
            "payouts_redis_connected_clients",
            "gauge",
            "Clients of the Redis server.",
            clients.to_string(),
        );
    }
    text.with_content_type("text/plain; version=0.0.4").into_response()
}
