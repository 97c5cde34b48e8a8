//! What the screens ask for: who am I, what would it cost, what may I do, and lists that are read forth and back.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, admin, code, finance, naira, platform, provider};

#[sqlx::test(migrations = "../migrations")]
async fn everybody_is_told_who_they_are(pool: Pool) {
    let world = World::new(pool).await;
    let (me, status) = world.get("/api/me", &world.token()).await;
    assert_eq!(status, StatusCode::OK, "{me}");
    assert_eq!((&me["role"], &me["subject"]), (&json!("provider"), &json!("ada")));
    assert_eq!(me["provider"]["display_name"], "Ada");
    assert_eq!(me["provider"]["id"], json!(world.provider));
    assert_eq!(me["expires_at"], "2100-01-01T00:00:00+00:00");
    let here = &me["installation"];
    assert_eq!((&here["name"], &here["environment"]), (&json!("test"), &json!("development")));
    assert_eq!(here["currencies"][0], json!({ "code": "NGN", "decimals": 2 }));
    assert_eq!(here["time_zone"], "Africa/Lagos");
    assert!(here.get("workflow_url").is_none(), "histories are not for providers: {me}");

    let may = |me: &Value, operation: &str| me["operations"].as_array().unwrap().contains(&json!(operation));
    assert!(may(&me, "requestPayout") && may(&me, "getMe") && !may(&me, "decidePayout"));
    let (me, _) = world.get("/api/me", &admin()).await;
    assert!(may(&me, "decidePayout") && !may(&me, "closeCase") && !may(&me, "requestPayout"), "{me}");
    assert_eq!(
        me["installation"]["workflow_url"],
        "http://temporal.test:8233/namespaces/default/workflows/payout-"
    );
    let (me, _) = world.get("/api/me", &finance("fola")).await;
    assert!(may(&me, "decidePayout") && may(&me, "closeCase"));
    assert_eq!((&me["role"], &me["subject"]), (&json!("finance"), &json!("fola")));
    let (me, _) = world.get("/api/me", &platform()).await;
    assert!(may(&me, "pushEarning") && !may(&me, "decidePayout"), "{me}");
    let stranger = provider(domain::ProviderId::mint());
    assert_eq!(code(&world.get("/api/me", &stranger).await), (403, "forbidden"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_quote_says_what_the_request_would_meet(pool: Pool) {
    let world = World::new(pool).await;
    let path = "/api/provider/payouts/quote";
    let (quote, status) = world.post(path, &world.token(), &world.payout_body("1500")).await;
    assert_eq!(status, StatusCode::OK, "{quote}");
    assert_eq!((&quote["possible"], &quote["obstacles"]), (&json!(true), &json!([])));
    assert_eq!(quote["fee"]["amount"], naira("10.75"));
    assert_eq!(quote["fee"]["borne_by"], "platform");
    // At 10:00 in Lagos the next window is 12:00 there, which is 11:00 UTC.
    assert_eq!(quote["arrival"]["leaves_at"], "2026-11-22T11:00:00+00:00");
    assert_eq!(quote["arrival"]["usually_by"], "2026-11-22T11:30:00+00:00");
    assert!(!quote.to_string().contains("review"), "{quote}");

    let (quote, _) = world.post(path, &world.token(), &world.payout_body("10000.01")).await;
    assert_eq!(quote["possible"], false);
    let obstacle = &quote["obstacles"][0];
    assert_eq!((&obstacle["code"], &obstacle["refuses"]), (&json!("insufficient_balance"), &json!(true)));
    assert_eq!(obstacle["available"], naira("10000.00"));
    let refused = world.request("k", &world.payout_body("10000.01")).await;
    assert_eq!(code(&refused), (400, "insufficient_balance"));

    let second = json!({ "bank_code": "044", "account_number": "0690000040", "currency": "NGN" });
    let (second, _) = world.post("/api/provider/bank-accounts", &world.token(), &second).await;
    assert_eq!(second["bank_name"], "Access Bank");
    let body = json!({ "amount": naira("10"), "bank_account_id": second["id"] });
    let (quote, _) = world.post(path, &world.token(), &body).await;
    assert_eq!(quote["obstacles"][0]["code"], "bank_account_cooling_off");
    assert_eq!(quote["obstacles"][0]["until"], second["usable_from"]);

    let (theirs, _) = world.add_provider("p-2", "1.00").await;
    let (quote, _) = world.post(path, &provider(theirs), &world.payout_body("1")).await;
    assert_eq!(quote["obstacles"][0]["code"], "bank_account_unknown");

    let pause = json!({ "scope": "system", "reason": "maintenance" });
    let (paused, status) = world.post("/api/admin/pauses", &admin(), &pause).await;
    assert!(status.is_success(), "{paused}");
    world.gateway.go_away();
    let (quote, _) = world.post(path, &world.token(), &world.payout_body("1")).await;
    assert_eq!((&quote["possible"], quote.get("fee")), (&json!(true), None), "{quote}");
    assert_eq!(quote["obstacles"][0]["code"], "paused");
    assert_eq!(quote["obstacles"][0]["refuses"], false);

    let nothing = world.post(path, &world.token(), &json!({ "amount": naira("0") })).await;
    assert_eq!(code(&nothing), (400, "invalid_request"));
    assert_eq!(world.count("SELECT count(*) FROM payouts").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_keys").await, 0);
}

/// The names of what is allowed, and of the rest with the code.
fn allowed(actions: &Value) -> (Vec<String>, Vec<(String, String)>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = actions.as_array().unwrap();
    let (yes, no): (Vec<_>, Vec<_>) = all.iter().partition(|action| action["allowed"] == json!(true));
    (
        yes.iter().map(|action| text(&action["name"])).collect(),
        no.iter().map(|action| (text(&action["name"]), text(&action["code"]))).collect(),
    )
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_said_to_be_allowed_is(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("100.00").await;
    let mine = format!("/api/provider/payouts/{id}");
    let staff = format!("/api/admin/payouts/{id}");
    let (detail, _) = world.get(&mine, &world.token()).await;
    assert!(allowed(&detail["actions"]).0.contains(&"cancel".to_owned()), "{detail}");
    let (detail, _) = world.get(&staff, &admin()).await;
    assert_eq!(allowed(&detail["actions"]).0, ["approve", "reject"]);
    let (list, _) = world.get("/api/admin/payouts", &admin()).await;
    assert_eq!(list["items"][0]["actions"], detail["actions"]);

    world.decide(id, "approve").await;
    let (detail, _) = world.get(&staff, &admin()).await;
    assert_eq!(allowed(&detail["actions"]).0, ["undo_approval"]);
    let cancel = world.post(&format!("{mine}/cancel"), &world.token(), &json!({})).await;
    assert_eq!(cancel.1, StatusCode::OK, "{}", cancel.0);

    let (id, _) = world.sent("200.00").await;
    let (detail, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    assert!(
        allowed(&detail["actions"]).1.contains(&("cancel".to_owned(), "payout_moved_on".to_owned())),
        "{detail}"
    );
    let cancel = world.post(&format!("/api/provider/payouts/{id}/cancel"), &world.token(), &json!({})).await;
    assert_eq!(code(&cancel), (409, "payout_moved_on"));
    let (detail, _) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    assert_eq!(allowed(&detail["actions"]).0, Vec::<String>::new(), "{detail}");
    let (yes, no) = allowed(&detail["attempts"][0]["actions"]);
    assert!(yes.is_empty() && no.iter().all(|(_, code)| code == "forbidden"), "{no:?}");
    let (detail, _) = world.get(&format!("/api/admin/payouts/{id}"), &finance("fola")).await;
    let (_, no) = allowed(&detail["attempts"][0]["actions"]);
    assert!(no.contains(&("propose_attestation".to_owned(), "not_attestable".to_owned())), "{no:?}");
    assert!(no.contains(&("withdraw_attestation".to_owned(), "no_open_attestation".to_owned())), "{no:?}");
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn lists_are_read_forth_and_back(pool: Pool) {
    let world = World::new(pool).await;
    let mut made = vec![];
    for amount in ["1.00", "2.00", "3.00", "4.00", "5.00"] {
        made.push(world.payout(amount).await.to_string());
    }
    for (path, token, newest_first) in [
        ("/api/provider/payouts?limit=2", world.token(), true),
        ("/api/admin/payouts?limit=2", admin(), true),
        ("/api/admin/payouts?limit=2&sort=oldest", admin(), false),
    ] {
        let mut all = made.clone();
        if newest_first {
            all.reverse();
        }
        let (first, _) = world.get(path, &token).await;
        assert_eq!((ids(&first).as_slice(), first.get("previous_cursor")), (&all[..2], None), "{path}");
        let follow = |list: &Value, to: &str| format!("{path}&cursor={}", list[to].as_str().unwrap());
        let (second, _) = world.get(&follow(&first, "next_cursor"), &token).await;
        assert_eq!(ids(&second), all[2..4]);
        let (third, _) = world.get(&follow(&second, "next_cursor"), &token).await;
        assert_eq!((ids(&third).as_slice(), third.get("next_cursor")), (&all[4..], None));
        let (back, _) = world.get(&follow(&third, "previous_cursor"), &token).await;
        assert_eq!(ids(&back), all[2..4]);
        let (begin, _) = world.get(&follow(&back, "previous_cursor"), &token).await;
        assert_eq!((ids(&begin).as_slice(), begin.get("previous_cursor")), (&all[..2], None));
    }
    let (waits, _) = world.get("/api/provider/payouts?open=true&limit=1", &world.token()).await;
    assert_eq!(waits["items"][0]["waiting"]["waiting_for"], "assessment");
    assert_eq!(waits["items"][0]["actions"][0]["allowed"], true);
    for (query, expected) in [
        ("open=false", &[][..]),
        ("min_amount=2.50&max_amount=4", &[3, 2]),
        ("currency=GHS", &[]),
        ("status=REQUESTED&min_amount=5.00", &[4]),
    ] {
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        let (list, _) = world.get(&format!("/api/provider/payouts?{query}"), &world.token()).await;
        assert_eq!(ids(&list), expected, "{query}");
        let (list, _) = world.get(&format!("/api/admin/payouts?{query}"), &admin()).await;
        assert_eq!(ids(&list), expected, "{query}");
    }
    for wrong in ["cursor=x", "min_amount=-1", "min_amount=1e3", "currency=USD", "open=maybe"] {
        let answer = world.get(&format!("/api/provider/payouts?{wrong}"), &world.token()).await;
        assert_eq!(code(&answer), (400, "invalid_parameter"), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn staff_finds_payouts_by_what_is_at_hand(pool: Pool) {
    let world = World::new(pool).await;
    let (id, reference) = world.sent("100.00").await;
    let (other, account) = world.add_provider("shop-77%_", "500.00").await;
    let body = json!({ "amount": naira("5.00"), "bank_account_id": account });
    let request =
        crate::world::json_request(world.client.post("/api/provider/payouts"), &provider(other), &body);
    let (theirs, _) = crate::world::answer(request.header("idempotency-key", "k").send().await).await;
    let theirs = theirs["id"].as_str().unwrap().to_owned();
    let rename = json!({ "display_name": "Bola Adé", "verified": true });
    world.put("/api/platform/providers/shop-77%25_", &platform(), &rename).await;
    let id = id.to_string();
    for (q, expected) in [
        (id.clone(), vec![&id]),
        (reference.as_str().to_uppercase(), vec![&id]),
        (other.to_string(), vec![&theirs]),
        ("shop-77".to_owned(), vec![&theirs]),
        ("shop-77%25_".to_owned(), vec![&theirs]),
        ("bola%20ad".to_owned(), vec![&theirs]),
        ("BOLA".to_owned(), vec![&theirs]),
        ("ad".to_owned(), vec![&id]),
        ("%25".to_owned(), vec![]),
        ("nobody".to_owned(), vec![]),
    ] {
        let (list, status) = world.get(&format!("/api/admin/payouts?q={q}"), &admin()).await;
        assert_eq!(status, StatusCode::OK, "{q}: {list}");
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{q}");
    }
    let (list, _) = world.get("/api/admin/payouts?q=bola", &admin()).await;
    assert_eq!(list["items"][0]["provider_name"], "Bola Adé");
    let csv = world.client.get("/api/admin/payouts?q=bola&format=csv");
    let response = csv.header("authorization", format!("Bearer {}", admin())).send().await;
    let text = response.0.into_body().into_string().await.unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("shop-77%_,Bola Adé"), "{text}");
}
