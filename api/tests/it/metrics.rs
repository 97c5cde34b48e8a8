//! `/metrics`, on its own address and nowhere else.

use std::sync::Arc;

use api::metrics::{Sources, endpoint};
use poem::{EndpointExt as _, http::StatusCode, test::TestClient};
use store::Pool;

use crate::world::{World, no_redis};

#[sqlx::test(migrations = "../migrations")]
async fn the_numbers_of_the_moment_are_told(pool: Pool) {
    let world = World::new(pool).await;
    world.payout("1500.00").await;
    let sources = Sources {
        pool: world.pool.clone(),
        redis: no_redis(),
        max_redis_clients: 50,
        clock: world.clock.clone(),
        worker: None,
    };
    let client = TestClient::new(endpoint(Arc::new(sources)).boxed());
    let response = client.get("/metrics").send().await.0;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.content_type().unwrap().starts_with("text/plain"));
    let text = response.into_body().into_string().await.unwrap();
    for line in [
        "payouts_up{service=\"postgresql\"} 1",
        "payouts_up{service=\"redis\"} 0",
        "payouts_open{status=\"REQUESTED\"} 1",
        "payouts_outbox_undelivered 1",
        "payouts_outbox_dead 0",
        "payouts_redis_max_clients 50",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
    assert!(text.contains("payouts_database_connections{state=\"most\"}"), "{text}");
    assert!(!text.contains("payouts_sends_total"), "no step runs here:\n{text}");
}

/// Whoever can reach the public address must not learn how much is paid.
#[sqlx::test(migrations = "../migrations")]
async fn the_public_address_has_no_metrics(pool: Pool) {
    let world = World::new(pool).await;
    assert_eq!(world.get("/metrics", &world.token()).await.1, StatusCode::NOT_FOUND);
}
