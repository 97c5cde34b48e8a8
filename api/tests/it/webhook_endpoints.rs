//! The marketplace's webhook endpoints, over HTTP: made, tested, rotated, switched, replayed, and looked at.

use chrono::TimeDelta;
use domain::Clock as _;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::{
    Pool,
    messages::{self, Channels, Due, To},
};

use crate::world::{World, code, platform};

const PATH: &str = "/api/platform/webhook-endpoints";
const URL: &str = "https://shop.example.com/hooks";

async fn add(world: &World, event_types: Value) -> Value {
    let new = json!({ "url": URL, "description": "the shop", "event_types": event_types });
    let (made, status) = world.post(PATH, &platform(), &new).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

async fn due(world: &World) -> Vec<Due> {
    let now = world.clock.now();
    messages::hand_over(&world.pool, Channels::default(), 100, now).await.unwrap();
    messages::lease(&world.pool, &[], 100, TimeDelta::seconds(90), now).await.unwrap()
}

/// What signs it.
fn secrets(due: &Due) -> Vec<String> {
    let keys = channels::SealingKeys::development().unwrap();
    match &due.to {
        To::Webhook { endpoint, secrets, .. } => {
            secrets.iter().map(|sealed| keys.open(sealed, *endpoint).unwrap()).collect()
        }
        To::Email { .. } | To::Push { .. } | To::Nobody => panic!("{due:?}"),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_secret_is_shown_when_it_is_made_and_never_again(pool: Pool) {
    let world = World::new(pool).await;
    let made = add(&world, json!([])).await;
    assert!(text(&made, "secret").starts_with("whsec_"));
    assert_eq!((&made["url"], &made["enabled"]), (&json!(URL), &json!(true)));
    let (all, _) = world.get(PATH, &platform()).await;
    assert_eq!((&all["items"][0]["id"], &all["items"][0]["secret"]), (&made["id"], &Value::Null));
    let told = "SELECT count(*) FROM audit WHERE detail::text LIKE '%whsec_%'";
    assert_eq!(world.count(told).await, 0);
    let kept: String =
        sqlx::query_scalar("SELECT w::text FROM webhook_endpoints w").fetch_one(&world.pool).await.unwrap();
    assert!(kept.contains("v1.development.") && !kept.contains("whsec_"), "{kept}");
}

#[sqlx::test(migrations = "../migrations")]
async fn addresses_of_ones_own_network_and_unknown_types_are_refused(pool: Pool) {
    let world = World::new(pool).await;
    let add = async |body: Value| world.post(PATH, &platform(), &body).await;
    for url in [
        "http://shop.example.com/hooks",
        "https://127.0.0.1/hooks",
        "https://10.1.2.3/hooks",
        "https://[::1]/hooks",
        "https://user:password@shop.example.com/",
        "ftp://shop.example.com/",
        "shop.example.com",
    ] {
        let refused = add(json!({ "url": url })).await;
        assert_eq!(refused.1, StatusCode::BAD_REQUEST, "{url}: {}", refused.0);
        assert_eq!(refused.0["errors"][0]["field"], "url", "{url}");
    }
    let refused = add(json!({ "url": URL, "event_types": ["payout.lost"] })).await;
    assert_eq!(refused.0["errors"][0]["field"], "event_types");
    for _ in 0..20 {
        assert_eq!(add(json!({ "url": URL })).await.1, StatusCode::OK);
    }
    assert_eq!(code(&add(json!({ "url": URL })).await), (409, "too_many_webhook_endpoints"));
}

#[sqlx::test(migrations = "../migrations")]
async fn both_secrets_sign_for_a_day_after_one_was_changed_for_the_other(pool: Pool) {
    let world = World::new(pool).await;
    let made = add(&world, json!([])).await;
    let path = format!("{PATH}/{}/rotate-secret", text(&made, "id"));
    let (rotated, status) = world.post(&path, &platform(), &json!({})).await;
    assert_eq!((status, &rotated["old_secret_until"]), (StatusCode::OK, &json!("2026-11-23T09:00:00+00:00")));
    let (old, new) = (text(&made, "secret"), text(&rotated, "secret"));
    assert_ne!(old, new);
    world.payout("100.00").await;
    assert_eq!(secrets(&due(&world).await[0]), [new, old]);
    world.clock.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
    world.payout("200.00").await;
    let later = due(&world).await;
    assert_eq!(secrets(later.last().unwrap()), [new]);
    let unknown = format!("{PATH}/{}/rotate-secret", world.account);
    assert_eq!(code(&world.post(&unknown, &platform(), &json!({})).await), (404, "not_found"));
    let rotations = "SELECT count(*) FROM audit WHERE action = 'webhook_secret_rotated'";
    assert_eq!(world.count(rotations).await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_test_is_sent_to_an_endpoint_that_is_on_and_seen_among_its_deliveries(pool: Pool) {
    let world = World::new(pool).await;
    let made = add(&world, json!(["payout.failed"])).await;
    let path = format!("{PATH}/{}", text(&made, "id"));
    let (test, status) = world.post(&format!("{path}/test"), &platform(), &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{test}");
    let due = due(&world).await;
    assert_eq!((due.len(), json!(due[0].id), due[0].told.is_none()), (1, test["message_id"].clone(), true));
    let (seen, _) = world.get(&format!("{path}/deliveries"), &platform()).await;
    assert_eq!(seen["items"][0]["id"], test["message_id"]);
    assert_eq!((&seen["items"][0]["event"], &seen["items"][0]["state"]), (&Value::Null, &json!("pending")));

    let off = world.put(&format!("{path}/enabled"), &platform(), &json!({ "enabled": false })).await;
    assert_eq!((off.1, &off.0["enabled"]), (StatusCode::OK, &json!(false)));
    assert!(text(&off.0, "disabled_why").contains("platform:"), "{}", off.0);
    let (dropped, _) = world.get(&format!("{path}/deliveries"), &platform()).await;
    assert_eq!(dropped["items"][0]["state"], "dropped");
    for asked in ["test", "replay"] {
        let body = json!({ "since": "2026-11-22T00:00:00Z" });
        let answer = world.post(&format!("{path}/{asked}"), &platform(), &body).await;
        assert_eq!(code(&answer), (409, "webhook_endpoint_disabled"), "{asked}");
    }
    let nowhere = format!("{PATH}/{}", world.account);
    for asked in ["test", "deliveries"] {
        let answer = match asked {
            "test" => world.post(&format!("{nowhere}/test"), &platform(), &json!({})).await,
            _ => world.get(&format!("{nowhere}/deliveries"), &platform()).await,
        };
        assert_eq!(code(&answer), (404, "not_found"), "{asked}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn past_events_are_sent_again_under_the_ids_they_have(pool: Pool) {
    let world = World::new(pool).await;
    // Told before there was an endpoint.
    let payout = world.payout("100.00").await;
    assert!(due(&world).await.is_empty());
    let made = add(&world, json!([])).await;
    let path = format!("{PATH}/{}/replay", text(&made, "id"));
    let replay = async |body: Value| world.post(&path, &platform(), &body).await;
    let since = json!({ "since": "2026-11-22T00:00:00Z" });
    assert_eq!(replay(since.clone()).await, (json!({ "events": 1 }), StatusCode::OK));
    assert_eq!(replay(since).await.0["events"], 0, "it is on its way");
    let first = due(&world).await.remove(0);
    let event = first.told.as_ref().unwrap().id;
    let (deliveries, _) = world.get(&format!("{PATH}/{}/deliveries", text(&made, "id")), &platform()).await;
    assert_eq!(
        (&deliveries["items"][0]["payout_id"], &deliveries["items"][0]["event_id"]),
        (&json!(payout), &json!(event))
    );
    messages::drop_unwanted(&world.pool, &first, "lost by the shop", world.clock.now()).await.unwrap();
    let by_id = json!({ "events": [format!("msg_{}", event.simple())] });
    assert_eq!(replay(by_id).await.0["events"], 1);
    assert_eq!(due(&world).await.remove(0).id, first.id);
    assert_eq!(replay(json!({ "since": "2026-11-23T00:00:00Z" })).await.0["events"], 0);
    for wrong in [json!({}), json!({ "events": ["x"] }), json!({ "since": "yesterday" })] {
        assert_eq!(replay(wrong.clone()).await.1, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_endpoint_gets_the_types_it_names(pool: Pool) {
    let world = World::new(pool).await;
    add(&world, json!(["payout.cancelled"])).await;
    let payout = world.payout("100.00").await;
    let path = format!("/api/provider/payouts/{payout}/cancel");
    assert_eq!(world.post(&path, &world.token(), &json!({})).await.1, StatusCode::OK);
    let due = due(&world).await;
    let events: Vec<&str> = due.iter().map(|due| due.told.as_ref().unwrap().event.as_str()).collect();
    assert_eq!(events, ["cancelled"]);
}
