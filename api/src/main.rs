//! The API's process. SIGTERM and SIGINT drain and leave.
//!
//! `PostgreSQL` is needed to answer, Redis and Temporal are not: they are connected to when they are there. The relay runs here, so
//! that a payout starts right after its 201 without anybody else; `ENABLE_WORKERS=true` runs the whole worker here too.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use api::{
    DRAIN_TIMEOUT, IDLE_CONNECTION,
    app::{App, TemporalUi},
    auth::SharedSecret,
    banks::BankList,
    dashboard::Dashboard,
    health::{Redis, TemporalPort},
    metrics,
    rate::RateLimits,
    server,
    settings::{Settings, from_env},
    stream::Streams,
};
use domain::{Clock, SystemClock};
use ephemeral::{Links, Seal, limits::Limits, live};
use poem::{EndpointExt as _, Server, listener::TcpListener};
use store::Pool;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use worker::{Engine, Running, init_logs, relay, serve, tell_changes, world};

/// Between two starts of a relay that lost its database connection.
const RELAY_PAUSE: Duration = Duration::from_secs(1);
/// Between two tries to listen where metrics are told.
const METRICS_PAUSE: Duration = Duration::from_secs(5);
/// Transfers of a worker inside this process may take this long to end; a worker's own grace is 45 s.
const WORKER_DRAIN_TIMEOUT: Duration = Duration::from_secs(50);

#[expect(clippy::print_stderr, reason = "settings are refused before there is a log")]
fn main() -> ExitCode {
    let (shared, own) = match from_env() {
        Ok(settings) => settings,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    init_logs(shared.log_format);
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(shared, own)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the API stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(shared: worker::Settings, own: Settings) -> anyhow::Result<()> {
    let stop = stop_on_signals()?;
    let dashboard = own.dashboard.as_deref().map(Dashboard::read).transpose().context("DASHBOARD_DIR")?;
    let pool = store::connect_lazy(shared.database_url.expose(), shared.database_pool_size)?;
    if own.migrate_on_start {
        store::migrate(&pool).await.context("migrations (MIGRATE_ON_START)")?;
    }
    let world = world(&shared, pool.clone())?;
    let redis = Arc::new(Links::new(&shared.redis, "api", shared.prefix.as_str()).context("REDIS_*")?);
    let engine = Engine::new(shared.temporal_address.clone(), shared.temporal_namespace.clone());
    let live = Arc::new(live::Live::new(redis.clone()));
    tokio::spawn(tell_changes(pool.clone(), live.clone(), stop.clone()));
    {
        let (live, stop) = (live.clone(), stop.clone());
        tokio::spawn(async move { live::subscribe(&live, &stop).await });
    }
    let app = App {
        pool: pool.clone(),
        gateway: world.gateway.clone(),
        banks: BankList::default(),
        clock: Arc::new(SystemClock),
        verifier: Arc::new(SharedSecret::new(&own.jwt_secret, &own.jwt_audience)),
        webhook_secret: own.webhook_secret.clone(),
        cooling_off: own.cooling_off,
        sign_in_fresh_for: own.sign_in_fresh_for,
        public_url: own.public_url.clone(),
        window: shared.window,
        zone: shared.zone,
        retry_policy: shared.retry.clone(),
        environment: shared.app_env,
        prefix: shared.prefix.clone(),
        return_window: shared.return_window,
        channels: shared.channels.clone(),
        temporal_ui: own
            .temporal_ui
            .clone()
            .map(|base| TemporalUi { base, namespace: shared.temporal_namespace.clone() }),
        engine: engine.clone(),
        rates: RateLimits {
            links: redis.clone(),
            limits: Limits::default(),
            seal: Seal::new(own.jwt_secret.expose()),
            rates: own.rates,
            trusted: own.trusted_proxies.clone(),
        },
        streams: Streams::new(live, stop.clone()),
        dependencies: vec![
            Arc::new(Redis(redis.clone())),
            Arc::new(TemporalPort { address: host_and_port(&shared.temporal_address) }),
        ],
    };
    let told = Arc::new(metrics::Sources {
        pool: pool.clone(),
        redis: redis.clone(),
        max_redis_clients: shared.redis.max_clients,
        clock: Arc::new(SystemClock),
        worker: own.enable_workers.then(|| world.clone()),
    });
    tokio::spawn(tell_metrics(own.metrics, told, stop.clone()));
    let relaying = tokio::spawn(keep_relaying(pool, engine.clone(), stop.clone()));
    let working = own.enable_workers.then(|| {
        let (stop, running) = (stop.clone(), Running { world, engine, redis });
        tokio::spawn(async move { serve(running, &shared, true, stop).await })
    });
    let api = server::endpoint(Arc::new(app), own.public_url.as_ref());
    let endpoint = match dashboard {
        Some(dashboard) => dashboard.beside(api).boxed(),
        None => api.boxed(),
    };
    let answered = Server::new(TcpListener::bind(own.listen))
        .idle_timeout(IDLE_CONNECTION)
        .run_with_graceful_shutdown(endpoint, stop.clone().cancelled_owned(), Some(DRAIN_TIMEOUT))
        .await
        .with_context(|| format!("API_LISTEN {}", own.listen));
    stop.cancel();
    let background = async {
        // A relay that panicked has nothing to hand over: its rows are offered again.
        let _ = relaying.await;
        match working {
            Some(worker) => worker
                .await
                .context("the worker inside the API panicked")?
                .context("the worker inside the API"),
            None => Ok(()),
        }
    };
    let ended = tokio::time::timeout(WORKER_DRAIN_TIMEOUT, background).await;
    answered.and(ended.unwrap_or_else(|_| {
        tracing::warn!("background tasks were left running");
        Ok(())
    }))
}

fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop: draining");
        on_signal.cancel();
    });
    Ok(stop)
}

async fn keep_relaying(pool: Pool, engine: Engine, stop: CancellationToken) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    while !stop.is_cancelled() {
        if let Err(error) = relay(pool.clone(), engine.clone(), clock.clone(), stop.clone()).await {
            tracing::warn!("the relay is started again: {error:#}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RELAY_PAUSE) => {}
        }
    }
}

/// Payouts go on without their metrics: an address that is taken is tried again, and said once.
async fn tell_metrics(listen: SocketAddr, sources: Arc<metrics::Sources>, stop: CancellationToken) {
    let mut told = false;
    while !stop.is_cancelled() {
        if let Err(error) = metrics::serve(listen, Arc::clone(&sources), stop.clone()).await
            && !std::mem::replace(&mut told, true)
        {
            tracing::error!("METRICS_ADDRESS {listen}: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(METRICS_PAUSE) => {}
        }
    }
}

/// What a TCP connect takes. A URL without a port means Temporal's own.
fn host_and_port(address: &url::Url) -> String {
    const TEMPORAL_PORT: u16 = 7233;
    let host = address.host_str().unwrap_or("localhost");
    format!("{host}:{}", address.port().unwrap_or(TEMPORAL_PORT))
}
