//! A provider's own view: their payouts, what they wait for, and nobody else's.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, code, naira, provider, tidy};

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_says_what_it_waits_for(pool: Pool) {
    let world = World::new(pool).await;
    let (created, status) = world.request("k", &world.payout_body("1500")).await;
    assert_eq!(status, StatusCode::CREATED);
    insta::assert_json_snapshot!("created", tidy(&created));

    let path = format!("/api/provider/payouts/{}", created["id"].as_str().unwrap());
    let (detail, _) = world.get(&path, &world.token()).await;
    insta::assert_json_snapshot!("waiting_for_assessment", tidy(&detail));
    assert!(!detail.to_string().contains("0690000032"), "{detail}");
}

#[sqlx::test(migrations = "../migrations")]
async fn the_way_of_a_payout(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("1500.00").await;
    let path = format!("/api/provider/payouts/{id}");
    let waiting = |detail: &Value| {
        let waiting = &detail["waiting"];
        (waiting["waiting_for"].clone(), waiting["who"].clone(), waiting["until"].clone())
    };
    let (detail, _) = world.get(&path, &world.token()).await;
    assert_eq!(waiting(&detail), (json!("decision"), json!("admin"), Value::Null));
    world.decide(id, "approve").await;
    let (detail, _) = world.get(&path, &world.token()).await;
    // Lagos is an hour ahead: at 10:00 there the next window is 12:00, which is 11:00 UTC.
    assert_eq!(waiting(&detail), (json!("window"), json!("system"), json!("2026-11-22T11:00:00+00:00")));
    let steps: Vec<_> = detail["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (step["who"].as_str().unwrap(), step["what"].as_str().unwrap(), step.get("reason").is_some())
        })
        .collect();
    assert_eq!(
        steps,
        [("provider", "requested", false), ("system", "review_opened", false), ("admin", "approved", false)]
    );
    assert!(!detail.to_string().contains("risk-1"), "staff has no name here: {detail}");
}

