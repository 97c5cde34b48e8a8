//! What people do about trouble: partial pauses, accounts that fail, attestations, what waits too long, cases.

use chrono::TimeDelta;
use domain::{AttemptStatus, BatchId, CaseId, Next, Observed, PayoutId, PayoutStatus, WaitingFor, WhoActs};
use sqlx::PgPool;
use store::{
    Actor,
    attempts::Sending,
    attestations::{self, Attested, NewAttestation, Stage, Verdict},
    bank_accounts::{self, AccountPause},
    cases::{self, Case, CaseKind, CaseStatus, Closed, Closing, Filter, Page},
    control,
    overdue::{self, Round},
    pauses::{self, Paused, Pausing, Resuming},
    payouts,
};

use crate::fixtures::{Payee, World, absent, ada, fails, number, retries, unknown};

fn bola() -> Actor {
    Actor::admin("bola")
}

fn hours(n: i64) -> TimeDelta {
    TimeDelta::hours(n)
}

impl World {
    async fn cases(&self, kind: CaseKind) -> Vec<Case> {
        let filter = Filter { kind: Some(kind), ..Filter::default() };
        cases::list(&self.pool, &filter, Page { before: None, limit: 100 }).await.unwrap()
    }

    async fn close(&self, case: CaseId, resolution: Option<&str>) -> Closed {
        let closing = Closing { case, reason: "because", resolution };
        cases::close(&self.pool, &closing, &ada(), self.now).await.unwrap()
    }

    /// A payout whose only attempt was sent and answered with nothing that tells.
    async fn unknown(&self, payee: &Payee, amount: &str) -> PayoutId {
        let payout = self.begun(payee, amount).await;
        let lease = self.goes(payout, 1).await;
        self.answered(payout, lease, &unknown()).await;
        payout
    }

    async fn propose(&self, payout: PayoutId, verdict: Verdict, admin: &Actor) -> Attested {
        let attempt = number(1);
        let new =
            NewAttestation { payout, attempt, verdict, document: "ticket 7", reason: "the bank says so" };
        attestations::propose(&self.pool, &new, admin, self.now).await.unwrap()
    }

    async fn confirm(&self, payout: PayoutId, admin: &Actor) -> Attested {
        attestations::confirm(&self.pool, payout, number(1), &retries(), admin, self.now).await.unwrap()
    }

    async fn withdraw(&self, payout: PayoutId) -> Attested {
        attestations::withdraw(&self.pool, payout, number(1), "mistaken", &ada(), self.now).await.unwrap()
    }

    async fn stage(&self, payout: PayoutId) -> Stage {
        attestations::of_payout(&self.pool, payout).await.unwrap().last().unwrap().stage
    }

    /// Two people say how the first attempt ended.
    async fn attested(&self, payout: PayoutId, verdict: Verdict) {
        assert!(matches!(self.propose(payout, verdict, &ada()).await, Attested::Done(_)));
        assert!(matches!(self.confirm(payout, &bola()).await, Attested::Done(_)));
    }
}

// Pauses.

