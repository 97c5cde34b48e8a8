//! The connection pool and the migrations.

use std::time::Duration;

use sqlx::{
    ConnectOptions, PgConnection, Row,
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
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|conn, _| Box::pin(is_clean(conn)))
}

/// Whether a connection that comes back is outside a transaction; one that is not is closed.
///
/// A caller that is dropped while its BEGIN is on the way (its client hung up, its time was over) gives back a connection that
/// sqlx 0.9 takes for idle while the server has begun. What the next one wrote there without a transaction of its own would be
/// answered and never committed. Cost: one round trip per use of a connection, after the answer has gone out.
async fn is_clean(conn: &mut PgConnection) -> sqlx::Result<bool> {
    // Inside a transaction the first is when it began. Sent as one message: of several the later ones would have a later time.
    const CLEAN: &str = "SELECT transaction_timestamp() = statement_timestamp()";
    sqlx::raw_sql(CLEAN).fetch_one(conn).await?.try_get(0)
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

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test counts small numbers")]
mod tests {
    use std::{
        future::{Future, poll_fn},
        pin::pin,
        task::Poll,
    };

    use super::*;

    /// As if the caller had been dropped after so many polls. `true`: it was done before.
    async fn dropped_after(polls: u32, work: impl Future) -> bool {
        let (mut work, mut left) = (pin!(work), polls);
        poll_fn(|context| {
            left -= 1;
            match work.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(true),
                Poll::Pending if left == 0 => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    #[sqlx::test(migrations = false)]
    async fn what_is_written_after_a_begin_that_was_given_up_is_committed(other: sqlx::PgPool) {
        sqlx::query("CREATE TABLE written (n integer)").execute(&other).await.unwrap();
        let pool = connect(other.connect_options().to_url_lossy().as_str(), 1).await.unwrap();
        let mut written: i64 = 0;
        for polls in 1.. {
            let done = dropped_after(polls, pool.begin()).await;
            sqlx::query("INSERT INTO written VALUES (1)").execute(&pool).await.unwrap();
            written += 1;
            let seen: i64 =
                sqlx::query_scalar("SELECT count(*) FROM written").fetch_one(&other).await.unwrap();
            assert_eq!(seen, written, "dropped after {polls} polls");
            if done {
                break;
            }
        }
        pool.close().await;
    }
}
