//! Puts the parts of a worker together and runs them until told to stop.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use domain::{BatchWindow, Clock, SystemClock};
use ephemeral::{Links, live::Live};
use gateway::{PayoutGateway, flutterwave::v3::FlutterwaveV3, screening::Hook};
use store::Pool;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Engine, Settings, deliverer, funding_watch, health, health::Vitals, health_line, heartbeat, instant,
    live, place, processes, relay, resealing, schedule, supervisor, sweeper,
};

pub use activities::World;

/// What a recipient's bank statement shows.
const NARRATION: &str = "Payout";
/// Beyond the client's timeout: for the two commits around the call and the difference between two clocks.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// Background tasks that have not ended by then are left.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds what the steps are given.
pub fn world(settings: &Settings, pool: Pool) -> anyhow::Result<Arc<World>> {
    let gateway: Arc<dyn PayoutGateway> =
        Arc::new(FlutterwaveV3::new(settings.gateway.clone()).context("the gateway's client")?);
    Ok(Arc::new(World {
        pool,
        gateway,
        clock: Arc::new(SystemClock),
        rules: activities::Rules {
            retry: settings.retry.clone(),
            prefix: settings.prefix.clone(),
            window: settings.window,
            zone: settings.zone,
            engine_approval: settings.engine_approval,
            send_lease: settings.gateway.timeout.saturating_add(LEASE_MARGIN),
            narration: NARRATION.to_owned(),
            return_window: settings.return_window,
            batches_per_minute: settings.batch_rate_limit,
            releases_per_second: pace(settings.payout_rate_limit),
            channels: settings.channels.channels(),
        },
        screening: screening(settings)?,
        tally: activities::Tally::default(),
        batch_slots: Semaphore::new(settings.batch_concurrency),
    }))
}

/// A little more than may be sent, so that the gateway never waits for a release.
fn pace(sent_per_second: u32) -> u32 {
    sent_per_second.saturating_add(sent_per_second.div_ceil(4))
}

fn screening(settings: &Settings) -> anyhow::Result<Option<activities::Screening>> {
    let Some(screening) = &settings.screening else { return Ok(None) };
    let hook = Hook::new(&screening.hook).context("the screening hook's client")?;
    Ok(Some(activities::Screening { hook: Arc::new(hook), valid_for: screening.valid_for }))
}

/// The shared parts of a running process.
pub struct Running {
    pub world: Arc<World>,
    pub engine: Engine,
    /// Its connections to Redis; inside the API they are the API's.
    pub redis: Arc<Links>,
}

/// Runs a worker until `stop` is cancelled or it cannot go on; then `stop` is cancelled by it. `listen` is false inside the API,
/// which answers for itself, and relays too: then this worker leaves the outbox to it.
pub async fn serve(
    running: Running,
    settings: &Settings,
    inside_api: bool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Running { world, engine, redis } = running;
    let tasks = TaskTracker::new();
    let beside = Beside { tasks: &tasks, world: &world, engine: &engine, settings, stop: &stop };
    beside.tell_of_the_process(redis, inside_api);
    beside.carry_what_waits(inside_api);
    beside.deliver()?;
    let result = match engine.wait(&stop).await {
        None => Ok(()),
        Some(client) => {
            schedule::ensure(client, settings).await.context("the schedules")?;
            let run = async {
                let ended = processes::run(world, client.clone(), settings, stop.clone()).await;
                stop.cancel();
                ended
            };
            let (ended, ()) = tokio::join!(run, schedule::keep(client, settings, &stop));
            ended
        }
    };
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(STOP_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!("background tasks were left running");
    }
    result
}

/// What runs beside the workflows, each part until `stop`, begun again whenever it fails.
struct Beside<'a> {
    tasks: &'a TaskTracker,
    world: &'a Arc<World>,
    engine: &'a Engine,
    settings: &'a Settings,
    stop: &'a CancellationToken,
}

