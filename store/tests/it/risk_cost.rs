//! What an assessment costs: how many statements, and what they read when a provider has a million payouts.

use chrono::TimeDelta;
use domain::Route;
use serde_json::Value;
use sqlx::{PgPool, Row as _, postgres::PgPoolOptions};
use store::assessments;

use crate::fixtures::{World, lenient};

/// Until the assessment is stored; what follows from it (approval, audit, message) is counted by nobody.
const STATEMENTS: i64 = 6;
const PAYOUTS: i64 = 1_000_000;
/// Pages that the facts are read from: a week of hours, a quarter of days, and a few rows beside.
const MOST_PAGES: i64 = 200;

/// Rows that no application could write so fast: without their money, and without the indexes that nothing here may need.
async fn a_million_payouts(pool: &PgPool, payee: &crate::fixtures::Payee) {
    let mut conn = pool.acquire().await.unwrap();
    let drop_indexes: Vec<String> = sqlx::query_scalar(
        "SELECT format('DROP INDEX %I', indexname) FROM pg_indexes WHERE tablename = 'payouts'
         AND indexname NOT IN ('payouts_pkey', 'payouts_by_provider')",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    for sql in drop_indexes {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
    }
    sqlx::raw_sql("ALTER TABLE payouts DISABLE TRIGGER ALL; SET synchronous_commit = off")
        .execute(&mut *conn)
        .await
        .unwrap();
    // Two years, one every minute or so: every hour and every day of them has its payouts.
    sqlx::query(
        "INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, status, requested_at, updated_at, batch_id, claimed_at,
                              approved_at, approved_by, completed_at)
         SELECT gen_random_uuid(), $1, $2, 100, 'NGN', 'COMPLETED', at, at, $3, at, at, 'system', at
         FROM (SELECT '2026-11-24T09:00:00Z'::timestamptz - make_interval(secs => 63 * n) AS at
               FROM generate_series(1, $4::bigint) n) moments",
    )
    .bind(payee.id.uuid())
    .bind(payee.account.uuid())
    .bind(uuid::Uuid::nil())
    .bind(PAYOUTS)
    .execute(&mut *conn)
    .await
    .unwrap();
    // And others beside, or the sums would be tables of one provider alone.
    sqlx::raw_sql(
        "SELECT sum_up_all_payouts();
         ALTER TABLE payouts ENABLE TRIGGER ALL;
         CREATE TEMPORARY TABLE others AS SELECT gen_random_uuid() AS id FROM generate_series(1, 200);
         INSERT INTO provider_days (provider_id, day, currency, requested)
         SELECT id, date '2026-11-24' - n, 'NGN', 1 FROM others, generate_series(0, 364) n;
         INSERT INTO provider_hours (provider_id, hour, currency, requested, requested_sum)
         SELECT id, '2026-11-24T09:00:00Z'::timestamptz - make_interval(hours => n), 'NGN', 1, 1 FROM others, generate_series(0, 364) n;
         ANALYZE payouts, provider_hours, provider_days, provider_totals",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
}

/// Everything that a plan does, from the top.
fn nodes(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().map(Vec::as_slice).unwrap_or_default();
    [plan].into_iter().chain(below.iter().flat_map(nodes)).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn an_assessment_is_six_statements_and_reads_the_same_few_pages_after_a_million_payouts(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1000").await;
    world.pass(TimeDelta::days(2));
    let mut rules = lenient();
    rules.requests_per_week.at_most = 1_000_000;
    world.in_force(rules).await;
    a_million_payouts(&world.pool, &payee).await;
    let payout = world.requested(&payee, "100").await;

    // One connection, whose prepared statements are then everything that was asked.
    let options = (*pool.connect_options()).clone();
    let alone = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let progress = assessments::validate_and_assess(&alone, payout, false, world.now).await.unwrap();
    assert_eq!(progress.risk, Some(Route::Auto));
    let asked = sqlx::query(
        "SELECT statement, generic_plans + custom_plans AS times FROM pg_prepared_statements ORDER BY prepare_time",
    )
    .persistent(false)
    .fetch_all(&alone)
    .await
    .unwrap();
    let asked: Vec<(String, i64)> = asked.iter().map(|row| (row.get(0), row.get(1))).collect();
    let stored = asked.iter().position(|(sql, _)| sql.contains("INSERT INTO assessments")).unwrap();
    // The savepoint and its release are statements too, and never prepared.
    let statements: i64 = asked[..=stored].iter().map(|(_, times)| times).sum::<i64>() + 2;
    assert_eq!(statements, STATEMENTS, "{asked:#?}");

    for (sql, _) in &asked[..=stored] {
        let explain = format!("EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}");
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_one(&alone).await.unwrap();
        let plan: Value = row.get(0);
        for node in nodes(&plan[0]["Plan"]) {
            let (what, of) =
                (node["Node Type"].as_str().unwrap(), node["Relation Name"].as_str().unwrap_or_default());
            let grows = ["payouts", "provider_hours", "provider_days", "allocations", "assessments", "audit"];
            assert!(what != "Seq Scan" || !grows.contains(&of), "{sql}\n{plan:#}");
        }
    }

    let explain =
        concat!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ", include_str!("../../src/assessments/facts.sql"));
    let plan: Value = sqlx::query_scalar(explain)
        .bind(payee.id.uuid())
        .bind(payee.account.uuid())
        .bind("NGN")
        .bind(world.now)
        .fetch_one(&alone)
        .await
        .unwrap();
    let root = &plan[0]["Plan"];
    let pages = root["Shared Hit Blocks"].as_i64().unwrap() + root["Shared Read Blocks"].as_i64().unwrap();
    let read: Vec<_> = nodes(root).iter().filter_map(|node| node["Relation Name"].as_str()).collect();
    assert!(!read.contains(&"payouts"), "{read:?}");
    assert!(pages <= MOST_PAGES, "{pages} pages\n{plan:#}");
    alone.close().await;
}
