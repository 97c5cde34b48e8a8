//! One payout in a database that it shares with those before it, brought to where a step begins, and carried to its end by the
//! real script and the real steps.

use std::sync::Arc;

use activities::Screening;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::{
    AccountName, AttemptNumber, Clock, Currency, Ending, ManualClock, Next, PayoutId, PayoutStatus, Progress,
    ProviderId,
};
use gateway::screening::{Answer, NotAnswered, Question, Screen};
use store::{
    Actor, Pool,
    decisions::{NewDecision, Verdict},
};
use workflows::{
    AttemptRef, BatchInput, BatchRef, EndingRef, EngineCancel, EngineDecision, PayoutRef, ReconcileInput,
    ReconcileRef, ReviewCall, StraySignal,
    payout::{Steps, Waited},
};

use super::bank::{Bank, Fate};
use crate::{
    harness::{Again, FIRST, again, environment, naira, world},
    screening::hit,
};

/// Where a payout stands when the step under test begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Requested,
    /// Asked for, and its provider was suspended since.
    Suspended,
    UnderReview,
    Approved,
    /// Approved, and a batch is open.
    Opened,
    /// The same, and a screening hook will say that it is a hit.
    Listed,
    /// The open batch took it.
    Claimed,
    /// The same, and everything is paused.
    Paused,
    Begun,
    /// Sent without an answer, and not found since.
    NotFound,
    Accepted,
    /// Its first attempt has failed, and the retry is due.
    RetryDue,
    /// The same, and that it failed was seen just now.
    Reobserved,
    Completed,
    /// Accepted, and a comparison with the gateway is open.
    Listing,
    /// Sent without an answer, and not in the gateway's list.
    Unlisted,
    /// The same, and looked for by its reference.
    Compared,
}

/// A step a worker can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Assess,
    Reload,
    Approve,
    Reject,
    Cancel,
    Stray,
    /// After four hours.
    Remind,
    /// After a day.
    Escalate,
    Begin,
    Transfer,
    Observe,
    Reobserve,
    Notify,
    OpenBatch,
    PrepareBatch,
    ClaimChunk,
    CloseBatch,
    OpenReconciliation,
    ReconcilePage,
    ReconcileMissing,
    CloseReconciliation,
    CheckLedger,
}

impl Step {
    /// The name it is registered under.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Assess => "assess",
            Self::Reload => "reload",
            Self::Approve | Self::Reject => "request_decision",
            Self::Cancel => "request_cancel",
            Self::Stray => "record_signal",
            Self::Remind | Self::Escalate => "call_reviewers",
            Self::Begin => "begin_attempt",
            Self::Transfer => "transfer",
            Self::Observe => "observe",
            Self::Reobserve => "reobserve",
            Self::Notify => "notify",
            Self::OpenBatch => "open_batch",
            Self::PrepareBatch => "prepare_batch",
            Self::ClaimChunk => "claim_chunk",
            Self::CloseBatch => "close_batch",
            Self::OpenReconciliation => "open_reconciliation",
            Self::ReconcilePage => "reconcile_page",
            Self::ReconcileMissing => "reconcile_missing",
            Self::CloseReconciliation => "close_reconciliation",
            Self::CheckLedger => "check_ledger",
        }
    }

    pub(super) fn asks_the_gateway(self) -> bool {
        match self {
            Self::Transfer
            | Self::Observe
            | Self::Reobserve
            | Self::PrepareBatch
            | Self::ReconcilePage
            | Self::ReconcileMissing => true,
            Self::Assess
            | Self::Reload
            | Self::Approve
            | Self::Reject
            | Self::Cancel
            | Self::Stray
            | Self::Remind
            | Self::Escalate
            | Self::Begin
            | Self::Notify
            | Self::OpenBatch
            | Self::ClaimChunk
            | Self::CloseBatch
            | Self::OpenReconciliation
            | Self::CloseReconciliation
            | Self::CheckLedger => false,
        }
    }
}

/// The payout cannot be carried further without people: its outcome is unknown, or two must attest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stuck;

