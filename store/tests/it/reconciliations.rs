//! Comparing with the gateway: runs and their cursor, what a page finds, what was forgotten, and whether the database moved.

use chrono::TimeDelta;
use domain::{
    AttemptNumber, AttemptStatus, Failure, Observed, PayoutId, PayoutStatus, Reference, Sighting,
    reconcile::{Difference, Listed},
};
use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;
use store::{
    Actor, attempts, control,
    control::Resumed,
    inbox::{self, Disposition},
    installation::{self, Place},
    reconciliations::{self, Claim, Counts, Known, Opened, Run, RunKind, RunStatus, Subject},
};

use crate::fixtures::{World, absent, ada, fails, naira, number, prefix, retries, seconds, sighting};

const WINDOW: TimeDelta = TimeDelta::days(5);

async fn open(world: &World) -> Opened {
    reconciliations::open(&world.pool, RunKind::Scheduled, WINDOW, &Actor::system(), world.now).await.unwrap()
}

async fn opened(world: &World) -> Run {
    match open(world).await {
        Opened::New(run) => run,
        running @ Opened::Running(_) => panic!("{running:?}"),
    }
}

async fn now_at(world: &World, run: &Run) -> Run {
    reconciliations::get(&world.pool, run.id).await.unwrap().unwrap()
}

async fn finished(world: &World) -> Run {
    let run = opened(world).await;
    assert!(reconciliations::page_read(&world.pool, &run, &[], Counts::default(), true).await.unwrap());
    reconciliations::finish(&world.pool, run.id, world.now).await.unwrap().unwrap()
}

async fn known(world: &World, payout: PayoutId) -> Known {
    let reference = Reference::new(&prefix(), payout, AttemptNumber::FIRST);
    reconciliations::known(&world.pool, &[reference]).await.unwrap().remove(0)
}

/// A transfer of this installation, as the gateway lists it.
fn listed(payout: PayoutId, attempt: u8, id: &str, seen: impl Fn(Sighting) -> Observed) -> Listed {
    let reference = Reference::new(&prefix(), payout, number(attempt));
    let sighting = Sighting {
        reference: reference.clone(),
        gateway_id: id.to_owned(),
        amount: naira("4"),
        bank: "044".to_owned(),
        account: "0690000032".to_owned(),
        fee: None,
    };
    Listed { reference, retry_of: None, gateway_id: Some(id.to_owned()), observed: seen(sighting) }
}

