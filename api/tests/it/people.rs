//! What people do and look at beside their payouts: another account, bank accounts that are stopped, statements; and for staff the
//! counts, statistics and providers.

use chrono::TimeDelta;
use domain::PayoutId;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::{
    admin::{fail_for_good, failed},
    world::{World, admin, answer, at, code, json_request, mint, naira, provider},
};

/// A payout that its bank refused for good, and the provider's other account.
async fn refused(world: &World) -> (PayoutId, Value) {
    let (id, reference) = world.sent("1500.00").await;
    fail_for_good(world, id, &reference).await;
    world.gateway.answers(failed(&reference));
    let second = json!({ "bank_code": "044", "account_number": "0690000040", "currency": "NGN" });
    let (second, status) = world.post("/api/provider/bank-accounts", &world.token(), &second).await;
    assert_eq!(status, StatusCode::CREATED, "{second}");
    (id, second["id"].clone())
}

async fn give(world: &World, id: PayoutId, key: &str, account: &Value, token: &str) -> (Value, StatusCode) {
    let path = format!("/api/provider/payouts/{id}/another-account");
    let request = json_request(world.client.post(path), token, &json!({ "bank_account_id": account }));
    answer(request.header("idempotency-key", key).send().await).await
}

#[sqlx::test(migrations = "../migrations")]
async fn counts_and_statistics_tell_what_there_is(pool: Pool) {
    let world = World::new(pool).await;
    world.under_review("10.00").await;
    world.payout("20.00").await;
    let (counts, _) = world.get("/api/admin/counts", &admin()).await;
    let expected = json!({
        "reviews": 1, "attention": 0, "cases": 0, "dead_letters": 0, "open": 2, "counted_at_most": 10_000
    });
    assert_eq!(counts, expected);
    world.decide(world.under_review("30.00").await, "reject").await;
    let path = "/api/admin/statistics?currency=NGN&from=2026-11-20&to=2026-11-23";
    let (found, status) = world.get(path, &admin()).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    assert_eq!(found["reviewed"][0]["day"], "2026-11-22");
    assert_eq!((&found["reviewed"][0]["reviews"], &found["paid"]), (&json!(1), &json!([])));
    for wrong in [
        "currency=NGN&from=2026-11-20&to=2026-11-20",
        "currency=NGN&from=2026-01-01&to=2026-11-20",
        "currency=X",
    ] {
        let answer = world.get(&format!("/api/admin/statistics?{wrong}"), &admin()).await;
        assert_eq!(code(&answer), (400, "invalid_parameter"), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn staff_finds_a_provider_with_everything_about_them(pool: Pool) {
    let world = World::new(pool).await;
    world.payout("10.00").await;
    let (other, _) = world.add_provider("p-2", "5.00").await;
    let (all, _) = world.get("/api/admin/providers", &admin()).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(all["items"][0]["id"], json!(other));
    let (found, _) = world.get("/api/admin/providers?q=P-2", &admin()).await;
    assert_eq!(found["items"], json!([]), "ids of the marketplace keep their case");
    let (found, _) =
        world.get("/api/admin/providers?q=p-1&in_debt=false&suspended=false&paused=false", &admin()).await;
    let item = &found["items"][0];
    assert_eq!((&item["open_payouts"], &item["balances"][0]["reserved"]), (&json!(1), &naira("10.00")));
    let (detail, _) = world.get(&format!("/api/admin/providers/{}", world.provider), &admin()).await;
    assert_eq!(detail["payouts"].as_array().unwrap().len(), 1);
    assert_eq!(detail["bank_accounts"][0]["bank_name"], "Access Bank");
    assert!(detail["audit"].to_string().contains("bank_account_added"), "{detail}");
    assert!(!detail.to_string().contains("0690000032"), "{detail}");
    let nobody = world.get("/api/admin/providers/00000000-0000-7000-8000-000000000000", &admin()).await;
    assert_eq!(code(&nobody), (404, "not_found"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_bank_account_needs_a_fresh_sign_in(pool: Pool) {
    let world = World::new(pool).await;
    let second = json!({ "bank_code": "044", "account_number": "0690000040", "currency": "NGN" });
    let claims = |auth_time: Value| {
        mint(&json!({
            "sub": "ada", "role": "provider", "provider_id": world.provider, "aud": "payouts",
            "exp": 4_102_444_800_u64, "auth_time": auth_time
        }))
    };
    let now = at("2026-11-22T09:00:00Z").timestamp();
    for stale in [json!(null), json!(now - 901)] {
        let answer = world.post("/api/provider/bank-accounts", &claims(stale), &second).await;
        assert_eq!(code(&answer), (403, "fresh_sign_in_needed"));
    }
    let (added, status) = world.post("/api/provider/bank-accounts", &claims(json!(now - 900)), &second).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
}

#[sqlx::test(migrations = "../migrations")]
async fn whoever_reads_the_mail_stops_a_new_account(pool: Pool) {
    let world = World::new(pool).await;
    let second = json!({ "bank_code": "044", "account_number": "0690000040", "currency": "NGN" });
    let (added, _) = world.post("/api/provider/bank-accounts", &world.token(), &second).await;
    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    let words = feed["items"][0]["body"].as_str().unwrap().to_owned();
    let link = words.split("https://pay.test").nth(1).unwrap_or_else(|| panic!("{feed}")).to_owned();
    assert!(words.contains("******0040") && !words.contains("0690000040"), "{words}");
    let call = async |method: poem::http::Method, path: &str| {
        let response = world.client.request(method, path).send().await.0;
        (response.status(), response.into_body().into_string().await.unwrap())
    };
    let (get, post) = (poem::http::Method::GET, poem::http::Method::POST);
    // Reading changes nothing.
    let (status, page) = call(get.clone(), &link).await;
    assert!(
        status == StatusCode::OK && page.contains("******0040") && page.contains("Access Bank"),
        "{page}"
    );
    let (accounts, _) = world.get("/api/provider/bank-accounts", &world.token()).await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 2);
    for wrong in ["/bank-account-stops/x", &format!("/bank-account-stops/{}", "0".repeat(64))] {
        assert_eq!(call(post.clone(), wrong).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(call(post.clone(), &link).await.0, StatusCode::OK);
    let (accounts, _) = world.get("/api/provider/bank-accounts", &world.token()).await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 1);
    let (cases, _) = world.get("/api/admin/cases?kind=account_stopped", &admin()).await;
    assert_eq!(cases["items"][0]["subject"], format!("bank_account:{}", added["id"].as_str().unwrap()));
    let (status, page) = call(post, &link).await;
    assert!(status == StatusCode::OK && page.contains("Stopped"), "a second time changes nothing");
    assert_eq!(world.count("SELECT count(*) FROM cases").await, 1);
    world.clock.advance(TimeDelta::hours(25));
    assert_eq!(call(get, &link).await.0, StatusCode::NOT_FOUND, "its time is over");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_statement_in_three_forms(pool: Pool) {
    let world = World::new(pool).await;
    world.payout("10.00").await;
    let (statement, status) = world.get("/api/provider/statements/2026-11", &world.token()).await;
    assert_eq!(status, StatusCode::OK, "{statement}");
    assert_eq!((&statement["opening"], &statement["closing"]), (&naira("0.00"), &naira("10000.00")));
    assert_eq!((&statement["available"], &statement["reserved"]), (&naira("9990.00"), &naira("10.00")));
    assert_eq!(
        (&statement["complete"], &statement["from"]),
        (&json!(false), &json!("2026-10-31T23:00:00+00:00"))
    );
    let file = async |query: &str, accept: &str| {
        let request =
            world.client.get(format!("/api/provider/statements/2026-11{query}")).header("accept", accept);
        let response = request.header("authorization", format!("Bearer {}", world.token())).send().await;
        response.assert_status(StatusCode::OK);
        (response.0.content_type().unwrap().to_owned(), response.0.into_body().into_vec().await.unwrap())
    };
    let (kind, csv) = file("?format=csv", "*/*").await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(kind.starts_with("text/csv") && csv.lines().count() == 4, "{csv}");
    assert!(csv.lines().last().unwrap().contains("closing,,,,10000.00,NGN"), "{csv}");
    let (kind, pdf) = file("", "application/pdf").await;
    let pdf = String::from_utf8(pdf).unwrap();
    assert!(
        kind == "application/pdf" && pdf.starts_with("%PDF-1.4") && pdf.contains("(10000.00) Tj"),
        "{pdf}"
    );
    for missing in ["2026-12", "2026-13", "x"] {
        let answer = world.get(&format!("/api/provider/statements/{missing}"), &world.token()).await;
        assert_eq!(code(&answer), (404, "not_found"), "{missing}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn another_account_is_given_once_and_only_for_ones_own(pool: Pool) {
    let world = World::new(pool).await;
    let (id, second) = refused(&world).await;
    let (detail, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    let action =
        detail["actions"].as_array().unwrap().iter().find(|one| one["name"] == "another_account").unwrap();
    assert_eq!(action["allowed"], true, "{detail}");
    let cooling = give(&world, id, "k", &second, &world.token()).await;
    assert_eq!(code(&cooling), (422, "bank_account_cooling_off"));
    world.clock.advance(TimeDelta::hours(24));
    let (stranger, _) = world.add_provider("p-2", "1.00").await;
    assert_eq!(code(&give(&world, id, "k", &second, &provider(stranger)).await), (404, "not_found"));
    world.gateway.go_away();
    assert_eq!(code(&give(&world, id, "k", &second, &world.token()).await), (503, "gateway_unavailable"));
    *world.gateway.away.lock().unwrap() = false;
    let first = give(&world, id, "k", &second, &world.token()).await;
    assert_eq!(first.1, StatusCode::CREATED, "{}", first.0);
    assert_eq!(first.0["bank_account_id"], second);
    assert_eq!(give(&world, id, "k", &second, &world.token()).await, first);
    assert_eq!(code(&give(&world, id, "k2", &second, &world.token()).await), (409, "payout_moved_on"));
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    let reserved = &balance["balances"][0]["reserved_for"];
    assert_eq!(
        (&reserved[0]["payout_id"], reserved.as_array().unwrap().len()),
        (&first.0["id"], 1),
        "{balance}"
    );
    let (old, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    let path = format!("/api/provider/payouts/{}", first.0["id"].as_str().unwrap());
    let (new, _) = world.get(&path, &world.token()).await;
    assert_eq!((&old["replaced_by"], &new["replaces"]), (&first.0["id"], &json!(id)), "{old} {new}");
    assert!(old.get("replaces").is_none() && new.get("replaced_by").is_none(), "{old} {new}");
}

#[sqlx::test(migrations = "../migrations")]
async fn staff_suspends_a_provider_and_lifts_it(pool: Pool) {
    let world = World::new(pool).await;
    let path = |what: &str| format!("/api/admin/providers/{}/{what}", world.provider);
    let reason = json!({ "reason": "a stolen phone, perhaps" });
    let (first, status) = world.post(&path("suspend"), &admin(), &reason).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_eq!((&first["reason"], &first["suspended_by"]), (&reason["reason"], &json!("admin:risk-1")));
    let (again, status) = world.post(&path("suspend"), &admin(), &json!({ "reason": "more" })).await;
    assert_eq!((again, status), (first.clone(), StatusCode::OK));
    let (detail, _) = world.get(&format!("/api/admin/providers/{}", world.provider), &admin()).await;
    assert_eq!((&detail["provider"]["suspended"], &detail["suspension"]), (&json!(true), &first));
    let (found, _) = world.get("/api/admin/providers?suspended=true", &admin()).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);

    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    assert_eq!(feed["items"][0]["event"], "suspended");
    assert!(!feed.to_string().contains("stolen"), "{feed}");

    assert_eq!(code(&world.post(&path("unsuspend"), &admin(), &json!({})).await), (400, "invalid_request"));
    let (lifted, status) =
        world.post(&path("unsuspend"), &admin(), &json!({ "reason": "it was found" })).await;
    assert_eq!((lifted, status), (json!({ "suspended": false }), StatusCode::OK));
    let nobody = "/api/admin/providers/00000000-0000-7000-8000-000000000000/suspend";
    assert_eq!(code(&world.post(nobody, &admin(), &reason).await), (404, "not_found"));
    let theirs = world.post(&path("unsuspend"), &world.token(), &reason).await;
    assert_eq!(code(&theirs), (403, "forbidden"));
}
