//! Whatever happens, in whatever order, the books are right after it.

use chrono::TimeDelta;
use domain::{Next, Observed, PayoutId, PayoutStatus};
use rust_decimal::Decimal;
use sqlx::PgPool;
use store::{
    attempts::{self, Sending},
    decisions::Verdict,
    manual, payouts,
};

use crate::fixtures::{Dice, Payee, World, accept, ada, decline, fails, seconds};

/// What the balance must be, counted beside the database in kobo.
#[derive(Default)]
struct Expected {
    available: i64,
    reserved: i64,
    paid: i64,
}

impl Expected {
    fn text(&self) -> [String; 3] {
        [self.available, self.reserved, self.paid].map(|kobo| Decimal::new(kobo, 2).to_string())
    }
}

struct Life {
    world: World,
    payee: Payee,
    dice: Dice,
    expected: Expected,
    payouts: Vec<(PayoutId, i64)>,
}

impl Life {
    async fn step(&mut self) {
        self.world.pass(seconds(1));
        match self.dice.roll(4) {
            0 => self.earn().await,
            1 => self.ask().await,
            _ => self.go_on().await,
        }
        assert_eq!(self.world.balance(&self.payee).await, self.expected.text());
    }

    async fn earn(&mut self) {
        let kobo = i64::try_from(self.dice.roll(5000)).unwrap() + 1;
        let earned = self.world.now - TimeDelta::hours(i64::try_from(self.dice.roll(100)).unwrap());
        self.world.earns_at(&self.payee, &Decimal::new(kobo, 2).to_string(), earned).await;
        self.expected.available += kobo;
    }