async fn claim(world: &World, listed: &Listed) -> Claim {
    let parts = listed.reference.parts().unwrap();
    reconciliations::claim(&world.pool, &prefix(), listed, parts.payout, parts.attempt, world.now)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn one_run_at_a_time(pool: PgPool) {
    let world = World::new(&pool);
    let all = join_all((0..4).map(|_| open(&world))).await;
    let new: Vec<&Run> = all
        .iter()
        .filter_map(|opened| match opened {
            Opened::New(run) => Some(run),
            Opened::Running(_) => None,
        })
        .collect();
    let [run] = new.as_slice() else { panic!("{all:?}") };
    for opened in &all {
        let (Opened::New(same) | Opened::Running(same)) = opened;
        assert_eq!(same.id, run.id);
    }
    assert_eq!(
        (run.status, run.next_page, run.from_day.to_string().as_str()),
        (RunStatus::Listing, 1, "2026-11-16")
    );
    assert_eq!(run.to_day.to_string(), "2026-11-23");
    assert!(reconciliations::page_read(&world.pool, run, &[], Counts::default(), true).await.unwrap());
    reconciliations::finish(&world.pool, run.id, world.now).await.unwrap();
    assert_ne!(opened(&world).await.id, run.id);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_run_by_an_admin_is_told_to_the_engine_once(pool: PgPool) {
    let world = World::new(&pool);
    for _ in 0..2 {
        reconciliations::open(&world.pool, RunKind::RunNow, WINDOW, &ada(), world.now).await.unwrap();
    }
    let rows =
        store::outbox::lease(&world.pool, 9, std::time::Duration::from_secs(1), world.now).await.unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let run = reconciliations::running(&world.pool).await.unwrap().unwrap();
    assert_eq!(row.work, store::outbox::Work::Reconciliation { run: run.id });
    assert_eq!(run.opened_by, "admin:ada");
}

/// Two workers read the same page: one of them moves the cursor, and its counts stand.
#[sqlx::test(migrations = "../migrations")]
async fn a_page_is_counted_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let payout = world.completed(&payee, "4").await;
    let seen = known(&world, payout).await.attempt;
    let run = opened(&world).await;
    let counts = Counts { listed: 3, matched: 1, ..Counts::default() };
    let read = || reconciliations::page_read(&world.pool, &run, std::slice::from_ref(&seen), counts, false);
    let both = join_all([read(), read()]).await;
    assert_eq!(both.into_iter().filter(|read| *read.as_ref().unwrap()).count(), 1);
    let run = now_at(&world, &run).await;
    assert_eq!((run.next_page, run.counts, run.status), (2, counts, RunStatus::Listing));
    // Not finished while it lists.
    let still = reconciliations::finish(&world.pool, run.id, world.now).await.unwrap().unwrap();
    assert_eq!(still.status, RunStatus::Listing);
    assert!(reconciliations::page_read(&world.pool, &run, &[], counts, true).await.unwrap());
    assert!(!reconciliations::page_read(&world.pool, &run, &[], counts, true).await.unwrap());
    let done = reconciliations::finish(&world.pool, run.id, world.now).await.unwrap().unwrap();
    assert_eq!((done.status, done.counts.listed), (RunStatus::Finished, 6));
    assert_eq!(world.count("SELECT count(*) FROM reconciliation_sightings").await, 0);
    let again = reconciliations::finish(&world.pool, run.id, world.now + seconds(9)).await.unwrap().unwrap();
    assert_eq!(again.finished_at, done.finished_at);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_not_listed_is_what_may_have_reached_the_gateway(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let long_ago = world.completed(&payee, "1").await;
    let long_open = world.accepted(&payee, "1").await;
    world.pass(TimeDelta::days(6));
    let listed = world.completed(&payee, "1").await;
    let paid = world.completed(&payee, "1").await;
    let failed = world.given_up(&payee, "1").await;
    let unsent = world.begun(&payee, "1").await;
    world.pass(TimeDelta::minutes(15));
    let fresh = world.accepted(&payee, "1").await;
    let run = opened(&world).await;
    let met = known(&world, listed).await.attempt;
    assert!(reconciliations::page_read(&world.pool, &run, &[met], Counts::default(), true).await.unwrap());
    let mut found = vec![];
    loop {
        let run = now_at(&world, &run).await;
        let unseen = reconciliations::unseen(&world.pool, &run, 1, world.now).await.unwrap();
        let Some(upto) = unseen.upto else { break };
        found.extend(unseen.attempts.iter().map(|known| known.payout));
        assert!(reconciliations::looked_up(&world.pool, &run, upto, Counts::default()).await.unwrap());
        assert!(!reconciliations::looked_up(&world.pool, &run, upto, Counts::default()).await.unwrap());
    }
    found.sort();
    let mut expected = [long_open, paid, failed];
    expected.sort();
    assert_eq!(found, expected, "{long_ago} is too old, {unsent} never left, {fresh} may be on its way");
}

/// A case is opened once; what a person has explained is not asked again, unless the gateway says something new.
#[sqlx::test(migrations = "../migrations")]
async fn a_difference_is_asked_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let payout = world.completed(&payee, "4").await;
    let known = known(&world, payout).await;
    let differ = async |said: &str| {
        let subject = Subject::Attempt { known: &known, difference: Difference::Outcome };
        reconciliations::differ(&world.pool, subject, "differs", json!({ "said": said }), world.now)
            .await
            .unwrap()
    };
    let case = differ("a").await.unwrap();
    assert_eq!(differ("a").await, Some(case));
    assert_eq!(world.open_cases("status_differs").await, 1);
    let closed =
        "UPDATE cases SET status = 'CLOSED', closed_at = now(), closed_by = 'admin:ada', resolution = 'seen'";
    sqlx::query(closed).execute(&world.pool).await.unwrap();
    assert_eq!(differ("a").await, None);
    assert_eq!(world.open_cases("status_differs").await, 0);
    let again = differ("b").await.unwrap();
    assert_ne!(again, case);
    // Proof closes it, and it may be opened again.
    assert_eq!(reconciliations::agree(&world.pool, &[&known], world.now).await.unwrap(), 1);
    assert!(differ("b").await.is_some());
}

/// What a run finds out is written down and told in one transaction: nobody can die in between.
#[sqlx::test(migrations = "../migrations")]
async fn a_payout_is_woken_by_the_look_that_ends_what_it_waits_for(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "8").await;
    let look = async |payout: PayoutId, seen: &dyn Fn(Sighting) -> Observed| {
        let before = world.told(payout).await.len();
        let place = world.place(payout, 1).await;
        let observed = seen(sighting(&place));
        attempts::record_observation_and_wake(&world.pool, payout, &place, &observed, &retries(), world.now)
            .await
            .unwrap();
        world.told(payout).await.split_off(before)
    };
    let ends: [&dyn Fn(Sighting) -> Observed; 2] = [&Observed::Succeeded, &fails("account closed")];
    for end in ends {
        let payout = world.accepted(&payee, "4").await;
        assert_eq!(look(payout, &Observed::InFlight).await, [""; 0]);
        assert_eq!(look(payout, end).await, ["transfer_update"]);
        // Again: there is nothing new to tell.
        assert_eq!(look(payout, end).await, [""; 0]);
    }
}