pub(super) struct Play {
    pub(super) world: Arc<activities::World>,
    pub(super) bank: Arc<Bank>,
    pub(super) payout: PayoutId,
    clock: Arc<ManualClock>,
    provider: ProviderId,
    began: DateTime<Utc>,
    batch: Option<BatchRef>,
    comparison: Option<ReconcileRef>,
    looks: u32,
}

impl Play {
    /// The `nth` payout of this database, a month after the one before.
    pub(super) async fn at(pool: &Pool, nth: i64, stage: Stage, fates: &[Fate]) -> Self {
        let began = Utc.with_ymd_and_hms(2026, 1, 1, 12, 0, 0).unwrap()
            + TimeDelta::days(30).checked_mul(nth.try_into().unwrap()).unwrap();
        let clock = Arc::new(ManualClock::at(began));
        let bank = Arc::new(Bank::of(fates));
        let mut world = world(pool.clone(), bank.clone(), clock.clone());
        if stage == Stage::Listed {
            world.screening = Some(Screening { hook: Arc::new(AlwaysHit), valid_for: TimeDelta::hours(24) });
        }
        let world = Arc::new(world);
        let (provider, payout) = request(pool, nth, began).await;
        let mut play =
            Self { world, bank, payout, clock, provider, began, batch: None, comparison: None, looks: 0 };
        play.bring_to(stage).await;
        play
    }