impl Beside<'_> {
    /// Health, heartbeat, and what screens follow. Inside the API it answers and tells by itself.
    fn tell_of_the_process(&self, redis: Arc<Links>, inside_api: bool) {
        let max_redis_clients = self.settings.redis.max_clients;
        let vitals = Arc::new(Vitals {
            world: self.world.clone(),
            engine: self.engine.clone(),
            redis: redis.clone(),
            max_redis_clients,
        });
        if !inside_api {
            let (vitals, stop, listen) = (vitals.clone(), self.stop.clone(), self.settings.worker_listen);
            self.tasks.spawn(async move {
                supervisor::keep_going("the health endpoint", stop.clone(), || {
                    health::serve(listen, vitals.clone(), stop.clone())
                })
                .await;
            });
            let (pool, redis, stop) = (self.world.pool.clone(), redis.clone(), self.stop.clone());
            self.tasks.spawn(async move { live::tell_changes(pool, Arc::new(Live::new(redis)), stop).await });
        }
        let (world, engine, stop) = (self.world.clone(), self.engine.clone(), self.stop.clone());
        let told = heartbeat::Told::of(self.settings);
        self.tasks.spawn(async move { heartbeat::beat(world, engine, redis, told, stop).await });
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            supervisor::keep_going("the health line", stop.clone(), || {
                health_line::tell(vitals.clone(), max_redis_clients, stop.clone())
            })
            .await;
        });
    }

    /// What no workflow would notice by itself: a restored database, rows that wait, payouts without a run, an empty wallet.
    fn carry_what_waits(&self, inside_api: bool) {
        let (pool, clock): (Pool, Arc<dyn Clock>) = (self.world.pool.clone(), self.world.clock.clone());
        let (engine, stop) = (self.engine.clone(), self.stop.clone());
        {
            let (pool, clock, stop) = (pool.clone(), clock.clone(), stop.clone());
            self.tasks.spawn(async move {
                supervisor::keep_going("the watch over the database", stop.clone(), || {
                    place::watch(pool.clone(), clock.clone(), stop.clone())
                })
                .await;
            });
        }
        if !inside_api {
            let (pool, engine, clock, stop) = (pool.clone(), engine.clone(), clock.clone(), stop.clone());
            self.tasks.spawn(async move {
                supervisor::keep_going("the relay", stop.clone(), || {
                    relay(pool.clone(), engine.clone(), clock.clone(), stop.clone())
                })
                .await;
            });
        }
        {
            let (world, stop) = (self.world.clone(), stop.clone());
            self.tasks.spawn(async move {
                supervisor::keep_going("the look ahead at the wallet", stop.clone(), || {
                    funding_watch::watch(world.clone(), stop.clone())
                })
                .await;
            });
        }
        {
            let instant = self.settings.window == BatchWindow::Open;
            let (pool, clock, stop) = (pool.clone(), clock.clone(), stop.clone());
            self.tasks.spawn(async move {
                supervisor::keep_going("asking for instant batches", stop.clone(), || {
                    instant::ask(pool.clone(), instant, clock.clone(), stop.clone())
                })
                .await;
            });
        }
        self.tasks.spawn(async move {
            supervisor::keep_going("the sweeper", stop.clone(), || {
                sweeper::sweep(pool.clone(), engine.clone(), clock.clone(), stop.clone())
            })
            .await;
        });
    }

    /// Messages to people, apart from payouts.
    fn deliver(&self) -> anyhow::Result<()> {
        let post = Arc::new(channels::Post::new(&self.settings.channels)?);
        let (pool, clock): (Pool, Arc<dyn Clock>) = (self.world.pool.clone(), self.world.clock.clone());
        let (channels, stop) = (self.settings.channels.channels(), self.stop.clone());
        {
            let (pool, clock, keys) = (pool.clone(), clock.clone(), self.settings.channels.sealing.clone());
            self.tasks.spawn(async move {
                if let Err(error) = resealing::reseal(&pool, &keys, clock.as_ref()).await {
                    tracing::warn!("the secrets of webhook endpoints could not be looked through: {error}");
                }
            });
        }
        self.tasks.spawn(async move {
            supervisor::keep_going("the deliverer of messages", stop.clone(), || {
                deliverer::deliver(pool.clone(), post.clone(), channels, clock.clone(), stop.clone())
            })
            .await;
        });
        Ok(())
    }
}
