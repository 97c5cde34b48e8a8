//! What the gateway says when it is asked, against what we know: every pair.

use chrono::TimeDelta;
use domain::{
    AttemptStatus, Currency, Doubt, Failure, Money, Next, Observed, PayoutId, PayoutStatus, Reference,
    Sighting,
};
use sqlx::PgPool;
use store::manual::{self, Acted};

use crate::fixtures::{Payee, World, absent, ada, fails, naira, number, seconds, unreadable};

type Seen = fn(Sighting) -> Observed;
type Change = fn(&mut Sighting);

fn failed(sighting: Sighting) -> Observed {
    Observed::Failed(sighting, Failure::observed("account closed"))
}

const SEEN: [(&str, Seen); 6] = [
    ("in flight", Observed::InFlight),
    ("succeeded", Observed::Succeeded),
    ("failed", failed),
    ("reversed", Observed::Reversed),
    ("not found", absent),
    ("unrecognised", unreadable),
];

/// A payout whose attempt is in this status.
async fn with_attempt(world: &World, payee: &Payee, status: AttemptStatus) -> PayoutId {
    match status {
        AttemptStatus::Submitting => world.begun(payee, "1").await,
        AttemptStatus::Accepted => world.accepted(payee, "1").await,
        AttemptStatus::Unknown => {
            let payout = world.begun(payee, "1").await;
            world.look(payout, 1, unreadable).await;
            payout
        }
        AttemptStatus::Succeeded => world.completed(payee, "1").await,
        AttemptStatus::Failed => world.given_up(payee, "1").await,
        AttemptStatus::Reversed => {
            let payout = world.completed(payee, "1").await;
            world.look(payout, 1, failed).await;
            world.at(TimeDelta::hours(24)).look(payout, 1, failed).await;
            payout
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn every_status_meets_every_answer(pool: PgPool) {
    use AttemptStatus as A;
    use Doubt as D;
    use PayoutStatus as P;
    let open = |in_flight, nothing, absent| {
        [
            (in_flight, P::Processing, None),
            (A::Succeeded, P::Completed, None),
            (A::Failed, P::Failed, None),
            (A::Unknown, P::Processing, None),
            (absent, P::Processing, None),
            (nothing, P::Processing, None),
        ]
    };
    let table = [
        (A::Submitting, open(A::Accepted, A::Unknown, A::Unknown)),
        (A::Accepted, open(A::Accepted, A::Unknown, A::Accepted)),
        (A::Unknown, open(A::Accepted, A::Unknown, A::Unknown)),
        (A::Succeeded, [(A::Succeeded, P::Completed, None); 6]),
        (A::Reversed, [(A::Reversed, P::Reversed, None); 6]),
        (
            A::Failed,
            [
                (A::Failed, P::Failed, Some(D::InFlight)),
                (A::Succeeded, P::Completed, None),
                (A::Failed, P::Failed, None),
                (A::Failed, P::Failed, Some(D::Unconfirmed)),
                (A::Failed, P::Failed, Some(D::Unconfirmed)),
                (A::Failed, P::Failed, Some(D::Unconfirmed)),
            ],
        ),
    ];
    let world = World::new(&pool);
    for (status, row) in table {
        for ((said, seen), (attempt_after, payout_after, doubt)) in SEEN.into_iter().zip(row) {
            // Each to an account of its own: one that fails again and again is paused.
            let payee = world.provider().await;
            world.earns(&payee, "1000").await;
            let payout = with_attempt(&world, &payee, status).await;
            // Twice: hearing the same again changes nothing more.
            for _ in 0..2 {
                let progress = world.look(payout, 1, seen).await;
                let attempt = world.attempt(payout, 1).await;
                assert_eq!(
                    (attempt.status, progress.status, attempt.doubt),
                    (attempt_after, payout_after, doubt),
                    "{status} that is seen {said}"
                );
            }
        }
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_disagrees_never_settles(pool: PgPool) {
    let disagreements: [(&str, Change); 4] = [
        ("reference", |s| s.reference = Reference::from_stored("test-other-1")),
        ("amount", |s| s.amount = naira("0.99")),
        ("currency", |s| s.amount = Money::parse("1", Currency::Ghs).unwrap()),
        ("account", |s| s.account = "0690000031".to_owned()),
    ];
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for (field, change) in disagreements {
        for (_, seen) in &SEEN[..4] {
            let payout = world.accepted(&payee, "1").await;
            let progress = world
                .look(payout, 1, |mut sighting| {
                    change(&mut sighting);
                    seen(sighting)
                })
                .await;
            assert_eq!(progress.status, PayoutStatus::Processing);
            let attempt = world.attempt(payout, 1).await;
            assert_eq!(attempt.status, AttemptStatus::Unknown);
            let evidence = attempt.evidence.last().unwrap();
            assert_eq!(
                (evidence.verdict.as_str(), evidence.detail["field"].as_str()),
                ("disagrees", Some(field))
            );
        }
    }
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'paid'").await, 0);
}

/// A failure that is two minutes young proves nothing once the gateway has said something else.
#[sqlx::test(migrations = "../migrations")]
async fn no_money_moves_on_a_doubted_failure(pool: PgPool) {
    let mut world = World::new(&pool);
    for (said, seen) in [SEEN[0], SEEN[4], SEEN[5]] {
        // Three that fail in a row would pause an account.
        let payee = world.provider().await;
        world.earns(&payee, "100").await;
        let retried = world.accepted(&payee, "1").await;
        world.look(retried, 1, fails("bank is not available")).await;
        let given_up = world.given_up(&payee, "1").await;
        world.pass(seconds(60));
        for payout in [retried, given_up] {
            world.look(payout, 1, seen).await;
        }
        assert_eq!(world.begin(retried).await.next, Next::AwaitRetry { due: world.now }, "{said}");
        let refunded = manual::refund(&world.pool, given_up, &ada(), "no", world.now).await.unwrap();
        assert!(matches!(refunded, Acted::NotProven { .. }), "{said}");
        // Seen to have failed after all.
        for payout in [retried, given_up] {
            world.look(payout, 1, fails("bank is not available")).await;
        }
        assert_eq!(world.begin(retried).await.next, Next::Send { attempt: number(2) }, "{said}");
        let refunded = manual::refund(&world.pool, given_up, &ada(), "no", world.now).await.unwrap();
        assert!(matches!(refunded, Acted::Done(_)), "{said}");
    }
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn looks_grow_apart(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    for wait in [30, 60, 120, 240] {
        let next = world.look(payout, 1, Observed::InFlight).await.next;
        assert_eq!(next, Next::AwaitOutcome { attempt: number(1), check_at: world.now + seconds(wait) });
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn any_words_of_the_gateway_can_be_kept(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    let strange = |_| Observed::Unrecognised { said: "a\0b".to_owned() };
    world.look(payout, 1, strange).await;
    let progress = world
        .look(payout, 1, |mut sighting| {
            sighting.gateway_id = "7\0".to_owned();
            Observed::Failed(sighting, Failure::observed("no\0 reason"))
        })
        .await;
    assert_eq!(progress.status, PayoutStatus::Failed);
}
