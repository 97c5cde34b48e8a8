//! How long it takes to claim ten thousand approved payouts into one batch, as one line of JSON on standard output.
//!
//! `cargo xtask bench --claims` runs it on an empty database that keeps its data as in production, and holds the figure against the
//! bound. The claims are those of the step `claim_chunk`, chunk by chunk, each with its commit; the limits of the batch and of the day
//! are set, so that they are counted too. The payouts are written by hand, without earnings: nothing here looks at those.
//!
//! Reads `DATABASE_URL` and nothing else.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, Limits, SystemClock};
use serde_json::json;
use store::{Actor, Pool, Result, batches};

const CONNECTIONS: u32 = 2;
const RUNS: i32 = 3;
const PROVIDERS: i32 = 500;
const PAYOUTS_EACH: i32 = 20;
/// As many as the step takes.
const CHUNK: i64 = 2000;
/// More than there are: they are counted, and hold nothing back.
const LIMITS: &str = r#"{"batch":[{"currency":"NGN","payouts":1000000}],"day":[{"currency":"NGN","payouts":1000000}],"zone":"Africa/Lagos"}"#;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(measure(&url))?);
    Ok(())
}

async fn measure(url: &str) -> std::result::Result<serde_json::Value, Box<dyn std::error::Error>> {
    let pool = store::connect_lazy(url, CONNECTIONS)?;
    let now = SystemClock.now();
    let limits: Limits = serde_json::from_str(LIMITS)?;
    batches::rules::set_limits(&pool, &limits, &Actor::admin("bench"), now).await?;
    let mut runs = vec![];
    // Each further one meets a day that has payouts already.
    for run in 1..=RUNS {
        fill(&pool, run, now).await?;
        runs.push(claim_all(&pool, now).await?);
    }
    Ok(json!({ "payouts": PROVIDERS.saturating_mul(PAYOUTS_EACH), "chunk": CHUNK, "runs": runs }))
}

/// One batch, until nothing is left.
async fn claim_all(pool: &Pool, now: DateTime<Utc>) -> Result<serde_json::Value> {
    let batch = batches::run_now(pool, &Actor::admin("bench"), now).await?.id;
    let (mut claimed, mut chunks) = (0_u32, vec![]);
    let began = Instant::now();
    loop {
        let chunk_began = Instant::now();
        let chunk = batches::claim_chunk(pool, batch, CHUNK, now).await?;
        chunks.push(u64::try_from(chunk_began.elapsed().as_millis()).unwrap_or(u64::MAX));
        claimed = claimed.saturating_add(chunk.claimed);
        if !chunk.more {
            break;
        }
    }
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    batches::close(pool, batch, now).await?;
    Ok(json!({ "claimed": claimed, "milliseconds": millis, "chunks_milliseconds": chunks }))
}

async fn fill(pool: &Pool, run: i32, now: DateTime<Utc>) -> sqlx::Result<()> {
    let asked = now.checked_sub_signed(TimeDelta::hours(1)).unwrap_or(now);
    sqlx::query(
        "WITH v AS (
             INSERT INTO providers (id, external_id, display_name, verified, created_at, updated_at)
             SELECT gen_random_uuid(), $4 || '-' || n, 'Provider ' || n, true, $1, $1 FROM generate_series(1, $2) n RETURNING id),
         b AS (
             INSERT INTO bank_accounts (id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, is_change)
             SELECT gen_random_uuid(), id, 'NGN', '044', '0690000040', 'Ada Obi', $1, $1, false FROM v RETURNING id, provider_id)
         INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, risk, requested_at, updated_at)
         SELECT gen_random_uuid(), b.provider_id, b.id, 1000 + n, 'NGN', 'auto', $1 + make_interval(secs => n), $1
         FROM b, generate_series(1, $3) n",
    )
    .bind(asked)
    .bind(PROVIDERS)
    .bind(PAYOUTS_EACH)
    .bind(run.to_string())
    .execute(pool)
    .await?;
    sqlx::query(
        "UPDATE payouts SET status = 'APPROVED', approved_at = requested_at, approved_by = 'system' WHERE status = 'REQUESTED'",
    )
    .execute(pool)
    .await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await?;
    Ok(())
}
