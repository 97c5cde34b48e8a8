//! The connections of one process: one for each purpose, made once, shared by everybody, and never more than the bound.
//!
//! Guarantees: a process has at most `REDIS_POOL_SIZE` connections, however many requests and streams it serves: commands of any
//! number of callers go through the one connection of their purpose, and a lost one is let go before another is made. With a bound
//! below the number of purposes some share. Each carries a name that says whose and what for (`CLIENT LIST`).
//! While the server is away callers hear so at once, and one of them a second tries again.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, ScriptInvocation,
    aio::MultiplexedConnection,
};
use tokio::{sync::mpsc, time::Instant};

use crate::RedisSettings;

/// Connecting is some round trips: so many times the patience for one.
const CONNECTING: u32 = 2;
/// Between two tries to reach a server that is away.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Redis does not answer, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Away;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Says what has changed.
    Publish,
    /// Counts requests.
    Limits,
    /// Keeps what the gateway answered.
    Cache,
    /// Workers' signs of life, and how the server is.
    Heartbeats,
}

impl Purpose {
    /// Those that ask. A connection that listens cannot ask, so it is one more.
    const ALL: [Self; 4] = [Self::Publish, Self::Limits, Self::Cache, Self::Heartbeats];

    fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Limits => "limits",
            Self::Cache => "cache",
            Self::Heartbeats => "heartbeats",
        }
    }

    fn number(self) -> usize {
        match self {
            Self::Publish => 0,
            Self::Limits => 1,
            Self::Cache => 2,
            Self::Heartbeats => 3,
        }
    }
}

/// What one of this process's connections is for, and whether it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub purpose: String,
    pub open: bool,
}

/// All of them. One per process: a second one would be another bound.
pub struct Links {
    lines: Vec<Arc<Line>>,
    ears: Line,
    /// Before every key: two installations may share a server.
    namespace: String,
    instance: String,
    patience: Duration,
}

impl Links {
    /// `process` is the program's name; `namespace` is this installation's own, as its reference prefix is. Connects to nothing yet.
    pub fn new(settings: &RedisSettings, process: &str, namespace: &str) -> anyhow::Result<Self> {
        let instance = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect::<String>();
        let most = usize::try_from(settings.pool_size)?.saturating_sub(1).clamp(1, Purpose::ALL.len());
        let name = |purpose: &str| format!("payouts-{process}-{purpose}-{instance}");
        let lines = (0..most).map(|number| {
            let purposes: Vec<_> = Purpose::ALL
                .into_iter()
                .filter(|purpose| purpose.number().checked_rem(most) == Some(number))
                .map(Purpose::as_str)
                .collect();
            let purpose = purposes.join("+");
            Ok(Arc::new(Line::new(
                client(settings, ProtocolVersion::RESP2)?,
                name(&purpose),
                purpose,
                settings.patience,
            )))
        });
        let lines = lines.collect::<anyhow::Result<Vec<_>>>()?;
        // What is heard is pushed, which the older protocol does not know beside answers.
        let ears = Line::new(
            client(settings, ProtocolVersion::RESP3)?,
            name("live"),
            "live".to_owned(),
            settings.patience,
        );
        Ok(Self {
            lines,
            ears,
            namespace: format!("payouts:{namespace}"),
            instance,
            patience: settings.patience,
        })
    }

    /// Names this process, in the names of its connections and in its signs of life.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What each connection is for, and whether it is open.
    pub fn connections(&self) -> Vec<Connection> {
        let lines = self.lines.iter().map(AsRef::as_ref).chain([&self.ears]);
        lines.map(|line| Connection { purpose: line.purpose.clone(), open: line.is_open() }).collect()
    }

    /// Whether it answers.
    pub async fn ping(&self) -> bool {
        self.ask::<String>(Purpose::Heartbeats, &redis::cmd("PING")).await.is_ok()
    }

