//! The wallet's statement against our books, line by line.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptStatus, CaseId, Currency, Money, PayoutId, PayoutStatus, Reference,
    statement::{Direction, LineResult, StatementLine},
};
use futures::future::join_all;
use sqlx::PgPool;
use store::{
    fundings::{self, Booked, NewFunding},
    reversals::{self, Confirmed},
    statements::{self, Imported, MAX_UNMATCHED, Statement},
};

use crate::fixtures::{World, ada, naira, number, prefix, seconds};

struct File(Vec<StatementLine>);

impl File {
    fn line(mut self, at: DateTime<Utc>, direction: Direction, amount: &str, reference: &str) -> Self {
        self.0.push(StatementLine {
            line: u32::try_from(self.0.len()).unwrap() + 2,
            at,
            direction,
            amount: Money::parse(amount, Currency::Ngn).unwrap(),
            fee: None,
            reference: Reference::from_stored(reference),
            balance: None,
        });
        self
    }

    async fn import(&self, world: &World, bytes: &str) -> Imported {
        statements::import(&world.pool, bytes.as_bytes(), &self.0, &prefix(), &ada(), world.now)
            .await
            .unwrap()
    }

    async fn imported(&self, world: &World, bytes: &str) -> Statement {
        match self.import(world, bytes).await {
            Imported::New(statement) => statement,
            other @ (Imported::Before(_) | Imported::NotOurs { .. }) => panic!("{other:?}"),
        }
    }
}

fn reference(payout: PayoutId) -> String {
    Reference::new(&prefix(), payout, number(1)).as_str().to_owned()
}

