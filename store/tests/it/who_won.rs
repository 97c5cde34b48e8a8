//! Who won: every two moves of a payout that can meet, in both orders, on two connections.
//!
//! In each state every two of the moves that are legal there meet twice. First one after the other: what the second hears stands in
//! the table. Then at once, on a fresh payout: the first holds the payout's row, or queues for it before the second does, as the
//! database shows, and both go on together. Both must hear what they heard before, and everything that can be seen of the payout
//! must be the same: so each order of commits is one of the two that the table knows, and never a third thing.

mod moves;

use domain::PayoutStatus::{
    Approved, Cancelled, Completed, Failed, Processing, Rejected, Requested, Reversed,
};
use sqlx::{PgPool, PgTransaction};

use self::{
    Heard::{AnotherMust, Done, Nothing, OneOfTwo, Stands, Told, Unproven},
    moves::{Heard, Meeting, Move, State},
};
use crate::fixtures::World;

/// One who comes first, what they hear, and what each who comes second hears then.
type First<'a> = (Move, Heard, &'a [(Move, Heard)]);

/// What holds the first back until the second has come.
#[derive(Debug, Clone, Copy)]
enum Gate {
    /// The payout's own row: both queue for it.
    Payout,
    /// A claim never queues for a payout, it passes over one that is locked. So whoever meets it is held back when it has the payout.
    Sums,
    Ledger,
    Review,
    /// A pause that has answered is seen by every begin, also one that waits: a begin that comes first has read the control row.
    Provider,
}

fn gate(first: Move, second: Move) -> Gate {
    match (first, second) {
        (Move::Claim, _) => Gate::Sums,
        (Move::Undo, Move::Claim) => Gate::Review,
        (_, Move::Claim) => Gate::Ledger,
        (Move::Begin, Move::Hold) => Gate::Provider,
        (_, _) => Gate::Payout,
    }
}

async fn close(gate: Gate, meeting: &Meeting) -> PgTransaction<'static> {
    let mut tx = meeting.world.pool.begin().await.unwrap();
    let payout = meeting.payout.uuid();
    let query = match gate {
        Gate::Payout => sqlx::query("SELECT FROM payouts WHERE id = $1 FOR UPDATE").bind(payout),
        Gate::Sums => {
            sqlx::query("INSERT INTO batch_sums VALUES ($1, 'NGN', 0)").bind(meeting.batches.0.uuid())
        }
        Gate::Ledger => sqlx::query("SELECT FROM ledger_accounts FOR UPDATE"),
        Gate::Review => sqlx::query("SELECT FROM reviews WHERE payout_id = $1 FOR UPDATE").bind(payout),
        Gate::Provider => {
            sqlx::query("SELECT FROM providers WHERE id = $1 FOR UPDATE").bind(meeting.payee.id.uuid())
        }
    };
    query.execute(&mut *tx).await.unwrap();
    tx
}

/// The second comes when the first waits; both go on when the second waits too, or, where it never does, is done.
async fn meet(meeting: &Meeting, first: Move, second: Move) -> (Heard, Heard) {
    let held = close(gate(first, second), meeting).await;
    let comes_second = async {
        meeting.world.until_waiting(1).await;
        if second == Move::Claim {
            let heard = meeting.make(second, 1).await;
            held.rollback().await.unwrap();
            heard
        } else {
            let both_wait = async {
                meeting.world.until_waiting(2).await;
                held.rollback().await.unwrap();
            };
            tokio::join!(meeting.make(second, 1), both_wait).0
        }
    };
    tokio::join!(meeting.make(first, 0), comes_second)
}

