//! A marketplace in a database of its own: providers with money, and payouts brought to where a test begins.

use std::{future::Future, pin::Pin, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Accepted, AccountName, AttemptNumber, BankAccountId, BatchId, Currency, Failure, Money, Next, NotSent,
    NotSentClass, Observed, PayoutId, PayoutStatus, Progress, ProviderId, Reference, ReferencePrefix,
    RetrySchedule, RiskRules, Sighting, Submitted, risk::Mode,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{PgPool, PgTransaction, postgres::PgPoolOptions};
use store::{
    Actor, assessments,
    attempts::{self, Lease, RetryPolicy, Sending, TermsAndPlace},
    balances, bank_accounts, batches, books,
    decisions::{self, Decided, NewDecision, Verdict},
    earnings, payouts,
    payouts::{NewPayout, Payout, RequestRefused, Requested},
    providers, reviews, risk_policies,
};

/// A database and the time on its wall. A copy shares the database.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) now: DateTime<Utc>,
}

/// Someone who is owed money.
#[derive(Debug, Clone)]
pub(crate) struct Payee {
    pub(crate) id: ProviderId,
    pub(crate) external_id: String,
    pub(crate) account: BankAccountId,
}

pub(crate) fn naira(amount: &str) -> Money {
    Money::parse(amount, Currency::Ngn).unwrap()
}

pub(crate) fn number(attempt: u8) -> AttemptNumber {
    AttemptNumber::new(attempt).unwrap()
}

pub(crate) fn ada() -> Actor {
    Actor::admin("ada")
}

pub(crate) fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}

/// Sends every payout to people.
fn strict() -> RiskRules {
    let mut rules = lenient();
    rules.amount.at_most = Decimal::ZERO;
    rules
}

/// Lets small payouts of those who have been paid before go by themselves.
pub(crate) fn lenient() -> RiskRules {
    let mut rules = RiskRules::first();
    rules.successful_payouts.at_least = 1;
    rules.amount_against_baseline.at_most_times = 3;
    for mode in [
        &mut rules.requests_per_day.mode,
        &mut rules.requests_per_week.mode,
        &mut rules.sum_per_day.mode,
        &mut rules.sum_per_week.mode,
        &mut rules.requests_against_baseline.mode,
    ] {
        *mode = Mode::Informational;
    }
    rules
}

pub(crate) fn retries() -> RetryPolicy {
    RetryPolicy { schedule: RetrySchedule::default(), webhook_timeout: Duration::from_secs(30) }
}

/// Two must approve it.
pub(crate) const ABOVE_THE_LIMIT: &str = "1000000.01";

/// The client's timeout and a margin.
pub(crate) const LEASE: Duration = Duration::from_secs(40);

impl World {
    /// Connections of its own: those of `sqlx::test` are shared among all tests of a process, and a race that held some of
    /// them while it waits for others could meet another race there.
    pub(crate) fn new(pool: &PgPool) -> Self {
        const CONNECTIONS: u32 = 8;
        let options = (*pool.connect_options()).clone();
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        Self { pool, now: "2026-11-22T09:00:00Z".parse().unwrap() }
    }

    pub(crate) fn pass(&mut self, time: TimeDelta) {
        self.now += time;
    }

    pub(crate) fn at(&self, later: TimeDelta) -> Self {
        Self { pool: self.pool.clone(), now: self.now + later }
    }

    /// The same database over more connections than a test has by itself. Close it before the test ends.
    pub(crate) async fn crowd(&self, connections: u32) -> Self {
        let options = (*self.pool.connect_options()).clone();
        let pool = PgPoolOptions::new().max_connections(connections).connect_with(options).await.unwrap();
        Self { pool, now: self.now }
    }

    // Who is owed what.

    pub(crate) async fn provider(&self) -> Payee {
        let external_id = ProviderId::mint().to_string();
        let provider = self.upsert(&external_id, false).await;
        let account = self.account(provider, "0690000032").await;
        Payee { id: provider, external_id, account }
    }

