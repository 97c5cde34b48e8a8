//! The check that runs by itself: what it remembers from run to run, and what becomes of its findings.

use chrono::TimeDelta;
use domain::PayoutId;
use sqlx::PgPool;
use store::{
    books::{self, Verdict},
    books_check::{self, ToLookAt, WrongRun},
};

use crate::fixtures::{World, seconds};

async fn cases(world: &World, status: &'static str) -> Vec<(String, String)> {
    sqlx::query_as("SELECT subject, summary FROM cases WHERE kind = 'books' AND status = $1 ORDER BY subject")
        .bind(status)
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn findings_are_a_case_until_a_reading_finds_none(pool: PgPool) {
    let mut world = World::new(&pool);
    let wrong = Verdict { findings: vec!["one".to_owned(), "two".to_owned()], ..Verdict::default() };
    for _ in 0..2 {
        books_check::record_ledger(&world.pool, &wrong, TimeDelta::zero(), world.now).await.unwrap();
        world.pass(seconds(1));
    }
    let open = cases(&world, "OPEN").await;
    assert_eq!(open, [("ledger".to_owned(), "the books do not add up: 2 findings".to_owned())]);
    assert_eq!(world.count("SELECT count(*) FROM case_evidence").await, 1);
    let vitals = store::vitals::read(&world.pool).await.unwrap();
    assert_eq!((vitals.ledger_wrong, vitals.ledger_right_at), (2, None));
    assert_eq!(vitals.open_cases, [("books".to_owned(), 1)]);

    let right = books::verify(&world.pool).await.unwrap();
    books_check::record_ledger(&world.pool, &right, TimeDelta::zero(), world.now).await.unwrap();
    assert!(cases(&world, "OPEN").await.is_empty());
    let vitals = store::vitals::read(&world.pool).await.unwrap();
    assert_eq!((vitals.ledger_wrong, vitals.ledger_right_at), (0, Some(world.now)));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reading_that_took_long_makes_the_next_one_wait(pool: PgPool) {
    let world = World::new(&pool);
    let due = async |later| books_check::ledger_is_due(&world.pool, world.now + later).await.unwrap();
    assert!(due(TimeDelta::zero()).await);
    let verdict = Verdict::default();
    books_check::record_ledger(&world.pool, &verdict, TimeDelta::minutes(6), world.now).await.unwrap();
    assert!(!due(TimeDelta::hours(2) - seconds(1)).await);
    assert!(due(TimeDelta::hours(2)).await);
}

/// Turns pages until the last; answers what was on them.
async fn round(world: &World, limit: i64) -> Vec<ToLookAt> {
    let mut seen = vec![];
    loop {
        let page = books_check::next_page(&world.pool, limit, world.now).await.unwrap();
        seen.extend_from_slice(&page.payouts);
        books_check::turn(&world.pool, &page, &[], world.now).await.unwrap();
        if page.last {
            return seen;
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn open_payouts_are_gone_through_round_and_round_and_ended_ones_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let mut open = vec![];
    let mut ended = vec![];
    for _ in 0..5 {
        ended.push(world.completed(&payee, "1").await);
        open.push(world.requested(&payee, "1").await);
        world.pass(seconds(1));
    }
    assert!(round(&world, 2).await.is_empty(), "they moved just now");
    world.pass(TimeDelta::minutes(6));
    let seen = round(&world, 2).await;
    let of = |seen: &[ToLookAt], ended: bool| -> Vec<PayoutId> {
        seen.iter().filter(|one| one.ended == ended).map(|one| one.payout).collect()
    };
    assert_eq!((of(&seen, false), of(&seen, true)), (open.clone(), ended));
    let seen = round(&world, 100).await;
    assert_eq!((of(&seen, false), of(&seen, true)), (open, vec![]));
}

/// Two workers may run the same step: the second moves nothing back or on.
#[sqlx::test(migrations = "../migrations")]
async fn a_page_is_turned_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for _ in 0..4 {
        world.requested(&payee, "1").await;
    }
    world.pass(TimeDelta::minutes(6));
    let page = books_check::next_page(&world.pool, 2, world.now).await.unwrap();
    books_check::turn(&world.pool, &page, &[], world.now).await.unwrap();
    let second = books_check::next_page(&world.pool, 2, world.now).await.unwrap();
    books_check::turn(&world.pool, &page, &[], world.now).await.unwrap();
    assert_eq!(books_check::next_page(&world.pool, 2, world.now).await.unwrap(), second);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_stays_wrong_is_a_case_and_what_is_mended_closes_it(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let payout = world.requested(&payee, "1").await;
    world.pass(TimeDelta::minutes(6));
    let page = books_check::next_page(&world.pool, 10, world.now).await.unwrap();
    books_check::turn(&world.pool, &page, &[payout, payout], world.now).await.unwrap();
    let suspects = books_check::suspects(&world.pool).await.unwrap();
    assert_eq!(suspects, [ToLookAt { payout, ended: false }]);
    let wrong = WrongRun { payout, what: "it is open and has no workflow".to_owned() };
    books_check::record_runs(&world.pool, &[wrong], world.now).await.unwrap();
    assert_eq!(cases(&world, "OPEN").await[0].0, "workflows");
    assert_eq!(books_check::suspects(&world.pool).await.unwrap(), suspects, "looked at again next time");
    assert_eq!(store::vitals::read(&world.pool).await.unwrap().runs_wrong, 1);
    books_check::record_runs(&world.pool, &[], world.now).await.unwrap();
    assert!(cases(&world, "OPEN").await.is_empty());
    assert!(books_check::suspects(&world.pool).await.unwrap().is_empty());
}

/// A check that fails on what it should find would be tried again and again, and say nothing.
#[sqlx::test(migrations = "../migrations")]
async fn a_provider_without_one_of_their_accounts_can_be_checked(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let lose = "DELETE FROM ledger_accounts WHERE kind = 'provider_debt'";
    assert_eq!(sqlx::query(lose).execute(&world.pool).await.unwrap().rows_affected(), 1);
    world.books_are_right().await;
    let empty = "UPDATE ledger_accounts SET balance = 0 WHERE kind = 'provider_available'";
    sqlx::query(empty).execute(&world.pool).await.unwrap();
    assert!(!books::verify(&world.pool).await.unwrap().findings.is_empty());
}
