//! A risk policy's life through the API: proposed, refused with every mistake named, tried, activated by somebody else.

use poem::http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{World, admin, finance, provider};

const POLICIES: &str = "/api/admin/risk-policies";

async fn active(world: &World) -> Value {
    let (found, status) = world.get(&format!("{POLICIES}?currency=NGN&status=ACTIVE"), &admin()).await;
    assert_eq!(status, StatusCode::OK);
    found["items"][0].clone()
}

/// The rules in force, with `at_most` as the limit for automatic approval.
async fn proposed(world: &World, at_most: &str) -> Value {
    let mut rules = active(world).await["rules"].clone();
    rules["amount"]["at_most"] = json!(at_most);
    let body = json!({ "currency": "NGN", "rules": rules, "reason": "an audit" });
    let (policy, status) = world.post(POLICIES, &admin(), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{policy}");
    policy
}

fn at(policy: &Value, what: &str) -> String {
    format!("{POLICIES}/{}/{what}", policy["id"].as_str().unwrap())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_policy_takes_two_people(pool: PgPool) {
    let world = World::new(pool).await;
    let draft = proposed(&world, "1000").await;
    assert_eq!((&draft["version"], &draft["status"]), (&json!("NGN-2"), &json!("DRAFT")));
    assert_eq!(draft["rules"]["amount"]["at_most"], "1000.00");
    let (refused, status) = world.post(&at(&draft, "activate"), &admin(), &json!({})).await;
    assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!("second_person_required")));
    let (done, status) = world.post(&at(&draft, "activate"), &finance("bola"), &json!({})).await;
    assert_eq!((status, &done["status"]), (StatusCode::OK, &json!("ACTIVE")));
    assert_eq!(active(&world).await["id"], draft["id"]);
    let (refused, status) = world.post(&at(&draft, "shadow"), &admin(), &json!({})).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("risk_policy_moved_on")));
    let (retired, _) = world.post(&at(&draft, "retire"), &admin(), &json!({})).await;
    assert_eq!(retired["status"], "RETIRED");
    let payout = world.under_review("100.00").await;
    let (detail, _) = world.get(&format!("/api/admin/payouts/{payout}"), &admin()).await;
    assert_eq!(detail["assessment"]["policy_version"], "none");
}

#[sqlx::test(migrations = "../migrations")]
async fn every_mistake_in_a_policy_is_named(pool: PgPool) {
    let world = World::new(pool).await;
    let mut rules = active(&world).await["rules"].clone();
    rules["amount"]["at_most"] = json!("0.001");
    rules["sum_per_day"]["at_most"] = json!(5);
    rules["provider_verified"]["mode"] = json!("perhaps");
    rules["recent_failures"]["within_days"] = json!("30");
    rules["account_name"]["at_most"] = json!(1);
    rules["moon_phase"] = json!({ "mode": "off" });
    rules.as_object_mut().unwrap().remove("provider_age");
    let body = json!({ "currency": "NGN", "rules": rules, "reason": "an audit" });
    let (refused, status) = world.post(POLICIES, &admin(), &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let mut wrong: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "rules.account_name.at_most unknown_field",
            "rules.amount.at_most amount_too_many_decimals",
            "rules.moon_phase unknown_field",
            "rules.provider_age required",
            "rules.provider_verified.mode invalid_value",
            "rules.recent_failures.within_days wrong_type",
            "rules.sum_per_day.at_most amount_not_a_string",
        ]
    );
    let mut rules = active(&world).await["rules"].clone();
    rules["provider_suspended"]["mode"] = json!("off");
    rules["recent_failures"]["within_days"] = json!(91);
    let body = json!({ "currency": "NGN", "rules": rules, "reason": "an audit" });
    let (refused, _) = world.post(POLICIES, &admin(), &body).await;
    let fields: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["rules.recent_failures.within_days", "rules.provider_suspended.mode"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_backtest_and_a_shadow_say_what_would_change(pool: PgPool) {
    let world = World::new(pool).await;
    let payout = world.under_review("2000.00").await;
    let mut rules = active(&world).await["rules"].clone();
    for rule in ["successful_payouts", "amount_against_baseline"] {
        rules[rule]["mode"] = json!("informational");
    }
    let body = json!({ "currency": "NGN", "rules": rules, "reason": "fewer reviews" });
    let (loose, _) = world.post(POLICIES, &admin(), &body).await;
    let day = json!({ "from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z" });
    let (test, status) = world.post(&at(&loose, "backtest"), &admin(), &day).await;
    assert_eq!(status, StatusCode::OK, "{test}");
    assert_eq!(test["assessed"], 1);
    let change = &test["changes"][0];
    assert_eq!(
        (&change["was"], &change["would"], &change["changed"]),
        (&json!("review"), &json!("auto"), &json!(true))
    );
    assert_eq!((&change["sum"]["amount"], &change["ended"][0]["ended"]), (&json!("2000.00"), &json!("open")));
    assert_eq!(test["examples"][0]["payout_id"], json!(payout.to_string()));
    assert!(test.get("cut_at").is_none());
    let long = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-11-23T00:00:00Z", "examples": 101 });
    let (refused, status) = world.post(&at(&loose, "backtest"), &admin(), &long).await;
    assert_eq!((status, refused["errors"].as_array().unwrap().len()), (StatusCode::BAD_REQUEST, 2));

    let (shadow, status) = world.post(&at(&loose, "shadow"), &admin(), &json!({})).await;
    assert_eq!((status, &shadow["status"]), (StatusCode::OK, &json!("SHADOW")));
    let payout = world.under_review("100.00").await;
    let (found, _) = world.get(&at(&loose, "disagreements"), &finance("bola")).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let one = &found["items"][0];
    assert_eq!(
        (&one["payout_id"], &one["was"], &one["would"]),
        (&json!(payout.to_string()), &json!("review"), &json!("auto"))
    );
    let few = one["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "successful_payouts").unwrap();
    assert_eq!((&few["fired"], &few["informational"]), (&json!(true), &json!(true)));

    // Both would have gone another way: one a page.
    let mut page = json!({ "from": day["from"], "to": day["to"], "examples": 1 });
    let (first, _) = world.post(&at(&loose, "backtest"), &admin(), &page).await;
    page["cursor"] = first["next_cursor"].clone();
    let (second, status) = world.post(&at(&loose, "backtest"), &admin(), &page).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_eq!((&second["assessed"], second.get("next_cursor")), (&first["assessed"], None));
    assert_ne!(first["examples"][0]["payout_id"], second["examples"][0]["payout_id"]);
    page["cursor"] = json!("x");
    let (refused, status) = world.post(&at(&loose, "backtest"), &admin(), &page).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("cursor")));
}

#[sqlx::test(migrations = "../migrations")]
async fn policies_are_for_staff(pool: PgPool) {
    let world = World::new(pool).await;
    let someone = provider(world.provider);
    let policy = active(&world).await;
    for path in [POLICIES.to_owned(), at(&policy, "disagreements")] {
        assert_eq!(world.get(&path, &someone).await.1, StatusCode::FORBIDDEN);
    }
    for what in ["activate", "shadow", "retire"] {
        assert_eq!(world.post(&at(&policy, what), &someone, &json!({})).await.1, StatusCode::FORBIDDEN);
        let nowhere = format!("{POLICIES}/{}/{what}", uuid::Uuid::nil());
        assert_eq!(world.post(&nowhere, &admin(), &json!({})).await.1, StatusCode::NOT_FOUND);
    }
}
