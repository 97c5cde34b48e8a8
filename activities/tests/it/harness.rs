//! A payout at any point of its life, a scripted gateway, and the steps as a worker would run them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use activities::{Rules, Tally, World};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::{
    Accepted, AccountName, AccountNumber, AttemptNumber, AttemptTerms, BankCode, Clock, Currency, Failure,
    ManualClock, Money, NotSent, NotSentClass, Observed, PayoutId, Progress, Reference, Sighting, Submitted,
    reconcile::TransferPage,
};
use gateway::{Balance, Bank, LookUpClass, LookUpFailed, PayoutGateway, ResolveFailed};
use sqlx::{ConnectOptions, PgPool};
use store::{
    Actor, Pool,
    attempts::{Attempt, RetryPolicy},
    decisions::{NewDecision, Verdict},
    payouts::Payout,
};
use temporalio_sdk::{
    activities::{ActivityError, ExecutableActivity},
    testing::{ActivityEnvironment, ActivityEnvironmentError},
};
use tokio::sync::{Barrier, Semaphore};
use workflows::{AttemptRef, PayoutRef};

pub(crate) const FIRST: AttemptNumber = AttemptNumber::FIRST;
/// How long a send may be on its way.
pub(crate) const LEASE: Duration = Duration::from_secs(43);

/// Answers in the order the test wrote them down, and keeps what it was asked.
#[derive(Default)]
pub(crate) struct ScriptedGateway {
    submits: Mutex<VecDeque<Submitted>>,
    looks: Mutex<VecDeque<Result<Observed, LookUpFailed>>>,
    submitted: Mutex<Vec<AttemptTerms>>,
    looked: Mutex<Vec<String>>,
    /// The gateway's list of transfers, page by page.
    pages: Mutex<Vec<TransferPage>>,
    /// Set where two look-ups are on their way before either is answered.
    together: Mutex<Option<Arc<Barrier>>>,
}

#[async_trait]
impl PayoutGateway for ScriptedGateway {
    async fn submit(&self, terms: &AttemptTerms) -> Submitted {
        self.submitted.lock().unwrap().push(terms.clone());
        // The other run, if there is one, gets its turn in the middle of the call.
        tokio::task::yield_now().await;
        self.submits.lock().unwrap().pop_front().expect("a send that the test does not expect")
    }

    async fn observe(&self, reference: &Reference, _id: Option<&str>) -> Result<Observed, LookUpFailed> {
        self.looked.lock().unwrap().push(reference.as_str().to_owned());
        let together = self.together.lock().unwrap().clone();
        if let Some(both) = together {
            both.wait().await;
        }
        self.looks.lock().unwrap().pop_front().expect("a look-up that the test does not expect")
    }

    async fn transfers(
        &self,
        _: chrono::NaiveDate,
        _: chrono::NaiveDate,
        page: u32,
    ) -> Result<TransferPage, LookUpFailed> {
        let index = usize::try_from(page).unwrap() - 1;
        let page = self.pages.lock().unwrap().get(index).cloned();
        page.ok_or_else(|| LookUpFailed {
            class: LookUpClass::Unavailable,
            retry_after: None,
            message: "no such page".to_owned(),
        })
    }

    async fn resolve_account(&self, _: &BankCode, _: &AccountNumber) -> Result<AccountName, ResolveFailed> {
        unreachable!("no step asks for a name")
    }

    async fn banks(&self) -> Result<Vec<Bank>, LookUpFailed> {
        unreachable!("no step asks for the banks")
    }

    async fn balance(&self, _: Currency) -> Result<Balance, LookUpFailed> {
        unreachable!("no step of these tests asks for the balance")
    }

    async fn fee_quote(&self, _: Money) -> Result<Money, LookUpFailed> {
        unreachable!("no step asks for a quote")
    }
}

pub(crate) struct Play {
    pub(crate) world: Arc<World>,
    pub(crate) gateway: Arc<ScriptedGateway>,
    clock: Arc<ManualClock>,
    pub(crate) payout: PayoutId,
}

