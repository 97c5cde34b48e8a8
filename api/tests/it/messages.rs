//! What people hear and choose to hear, over HTTP: feeds, settings, browsers, what went out, and sending it again.

use poem::http::StatusCode;
use serde_json::{Value, json};
use store::{
    Actor, Pool,
    messages::{self, Channels, Due, Outcome, Tried},
};

use crate::world::{World, admin, answer, code, json_request, mint};

const ALL: Channels = Channels { email: true, push: true };

const SETTINGS: &str = "/api/provider/notification-settings";
const BROWSERS: &str = "/api/provider/push-subscriptions";
const CONTACTS: &str = "/api/admin/notification-settings";
const BROWSER: &str = "https://push.example.com/abc";

/// Whoever else is an admin.
fn another_admin() -> String {
    mint(&json!({ "sub": "risk-2", "role": "admin", "aud": "payouts", "exp": 4_102_444_800_u64 }))
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn browser() -> Value {
    // A point of the curve, and 16 bytes: the example of RFC 8291.
    json!({
        "endpoint": BROWSER,
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    })
}

/// Everything that has been told is handed over, and what is due now is taken.
async fn due(world: &World) -> Vec<Due> {
    let now = domain::Clock::now(&*world.clock);
    messages::hand_over(&world.pool, ALL, 100, now).await.unwrap();
    messages::lease(&world.pool, &[], 100, chrono::TimeDelta::seconds(90), now).await.unwrap()
}

async fn record(world: &World, due: &Due, outcome: Outcome) {
    let tried = Tried {
        outcome,
        code: Some(550),
        answer: "no such mailbox".to_owned(),
        took: std::time::Duration::ZERO,
        retry_after: None,
    };
    messages::record(&world.pool, due, &tried, domain::Clock::now(&*world.clock)).await.unwrap();
}

async fn give_address(world: &World, email: &str) {
    let pushed = json!({ "display_name": "Ada", "email": email, "verified": true });
    let answer = world.put("/api/platform/providers/p-1", &crate::world::platform(), &pushed).await;
    assert_eq!(answer.1, StatusCode::OK, "{}", answer.0);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_provider_reads_their_own_feed_page_by_page_and_nobody_elses(pool: Pool) {
    let world = World::new(pool).await;
    let (other, _) = world.add_provider("p-2", "10.00").await;
    let payout = world.payout("1500.00").await;
    let path = format!("/api/provider/payouts/{payout}/cancel");
    assert_eq!(world.post(&path, &world.token(), &json!({})).await.1, StatusCode::OK);

    let (first, status) = world.get("/api/provider/notifications?limit=1", &world.token()).await;
    assert_eq!((status, &first["unread"]), (StatusCode::OK, &json!(2)), "{first}");
    let line = &first["items"][0];
    assert_eq!((&line["event"], &line["payout_id"]), (&json!("cancelled"), &json!(payout)));
    assert_eq!(line["amount"], json!({ "amount": "1500.00", "currency": "NGN" }));
    let next = format!("/api/provider/notifications?cursor={}", first["next_cursor"].as_str().unwrap());
    let (second, _) = world.get(&next, &world.token()).await;
    assert_eq!(
        (&second["items"][0]["event"], second["items"].as_array().unwrap().len()),
        (&json!("received"), 1)
    );
    assert!(second["next_cursor"].is_null());

    let read = async |token: &str, up_to: &str| {
        world.post("/api/provider/notifications/read", token, &json!({ "up_to": up_to })).await
    };
    let (older, newest) = (ids(&second)[0].to_owned(), ids(&first)[0].to_owned());
    let theirs = crate::world::provider(other);
    assert_eq!(code(&read(&theirs, &older).await), (404, "not_found"), "it is not in their feed");
    for (up_to, unread) in [(&older, 1), (&newest, 0), (&older, 0)] {
        assert_eq!(read(&world.token(), up_to).await.0, json!({ "unread": unread }));
    }
    let wrong = world.post("/api/provider/notifications/read", &world.token(), &json!({})).await;
    assert_eq!(wrong.1, StatusCode::BAD_REQUEST, "{}", wrong.0);
}

#[sqlx::test(migrations = "../migrations")]
async fn each_admin_reads_the_admins_feed_for_themselves(pool: Pool) {
    let world = World::new(pool).await;
    let (first, second) = (world.under_review("1500.00").await, world.under_review("1600.00").await);
    let later = domain::Clock::now(&*world.clock) + chrono::TimeDelta::hours(5);
    for payout in [first, second] {
        store::reviews::call(&world.pool, payout, later).await.unwrap();
    }
    let (page, status) = world.get("/api/admin/notifications?limit=1", &admin()).await;
    assert_eq!(
        (status, &page["unread"]),
        (StatusCode::OK, &json!(4)),
        "{page}: each was opened, and has waited"
    );
    let line = &page["items"][0];
    assert_eq!((&line["event"], &line["read"]), (&json!("review_waiting"), &json!(false)));
    assert!(line["subject"].as_str().unwrap().starts_with(&format!("payout:{second}:")), "{line}");
    let next = format!("/api/admin/notifications?cursor={}", page["next_cursor"].as_str().unwrap());
    let (rest, _) = world.get(&next, &admin()).await;
    assert!(rest["items"][0]["subject"].as_str().unwrap().starts_with(&format!("payout:{first}:")));

    let up_to = json!({ "up_to": ids(&rest)[0] });
    let read = world.post("/api/admin/notifications/read", &admin(), &up_to).await;
    assert_eq!(read, (json!({ "unread": 1 }), StatusCode::OK));
    let (others, _) = world.get("/api/admin/notifications", &another_admin()).await;
    assert_eq!((&others["unread"], &others["items"][1]["read"]), (&json!(4), &json!(false)));
    let (mine, _) = world.get("/api/admin/notifications", &admin()).await;
    assert_eq!((&mine["items"][0]["read"], &mine["items"][1]["read"]), (&json!(false), &json!(true)));
    let unknown = json!({ "up_to": world.account });
    let answer = world.post("/api/admin/notifications/read", &admin(), &unknown).await;
    assert_eq!(code(&answer), (404, "not_found"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_provider_chooses_what_is_mailed_and_pushed_but_not_what_is_for_their_safety(pool: Pool) {
    let world = World::new(pool).await;
    give_address(&world, "ada@example.com").await;
    let (settings, status) = world.get(SETTINGS, &world.token()).await;
    assert_eq!((status, &settings["email"]), (StatusCode::OK, &json!("ada@example.com")), "{settings}");
    let on = |settings: &Value, event: &str| {
        let events = settings["events"].as_array().unwrap();
        let found = events.iter().find(|each| each["event"] == event).unwrap();
        (
            found["email"].as_bool().unwrap(),
            found["push"].as_bool().unwrap(),
            found["mandatory"].as_bool().unwrap(),
        )
    };
    assert_eq!(on(&settings, "received"), (true, true, false));
    assert_eq!(on(&settings, "bank_account_changed"), (true, true, true));

    let choice = json!({ "email_off": ["received"], "push_off": ["approved"] });
    let (settings, status) = world.put(SETTINGS, &world.token(), &choice).await;
    assert_eq!((status, on(&settings, "received")), (StatusCode::OK, (false, true, false)));
    assert_eq!(on(&settings, "approved"), (true, false, false));
    let mandatory = json!({ "email_off": ["bank_account_changed"] });
    let refused = world.put(SETTINGS, &world.token(), &mandatory).await;
    assert_eq!((refused.1, &refused.0["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("email_off")));

    world.payout("1500.00").await;
    assert!(due(&world).await.is_empty(), "`received` is not mailed");
    // Taken as a whole: what is left out is told again.
    let (settings, _) = world.put(SETTINGS, &world.token(), &json!({})).await;
    assert_eq!(on(&settings, "received"), (true, true, false));
    world.payout("1600.00").await;
    assert_eq!(due(&world).await.len(), 1);
    let changes = "SELECT count(*) FROM audit WHERE action = 'notification_settings_changed'";
    assert_eq!(world.count(changes).await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_browser_is_kept_once_and_goes_when_it_is_told_to(pool: Pool) {
    let world = World::new(pool).await;
    let (key, status) = world.get(&format!("{BROWSERS}/key"), &world.token()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(key["key"].as_str().unwrap().len() > 80, "{key}");
    for _ in 0..2 {
        assert_eq!(world.post(BROWSERS, &world.token(), &browser()).await.1, StatusCode::OK);
    }
    let settings = async || world.get("/api/provider/notification-settings", &world.token()).await.0;
    assert_eq!(settings().await["browsers"], 1);
    world.payout("1500.00").await;
    assert_eq!(due(&world).await.len(), 1);

    let forget = json!({ "endpoint": BROWSER });
    let forgotten = async |token: &str| {
        answer(json_request(world.client.delete(BROWSERS), token, &forget).send().await).await.1
    };
    let (other, _) = world.add_provider("p-2", "10.00").await;
    assert_eq!(forgotten(&crate::world::provider(other)).await, StatusCode::NO_CONTENT);
    assert_eq!(settings().await["browsers"], 1, "nobody else forgets it");
    assert_eq!(forgotten(&world.token()).await, StatusCode::NO_CONTENT);
    assert_eq!(settings().await["browsers"], 0);
    // The two keys are read together.
    let wrongs = [
        ("endpoint", "http://10.0.0.1/x", "endpoint"),
        ("p256dh", "AAAA", "p256dh"),
        ("auth", "x", "p256dh"),
    ];
    for (field, wrong, told) in wrongs {
        let mut body = browser();
        body[field] = json!(wrong);
        let refused = world.post(BROWSERS, &world.token(), &body).await;
        assert_eq!(refused.1, StatusCode::BAD_REQUEST, "{field}: {}", refused.0);
        assert_eq!(refused.0["errors"][0]["field"], told);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn staff_addresses_are_added_changed_and_removed_and_are_bounded(pool: Pool) {
    let world = World::new(pool).await;
    let set = async |email: &str, events: Value| {
        world.put(CONTACTS, &admin(), &json!({ "email": email, "events": events })).await
    };
    let (settings, status) = set("Risk@Example.com", json!(["review_waiting"])).await;
    assert_eq!(status, StatusCode::OK, "{settings}");
    assert_eq!(settings["contacts"][0]["email"], "risk@example.com");
    assert_eq!(settings["push_available"], true);
    let (settings, _) = set("risk@example.com", json!(["case_opened"])).await;
    assert_eq!(settings["contacts"].as_array().unwrap().len(), 1);
    assert_eq!(settings["contacts"][0]["events"], json!(["case_opened"]));
    for (email, events) in [("risk", json!([])), ("risk@example.com", json!(["payday"]))] {
        assert_eq!(set(email, events).await.1, StatusCode::BAD_REQUEST, "{email}");
    }
    let (settings, _) = set("risk@example.com", json!([])).await;
    assert_eq!(settings["contacts"], json!([]));
    let many = "INSERT INTO admin_contacts SELECT n || '@example.com', '{case_opened}', now() FROM generate_series(1, 50) n";
    sqlx::query(many).execute(&world.pool).await.unwrap();
    let one_more = set("risk@example.com", json!(["case_opened"])).await;
    assert_eq!(code(&one_more), (409, "too_many_contacts"));
    assert_eq!(set("7@example.com", json!(["funding_short"])).await.1, StatusCode::OK, "one that is there");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_failed_is_found_and_sent_again_once(pool: Pool) {
    let world = World::new(pool).await;
    give_address(&world, "ada@example.com").await;
    let payout = world.payout("1500.00").await;
    let mail = due(&world).await.remove(0);
    let list = async |query: &str| world.get(&format!("/api/admin/messages{query}"), &admin()).await;
    assert_eq!(list("?state=pending").await.0["items"][0]["tries"], 1);
    record(&world, &mail, Outcome::Gone).await;

    let (failed, status) = list("?state=failed").await;
    let item = &failed["items"][0];
    assert_eq!((status, &item["id"]), (StatusCode::OK, &json!(mail.id)), "{failed}");
    assert_eq!((&item["channel"], &item["endpoint"]), (&json!("email"), &json!("ada@example.com")));
    assert_eq!((&item["event"], &item["payout_id"]), (&json!("received"), &json!(payout)));
    assert_eq!((&item["code"], &item["answer"]), (&json!(550), &json!("no such mailbox")));
    for (query, found) in [
        (format!("?payout={payout}&channel=email"), 1),
        ("?channel=push".to_owned(), 0),
        ("?state=delivered".to_owned(), 0),
        (format!("?payout={}", world.account), 0),
    ] {
        assert_eq!(ids(&list(&query).await.0).len(), found, "{query}");
    }
    for wrong in ["?state=lost", "?channel=pigeon", "?cursor=x", "?limit=0"] {
        assert_eq!(code(&list(wrong).await), (400, "invalid_parameter"), "{wrong}");
    }

    let path = format!("/api/admin/messages/{}/resend", mail.id);
    let (again, status) = world.post(&path, &admin(), &json!({})).await;
    assert_eq!((status, &again["state"], &again["tries"]), (StatusCode::OK, &json!("pending"), &json!(0)));
    assert_eq!(code(&world.post(&path, &admin(), &json!({})).await), (409, "not_failed"));
    let unknown = format!("/api/admin/messages/{}/resend", world.account);
    assert_eq!(code(&world.post(&unknown, &admin(), &json!({})).await), (404, "not_found"));
    let resent = "SELECT count(*) FROM audit WHERE action = 'resent' AND actor = 'admin:risk-1'";
    assert_eq!(world.count(resent).await, 1);
    assert_eq!(due(&world).await.remove(0).id, mail.id, "under the id it has");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_list_of_messages_goes_on_where_the_page_before_ended(pool: Pool) {
    let world = World::new(pool).await;
    give_address(&world, "ada@example.com").await;
    for amount in ["100.00", "200.00", "300.00"] {
        world.payout(amount).await;
    }
    due(&world).await;
    let mut seen = vec![];
    let mut path = "/api/admin/messages?limit=2".to_owned();
    loop {
        let (page, _) = world.get(&path, &admin()).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/admin/messages?limit=2&cursor={cursor}");
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
    let actor = Actor::system();
    assert_eq!(
        messages::resend(&world.pool, seen[0].parse().unwrap(), &actor, domain::Clock::now(&*world.clock))
            .await
            .unwrap(),
        messages::Resent::NotFailed
    );
}