/// The database was put back to the moment before an attempt was recorded, and the money has gone.
#[sqlx::test(migrations = "../migrations")]
async fn a_forgotten_attempt_of_a_known_payout_completes_it(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "20").await;
    let approved = world.approved(&payee, "4").await;
    let second = listed(approved, 2, "72", Observed::Succeeded);
    let Claim::Recorded { payout, attempts } = claim(&world, &second).await else { panic!("not recorded") };
    assert_eq!((payout, attempts), (approved, vec![number(1), number(2)]));
    assert_eq!(claim(&world, &second).await, Claim::Known);
    // Nothing leaves meanwhile: everything is paused, and it is no proof of anything.
    assert!(control::get(&world.pool).await.unwrap().paused);
    assert_eq!(world.open_cases("restored").await, 1);
    assert_eq!(world.release().await, 0);
    world.books_are_right().await;
    // The looks that follow: the first was never sent, the second has paid.
    world.look(approved, 1, absent).await;
    assert_eq!(world.attempt(approved, 1).await.status, AttemptStatus::Failed);
    world.look(approved, 2, Observed::Succeeded).await;
    assert_eq!(world.status(approved).await, PayoutStatus::Completed);
    world.books_are_right().await;
    // Resumed only after a run that began later has finished.
    assert!(matches!(resume(&world).await, Resumed::NotReconciled(_)));
    let early = opened(&world).await;
    world.pass(seconds(1));
    assert!(matches!(resume(&world).await, Resumed::NotReconciled(_)));
    reconciliations::page_read(&world.pool, &early, &[], Counts::default(), true).await.unwrap();
    reconciliations::finish(&world.pool, early.id, world.now).await.unwrap();
    assert!(matches!(resume(&world).await, Resumed::NotReconciled(_)), "it began with the case");
    finished(&world).await;
    assert_eq!(resume(&world).await, Resumed::Done);
    assert!(!control::get(&world.pool).await.unwrap().paused);
    assert_eq!(world.open_cases("restored").await, 0);
}