impl Play {
    /// A payout of 1500 naira has been asked for.
    pub(crate) async fn requested(pool: &PgPool) -> Self {
        // As a worker makes it: with more connections than a test's own pool has.
        let pool = store::connect(pool.connect_options().to_url_lossy().as_str(), 10).await.unwrap();
        let clock = Arc::new(ManualClock::at(noon()));
        let gateway = Arc::new(ScriptedGateway::default());
        let payout = request(&pool, noon()).await;
        let world = world(pool, gateway.clone(), clock.clone());
        Self { world: Arc::new(world), gateway, clock, payout }
    }

    /// It was approved.
    pub(crate) async fn approved(pool: &PgPool) -> Self {
        let play = Self::requested(pool).await;
        let (pool, payout) = (&play.world.pool, play.payout);
        store::assessments::validate_and_assess(pool, payout, false, noon()).await.unwrap();
        let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "looked at it" };
        store::decisions::decide(pool, &decision, &Actor::admin("ada"), false, noon()).await.unwrap();
        play
    }

    /// A batch took it.
    pub(crate) async fn claimed(pool: &PgPool) -> Self {
        let play = Self::approved(pool).await;
        let batch = store::batches::open_instant(&play.world.pool, noon()).await.unwrap();
        assert_eq!(
            store::batches::claim_chunk(&play.world.pool, batch, 10, noon()).await.unwrap().claimed,
            1
        );
        play
    }

    /// Its first attempt is recorded and not sent.
    pub(crate) async fn begun(pool: &PgPool) -> Self {
        let play = Self::claimed(pool).await;
        let world = &play.world;
        store::attempts::begin(&world.pool, play.payout, &world.rules.prefix, noon()).await.unwrap();
        play
    }

    /// Its first attempt was sent and accepted.
    pub(crate) async fn accepted(pool: &PgPool) -> Self {
        let play = Self::begun(pool).await;
        play.answers(accepted());
        play.transfer().await.unwrap();
        play
    }

    /// Its first attempt has failed; `message` says how.
    pub(crate) async fn failed(pool: &PgPool, message: &str) -> Self {
        let play = Self::accepted(pool).await;
        play.shows(Observed::Failed(play.sighting().await, Failure::observed(message)));
        play.observe().await.unwrap();
        play
    }

    /// The gateway's next answer to a send.
    pub(crate) fn answers(&self, submitted: Submitted) {
        self.gateway.submits.lock().unwrap().push_back(submitted);
    }

    /// The gateway's next answer to a look-up.
    pub(crate) fn shows(&self, observed: Observed) {
        self.gateway.looks.lock().unwrap().push_back(Ok(observed));
    }

    /// The gateway's list of transfers.
    pub(crate) fn lists(&self, pages: Vec<TransferPage>) {
        *self.gateway.pages.lock().unwrap() = pages;
    }

    /// Two workers look at once.
    pub(crate) async fn observe_twice_at_once(&self) -> [Progress; 2] {
        *self.gateway.together.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
        let (one, other) = tokio::join!(self.observe(), self.observe());
        *self.gateway.together.lock().unwrap() = None;
        [one.unwrap(), other.unwrap()]
    }

    /// The gateway's next failure to answer a look-up.
    pub(crate) fn is_silent(&self, retry_after: Option<Duration>) {
        let failed =
            LookUpFailed { class: LookUpClass::RateLimited, retry_after, message: "too many".to_owned() };
        self.gateway.looks.lock().unwrap().push_back(Err(failed));
    }

    /// The gateway's record of the first attempt, as it should be.
    pub(crate) async fn sighting(&self) -> Sighting {
        let place = store::attempts::terms(&self.world.pool, self.payout, FIRST).await.unwrap().unwrap();
        Sighting {
            reference: place.terms.reference,
            gateway_id: "71".to_owned(),
            amount: place.terms.amount,
            bank: place.terms.bank.as_str().to_owned(),
            account: place.terms.account.expose().to_owned(),
            fee: None,
        }
    }

    pub(crate) fn sends(&self) -> usize {
        self.gateway.submitted.lock().unwrap().len()
    }

    pub(crate) fn looks(&self) -> usize {
        self.gateway.looked.lock().unwrap().len()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(TimeDelta::from_std(time).unwrap());
    }

    pub(crate) async fn row(&self) -> Payout {
        store::payouts::get(&self.world.pool, self.payout).await.unwrap().unwrap()
    }

    pub(crate) async fn attempts(&self) -> Vec<Attempt> {
        store::attempts::of_payout(&self.world.pool, self.payout).await.unwrap()
    }

    /// The first attempt.
    pub(crate) async fn attempt(&self) -> Attempt {
        self.attempts().await.remove(0)
    }

    pub(crate) async fn actions(&self, action: &str) -> usize {
        let timeline = store::audit::timeline(&self.world.pool, self.payout).await.unwrap();
        timeline.iter().filter(|line| line.action == action).count()
    }

    pub(crate) fn payout_ref(&self) -> PayoutRef {
        PayoutRef { payout: self.payout }
    }

    pub(crate) fn attempt_ref(&self) -> AttemptRef {
        AttemptRef { payout: self.payout, attempt: FIRST }
    }

    /// Runs a step as a worker does.
    pub(crate) async fn run<A: ExecutableActivity>(
        &self,
        step: A,
        input: A::Input,
    ) -> Result<A::Output, Again> {
        environment(&self.world).run(step, input).await.map_err(again)
    }

    pub(crate) async fn transfer(&self) -> Result<Progress, Again> {
        self.run(activities::TransferStep::transfer, self.attempt_ref()).await
    }

    pub(crate) async fn observe(&self) -> Result<Progress, Again> {
        self.run(activities::ObserveStep::observe, self.attempt_ref()).await
    }

    pub(crate) async fn reobserve(&self) -> Result<Progress, Again> {
        self.run(activities::ReobserveStep::reobserve, self.payout_ref()).await
    }

    /// The books balance, and each attempt has been sent under its own reference only.
    pub(crate) async fn check(self) {
        let findings = store::books::verify(&self.world.pool).await.unwrap().findings;
        assert!(findings.is_empty(), "{findings:#?}");
        let attempts = self.attempts().await;
        for terms in self.gateway.submitted.lock().unwrap().iter() {
            assert!(attempts.iter().any(|attempt| attempt.reference == terms.reference));
        }
        let unasked = self.gateway.submits.lock().unwrap().len() + self.gateway.looks.lock().unwrap().len();
        assert_eq!(unasked, 0, "answers that nobody asked for");
        self.world.pool.close().await;
    }
}