    /// Through every stage before it.
    async fn bring_to(&mut self, stage: Stage) {
        let done = |step: Result<(), Again>| step.unwrap();
        match stage {
            Stage::Requested => {}
            Stage::Suspended => {
                let provider = store::providers::get(self.pool(), self.provider).await.unwrap().unwrap();
                let suspended = store::providers::NewProvider {
                    external_id: provider.external_id,
                    display_name: provider.display_name,
                    email: None,
                    verified: true,
                    suspended: true,
                };
                store::providers::upsert(self.pool(), &suspended, &platform(), self.now()).await.unwrap();
            }
            Stage::UnderReview => done(self.run(Step::Assess).await),
            Stage::Approved => {
                Box::pin(self.bring_to(Stage::UnderReview)).await;
                self.approve().await;
            }
            Stage::Opened | Stage::Listed => {
                Box::pin(self.bring_to(Stage::Approved)).await;
                done(self.open_batch().await);
            }
            Stage::Claimed => {
                Box::pin(self.bring_to(Stage::Opened)).await;
                done(self.run(Step::ClaimChunk).await);
            }
            Stage::Paused => {
                Box::pin(self.bring_to(Stage::Claimed)).await;
                self.set_paused(true).await;
            }
            Stage::Begun => {
                Box::pin(self.bring_to(Stage::Claimed)).await;
                done(self.run(Step::CloseBatch).await);
                done(self.run(Step::Begin).await);
            }
            Stage::NotFound => {
                Box::pin(self.bring_to(Stage::Begun)).await;
                let lease = self.world.rules.send_lease;
                let (payout, now) = (self.payout, self.now());
                store::attempts::count_send(self.pool(), payout, FIRST, lease, "Payout", now).await.unwrap();
                self.clock.advance(TimeDelta::from_std(lease * 2).unwrap());
                done(self.run(Step::Observe).await);
            }
            Stage::Accepted => {
                Box::pin(self.bring_to(Stage::Begun)).await;
                done(self.run(Step::Transfer).await);
            }
            Stage::RetryDue => {
                Box::pin(self.bring_to(Stage::Accepted)).await;
                done(self.run(Step::Observe).await);
                self.clock.advance(TimeDelta::hours(1));
            }
            Stage::Reobserved => {
                Box::pin(self.bring_to(Stage::RetryDue)).await;
                done(self.run(Step::Reobserve).await);
            }
            Stage::Listing => {
                Box::pin(self.bring_to(Stage::Accepted)).await;
                self.open_comparison().await;
            }
            Stage::Unlisted => {
                Box::pin(self.bring_to(Stage::Begun)).await;
                let lease = self.world.rules.send_lease;
                let (payout, now) = (self.payout, self.now());
                store::attempts::count_send(self.pool(), payout, FIRST, lease, "Payout", now).await.unwrap();
                self.clock.advance(TimeDelta::from_std(lease * 2).unwrap());
                self.open_comparison().await;
                done(self.run(Step::ReconcilePage).await);
            }
            Stage::Compared => {
                Box::pin(self.bring_to(Stage::Unlisted)).await;
                done(self.run(Step::ReconcileMissing).await);
            }
            Stage::Completed => {
                Box::pin(self.bring_to(Stage::Accepted)).await;
                done(self.run(Step::Observe).await);
            }
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.world.pool
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn approve(&self) {
        let decision = NewDecision { payout: self.payout, verdict: Verdict::Approve, reason: "looked at it" };
        store::decisions::decide(self.pool(), &decision, &admin(), false, self.now()).await.unwrap();
    }

    async fn set_paused(&self, paused: bool) {
        store::control::set_paused(self.pool(), paused, "look first", &admin(), self.now()).await.unwrap();
    }

    async fn open_batch(&mut self) -> Result<(), Again> {
        let input = BatchInput { batch: None, open: true };
        self.batch = environment(&self.world)
            .run(activities::OpenBatchStep::open_batch, input)
            .await
            .map_err(again)?;
        Ok(())
    }

    async fn open_comparison(&mut self) {
        let input = ReconcileInput { run: None };
        let step = activities::OpenReconciliationStep::open_reconciliation;
        self.comparison = environment(&self.world).run(step, input).await.unwrap();
    }

    /// Runs a step once, as a worker does. What comes next is read from the row by whoever wants to know.
    pub(super) async fn run(&self, step: Step) -> Result<(), Again> {
        self.run_in(&self.world, step).await
    }

    /// The same on a worker whose database is gone.
    pub(super) async fn run_without_database(&self, step: Step) -> Result<(), Again> {
        let options = (*self.pool().connect_options()).clone();
        let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(options);
        pool.close().await;
        let crippled = Arc::new(world(pool, self.bank.clone(), self.clock.clone()));
        self.run_in(&crippled, step).await
    }

    async fn run_in(&self, world: &Arc<activities::World>, step: Step) -> Result<(), Again> {
        let worker = environment(world);
        let payout = PayoutRef { payout: self.payout };
        let attempt = AttemptRef { payout: self.payout, attempt: FIRST };
        let batch = || self.batch.expect("a batch was opened");
        let comparison = || self.comparison.expect("a comparison was opened");
        let ran = match step {
            Step::Assess => worker.run(activities::AssessStep::assess, payout).await.map(drop),
            Step::Reload => worker.run(activities::ReloadStep::reload, payout).await.map(drop),
            Step::Approve | Step::Reject => {
                let verdict = if step == Step::Approve {
                    workflows::Verdict::Approve
                } else {
                    workflows::Verdict::Reject
                };
                let decision = EngineDecision {
                    payout: self.payout,
                    verdict,
                    reason: String::new(),
                    identity: "ada".to_owned(),
                    signal_key: "run/1".to_owned(),
                };
                worker.run(activities::RequestDecisionStep::request_decision, decision).await.map(drop)
            }
            Step::Cancel => {
                let cancel = EngineCancel {
                    payout: self.payout,
                    reason: String::new(),
                    identity: "unnamed".to_owned(),
                    signal_key: "run/cancel".to_owned(),
                };
                worker.run(activities::RequestCancelStep::request_cancel, cancel).await.map(drop)
            }
            Step::Stray => {
                let stray = StraySignal {
                    payout: self.payout,
                    name: "aprove".to_owned(),
                    why: "no payout listens to a signal of this name".to_owned(),
                    count: 1,
                    signal_key: format!("{}/1", self.payout),
                };
                worker.run(activities::RecordSignalStep::record_signal, stray).await
            }
            Step::Remind | Step::Escalate => {
                let wait = if step == Step::Remind { domain::REMIND_AFTER } else { domain::ESCALATE_AFTER };
                let call = ReviewCall { payout: self.payout, at: self.began + wait };
                worker.run(activities::CallReviewersStep::call_reviewers, call).await.map(drop)
            }
            Step::Begin => worker.run(activities::BeginAttemptStep::begin_attempt, payout).await.map(drop),
            Step::Transfer => worker.run(activities::TransferStep::transfer, attempt).await.map(drop),
            Step::Observe => worker.run(activities::ObserveStep::observe, attempt).await.map(drop),
            Step::Reobserve => worker.run(activities::ReobserveStep::reobserve, payout).await.map(drop),
            Step::Notify => {
                let ending = EndingRef { payout: self.payout, ending: Ending::Completed };
                worker.run(activities::NotifyStep::notify, ending).await
            }
            Step::OpenBatch => {
                let input = BatchInput { batch: None, open: true };
                worker.run(activities::OpenBatchStep::open_batch, input).await.map(drop)
            }
            Step::PrepareBatch => {
                worker.run(activities::PrepareBatchStep::prepare_batch, batch()).await.map(drop)
            }
            Step::ClaimChunk => worker.run(activities::ClaimChunkStep::claim_chunk, batch()).await.map(drop),
            Step::CloseBatch => worker.run(activities::CloseBatchStep::close_batch, batch()).await.map(drop),
            Step::OpenReconciliation => {
                let input = ReconcileInput { run: None };
                worker.run(activities::OpenReconciliationStep::open_reconciliation, input).await.map(drop)
            }
            Step::ReconcilePage => {
                worker.run(activities::ReconcilePageStep::reconcile_page, comparison()).await.map(drop)
            }
            Step::ReconcileMissing => {
                worker.run(activities::ReconcileMissingStep::reconcile_missing, comparison()).await.map(drop)
            }
            Step::CloseReconciliation => {
                let step = activities::CloseReconciliationStep::close_reconciliation;
                worker.run(step, comparison()).await.map(drop)
            }
            Step::CheckLedger => {
                let step = activities::CheckLedgerStep::check_ledger;
                worker.run(step, workflows::BooksCheckInput::default()).await.map(drop)
            }
        };
        ran.map_err(again)
    }

    /// Everything anybody can see of the payout, but times, evidence, how often a reference was sent, and hints to look at it.
    pub(super) async fn state(&self) -> String {
        const SEEN: &str = r"SELECT jsonb_pretty(jsonb_build_object(
            'payout', (SELECT jsonb_build_array(status, risk, held, attempts, counted_failures, next_attempt_at IS NOT NULL,
                                                needs_attention, failure_code, refunded_at IS NOT NULL, batch_id IS NOT NULL, fee)
                       FROM payouts WHERE id = $1),
            'attempts', (SELECT jsonb_agg(jsonb_build_array(number, status, failure_code, counted, doubt) ORDER BY number)
                         FROM attempts WHERE payout_id = $1),
            'money', (SELECT jsonb_object_agg(state, amount)
                      FROM (SELECT state, sum(amount) AS amount FROM allocations WHERE payout_id = $1 GROUP BY state) a),
            'postings', (SELECT jsonb_agg(kind ORDER BY kind) FROM postings WHERE payout_id = $1),
            'balances', (SELECT jsonb_object_agg(kind, balance) FROM ledger_accounts WHERE provider_id = $2),
            'trail', (SELECT jsonb_agg(action ORDER BY id) FROM audit WHERE payout_id = $1),
            'messages', (SELECT jsonb_agg(jsonb_build_array(event, delivered_at IS NOT NULL) ORDER BY event)
                         FROM notifications WHERE payout_id = $1),
            'told', (SELECT jsonb_agg(coalesce(signal, kind) ORDER BY id) FROM outbox WHERE payout_id = $1 AND signal IS DISTINCT FROM 'transfer_update'),
            'review', (SELECT jsonb_build_array(status, round, approvals, reminded_at IS NOT NULL, escalated_at IS NOT NULL)
                       FROM reviews WHERE payout_id = $1),
            'cases', (SELECT jsonb_agg(jsonb_build_array(kind, status) ORDER BY kind) FROM cases WHERE payout_id = $1),
            'batches', (SELECT jsonb_agg(jsonb_build_array(kind, status, payouts) ORDER BY id) FROM batches WHERE opened_at >= $3)
        ))";
        sqlx::query_scalar(SEEN)
            .bind(self.payout.uuid())
            .bind(self.provider.uuid())
            .bind(self.began)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// Another run of the payout's script, from its beginning: what the sweeper starts, whatever became of the last one.
    pub(super) async fn carry_on(&mut self) -> Result<Ending, Stuck> {
        self.set_paused(false).await;
        workflows::payout::payout(self).await
    }

    /// The next payout opens a batch, and a comparison, of its own.
    pub(super) async fn close(mut self, step: Step) {
        if step == Step::OpenReconciliation {
            self.open_comparison().await;
        }
        if self.comparison.is_some() {
            for step in [Step::ReconcilePage, Step::ReconcileMissing, Step::CloseReconciliation] {
                self.run(step).await.unwrap();
            }
        }
        if self.batch.is_some() {
            self.run(Step::CloseBatch).await.unwrap();
        }
    }

    async fn next(&self) -> Next {
        let progress: Progress =
            store::payouts::progress(self.pool(), self.payout, self.now()).await.unwrap();
        progress.next
    }

    /// A step as the engine runs it: again until it answers, later each time.
    async fn until_it_answers<A: temporalio_sdk::activities::ExecutableActivity>(
        &self,
        step: impl Fn() -> A,
        input: A::Input,
    ) -> Result<A::Output, Stuck>
    where
        A::Input: Clone,
    {
        const TRIES: u32 = 8;
        for _ in 0..TRIES {
            match environment(&self.world).run(step(), input.clone()).await.map_err(again) {
                Ok(answer) => return Ok(answer),
                Err(Again { after, .. }) => {
                    let wait = after.and_then(|after| TimeDelta::from_std(after).ok());
                    self.clock.advance(wait.unwrap_or(TimeDelta::seconds(30)));
                }
            }
        }
        Err(Stuck)
    }

    fn wait_until(&self, moment: DateTime<Utc>) -> Waited {
        self.clock.advance((moment - self.now()).max(TimeDelta::zero()));
        Waited::Over
    }
}

/// A screening hook that has somebody like them in its list, whoever they are.
struct AlwaysHit;

#[async_trait]
impl Screen for AlwaysHit {
    async fn ask(&self, _: &str, _: &Question<'_>, _: DateTime<Utc>) -> Result<Answer, NotAnswered> {
        tokio::task::yield_now().await;
        Ok(hit())
    }
}

impl Steps for Play {
    type Stop = Stuck;

