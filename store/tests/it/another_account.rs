//! A provider gives another account for a payout that the bank refused: both halves happen, or neither, whoever else is at it.

use chrono::TimeDelta;
use domain::{BankAccountId, Next, Observed, PayoutId, PayoutStatus, judge::FRESH};
use serde_json::json;
use sqlx::PgPool;
use store::{
    another_account::{self, AnotherAccount, Given},
    earnings,
    manual::{self, Acted},
    payouts::{Payout, RequestRefused},
};

use crate::fixtures::{Payee, World, ada, fails, naira};

async fn give(world: &World, payee: &Payee, payout: PayoutId, account: BankAccountId, key: &str) -> Given {
    let new = AnotherAccount {
        payout,
        provider: payee.id,
        bank_account: account,
        idempotency_key: key.to_owned(),
        body_hash: [u8::try_from(account.uuid().as_u128() % 251).unwrap(); 32],
    };
    let render = |payout: &Payout| json!({ "id": payout.id });
    another_account::give(&world.pool, &new, render, world.now).await.unwrap()
}

/// A payout of 4 out of 10 that its account's bank refused, and another account.
async fn refused(world: &World) -> (Payee, PayoutId, BankAccountId) {
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "4").await;
    let other = world.ready_account(&payee).await;
    (payee, payout, other)
}

