//! Signed or not, known or not, twice, oversized, nonsense: 401, or kept and 200; nothing else.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{WEBHOOK_SECRET, World, answer, code};

const PATH: &str = "/api/webhooks/flutterwave/payout_status";

async fn deliver(world: &World, hash: Option<&str>, body: impl Into<Vec<u8>>) -> (Value, StatusCode) {
    let mut request = world.client.post(PATH).content_type("application/json").body(body.into());
    if let Some(hash) = hash {
        request = request.header("verif-hash", hash);
    }
    answer(request.send().await).await
}

fn event(reference: &str) -> String {
    json!({
        "event": "transfer.completed", "event.type": "Transfer",
        "data": { "id": 33286, "account_number": "0690000032", "amount": 1500, "status": "SUCCESSFUL", "reference": reference, "meta": null }
    })
    .to_string()
}

async fn kept(world: &World) -> Vec<(String, i32)> {
    sqlx::query_as("SELECT disposition, repeats FROM inbox ORDER BY received_at, id")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn unsigned_and_forged_leave_nothing(pool: Pool) {
    let world = World::new(pool).await;
    let (_, reference) = world.sent("1500.00").await;
    let body = event(reference.as_str());
    let upper = WEBHOOK_SECRET.to_uppercase();
    let longer = format!("{WEBHOOK_SECRET}x");
    for hash in [None, Some(""), Some("wrong"), Some(upper.as_str()), Some(longer.as_str())] {
        let answer = deliver(&world, hash, body.clone()).await;
        assert_eq!(code(&answer), (401, "webhook_unsigned"), "{hash:?}");
    }
    assert_eq!(kept(&world).await, []);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'transfer_update'").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_known_reference_wakes_its_payout_once(pool: Pool) {
    let world = World::new(pool).await;
    let (id, reference) = world.sent("1500.00").await;
    for _ in 0..3 {
        assert_eq!(deliver(&world, Some(WEBHOOK_SECRET), event(reference.as_str())).await.1, StatusCode::OK);
    }
    assert_eq!(kept(&world).await, [("woken".to_owned(), 2)]);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'transfer_update'").await, 1);
    // What it claims moves nothing: the gateway is asked.
    let payout = store::payouts::get(&world.pool, id).await.unwrap().unwrap();
    assert_eq!(payout.status, domain::PayoutStatus::Processing);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_nobody_knows_is_kept(pool: Pool) {
    let world = World::new(pool).await;
    let secret = Some(WEBHOOK_SECRET);
    assert_eq!(deliver(&world, secret, event("somebody-elses-1")).await.1, StatusCode::OK);
    for body in ["not json", "[]", "{}", "", r#"{"event":"charge.completed","data":{"id":1}}"#] {
        assert_eq!(deliver(&world, secret, body).await.1, StatusCode::OK, "`{body}`");
    }
    assert_eq!(deliver(&world, secret, vec![0xff, 0x00, 0xfe]).await.1, StatusCode::OK);
    assert_eq!(deliver(&world, secret, event("nul\u{0}in-it")).await.1, StatusCode::OK);
    let kept = kept(&world).await;
    assert_eq!(kept.len(), 8, "{kept:?}");
    assert_eq!(kept[0].0, "unknown");
    assert!(kept.iter().all(|(disposition, _)| ["unknown", "unreadable"].contains(&disposition.as_str())));
    assert_eq!(
        world.count("SELECT count(*) FROM outbox WHERE kind = 'signal' AND signal = 'transfer_update'").await,
        0
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn size(pool: Pool) {
    let world = World::new(pool).await;
    let secret = Some(WEBHOOK_SECRET);
    assert_eq!(deliver(&world, secret, vec![b' '; 65_536]).await.1, StatusCode::OK);
    let answer = deliver(&world, secret, vec![b' '; 65_537]).await;
    assert_eq!(code(&answer), (413, "body_too_large"));
    // Without the secret not even the size is told.
    assert_eq!(code(&deliver(&world, None, vec![b' '; 1000]).await), (401, "webhook_unsigned"));
    assert_eq!(kept(&world).await.len(), 1);
}