/// A step wants to be tried again: why, and after how long if it says so.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) why: String,
    pub(crate) after: Option<Duration>,
}

pub(crate) fn again(error: ActivityEnvironmentError) -> Again {
    let ActivityEnvironmentError::Activity(ActivityError::Application(failure)) = error else {
        panic!("{error:?}")
    };
    assert!(!failure.is_non_retryable(), "no step gives up: {failure:?}");
    Again { why: failure.to_string(), after: failure.next_retry_delay() }
}

/// What every step is given here.
pub(crate) fn world(pool: Pool, gateway: Arc<dyn PayoutGateway>, clock: Arc<dyn Clock>) -> World {
    World {
        pool,
        gateway,
        clock,
        rules: rules(),
        screening: None,
        tally: Tally::default(),
        batch_slots: Semaphore::new(1),
    }
}

pub(crate) fn environment(world: &Arc<World>) -> ActivityEnvironment {
    ActivityEnvironment::builder_with_default()
        .register_activities(activities::AssessStep(world.clone()))
        .register_activities(activities::ReloadStep(world.clone()))
        .register_activities(activities::RequestDecisionStep(world.clone()))
        .register_activities(activities::RequestCancelStep(world.clone()))
        .register_activities(activities::RecordSignalStep(world.clone()))
        .register_activities(activities::CallReviewersStep(world.clone()))
        .register_activities(activities::BeginAttemptStep(world.clone()))
        .register_activities(activities::TransferStep(world.clone()))
        .register_activities(activities::ObserveStep(world.clone()))
        .register_activities(activities::ReobserveStep(world.clone()))
        .register_activities(activities::NotifyStep(world.clone()))
        .register_activities(activities::OpenBatchStep(world.clone()))
        .register_activities(activities::PrepareBatchStep(world.clone()))
        .register_activities(activities::ClaimChunkStep(world.clone()))
        .register_activities(activities::CloseBatchStep(world.clone()))
        .register_activities(activities::OpenReconciliationStep(world.clone()))
        .register_activities(activities::ReconcilePageStep(world.clone()))
        .register_activities(activities::ReconcileMissingStep(world.clone()))
        .register_activities(activities::CloseReconciliationStep(world.clone()))
        .register_activities(activities::CheckLedgerStep(world.clone()))
        .build()
}