#[sqlx::test(migrations = "../migrations")]
async fn once_a_part_is_paused_nothing_begins_there(pool: PgPool) {
    let world = World::new(&pool).crowd(8).await;
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let parts = [
        Paused::Provider(payee.id),
        Paused::Bank("044".parse().unwrap()),
        Paused::BankAccount(payee.account),
    ];
    for part in &parts {
        for pause_first in [true, false] {
            let payout = world.released(&payee, "1").await;
            let mut gate = world.pool.begin().await.unwrap();
            sqlx::query("LOCK TABLE control IN ACCESS EXCLUSIVE MODE").execute(&mut *gate).await.unwrap();
            let admin = ada();
            let pause = pauses::pause(&world.pool, part, "drill", &admin, world.now);
            let (paused, begun) = if pause_first {
                world.in_turn(gate, pause, world.begin(payout)).await
            } else {
                let (begun, paused) = world.in_turn(gate, world.begin(payout), pause).await;
                (paused, begun)
            };
            assert!(matches!(paused.unwrap(), Pausing::Done(_)));
            let expected = if pause_first { Next::AwaitRelease } else { Next::Send { attempt: number(1) } };
            assert_eq!(begun.next, expected, "{part:?}");
            let resumed = pauses::resume(&world.pool, part, "over", &admin, world.now).await.unwrap();
            assert_eq!(resumed, Resuming::Done { still: None });
        }
    }
    world.pool.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_of_the_bank_holds_every_account_there(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.approved(&payee, "1").await;
    let other: Paused = Paused::Bank("058".parse().unwrap());
    assert!(matches!(
        pauses::pause(&world.pool, &other, "x", &ada(), world.now).await.unwrap(),
        Pausing::Done(_)
    ));
    let batch: BatchId = world.batch().await;
    assert_eq!(world.claim(batch).await, 1);
}

// Accounts that fail.

#[sqlx::test(migrations = "../migrations")]
async fn the_third_payout_in_a_row_pauses_the_account(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "20").await;
    let paused = async || bank_accounts::get(&world.pool, payee.account).await.unwrap().unwrap().pause;
    world.given_up(&payee, "1").await;
    world.given_up(&payee, "1").await;
    // One that arrives begins the count again.
    world.completed(&payee, "1").await;
    world.given_up(&payee, "1").await;
    world.given_up(&payee, "1").await;
    assert_eq!(paused().await, None);
    world.given_up(&payee, "1").await;
    assert_eq!(paused().await, Some(AccountPause::Failing));
    let [case] = world.cases(CaseKind::AccountFailing).await.try_into().unwrap();
    assert_eq!((case.provider, case.payout), (Some(payee.id), None));
    assert_eq!(world.count("SELECT count(*) FROM notifications WHERE event = 'check_account'").await, 1);

    // Nothing goes there, and an admin's pause does not lift the case's.
    world.approved(&payee, "1").await;
    assert_eq!(world.release().await, 0);
    let what = Paused::BankAccount(payee.account);
    assert!(matches!(
        pauses::pause(&world.pool, &what, "also", &ada(), world.now).await.unwrap(),
        Pausing::Done(_)
    ));
    let resumed = pauses::resume(&world.pool, &what, "try", &ada(), world.now).await.unwrap();
    assert_eq!(resumed, Resuming::Done { still: Some(case.id) });

    assert!(matches!(world.close(case.id, None).await, Closed::StillSo { .. }));
    assert!(matches!(world.close(case.id, Some("checked")).await, Closed::Done(_)));
    assert_eq!(paused().await, None);
    assert_eq!(world.release().await, 1);
    // It begins anew.
    world.given_up(&payee, "1").await;
    assert_eq!(paused().await, None);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn one_payout_counts_once_against_its_account(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "1").await;
    for attempt in 2..=4 {
        store::manual::retry(&world.pool, payout, &ada(), "again", world.now).await.unwrap();
        for earlier in 1..attempt {
            world.look(payout, earlier, fails("account closed")).await;
        }
        assert_eq!(world.begin(payout).await.next, Next::Send { attempt: number(attempt) });
        world.goes(payout, attempt).await;
        world.pass(TimeDelta::minutes(5));
        assert_eq!(world.look(payout, attempt, fails("account closed")).await.next, Next::AwaitAttention);
    }
    assert_eq!(world.count("SELECT failed_in_row::bigint FROM bank_accounts").await, 1);
    assert!(world.cases(CaseKind::AccountFailing).await.is_empty());
}

/// An empty wallet is nobody's failure, least of all the account's.
#[sqlx::test(migrations = "../migrations")]
async fn what_finance_mends_does_not_count(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for _ in 0..3 {
        let payout = world.accepted(&payee, "1").await;
        world.look(payout, 1, fails("Insufficient funds in customer wallet")).await;
        assert_eq!(world.status(payout).await, PayoutStatus::Approved);
    }
    assert_eq!(world.count("SELECT failed_in_row::bigint FROM bank_accounts").await, 0);
}

// Attestations.