async fn check(pool: PgPool, state: State, table: &[First<'_>]) {
    let mut world = World::new(&pool);
    for (first, wins, seconds) in table {
        let missing = table.iter().find(|(other, ..)| !seconds.iter().any(|(second, _)| second == other));
        assert!(missing.is_none(), "{first:?} does not meet {missing:?}");
        for (second, hears) in *seconds {
            let apart = Meeting::in_state(&world, state).await;
            let heard = (apart.make(*first, 0).await, apart.make(*second, 1).await);
            assert_eq!(heard, (*wins, *hears), "{state:?}: {first:?}, then {second:?}");
            let expected = apart.seen().await;
            apart.leave().await;

            let together = Meeting::in_state(&world, state).await;
            let heard = meet(&together, *first, *second).await;
            assert_eq!(heard, (*wins, *hears), "{state:?}: {first:?} meets {second:?}");
            assert_eq!(together.seen().await, expected, "{state:?}: {first:?} meets {second:?}");
            world.books_are_right().await;
            together.leave().await;
            // Nobody's batch finds what the last ones left.
            world.pass(crate::fixtures::seconds(600));
        }
    }
    world.pool.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn requested(pool: PgPool) {
    let by_provider = Told(Cancelled, "provider");
    check(
        pool,
        State::Requested,
        &[
            (Move::Assess, Stands(Requested), &[(Move::Assess, Stands(Requested)), (Move::Cancel, Done)]),
            (Move::Cancel, Done, &[(Move::Assess, Stands(Cancelled)), (Move::Cancel, by_provider)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn under_review(pool: PgPool) {
    let (approved, rejected) = (Told(Approved, "admin"), Told(Rejected, "admin"));
    let cancelled = Told(Cancelled, "provider");
    check(
        pool,
        State::UnderReview,
        &[
            (
                Move::Approve,
                Done,
                // An approved payout may still be cancelled.
                &[(Move::Approve, approved), (Move::Reject, approved), (Move::Cancel, Done)],
            ),
            (
                Move::Reject,
                Done,
                &[(Move::Approve, rejected), (Move::Reject, rejected), (Move::Cancel, rejected)],
            ),
            (
                Move::Cancel,
                Done,
                &[(Move::Approve, cancelled), (Move::Reject, cancelled), (Move::Cancel, cancelled)],
            ),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn approved(pool: PgPool) {
    let (cancelled, claimed) = (Told(Cancelled, "provider"), Told(Processing, "system"));
    check(
        pool,
        State::Approved,
        &[
            (
                Move::Cancel,
                Done,
                &[(Move::Cancel, cancelled), (Move::Undo, cancelled), (Move::Claim, Nothing)],
            ),
            (
                Move::Undo,
                Done,
                // What is under review again may be cancelled.
                &[(Move::Cancel, Done), (Move::Undo, Told(Requested, "admin")), (Move::Claim, Nothing)],
            ),
            (Move::Claim, Done, &[(Move::Cancel, claimed), (Move::Undo, claimed), (Move::Claim, Nothing)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn returned_for_want_of_funds(pool: PgPool) {
    let (cancelled, claimed) = (Told(Cancelled, "provider"), Told(Processing, "system"));
    let paid = Told(Completed, "system");
    check(
        pool,
        State::Returned,
        &[
            (
                Move::Cancel,
                Done,
                &[
                    (Move::Cancel, cancelled),
                    (Move::Undo, cancelled),
                    (Move::Claim, Nothing),
                    // The money was given back and went all the same: the excess is debt.
                    (Move::LateSuccess, Stands(Cancelled)),
                ],
            ),
            (
                Move::Undo,
                Done,
                &[
                    (Move::Cancel, Done),
                    (Move::Undo, Told(Requested, "admin")),
                    (Move::Claim, Nothing),
                    (Move::LateSuccess, Stands(Completed)),
                ],
            ),
            (
                Move::Claim,
                Done,
                &[
                    (Move::Cancel, claimed),
                    (Move::Undo, claimed),
                    (Move::Claim, Nothing),
                    (Move::LateSuccess, Stands(Completed)),
                ],
            ),
            (
                Move::LateSuccess,
                Stands(Completed),
                &[
                    (Move::Cancel, paid),
                    (Move::Undo, paid),
                    (Move::Claim, Nothing),
                    (Move::LateSuccess, Stands(Completed)),
                ],
            ),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn released(pool: PgPool) {
    let (begun, held) = (Stands(Processing), Stands(Approved));
    let claimed = Told(Processing, "system");
    check(
        pool,
        State::Released,
        &[
            (
                Move::Begin,
                begun,
                &[(Move::Begin, begun), (Move::Hold, begun), (Move::Cancel, claimed), (Move::Undo, claimed)],
            ),
            // What waits again may be cancelled, and taken back.
            (
                Move::Hold,
                held,
                &[(Move::Begin, held), (Move::Hold, held), (Move::Cancel, Done), (Move::Undo, Done)],
            ),
            (
                Move::Cancel,
                claimed,
                &[(Move::Begin, begun), (Move::Hold, held), (Move::Cancel, claimed), (Move::Undo, claimed)],
            ),
            (
                Move::Undo,
                claimed,
                &[(Move::Begin, begun), (Move::Hold, held), (Move::Cancel, claimed), (Move::Undo, claimed)],
            ),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn retry_due(pool: PgPool) {
    let (begun, waits, paid) = (Stands(Processing), Stands(Failed), Stands(Completed));
    check(
        pool,
        State::RetryDue,
        &[
            // The attempt that was begun is withdrawn.
            (Move::Begin, begun, &[(Move::Begin, begun), (Move::Hold, begun), (Move::LateSuccess, paid)]),
            (Move::Hold, waits, &[(Move::Begin, waits), (Move::Hold, waits), (Move::LateSuccess, paid)]),
            (Move::LateSuccess, paid, &[(Move::Begin, paid), (Move::Hold, paid), (Move::LateSuccess, paid)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn given_up(pool: PgPool) {
    let (moved, replaced) = (Told(Failed, "admin"), Told(Failed, "provider"));
    let paid = Told(Completed, "system");
    check(
        pool,
        State::GivenUp,
        &[
            (
                Move::Retry,
                Done,
                &[
                    (Move::Retry, moved),
                    (Move::Refund, moved),
                    (Move::AnotherAccount, moved),
                    (Move::LateSuccess, Stands(Completed)),
                ],
            ),
            (
                Move::Refund,
                Done,
                &[
                    (Move::Retry, moved),
                    (Move::Refund, moved),
                    (Move::AnotherAccount, moved),
                    (Move::LateSuccess, Stands(Failed)),
                ],
            ),
            (
                Move::AnotherAccount,
                Done,
                &[
                    (Move::Retry, replaced),
                    (Move::Refund, replaced),
                    (Move::AnotherAccount, replaced),
                    // It went to both accounts, or will: the excess is debt, and the provider's payouts pause.
                    (Move::LateSuccess, Stands(Failed)),
                ],
            ),
            (
                Move::LateSuccess,
                Stands(Completed),
                &[
                    (Move::Retry, paid),
                    (Move::Refund, paid),
                    (Move::AnotherAccount, paid),
                    (Move::LateSuccess, Stands(Completed)),
                ],
            ),
        ],
    )
    .await;
}

/// What came back is in the balance: the provider asks for it like for anything else, and not instead of a payout.
#[sqlx::test(migrations = "../migrations")]
async fn comes_back(pool: PgPool) {
    let (paid, reversed) = (Told(Completed, "system"), Told(Reversed, "system"));
    let back = Stands(Reversed);
    check(
        pool,
        State::ComesBack,
        &[
            (Move::Reverse, back, &[(Move::Reverse, back), (Move::AnotherAccount, reversed)]),
            (Move::AnotherAccount, paid, &[(Move::Reverse, back), (Move::AnotherAccount, paid)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn accepted(pool: PgPool) {
    let (paid, failed) = (Stands(Completed), Stands(Failed));
    check(
        pool,
        State::Accepted,
        &[
            // What is said against a paid attempt is a case; what is said for a failed one is a late success.
            (Move::Settle, paid, &[(Move::Settle, paid), (Move::Fail, paid)]),
            (Move::Fail, failed, &[(Move::Settle, paid), (Move::Fail, failed)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn begun_again(pool: PgPool) {
    let paid = Stands(Completed);
    check(
        pool,
        State::BegunAgain,
        &[
            // Both may pay: how the second attempt ends decides.
            (Move::Send, Done, &[(Move::Send, Stands(Processing)), (Move::LateSuccess, Stands(Processing))]),
            // The second attempt is withdrawn before a byte of it has left.
            (Move::LateSuccess, paid, &[(Move::Send, paid), (Move::LateSuccess, paid)]),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn accepted_again(pool: PgPool) {
    let (paid, failed, waits) = (Stands(Completed), Stands(Failed), Stands(Processing));
    check(
        pool,
        State::AcceptedAgain,
        &[
            (Move::Settle, paid, &[(Move::Settle, paid), (Move::Fail, paid), (Move::LateSuccess, paid)]),
            (Move::Fail, failed, &[(Move::Settle, paid), (Move::Fail, failed), (Move::LateSuccess, paid)]),
            // Money went twice, or once by the first after all.
            (
                Move::LateSuccess,
                waits,
                &[(Move::Settle, paid), (Move::Fail, paid), (Move::LateSuccess, waits)],
            ),
        ],
    )
    .await;
}

/// A refund that is not proven waits for another look; a look that sees the payment comes between.
#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_refunded_on_an_old_look(pool: PgPool) {
    let world = World::new(&pool);
    let mut meeting = Meeting::in_state(&world, State::GivenUp).await;
    meeting.world.pass(crate::fixtures::seconds(3_600));
    assert_eq!(meeting.make(Move::Refund, 0).await, Unproven);
    world.books_are_right().await;
}

/// Two different people, in any order; one who approved it cannot be the second.
#[sqlx::test(migrations = "../migrations")]
async fn large_under_review(pool: PgPool) {
    let (rejected, cancelled) = (Told(Rejected, "admin"), Told(Cancelled, "provider"));
    check(
        pool,
        State::LargeUnderReview,
        &[
            (Move::Approve, OneOfTwo, &[(Move::Approve, Done), (Move::Reject, Done), (Move::Cancel, Done)]),
            (
                Move::Reject,
                Done,
                &[(Move::Approve, rejected), (Move::Reject, rejected), (Move::Cancel, rejected)],
            ),
            (
                Move::Cancel,
                Done,
                &[(Move::Approve, cancelled), (Move::Reject, cancelled), (Move::Cancel, cancelled)],
            ),
        ],
    )
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn approved_by_one_of_two(pool: PgPool) {
    let (rejected, cancelled) = (Told(Rejected, "admin"), Told(Cancelled, "provider"));
    let approved = Told(Approved, "admin");
    check(
        pool,
        State::ApprovedByOne,
        &[
            (
                Move::Approve,
                Done,
                &[
                    (Move::Approve, approved),
                    (Move::Reject, approved),
                    (Move::Cancel, Done),
                    (Move::Undo, Done),
                ],
            ),
            (
                Move::Reject,
                Done,
                &[
                    (Move::Approve, rejected),
                    (Move::Reject, rejected),
                    (Move::Cancel, rejected),
                    (Move::Undo, rejected),
                ],
            ),
            (
                Move::Cancel,
                Done,
                &[
                    (Move::Approve, cancelled),
                    (Move::Reject, cancelled),
                    (Move::Cancel, cancelled),
                    (Move::Undo, cancelled),
                ],
            ),
            // What the first one approved does not count any more.
            (
                Move::Undo,
                Done,
                &[
                    (Move::Approve, OneOfTwo),
                    (Move::Reject, Done),
                    (Move::Cancel, Done),
                    (Move::Undo, Told(Requested, "admin")),
                ],
            ),
        ],
    )
    .await;
}

/// On two connections at once too.
#[sqlx::test(migrations = "../migrations")]
async fn one_admin_is_not_two(pool: PgPool) {
    let world = World::new(&pool);
    let meeting = Meeting::in_state(&world, State::LargeUnderReview).await;
    let held = close(Gate::Payout, &meeting).await;
    let (first, second) =
        world.in_turn(held, meeting.make(Move::Approve, 0), meeting.make(Move::Approve, 0)).await;
    assert_eq!((first, second), (OneOfTwo, AnotherMust));
    assert_eq!(meeting.make(Move::Approve, 1).await, Done);
    world.books_are_right().await;
}