    /// How many clients the server has, of whatever kind. `None`: it does not answer.
    pub async fn connected_clients(&self) -> Option<u32> {
        let mut ask = redis::cmd("INFO");
        let info = self.ask::<String>(Purpose::Heartbeats, ask.arg("clients")).await.ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("connected_clients:"))?;
        line.trim().parse().ok()
    }

    /// How many of them are ours, all processes together. `None`: it does not answer, or does not tell.
    pub async fn own_clients(&self) -> Option<u32> {
        let mut ask = redis::cmd("CLIENT");
        let list = self.ask::<String>(Purpose::Heartbeats, ask.arg("LIST")).await.ok()?;
        u32::try_from(list.lines().filter(|line| line.contains(" name=payouts-")).count()).ok()
    }

    pub(crate) fn key(&self, of: &str) -> String {
        format!("{}:{of}", self.namespace)
    }

    fn line(&self, purpose: Purpose) -> Result<&Line, Away> {
        let number = purpose.number().checked_rem(self.lines.len()).ok_or(Away)?;
        self.lines.get(number).map(AsRef::as_ref).ok_or(Away)
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, purpose: Purpose, command: &Cmd) -> Result<T, Away> {
        let within = self.line(purpose)?.within(self.patience, None, |mut connection| async move {
            command.query_async(&mut connection).await
        });
        within.await
    }

    /// Carries out a script, of which the server may know the hash already.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Away> {
        let within = self.line(purpose)?.within(self.patience, None, |mut connection| async move {
            script.invoke_async(&mut connection).await
        });
        within.await
    }

    /// Hears what is published in `channel`, until the connection is lost: then nothing more comes. One listener per process.
    pub(crate) async fn listen(&self, channel: &str) -> Result<mpsc::UnboundedReceiver<PushInfo>, Away> {
        let (heard, listener) = mpsc::unbounded_channel();
        let subscribe = self.ears.within(self.patience, Some(heard), |mut connection| async move {
            connection.subscribe(channel).await
        });
        subscribe.await.map(|()| listener)
    }

    /// Whether the connection that listens still is one. One that is not is let go.
    pub(crate) async fn still_listening(&self) -> bool {
        if !self.ears.is_open() {
            return false;
        }
        let ping = self.ears.within(self.patience, None, |mut connection| async move {
            redis::cmd("PING").query_async::<redis::Value>(&mut connection).await
        });
        ping.await.is_ok()
    }

    /// Lets the connection that listens go, so that another can be made.
    pub(crate) fn stop_listening(&self) {
        self.ears.let_go();
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

fn client(settings: &RedisSettings, protocol: ProtocolVersion) -> anyhow::Result<Client> {
    let mut redis = RedisConnectionInfo::default().set_db(settings.db).set_protocol(protocol);
    if let Some(username) = &settings.username {
        redis = redis.set_username(username);
    }
    if let Some(password) = &settings.password {
        redis = redis.set_password(password.expose());
    }
    let address = ConnectionAddr::Tcp(settings.host.clone(), settings.port).into_connection_info()?;
    Ok(Client::open(address.set_redis_settings(redis.set_skip_set_lib_name()))?)
}

/// One connection, or the place of one.
struct Line {
    client: Client,
    name: String,
    purpose: String,
    patience: Duration,
    open: Mutex<Option<Open>>,
    /// Whoever connects; the others wait for what comes of it.
    connecting: tokio::sync::Mutex<()>,
    made: Instant,
    /// Nobody tries before; milliseconds since `made`.
    not_before: AtomicU64,
    generations: AtomicU64,
    told_away: AtomicBool,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    generation: u64,
}

impl Line {
    fn new(client: Client, name: String, purpose: String, patience: Duration) -> Self {
        Self {
            client,
            name,
            purpose,
            patience,
            open: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
            made: Instant::now(),
            not_before: AtomicU64::new(0),
            generations: AtomicU64::new(0),
            told_away: AtomicBool::new(false),
        }
    }

    fn current(&self) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_open(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn let_go(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn since_made(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets `work` use the connection, making it if there is none. Whatever goes wrong is [`Away`].
    async fn within<T, F>(
        &self,
        patience: Duration,
        heard: Option<mpsc::UnboundedSender<PushInfo>>,
        work: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let open = match self.current() {
            Some(open) => open,
            None => self.connect(heard).await?,
        };
        match tokio::time::timeout(patience, work(open.connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                // What the server refuses (it is loading, out of memory, read-only) is no reason to connect again.
                if error.is_io_error() || error.is_unrecoverable_error() || error.is_connection_dropped() {
                    self.lost(open.generation, &error.to_string());
                } else {
                    tracing::warn!(redis.purpose = self.purpose, "Redis refused: {}", in_short(&error));
                }
                Err(Away)
            }
            Err(_) => {
                self.lost(open.generation, "it does not answer in time");
                Err(Away)
            }
        }
    }

    async fn connect(&self, heard: Option<mpsc::UnboundedSender<PushInfo>>) -> Result<Open, Away> {
        let connecting = self.patience.saturating_mul(CONNECTING);
        let turn = tokio::time::timeout(connecting, self.connecting.lock()).await;
        let Ok(_turn) = turn else { return Err(Away) };
        if let Some(open) = self.current() {
            return Ok(open);
        }
        if self.since_made() < self.not_before.load(Ordering::Relaxed) {
            return Err(Away);
        }
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connecting))
            .set_response_timeout(Some(self.patience));
        if let Some(heard) = heard {
            config = config.set_push_sender(heard);
        }
        let connect = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            let mut name = redis::cmd("CLIENT");
            name.arg("SETNAME").arg(&self.name);
            // A server that does not allow it loses only the name.
            if let Err(refused) = name.query_async::<()>(&mut connection).await
                && (refused.is_io_error() || refused.is_unrecoverable_error())
            {
                return Err(refused);
            }
            Ok(connection)
        };
        let failed = match tokio::time::timeout(connecting, connect).await {
            Ok(Ok(connection)) => {
                let generation = self.generations.fetch_add(1, Ordering::Relaxed);
                let open = Open { connection, generation };
                *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
                if self.told_away.swap(false, Ordering::Relaxed) {
                    tracing::info!(redis.purpose = self.purpose, "Redis is there again ({})", self.purpose);
                }
                return Ok(open);
            }
            Ok(Err(error)) => in_short(&error),
            Err(_) => "it does not answer".to_owned(),
        };
        self.away(&failed);
        Err(Away)
    }

    /// The connection of this generation is no use any more.
    fn lost(&self, generation: u64, why: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| open.generation == generation) {
            open.take();
            drop(open);
            self.away(why);
        }
    }

    fn away(&self, why: &str) {
        let pause = u64::try_from(TRY_AGAIN.as_millis()).unwrap_or(u64::MAX);
        self.not_before.store(self.since_made().saturating_add(pause), Ordering::Relaxed);
        if !self.told_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(redis.purpose = self.purpose, "Redis is away ({}): {why}", self.purpose);
        }
    }
}

/// Without what the server was asked: it may be a secret.
fn in_short(error: &RedisError) -> String {
    error.code().map_or_else(|| format!("{:?}", error.kind()), str::to_owned)
}
