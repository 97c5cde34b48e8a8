//! Whatever happens, in whatever order, the books are right after it.

use chrono::TimeDelta;
use domain::{Next, Observed, PayoutId, PayoutStatus};
use rust_decimal::Decimal;
use sqlx::PgPool;
use store::{decisions::Verdict, manual, payouts};

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
