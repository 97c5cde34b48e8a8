//! Whatever is wrong is named, nothing is written, and the key stays free.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, admin, answer, code, json_request, naira};

async fn raw(world: &World, path: &str, body: Vec<u8>) -> (Value, StatusCode) {
    let request = world
        .client
        .post(path)
        .header("authorization", format!("Bearer {}", world.token()))
        .header("idempotency-key", "k")
        .content_type("application/json")
        .body(body);
    answer(request.send().await).await
}

fn first_error(answer: &(Value, StatusCode)) -> (u16, &str, &str, &str) {
    let error = &answer.0["errors"][0];
    let text = |value: &'_ Value| -> String { value.as_str().unwrap_or("-").to_owned() };
    let leak = |text: String| -> &'static str { String::leak(text) };
    let (status, code) = code(answer);
    (status, leak(code.to_owned()), leak(text(&error["field"])), leak(text(&error["code"])))
}

#[sqlx::test(migrations = "../migrations")]
async fn amounts(pool: Pool) {
    let world = World::new(pool).await;
    let account = world.account;
    for (amount, field, wrong) in [
        (json!({ "amount": 1500, "currency": "NGN" }), "amount.amount", "amount_not_a_string"),
        (json!({ "amount": 1500.5, "currency": "NGN" }), "amount.amount", "amount_not_a_string"),
        (naira("-1"), "amount.amount", "amount_not_positive"),
        (naira("0"), "amount.amount", "amount_not_positive"),
        (naira("0.00"), "amount.amount", "amount_not_positive"),
        (naira("1.005"), "amount.amount", "amount_too_many_decimals"),
        (naira("1e3"), "amount.amount", "amount_not_a_number"),
        (naira("NaN"), "amount.amount", "amount_not_a_number"),
        (naira("99999999999999999999"), "amount.amount", "amount_too_large"),
        (json!({ "amount": "1", "currency": "XXX" }), "amount.currency", "currency_unknown"),
        (json!({ "amount": "1", "currency": "ngn" }), "amount.currency", "currency_unknown"),
        (json!({ "amount": "1" }), "amount.currency", "required"),
        (json!("1500.00"), "amount", "wrong_type"),
        (Value::Null, "amount", "required"),
    ] {
        let body = json!({ "amount": amount, "bank_account_id": account });
        let answer = world.request("k", &body).await;
        assert_eq!(first_error(&answer), (400, "invalid_request", field, wrong), "{amount}");
    }
    let answer = world.request("k", &json!({ "amount": 1, "bank_account_id": "x", "note": "hi" })).await;
    let fields: Vec<_> = answer.0["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["amount", "bank_account_id", "note"]);
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_keys").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn bodies(pool: Pool) {
    let world = World::new(pool).await;
    let path = "/api/provider/payouts";
    for body in ["", "{", "nonsense", "[]", "null", "\"text\"", "{\"amount\":}"] {
        let answer = raw(&world, path, body.as_bytes().to_vec()).await;
        assert_eq!(code(&answer), (400, "malformed_json"), "{body}");
    }
    assert_eq!(code(&raw(&world, path, vec![0xff, 0xfe, b'{']).await), (400, "malformed_json"));
    let deep = "[".repeat(60_000);
    assert_eq!(code(&raw(&world, path, deep.into_bytes()).await), (400, "malformed_json"));
    let long = format!("{{\"amount\":\"{}\"}}", "1".repeat(70_000));
    assert_eq!(code(&raw(&world, path, long.into_bytes()).await), (413, "body_too_large"));

    let no_type = world
        .client
        .post(path)
        .header("authorization", format!("Bearer {}", world.token()))
        .header("idempotency-key", "k")
        .body("{}");
    assert_eq!(code(&answer(no_type.send().await).await), (415, "unsupported_media_type"));
    let form = world
        .client
        .post(path)
        .header("authorization", format!("Bearer {}", world.token()))
        .header("idempotency-key", "k")
        .content_type("application/x-www-form-urlencoded")
        .body("amount=1");
    assert_eq!(code(&answer(form.send().await).await), (415, "unsupported_media_type"));
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_body_without_a_length_is_counted_while_it_is_read(pool: Pool) {
    let world = World::new(pool).await;
    let chunks =
        futures::stream::iter((0..70).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 1024]))));
    let request = world
        .client
        .post("/api/provider/payouts")
        .header("authorization", format!("Bearer {}", world.token()))
        .header("idempotency-key", "k")
        .content_type("application/json")
        .body(poem::Body::from_bytes_stream(chunks));
    assert_eq!(code(&answer(request.send().await).await), (413, "body_too_large"));
}

#[sqlx::test(migrations = "../migrations")]
async fn idempotency_keys(pool: Pool) {
    let world = World::new(pool).await;
    let body = world.payout_body("1.00");
    let missing = world.post("/api/provider/payouts", &world.token(), &body).await;
    assert_eq!(code(&missing), (400, "idempotency_key_required"));
    for wrong in ["", " ", "a b"] {
        let answer = world.request(wrong, &body).await;
        assert_eq!(answer.1, StatusCode::BAD_REQUEST, "`{wrong}`: {}", answer.0);
    }
    assert_eq!(code(&world.request(&"k".repeat(256), &body).await), (400, "idempotency_key_invalid"));
    assert_eq!(world.request(&"k".repeat(255), &body).await.1, StatusCode::CREATED);
}