#[sqlx::test(migrations = "../migrations")]
async fn the_money_goes_to_the_other_account_and_is_never_free_between(pool: PgPool) {
    let world = World::new(&pool);
    let (payee, old, other) = refused(&world).await;
    let Given::New { payout, answer } = give(&world, &payee, old, other, "k").await else { panic!() };
    assert_eq!((payout.bank_account, payout.amount), (other, naira("4")));
    assert_eq!(payout.status, PayoutStatus::Requested, "it is assessed anew");
    assert_eq!(answer, json!({ "id": payout.id }));
    assert_eq!(world.payout(old).await.refunded_at, Some(world.now));
    assert_eq!(another_account::replacement(&world.pool, old).await.unwrap(), Some(payout.id));
    assert_eq!(world.balance(&payee).await, ["6.00", "4.00", "0.00"]);
    assert_eq!(world.told(old).await.last().unwrap(), "manual_action");
    let feed = "SELECT count(*) FROM notifications WHERE event = 'replaced' AND reason IS NOT NULL";
    assert_eq!(world.count(feed).await, 1, "the old one's end is told too");
    // The same request again is answered from the first; another one finds the payout moved on.
    assert_eq!(give(&world, &payee, old, other, "k").await, Given::Again { answer });
    assert!(matches!(give(&world, &payee, old, other, "k2").await, Given::NotWaiting(_)));
    let body = Given::Refused(RequestRefused::KeyReused);
    assert_eq!(give(&world, &payee, old, payee.account, "k").await, body);
    assert_eq!(world.assess(payout.id).await.next, Next::AwaitDecision);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_request_leaves_the_old_payout_as_it_was(pool: PgPool) {
    let mut world = World::new(&pool);
    let (payee, old, other) = refused(&world).await;
    let (stranger, _, theirs) = refused(&world).await;
    let before = world.payout(old).await;
    assert_eq!(give(&world, &stranger, old, theirs, "a").await, Given::NotFound);
    assert_eq!(give(&world, &payee, old, payee.account, "b").await, Given::SameAccount);
    let unknown = Given::Refused(RequestRefused::UnknownBankAccount);
    assert_eq!(give(&world, &payee, old, theirs, "c").await, unknown);
    world.suspend(&payee).await;
    let suspended = Given::Refused(RequestRefused::ProviderSuspended);
    assert_eq!(give(&world, &payee, old, other, "d").await, suspended);
    world.upsert(&payee.external_id, false).await;
    assert_eq!(world.payout(old).await, before);
    assert_eq!(world.balance(&payee).await, ["6.00", "4.00", "0.00"]);
    // The failure must have been seen just now.
    world.pass(FRESH + TimeDelta::microseconds(1));
    assert!(matches!(give(&world, &payee, old, other, "e").await, Given::NotProven { .. }));
    world.look(old, 1, fails("account closed")).await;
    // Every refused key is still free.
    assert!(matches!(give(&world, &payee, old, other, "a").await, Given::New { .. }));
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_owed_is_taken_first_and_then_nothing_happens(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let earning = world.earns_at(&payee, "4", world.now).await;
    let old = world.given_up(&payee, "4").await;
    let other = world.ready_account(&payee).await;
    let cut = earnings::NewAdjustment {
        external_id: "cut".to_owned(),
        earning_external_id: earning,
        amount: naira("1").negated(),
        reason: "a clawback".to_owned(),
    };
    earnings::adjust(&world.pool, &cut, &ada(), world.now).await.unwrap();
    assert_eq!(world.accounts(&payee).await, ["0.00", "4.00", "0.00", "1.00"]);
    let short = Given::Refused(RequestRefused::InsufficientBalance { available: naira("3") });
    assert_eq!(give(&world, &payee, old, other, "k").await, short);
    assert!(world.payout(old).await.needs_attention);
    assert_eq!(world.accounts(&payee).await, ["0.00", "4.00", "0.00", "1.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn only_a_payout_whose_account_was_refused(pool: PgPool) {
    let world = World::new(&pool);
    let (payee, _, other) = refused(&world).await;
    let limit = world.accepted(&payee, "1").await;
    world.look(limit, 1, fails("Amount should be at least 100")).await;
    let requested = world.requested(&payee, "1").await;
    let paid = world.completed(&payee, "1").await;
    for payout in [requested, paid] {
        assert!(matches!(give(&world, &payee, payout, other, "k").await, Given::NotWaiting(_)));
    }
    assert!(world.payout(limit).await.needs_attention);
    assert_eq!(give(&world, &payee, limit, other, "k").await, Given::NotTheAccount);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn of_two_at_once_one_wins(pool: PgPool) {
    let world = World::new(&pool);
    let refund =
        async |payout| manual::refund(&world.pool, payout, &ada(), "closed", world.now).await.unwrap();
    let retry = async |payout| manual::retry(&world.pool, payout, &ada(), "again", world.now).await.unwrap();

    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (given, refunded) = world.in_turn(gate, give(&world, &payee, old, other, "k"), refund(old)).await;
    assert!(matches!(given, Given::New { .. }) && matches!(refunded, Acted::NotWaiting(_)));
    assert_eq!(world.balance(&payee).await, ["6.00", "4.00", "0.00"]);

    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (refunded, given) = world.in_turn(gate, refund(old), give(&world, &payee, old, other, "k")).await;
    assert!(matches!(refunded, Acted::Done(_)) && matches!(given, Given::NotWaiting(_)));
    assert_eq!(world.balance(&payee).await, ["10.00", "0.00", "0.00"]);

    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (retried, given) = world.in_turn(gate, retry(old), give(&world, &payee, old, other, "k")).await;
    assert!(matches!(retried, Acted::Done(_)) && matches!(given, Given::NotWaiting(_)));

    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (given, retried) = world.in_turn(gate, give(&world, &payee, old, other, "k"), retry(old)).await;
    assert!(matches!(given, Given::New { .. }) && matches!(retried, Acted::NotWaiting(_)));

    // Twice under two keys: one new payout. Under one key: one, and its answer twice.
    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (first, second) = world
        .in_turn(gate, give(&world, &payee, old, other, "a"), give(&world, &payee, old, other, "b"))
        .await;
    assert!(matches!(first, Given::New { .. }) && matches!(second, Given::NotWaiting(_)));

    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (first, second) = world
        .in_turn(gate, give(&world, &payee, old, other, "k"), give(&world, &payee, old, other, "k"))
        .await;
    let Given::New { answer, .. } = first else { panic!("{first:?}") };
    assert_eq!(second, Given::Again { answer });
    assert_eq!(world.balance(&payee).await, ["6.00", "4.00", "0.00"]);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_late_success_and_another_account_do_not_both_pay(pool: PgPool) {
    let world = World::new(&pool);
    // The bank paid after all, and that was seen first: nothing is asked for again.
    let (payee, old, other) = refused(&world).await;
    world.look(old, 1, Observed::Succeeded).await;
    assert_eq!(world.status(old).await, PayoutStatus::Completed);
    assert!(matches!(give(&world, &payee, old, other, "k").await, Given::NotWaiting(_)));
    assert_eq!(world.balance(&payee).await, ["6.00", "0.00", "4.00"]);

    // Both at once, the look first: it completes the payout and nothing is asked for again.
    let (payee, old, other) = refused(&world).await;
    let gate = world.hold_up(old).await;
    let (_, given) = world
        .in_turn(gate, world.look(old, 1, Observed::Succeeded), give(&world, &payee, old, other, "k"))
        .await;
    assert!(matches!(given, Given::NotWaiting(_)), "{given:?}");
    assert_eq!(world.balance(&payee).await, ["6.00", "0.00", "4.00"]);

    // Seen after: what went twice is owed back, and the provider's payouts pause, the new one too.
    let (payee, old, other) = refused(&world).await;
    let Given::New { payout, .. } = give(&world, &payee, old, other, "k").await else { panic!() };
    world.look(old, 1, Observed::Succeeded).await;
    let cases = store::cases::Filter {
        kind: Some(store::cases::CaseKind::Overpaid),
        provider: Some(payee.id),
        ..store::cases::Filter::default()
    };
    let page = store::cases::Page { before: None, limit: 9 };
    assert_eq!(store::cases::list(&world.pool, &cases, page).await.unwrap().len(), 1);
    let standing = store::payouts::standing(&world.pool, payout.id).await.unwrap().unwrap();
    assert_eq!(standing.open_attempt, None);
    world.books_are_right().await;
}
