//! What the engine refused for a day: seen by admins, sent again by them, once.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, admin, code};

/// A payout, its start and another of its rows given up.
async fn two_dead_letters(world: &World) -> (domain::PayoutId, Vec<i64>) {
    let payout = world.payout("1500.00").await;
    let path = format!("/api/provider/payouts/{payout}/cancel");
    assert_eq!(world.post(&path, &world.token(), &json!({})).await.1, StatusCode::OK);
    let give_up = "UPDATE outbox SET dead_at = created_at, tries = 100, last_error = 'no such type'";
    sqlx::query(give_up).execute(&world.pool).await.unwrap();
    let ids = sqlx::query_scalar("SELECT id FROM outbox ORDER BY id").fetch_all(&world.pool).await.unwrap();
    (payout, ids)
}

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn dead_letters_are_listed_page_by_page(pool: Pool) {
    let world = World::new(pool).await;
    let (payout, dead) = two_dead_letters(&world).await;
    let (first, status) = world.get("/api/admin/dead-letters?limit=1", &admin()).await;
    assert_eq!((status, ids(&first)), (StatusCode::OK, vec![dead[1]]), "{first}");
    let item = &first["items"][0];
    assert_eq!(
        (&item["kind"], &item["signal"], &item["tries"]),
        (&json!("signal"), &json!("cancel"), &json!(100))
    );
    assert_eq!((&item["payout_id"], &item["last_error"]), (&json!(payout), &json!("no such type")));
    let cursor = first["next_cursor"].as_str().unwrap();
    let (second, _) = world.get(&format!("/api/admin/dead-letters?limit=1&cursor={cursor}"), &admin()).await;
    assert_eq!((ids(&second), second["next_cursor"].is_null()), (vec![dead[0]], true));
    for (query, found) in [
        ("kind=start", vec![dead[0]]),
        ("signal=cancel", vec![dead[1]]),
        ("kind=batch", vec![]),
        ("payout=01900000-0000-7000-8000-000000000000", vec![]),
    ] {
        let (page, _) = world.get(&format!("/api/admin/dead-letters?{query}"), &admin()).await;
        assert_eq!(ids(&page), found, "{query}");
    }
    for wrong in ["kind=letter", "cursor=x", "limit=101"] {
        let answer = world.get(&format!("/api/admin/dead-letters?{wrong}"), &admin()).await;
        assert_eq!(code(&answer), (400, "invalid_parameter"), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_dead_letter_is_sent_again_once_and_its_elders_first(pool: Pool) {
    let world = World::new(pool).await;
    let (payout, dead) = two_dead_letters(&world).await;
    let path = format!("/api/admin/dead-letters/{}/resend", dead[1]);
    let (answer, status) = world.post(&path, &admin(), &json!({})).await;
    assert_eq!((status, &answer["ids"]), (StatusCode::OK, &json!(dead)));
    assert_eq!(code(&world.post(&path, &admin(), &json!({})).await), (409, "not_dead"));
    let unknown = world.post("/api/admin/dead-letters/999999/resend", &admin(), &json!({})).await;
    assert_eq!(code(&unknown), (404, "not_found"));
    let lines = store::audit::timeline(&world.pool, payout).await.unwrap();
    let resent: Vec<_> = lines.iter().filter(|line| line.action == "resent").collect();
    assert_eq!(resent.len(), 1);
    assert_eq!(resent[0].actor, "admin:risk-1");
    let (none, _) = world.get("/api/admin/dead-letters", &admin()).await;
    assert_eq!(ids(&none), [0_i64; 0]);
}