#[sqlx::test(migrations = "../migrations")]
async fn addresses_and_methods(pool: Pool) {
    let world = World::new(pool).await;
    let token = world.token();
    for path in [
        "/nowhere",
        "/api",
        "/api/nowhere",
        "/api/provider/payouts/",
        "/api/provider/payouts/1/2/3",
        "/docs/x",
    ] {
        assert_eq!(code(&world.get(path, &token).await), (404, "not_found"), "{path}");
    }
    for id in ["x", "1", "..", "%00", "'%20OR%20'1'='1", "00000000-0000-7000-8000-000000000000"] {
        let path = format!("/api/provider/payouts/{id}");
        assert_eq!(code(&world.get(&path, &token).await), (404, "not_found"), "{path}");
    }
    let answer = answer(world.client.delete("/api/provider/payouts").send().await).await;
    assert_eq!(code(&answer), (405, "method_not_allowed"));
}

#[sqlx::test(migrations = "../migrations")]
async fn parameters(pool: Pool) {
    let world = World::new(pool).await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999", "limit"),
        ("status=DONE", "status"),
        ("status=", "status"),
        ("from=yesterday", "from"),
        ("cursor=abc", "cursor"),
        ("cursor=00000000-0000-7000-8000-000000000000", "cursor"),
    ] {
        let answer = world.get(&format!("/api/provider/payouts?{query}"), &world.token()).await;
        let (status, code, field, _) = first_error(&answer);
        assert_eq!((status, code, field), (400, "invalid_parameter", name), "{query}");
    }
    let answer = world.get("/api/admin/payouts?provider=1&format=xml", &admin()).await;
    assert_eq!(code(&answer), (400, "invalid_parameter"));
}

#[sqlx::test(migrations = "../migrations")]
async fn headers(pool: Pool) {
    let world = World::new(pool).await;
    let request = world.client.get("/api/provider/balance").header("x-padding", "x".repeat(20_000));
    assert_eq!(code(&answer(request.send().await).await), (431, "headers_too_large"));
    let request = world.client.get(format!("/api/provider/payouts?status={}", "x".repeat(5_000)));
    assert_eq!(code(&answer(request.send().await).await), (431, "headers_too_large"));
}

#[sqlx::test(migrations = "../migrations")]
async fn accounts(pool: Pool) {
    let world = World::new(pool).await;
    let before = world.count("SELECT count(*) FROM bank_accounts").await;
    for (bank, number, wrong) in [
        ("044", "069000003", "account_number_invalid"),
        ("044", "06900000321", "account_number_invalid"),
        ("044", "069000003a", "account_number_invalid"),
        ("44", "0690000032", "bank_code_invalid"),
        ("999", "0690000032", "bank_unknown"),
    ] {
        for path in ["/api/provider/bank-accounts", "/api/provider/bank-accounts/resolve"] {
            let mut body = json!({ "bank_code": bank, "account_number": number, "currency": "NGN" });
            if path.ends_with("resolve") {
                body.as_object_mut().unwrap().remove("currency");
            }
            let answer = world.post(path, &world.token(), &body).await;
            let (status, code, _, error) = first_error(&answer);
            assert_eq!((status, code, error), (400, "invalid_request", wrong), "{path} {body}");
            assert!(!answer.0.to_string().contains(number), "the number is repeated: {}", answer.0);
        }
    }
    for number in ["0000000000", "0000000001"] {
        let body = json!({ "bank_code": "044", "account_number": number, "currency": "NGN" });
        let answer = world.post("/api/provider/bank-accounts", &world.token(), &body).await;
        assert_eq!(code(&answer), (422, "account_not_resolved"));
    }
    assert_eq!(world.count("SELECT count(*) FROM bank_accounts").await, before);

    world.gateway.go_away();
    let body = json!({ "bank_code": "044", "account_number": "0690000033", "currency": "NGN" });
    let answer = world.post("/api/provider/bank-accounts", &world.token(), &body).await;
    assert_eq!(code(&answer), (503, "gateway_unavailable"));
    assert_eq!(world.count("SELECT count(*) FROM bank_accounts").await, before);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_panic_is_an_answer(pool: Pool) {
    let world = World::new(pool).await;
    let body = json!({ "bank_code": "044", "account_number": "0000000002" });
    let answer = world.post("/api/provider/bank-accounts/resolve", &world.token(), &body).await;
    assert_eq!(code(&answer), (500, "internal_error"));
    assert!(!answer.0.to_string().contains("bug"), "{}", answer.0);
    assert_eq!(world.get("/api/provider/balance", &world.token()).await.1, StatusCode::OK);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_database_is_away(pool: Pool) {
    let world = World::new(pool.clone()).await;
    pool.close().await;
    let answer = world.get("/api/provider/balance", &world.token()).await;
    assert_eq!(code(&answer), (503, "unavailable"));
    let body = world.payout_body("1.00");
    let request = json_request(world.client.post("/api/provider/payouts"), &world.token(), &body);
    let response = request.header("idempotency-key", "k").send().await;
    response.assert_header_exist("retry-after");
    assert_eq!(code(&crate::world::answer(response).await), (503, "unavailable"));
}