    async fn validate_and_assess(&mut self) -> Result<Next, Stuck> {
        let input = PayoutRef { payout: self.payout };
        Ok(self.until_it_answers(|| activities::AssessStep::assess, input).await?.next)
    }

    async fn await_decision(&mut self) -> Result<Next, Stuck> {
        // People take their time: they decide on what they have seen.
        self.clock.advance(TimeDelta::seconds(1));
        self.approve().await;
        Ok(self.next().await)
    }

    async fn await_window(&mut self) -> Result<Next, Stuck> {
        self.open_batch().await.unwrap();
        self.run(Step::PrepareBatch).await.unwrap();
        self.run(Step::ClaimChunk).await.unwrap();
        self.run(Step::CloseBatch).await.unwrap();
        Ok(self.next().await)
    }

    async fn begin_attempt(&mut self) -> Result<Next, Stuck> {
        let input = PayoutRef { payout: self.payout };
        Ok(self.until_it_answers(|| activities::BeginAttemptStep::begin_attempt, input).await?.next)
    }

    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, Stuck> {
        let input = AttemptRef { payout: self.payout, attempt };
        Ok(self.until_it_answers(|| activities::TransferStep::transfer, input).await?.next)
    }

    async fn await_outcome(&mut self, _: AttemptNumber, check_at: DateTime<Utc>) -> Result<Waited, Stuck> {
        const LOOKS: u32 = 12;
        self.looks += 1;
        if self.looks > LOOKS { Err(Stuck) } else { Ok(self.wait_until(check_at)) }
    }

