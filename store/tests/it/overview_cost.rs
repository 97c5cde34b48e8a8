//! What the overview costs: a page of providers, the counts beside the menu and a day's statistics read the same few pages, however
//! much there was before.

use domain::Currency;
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use store::{counts, provider_lists, statistics};

use crate::fixtures::World;

/// Two years of them, and as many failed attempts and closed reviews.
const PAYOUTS: i64 = 200_000;
const PROVIDERS: i64 = 50_000;
/// Of a statement. Reading any of the tables whole is thousands.
const MOST_PAGES: i64 = 500;
/// From the root of an index to a row.
const PAGES_OF_A_LOOK: i64 = 5;

/// Rows that no application could write so fast. Each tenth thousand of providers owes, is suspended, is paused.
async fn two_years(pool: &PgPool, payee: &crate::fixtures::Payee) {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql(
        "ALTER TABLE providers DISABLE TRIGGER ALL; ALTER TABLE ledger_accounts DISABLE TRIGGER ALL;
         ALTER TABLE payouts DISABLE TRIGGER ALL; ALTER TABLE attempts DISABLE TRIGGER ALL; ALTER TABLE reviews DISABLE TRIGGER ALL;
         SET synchronous_commit = off",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::query(
        "WITH made AS (
             INSERT INTO providers (id, external_id, display_name, status, suspended_by_marketplace, created_at, updated_at)
             SELECT gen_random_uuid(), 'many-' || n, 'Many', CASE WHEN n % 10000 = 1 THEN 'SUSPENDED' ELSE 'ACTIVE' END,
                    n % 10000 = 1, at, at
             FROM generate_series(1, $1::bigint) n, (SELECT '2026-11-22T09:00:00Z'::timestamptz AS at) moment
             RETURNING id, external_id),
         paused AS (
             INSERT INTO pauses (scope, subject, reason, paused_by, paused_at)
             SELECT 'provider', id::text, 'x', 'admin:x', '2026-11-22T09:00:00Z' FROM made WHERE external_id LIKE '%0002')
         INSERT INTO ledger_accounts (kind, provider_id, currency, balance)
         SELECT kind, id, 'NGN', CASE WHEN kind = 'provider_debt' AND external_id LIKE '%0003' THEN -1 ELSE 0 END
         FROM made, unnest(ARRAY['provider_available', 'provider_reserved', 'provider_paid_out', 'provider_debt']) kind",
    )
    .bind(PROVIDERS)
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::query(
        "WITH paid AS (
             INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, status, requested_at, updated_at, batch_id,
                                  claimed_at, approved_at, approved_by, completed_at)
             SELECT gen_random_uuid(), $1, $2, 100, 'NGN', 'COMPLETED', at, at, $3, at, at, 'system', at
             FROM (SELECT '2026-11-24T09:00:00Z'::timestamptz - make_interval(secs => 315 * n) AS at
                   FROM generate_series(1, $4::bigint) n) moments
             RETURNING id, completed_at),
         failed AS (
             INSERT INTO attempts (id, payout_id, number, batch_id, reference, status, began_at, began_by, failure_code,
                                   failed_seen_at, settled_at, updated_at)
             SELECT gen_random_uuid(), id, 1, $3, left(id::text, 36), 'FAILED', completed_at, 'system', 'bank_unavailable',
                    completed_at, completed_at, completed_at
             FROM paid)
         INSERT INTO reviews (id, payout_id, status, opened_at, closed_at, provider_id, amount, currency)
         SELECT gen_random_uuid(), id, 'CLOSED', completed_at, completed_at, $1, 100, 'NGN' FROM paid",
    )
    .bind(payee.id.uuid())
    .bind(payee.account.uuid())
    .bind(uuid::Uuid::nil())
    .bind(PAYOUTS)
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut *conn).await.unwrap();
}

async fn reads(alone: &PgPool, part: &str, parameters: &str, at_most: i64) {
    let (pages, plan) = pages_of(alone, "force_custom_plan", part, parameters).await;
    assert!(pages <= at_most, "{part} with {parameters} reads {pages} pages\n{plan:#}");
}

