//! What people do about trouble: cases, pauses, bank accounts that fail.

use chrono::TimeDelta;
use domain::{CaseId, Clock as _, ProviderId};
use futures::future::join_all;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::{
    Pool,
    cases::{self, CaseKind, Finding},
};

use crate::world::{World, admin, code, finance, money, naira};

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// A case as reconciliation would open it.
async fn open(world: &World, kind: CaseKind, subject: &str) -> CaseId {
    let finding = Finding {
        kind,
        subject: subject.to_owned(),
        payout: None,
        provider: Some(world.provider),
        amount: Some(money("5.00")),
        summary: "=something, \"odd\"",
        source: "gateway",
        detail: json!({ "n": 1 }),
    };
    let mut conn = world.pool.acquire().await.unwrap();
    cases::open(&mut conn, &finding, world.clock.now()).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn cases_are_listed_filtered_and_exported(pool: Pool) {
    let world = World::new(pool).await;
    let mut made = vec![];
    for n in 0..3 {
        made.push(open(&world, CaseKind::UnknownTransfer, &format!("transfer:{n}")).await.to_string());
        world.clock.advance(TimeDelta::minutes(1));
    }
    let books = open(&world, CaseKind::Books, "ledger").await;
    // Found again: the same case, with what is new.
    assert_eq!(open(&world, CaseKind::Books, "ledger").await, books);

    let (first, status) = world.get("/api/admin/cases?kind=unknown_transfer&limit=2", &admin()).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let next = first["next_cursor"].as_str().unwrap();
    let second =
        world.get(&format!("/api/admin/cases?kind=unknown_transfer&limit=2&cursor={next}"), &admin()).await.0;
    let ids: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect();
    made.reverse();
    assert_eq!(ids, made);
    for (query, count) in [
        ("status=OPEN", 4),
        ("status=CLOSED", 0),
        ("kind=books", 1),
        (&*format!("provider={}", world.provider), 4),
        (&*format!("provider={NOBODY}"), 0),
        (&*format!("payout={NOBODY}"), 0),
    ] {
        let (page, _) = world.get(&format!("/api/admin/cases?{query}"), &admin()).await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    for query in ["kind=odd", "status=open", "limit=0", "limit=101", "cursor=x", "payout=1"] {
        let answer = world.get(&format!("/api/admin/cases?{query}"), &admin()).await;
        assert_eq!(code(&answer), (400, "invalid_parameter"), "{query}");
    }

    let (detail, _) = world.get(&format!("/api/admin/cases/{books}"), &admin()).await;
    assert_eq!((&detail["case"]["amount"], &detail["case"]["status"]), (&naira("5.00"), &json!("OPEN")));
    assert_eq!(detail["evidence"].as_array().unwrap().len(), 1, "{detail}");
    assert_eq!(detail["evidence"][0]["detail"], json!({ "n": 1 }));
    for unknown in [NOBODY, "x"] {
        let answer = world.get(&format!("/api/admin/cases/{unknown}"), &admin()).await;
        assert_eq!(code(&answer), (404, "not_found"));
    }

    let request = world.client.get("/api/admin/cases?format=csv&status=OPEN");
    let response = request.header("authorization", format!("Bearer {}", admin())).send().await;
    response.assert_header("content-disposition", "attachment; filename=\"cases.csv\"");
    let text = response.0.into_body().into_string().await.unwrap();
    assert_eq!(text.split_terminator("\r\n").count(), 5, "{text}");
    assert!(text.contains("\"'=something, \"\"odd\"\"\""), "{text}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_case_is_closed_once_by_finance_with_a_reason(pool: Pool) {
    let world = World::new(pool).await;
    let case = open(&world, CaseKind::StatementLine, "statement:1").await;
    let path = format!("/api/admin/cases/{case}/close");
    let body = json!({ "reason": "asked the gateway", "resolution": "booked by hand" });

    assert_eq!(code(&world.post(&path, &admin(), &body).await), (403, "forbidden"));
    for wrong in [
        json!({}),
        json!({ "reason": " " }),
        json!({ "reason": 1 }),
        json!({ "reason": "x".repeat(1001) }),
        json!({ "reason": "a\u{0}b" }),
        json!({ "reason": "x", "resolution": "x".repeat(1001) }),
        json!({ "reason": "x", "amount": "1" }),
    ] {
        let answer = world.post(&path, &finance("fola"), &wrong).await;
        assert_eq!(code(&answer), (400, "invalid_request"), "{wrong}");
        assert_eq!(answer.0["errors"].as_array().unwrap().len(), 1, "{wrong}");
    }
    let unknown = format!("/api/admin/cases/{NOBODY}/close");
    assert_eq!(code(&world.post(&unknown, &finance("fola"), &body).await), (404, "not_found"));

    // Nothing that is recorded shows that the line was explained.
    let only_why = json!({ "reason": "asked the gateway" });
    assert_eq!(code(&world.post(&path, &finance("fola"), &only_why).await), (409, "cause_still_so"));
    let token = finance("fola");
    let answers = join_all((0..3).map(|_| world.post(&path, &token, &body))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.1 == StatusCode::OK).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(won[0].0["closed_by"], "admin:fola");
    assert_eq!(won[0].0["resolution"], "booked by hand");
    for lost in answers.iter().filter(|answer| answer.1 != StatusCode::OK) {
        assert_eq!(code(lost), (409, "case_closed"));
        assert!(lost.0["detail"].as_str().unwrap().contains("admin:fola"));
    }
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'case_closed'").await, 1);
}

async fn order(world: &World, path: &str, scope: &str, subject: Option<String>) -> (Value, StatusCode) {
    let mut body = json!({ "scope": scope, "reason": "drill" });
    if let Some(subject) = subject {
        body["subject"] = json!(subject);
    }
    // Who stops a provider may not approve their payouts.
    world.post(path, &finance("fola"), &body).await
}

#[sqlx::test(migrations = "../migrations")]
async fn everything_and_parts_are_paused_and_resumed(pool: Pool) {
    const PAUSE: &str = "/api/admin/pauses";
    const RESUME: &str = "/api/admin/pauses/resume";
    let world = World::new(pool).await;
    let parts = [
        ("system", None),
        ("provider", Some(world.provider.to_string())),
        ("bank", Some("044".to_owned())),
        ("bank_account", Some(world.account.to_string())),
    ];
    for (scope, subject) in parts {
        let (made, status) = order(&world, PAUSE, scope, subject.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{scope}: {made}");
        let (again, status) = order(&world, PAUSE, scope, subject.clone()).await;
        assert_eq!((status, &again), (StatusCode::OK, &made), "{scope}");
        assert_eq!(made["paused_by"], "admin:fola");
        let (list, _) = world.get(PAUSE, &admin()).await;
        assert_eq!(list["items"], json!([made]), "{scope}");

        // Nothing begins there.
        let id = world.under_review("10.00").await;
        assert_eq!(world.decide(id, "approve").await.1, StatusCode::OK);
        let (batch, _) = world.post("/api/admin/batches/run", &admin(), &json!({})).await;
        let batch: domain::BatchId = batch["id"].as_str().unwrap().parse().unwrap();
        let now = world.clock.now();
        assert_eq!(
            store::batches::claim_chunk(&world.pool, batch, 10, now).await.unwrap().claimed,
            0,
            "{scope}"
        );

        for _ in 0..2 {
            let resumed = order(&world, RESUME, scope, subject.clone()).await;
            assert_eq!(resumed, (json!({ "resumed": true }), StatusCode::OK), "{scope}");
        }
        assert_eq!(
            store::batches::claim_chunk(&world.pool, batch, 10, now).await.unwrap().claimed,
            1,
            "{scope}"
        );
    }
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'paused'").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'resumed'").await, 4);

    for scope in ["provider", "bank_account"] {
        for path in [PAUSE, RESUME] {
            let answer = order(&world, path, scope, Some(NOBODY.to_owned())).await;
            assert_eq!(code(&answer), (404, "not_found"), "{path} {scope}");
        }
    }
    for path in [PAUSE, RESUME] {
        for (scope, subject) in [
            ("world", None),
            ("system", Some("044".to_owned())),
            ("provider", Some("p-1".to_owned())),
            ("bank", Some("44".to_owned())),
            ("bank_account", None),
        ] {
            let answer = order(&world, path, scope, subject).await;
            assert_eq!(code(&answer), (400, "invalid_request"), "{path} {scope}");
        }
        let long = json!({ "scope": "system", "reason": "x".repeat(1001) });
        assert_eq!(code(&world.post(path, &admin(), &long).await), (400, "invalid_request"));
        assert_eq!(code(&world.post(path, &world.token(), &long).await), (403, "forbidden"));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_read_is_said_once(pool: Pool) {
    const READ: &str = "/api/provider/notifications/read";
    let world = World::new(pool).await;
    for _ in 0..3 {
        world.payout("10.00").await;
    }
    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    let second = feed["items"][1]["id"].clone();
    for _ in 0..2 {
        let answer = world.post(READ, &world.token(), &json!({ "up_to": second })).await;
        assert_eq!(answer, (json!({ "unread": 1 }), StatusCode::OK));
    }
    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    let read: Vec<_> = feed["items"].as_array().unwrap().iter().map(|m| m["read_at"].is_string()).collect();
    assert_eq!(read, [false, true, true]);

    let (other, _) = world.add_provider("p-2", "1.00").await;
    let foreign = world.post(READ, &crate::world::provider(other), &json!({ "up_to": second })).await;
    assert_eq!(code(&foreign), (404, "not_found"));
    let unknown = world.post(READ, &world.token(), &json!({ "up_to": NOBODY })).await;
    assert_eq!(code(&unknown), (404, "not_found"));
    for wrong in [json!({}), json!({ "up_to": "x" }), json!({ "up_to": second, "all": true })] {
        assert_eq!(
            code(&world.post(READ, &world.token(), &wrong).await),
            (400, "invalid_request"),
            "{wrong}"
        );
    }
    assert_eq!(code(&world.post(READ, &admin(), &json!({ "up_to": second })).await), (403, "forbidden"));
}

/// The database cannot keep a NUL: it is refused as a field, and not as a database that is away.
#[sqlx::test(migrations = "../migrations")]
async fn nul_is_a_field_error(pool: Pool) {
    let world = World::new(pool).await;
    let token = crate::world::platform();
    let provider = json!({ "display_name": "Ada" });
    let earning = |external: &str| json!({ "provider": external, "amount": naira("1.00"), "earned_at": "2026-11-01T00:00:00Z" });
    for (path, body) in [
        ("/api/platform/providers/a%00b", provider.clone()),
        ("/api/platform/providers/a%00", provider.clone()),
        ("/api/platform/earnings/%00", earning("p-1")),
    ] {
        let answer = world.put(path, &token, &body).await;
        assert_eq!(
            (code(&answer), &answer.0["errors"][0]["field"]),
            ((400, "invalid_parameter"), &json!("external_id")),
            "{path}"
        );
        assert_eq!(code(&world.get(path, &token).await), (404, "not_found"), "{path}");
    }
    for (path, body, field) in [
        ("/api/platform/providers/p-9", json!({ "display_name": "A\u{0}da" }), "display_name"),
        ("/api/platform/providers/p-9", json!({ "display_name": "Ada", "email": "a\u{0}@b" }), "email"),
        ("/api/platform/earnings/e-9", earning("p-\u{0}1"), "provider"),
        (
            "/api/platform/earnings/e-9",
            json!({ "provider": "p-1", "amount": naira("1.00"), "earned_at": "2026-11-01T00:00:00Z", "description": "\u{0}" }),
            "description",
        ),
    ] {
        let answer = world.put(path, &token, &body).await;
        let error = &answer.0["errors"][0];
        assert_eq!(code(&answer), (400, "invalid_request"), "{body}");
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!(field), &json!("forbidden_character")),
            "{body}"
        );
    }
}

/// The pause of a case is not an admin's to lift: it ends with the case.
#[sqlx::test(migrations = "../migrations")]
async fn a_failing_account_asks_its_provider(pool: Pool) {
    let world = World::new(pool).await;
    for _ in 0..3 {
        let (id, reference) = world.sent("10.00").await;
        crate::admin::fail_for_good(&world, id, &reference).await;
    }
    let (accounts, _) = world.get("/api/provider/bank-accounts", &world.token()).await;
    assert_eq!(accounts["items"][0]["paused"], "check_account", "{accounts}");
    assert!(accounts["items"][0]["paused_detail"].as_str().unwrap().contains("Check it"));
    let (feed, _) = world.get("/api/provider/notifications", &world.token()).await;
    let told = feed["items"].as_array().unwrap().iter().filter(|m| m["event"] == "check_account").count();
    assert_eq!(told, 1, "{feed}");
    let (cases, _) = world.get("/api/admin/cases?kind=account_failing", &admin()).await;
    let case = cases["items"][0]["id"].as_str().unwrap();
    assert_eq!(cases["items"][0]["provider_id"], json!(ProviderId::uuid(world.provider)));

    let body = json!({ "scope": "bank_account", "subject": world.account, "reason": "they called" });
    let (still, _) = world.post("/api/admin/pauses/resume", &admin(), &body).await;
    assert_eq!(still, json!({ "resumed": false, "paused_by_case": case }));
    let close = format!("/api/admin/cases/{case}/close");
    let body = json!({ "reason": "they called" });
    assert_eq!(code(&world.post(&close, &finance("fola"), &body).await), (409, "cause_still_so"));
    let body = json!({ "reason": "they called", "resolution": "the bank has opened the account again" });
    assert_eq!(world.post(&close, &finance("fola"), &body).await.1, StatusCode::OK);
    let (accounts, _) = world.get("/api/provider/bank-accounts", &world.token()).await;
    assert!(accounts["items"][0].get("paused").is_none(), "{accounts}");
}

/// A payout whose only attempt left, and was answered with nothing that tells.
async fn unknown(world: &World) -> domain::PayoutId {
    let (id, _) = world.sent("10.00").await;
    let (first, lease) = (domain::AttemptNumber::FIRST, std::time::Duration::from_secs(40));
    let now = world.clock.now();
    let counted = store::attempts::count_send(&world.pool, id, first, lease, "payout", now).await.unwrap();
    let store::attempts::Sending::Go { lease, .. } = counted else { panic!("{counted:?}") };
    let answer = domain::Submitted::Unknown { why: "timeout".to_owned() };
    let policy = crate::world::retry_policy();
    store::attempts::record_submitted(&world.pool, id, lease, &answer, &policy, now).await.unwrap();
    id
}

#[sqlx::test(migrations = "../migrations")]
async fn two_finance_admins_attest(pool: Pool) {
    let world = World::new(pool).await;
    let id = unknown(&world).await;
    let path = format!("/api/admin/payouts/{id}/attempts/1/attestation");
    let (confirm, withdraw) = (format!("{path}/confirm"), format!("{path}/withdraw"));
    let (ada, bola) = (finance("ada"), finance("bola"));
    let body = json!({ "verdict": "not_paid", "document": "ticket 7", "reason": "the bank says so" });

    for path in [&path, &confirm, &withdraw] {
        assert_eq!(code(&world.post(path, &admin(), &body).await), (403, "forbidden"), "{path}");
    }
    for wrong in [
        json!({ "document": "t", "reason": "r" }),
        json!({ "verdict": "maybe", "document": "t", "reason": "r" }),
        json!({ "verdict": "paid", "document": "x".repeat(501), "reason": "r" }),
        json!({ "verdict": "paid", "document": "t", "reason": "x".repeat(1001) }),
        json!({ "verdict": "paid", "document": "", "reason": "r" }),
        json!({ "verdict": "paid", "document": "t", "reason": "\u{0}" }),
        json!({ "verdict": "paid", "document": "t", "reason": "r", "by": "me" }),
    ] {
        assert_eq!(code(&world.post(&path, &ada, &wrong).await), (400, "invalid_request"), "{wrong}");
    }
    for unknown in [
        format!("/api/admin/payouts/{id}/attempts/2/attestation"),
        format!("/api/admin/payouts/{id}/attempts/0/attestation"),
        format!("/api/admin/payouts/{id}/attempts/300/attestation"),
        format!("/api/admin/payouts/{NOBODY}/attempts/1/attestation"),
    ] {
        assert_eq!(code(&world.post(&unknown, &ada, &body).await), (404, "not_found"), "{unknown}");
        let confirm = format!("{unknown}/confirm");
        assert_eq!(code(&world.post(&confirm, &ada, &json!({})).await), (404, "not_found"), "{confirm}");
    }
    assert_eq!(code(&world.post(&confirm, &ada, &json!({})).await), (409, "no_open_attestation"));
    let why = json!({ "reason": "mistaken" });
    assert_eq!(code(&world.post(&withdraw, &ada, &why).await), (409, "no_open_attestation"));
    assert_eq!(code(&world.post(&withdraw, &ada, &json!({})).await), (400, "invalid_request"));

    let (made, status) = world.post(&path, &ada, &body).await;
    assert_eq!((status, &made["status"]), (StatusCode::CREATED, &json!("PROPOSED")), "{made}");
    assert_eq!(world.post(&path, &ada, &body).await, (made, StatusCode::OK));
    assert_eq!(code(&world.post(&path, &bola, &body).await), (409, "attestation_open"));
    assert_eq!(code(&world.post(&confirm, &ada, &json!({})).await), (403, "second_person_required"));
    // The same person with an admin's token is still the same person, and no finance.
    assert_eq!(world.post(&withdraw, &bola, &why).await.0["status"], "WITHDRAWN");

    let body = json!({ "verdict": "paid", "document": "ticket 8", "reason": "the bank says so" });
    assert_eq!(world.post(&path, &bola, &body).await.1, StatusCode::CREATED);
    let (confirmed, status) = world.post(&confirm, &ada, &json!({})).await;
    assert_eq!((status, &confirmed["status"]), (StatusCode::OK, &json!("APPLIED")), "{confirmed}");
    assert_eq!(world.post(&confirm, &ada, &json!({})).await, (confirmed, StatusCode::OK));
    assert_eq!(code(&world.post(&path, &ada, &body).await), (409, "not_attestable"));

    let (payout, _) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    assert_eq!(payout["payout"]["status"], "COMPLETED");
    let stages: Vec<_> = payout["attestations"].as_array().unwrap().iter().map(|a| &a["status"]).collect();
    assert_eq!(stages, ["WITHDRAWN", "APPLIED"]);
    assert_eq!(
        payout["attempts"][0]["evidence"].as_array().unwrap().last().unwrap()["source"],
        "attestation"
    );
    assert_eq!(store::books::verify(&world.pool).await.unwrap().findings, Vec::<String>::new());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_case_that_owns_a_payout_makes_it_finances(pool: Pool) {
    let world = World::new(pool).await;
    let id = unknown(&world).await;
    let path = format!("/api/provider/payouts/{id}");
    let (before, _) = world.get(&path, &world.token()).await;
    assert_eq!(before["waiting"]["who"], "gateway", "{before}");
    world.clock.advance(TimeDelta::hours(24));
    let round = store::overdue::look(&world.pool, world.clock.now()).await.unwrap();
    assert_eq!(round.unknown, 1);
    let (after, _) = world.get(&path, &world.token()).await;
    assert_eq!(
        (&after["waiting"]["waiting_for"], &after["waiting"]["who"]),
        (&json!("unknown_outcome"), &json!("finance"))
    );
    assert!(after["waiting"]["detail"].as_str().unwrap().ends_with("Finance moves it on."));
    assert!(after.get("cases").is_none(), "cases are staff's");
    let (detail, _) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    assert_eq!(
        (&detail["waiting"]["who"], &detail["cases"][0]["kind"]),
        (&json!("finance"), &json!("unknown_too_long"))
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn finance_confirms_a_reversal(pool: Pool) {
    let world = World::new(pool).await;
    let id = unknown(&world).await;
    crate::admin::pay_then_call_failed(&world, id).await;
    let (cases, _) = world.get(&format!("/api/admin/cases?payout={id}"), &admin()).await;
    assert_eq!(cases["items"][0]["kind"], "reversal", "{cases}");
    let path = format!("/api/admin/cases/{}/confirm-reversal", cases["items"][0]["id"].as_str().unwrap());
    let body = json!({ "reason": "it is on the statement" });
    assert_eq!(code(&world.post(&path, &admin(), &body).await), (403, "forbidden"));
    for wrong in [json!({}), json!({ "reason": "" }), json!({ "reason": "x".repeat(1001) })] {
        assert_eq!(
            code(&world.post(&path, &finance("ada"), &wrong).await),
            (400, "invalid_request"),
            "{wrong}"
        );
    }
    let unknown = format!("/api/admin/cases/{NOBODY}/confirm-reversal");
    assert_eq!(code(&world.post(&unknown, &finance("ada"), &body).await), (404, "not_found"));
    let other = open(&world, CaseKind::Books, "ledger").await;
    let other = format!("/api/admin/cases/{other}/confirm-reversal");
    assert_eq!(code(&world.post(&other, &finance("ada"), &body).await), (409, "not_a_reversal"));

    let (closed, status) = world.post(&path, &finance("ada"), &body).await;
    assert_eq!((status, &closed["status"]), (StatusCode::OK, &json!("CLOSED")), "{closed}");
    assert_eq!(code(&world.post(&path, &finance("ada"), &body).await), (409, "case_closed"));
    let (payout, _) = world.get(&format!("/api/provider/payouts/{id}"), &world.token()).await;
    assert_eq!(payout["payout"]["status"], "REVERSED");
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    assert_eq!(balance["balances"][0]["available"], naira("10000.00"));
    assert_eq!(store::books::verify(&world.pool).await.unwrap().findings, Vec::<String>::new());
}

#[sqlx::test(migrations = "../migrations")]
async fn earnings_are_adjusted_up_and_down(pool: Pool) {
    const PATH: &str = "/api/platform/adjustments";
    let world = World::new(pool).await;
    let token = crate::world::platform();
    let adjust = |id: &str, earning: &str, amount: &str| json!({ "external_id": id, "earning": earning, "amount": naira(amount), "reason": "counted wrong" });
    let raise = adjust("a-1", "e-p-1", "500.00");
    let (made, status) = world.post(PATH, &token, &raise).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(world.post(PATH, &token, &raise).await, (made, StatusCode::OK));
    let cut = world.post(PATH, &token, &adjust("a-2", "e-p-1", "-400.00")).await;
    assert_eq!(cut.1, StatusCode::CREATED, "{}", cut.0);
    assert_eq!(
        code(&world.post(PATH, &token, &adjust("a-2", "e-p-1", "-401.00")).await),
        (409, "adjustment_differs")
    );
    assert_eq!(
        code(&world.post(PATH, &token, &adjust("e-p-1", "e-p-1", "1.00")).await),
        (409, "external_id_taken")
    );
    assert_eq!(
        code(&world.post(PATH, &token, &adjust("a-3", "nothing", "1.00")).await),
        (422, "earning_unknown")
    );
    assert_eq!(
        code(&world.post(PATH, &token, &adjust("a-3", "a-1", "1.00")).await),
        (422, "earning_unknown")
    );
    assert_eq!(
        code(&world.post(PATH, &token, &adjust("a-3", "e-p-1", "-10100.01")).await),
        (422, "adjustment_too_large")
    );
    let mut other = adjust("a-3", "e-p-1", "1.00");
    other["amount"]["currency"] = json!("KES");
    for (body, field) in [
        (other, "amount.currency"),
        (adjust("a-3", "e-p-1", "0.00"), "amount.amount"),
        (adjust("a-3", "e-p-1", "1.005"), "amount.amount"),
        (adjust("a\u{0}", "e-p-1", "1.00"), "external_id"),
        (adjust(&"x".repeat(101), "e-p-1", "1.00"), "external_id"),
        (adjust("a-3", "e p", "1.00"), "earning"),
    ] {
        let answer = world.post(PATH, &token, &body).await;
        assert_eq!(
            (code(&answer), &answer.0["errors"][0]["field"]),
            ((400, "invalid_request"), &json!(field)),
            "{body}"
        );
    }
    let mut long = adjust("a-3", "e-p-1", "1.00");
    long["reason"] = json!("x".repeat(1001));
    assert_eq!(code(&world.post(PATH, &token, &long).await), (400, "invalid_request"));
    assert_eq!(code(&world.post(PATH, &admin(), &raise).await), (403, "forbidden"));

    // What has been asked for already is owed.
    world.payout("10050.00").await;
    assert_eq!(world.post(PATH, &token, &adjust("a-4", "e-p-1", "-100.00")).await.1, StatusCode::CREATED);
    let (balance, _) = world.get("/api/provider/balance", &world.token()).await;
    let balance = &balance["balances"][0];
    assert_eq!((&balance["available"], &balance["debt"]), (&naira("0.00"), &naira("50.00")), "{balance}");
    let (earnings, _) = world.get("/api/provider/earnings", &world.token()).await;
    let all = earnings["items"].as_array().unwrap();
    assert_eq!(all.len(), 2, "the raise is an earning of its own");
    assert!(all[0]["adjusts"] == all[1]["id"], "{earnings}");
    assert_eq!(all[1]["adjustments"].as_array().unwrap().len(), 3);
    let (one, _) = world.get("/api/platform/earnings/e-p-1", &token).await;
    assert_eq!(one["adjustments"], all[1]["adjustments"]);
    assert_eq!(store::books::verify(&world.pool).await.unwrap().findings, Vec::<String>::new());
}