    async fn ask_gateway(&mut self, attempt: AttemptNumber) -> Result<Next, Stuck> {
        let input = AttemptRef { payout: self.payout, attempt };
        Ok(self.until_it_answers(|| activities::ObserveStep::observe, input).await?.next)
    }

    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, Stuck> {
        Ok(self.wait_until(due))
    }

    async fn ask_gateway_about_all(&mut self) -> Result<Next, Stuck> {
        let input = PayoutRef { payout: self.payout };
        Ok(self.until_it_answers(|| activities::ReobserveStep::reobserve, input).await?.next)
    }

    async fn await_attention(&mut self) -> Result<Next, Stuck> {
        let (world, payout) = (&self.world, self.payout);
        activities::look_at_earlier_attempts(
            &world.pool,
            world.gateway.as_ref(),
            world.clock.as_ref(),
            &world.rules.retry,
            payout,
        )
        .await
        .unwrap();
        let refunded =
            store::manual::refund(self.pool(), payout, &admin(), "back", self.now()).await.unwrap();
        match refunded {
            store::manual::Acted::Done(_) => Ok(self.next().await),
            store::manual::Acted::NotFound
            | store::manual::Acted::NotWaiting(_)
            | store::manual::Acted::NotProven { .. } => Err(Stuck),
        }
    }

