//! What the step before a batch's claims makes of the screening hook's answers, and of its silence.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use activities::{Screening, World};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutStatus;
use gateway::screening::{Answer, NotAnswered, Question, Screen};
use sqlx::PgPool;
use store::{
    Actor, batches,
    decisions::{NewDecision, Verdict},
};
use workflows::BatchRef;

use crate::harness::{Play, environment, world};

/// Answers in the order the test wrote them down, and keeps under which id whom it was asked about.
#[derive(Default)]
pub(crate) struct ScriptedHook {
    answers: Mutex<VecDeque<Result<Answer, NotAnswered>>>,
    asked: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Screen for ScriptedHook {
    async fn ask(&self, id: &str, about: &Question<'_>, _: DateTime<Utc>) -> Result<Answer, NotAnswered> {
        self.asked.lock().unwrap().insert(id.to_owned(), about.account_number.to_owned());
        tokio::task::yield_now().await;
        self.answers.lock().unwrap().pop_front().expect("a question that the test does not expect")
    }
}

pub(crate) fn hit() -> Answer {
    Answer::Hit { list_version: "list-1".to_owned(), reason: Some("resembles somebody".to_owned()) }
}

fn clear() -> Answer {
    Answer::Clear { list_version: "list-1".to_owned(), reason: None }
}

const SILENT: Result<Answer, NotAnswered> = Err(NotAnswered::Unreachable);

struct Screened {
    play: Play,
    world: Arc<World>,
    hook: Arc<ScriptedHook>,
}

impl Screened {
    /// An approved payout, and a hook that says this.
    async fn approved(pool: &PgPool, answers: Vec<Result<Answer, NotAnswered>>) -> Self {
        let play = Play::approved(pool).await;
        let hook = Arc::new(ScriptedHook { answers: Mutex::new(answers.into()), ..ScriptedHook::default() });
        let plain = &play.world;
        // Nobody asks what is in the wallet: the gateway of these tests does not tell.
        let seen = play.now();
        let funds = store::funds::Sight {
            currency: domain::Currency::Ngn,
            asked_at: seen,
            balance: Some(crate::harness::naira("1000000.00")),
            fee_each: None,
            undebited: store::funds::claimed_and_not_debited(&plain.pool, domain::Currency::Ngn, seen)
                .await
                .unwrap(),
        };
        store::funds::see(&plain.pool, &funds).await.unwrap();
        let mut world = world(plain.pool.clone(), play.gateway.clone(), plain.clock.clone());
        world.screening = Some(Screening { hook: hook.clone(), valid_for: TimeDelta::hours(24) });
        Self { play, world: Arc::new(world), hook }
    }

    /// A batch, prepared and claimed; how many it took.
    async fn batch(&self) -> u32 {
        let pool = &self.world.pool;
        let batch = BatchRef { batch: batches::open_instant(pool, self.play.now()).await.unwrap() };
        let worker = environment(&self.world);
        let prepared = worker.run(activities::PrepareBatchStep::prepare_batch, batch).await.unwrap();
        assert!(!prepared.more);
        let claimed = worker.run(activities::ClaimChunkStep::claim_chunk, batch).await.unwrap().claimed;
        batches::close(pool, batch.batch, self.play.now()).await.unwrap();
        claimed
    }

    fn questions(&self) -> usize {
        self.hook.asked.lock().unwrap().len()
    }

    async fn approve_again(&self) {
        self.play.wait(std::time::Duration::from_secs(1));
        let new =
            NewDecision { payout: self.play.payout, verdict: Verdict::Approve, reason: "somebody else" };
        store::decisions::decide(&self.world.pool, &new, &Actor::admin("ada"), false, self.play.now())
            .await
            .unwrap();
        self.play.wait(std::time::Duration::from_secs(1));
    }

    async fn end(self) {
        assert!(self.hook.answers.lock().unwrap().is_empty(), "answers that nobody asked for");
        self.play.check().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_clear_payout_is_claimed_and_asked_about_once(pool: PgPool) {
    let screened = Screened::approved(&pool, vec![Ok(clear())]).await;
    assert_eq!(screened.batch().await, 1);
    assert_eq!(screened.questions(), 1);
    screened.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_hit_is_never_claimed_before_an_admin_has_seen_it(pool: PgPool) {
    let screened = Screened::approved(&pool, vec![Ok(hit())]).await;
    assert_eq!(screened.batch().await, 0);
    let row = screened.play.row().await;
    assert_eq!(row.status, PayoutStatus::Requested);
    let review =
        store::reviews::get(&screened.world.pool, row.id, screened.play.now()).await.unwrap().unwrap();
    assert_eq!(review.undone.unwrap().reason, "screening: a hit in list list-1: resembles somebody");
    assert_eq!(screened.play.actions("screening_stopped").await, 1);
    assert_eq!(screened.batch().await, 0, "nothing is approved");
    screened.approve_again().await;
    assert_eq!(screened.batch().await, 1);
    assert_eq!(screened.questions(), 1);
    screened.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn silence_is_met_with_one_more_question_and_then_with_a_review(pool: PgPool) {
    let unsigned = Err(NotAnswered::NotSigned);
    let screened = Screened::approved(&pool, vec![SILENT, unsigned, SILENT, Ok(clear())]).await;
    assert_eq!(screened.batch().await, 0);
    assert_eq!((screened.questions(), screened.play.row().await.status), (2, PayoutStatus::Requested));
    screened.approve_again().await;
    assert_eq!(screened.batch().await, 1, "asked once more, under ids of their own");
    assert_eq!(screened.questions(), 4);
    screened.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_hook_that_cannot_look_is_no_clear_answer(pool: PgPool) {
    let screened = Screened::approved(&pool, vec![Ok(Answer::Error { reason: None })]).await;
    assert_eq!(screened.batch().await, 0);
    assert_eq!(screened.play.actions("screening_stopped").await, 1);
    screened.end().await;
}
