//! Every operation of the document, with every wrong token. A new operation is in the document, so it is in here.

use poem::http::{Method, StatusCode};
use serde_json::Value;
use store::Pool;

use crate::world::{World, admin, answer, code, finance, mint, platform};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Method, path with ids filled in, and the name of the security scheme of each operation under `/api`.
fn operations() -> Vec<(Method, String, String)> {
    let document: Value = serde_json::from_str(&api::document::committed()).unwrap();
    let mut all = vec![];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path.starts_with("/api/") {
                let schemes = operation["security"].as_array().unwrap();
                let scheme = schemes[0].as_object().unwrap().keys().next().unwrap().clone();
                let path =
                    path.replace("{id}", NOBODY).replace("{external_id}", "nobody").replace("{number}", "1");
                all.push((method.to_uppercase().parse().unwrap(), path, scheme));
            }
        }
    }
    all
}

async fn call(world: &World, method: &Method, path: &str, token: Option<&str>) -> (Value, StatusCode) {
    let mut request = world.client.request(method.clone(), path).content_type("application/json").body("{}");
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let response = request.send().await;
    // A stream that is opened goes on: that it was opened is the answer.
    if path.ends_with("/stream") && response.0.status() == StatusCode::OK {
        return (Value::Null, StatusCode::OK);
    }
    answer(response).await
}

#[sqlx::test(migrations = "../migrations")]
async fn only_the_named_role_gets_in(pool: Pool) {
    let world = World::new(pool).await;
    let tokens = [
        ("provider", world.token()),
        ("admin", admin()),
        ("finance", finance("fola")),
        (
            "escalation",
            mint(
                &serde_json::json!({ "sub": "esi", "role": "escalation", "aud": "payouts", "exp": 4_102_444_800_u64 }),
            ),
        ),
        ("platform", platform()),
    ];
    let all = operations();
    assert!(all.len() >= 26, "{} operations", all.len());
    for (method, path, scheme) in all {
        let at = format!("{method} {path}");
        if scheme == "flutterwave" {
            assert_eq!(code(&call(&world, &method, &path, None).await), (401, "webhook_unsigned"), "{at}");
            continue;
        }
        assert_eq!(code(&call(&world, &method, &path, None).await), (401, "unauthenticated"), "{at}");
        for wrong in ["Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer a.b.c"] {
            let answer = call(&world, &method, &path, Some(wrong)).await;
            assert_eq!(code(&answer), (401, "unauthenticated"), "{at} with `{wrong}`");
        }
        for (role, token) in &tokens {
            let answer = call(&world, &method, &path, Some(&format!("Bearer {token}"))).await;
            // Finance and those whom reviews are escalated to open everything that an admin opens.
            let staff = ["finance", "escalation"].contains(role) && scheme == "admin";
            if *role == scheme || scheme == "anyone" || staff {
                assert!(![401, 403].contains(&answer.1.as_u16()), "{at} as {role}: {}", answer.0);
            } else {
                assert_eq!(code(&answer), (403, "forbidden"), "{at} as {role}");
            }
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_old_or_foreign_token_is_nobody(pool: Pool) {
    let world = World::new(pool).await;
    for claims in [
        serde_json::json!({ "sub": "a", "role": "admin", "aud": "payouts", "exp": 1_600_000_000 }),
        serde_json::json!({ "sub": "a", "role": "admin", "aud": "other", "exp": 4_102_444_800_u64 }),
        serde_json::json!({ "sub": "a", "role": "owner", "aud": "payouts", "exp": 4_102_444_800_u64 }),
    ] {
        let answer = world.get("/api/admin/reviews", &mint(&claims)).await;
        assert_eq!(code(&answer), (401, "unauthenticated"), "{claims}");
    }
}