async fn results(world: &World, statement: &Statement) -> Vec<LineResult> {
    let lines = statements::lines(&world.pool, statement.id, false, 0, 100).await.unwrap();
    lines.into_iter().map(|line| line.result).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn every_line_is_explained_or_a_case(pool: PgPool) {
    use Direction::{Credit, Debit};
    use LineResult as R;
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let began = world.now - TimeDelta::hours(1);
    let paid = reference(world.completed(&payee, "4").await);
    let failed = reference(world.given_up(&payee, "3").await);
    let forgotten = reference(PayoutId::mint());
    let missing = world.completed(&payee, "2").await;
    let mut tx = world.pool.begin().await.unwrap();
    store::ledger::wallet_funded(&mut tx, "bank-7", naira("500"), world.now).await.unwrap();
    tx.commit().await.unwrap();
    world.pass(TimeDelta::hours(1));
    let file = File(vec![])
        .line(began, Debit, "4", &paid)
        .line(began, Debit, "3", &failed)
        .line(began, Credit, "3", &failed)
        .line(began, Credit, "500", "bank-7")
        .line(began, Debit, "9", "other-0192f0c12a3b7c4d8e5f001122334455-1")
        .line(began, Debit, "9", &forgotten)
        .line(began, Debit, "9", "rent")
        .line(began, Debit, "4", &paid)
        .line(world.now, Credit, "501", "bank-7");
    let statement = file.imported(&world, "a").await;
    let expected = [
        R::Transfer,
        R::Transfer,
        R::Returned,
        R::Funding,
        R::Elsewhere,
        R::Unmatched,
        R::Unmatched,
        R::Differs,
        R::Differs,
    ];
    assert_eq!(results(&world, &statement).await, expected);
    assert_eq!((statement.lines, statement.matched, statement.unmatched, statement.missing), (9, 5, 4, 2));
    // Four lines, and the transfer and the fee that are in none.
    assert_eq!(world.open_cases("statement_line").await, 6);
    let about = "SELECT count(*) FROM cases WHERE kind = 'statement_line' AND payout_id IS NOT NULL AND subject LIKE 'attempt:%'";
    assert_eq!(world.count(about).await, 1, "payout {missing}");
    let some = statements::lines(&world.pool, statement.id, true, 0, 100).await.unwrap();
    assert_eq!(some.iter().map(|line| line.line).collect::<Vec<_>>(), [7, 8, 9, 10]);
    // The same file, also at the same time, changes nothing; a file that says the same opens nothing twice.
    for again in join_all((0..3).map(|_| file.import(&world, "a"))).await {
        assert_eq!(again, Imported::Before(statement.clone()));
    }
    file.imported(&world, "b").await;
    assert_eq!(world.open_cases("statement_line").await, 6);
    assert_eq!(statements::list(&world.pool, None, 9).await.unwrap().len(), 2);
    world.books_are_right().await;
}

/// On v3 a reversal may show nowhere else: the case can be confirmed on the statement alone.
#[sqlx::test(migrations = "../migrations")]
async fn a_credit_of_what_was_paid_is_the_evidence_of_a_reversal(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let payout = world.completed(&payee, "4").await;
    let file = File(vec![]).line(world.now, Direction::Debit, "4", &reference(payout)).line(
        world.now + seconds(9),
        Direction::Credit,
        "4",
        &reference(payout),
    );
    let statement = file.imported(&world, "a").await;
    assert_eq!(results(&world, &statement).await, [LineResult::Transfer, LineResult::Reversal]);
    assert_eq!((statement.unmatched, world.open_cases("reversal").await), (0, 1));
    assert_eq!(world.status(payout).await, PayoutStatus::Completed, "a person confirms it");
    // The gateway, which still says that it paid, does not talk it away.
    world.look(payout, 1, domain::Observed::Succeeded).await;
    assert_eq!(world.open_cases("reversal").await, 1);
    let case: uuid::Uuid = sqlx::query_scalar("SELECT id FROM cases WHERE kind = 'reversal'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let confirmed =
        reversals::confirm_by_finance(&world.pool, CaseId::from_uuid(case), "statement", &ada(), world.now)
            .await;
    assert!(matches!(confirmed.unwrap(), Confirmed::Done(_)));
    assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Reversed);
    assert_eq!(world.status(payout).await, PayoutStatus::Reversed);
    world.books_are_right().await;
    // Imported again in a longer statement: nothing new.
    let longer = File(file.0).line(world.now + seconds(10), Direction::Debit, "1", "fee-of-the-dashboard");
    longer.imported(&world, "b").await;
    assert_eq!(world.open_cases("reversal").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn another_wallets_statement_is_refused_whole(pool: PgPool) {
    let world = World::new(&pool);
    let mut file = File(vec![]);
    for n in 0..=MAX_UNMATCHED {
        file = file.line(world.now, Direction::Debit, "1", &format!("theirs-{n}"));
    }
    let refused = file.import(&world, "a").await;
    assert_eq!(refused, Imported::NotOurs { unmatched: MAX_UNMATCHED + 1, lines: MAX_UNMATCHED + 1 });
    for table in ["wallet_statements", "statement_lines", "cases"] {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

/// A fee comes in the transfer's line, in its amount, or in a line of its own: one that is in none is a case until it turns up.
#[sqlx::test(migrations = "../migrations")]
async fn a_fee_that_is_in_no_line_is_a_case(pool: PgPool) {
    use Direction::Debit;
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let began = world.now;
    let mut paid = vec![];
    for _ in 0..5 {
        paid.push(reference(world.completed(&payee, "4").await));
    }
    world.pass(TimeDelta::hours(1));
    let mut file = File(vec![])
        .line(began, Debit, "4", &paid[0])
        .line(began, Debit, "4", &paid[1])
        .line(began, Debit, "4", &paid[2])
        .line(began, Debit, "26", &paid[2])
        .line(began, Debit, "30", &paid[3]);
    let exact = |amount: &str| Money::exact(amount.parse().unwrap(), Currency::Ngn).unwrap();
    file.0[3].amount = exact("26.875");
    file.0[4].amount = exact("30.875");
    // At the end of the statement: its fee may be the first line of the next one.
    file = file.line(world.now, Debit, "4", &paid[4]);
    file.0[1].fee = Some("26.875".parse().unwrap());
    let statement = file.imported(&world, "a").await;
    assert_eq!((statement.unmatched, statement.missing), (0, 1));
    let subject = "SELECT subject FROM cases WHERE kind = 'statement_line' AND status = 'OPEN'";
    let about: String = sqlx::query_scalar(subject).fetch_one(&world.pool).await.unwrap();
    assert!(about.starts_with("fee:"), "{about}");
    // It turns up; that of the transfer at the edge never does.
    let later = world.now + TimeDelta::hours(2);
    let mut next = File(vec![]).line(world.now + seconds(5), Debit, "26", &paid[0]).line(
        later,
        Debit,
        "9",
        "other-0192f0c12a3b7c4d8e5f001122334455-1",
    );
    next.0[0].amount = exact("26.875");
    assert_eq!(next.imported(&world, "b").await.missing, 1);
    assert_eq!(world.open_cases("statement_line").await, 1);
    world.books_are_right().await;
}

/// Finance books what it put in: the line's riddle is solved, whichever came first.
#[sqlx::test(migrations = "../migrations")]
async fn what_finance_put_in_is_booked_once_and_explains_its_line(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let transfer = reference(world.completed(&payee, "4").await);
    let file = File(vec![])
        .line(world.now, Direction::Credit, "500", "bank-7")
        .line(world.now, Direction::Credit, "500", "bank-8")
        .line(
            world.now + TimeDelta::days(2),
            Direction::Debit,
            "1",
            "other-0192f0c12a3b7c4d8e5f001122334455-1",
        );
    let statement = file.imported(&world, "a").await;
    assert_eq!((statement.unmatched, world.open_cases("statement_line").await), (2, 2));
    let book = async |reference: &str, amount: &str| {
        let new = NewFunding { reference, amount: naira(amount), reason: "topped up" };
        fundings::book(&world.pool, &new, &ada(), world.now).await.unwrap()
    };
    let all = join_all((0..3).map(|_| book("bank-7", "500"))).await;
    let new: Vec<&Booked> = all.iter().filter(|booked| matches!(booked, Booked::New(_))).collect();
    let [Booked::New(funding)] = new.as_slice() else { panic!("{all:?}") };
    assert_eq!((funding.closed.len(), world.open_cases("statement_line").await), (1, 1));
    assert_eq!(results(&world, &statement).await[..2], [LineResult::Funding, LineResult::Unmatched]);
    assert!(matches!(book("bank-7", "501").await, Booked::Differs(_)));
    assert_eq!(book(&transfer, "4").await, Booked::OfATransfer);
    let wallet = "SELECT count(*) FROM postings WHERE kind = 'wallet_funded'";
    assert_eq!(world.count(wallet).await, 1);
    // Booked after its line was read: no later statement has to show it.
    world.pass(TimeDelta::hours(1));
    let later = File(vec![]).line(world.now - TimeDelta::hours(2), Direction::Credit, "500", "bank-8").line(
        world.now + TimeDelta::hours(2),
        Direction::Credit,
        "1",
        "interest",
    );
    later.imported(&world, "b").await;
    assert_eq!(world.count("SELECT count(*) FROM cases WHERE subject LIKE 'funding:%'").await, 0);
    world.books_are_right().await;
}
