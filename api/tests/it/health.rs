//! Alive, ready, degraded, down; and the pages around the API.

use std::sync::Arc;

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{Fixed, World};

async fn get(world: &World, path: &str) -> (StatusCode, Value) {
    let response = world.client.get(path).send().await.0;
    let status = response.status();
    let text = response.into_body().into_string().await.unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

#[sqlx::test(migrations = "../migrations")]
async fn ready(pool: Pool) {
    let world = World::new(pool.clone()).await;
    assert_eq!(
        get(&world, "/healthz").await,
        (StatusCode::OK, json!({ "status": "ok", "dependencies": [] }))
    );
    let (status, health) = get(&world, "/readyz").await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")));
    pool.close().await;
    let (status, health) = get(&world, "/readyz").await;
    assert_eq!((status, &health["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")));
    assert_eq!(get(&world, "/healthz").await.0, StatusCode::OK);
}

#[sqlx::test(migrations = "../migrations")]
async fn degraded(pool: Pool) {
    let away =
        World::with(pool, vec![Arc::new(Fixed("redis", false)), Arc::new(Fixed("temporal", false))]).await;
    let (status, health) = get(&away, "/readyz").await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_json_snapshot!(health);
    // Without Temporal a request is still taken; its start waits in the outbox.
    away.payout("1.00").await;
    assert_eq!(away.count("SELECT count(*) FROM outbox WHERE delivered_at IS NULL").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn pages(pool: Pool) {
    let world = World::new(pool).await;
    let docs = world.client.get("/docs").send().await;
    docs.assert_status_is_ok();
    let policy = docs.0.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let page = docs.0.into_body().into_string().await.unwrap();
    let own = &page[page.len() - 1_000..];
    assert!(!own.contains("src=\"http") && !own.contains("href=\"http"), "{own}");

    let (status, document) = get(&world, "/openapi.json").await;
    assert_eq!((status, &document["info"]["title"]), (StatusCode::OK, &json!("Payouts")));
    let errors = world.client.get("/errors").send().await;
    errors.assert_status_is_ok();
}