async fn resume(world: &World) -> Resumed {
    control::resume(&world.pool, "reconciled", &ada(), world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_forgotten_failure_is_no_proof_until_it_is_seen(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let released = world.released(&payee, "4").await;
    let failed = listed(released, 1, "71", fails("account closed"));
    assert!(matches!(claim(&world, &failed).await, Claim::Recorded { .. }));
    let proven = store::attempts::proven_unpaid(&world.pool, released, world.now).await.unwrap();
    assert!(proven.is_err());
    world.look(released, 1, fails("account closed")).await;
    let proven = store::attempts::proven_unpaid(&world.pool, released, world.now).await.unwrap();
    assert_eq!(proven, Ok(()));
    world.books_are_right().await;
}

/// The payout itself is forgotten: the money is owed back by whom it went to, once, and cannot be asked for again.
#[sqlx::test(migrations = "../migrations")]
async fn a_forgotten_payout_is_a_case_and_a_debt(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let gone = PayoutId::mint();
    let on_its_way = listed(gone, 1, "71", Observed::InFlight);
    assert_eq!(claim(&world, &on_its_way).await, Claim::Unknown { case: true });
    assert_eq!(world.accounts(&payee).await, ["10.00", "0.00", "0.00", "0.00"]);
    let paid = listed(gone, 1, "71", Observed::Succeeded);
    for _ in 0..2 {
        assert_eq!(claim(&world, &paid).await, Claim::Unknown { case: true });
        assert_eq!(world.accounts(&payee).await, ["6.00", "0.00", "4.00", "0.00"]);
        assert_eq!(world.open_cases("unknown_transfer").await, 1);
        world.books_are_right().await;
    }
    // What is met by every run stands in nobody's way for ever.
    let mut later = world.at(seconds(1));
    finished(&later).await;
    assert_eq!(resume(&later).await, Resumed::Done);
    later.pass(seconds(1));
    assert_eq!(claim(&later, &paid).await, Claim::Unknown { case: true });
    assert!(!control::get(&later.pool).await.unwrap().paused);
}

/// It came back: nothing is owed for it any more, and what had been taken for it is the provider's again.
#[sqlx::test(migrations = "../migrations")]
async fn a_forgotten_payout_that_comes_back_is_owed_no_more(pool: PgPool) {
    let returned = |seen| Observed::Failed(seen, Failure::observed("returned by the bank"));
    for recovered in [true, false] {
        let mut world = World::new(&pool);
        let payee = world.provider().await;
        if recovered {
            world.earns(&payee, "10").await;
        }
        let id = if recovered { "81" } else { "82" };
        let account = format!("06900001{id}");
        world.account(payee.id, &account).await;
        let of_this = |mut listed: Listed| {
            let (Observed::Succeeded(seen) | Observed::Failed(seen, _)) = &mut listed.observed else {
                panic!()
            };
            // The gateway has another code for the bank.
            "000014".clone_into(&mut seen.bank);
            seen.account.clone_from(&account);
            listed
        };
        let gone = PayoutId::mint();
        let paid = of_this(listed(gone, 1, id, Observed::Succeeded));
        let back = of_this(listed(gone, 1, id, returned));
        claim(&world, &paid).await;
        let owed =
            if recovered { ["6.00", "0.00", "4.00", "0.00"] } else { ["0.00", "0.00", "4.00", "4.00"] };
        assert_eq!(world.accounts(&payee).await, owed);
        // Once is no proof, and what was a mistake begins anew.
        claim(&world, &back).await;
        world.pass(TimeDelta::hours(20));
        claim(&world, &paid).await;
        world.pass(TimeDelta::hours(20));
        claim(&world, &back).await;
        assert_eq!(world.accounts(&payee).await, owed);
        assert_eq!(world.open_cases("unknown_transfer").await, 1);
        world.pass(TimeDelta::hours(25));
        for _ in 0..2 {
            assert_eq!(claim(&world, &back).await, Claim::Unknown { case: false });
            let free = if recovered { "10.00" } else { "0.00" };
            assert_eq!(world.accounts(&payee).await, [free, "0.00", "0.00", "0.00"]);
            assert_eq!(world.open_cases("unknown_transfer").await, 0);
            world.books_are_right().await;
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_account_of_two_providers_makes_nobody_a_debtor(pool: PgPool) {
    let world = World::new(&pool);
    let (one, other) = (world.provider().await, world.provider().await);
    world.earns(&one, "10").await;
    world.earns(&other, "10").await;
    let paid = listed(PayoutId::mint(), 1, "71", Observed::Succeeded);
    assert_eq!(claim(&world, &paid).await, Claim::Unknown { case: true });
    for payee in [&one, &other] {
        assert_eq!(world.accounts(payee).await, ["10.00", "0.00", "0.00", "0.00"]);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_database_that_is_not_where_it_was_sends_nothing(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "4").await;
    let released = world.released(&payee, "4").await;
    let first = installation::check(&world.pool, None, world.now).await.unwrap();
    assert!(matches!(first, Place::AsItWas { .. }), "{first:?}");
    for (column, value) in
        [("system_identifier", "'1'"), ("timeline", "timeline + 1"), ("database_oid", "database_oid + 1")]
    {
        let moved = format!("UPDATE installation SET {column} = {value}");
        sqlx::query(sqlx::AssertSqlSafe(moved)).execute(&world.pool).await.unwrap();
        // The gate is shut before anybody has looked.
        assert_eq!(world.begin(released).await.status, PayoutStatus::Approved, "{column}");
        let place = installation::check(&world.pool, None, world.now).await.unwrap();
        assert!(matches!(place, Place::Moved { .. }), "{column}");
        assert!(control::get(&world.pool).await.unwrap().paused);
        assert_eq!(world.open_cases("restored").await, 1);
        // Said once.
        let place = installation::check(&world.pool, None, world.now).await.unwrap();
        assert!(matches!(place, Place::AsItWas { .. }), "{column}");
        control::set_paused(&world.pool, false, "", &ada(), world.now).await.unwrap();
        assert_eq!(world.release().await, 1);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_process_sees_that_what_it_saw_is_gone(pool: PgPool) {
    let world = World::new(&pool);
    world.provider().await;
    let Place::AsItWas { high_water } = installation::check(&world.pool, None, world.now).await.unwrap()
    else {
        panic!("moved")
    };
    assert!(high_water > 0);
    let place = installation::check(&world.pool, Some(high_water), world.now).await.unwrap();
    assert!(matches!(place, Place::AsItWas { .. }));
    let place = installation::check(&world.pool, Some(high_water + 1), world.now).await.unwrap();
    let Place::Moved { why, high_water: now } = place else { panic!("{place:?}") };
    assert_eq!((why.as_str(), now), ("what it held a moment ago is gone", high_water));
    assert!(control::get(&world.pool).await.unwrap().paused);
}

/// Whatever a webhook says of a payout that has ended, however long ago, the next run looks at it.
#[sqlx::test(migrations = "../migrations")]
async fn a_hint_about_a_payout_that_has_ended_is_followed_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "8").await;
    let payout = world.completed(&payee, "4").await;
    world.completed(&payee, "4").await;
    world.pass(WINDOW * 3);
    let reference = Reference::new(&prefix(), payout, AttemptNumber::FIRST);
    let unseen = async |world: &World| {
        let run = opened(world).await;
        assert!(reconciliations::page_read(&world.pool, &run, &[], Counts::default(), true).await.unwrap());
        let run = now_at(world, &run).await;
        let unseen = reconciliations::unseen(&world.pool, &run, 9, world.now).await.unwrap();
        reconciliations::finish(&world.pool, run.id, world.now).await.unwrap();
        unseen.attempts.into_iter().map(|known| known.payout).collect::<Vec<_>>()
    };
    assert_eq!(unseen(&world).await, []);
    let received = inbox::receive(&world.pool, b"{1}", Some(&reference), world.now).await.unwrap();
    assert_eq!(received, Disposition::Finished { payout });
    assert_eq!(unseen(&world).await, [payout]);
    world.pass(seconds(1));
    world.look(payout, 1, Observed::Succeeded).await;
    assert_eq!(unseen(&world).await, []);
}

/// Two people had said that it paid: the list shows a fee that nobody has booked.
#[sqlx::test(migrations = "../migrations")]
async fn it_is_known_whose_fee_was_told(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "8").await;
    for (payout, told) in
        [(world.completed(&payee, "4").await, true), (world.accepted(&payee, "4").await, false)]
    {
        assert_eq!(known(&world, payout).await.ours.fee_known, told);
    }
}

/// The retry that paid was forgotten, and an admin has refunded what looked like a failure meanwhile: the attempt is recorded all the
/// same, or no comparison would ever finish and nobody could resume; what went twice is owed back.
#[sqlx::test(migrations = "../migrations")]
async fn a_forgotten_attempt_of_a_refunded_payout_is_recorded_and_owed_back(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "20").await;
    let payout = world.given_up(&payee, "4").await;
    let made = i64::from(world.payout(payout).await.attempts);
    let refunded = store::manual::refund(&world.pool, payout, &ada(), "closed", world.now).await.unwrap();
    assert!(matches!(refunded, store::manual::Acted::Done(_)), "{refunded:?}");
    let forgotten = u8::try_from(made + 1).unwrap();
    let paid = listed(payout, forgotten, "73", Observed::Succeeded);
    assert!(matches!(claim(&world, &paid).await, Claim::Recorded { .. }));
    assert_eq!(i64::from(world.payout(payout).await.attempts), made + 1);
    world.look(payout, forgotten, Observed::Succeeded).await;
    assert_eq!(world.open_cases("overpaid").await, 1);
    world.books_are_right().await;
    // Nothing else of it changes.
    let other = "UPDATE payouts SET attempts = attempts + 1, held = 'funds' WHERE id = $1";
    assert_eq!(world.refused_by(other, payout.uuid()).await, "payouts_refunded_final");
}
