//! The connection pool and the migrations.

use std::time::Duration;

use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::Result;

pub type Pool = sqlx::PgPool;

/// The files of `migrations/`, applied in order, forward only.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// A request that cannot get a connection in this time is answered 503: the queue would only grow.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A statement that takes longer is logged.
const SLOW_STATEMENT: Duration = Duration::from_millis(500);
/// No business statement takes longer; one that does is cut off rather than holding its locks.
const STATEMENT_TIMEOUT: &str = "10s";

fn options(url: &str) -> Result<PgConnectOptions> {
    Ok(url
        .parse::<PgConnectOptions>()?
        .application_name("payouts")
        .options([("statement_timeout", STATEMENT_TIMEOUT), ("idle_in_transaction_session_timeout", "30s")])
        .log_slow_statements(tracing::log::LevelFilter::Warn, SLOW_STATEMENT)
        .log_statements(tracing::log::LevelFilter::Trace))
}

fn pool_options(size: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT)
}

/// A pool with one connection made: fails when the database is away.
pub async fn connect(url: &str, size: u32) -> Result<Pool> {
    Ok(pool_options(size).connect_with(options(url)?).await?)
}

/// A pool that connects when it is first used.
pub fn connect_lazy(url: &str, size: u32) -> Result<Pool> {
    Ok(pool_options(size).connect_lazy_with(options(url)?))
}

/// Applies what is missing. Safe to run from several processes: they take turns.
pub async fn migrate(pool: &Pool) -> Result<()> {
    Ok(MIGRATOR.run(pool).await?)
}

/// One round trip.
pub async fn ping(pool: &Pool) -> Result<()> {
    sqlx::query_scalar!("SELECT 1 AS \"one!\"").fetch_one(pool).await?;
    Ok(())
}
