//! `/healthz` and `/readyz`: is the process alive, and can it do its work.
//!
//! Without `PostgreSQL` nothing can be done: 503, so that no traffic is sent here. Without Redis or Temporal requests are still
//! accepted and kept: 200, and the answer says what is degraded.

use std::{sync::Arc, time::Duration};

use ephemeral::Links;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};

use crate::{app::TheApp, document::Tag};

/// A check that takes longer has failed; load balancers ask every few seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something the API can do without for a while.
#[async_trait::async_trait]
pub trait Dependency: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// Whether it answers. The error is for the log.
    async fn check(&self) -> Result<(), String>;
}

/// A Temporal frontend, as far as its port tells: the client connects lazily and has its own retries.
pub struct TemporalPort {
    /// `host:port`.
    pub address: String,
}

#[async_trait::async_trait]
impl Dependency for TemporalPort {
    fn name(&self) -> &'static str {
        "temporal"
    }

    async fn check(&self) -> Result<(), String> {
        tokio::net::TcpStream::connect(&self.address).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Redis, through this process's connections.
pub struct Redis(pub Arc<Links>);

#[async_trait::async_trait]
impl Dependency for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn check(&self) -> Result<(), String> {
        if self.0.ping().await { Ok(()) } else { Err("it does not answer".to_owned()) }
    }
}

/// How one of the services behind the API is.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct DependencyHealth {
    /// `postgresql`, `redis` or `temporal`.
    pub name: String,
    /// Whether it answered just now.
    pub up: bool,
    /// What does not work without it, while it is away.
    #[oai(skip_serializing_if_is_none)]
    pub effect: Option<String>,
}

/// How the process and what it needs are.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Health {
    /// `ok`; `degraded` while something is away that the API can do without; `down` while it cannot work.
    pub status: String,
    /// One entry for each service it needs.
    pub dependencies: Vec<DependencyHealth>,
}

#[derive(ApiResponse)]
enum Ready {
    /// Requests are accepted. `degraded` says what is slower or later for the moment.
    #[oai(status = 200)]
    Yes(Json<Health>),
    /// The database is away: nothing can be done.
    #[oai(status = 503)]
    No(Json<Health>),
}

pub struct HealthApi;

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// Is the process alive
    ///
    /// Answers 200 as long as the process can answer at all; asks nobody.
    #[oai(path = "/healthz", method = "get", operation_id = "healthz")]
    async fn healthz(&self) -> Json<Health> {
        Json(Health { status: "ok".to_owned(), dependencies: vec![] })
    }

    /// Can it do its work
    ///
    /// Asks `PostgreSQL`, Redis and Temporal, two seconds at most. Only `PostgreSQL` makes it 503: without the others requests are
    /// still accepted and kept.
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self, app: TheApp<'_>) -> Ready {
        let database = async { store::ping(&app.pool).await.map_err(|error| error.to_string()) };
        let others = app.dependencies.iter().map(|dependency| async {
            (dependency.name(), answers(dependency.name(), dependency.check()).await)
        });
        let (database_up, others) =
            futures::join!(answers("postgresql", database), futures::future::join_all(others));
        let mut dependencies = vec![tell("postgresql", database_up)];
        dependencies.extend(others.into_iter().map(|(name, up)| tell(name, up)));
        let all_up = dependencies.iter().all(|dependency| dependency.up);
        let status = match (database_up, all_up) {
            (true, true) => "ok",
            (true, false) => "degraded",
            (false, _) => "down",
        };
        let health = Health { status: status.to_owned(), dependencies };
        if database_up { Ready::Yes(Json(health)) } else { Ready::No(Json(health)) }
    }
}

async fn answers(name: &str, check: impl Future<Output = Result<(), String>>) -> bool {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(dependency = name, error, "{name} is away");
            false
        }
        Err(_) => {
            tracing::warn!(dependency = name, "{name} does not answer");
            false
        }
    }
}

fn tell(name: &str, up: bool) -> DependencyHealth {
    let effect = match (up, name) {
        (true, _) => None,
        (false, "postgresql") => Some("No request can be carried out."),
        (false, "temporal") => Some("Payouts are accepted and wait to be carried on."),
        (false, _) => Some("Live updates and shared limits fall back to this process."),
    };
    DependencyHealth { name: name.to_owned(), up, effect: effect.map(str::to_owned) }
}
