//! Reconciliations and wallet statements: run, listed, read, and refused.

use domain::Clock as _;
use poem::http::StatusCode;
use serde_json::{Value, json};
use store::{Pool, reconciliations};

use crate::world::{World, admin, answer, code, finance};

const RUN: &str = "/api/admin/reconciliations/run";
const LIST: &str = "/api/admin/reconciliations";
const STATEMENTS: &str = "/api/admin/wallet-statements";

#[sqlx::test(migrations = "../migrations")]
async fn a_run_is_asked_for_once_and_can_be_followed(pool: Pool) {
    let world = World::new(pool).await;
    let (run, status) = world.post(RUN, &admin(), &json!({})).await;
    assert_eq!(
        (status, &run["kind"], &run["status"]),
        (StatusCode::CREATED, &json!("RUN_NOW"), &json!("LISTING"))
    );
    assert_eq!(run["opened_by"], "admin:risk-1");
    let again = world.post(RUN, &admin(), &json!({})).await;
    assert_eq!(code(&again), (409, "reconciliation_running"));
    assert!(again.0["detail"].as_str().unwrap().contains(run["id"].as_str().unwrap()));
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'reconciliation'").await, 1);

    let open = reconciliations::running(&world.pool).await.unwrap().unwrap();
    let counts = reconciliations::Counts { listed: 3, matched: 2, ..reconciliations::Counts::default() };
    reconciliations::page_read(&world.pool, &open, &[], counts, true).await.unwrap();
    let now = chrono::DateTime::UNIX_EPOCH;
    reconciliations::finish(&world.pool, open.id, now).await.unwrap();
    let path = format!("{LIST}/{}", run["id"].as_str().unwrap());
    let (one, _) = world.get(&path, &admin()).await;
    assert_eq!((&one["status"], &one["listed"], &one["matched"]), (&json!("FINISHED"), &json!(3), &json!(2)));
    let (second, status) = world.post(RUN, &admin(), &json!({})).await;
    assert_eq!(status, StatusCode::CREATED);

    let (page, _) = world.get(&format!("{LIST}?limit=1"), &admin()).await;
    assert_eq!(page["items"][0]["id"], second["id"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let (page, _) = world.get(&format!("{LIST}?limit=1&cursor={cursor}"), &admin()).await;
    assert_eq!((&page["items"][0]["id"], page.get("next_cursor")), (&run["id"], None));
    let nobody = format!("{LIST}/00000000-0000-7000-8000-000000000000");
    assert_eq!(code(&world.get(&nobody, &admin()).await), (404, "not_found"));
}

async fn import(world: &World, token: &str, kind: &str, file: String) -> (Value, StatusCode) {
    let request = world.client.post(STATEMENTS).header("authorization", format!("Bearer {token}"));
    answer(request.content_type(kind).body(file).send().await).await
}

#[sqlx::test(migrations = "../migrations")]
async fn a_statement_is_imported_once_and_read_line_by_line(pool: Pool) {
    let world = World::new(pool).await;
    let (payout, reference) = world.sent("1500.00").await;
    let file = format!(
        "Date,Type,Amount,Fee,Currency,Reference,Who\n\
         2026-11-22T10:15:00Z,debit,1500.00,,NGN,{reference},\"Obi, Ada\"\n\
         2026-11-22T10:16:00Z,debit,900.00,,NGN,rent-march,\n"
    );
    let (statement, status) = import(&world, &finance("fola"), "text/csv; charset=utf-8", file.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{statement}");
    assert_eq!((&statement["matched"], &statement["unmatched"]), (&json!(1), &json!(1)));
    let (again, status) = import(&world, &finance("fola"), "text/csv", file).await;
    assert_eq!((status, &again), (StatusCode::OK, &statement));

    let path = format!("{STATEMENTS}/{}", statement["id"].as_str().unwrap());
    let (read, _) = world.get(&path, &admin()).await;
    let lines = read["items"].as_array().unwrap();
    assert_eq!(
        (&lines[0]["result"], &lines[0]["payout_id"]),
        (&json!("transfer"), &json!(payout.to_string()))
    );
    assert_eq!((&lines[1]["result"], &lines[1]["line"]), (&json!("unmatched"), &json!(3)));
    let (read, _) = world.get(&format!("{path}?unmatched=true"), &admin()).await;
    assert_eq!(read["items"].as_array().unwrap().len(), 1);
    let (read, _) = world.get(&format!("{path}?limit=1"), &admin()).await;
    assert_eq!((read["items"].as_array().unwrap().len(), &read["next_after"]), (1, &json!(2)));
    let (read, _) = world.get(&format!("{path}?after=2"), &admin()).await;
    assert_eq!((&read["items"][0]["line"], read.get("next_after")), (&json!(3), None));
    let (list, _) = world.get(STATEMENTS, &admin()).await;
    assert_eq!(list["items"], json!([statement]));
    assert_eq!(world.count("SELECT count(*) FROM cases WHERE kind = 'statement_line'").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_statement_with_a_bad_line_leaves_nothing(pool: Pool) {
    let world = World::new(pool).await;
    let head = "date,type,amount,currency,reference\n2026-11-22T10:15:00Z,debit,1.00,NGN,a\n";
    let bad = format!("{head}2026-11-22T10:15:00Z,debit,\"1,500.00\",NGN,0690000031\n");
    let refused = import(&world, &finance("fola"), "text/csv", bad).await;
    assert_eq!(code(&refused), (422, "statement_unreadable"));
    assert_eq!(refused.0["detail"], "In line 3, column amount: is not an amount such as 1500.00.");
    let json = import(&world, &finance("fola"), "application/json", "{}".to_owned()).await;
    assert_eq!(code(&json), (415, "unsupported_media_type"));
    // Larger than any other body, and within the limit of this one.
    let long = format!("{head}{}", "2026-11-22T10:15:00Z,debit,1.00,NGN,a\n".repeat(100_000));
    assert_eq!(code(&import(&world, &finance("fola"), "text/csv", long[..100_000].to_owned()).await).0, 422);
    let too_long = long.repeat(2);
    assert_eq!(code(&import(&world, &finance("fola"), "text/csv", too_long).await), (413, "body_too_large"));
    assert_eq!(code(&import(&world, &admin(), "text/csv", head.to_owned()).await), (403, "forbidden"));
    for table in ["SELECT count(*) FROM wallet_statements", "SELECT count(*) FROM cases"] {
        assert_eq!(world.count(table).await, 0);
    }
}

/// A restored database is resumed by nobody before a later reconciliation has finished.
#[sqlx::test(migrations = "../migrations")]
async fn a_restored_database_stays_paused(pool: Pool) {
    let world = World::new(pool).await;
    store::installation::check(&world.pool, Some(i64::MAX), world.clock.now()).await.unwrap();
    let order = json!({ "scope": "system", "reason": "it looks fine" });
    let refused = world.post("/api/admin/pauses/resume", &admin(), &order).await;
    assert_eq!(code(&refused), (409, "not_reconciled"));
    world.clock.advance(chrono::TimeDelta::seconds(1));
    world.post(RUN, &admin(), &json!({})).await;
    let open = reconciliations::running(&world.pool).await.unwrap().unwrap();
    let nothing = reconciliations::Counts::default();
    reconciliations::page_read(&world.pool, &open, &[], nothing, true).await.unwrap();
    assert_eq!(
        code(&world.post("/api/admin/pauses/resume", &admin(), &order).await),
        (409, "not_reconciled")
    );
    reconciliations::finish(&world.pool, open.id, world.clock.now()).await.unwrap();
    let (resumed, status) = world.post("/api/admin/pauses/resume", &admin(), &order).await;
    assert_eq!((status, &resumed["resumed"]), (StatusCode::OK, &json!(true)));
    assert_eq!(
        world.count("SELECT count(*) FROM cases WHERE kind = 'restored' AND status = 'OPEN'").await,
        0
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn finance_books_what_it_put_into_the_wallet(pool: Pool) {
    const FUNDINGS: &str = "/api/admin/wallet-fundings";
    let world = World::new(pool).await;
    let file =
        "date,type,amount,currency,reference\n2026-11-22T10:15:00Z,credit,50000.00,NGN,bank-transfer-7\n";
    import(&world, &finance("fola"), "text/csv", file.to_owned()).await;
    let order = |amount: &str| {
        json!({
            "reference": "bank-transfer-7", "amount": { "amount": amount, "currency": "NGN" }, "reason": "weekly top-up"
        })
    };
    let refused = world.post(FUNDINGS, &admin(), &order("50000.00")).await;
    assert_eq!(code(&refused), (403, "forbidden"));
    let (booked, status) = world.post(FUNDINGS, &finance("fola"), &order("50000.00")).await;
    assert_eq!((status, booked["closed_cases"].as_array().unwrap().len()), (StatusCode::CREATED, 1));
    let (again, status) = world.post(FUNDINGS, &finance("bola"), &order("50000.00")).await;
    assert_eq!((status, &again["booked_at"]), (StatusCode::OK, &booked["booked_at"]));
    assert_eq!(code(&world.post(FUNDINGS, &finance("fola"), &order("5.00")).await), (409, "funding_differs"));
    let trail = "SELECT count(*) FROM audit WHERE action = 'wallet_funded' AND actor LIKE '%:fola'";
    assert_eq!(world.count(trail).await, 1);
}