#[sqlx::test(migrations = "../migrations")]
async fn it_takes_two_people(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.unknown(&payee, "1").await;
    assert_eq!(world.confirm(payout, &bola()).await, Attested::NoneOpen);
    assert!(matches!(world.propose(payout, Verdict::Paid, &ada()).await, Attested::Done(_)));
    assert!(matches!(world.propose(payout, Verdict::Paid, &ada()).await, Attested::Again(_)));
    assert!(matches!(world.propose(payout, Verdict::NotPaid, &ada()).await, Attested::OtherOpen(_)));
    assert!(matches!(world.propose(payout, Verdict::Paid, &bola()).await, Attested::OtherOpen(_)));
    assert_eq!(world.confirm(payout, &ada()).await, Attested::SamePerson);
    assert_eq!(world.status(payout).await, PayoutStatus::Processing);

    assert!(matches!(world.confirm(payout, &bola()).await, Attested::Done(_)));
    assert_eq!(world.status(payout).await, PayoutStatus::Completed);
    assert_eq!(world.stage(payout).await, Stage::Applied);
    assert_eq!(world.attempt(payout, 1).await.evidence.last().unwrap().source, "attestation");
    assert!(matches!(world.confirm(payout, &bola()).await, Attested::Again(_)));
    assert!(matches!(world.propose(payout, Verdict::NotPaid, &ada()).await, Attested::NotAttestable { .. }));
    assert_eq!(world.withdraw(payout).await, Attested::NoneOpen);
    assert_eq!(world.balance(&payee).await, ["9.00", "0.00", "1.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn two_who_confirm_at_once_confirm_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for _ in 0..3 {
        let payout = world.unknown(&payee, "1").await;
        world.propose(payout, Verdict::Paid, &ada()).await;
        let (bola, chi) = (bola(), Actor::admin("chi"));
        let gate = world.hold_up(payout).await;
        let (first, second) =
            world.in_turn(gate, world.confirm(payout, &bola), world.confirm(payout, &chi)).await;
        assert!(matches!(first, Attested::Done(_)), "{first:?}");
        assert_eq!(second, Attested::NoneOpen);
        assert_eq!(world.status(payout).await, PayoutStatus::Completed);
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn only_what_may_have_paid_is_attested(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let refused = async |world: &World, payout| {
        matches!(world.propose(payout, Verdict::NotPaid, &ada()).await, Attested::NotAttestable { .. })
    };
    let payout = world.begun(&payee, "1").await;
    assert!(refused(&world, payout).await, "never sent");
    world.goes(payout, 1).await;
    assert!(refused(&world, payout).await, "being sent");
    world.pass(TimeDelta::seconds(41));
    assert!(!refused(&world, payout).await, "lost from sight");
    let failed = world.given_up(&payee, "1").await;
    assert!(refused(&world, failed).await, "failed, and nothing else seen");
    world.look(failed, 1, Observed::InFlight).await;
    assert!(!refused(&world, failed).await, "failed, and doubted");
    let completed = world.completed(&payee, "1").await;
    assert!(refused(&world, completed).await, "paid");
    let nobody = PayoutId::mint();
    assert_eq!(world.propose(nobody, Verdict::Paid, &ada()).await, Attested::NotFound);
    assert_eq!(world.confirm(nobody, &ada()).await, Attested::NotFound);
    assert_eq!(world.withdraw(nobody).await, Attested::NotFound);
}

#[sqlx::test(migrations = "../migrations")]
async fn not_paid_cools_and_is_looked_at_once_more(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.unknown(&payee, "1").await;
    world.pass(TimeDelta::minutes(2));
    world.look(payout, 1, absent).await;
    world.attested(payout, Verdict::NotPaid).await;
    // It may be sent again no more, though the gateway does not know it.
    assert!(!matches!(world.count_send(payout, 1).await, Sending::Go { .. }));
    world.pass(hours(71));
    world.look(payout, 1, absent).await;
    assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Unknown);
    assert!(!matches!(world.count_send(payout, 1).await, Sending::Go { .. }));
    world.pass(hours(1));
    assert_eq!(world.look(payout, 1, absent).await.next, Next::AwaitAttention);
    assert_eq!(world.stage(payout).await, Stage::Applied);
    assert_eq!(world.payout(payout).await.failure_code.unwrap().as_str(), "attested_unpaid");
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn the_gateway_is_believed_before_two_people(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for seen in [Observed::InFlight, Observed::Succeeded] {
        let payout = world.unknown(&payee, "1").await;
        world.attested(payout, Verdict::NotPaid).await;
        world.pass(hours(73));
        world.look(payout, 1, seen).await;
        assert_eq!(world.stage(payout).await, Stage::Withdrawn);
        assert_ne!(world.attempt(payout, 1).await.status, AttemptStatus::Failed);
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_withdrawn_counts_no_more(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.unknown(&payee, "1").await;
    world.attested(payout, Verdict::NotPaid).await;
    assert!(matches!(world.withdraw(payout).await, Attested::Done(_)));
    assert_eq!(world.withdraw(payout).await, Attested::NoneOpen);
    world.pass(hours(80));
    world.look(payout, 1, absent).await;
    assert_eq!(world.attempt(payout, 1).await.status, AttemptStatus::Unknown);
    // It may be sent again, as before.
    world.goes(payout, 1).await;
}

/// A failure that the gateway does not confirm any more, and that two people know to have paid.
#[sqlx::test(migrations = "../migrations")]
async fn an_attested_late_success_completes_or_is_owed(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "1").await;
    world.look(payout, 1, Observed::InFlight).await;
    world.attested(payout, Verdict::Paid).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Completed);
    assert!(world.attempt(payout, 1).await.late);
    world.books_are_right().await;
}

// What waits too long.

#[sqlx::test(migrations = "../migrations")]
async fn silence_is_told_once_and_is_a_case_after_a_day(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.unknown(&payee, "1").await;
    // Recorded and not sent: it says nothing.
    world.begun(&payee, "1").await;
    let look = async |world: &World| overdue::look(&world.pool, world.now).await.unwrap();
    world.pass(TimeDelta::seconds(899));
    assert_eq!(look(&world).await, Round::default());
    world.pass(TimeDelta::seconds(1));
    let round = look(&world).await;
    let told: Vec<_> = round.alerts.iter().map(|silent| (silent.payout, silent.attempt)).collect();
    assert_eq!((told, round.unknown), (vec![(payout, number(1))], 0));
    world.pass(hours(23));
    assert_eq!(look(&world).await, Round::default());

    world.pass(hours(1));
    assert_eq!(look(&world).await.unknown, 1);
    assert_eq!(look(&world).await.unknown, 0);
    let [case] = world.cases(CaseKind::UnknownTooLong).await.try_into().unwrap();
    assert_eq!((case.payout, case.status), (Some(payout), CaseStatus::Open));

    // A person closes it with a word, and a day later there is still no outcome.
    assert!(matches!(world.close(case.id, None).await, Closed::StillSo { .. }));
    assert!(matches!(world.close(case.id, Some("the bank will tell tomorrow")).await, Closed::Done(_)));
    assert!(matches!(world.close(case.id, Some("again")).await, Closed::Already(_)));
    assert_eq!(look(&world).await.unknown, 0);
    world.pass(hours(25));
    assert_eq!(look(&world).await.unknown, 1);

    // The outcome closes it, in its own transaction.
    world.look(payout, 1, Observed::Succeeded).await;
    let open = cases::open_of_payout(&world.pool, payout).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
    let newest = &world.cases(CaseKind::UnknownTooLong).await[0];
    assert_eq!(newest.closed_by.as_deref(), Some("system"));
}

/// What waited before it was sent is told about from when it was sent.
#[sqlx::test(migrations = "../migrations")]
async fn silence_begins_with_the_send(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "1").await;
    world.pass(hours(30));
    let lease = world.goes(payout, 1).await;
    world.answered(payout, lease, &unknown()).await;
    assert_eq!(overdue::look(&world.pool, world.now).await.unwrap(), Round::default());
    world.pass(TimeDelta::minutes(15));
    assert_eq!(overdue::look(&world.pool, world.now).await.unwrap().alerts.len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_doubt_goes_to_a_person_after_a_day(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    // It will be tried again by itself.
    world.look(payout, 1, fails("DISBURSE FAILED")).await;
    assert!(matches!(world.next(payout).await, Next::AwaitRetry { .. }));
    world.pass(TimeDelta::minutes(2));
    world.look(payout, 1, Observed::InFlight).await;
    world.pass(hours(23));
    assert_eq!(overdue::look(&world.pool, world.now).await.unwrap().doubted, 0);
    world.pass(hours(1));
    assert_eq!(overdue::look(&world.pool, world.now).await.unwrap().doubted, 1);
    assert_eq!(world.next(payout).await, Next::AwaitAttention);
    let [case] = world.cases(CaseKind::Contradiction).await.try_into().unwrap();
    assert_eq!((case.payout, case.status), (Some(payout), CaseStatus::Open));
    assert_eq!(overdue::look(&world.pool, world.now).await.unwrap().doubted, 0);
    assert!(matches!(world.close(case.id, None).await, Closed::StillSo { .. }));

    // The gateway says again that it failed: nothing is left to settle.
    world.look(payout, 1, fails("DISBURSE FAILED")).await;
    assert!(cases::open_of_payout(&world.pool, payout).await.unwrap().is_empty());
}

/// The pause of an overpaid provider ends with the case.
#[sqlx::test(migrations = "../migrations")]
async fn closing_an_overpayment_lets_the_provider_be_paid_again(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1").await;
    let payout = world.given_up(&payee, "1").await;
    let refunded = store::manual::refund(&world.pool, payout, &ada(), "gave up", world.now).await.unwrap();
    assert!(matches!(refunded, store::manual::Acted::Done(_)), "{refunded:?}");
    let paid_again = world.completed(&payee, "1").await;
    assert_eq!(world.status(paid_again).await, PayoutStatus::Completed);
    // The first one paid after all.
    world.look(payout, 1, Observed::Succeeded).await;
    let [case] = world.cases(CaseKind::Overpaid).await.try_into().unwrap();
    assert_eq!(pauses::list(&world.pool).await.unwrap()[0].what, Paused::Provider(payee.id));
    assert!(matches!(world.close(case.id, None).await, Closed::StillSo { .. }));
    let closed = world.close(case.id, Some("they agreed to pay it back")).await;
    assert!(matches!(closed, Closed::Done(_)));
    assert_eq!(pauses::list(&world.pool).await.unwrap(), []);
    world.books_are_right().await;
}

/// People know that it paid and not what it cost: that is booked once, when the gateway's record turns up.
#[sqlx::test(migrations = "../migrations")]
async fn the_fee_of_what_people_said_has_paid_is_booked_when_it_is_told(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.unknown(&payee, "1").await;
    world.attested(payout, Verdict::Paid).await;
    assert_eq!((world.status(payout).await, world.payout(payout).await.fee), (PayoutStatus::Completed, None));
    world.books_are_right().await;
    for _ in 0..2 {
        world.look(payout, 1, Observed::Succeeded).await;
        let fee = world.payout(payout).await.fee;
        assert_eq!(fee.unwrap().to_string(), "26.875 NGN");
        assert_eq!(world.attempt(payout, 1).await.fee, fee);
        assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'fee'").await, 1);
        world.books_are_right().await;
    }
}

/// Whoever asks is told who ends the pause, also before any batch has met it.
#[sqlx::test(migrations = "../migrations")]
async fn what_is_paused_says_so(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.approved(&payee, "1").await;
    let waiting = async |world: &World, payout| {
        let standing = payouts::standing(&world.pool, payout).await.unwrap().unwrap();
        let waiting = standing.waiting(world.now, None).unwrap();
        (waiting.waiting_for, waiting.who)
    };
    let (window, paused) = ((WaitingFor::Window, WhoActs::System), |who| (WaitingFor::PauseEnd, who));
    for part in
        [Paused::Provider(payee.id), Paused::Bank("044".parse().unwrap()), Paused::BankAccount(payee.account)]
    {
        pauses::pause(&world.pool, &part, "drill", &ada(), world.now).await.unwrap();
        assert_eq!(waiting(&world, payout).await, paused(WhoActs::Admin), "{part:?}");
        pauses::resume(&world.pool, &part, "over", &ada(), world.now).await.unwrap();
        assert_eq!(waiting(&world, payout).await, window);
    }
    for (everything, expected) in [(true, paused(WhoActs::Admin)), (false, window)] {
        control::set_paused(&world.pool, everything, "drill", &ada(), world.now).await.unwrap();
        assert_eq!(waiting(&world, payout).await, expected);
    }
    // Held back by the gate once, and the pause is over.
    let held = world.released(&payee, "1").await;
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    assert_eq!(world.begin(held).await.next, Next::AwaitRelease);
    assert_eq!(waiting(&world, held).await, paused(WhoActs::Admin));
    control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    assert_eq!(waiting(&world, held).await, window);

    // A case's pause ends when finance has settled the case.
    let twice = world.accepted_again(&payee, "1").await;
    world.look(twice, 2, Observed::Succeeded).await;
    world.look(twice, 1, Observed::Succeeded).await;
    let payout = world.approved(&payee, "1").await;
    assert_eq!(waiting(&world, payout).await, paused(WhoActs::Finance));
    pauses::pause(&world.pool, &Paused::Provider(payee.id), "also", &ada(), world.now).await.unwrap();
    assert_eq!(waiting(&world, payout).await, paused(WhoActs::Admin));
}