    async fn ask(&mut self) {
        let kobo = i64::try_from(self.dice.roll(4000)).unwrap() + 1;
        let key = PayoutId::mint().to_string();
        let asked = self.world.request(&self.payee, &Decimal::new(kobo, 2).to_string(), &key).await;
        match asked {
            Ok(payouts::Requested::New { payout, .. }) => {
                assert!(kobo <= self.expected.available);
                self.expected.available -= kobo;
                self.expected.reserved += kobo;
                self.payouts.push((payout.id, kobo));
            }
            Err(payouts::RequestRefused::InsufficientBalance { .. }) => {
                assert!(kobo > self.expected.available);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Moves one payout to wherever it can go next.
    async fn go_on(&mut self) {
        let Some((payout, kobo)) = self.dice.pick(&self.payouts).copied() else { return };
        let before = self.world.status(payout).await;
        let refunded = self.world.payout(payout).await.refunded_at.is_some();
        match self.world.next(payout).await {
            Next::Assess if self.dice.roll(4) == 0 => self.cancel(payout).await,
            Next::Assess => drop(self.world.assess(payout).await),
            Next::AwaitDecision => {
                let verdict = if self.dice.roll(3) == 0 { Verdict::Reject } else { Verdict::Approve };
                self.world.decide(payout, verdict).await;
            }
            Next::AwaitRelease if self.dice.roll(5) == 0 => self.cancel(payout).await,
            Next::AwaitRelease => drop(self.world.release().await),
            Next::Begin => drop(self.world.begin(payout).await),
            Next::Send { attempt } => {
                let id = self.world.goes(payout, attempt.get()).await;
                let answer = if self.dice.roll(5) == 0 { decline("Insufficient funds") } else { accept() };
                self.world.answered(payout, id, &answer).await;
            }
            Next::AwaitOutcome { attempt, .. } => {
                let message = if self.dice.roll(2) == 0 { "account closed" } else { "bank is not available" };
                match self.dice.roll(3) {
                    0 => self.world.look(payout, attempt.get(), Observed::Succeeded).await,
                    1 => self.world.look(payout, attempt.get(), fails(message)).await,
                    _ => self.world.look(payout, attempt.get(), Observed::InFlight).await,
                };
            }
            Next::AwaitRetry { due } => {
                self.world.now = self.world.now.max(due);
                self.see_all_failed(payout).await;
                self.world.begin(payout).await;
            }
            Next::AwaitAttention => {
                self.see_all_failed(payout).await;
                if self.dice.roll(2) == 0 {
                    manual::refund(&self.world.pool, payout, &ada(), "x", self.world.now).await.unwrap();
                } else {
                    manual::retry(&self.world.pool, payout, &ada(), "x", self.world.now).await.unwrap();
                }
            }
            Next::Notify { .. } => {}
        }
        let after = self.world.payout(payout).await;
        let given_back = match after.status {
            PayoutStatus::Rejected | PayoutStatus::Cancelled => before != after.status,
            PayoutStatus::Failed => !refunded && after.refunded_at.is_some(),
            PayoutStatus::Completed => {
                if before != PayoutStatus::Completed {
                    self.expected.reserved -= kobo;
                    self.expected.paid += kobo;
                }
                false
            }
            PayoutStatus::Requested
            | PayoutStatus::Approved
            | PayoutStatus::Processing
            | PayoutStatus::Reversed => false,
        };
        if given_back {
            self.expected.reserved -= kobo;
            self.expected.available += kobo;
        }
    }

    async fn cancel(&self, payout: PayoutId) {
        payouts::cancel(&self.world.pool, payout, self.payee.id, self.world.now).await.unwrap();
    }

    async fn see_all_failed(&self, payout: PayoutId) {
        for attempt in 1..=self.world.payout(payout).await.attempts {
            self.world.look(payout, attempt, fails("bank is not available")).await;
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_books_are_right_after_every_step_of_any_life(pool: PgPool) {
    let world = World::new(&pool);
    for seed in 0..4 {
        let payee = world.provider().await;
        world.earns(&payee, "0.01").await;
        let expected = Expected { available: 1, ..Expected::default() };
        let mut life = Life { world: world.clone(), payee, dice: Dice::new(seed), expected, payouts: vec![] };
        for _ in 0..120 {
            life.step().await;
            world.books_are_right().await;
        }
    }
    for status in ["COMPLETED", "FAILED", "REJECTED", "CANCELLED"] {
        let sql = format!("SELECT count(*) FROM payouts WHERE status = '{status}'");
        let lived: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&world.pool).await.unwrap();
        assert!(lived > 0, "no life came to {status}");
    }
}

/// Everything that can happen to money after it was sent, in any order: late successes, returns, adjustments, and payouts between
/// them. The check itself holds every kobo of it against what was earned.
#[sqlx::test(migrations = "../migrations")]
async fn the_books_are_right_whatever_the_gateway_takes_back(pool: PgPool) {
    let mut world = World::new(&pool);
    for seed in 100..104 {
        let payee = world.provider().await;
        let mut dice = Dice::new(seed);
        let mut jobs = vec![world.earns_at(&payee, "50", world.now).await];
        let mut payouts: Vec<PayoutId> = vec![];
        for step in 0..100 {
            world.pass(seconds(1));
            match dice.roll(8) {
                0 => jobs.push(world.earns_at(&payee, &dice.amount(2000), world.now).await),
                1 => {
                    let Some(job) = dice.pick(&jobs).cloned() else { continue };
                    let sign = if dice.roll(2) == 0 { "-" } else { "" };
                    let amount = format!("{sign}{}", dice.amount(1500));
                    adjust(&world, &job, &format!("{seed}-{step}"), &amount).await;
                }
                2 | 3 => {
                    let key = PayoutId::mint().to_string();
                    let asked = world.request(&payee, &dice.amount(1500), &key).await;
                    if let Ok(payouts::Requested::New { payout, .. }) = asked {
                        payouts.push(payout.id);
                    }
                }
                4 | 5 => {
                    let Some(payout) = dice.pick(&payouts).copied() else { continue };
                    go_on(&mut world, &payee, &mut dice, payout).await;
                }
                // The gateway says what it likes about any attempt.
                _ => {
                    let Some(payout) = dice.pick(&payouts).copied() else { continue };
                    let made = world.payout(payout).await.attempts;
                    if made == 0 {
                        continue;
                    }
                    let attempt = u8::try_from(dice.roll(u64::from(made))).unwrap() + 1;
                    if dice.roll(3) > 0 {
                        world.look(payout, attempt, Observed::Succeeded).await;
                    } else {
                        world.look(payout, attempt, fails("bank is not available")).await;
                        // It may still say so a day later.
                        world.pass(TimeDelta::hours(25));
                        if dice.roll(2) == 0 {
                            world.look(payout, attempt, fails("bank is not available")).await;
                        }
                    }
                }
            }
            world.books_are_right().await;
        }
    }
    for (what, sql) in [
        ("late", "SELECT count(*) FROM attempts WHERE late"),
        ("overpaid", "SELECT count(*) FROM postings WHERE kind = 'overpaid'"),
        ("recovered", "SELECT count(*) FROM postings WHERE kind = 'debt_recovered'"),
        ("given back", "SELECT count(*) FROM postings WHERE kind = 'reversed'"),
        ("raised", "SELECT count(*) FROM adjustments WHERE amount > 0"),
        ("cut", "SELECT count(*) FROM adjustments WHERE amount < 0"),
    ] {
        assert!(world.count(sql).await > 0, "nothing was {what}");
    }
}

async fn adjust(world: &World, job: &str, external_id: &str, amount: &str) {
    let new = store::earnings::NewAdjustment {
        external_id: external_id.to_owned(),
        earning_external_id: job.to_owned(),
        amount: crate::fixtures::naira(amount),
        reason: "looked again".to_owned(),
    };
    let actor = store::Actor::platform("shop");
    store::earnings::adjust(&world.pool, &new, &actor, world.now).await.unwrap();
}

/// One payout goes as far as the next thing that only the gateway can say.
async fn go_on(world: &mut World, payee: &Payee, dice: &mut Dice, payout: PayoutId) {
    // What an overpayment pauses, finance lets go on.
    sqlx::query("DELETE FROM pauses").execute(&world.pool).await.unwrap();
    for _ in 0..8 {
        match world.next(payout).await {
            Next::Assess => drop(world.assess(payout).await),
            Next::AwaitDecision => drop(world.decide(payout, Verdict::Approve).await),
            Next::AwaitRelease if dice.roll(6) == 0 => {
                payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();
            }
            Next::AwaitRelease => drop(world.release().await),
            Next::Begin => {
                see_all_failed(world, payout).await;
                world.begin(payout).await;
            }
            Next::Send { attempt } => {
                if let Sending::Go { lease, .. } = world.count_send(payout, attempt.get()).await {
                    let answer = if dice.roll(4) == 0 { decline("Insufficient funds") } else { accept() };
                    world.answered(payout, lease, &answer).await;
                }
            }
            Next::AwaitRetry { due } => {
                world.now = world.now.max(due);
                see_all_failed(world, payout).await;
                world.begin(payout).await;
            }
            Next::AwaitAttention => {
                see_all_failed(world, payout).await;
                if dice.roll(2) == 0 {
                    manual::refund(&world.pool, payout, &ada(), "x", world.now).await.unwrap();
                } else {
                    manual::retry(&world.pool, payout, &ada(), "x", world.now).await.unwrap();
                }
            }
            Next::AwaitOutcome { .. } | Next::Notify { .. } => return,
        }
    }
}

async fn see_all_failed(world: &World, payout: PayoutId) {
    for place in attempts::terms_of_earlier(&world.pool, payout).await.unwrap() {
        world.look(payout, place.number.get(), fails("bank is not available")).await;
    }
}

/// The check finds what SQL by hand puts wrong about debts, adjustments, late successes and returns.
#[sqlx::test(migrations = "../migrations")]
async fn wrong_books_about_what_was_taken_back_are_found(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    let job = world.earns_at(&payee, "30", world.now).await;
    adjust(&world, &job, "cut", "-2").await;
    adjust(&world, &job, "tip", "3").await;
    let twice = world.accepted_again(&payee, "4").await;
    for attempt in [1, 2] {
        world.look(twice, attempt, Observed::Succeeded).await;
    }
    sqlx::query("DELETE FROM pauses").execute(&world.pool).await.unwrap();
    let returned = world.completed(&payee, "5").await;
    let waiting = world.accepted_again(&payee, "1").await;
    world.look(waiting, 1, Observed::Succeeded).await;
    for _ in 0..2 {
        world.look(returned, 1, fails("returned")).await;
        world.pass(TimeDelta::hours(24));
    }
    assert_eq!(world.accounts(&payee).await, ["22.00", "1.00", "8.00", "0.00"]);
    world.books_are_right().await;
    for (wrong, right, finding) in [
        (
            "UPDATE earnings SET recovered = recovered - 1, paid = paid + 1 WHERE recovered > 0",
            "UPDATE earnings SET recovered = recovered + 1, paid = paid - 1 WHERE recovered > 0",
            "its allocations say",
        ),
        (
            "UPDATE recoveries SET amount = amount + 1",
            "UPDATE recoveries SET amount = amount - 1",
            "its earnings say",
        ),
        (
            "UPDATE ledger_accounts SET balance = balance - 1 WHERE kind = 'provider_debt'",
            "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'provider_debt'",
            "and owes",
        ),
        (
            "UPDATE ledger_accounts SET balance = balance - 1 WHERE kind = 'provider_debt'",
            "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'provider_debt'",
            "debt against overpayments and cuts",
        ),
        (
            "UPDATE adjustments SET amount = -1.99 WHERE external_id = 'cut'",
            "UPDATE adjustments SET amount = -2 WHERE external_id = 'cut'",
            "is not booked as it says",
        ),
        (
            "UPDATE earnings SET amount = amount + 1 WHERE adjusts IS NOT NULL",
            "UPDATE earnings SET amount = amount - 1 WHERE adjusts IS NOT NULL",
            "is booked with",
        ),
        (
            "UPDATE earnings SET adjusts = NULL WHERE external_id = 'tip'",
            "UPDATE earnings e SET adjusts = j.earning_id FROM adjustments j WHERE j.raised_id = e.id",
            "is not booked as it says",
        ),
        (
            "UPDATE postings SET kind = 'adjusted' WHERE kind = 'earned'",
            "UPDATE postings SET kind = 'earned' WHERE event LIKE 'earned:%'",
            "is booked with",
        ),
        (
            "UPDATE attempts SET status = 'SUCCEEDED' WHERE status = 'REVERSED'",
            "UPDATE attempts SET status = 'REVERSED' WHERE reversal_seen_at IS NOT NULL",
            "its money was booked otherwise",
        ),
        (
            "UPDATE payouts SET status = 'COMPLETED', reversed_at = NULL WHERE status = 'REVERSED'",
            "UPDATE payouts p SET status = 'REVERSED', reversed_at = p.updated_at FROM attempts a
             WHERE a.payout_id = p.id AND a.status = 'REVERSED'",
            "but its money is elsewhere",
        ),
        (
            "UPDATE postings SET attempt_id = NULL WHERE kind = 'overpaid'",
            "UPDATE postings SET attempt_id = substr(event, 10)::uuid WHERE kind = 'overpaid'",
            "its money was booked otherwise",
        ),
        (
            "UPDATE postings SET kind = 'paid' WHERE kind = 'overpaid'",
            "UPDATE postings SET kind = 'overpaid' WHERE event LIKE 'overpaid:%'",
            "but its money is elsewhere",
        ),
        (
            "UPDATE attempts SET fee = fee + 1 WHERE late AND status = 'SUCCEEDED' AND payout_id IN (SELECT id FROM payouts WHERE status = 'COMPLETED')",
            "UPDATE attempts SET fee = fee - 1 WHERE late AND status = 'SUCCEEDED' AND payout_id IN (SELECT id FROM payouts WHERE status = 'COMPLETED')",
            "tells a fee of",
        ),
        // The one that a waiting late success waits for has ended.
        (
            "UPDATE attempts SET status = 'FAILED', failed_seen_at = updated_at, settled_at = updated_at, failure_code = 'other'
             WHERE status = 'ACCEPTED'",
            "UPDATE attempts SET status = 'ACCEPTED', failed_seen_at = NULL, settled_at = NULL, failure_code = NULL
             WHERE status = 'FAILED'",
            "its money was booked otherwise",
        ),
        (
            "UPDATE payouts SET status = 'APPROVED', batch_id = NULL WHERE status = 'PROCESSING'",
            "UPDATE payouts p SET status = 'PROCESSING', batch_id = a.batch_id FROM attempts a WHERE a.payout_id = p.id AND p.status = 'APPROVED'",
            "and 1 open",
        ),
        (
            "UPDATE allocations SET state = 'PAID' WHERE state = 'RETURNED'",
            "UPDATE allocations l SET state = 'RETURNED' FROM payouts p WHERE p.id = l.payout_id AND p.status = 'REVERSED'",
            "but its money is elsewhere",
        ),
    ] {
        by_hand(&world, wrong).await;
        let findings = store::books::verify(&world.pool).await.unwrap().findings;
        assert!(findings.iter().any(|words| words.contains(finding)), "{wrong}: {findings:?}");
        by_hand(&world, right).await;
        world.books_are_right().await;
    }
}

/// The check finds what SQL by hand puts wrong.
#[sqlx::test(migrations = "../migrations")]
async fn wrong_books_are_found(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.completed(&payee, "4").await;
    world.requested(&payee, "1").await;
    for (wrong, right, finding) in [
        (
            "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'provider_available'",
            "UPDATE ledger_accounts SET balance = balance - 1 WHERE kind = 'provider_available'",
            "its entries say",
        ),
        (
            "UPDATE earnings SET allocated = allocated + 1",
            "UPDATE earnings SET allocated = allocated - 1",
            "its allocations say",
        ),
        (
            "UPDATE earnings SET paid = paid + 0.0001",
            "UPDATE earnings SET paid = paid - 0.0001",
            "paid out against earnings",
        ),
        (
            "UPDATE allocations SET state = 'REFUNDED' WHERE state = 'RESERVED'",
            "UPDATE allocations SET state = 'RESERVED' WHERE state = 'REFUNDED'",
            "but its money is elsewhere",
        ),
        (
            "UPDATE payouts SET fee = fee + 1 WHERE status = 'COMPLETED'",
            "UPDATE payouts SET fee = fee - 1 WHERE status = 'COMPLETED'",
            "tells a fee of",
        ),
        (
            "UPDATE payouts SET attempts = 5 WHERE status = 'COMPLETED'",
            "UPDATE payouts SET attempts = 1 WHERE status = 'COMPLETED'",
            "after 5 attempts",
        ),
        (
            "UPDATE attempts SET status = 'REVERSED'",
            "UPDATE attempts SET status = 'SUCCEEDED'",
            "0 successful",
        ),
        (
            "UPDATE entries SET amount = 11 WHERE amount = 10",
            "UPDATE entries SET amount = 10 WHERE amount = 11",
            "is off by",
        ),
        (
            "UPDATE postings SET kind = 'adjusted' WHERE kind = 'reserved'",
            "UPDATE postings SET kind = 'reserved' WHERE kind = 'adjusted'",
            "but its money is elsewhere",
        ),
    ] {
        by_hand(&world, wrong).await;
        let findings = store::books::verify(&world.pool).await.unwrap().findings;
        assert!(findings.iter().any(|words| words.contains(finding)), "{wrong}: {findings:?}");
        by_hand(&world, right).await;
        world.books_are_right().await;
    }
}

/// Past every trigger.
async fn by_hand(world: &World, sql: &'static str) {
    let mut tx = world.pool.begin().await.unwrap();
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}
