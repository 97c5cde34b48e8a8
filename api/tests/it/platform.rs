//! Pushing again is safe; pushing something else under a known id is refused.

use futures::future::join_all;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, code, naira, platform, tidy};

fn earning(amount: &str) -> Value {
    json!({ "provider": "p-1", "amount": naira(amount), "description": "job 7", "earned_at": "2026-11-20T08:00:00Z" })
}

#[sqlx::test(migrations = "../migrations")]
async fn providers(pool: Pool) {
    let world = World::new(pool).await;
    let path = "/api/platform/providers/shop%2F42";
    let (made, status) = world.put(path, &platform(), &json!({ "display_name": "Ada Obi" })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    insta::assert_json_snapshot!("provider", tidy(&made));
    let changed = json!({ "display_name": "Ada O.", "email": "ada@example.com", "verified": true });
    let (changed, status) = world.put(path, &platform(), &changed).await;
    assert_eq!((status, &changed["id"], &changed["verified"]), (StatusCode::OK, &made["id"], &json!(true)));
    assert_eq!(world.get(path, &platform()).await.0, changed);
    assert_eq!(code(&world.get("/api/platform/providers/nobody", &platform()).await), (404, "not_found"));
    for body in [
        json!({}),
        json!({ "display_name": " " }),
        json!({ "display_name": "x".repeat(201) }),
        json!({ "display_name": "x", "email": "nonsense" }),
        json!({ "display_name": "x", "verified": "yes" }),
        json!({ "display_name": "x", "status": "SUSPENDED" }),
    ] {
        assert_eq!(code(&world.put(path, &platform(), &body).await), (400, "invalid_request"), "{body}");
    }
    let long = format!("/api/platform/providers/{}", "x".repeat(101));
    let refused = world.put(&long, &platform(), &json!({ "display_name": "x" })).await;
    assert_eq!(code(&refused), (400, "invalid_parameter"));
    for unknown in [long.as_str(), "/api/platform/providers/%00", "/api/platform/earnings/a%20b"] {
        assert_eq!(code(&world.get(unknown, &platform()).await), (404, "not_found"), "{unknown}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn earnings(pool: Pool) {
    let world = World::new(pool).await;
    let path = "/api/platform/earnings/job-7";
    let (token, body) = (platform(), earning("250.50"));
    let pushes = join_all((0..5).map(|_| world.put(path, &token, &body))).await;
    let statuses: Vec<_> = pushes.iter().map(|push| push.1).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 4, "{statuses:?}");
    assert!(pushes.iter().all(|push| push.0 == pushes[0].0));
    insta::assert_json_snapshot!("earning", tidy(&pushes[0].0));
    assert_eq!(world.get(path, &platform()).await.0, pushes[0].0);

    for other in [
        earning("250.51"),
        json!({ "provider": "p-1", "amount": naira("250.50"), "earned_at": "2026-11-20T08:00:00Z" }),
        json!({ "provider": "p-1", "amount": naira("250.50"), "description": "job 7", "earned_at": "2026-11-21T08:00:00Z" }),
    ] {
        assert_eq!(code(&world.put(path, &platform(), &other).await), (409, "earning_differs"), "{other}");
    }
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    assert_eq!(balance["balances"][0]["available"], naira("10250.50"));

    let mut nobody = earning("1.00");
    nobody["provider"] = json!("nobody");
    let answer = world.put("/api/platform/earnings/job-8", &platform(), &nobody).await;
    assert_eq!(code(&answer), (422, "provider_unknown"));
    for (field, value) in [
        ("amount", naira("0")),
        ("amount", naira("-5")),
        ("amount", json!(5)),
        ("earned_at", json!("yesterday")),
        ("earned_at", json!("2026-11-20")),
        ("provider", json!("a b")),
        ("description", json!("x".repeat(501))),
        ("extra", json!(1)),
    ] {
        let mut body = earning("1.00");
        body[field] = value.clone();
        let answer = world.put("/api/platform/earnings/job-9", &platform(), &body).await;
        assert_eq!(code(&answer), (400, "invalid_request"), "{field} = {value}");
    }
    assert_eq!(code(&world.get("/api/platform/earnings/job-9", &platform()).await), (404, "not_found"));
}
