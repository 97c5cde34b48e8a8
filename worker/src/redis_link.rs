//! The one shared connection to Redis. Redis may be away at any moment: nothing here is needed for a payout.

use std::time::Duration;

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::OnceCell;

use crate::settings::RedisSettings;

/// A Redis that answers slower than this is as good as away.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Connects when it is first used and reconnects by itself; multiplexed, so one connection serves the whole process.
pub struct RedisLink {
    info: ConnectionInfo,
    manager: OnceCell<ConnectionManager>,
}

impl RedisLink {
    pub fn new(settings: &RedisSettings) -> anyhow::Result<Self> {
        let mut redis = RedisConnectionInfo::default().set_db(settings.db);
        if let Some(username) = &settings.username {
            redis = redis.set_username(username.clone());
        }
        if let Some(password) = &settings.password {
            redis = redis.set_password(password.expose());
        }
        let info = ConnectionAddr::Tcp(settings.host.clone(), settings.port)
            .into_connection_info()?
            .set_redis_settings(redis);
        Ok(Self { info, manager: OnceCell::new() })
    }

    async fn manager(&self) -> redis::RedisResult<ConnectionManager> {
        let manager = self
            .manager
            .get_or_try_init(|| async {
                let config = ConnectionManagerConfig::new()
                    .set_response_timeout(Some(RESPONSE_TIMEOUT))
                    .set_connection_timeout(Some(CONNECT_TIMEOUT));
                ConnectionManager::new_with_config(Client::open(self.info.clone())?, config).await
            })
            .await?;
        Ok(manager.clone())
    }

    /// Whether it answers.
    pub async fn ping(&self) -> bool {
        let ping = async {
            let mut connection = self.manager().await?;
            redis::cmd("PING").query_async::<()>(&mut connection).await
        };
        matches!(tokio::time::timeout(CONNECT_TIMEOUT, ping).await, Ok(Ok(())))
    }

    /// How many clients the server has, all processes together. `None`: it does not answer.
    pub async fn connected_clients(&self) -> Option<u32> {
        let ask = async {
            let mut connection = self.manager().await?;
            redis::cmd("INFO").arg("clients").query_async::<String>(&mut connection).await
        };
        let info = tokio::time::timeout(CONNECT_TIMEOUT, ask).await.ok()?.ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("connected_clients:"))?;
        line.trim().parse().ok()
    }
}
