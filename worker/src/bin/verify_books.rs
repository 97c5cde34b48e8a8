//! Says whether the books add up, as one line of JSON on standard output; the exit code is 1 when they do not.
//!
//! Reads `DATABASE_URL` and nothing else. Cost: reads the whole ledger in one read-only transaction.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

/// The one connection that the one transaction needs.
const CONNECTIONS: u32 = 1;

fn main() -> anyhow::Result<ExitCode> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(verify(&url))
}

#[expect(clippy::print_stdout, reason = "the verdict is what it is for")]
async fn verify(url: &str) -> anyhow::Result<ExitCode> {
    let pool = store::connect_lazy(url, CONNECTIONS)?;
    let verdict = store::books::verify(&pool).await?;
    println!(
        "{}",
        json!({
            "postings": verdict.postings,
            "providers": verdict.providers,
            "payouts": verdict.payouts,
            "findings": verdict.findings,
        })
    );
    Ok(if verdict.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
