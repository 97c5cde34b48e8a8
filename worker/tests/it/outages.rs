//! Workers that stop and die, and a Temporal that is away.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::{AttemptNumber, AttemptStatus, Ending, PayoutId};
use gateway::{PayoutGateway, flutterwave::v3::FlutterwaveV3};
use simulator::{Fault, Plan, Span};
use sqlx::PgPool;
use store::attempts::{self, Sending};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::stage::{Stage, engine, engine_at, eventually, temporal_address};

/// The way to a server, which can be cut.
pub(crate) struct Way {
    pub(crate) address: String,
    open: watch::Sender<bool>,
}

impl Way {
    /// To Temporal.
    pub(crate) async fn cut() -> Self {
        Self::cut_to(temporal_address()).await
    }

    async fn cut_to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (open, is_open) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, server.clone(), is_open.clone()));
            }
        });
        Self { address, open }
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }
}

/// Bytes go both ways while the way is open; what is on it when it is cut is lost.
async fn carry(mut near: TcpStream, server: String, mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}

async fn undelivered(stage: &Stage) -> i64 {
    store::outbox::backlog(&stage.pool).await.unwrap().undelivered
}

#[sqlx::test(migrations = "../migrations")]
async fn a_worker_that_starts_before_temporal_waits_for_it(pool: PgPool) {
    let namespace = engine().await.namespace().to_owned();
    let way = Way::cut().await;
    let mut stage =
        Stage::around(&pool, &[("BATCH_WINDOW", "open")], engine_at(&way.address, &namespace)).await;
    stage.start_worker();
    let payout = stage.request("1500.00").await;
    assert!(stage.engine.get().is_none());
    assert_eq!(undelivered(&stage).await, 1);
    way.open();
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_worker_that_waits_for_temporal_can_be_stopped(pool: PgPool) {
    let way = Way::cut().await;
    let mut stage = Stage::around(&pool, &[], engine_at(&way.address, "none")).await;
    stage.start_worker();
    stage.stop_worker().await;
    stage.close("0").await;
}

/// Nobody carries the payout: the sweep of the database finds it all the same.
#[sqlx::test(migrations = "../migrations")]
async fn what_is_unknown_for_a_day_is_a_case_also_while_temporal_is_away(pool: PgPool) {
    const OPEN: &str = "SELECT payout_id FROM cases WHERE kind = 'unknown_too_long' AND status = 'OPEN'";
    let way = Way::cut().await;
    let mut stage = Stage::around(&pool, &[], engine_at(&way.address, "none")).await;
    let long = stage.unheard_of_for(TimeDelta::hours(25)).await;
    let today = stage.unheard_of_for(TimeDelta::hours(23)).await;
    stage.start_worker();
    let cases: Vec<uuid::Uuid> = eventually("the case is open", async || {
        let open = sqlx::query_scalar(OPEN).fetch_all(&stage.pool).await.unwrap();
        (!open.is_empty()).then_some(open)
    })
    .await;
    assert_eq!(cases, [long.uuid()]);
    // Both have been told about by now: each alert comes before the cases.
    let told: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM attempts WHERE alerted_at IS NOT NULL AND payout_id = ANY($1)",
    )
    .bind(vec![long.uuid(), today.uuid()])
    .fetch_one(&stage.pool)
    .await
    .unwrap();
    assert_eq!(told, 2);
    stage.close("0").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_asked_for_while_temporal_is_away_is_delivered_when_it_is_back(pool: PgPool) {
    let namespace = engine().await.namespace().to_owned();
    let way = Way::cut().await;
    way.open();
    let mut stage =
        Stage::around(&pool, &[("BATCH_WINDOW", "open")], engine_at(&way.address, &namespace)).await;
    stage.start_worker();
    let before = stage.request("100.00").await;
    assert_eq!(stage.until_ended(before).await, Ending::Completed);
    way.close();
    let meanwhile = stage.request("200.00").await;
    eventually("the relay has tried", async || {
        let tried = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND next_try_at > created_at";
        let tried: i64 = sqlx::query_scalar(tried).fetch_one(&stage.pool).await.unwrap();
        (tried == 1).then_some(())
    })
    .await;
    way.open();
    eventually("it is delivered", async || (undelivered(&stage).await == 0).then_some(())).await;
    assert_eq!(stage.until_ended(meanwhile).await, Ending::Completed);
    stage.close("300.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_worker_that_is_told_to_stop_writes_down_how_its_call_ended(pool: PgPool) {
    let mut stage = Stage::open(&pool).await;
    let payout = stage.request("1500.00").await;
    let reference = stage.reference(payout, 1);
    let stall = Fault::TimeoutMoneyMoves { stall: Span::from_secs(120) };
    stage.gateway.plant(Plan::once(&reference, stall)).unwrap();
    stage.gateway.plant(Plan::once(&reference, Fault::WebhookLost {})).unwrap();
    stage.until_waiting(payout, "window").await;
    stage.run_batch().await;
    eventually("the call is on its way", async || stage.gateway.transfer(&reference).await.unwrap()).await;
    stage.stop_worker().await;
    let attempt = attempts::of_payout(&stage.pool, payout).await.unwrap().remove(0);
    assert_eq!((attempt.status, attempt.sends), (AttemptStatus::Unknown, 1));
    stage.start_worker();
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(stage.gateway.reference(&reference).await.unwrap().unwrap().posts, 1);
    stage.record("worker_stopped_while_sending", payout).await;
    stage.close("1500.00").await;
}

/// What a worker does until it dies in the middle of a transfer: the send is counted, and the call is made or not.
async fn die_while_sending(stage: &mut Stage, call: bool) -> PayoutId {
    let payout = stage.request("1500.00").await;
    let now = Utc::now();
    let (pool, settings) = (&stage.pool, &stage.settings);
    store::assessments::validate_and_assess(pool, payout, false, now).await.unwrap();
    let batch = store::batches::open_instant(pool, now).await.unwrap();
    store::batches::claim_chunk(pool, batch, 1, now).await.unwrap();
    store::batches::close(pool, batch, now).await.unwrap();
    attempts::begin(pool, payout, &settings.prefix, now).await.unwrap();
    let (first, lease) = (AttemptNumber::FIRST, Duration::from_secs(2));
    let sending = attempts::count_send(pool, payout, first, lease, "Payout", now).await.unwrap();
    let Sending::Go { terms, .. } = sending else { panic!("{sending:?}") };
    if call {
        stage.gateway.plant(Plan::once(stage.reference(payout, 1), Fault::WebhookLost {})).unwrap();
        FlutterwaveV3::new(settings.gateway.clone()).unwrap().submit(&terms).await;
    }
    payout
}

#[sqlx::test(migrations = "../migrations")]
async fn what_a_worker_sent_before_it_died_is_observed_and_not_sent_again(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[("WEBHOOK_TIMEOUT", "1s")]).await;
    let payout = die_while_sending(&mut stage, true).await;
    stage.start_worker();
    stage.until_running(payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(stage.gateway.reference(&stage.reference(payout, 1)).await.unwrap().unwrap().posts, 1);
    stage.record("worker_died_after_sending", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_a_worker_did_not_send_before_it_died_is_sent_under_the_same_reference(pool: PgPool) {
    let mut stage = Stage::without_worker(&pool, &[("WEBHOOK_TIMEOUT", "1s")]).await;
    let payout = die_while_sending(&mut stage, false).await;
    stage.start_worker();
    stage.until_running(payout).await;
    assert_eq!(stage.until_ended(payout).await, Ending::Completed);
    assert_eq!(stage.payout(payout).await.attempts, 1);
    stage.record("worker_died_before_sending", payout).await;
    stage.close("1500.00").await;
}

#[sqlx::test(migrations = "../migrations")]
async fn redis_stopped_in_the_middle_of_a_run_is_noticed_by_no_payout(pool: PgPool) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let way = Way::cut_to(format!("{}:{}", variable("REDIS_HOST"), variable("REDIS_PORT"))).await;
    way.open();
    let (host, port) = way.address.split_once(':').unwrap();
    let (user, password) = (variable("REDIS_USERNAME"), variable("REDIS_PASSWORD"));
    let changes = [
        ("BATCH_WINDOW", "open"),
        ("REDIS_HOST", host),
        ("REDIS_PORT", port),
        ("REDIS_USERNAME", user.as_str()),
        ("REDIS_PASSWORD", password.as_str()),
    ];
    let mut stage = Stage::with(&pool, &changes).await;
    let watcher = ephemeral::Links::new(&stage.settings.redis, "test", "test").unwrap();
    let beats = async || ephemeral::beats::all(&watcher).await.ok();
    let says = async |least: u64| {
        let all = beats().await?;
        let one = all.first()?;
        (one.completed >= least && one.sends >= least).then_some(())
    };
    let before = stage.request("100.00").await;
    assert_eq!(stage.until_ended(before).await, Ending::Completed);
    eventually("the worker says that it has paid one", async || says(1).await).await;
    way.close();
    let meanwhile = stage.request("200.00").await;
    assert_eq!(stage.until_ended(meanwhile).await, Ending::Completed);
    assert!(beats().await.is_none());
    way.open();
    eventually("it says so again by itself", async || says(2).await).await;
    stage.close("300.00").await;
}