/// What the statement that says `part` reads with these parameters, on the connection that has prepared it, and its plan.
pub(crate) async fn pages_of(alone: &PgPool, mode: &str, part: &str, parameters: &str) -> (i64, Value) {
    let mut conn = alone.acquire().await.unwrap();
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%' || $1 || '%' AND name <> ''",
    )
    .persistent(false)
    .bind(part)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let [name] = names.as_slice() else { panic!("{part}: {names:?}") };
    let explain = format!(
        "SET plan_cache_mode = {mode}; EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE \"{name}\"({parameters})"
    );
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_one(&mut *conn).await.unwrap();
    let plan: Value = sqlx::Row::get(&row, 0);
    let blocks =
        |what: &str| plan.pointer(&format!("/0/Plan/Shared {what} Blocks")).unwrap().as_i64().unwrap();
    (blocks("Hit") + blocks("Read"), plan)
}

#[sqlx::test(migrations = "../migrations")]
async fn the_overview_reads_the_same_few_pages_after_two_years(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    world.under_review(&payee, "1").await;
    two_years(&world.pool, &payee).await;

    // One connection, whose prepared statements are then everything that was asked.
    let options = (*pool.connect_options()).clone();
    let alone = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let counted = counts::counts(&alone).await.unwrap();
    assert_eq!((counted.reviews, counted.open), (1, 1));
    reads(&alone, "dead_letters!", "10000", MOST_PAGES).await;

    let day = statistics::Period {
        from: "2026-11-20T00:00:00Z".parse().unwrap(),
        to: "2026-11-21T00:00:00Z".parse().unwrap(),
    };
    let told = statistics::of(&alone, Currency::Ngn, day, "Africa/Lagos").await.unwrap();
    assert_eq!(told.paid.iter().map(|paid| paid.payouts).sum::<i64>(), 275);
    let period = "'NGN', '2026-11-20T00:00:00Z', '2026-11-21T00:00:00Z'";
    reads(&alone, "until_claimed", &format!("{period}, 'Africa/Lagos'"), MOST_PAGES).await;
    reads(&alone, "FROM reviews r", &format!("{period}, 'Africa/Lagos'"), MOST_PAGES).await;
    // Each asks its payout for the currency.
    reads(&alone, "FROM attempts a JOIN payouts", period, MOST_PAGES + 275 * PAGES_OF_A_LOOK).await;

    let page = provider_lists::Page { from: None, back: false, limit: 100 };
    for (filter, parameters, found) in [
        (provider_lists::Filter::default(), "NULL, NULL, NULL, NULL, NULL, 100", 100),
        (
            provider_lists::Filter { suspended: Some(true), ..provider_lists::Filter::default() },
            "NULL, true, NULL, NULL, NULL, 100",
            5,
        ),
        (
            provider_lists::Filter { in_debt: Some(true), ..provider_lists::Filter::default() },
            "NULL, NULL, true, NULL, NULL, 100",
            4,
        ),
        (
            provider_lists::Filter { paused: Some(true), ..provider_lists::Filter::default() },
            "NULL, NULL, NULL, true, NULL, 100",
            4,
        ),
        (
            provider_lists::Filter {
                suspended: Some(false),
                in_debt: Some(false),
                paused: Some(false),
                ..provider_lists::Filter::default()
            },
            "NULL, false, false, false, NULL, 100",
            100,
        ),
    ] {
        let listed = provider_lists::list(&alone, &filter, page).await.unwrap();
        assert_eq!(listed.len(), found, "{filter:?}");
        reads(&alone, "ORDER BY id DESC LIMIT $6", parameters, MOST_PAGES).await;
    }
    // The one with everything: what is open is counted, what has ended is not.
    let around = provider_lists::around(&alone, &[payee.id]).await.unwrap();
    assert_eq!(around[&payee.id].open, 1);
    reads(&alone, "FROM unnest($1::uuid[]) AS v (id)", &format!("ARRAY['{}'::uuid]", payee.id), MOST_PAGES)
        .await;
    alone.close().await;
}
