//! The same request again is carried out once, whatever happens at the same time.

use futures::future::join_all;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, code, json_request, naira};

async fn send(world: &World, key: &str, body: &Value) -> (StatusCode, Option<String>, String) {
    let request = json_request(world.client.post("/api/provider/payouts"), &world.token(), body);
    let response = request.header("idempotency-key", key).send().await.0;
    let replayed = response.header("idempotency-replayed").map(str::to_owned);
    (response.status(), replayed, response.into_body().into_string().await.unwrap())
}

#[sqlx::test(migrations = "../migrations")]
async fn the_first_answer_again(pool: Pool) {
    let world = World::new(pool).await;
    let first = send(&world, "k", &world.payout_body("1500.00")).await;
    assert_eq!((first.0, first.1.as_deref()), (StatusCode::CREATED, None));
    // Meanwhile the payout moves on; the answer is still the first one.
    let id = serde_json::from_str::<Value>(&first.2).unwrap()["id"].as_str().unwrap().to_owned();
    let cancel = format!("/api/provider/payouts/{id}/cancel");
    assert_eq!(world.post(&cancel, &world.token(), &json!({})).await.1, StatusCode::OK);
    let written_otherwise = json!({ "bank_account_id": world.account, "amount": naira("1500") });
    let again = send(&world, "k", &written_otherwise).await;
    assert_eq!(again, (StatusCode::CREATED, Some("true".to_owned()), first.2));
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn another_request_under_the_key(pool: Pool) {
    let world = World::new(pool).await;
    assert_eq!(world.request("k", &world.payout_body("10.00")).await.1, StatusCode::CREATED);
    let other = world.request("k", &world.payout_body("10.01")).await;
    assert_eq!(code(&other), (422, "idempotency_key_reused"));
    // Keys belong to their provider.
    let (other_provider, other_account) = world.add_provider("p-2", "100.00").await;
    let body = json!({ "amount": naira("10.00"), "bank_account_id": other_account });
    let token = crate::world::provider(other_provider);
    let request = json_request(world.client.post("/api/provider/payouts"), &token, &body);
    request.header("idempotency-key", "k").send().await.assert_status(StatusCode::CREATED);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refusal_leaves_the_key_free(pool: Pool) {
    let world = World::new(pool).await;
    let answer = world.request("k", &world.payout_body("10000.01")).await;
    assert_eq!(code(&answer), (400, "insufficient_balance"));
    assert_eq!(answer.0["available"], naira("10000.00"));
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'reserved'").await, 0);
    assert_eq!(world.request("k", &world.payout_body("10000.00")).await.1, StatusCode::CREATED);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_same_key_at_the_same_moment(pool: Pool) {
    let world = World::new(pool).await;
    let body = world.payout_body("100.00");
    let answers = join_all((0..20).map(|_| send(&world, "k", &body))).await;
    assert!(
        answers.iter().all(|answer| answer.0 == StatusCode::CREATED && answer.2 == answers[0].2),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| answer.1.is_none()).count(), 1);
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn two_hundred_at_once_leave_ten(pool: Pool) {
    let world = World::new(pool).await;
    let body = world.payout_body("1000.00");
    let keys: Vec<String> = (0..200).map(|n| format!("k-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| world.request(key, &body))).await;
    let created = answers.iter().filter(|answer| answer.1 == StatusCode::CREATED).count();
    let refused = answers.iter().filter(|answer| code(answer) == (400, "insufficient_balance")).count();
    assert_eq!((created, refused), (10, 190), "{:?}", answers.iter().map(code).collect::<Vec<_>>());
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 10);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'start'").await, 10);
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    assert_eq!(balance["balances"][0]["available"], naira("0.00"));
    assert_eq!(balance["balances"][0]["reserved"], naira("10000.00"));
    assert_eq!(store::books::verify(&world.pool).await.unwrap().findings, Vec::<String>::new());
}
