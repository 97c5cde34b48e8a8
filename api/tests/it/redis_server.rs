//! The Redis server of this run, the way to it, and what it says of its clients.

use std::{sync::Arc, time::Duration};

use ephemeral::{Links, Password, RedisSettings};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// As `cargo xtask test` says it.
pub(crate) fn settings() -> RedisSettings {
    RedisSettings {
        host: variable("REDIS_HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: variable("REDIS_PORT").map_or(6379, |port| port.parse().unwrap()),
        username: variable("REDIS_USERNAME"),
        password: variable("REDIS_PASSWORD").map(Password::new),
        db: 0,
        max_clients: 50,
        pool_size: 10,
        // A busy machine is no reason to call it away.
        patience: Duration::from_secs(30),
    }
}

/// Connections of one process of an installation of the test's own.
pub(crate) fn links(settings: &RedisSettings, installation: &str) -> Arc<Links> {
    Arc::new(Links::new(settings, "api", installation).unwrap())
}

pub(crate) fn installation() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

async fn connection() -> redis::aio::MultiplexedConnection {
    let login = match (variable("REDIS_USERNAME"), variable("REDIS_PASSWORD")) {
        (user, Some(password)) => format!("{}:{password}@", user.unwrap_or_default()),
        (_, None) => String::new(),
    };
    let settings = settings();
    let client = redis::Client::open(format!("redis://{login}{}:{}", settings.host, settings.port)).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// The names of the connections that the server has from this process, as it lists them.
pub(crate) async fn clients_of(links: &Links) -> Vec<String> {
    let mut list = redis::cmd("CLIENT");
    let list: String = list.arg("LIST").query_async(&mut connection().await).await.unwrap();
    let name = |line: &str| {
        line.split(' ').find_map(|word| word.strip_prefix("name=")).unwrap_or_default().to_owned()
    };
    let mut names: Vec<_> = list.lines().map(name).filter(|name| name.ends_with(links.instance())).collect();
    names.sort();
    names
}

/// Every key of an installation with its text.
pub(crate) async fn everything_of(installation: &str) -> String {
    let mut connection = connection().await;
    let mut keys = redis::cmd("KEYS");
    let keys: Vec<String> =
        keys.arg(format!("payouts:{installation}:*")).query_async(&mut connection).await.unwrap();
    let mut everything = String::new();
    for key in keys {
        let value: Option<String> =
            redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap_or_default();
        everything.extend([key, value.unwrap_or_default(), "\n".to_owned()]);
    }
    everything
}

/// A way to the server that can be cut.
pub(crate) struct Way {
    port: u16,
    open: watch::Sender<bool>,
}

impl Way {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, is_open.clone()));
            }
        });
        Self { port, open }
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings { host: "127.0.0.1".to_owned(), port: self.port, ..settings() }
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }
}

async fn carry(mut near: TcpStream, mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow() {
        return;
    }
    let settings = settings();
    let Ok(mut far) = TcpStream::connect((settings.host.as_str(), settings.port)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}
