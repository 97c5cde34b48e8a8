//! The connection to Temporal: one per process, made when Temporal is there, shared by clones.

use std::{sync::Arc, time::Duration};

use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Between two tries to reach a Temporal that is not there (yet).
const RECONNECT_EVERY: Duration = Duration::from_secs(1);
/// A connect that takes longer is not going to succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that may not be connected yet. Once it is, the channel reconnects by itself.
#[derive(Clone)]
pub struct Engine {
    address: Url,
    namespace: String,
    identity: String,
    client: Arc<OnceCell<Client>>,
}

impl Engine {
    pub fn new(address: Url, namespace: String) -> Self {
        Self { address, namespace, identity: identity(), client: Arc::default() }
    }

    /// Another name for the process than its number and host.
    #[must_use]
    pub fn with_identity(self, identity: &str) -> Self {
        Self { identity: identity.to_owned(), ..self }
    }

    /// As operators see this process in the Temporal UI.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The client, if Temporal has been reached.
    pub fn get(&self) -> Option<&Client> {
        self.client.get()
    }

    /// The client, trying once to reach Temporal.
    pub async fn connect(&self) -> anyhow::Result<&Client> {
        self.client
            .get_or_try_init(|| async {
                let options = ConnectionOptions::new(self.address.clone())
                    .identity(self.identity.clone())
                    .connect_timeout(CONNECT_TIMEOUT)
                    // On one network compression costs more than it saves: a third of the worker's CPU.
                    .grpc_compression(GrpcCompression::None)
                    .build();
                let connection = Connection::connect(options).await?;
                let client = Client::new(connection, ClientOptions::new(self.namespace.clone()).build())?;
                tracing::info!("connected to Temporal at {}", self.address);
                anyhow::Ok(client)
            })
            .await
    }

    /// The client, waiting for Temporal as long as it takes. `None`: the process is stopping.
    pub async fn wait(&self, stop: &CancellationToken) -> Option<&Client> {
        let mut told = false;
        loop {
            match self.connect().await {
                Ok(client) => return Some(client),
                Err(error) if !told => {
                    tracing::warn!("Temporal at {} is not there yet: {error:#}", self.address);
                    told = true;
                }
                Err(error) => tracing::debug!("Temporal is still away: {error:#}"),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(RECONNECT_EVERY) => {}
            }
        }
    }
}

/// As operators see the process in the Temporal UI.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned());
    format!("payouts-{}@{host}", std::process::id())
}