    async fn notify(&mut self, ending: Ending) -> Result<(), Stuck> {
        let input = EndingRef { payout: self.payout, ending };
        self.until_it_answers(|| activities::NotifyStep::notify, input).await
    }
}

/// Whether its outcome is unknown and its money still set aside: what a step may leave behind instead of its effect.
pub(super) async fn is_unknown(play: &Play) -> bool {
    let payout = store::payouts::get(play.pool(), play.payout).await.unwrap().unwrap();
    let attempts = store::attempts::of_payout(play.pool(), play.payout).await.unwrap();
    let sent = attempts.iter().any(|attempt| attempt.status.is_open() && attempt.sends > 0);
    payout.status == PayoutStatus::Processing && sent
}

fn admin() -> Actor {
    Actor::admin("ada")
}

fn platform() -> Actor {
    Actor::platform("test")
}

async fn request(pool: &Pool, nth: i64, now: DateTime<Utc>) -> (ProviderId, PayoutId) {
    let provider = store::providers::NewProvider {
        external_id: format!("provider-{nth}"),
        display_name: "Provider".to_owned(),
        email: None,
        verified: true,
        suspended: false,
    };
    let (provider, _) = store::providers::upsert(pool, &provider, &platform(), now).await.unwrap();
    let earning = store::earnings::NewEarning {
        external_id: format!("earning-{nth}"),
        provider_external_id: provider.external_id,
        amount: naira("5000.00"),
        description: String::new(),
        earned_at: now,
    };
    store::earnings::push(pool, &earning, &platform(), now).await.unwrap();
    let account = store::bank_accounts::NewBankAccount {
        provider: provider.id,
        currency: Currency::Ngn,
        bank: "044".parse().unwrap(),
        number: "0690000040".parse().unwrap(),
        name: AccountName::new("Ada Obi"),
    };
    let added =
        store::bank_accounts::add(pool, &account, None, TimeDelta::zero(), &platform(), now).await.unwrap();
    let store::bank_accounts::Added::New(account) = added else { panic!("{added:?}") };
    let new = store::payouts::NewPayout {
        provider: provider.id,
        bank_account: account.id,
        amount: naira("1500.00"),
        idempotency_key: "once".to_owned(),
        body_hash: [0; 32],
    };
    let requested = store::payouts::request(pool, &new, |_| serde_json::json!({}), now).await.unwrap();
    match requested.unwrap() {
        store::payouts::Requested::New { payout, .. } => (provider.id, payout.id),
        again @ store::payouts::Requested::Again { .. } => panic!("{again:?}"),
    }
}