pub(crate) fn accepted() -> Submitted {
    Submitted::Accepted(Accepted { gateway_id: "71".to_owned(), fee: None })
}

pub(crate) fn not_sent(class: NotSentClass, retry_after: Option<Duration>) -> Submitted {
    Submitted::NotSent(NotSent { class, retry_after, message: "nothing left".to_owned() })
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

pub(crate) fn naira(amount: &str) -> Money {
    Money::parse(amount, Currency::Ngn).unwrap()
}

pub(crate) fn rules() -> Rules {
    Rules {
        retry: RetryPolicy {
            schedule: domain::RetrySchedule::default(),
            webhook_timeout: Duration::from_mins(2),
        },
        prefix: "t".parse().unwrap(),
        window: "2h".parse().unwrap(),
        zone: "Africa/Lagos".parse().unwrap(),
        engine_approval: true,
        send_lease: LEASE,
        narration: "Payout".to_owned(),
        return_window: TimeDelta::days(5),
        batches_per_minute: 1,
        releases_per_second: 10,
        channels: store::messages::Channels::default(),
    }
}

async fn request(pool: &Pool, now: DateTime<Utc>) -> PayoutId {
    let platform = Actor::platform("test");
    let provider = store::providers::NewProvider {
        external_id: "provider-1".to_owned(),
        display_name: "Provider".to_owned(),
        email: None,
        verified: true,
        suspended: false,
    };
    let (provider, _) = store::providers::upsert(pool, &provider, &platform, now).await.unwrap();
    let earning = store::earnings::NewEarning {
        external_id: "earning-1".to_owned(),
        provider_external_id: provider.external_id,
        amount: naira("5000.00"),
        description: String::new(),
        earned_at: now,
    };
    store::earnings::push(pool, &earning, &platform, now).await.unwrap();
    let account = store::bank_accounts::NewBankAccount {
        provider: provider.id,
        currency: Currency::Ngn,
        bank: "044".parse().unwrap(),
        number: "0690000040".parse().unwrap(),
        name: AccountName::new("Ada Obi"),
    };
    let added =
        store::bank_accounts::add(pool, &account, None, TimeDelta::zero(), &platform, now).await.unwrap();
    let store::bank_accounts::Added::New(account) = added else { panic!("{added:?}") };
    let new = store::payouts::NewPayout {
        provider: provider.id,
        bank_account: account.id,
        amount: naira("1500.00"),
        idempotency_key: "once".to_owned(),
        body_hash: [0; 32],
    };
    match store::payouts::request(pool, &new, |_| serde_json::json!({}), now).await.unwrap().unwrap() {
        store::payouts::Requested::New { payout, .. } => payout.id,
        again @ store::payouts::Requested::Again { .. } => panic!("{again:?}"),
    }
}