    pub(crate) async fn upsert(&self, external_id: &str, suspended: bool) -> ProviderId {
        let new = providers::NewProvider {
            external_id: external_id.to_owned(),
            display_name: "Ada Obi".to_owned(),
            email: None,
            verified: true,
            suspended,
        };
        providers::upsert(&self.pool, &new, &Actor::platform("shop"), self.now).await.unwrap().0.id
    }

    pub(crate) async fn suspend(&self, payee: &Payee) {
        self.upsert(&payee.external_id, true).await;
    }

    pub(crate) async fn account(&self, provider: ProviderId, digits: &str) -> BankAccountId {
        self.account_that_cools(provider, digits, TimeDelta::days(2)).await
    }

    /// Another account of the same provider's that has cooled off.
    pub(crate) async fn ready_account(&self, payee: &Payee) -> BankAccountId {
        self.account_that_cools(payee.id, "0690000040", TimeDelta::zero()).await
    }

    async fn account_that_cools(
        &self,
        provider: ProviderId,
        digits: &str,
        cooling: TimeDelta,
    ) -> BankAccountId {
        let new = bank_accounts::NewBankAccount {
            provider,
            currency: Currency::Ngn,
            bank: "044".parse().unwrap(),
            number: digits.parse().unwrap(),
            name: AccountName::new("ADA OBI"),
        };
        match bank_accounts::add(&self.pool, &new, None, cooling, &Actor::provider(provider), self.now).await
        {
            Ok(bank_accounts::Added::New(account)) => account.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn earns(&self, payee: &Payee, amount: &str) {
        self.earns_at(payee, amount, self.now).await;
    }

    pub(crate) async fn earns_at(&self, payee: &Payee, amount: &str, earned_at: DateTime<Utc>) -> String {
        let new = earnings::NewEarning {
            external_id: ProviderId::mint().to_string(),
            provider_external_id: payee.external_id.clone(),
            amount: naira(amount),
            description: "a job".to_owned(),
            earned_at,
        };
        let pushed = earnings::push(&self.pool, &new, &Actor::platform("shop"), self.now).await.unwrap();
        assert!(matches!(pushed, earnings::Pushed::New(_)));
        new.external_id
    }

    // A payout, brought as far as its name says.

    pub(crate) async fn request(
        &self,
        payee: &Payee,
        amount: &str,
        key: &str,
    ) -> Result<Requested, RequestRefused> {
        let new = NewPayout {
            provider: payee.id,
            bank_account: payee.account,
            amount: naira(amount),
            idempotency_key: key.to_owned(),
            body_hash: [7; 32],
        };
        payouts::request(&self.pool, &new, answer, self.now).await.unwrap()
    }

    pub(crate) async fn requested(&self, payee: &Payee, amount: &str) -> PayoutId {
        match self.request(payee, amount, &PayoutId::mint().to_string()).await {
            Ok(Requested::New { payout, .. }) => payout.id,
            other => panic!("{other:?}"),
        }
    }

    /// These rules are in force from here on.
    pub(crate) async fn in_force(&self, rules: RiskRules) -> risk_policies::Policy {
        let active = risk_policies::active(&self.pool, Currency::Ngn).await.unwrap();
        if let Some(active) = active.filter(|active| active.rules == rules) {
            return active;
        }
        let (eve, now) = (Actor::admin("eve"), self.now);
        let new =
            risk_policies::propose(&self.pool, Currency::Ngn, &rules, "a test", &eve, now).await.unwrap();
        let moved = risk_policies::activate(&self.pool, new.id, &ada(), now).await.unwrap();
        let risk_policies::Moved::Done(policy) = moved else { panic!("{moved:?}") };
        *policy
    }

    /// By rules that send everything to people.
    pub(crate) async fn assess(&self, payout: PayoutId) -> Progress {
        self.assess_by(strict(), payout).await
    }

    pub(crate) async fn assess_by(&self, rules: RiskRules, payout: PayoutId) -> Progress {
        self.in_force(rules).await;
        assessments::validate_and_assess(&self.pool, payout, false, self.now).await.unwrap()
    }

    pub(crate) async fn under_review(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.requested(payee, amount).await;
        assert_eq!(self.assess(payout).await.next, Next::AwaitDecision);
        payout
    }

    pub(crate) async fn decide(&self, payout: PayoutId, verdict: Verdict) -> Decided {
        let new = NewDecision { payout, verdict, reason: "looked at it" };
        decisions::decide(&self.pool, &new, &ada(), false, self.now).await.unwrap()
    }

    /// The queue, longest waiting first.
    pub(crate) async fn queue(&self) -> Vec<reviews::Review> {
        let (filter, sort) = (reviews::Filter::default(), reviews::Sort::Waiting(None));
        let listed = reviews::list(&self.pool, &filter, sort, 100, self.now).await.unwrap();
        listed.into_iter().map(|listed| listed.review).collect()
    }

    pub(crate) async fn decide_as(&self, admin: &str, payout: PayoutId, verdict: Verdict) -> Decided {
        let new = NewDecision { payout, verdict, reason: "looked at it" };
        decisions::decide(&self.pool, &new, &Actor::admin(admin), false, self.now).await.unwrap()
    }

    pub(crate) async fn approved(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.under_review(payee, amount).await;
        let mut decided = self.decide(payout, Verdict::Approve).await;
        // A second person, or somebody else where ada has paused or resumed what it depends on.
        if matches!(decided, Decided::Second(_) | Decided::Involved(_)) {
            decided = self.decide_as("ben", payout, Verdict::Approve).await;
        }
        assert!(matches!(decided, Decided::Done(_)), "{decided:?}");
        payout
    }

    pub(crate) async fn batch(&self) -> BatchId {
        batches::run_now(&self.pool, &ada(), self.now).await.unwrap().id
    }

    pub(crate) async fn claim(&self, batch: BatchId) -> u32 {
        batches::claim_chunk(&self.pool, batch, 1000, self.now).await.unwrap().claimed
    }

    pub(crate) async fn release(&self) -> u32 {
        self.claim(self.batch().await).await
    }

    pub(crate) async fn released(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.approved(payee, amount).await;
        assert!(self.release().await >= 1);
        payout
    }

    pub(crate) async fn begin(&self, payout: PayoutId) -> Progress {
        attempts::begin(&self.pool, payout, &prefix(), self.now).await.unwrap()
    }

    pub(crate) async fn begun(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.released(payee, amount).await;
        assert_eq!(self.begin(payout).await.next, Next::Send { attempt: number(1) });
        payout
    }

    pub(crate) async fn count_send(&self, payout: PayoutId, attempt: u8) -> Sending {
        attempts::count_send(&self.pool, payout, number(attempt), LEASE, "payout", self.now).await.unwrap()
    }

    /// Counts a send that must be allowed.
    pub(crate) async fn goes(&self, payout: PayoutId, attempt: u8) -> Lease {
        let Sending::Go { lease, .. } = self.count_send(payout, attempt).await else {
            panic!("attempt {attempt} is not to be sent")
        };
        lease
    }

    pub(crate) async fn answered(&self, payout: PayoutId, lease: Lease, answer: &Submitted) -> Progress {
        attempts::record_submitted(&self.pool, payout, lease, answer, &retries(), self.now).await.unwrap()
    }

    pub(crate) async fn accepted(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.begun(payee, amount).await;
        let attempt = self.goes(payout, 1).await;
        self.answered(payout, attempt, &accept()).await;
        payout
    }

    pub(crate) async fn place(&self, payout: PayoutId, attempt: u8) -> TermsAndPlace {
        attempts::terms(&self.pool, payout, number(attempt)).await.unwrap().unwrap()
    }

    /// Looks at an attempt and sees what `seen` makes of its terms.
    pub(crate) async fn look(
        &self,
        payout: PayoutId,
        attempt: u8,
        seen: impl Fn(Sighting) -> Observed,
    ) -> Progress {
        let place = self.place(payout, attempt).await;
        let observed = seen(sighting(&place));
        attempts::record_observation(&self.pool, payout, &place, &observed, &retries(), self.now)
            .await
            .unwrap()
    }

    pub(crate) async fn completed(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.accepted(payee, amount).await;
        let progress = self.look(payout, 1, Observed::Succeeded).await;
        assert_eq!(progress.status, PayoutStatus::Completed);
        payout
    }

    /// Failed for good: it needs a person.
    pub(crate) async fn given_up(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.accepted(payee, amount).await;
        let progress = self.look(payout, 1, fails("account closed")).await;
        assert_eq!(progress.next, Next::AwaitAttention);
        payout
    }

    // What is so.

    pub(crate) async fn payout(&self, id: PayoutId) -> Payout {
        payouts::get(&self.pool, id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: PayoutId) -> PayoutStatus {
        self.payout(id).await.status
    }

    pub(crate) async fn next(&self, id: PayoutId) -> Next {
        payouts::progress(&self.pool, id, self.now).await.unwrap().next
    }

    pub(crate) async fn attempt(&self, payout: PayoutId, attempt: u8) -> attempts::Attempt {
        let all = attempts::of_payout(&self.pool, payout).await.unwrap();
        all.into_iter().find(|a| a.number == number(attempt)).unwrap()
    }

    /// The latest evidence about an attempt.
    pub(crate) async fn evidence(&self, payout: PayoutId, attempt: u8) -> String {
        self.attempt(payout, attempt).await.evidence.last().unwrap().verdict.clone()
    }

    /// Available, reserved and paid out.
    pub(crate) async fn balance(&self, payee: &Payee) -> [String; 3] {
        let all = balances::of(&self.pool, payee.id).await.unwrap();
        let [one] = all.as_slice() else { panic!("{all:?}") };
        assert!(one.debt.is_zero());
        [one.available, one.reserved, one.paid_out].map(|money| money.amount().to_string())
    }

    /// Available, reserved, paid out and owed.
    pub(crate) async fn accounts(&self, payee: &Payee) -> [String; 4] {
        let all = balances::of(&self.pool, payee.id).await.unwrap();
        let [one] = all.as_slice() else { panic!("{all:?}") };
        [one.available, one.reserved, one.paid_out, one.debt].map(|money| money.amount().to_string())
    }

    /// How many cases of a kind are open.
    pub(crate) async fn open_cases(&self, kind: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM cases WHERE kind = $1 AND status = 'OPEN'")
            .bind(kind)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Finance closes every case about money that went twice.
    pub(crate) async fn settle_overpaid(&self) {
        let open: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM cases WHERE kind = 'overpaid' AND status = 'OPEN'")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        for case in open {
            let case = domain::CaseId::from_uuid(case);
            let closing =
                store::cases::Closing { case, reason: "settled", resolution: Some("they pay it back") };
            store::cases::close(&self.pool, &closing, &ada(), self.now).await.unwrap();
        }
    }

    /// A payout whose first attempt failed and whose second was recorded and not sent.
    pub(crate) async fn begun_again(&mut self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.accepted(payee, amount).await;
        self.look(payout, 1, fails("bank is not available")).await;
        self.pass(seconds(60));
        assert_eq!(self.begin(payout).await.next, Next::Send { attempt: number(2) });
        payout
    }

    /// A payout whose first attempt failed and whose second was accepted.
    pub(crate) async fn accepted_again(&mut self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.begun_again(payee, amount).await;
        let lease = self.goes(payout, 2).await;
        let accepted = Submitted::Accepted(Accepted { gateway_id: "gw-2".to_owned(), fee: None });
        self.answered(payout, lease, &accepted).await;
        payout
    }

    pub(crate) async fn books_are_right(&self) {
        assert_eq!(books::verify(&self.pool).await.unwrap().findings, [""; 0]);
    }

    /// The actions in a payout's audit trail.
    pub(crate) async fn trail(&self, payout: PayoutId) -> Vec<String> {
        let lines = store::audit::timeline(&self.pool, payout).await.unwrap();
        lines.into_iter().map(|line| line.action).collect()
    }

    /// The kinds of the outbox rows of a payout, in order.
    pub(crate) async fn told(&self, payout: PayoutId) -> Vec<String> {
        sqlx::query_scalar("SELECT coalesce(signal, kind) FROM outbox WHERE payout_id = $1 ORDER BY id")
            .bind(payout.uuid())
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Runs SQL by hand and answers the name of the constraint that refused it.
    pub(crate) async fn refused_by(&self, sql: &'static str, id: uuid::Uuid) -> String {
        let mut tx = self.pool.begin().await.unwrap();
        let done = sqlx::query(sql).bind(id).execute(&mut *tx).await;
        let refused = match done {
            Ok(done) => {
                assert!(done.rows_affected() > 0, "{sql} met no row");
                tx.commit().await.unwrap_err()
            }
            Err(refused) => refused,
        };
        let refused = refused.into_database_error().unwrap();
        refused.constraint().unwrap_or(refused.message()).to_owned()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    // Who comes first.

    /// Returns once this many statements wait for a lock.
    pub(crate) async fn until_waiting(&self, statements: i64) {
        for _ in 0..100_000 {
            let waiting = self
                .count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
                .await;
            if waiting >= statements {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nobody waits");
    }

    /// Takes the payout's lock in a transaction that others queue behind.
    pub(crate) async fn hold_up(&self, payout: PayoutId) -> PgTransaction<'static> {
        let mut tx = self.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM payouts WHERE id = $1 FOR UPDATE")
            .bind(payout.uuid())
            .execute(&mut *tx)
            .await
            .unwrap();
        tx
    }

    /// Runs two moves at once, whose first queues for its lock before the second. `gate`: what both queue behind.
    pub(crate) fn in_turn<'a, A, B>(
        &'a self,
        gate: PgTransaction<'static>,
        first: impl Future<Output = A> + 'a,
        second: impl Future<Output = B> + 'a,
    ) -> Pin<Box<dyn Future<Output = (A, B)> + 'a>> {
        let second = async {
            self.until_waiting(1).await;
            second.await
        };
        let open = async {
            self.until_waiting(2).await;
            gate.rollback().await.unwrap();
        };
        Box::pin(async {
            let (first, second, ()) = tokio::join!(first, second, open);
            (first, second)
        })
    }
}

pub(crate) fn answer(payout: &Payout) -> Value {
    json!({ "id": payout.id, "amount": payout.amount, "status": payout.status })
}

pub(crate) fn prefix() -> ReferencePrefix {
    "test".parse().unwrap()
}

/// The gateway's record of an attempt, agreeing with it in everything.
pub(crate) fn sighting(place: &TermsAndPlace) -> Sighting {
    Sighting {
        reference: place.terms.reference.clone(),
        gateway_id: format!("gw-{}", place.number.get()),
        amount: place.terms.amount,
        bank: "044".to_owned(),
        account: place.terms.account.expose().to_owned(),
        fee: Some(Money::exact("26.875".parse().unwrap(), Currency::Ngn).unwrap()),
    }
}

pub(crate) fn accept() -> Submitted {
    Submitted::Accepted(Accepted { gateway_id: "gw-1".to_owned(), fee: None })
}

pub(crate) fn decline(message: &str) -> Submitted {
    Submitted::Declined(Failure::known_refusal(message).unwrap())
}

pub(crate) fn unknown() -> Submitted {
    Submitted::Unknown { why: "timeout".to_owned() }
}

pub(crate) fn not_sent(message: &str) -> NotSent {
    NotSent { class: NotSentClass::Unreachable, retry_after: None, message: message.to_owned() }
}

pub(crate) fn fails(message: &str) -> impl Fn(Sighting) -> Observed {
    move |sighting| Observed::Failed(sighting, Failure::observed(message))
}

pub(crate) fn absent(_: Sighting) -> Observed {
    Observed::NotFound
}

pub(crate) fn unreadable(_: Sighting) -> Observed {
    Observed::Unrecognised { said: "<html>".to_owned() }
}

pub(crate) fn reference(place: &TermsAndPlace) -> Reference {
    place.terms.reference.clone()
}

/// Random numbers that are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    /// An amount of 0.01 to `kobo`.
    pub(crate) fn amount(&mut self, kobo: u64) -> String {
        let kobo = self.roll(kobo) + 1;
        format!("{}.{:02}", kobo / 100, kobo % 100)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let sides = u64::try_from(from.len()).unwrap();
        if sides == 0 { None } else { from.get(usize::try_from(self.roll(sides)).unwrap()) }
    }
}
