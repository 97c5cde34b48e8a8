//! When batches leave, how much may leave with one, and whether the money will do: read and changed over HTTP.

use poem::http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{World, admin, code, naira, platform};

const SCHEDULE: &str = "/api/admin/batches/schedule";
const LIMITS: &str = "/api/admin/batches/limits";
const WINDOWS: &str = "/api/admin/batches/windows?count=2";
const FORECAST: &str = "/api/admin/forecast?windows=2";

fn field(answer: &(Value, StatusCode)) -> &Value {
    assert_eq!(code(answer), (400, "invalid_request"), "{}", answer.0);
    &answer.0["errors"][0]["field"]
}

#[sqlx::test(migrations = "../migrations")]
async fn a_schedule_is_in_force_as_soon_as_it_is_set_and_can_be_taken_back(pool: PgPool) {
    let world = World::new(pool).await;
    let (installed, status) = world.get(WINDOWS, &admin()).await;
    assert_eq!(status, StatusCode::OK, "{installed}");
    assert_eq!(
        (&installed["kind"], &installed["set_by_people"], &installed["every_minutes"]),
        (&json!("settings"), &json!(false), &json!(120))
    );
    // Two hours from each midnight in Lagos, an hour before ours.
    assert_eq!(installed["windows"], json!(["2026-11-22T11:00:00+00:00", "2026-11-22T13:00:00+00:00"]));

    let every = json!({ "kind": "interval", "every_minutes": 45, "anchor": "2026-11-22T09:30:00Z" });
    let (set, status) = world.put(SCHEDULE, &admin(), &every).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    assert_eq!((&set["kind"], &set["changed_by"]), (&json!("interval"), &json!("admin:risk-1")));
    let (read, _) = world.get(WINDOWS, &admin()).await;
    assert_eq!(read["windows"], json!(["2026-11-22T09:30:00+00:00", "2026-11-22T10:15:00+00:00"]));

    // Sunday the 22nd; Monday is a holiday.
    let calendar = json!({
        "kind": "calendar", "times": ["09:00", "15:30"], "days": [1, 2, 3, 4, 5], "time_zone": "Africa/Lagos",
        "holidays": ["2026-11-23"]
    });
    world.put(SCHEDULE, &admin(), &calendar).await;
    let (read, _) = world.get(WINDOWS, &admin()).await;
    assert_eq!(read["windows"], json!(["2026-11-24T08:00:00+00:00", "2026-11-24T14:30:00+00:00"]));
    assert_eq!((&read["times"], &read["holidays"]), (&calendar["times"], &calendar["holidays"]));

    world.put(SCHEDULE, &admin(), &json!({ "kind": "instant" })).await;
    assert_eq!(world.get(WINDOWS, &admin()).await.0["windows"], json!([]));
    let (back, _) = world.put(SCHEDULE, &admin(), &json!({ "kind": "settings" })).await;
    assert_eq!(back["set_by_people"], json!(false));
    assert_eq!(world.get(WINDOWS, &admin()).await.0["windows"], installed["windows"]);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE actor = 'admin:risk-1'").await, 4);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_schedule_that_never_comes_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let put = async |body: Value| world.put(SCHEDULE, &admin(), &body).await;
    assert_eq!(field(&put(json!({ "kind": "weekly" })).await), "kind");
    assert_eq!(
        field(&put(json!({ "kind": "interval", "anchor": "2026-11-22T09:30:00Z" })).await),
        "every_minutes"
    );
    let none = json!({ "kind": "calendar", "times": [], "days": [1], "time_zone": "Africa/Lagos" });
    assert_eq!(field(&put(none).await), "kind");
    let eighth = json!({ "kind": "calendar", "times": ["09:00"], "days": [8], "time_zone": "Africa/Lagos" });
    assert_eq!(field(&put(eighth).await), "kind");
    for token in [world.token(), platform()] {
        let answer = world.put(SCHEDULE, &token, &json!({ "kind": "instant" })).await;
        assert_eq!(code(&answer), (403, "forbidden"));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn limits_are_replaced_as_a_whole(pool: PgPool) {
    let world = World::new(pool).await;
    let limits = json!({
        "batch": [{ "currency": "NGN", "payouts": 500 }],
        "day": [{ "currency": "NGN", "amount": "1000000.00" }],
        "time_zone": "Africa/Lagos"
    });
    let (set, status) = world.put(LIMITS, &admin(), &limits).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    let (read, _) = world.get(WINDOWS, &admin()).await;
    assert_eq!((&read["batch_limits"], &read["day_limits"]), (&limits["batch"], &limits["day"]));
    assert_eq!(read["limits_time_zone"], limits["time_zone"]);
    world.put(LIMITS, &admin(), &json!({})).await;
    let (read, _) = world.get(WINDOWS, &admin()).await;
    assert_eq!((&read["batch_limits"], &read["day_limits"]), (&json!([]), &json!([])));
    for wrong in [
        json!([{ "currency": "NGN", "payouts": 1 }, { "currency": "NGN", "payouts": 2 }]),
        json!([{ "currency": "NGN", "amount": 5 }]),
        json!([{ "currency": "NGN", "amount": "-1.00" }]),
        json!([{ "currency": "NGN", "payout": 1 }]),
    ] {
        assert_eq!(field(&world.put(LIMITS, &admin(), &json!({ "batch": wrong })).await), "batch");
    }
    assert_eq!(code(&world.put(LIMITS, &world.token(), &json!({})).await), (403, "forbidden"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_forecast_tells_what_the_next_windows_take_and_what_is_missing(pool: PgPool) {
    let world = World::new(pool).await;
    let (nothing, _) = world.get(FORECAST, &admin()).await;
    assert_eq!(nothing, json!({ "currencies": [] }));
    world.decide(world.under_review("300.00").await, "approve").await;
    world.decide(world.under_review("200.00").await, "approve").await;
    world.under_review("100.00").await;
    let one_each = json!({ "batch": [{ "currency": "NGN", "payouts": 1 }] });
    world.put(LIMITS, &admin(), &one_each).await;

    let (found, status) = world.get(FORECAST, &admin()).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let naira_here = &found["currencies"][0];
    assert_eq!((&naira_here["approved"], &naira_here["approved_payouts"]), (&naira("500.00"), &json!(2)));
    assert_eq!((&naira_here["in_review"], &naira_here["payouts_in_review"]), (&naira("100.00"), &json!(1)));
    // The wallet of this gateway is empty.
    assert_eq!((&naira_here["balance"], &naira_here["spendable"]), (&naira("0.00"), &naira("0.00")));
    let windows = naira_here["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 2);
    assert_eq!((&windows[0]["at"], &windows[0]["payouts"]), (&json!("2026-11-22T11:00:00+00:00"), &json!(1)));
    for window in windows {
        assert!(window["shortfall"]["amount"].as_str().unwrap() != "0.00", "{window}");
    }
    assert_eq!(code(&world.get(FORECAST, &world.token()).await), (403, "forbidden"));
    assert_eq!(
        code(&world.get("/api/admin/forecast?windows=51", &admin()).await),
        (400, "invalid_parameter")
    );
}