#[sqlx::test(migrations = "../migrations")]
async fn other_peoples_ids_do_not_exist(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.payout("100.00").await;
    let (stranger, _) = world.add_provider("p-2", "500.00").await;
    let token = provider(stranger);
    let nobody = "01900000-0000-7000-8000-000000000000";
    for (theirs, unknown) in
        [(format!("/api/provider/payouts/{id}"), format!("/api/provider/payouts/{nobody}"))]
    {
        assert_eq!(world.get(&theirs, &token).await, world.get(&unknown, &token).await);
    }
    let cancel = |id: &str| format!("/api/provider/payouts/{id}/cancel");
    let theirs = world.post(&cancel(&id.to_string()), &token, &json!({})).await;
    assert_eq!(code(&theirs), (404, "not_found"));
    assert_eq!(theirs, world.post(&cancel(nobody), &token, &json!({})).await);
    let delete = |id: &str| world.client.delete(format!("/api/provider/bank-accounts/{id}"));
    for account in [world.account.to_string(), nobody.to_owned()] {
        let request = delete(&account).header("authorization", format!("Bearer {token}"));
        assert_eq!(code(&crate::world::answer(request.send().await).await), (404, "not_found"));
    }
    let body = json!({ "amount": naira("1.00"), "bank_account_id": world.account });
    let request = crate::world::json_request(world.client.post("/api/provider/payouts"), &token, &body);
    let answer = crate::world::answer(request.header("idempotency-key", "k").send().await).await;
    assert_eq!(code(&answer), (422, "bank_account_unknown"));

    let (list, _) = world.get("/api/provider/payouts", &token).await;
    assert_eq!(list, json!({ "items": [] }));
    let (feed, _) = world.get("/api/provider/notifications", &token).await;
    assert_eq!(feed, json!({ "items": [], "unread": 0 }));
    let (still, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    assert_eq!(still["payout"]["status"], "REQUESTED");
}

#[sqlx::test(migrations = "../migrations")]
async fn cancel_gives_the_money_back_once(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.payout("1500.00").await;
    let path = format!("/api/provider/payouts/{id}/cancel");
    let (cancelled, status) = world.post(&path, &world.token(), &json!({})).await;
    assert_eq!((status, &cancelled["status"]), (StatusCode::OK, &json!("CANCELLED")));
    let again = world.post(&path, &world.token(), &json!({})).await;
    assert_eq!(code(&again), (409, "payout_moved_on"));
    assert_eq!((&again.0["payout_status"], &again.0["moved_by"]), (&json!("CANCELLED"), &json!("provider")));
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    insta::assert_json_snapshot!(balance);

    let taken = world.processing("1.00").await;
    let late = world.post(&format!("/api/provider/payouts/{taken}/cancel"), &world.token(), &json!({})).await;
    assert_eq!(code(&late), (409, "payout_moved_on"));
    assert_eq!(late.0["payout_status"], "PROCESSING");
}

#[sqlx::test(migrations = "../migrations")]
async fn pages_do_not_overlap(pool: Pool) {
    let world = World::new(pool).await;
    let mut made = vec![];
    for _ in 0..7 {
        made.push(world.payout("1.00").await.to_string());
    }
    made.reverse();
    let mut seen = vec![];
    let mut cursor = String::new();
    loop {
        let (page, status) =
            world.get(&format!("/api/provider/payouts?limit=3{cursor}"), &world.token()).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, made);

    let (filtered, _) = world.get("/api/provider/payouts?status=CANCELLED", &world.token()).await;
    assert_eq!(filtered["items"], json!([]));
    let (before, _) = world.get("/api/provider/payouts?to=2026-11-22T09:00:00Z", &world.token()).await;
    assert_eq!(before["items"], json!([]));
    let (since, _) =
        world.get("/api/provider/payouts?from=2026-11-22T09:00:00Z&limit=100", &world.token()).await;
    assert_eq!(since["items"].as_array().unwrap().len(), 7);
}

#[sqlx::test(migrations = "../migrations")]
async fn bank_accounts(pool: Pool) {
    let world = World::new(pool).await;
    let first = json!({ "bank_code": "044", "account_number": "0690000032", "currency": "NGN" });
    let (again, status) = world.post("/api/provider/bank-accounts", &world.token(), &first).await;
    assert_eq!(status, StatusCode::OK, "the same account again is the one that is there");
    assert_eq!(again["id"], json!(world.account));

    let resolve = json!({ "bank_code": "100004", "account_number": "8012345678" });
    let (resolved, _) = world.post("/api/provider/bank-accounts/resolve", &world.token(), &resolve).await;
    assert_eq!(
        resolved,
        json!({ "bank_code": "100004", "account_number": "******5678", "account_name": "ADA OBI" })
    );

    let second = json!({ "bank_code": "100004", "account_number": "8012345678", "currency": "NGN" });
    let (added, status) = world.post("/api/provider/bank-accounts", &world.token(), &second).await;
    assert_eq!((status, &added["usable_from"]), (StatusCode::CREATED, &json!("2026-11-23T09:00:00+00:00")));
    let early = json!({ "amount": naira("1.00"), "bank_account_id": added["id"] });
    let answer = world.request("k", &early).await;
    assert_eq!(code(&answer), (422, "bank_account_cooling_off"));
    assert_eq!(answer.0["until"], "2026-11-23T09:00:00+00:00");
    world.clock.advance(chrono::TimeDelta::hours(24));
    assert_eq!(world.request("k", &early).await.1, StatusCode::CREATED);

    let wrong_currency = json!({
        "amount": { "amount": "1.00", "currency": "GHS" }, "bank_account_id": world.account
    });
    assert_eq!(code(&world.request("k2", &wrong_currency).await), (422, "bank_account_currency"));

    let id = added["id"].as_str().unwrap();
    let path = format!("/api/provider/bank-accounts/{id}");
    let delete = || world.client.delete(&path).header("authorization", format!("Bearer {}", world.token()));
    delete().send().await.assert_status(StatusCode::NO_CONTENT);
    delete().send().await.assert_status(StatusCode::NOT_FOUND);
    let (list, _) = world.get("/api/provider/bank-accounts", &world.token()).await;
    insta::assert_json_snapshot!("bank_accounts", tidy(&list));
    assert_eq!(code(&world.request("k3", &early).await), (422, "bank_account_unknown"));

    for n in 1..10 {
        let body =
            json!({ "bank_code": "044", "account_number": format!("012345678{n}"), "currency": "NGN" });
        let (_, status) = world.post("/api/provider/bank-accounts", &world.token(), &body).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let body = json!({ "bank_code": "044", "account_number": "9999999999", "currency": "NGN" });
    let answer = world.post("/api/provider/bank-accounts", &world.token(), &body).await;
    assert_eq!(code(&answer), (409, "too_many_bank_accounts"));
}

#[sqlx::test(migrations = "../migrations")]
async fn banks_are_remembered_while_the_gateway_is_away(pool: Pool) {
    let world = World::new(pool).await;
    let (banks, _) = world.get("/api/provider/banks", &world.token()).await;
    assert_eq!(banks["banks"][0], json!({ "code": "044", "name": "Access Bank" }));
    world.gateway.go_away();
    world.clock.advance(chrono::TimeDelta::hours(23));
    assert_eq!(world.get("/api/provider/banks", &world.token()).await.1, StatusCode::OK);
    world.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(code(&world.get("/api/provider/banks", &world.token()).await), (503, "gateway_unavailable"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_suspended_provider_keeps_their_money(pool: Pool) {
    let world = World::new(pool).await;
    let body = json!({ "display_name": "Ada", "verified": true, "suspended": true });
    world.put("/api/platform/providers/p-1", &crate::world::platform(), &body).await;
    let answer = world.request("k", &world.payout_body("1.00")).await;
    assert_eq!(code(&answer), (403, "provider_suspended"));
    let (balance, status) = world.get("/api/provider/balance", &world.token()).await;
    assert_eq!((status, &balance["balances"][0]["available"]), (StatusCode::OK, &naira("10000.00")));
    let unknown = provider(domain::ProviderId::mint());
    let request = crate::world::json_request(
        world.client.post("/api/provider/payouts"),
        &unknown,
        &world.payout_body("1.00"),
    );
    let answer = crate::world::answer(request.header("idempotency-key", "k").send().await).await;
    assert_eq!(code(&answer), (403, "forbidden"));
}

#[sqlx::test(migrations = "../migrations")]
async fn feed_and_earnings(pool: Pool) {
    let world = World::new(pool).await;
    world.payout("1500.00").await;
    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    insta::assert_json_snapshot!("feed", tidy(&feed));
    let (earnings, _) = world.get("/api/provider/earnings", &world.token()).await;
    insta::assert_json_snapshot!("earnings", tidy(&earnings));
}
