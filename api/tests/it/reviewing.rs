//! Deciding together: two approvers, many at once, taken on, and everything a decision is made on.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::Pool;

use crate::world::{World, admin, code, finance, mint, naira, provider, tidy};

/// Two must approve it.
const LARGE: &str = "1000000.01";

fn named(subject: &str, role: &str) -> String {
    mint(&json!({ "sub": subject, "role": role, "aud": "payouts", "exp": 4_102_444_800_u64 }))
}

/// A world whose provider has enough for a large payout.
async fn rich(pool: Pool) -> World {
    let world = World::new(pool).await;
    let earning =
        json!({ "provider": "p-1", "amount": naira("5000000.00"), "earned_at": "2026-11-02T00:00:00Z" });
    let pushed = world.put("/api/platform/earnings/e-rich", &crate::world::platform(), &earning).await;
    assert_eq!(pushed.1, StatusCode::CREATED);
    world
}

fn approve() -> Value {
    json!({ "decision": "approve", "reason": "checked" })
}

#[sqlx::test(migrations = "../migrations")]
async fn a_large_payout_takes_two_admins(pool: Pool) {
    let world = rich(pool).await;
    let id = world.under_review(LARGE).await;
    let path = format!("/api/admin/payouts/{id}/decision");
    let (first, status) = world.post(&path, &admin(), &approve()).await;
    assert_eq!((status, &first["status"]), (StatusCode::ACCEPTED, &json!("REQUESTED")));
    // The same person with another token is the same person.
    for token in [admin(), finance("risk-1")] {
        assert_eq!(code(&world.post(&path, &token, &approve()).await), (403, "second_person_required"));
    }
    let (waits, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    assert_eq!(waits["waiting"]["waiting_for"], json!("second_approval"));
    let (page, _) = world.get("/api/admin/reviews?awaiting_second=true", &admin()).await;
    assert_eq!((page["items"][0]["approvals"].clone(), page["total"]["count"].clone()), (json!(1), json!(1)));
    let (second, status) = world.post(&path, &named("esi", "escalation"), &approve()).await;
    assert_eq!((status, &second["approved_by"]), (StatusCode::OK, &json!("admin:esi")));
    let review = format!("/api/admin/reviews/{id}");
    assert_eq!(code(&world.get(&review, &admin()).await), (404, "not_found"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_review_shows_what_it_is_decided_on(pool: Pool) {
    let world = rich(pool).await;
    world.decide(world.under_review("10.00").await, "reject").await;
    let id = world.under_review(LARGE).await;
    world.post(&format!("/api/admin/payouts/{id}/decision"), &admin(), &approve()).await;
    let path = format!("/api/admin/reviews/{id}");
    let (page, status) = world.get(&path, &admin()).await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_json_snapshot!("review_page", tidy(&page));
    for token in [provider(world.provider), crate::world::platform()] {
        assert_eq!(code(&world.get(&path, &token).await), (403, "forbidden"));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn whoever_paused_the_provider_does_not_approve(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("100.00").await;
    let pause = json!({ "scope": "provider", "subject": world.provider, "reason": "look" });
    world.post("/api/admin/pauses", &admin(), &pause).await;
    let refused = world.decide(id, "approve").await;
    assert_eq!(code(&refused), (403, "reviewer_involved"));
    assert!(refused.0["detail"].as_str().unwrap().contains("`paused`"));
    assert_eq!(world.decide(id, "reject").await.1, StatusCode::OK);
}

#[sqlx::test(migrations = "../migrations")]
async fn many_are_decided_each_on_its_own(pool: Pool) {
    let world = rich(pool).await;
    let (one, large) = (world.under_review("100.00").await, world.under_review(LARGE).await);
    let (gone, fresh) = (world.under_review("100.00").await, world.payout("100.00").await);
    world.post(&format!("/api/admin/payouts/{gone}/decision"), &finance("fin"), &approve()).await;
    let body = json!({
        "payout_ids": [one, large, gone, fresh, "01900000-0000-7000-8000-000000000000", one],
        "decision": "approve", "reason": "the list was checked",
    });
    let results = async || {
        let (answer, status) = world.post("/api/admin/reviews/decisions", &admin(), &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let items = answer["items"].as_array().unwrap();
        let told = |item: &Value| {
            let code = item["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
            format!("{}{code}", item["result"].as_str().unwrap())
        };
        items.iter().map(told).collect::<Vec<_>>()
    };
    let rest = ["refused payout_moved_on", "refused payout_moved_on", "refused not_found", "already"];
    let first = [["decided", "second_approval_needed"].as_slice(), &rest].concat();
    assert_eq!(results().await, first);
    let again = [["already", "already"].as_slice(), &rest].concat();
    assert_eq!(results().await, again);
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 3);
    for wrong in [
        json!({ "payout_ids": [], "decision": "approve", "reason": "x" }),
        json!({ "payout_ids": vec![one; 101], "decision": "approve", "reason": "x" }),
        json!({ "payout_ids": ["x"], "decision": "approve", "reason": "x" }),
        json!({ "payout_ids": "x", "decision": "approve", "reason": "x" }),
        json!({ "decision": "approve", "reason": "x" }),
    ] {
        let refused = world.post("/api/admin/reviews/decisions", &admin(), &wrong).await;
        assert_eq!(code(&refused), (400, "invalid_request"), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_review_is_taken_on_and_let_go(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("100.00").await;
    let (assign, release) =
        (format!("/api/admin/reviews/{id}/assignment"), format!("/api/admin/reviews/{id}/release"));
    let (taken, status) = world.post(&assign, &finance("fin"), &json!({})).await;
    assert_eq!((status, &taken["assigned"]["to"]), (StatusCode::OK, &json!("admin:fin")));
    for (path, body) in [
        (&assign, json!({ "to": "me" })),
        (&release, json!({})),
        (&format!("/api/admin/payouts/{id}/decision"), approve()),
    ] {
        assert_eq!(code(&world.post(path, &admin(), &body).await), (409, "review_taken"), "{path}");
    }
    let count = async |query: &str| {
        let (page, _) = world.get(&format!("/api/admin/reviews?assigned={query}"), &admin()).await;
        page["total"]["count"].as_u64().unwrap()
    };
    assert_eq!((count("me").await, count("fin").await, count("nobody").await), (0, 1, 0));
    let given = json!({ "to": "admin:risk-1", "override": true });
    assert_eq!(world.post(&assign, &admin(), &given).await.1, StatusCode::OK);
    assert_eq!((count("me").await, count("anybody").await), (1, 1));
    let (free, status) = world.post(&release, &admin(), &json!({})).await;
    assert_eq!((status, free.get("assigned")), (StatusCode::OK, None));
    world.post(&assign, &finance("fin"), &json!({})).await;
    let over = json!({ "decision": "approve", "reason": "urgent", "override": true });
    let decided = world.post(&format!("/api/admin/payouts/{id}/decision"), &admin(), &over).await;
    assert_eq!(decided.1, StatusCode::OK);
    assert_eq!(code(&world.post(&assign, &admin(), &json!({})).await), (404, "not_found"));
}

#[sqlx::test(migrations = "../migrations")]
async fn the_queue_is_asked_in_many_ways(pool: Pool) {
    let world = rich(pool).await;
    for amount in ["300.00", "100.00", "200.00"] {
        world.under_review(amount).await;
        world.clock.advance(chrono::TimeDelta::minutes(10));
    }
    let amounts = async |query: &str| {
        let (page, status) = world.get(&format!("/api/admin/reviews?{query}"), &admin()).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let all: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["amount"]["amount"].as_str().unwrap().to_owned())
            .collect();
        (all, page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(amounts("").await.0, ["300.00", "100.00", "200.00"]);
    assert_eq!(amounts("min_amount=150&currency=NGN&rule=successful_payouts").await.0, ["300.00", "200.00"]);
    assert_eq!(amounts("waiting_minutes=20").await.0, ["300.00", "100.00"]);
    let (first, next) = amounts("sort=largest&limit=2").await;
    assert_eq!(first, ["300.00", "200.00"]);
    let next = next.unwrap();
    assert_eq!(
        amounts(&format!("sort=largest&limit=2&cursor={next}")).await,
        (vec!["100.00".to_owned()], None)
    );
    for wrong in [
        "currency=XXX",
        "min_amount=-1",
        "max_amount=1e3",
        "sort=smallest",
        "cursor=nonsense",
        &format!("cursor={next}"),
        "waiting_minutes=x",
    ] {
        let refused = world.get(&format!("/api/admin/reviews?{wrong}"), &admin()).await;
        assert_eq!(code(&refused), (400, "invalid_parameter"), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_larger_limit_takes_two(pool: Pool) {
    let world = World::new(pool).await;
    let path = "/api/admin/approval-limits";
    let order = |amount: &str| json!({ "amount": naira(amount), "reason": "as agreed" });
    assert_eq!(world.put(path, &admin(), &order("500.00")).await.1, StatusCode::OK);
    let (proposed, status) = world.put(path, &admin(), &order("900.00")).await;
    assert_eq!((status, &proposed["proposed"]["by"]), (StatusCode::ACCEPTED, &json!("admin:risk-1")));
    assert_eq!(proposed["amount"]["amount"], json!("500.00"));
    assert_eq!(world.put(path, &admin(), &order("900.00")).await.1, StatusCode::ACCEPTED);
    assert_eq!(world.put(path, &finance("fin"), &order("900.00")).await.1, StatusCode::OK);
    let (limits, _) = world.get(path, &admin()).await;
    insta::assert_json_snapshot!("approval_limits", limits);
    assert_eq!(code(&world.put(path, &admin(), &json!({})).await), (400, "invalid_request"));
}
