//! The connection pool and the migrations.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, PgConnection, Row,
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

/// A connection that lay idle for longer may have lost its server meanwhile: it is asked before it is used. Under load none lies
/// so long, and taking one costs no round trip; one whose server went away in that time fails its first statement, which is
/// what would have happened a moment later.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

fn pool_options(size: u32, trusted_for: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // sqlx's own test is a round trip in front of every first statement.
        .test_before_acquire(false)
        .before_acquire(move |conn, found| {
            Box::pin(async move {
                if found.idle_for > trusted_for {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|conn, _| Box::pin(is_clean(conn)))
}

/// Whether a connection that comes back is outside a transaction; one that is not is closed.
///
/// A caller that is dropped while its BEGIN is on the way (its client hung up, its time was over) gives back a connection that
/// sqlx 0.9 takes for idle while the server has begun. What the next one wrote there without a transaction of its own would be
/// answered and never committed. Cost: one round trip per use of a connection, after the answer has gone out, beside sqlx's own
/// that takes back what was left of a transaction.
async fn is_clean(conn: &mut PgConnection) -> sqlx::Result<bool> {
    // Inside a transaction the first is when it began. Sent as one message: of several the later ones would have a later time.
    const CLEAN: &str = "SELECT transaction_timestamp() = statement_timestamp()";
    sqlx::raw_sql(CLEAN).fetch_one(conn).await?.try_get(0)
}

/// A pool with one connection made: fails when the database is away.
pub async fn connect(url: &str, size: u32) -> Result<Pool> {
    Ok(pool_options(size, TRUSTED_FOR).connect_with(options(url)?).await?)
}

/// A pool that connects when it is first used.
pub fn connect_lazy(url: &str, size: u32) -> Result<Pool> {
    Ok(pool_options(size, TRUSTED_FOR).connect_lazy_with(options(url)?))
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
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU32, Ordering},
        },
        task::Poll,
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Lets one connection through to the server, and counts how often the client waited for it.
    async fn count_waits(server: String, waits: Arc<AtomicU32>, listener: TcpListener) {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(server).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answered = AtomicBool::new(true);
        let asks = async {
            let mut buffer = [0_u8; 4096];
            while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                if answered.swap(false, Ordering::SeqCst) {
                    waits.fetch_add(1, Ordering::SeqCst);
                }
                to_server.write_all(&buffer[..read]).await.unwrap();
            }
        };
        let answers = async {
            let mut buffer = [0_u8; 4096];
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                answered.store(true, Ordering::SeqCst);
                to_client.write_all(&buffer[..read]).await.unwrap();
            }
        };
        tokio::join!(asks, answers);
    }

    /// What a request costs: one for each of its statements before it is answered; afterwards two, of which it hears nothing.
    #[sqlx::test(migrations = false)]
    async fn a_statement_waits_for_the_server_once(other: sqlx::PgPool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let options = other.connect_options();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let waits = Arc::new(AtomicU32::new(0));
        tokio::spawn(count_waits(server, waits.clone(), listener));
        let through = (*options).clone().host("127.0.0.1").port(here.port());
        let pool = pool_options(1, Duration::MAX).connect_with(through).await.unwrap();
        let waited = || waits.load(Ordering::SeqCst);
        let idle = async || {
            while pool.num_idle() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        for round in 0..3 {
            idle().await;
            let before = waited();
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(waited() - before, 0, "round {round}: taking it");
            let _: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&mut *conn).await.unwrap();
            // The first time it is prepared as well.
            let statement = if round == 0 { 2 } else { 1 };
            assert_eq!(waited() - before, statement, "round {round}: the statement");
            drop(conn);
            idle().await;
            assert_eq!(waited() - before, statement + 2, "round {round}: giving it back");
        }
        pool.close().await;
    }

    /// Whoever takes a connection that lay idle while its server went away gets another one.
    #[sqlx::test(migrations = false)]
    async fn a_connection_that_died_while_it_lay_idle_is_replaced(other: sqlx::PgPool) {
        let url = other.connect_options().to_url_lossy();
        let pool =
            pool_options(1, Duration::ZERO).connect_with(options(url.as_str()).unwrap()).await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
        let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1, 10000)")
            .bind(pid)
            .fetch_one(&other)
            .await
            .unwrap();
        assert!(ended);
        let next: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
        assert_ne!(next, pid);
        pool.close().await;
    }

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
