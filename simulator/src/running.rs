//! Starting and stopping a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use rust_decimal::Decimal;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::books::{Books, Event};
use crate::control::Control;
use crate::settings::Settings;
use crate::world::World;
use crate::{agenda, server};

pub const DEFAULT_SECRET_KEY: &str = "FLWSECK_TEST-simulator";
/// A billion naira: whoever wants a wallet that runs short says so.
pub const DEFAULT_WALLET: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

#[derive(Clone, Debug)]
pub struct Config {
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The bearer token that is expected.
    pub secret_key: String,
    /// The journal; without it the books are in memory only.
    pub books: Option<PathBuf>,
    /// The wallet that new books open with; books that exist keep theirs.
    pub wallet: Decimal,
    /// Simulated seconds per second of the wall clock.
    pub clock_rate: u32,
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_key: DEFAULT_SECRET_KEY.to_owned(),
            books: None,
            wallet: DEFAULT_WALLET,
            clock_rate: 1,
            settings: Settings::default(),
        }
    }
}

/// The entry point: `Simulator::start(Config::default()).await`.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Opens the books, listens, and takes up what the books have pending. Needs a tokio runtime with I/O and time.
    pub async fn start(config: Config) -> anyhow::Result<Running> {
        config.settings.check().map_err(anyhow::Error::msg)?;
        let books = Books::open(config.books.as_deref(), config.clock_rate)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(config.secret_key, books, config.settings));
        let anchor = world.books.clock.anchor();
        let opened = world.books.write(|draft| {
            draft.record(Event::Clock(anchor));
            if !draft.state().wallet_was_set {
                draft.record(Event::WalletSet { balance: config.wallet });
            }
        });
        opened.await.map_err(|_| anyhow::anyhow!("the books cannot be written"))?;
        let (stop, stopped) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(server::serve(listener, Arc::clone(&world), stopped.clone())),
            tokio::spawn(agenda::run(Arc::clone(&world), stopped)),
        ];
        tracing::info!(%address, "the simulator listens on http://{address}");
        Ok(Running { address, world, stop, tasks })
    }
}

/// A simulator at work. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    world: Arc<World>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// `http://127.0.0.1:PORT`, without a slash at the end and without `/v3`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn control(&self) -> Control {
        Control { world: Arc::clone(&self.world) }
    }

    /// Ends every connection, writes the books out and lets go of their file.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the simulator ended badly");
            }
        }
        let world = Arc::clone(&self.world);
        // Closing waits for the last fsync, which must not block the runtime.
        if tokio::task::spawn_blocking(move || world.books.close()).await.is_err() {
            tracing::error!("the books could not be closed");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
