//! The fault harness's row for the step that asks Temporal about each payout's workflow: it is disturbed in every way, then run until
//! it answers, and what is known afterwards is what is known without the disturbance.

use std::{pin::pin, sync::Arc, time::Duration};

use activities::{CheckRunsStep, World};
use domain::PayoutId;
use sqlx::{ConnectOptions, PgPool, postgres::PgPoolOptions};
use store::books_check;
use temporalio_client::Client;
use temporalio_sdk::testing::{ActivityEnvironment, ActivityEnvironmentError};
use tokio::time::timeout;
use uuid::Uuid;
use workflows::{RunsChecked, RunsLook, RunsPage};

use crate::{
    outages::Way,
    stage::{Stage, engine, engine_at},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Twice,
    TwiceAtOnce,
    DatabaseAway,
    TemporalAway,
    /// Dropped after so many polls.
    Dropped(u32),
    /// Every connection to the database is killed after so many polls.
    Killed(u32),
}

/// What anybody can see of a check: the payouts that look wrong, where the next page begins, and the open case.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    suspects: Vec<PayoutId>,
    next: (Option<Uuid>, Option<Uuid>),
    wrong: i32,
    case: Vec<serde_json::Value>,
}

struct Looks {
    stage: Stage,
    way: Way,
    /// Through the way.
    client: Client,
    world: Arc<World>,
    without_database: Arc<World>,
    /// Nobody kills its connections.
    control: PgPool,
}

impl Looks {
    /// A payout that nothing carries, and those that have ended well.
    async fn open(pool: &PgPool) -> (Self, PayoutId) {
        let namespace = engine().await.namespace().to_owned();
        let way = Way::cut().await;
        way.open();
        let engine = engine_at(&way.address, &namespace);
        let mut stage = Stage::around(pool, &[], engine).await;
        let payout = stage.request("1500.00").await;
        let quiet = "UPDATE payouts SET updated_at = updated_at - interval '10 minutes'";
        sqlx::query(quiet).execute(&stage.pool).await.unwrap();
        let client = stage.engine.connect().await.unwrap().clone();
        let world = worker::world(&stage.settings, stage.pool.clone()).unwrap();
        let nobody = "postgres://nobody@127.0.0.1:1/nothing";
        let away = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1)).connect_lazy(nobody).unwrap();
        let without_database = worker::world(&stage.settings, away).unwrap();
        let control = PgPool::connect(pool.connect_options().to_url_lossy().as_str()).await.unwrap();
        (Self { stage, way, client, world, without_database, control }, payout)
    }

    async fn look(
        &self,
        world: &Arc<World>,
        look: RunsLook,
    ) -> Result<RunsChecked, ActivityEnvironmentError> {
        let environment = ActivityEnvironment::builder_with_default()
            .register_activities(CheckRunsStep(world.clone()))
            .client(self.client.clone())
            .build();
        environment.run(CheckRunsStep::check_runs, RunsPage { look }).await
    }

    /// Whether the step had ended before the fault came.
    async fn disturb(&self, look: RunsLook, fault: Fault) -> bool {
        const FAR_TOO_LONG: Duration = Duration::from_secs(2);
        match fault {
            Fault::Twice => {
                self.look(&self.world, look).await.unwrap();
                true
            }
            Fault::TwiceAtOnce => {
                let (one, other) = tokio::join!(self.look(&self.world, look), self.look(&self.world, look));
                one.and(other).unwrap();
                true
            }
            Fault::DatabaseAway => {
                self.look(&self.without_database, look).await.unwrap_err();
                true
            }
            Fault::TemporalAway => {
                self.way.close();
                // The client tries for longer than anybody has patience; a step that takes too long is given up.
                let told = timeout(FAR_TOO_LONG, self.look(&self.world, look)).await;
                assert!(!matches!(told, Ok(Ok(_))), "nobody was there to ask");
                self.way.open();
                true
            }
            Fault::Dropped(polls) => {
                let mut run = pin!(self.look(&self.world, look));
                polled(run.as_mut(), polls).await
            }
            Fault::Killed(polls) => {
                let mut run = pin!(self.look(&self.world, look));
                let in_time = polled(run.as_mut(), polls).await;
                if !in_time {
                    let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                                WHERE datname = current_database() AND application_name = 'payouts'";
                    sqlx::query(kill).execute(&self.control).await.unwrap();
                    let _ = run.await;
                }
                in_time
            }
        }
    }

    async fn until_it_answers(&self, look: RunsLook) {
        const TRIES: u32 = 20;
        for _ in 0..TRIES {
            if self.look(&self.world, look).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the step does not answer any more");
    }

    async fn known(&self) -> Known {
        let suspects = books_check::suspects(&self.control).await.unwrap();
        let (open_after, ended_after_id, wrong) =
            sqlx::query_as("SELECT open_after, ended_after_id, runs_wrong FROM books_check")
                .fetch_one(&self.control)
                .await
                .unwrap();
        let case = "SELECT to_jsonb(summary) FROM cases WHERE kind = 'books' AND status = 'OPEN'";
        let case = sqlx::query_scalar(case).fetch_all(&self.control).await.unwrap();
        let suspects = suspects.iter().map(|one| one.payout).collect();
        Known { suspects, next: (open_after, ended_after_id), wrong, case }
    }

    /// As before the first check.
    async fn forget(&self) {
        books_check::record_runs(&self.control, &[], chrono::Utc::now()).await.unwrap();
        let anew = "UPDATE books_check SET open_after = NULL, ended_after = NULL, ended_after_id = NULL";
        sqlx::query(anew).execute(&self.control).await.unwrap();
    }

    /// A whole check with the fault in one of its looks; whether that look had ended before the fault came.
    async fn check(&self, disturbed: RunsLook, fault: Option<Fault>) -> (Known, bool) {
        self.forget().await;
        let mut in_time = true;
        for look in [RunsLook::First, RunsLook::Second] {
            if let Some(fault) = fault
                && look == disturbed
            {
                in_time = self.disturb(look, fault).await;
            }
            self.until_it_answers(look).await;
        }
        (self.known().await, in_time)
    }
}

/// Polls up to so many times, with a moment for the answer in between; whether it was done by then.
async fn polled<T>(mut run: std::pin::Pin<&mut impl Future<Output = T>>, polls: u32) -> bool {
    for _ in 0..polls {
        if futures::poll!(run.as_mut()).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

#[sqlx::test(migrations = "../migrations")]
async fn a_disturbed_look_at_the_workflows_knows_in_the_end_what_a_calm_one_does(pool: PgPool) {
    let (looks, payout) = Looks::open(&pool).await;
    let mut times = 0;
    for look in [RunsLook::First, RunsLook::Second] {
        let (calm, _) = looks.check(look, None).await;
        assert_eq!((calm.suspects.as_slice(), calm.wrong, calm.case.len()), ([payout].as_slice(), 1, 1));
        for fault in [Fault::Twice, Fault::TwiceAtOnce, Fault::DatabaseAway, Fault::TemporalAway] {
            assert_eq!(looks.check(look, Some(fault)).await.0, calm, "{fault:?} of {look:?}");
            times += 1;
        }
        for at in [Fault::Dropped, Fault::Killed] {
            let mut polls = 1;
            loop {
                let (known, in_time) = looks.check(look, Some(at(polls))).await;
                assert_eq!(known, calm, "{:?} of {look:?}", at(polls));
                times += 1;
                if in_time {
                    break;
                }
                polls += 1;
            }
        }
    }
    eprintln!("check_runs: disturbed {times} times");
    looks.stage.close("0").await;
}
