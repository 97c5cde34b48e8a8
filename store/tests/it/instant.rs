//! Instant payouts that nobody asks for a batch for: what a pause or an empty wallet had held back.

use chrono::TimeDelta;
use domain::{PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::{batches, control};

use crate::fixtures::{Payee, World, absent, ada, decline, seconds};

async fn world(pool: &PgPool) -> (World, Payee) {
    let world = World::new(pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    (world, payee)
}

/// Asks as the sweep does, some seconds later; a wish that was written is delivered at once.
async fn asked(world: &World) -> bool {
    let asked = batches::ask_for_instant(&world.pool, true, world.now + seconds(6)).await.unwrap();
    let deliver = "UPDATE outbox SET delivered_at = created_at WHERE kind = 'instant_batch'";
    sqlx::query(deliver).execute(&world.pool).await.unwrap();
    asked
}

/// What an instant batch takes now.
async fn taken(world: &World) -> u32 {
    let at = world.now + seconds(6);
    let batch = batches::open_instant(&world.pool, at).await.unwrap();
    let taken = batches::claim_chunk(&world.pool, batch, 100, at).await.unwrap().claimed;
    batches::close(&world.pool, batch, at).await.unwrap();
    taken
}

/// Whoever is asked for is taken, and nobody else.
async fn asks_and_takes(world: &World, expected: bool) {
    assert_eq!((asked(world).await, taken(world).await > 0), (expected, expected));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_wish_is_written_once_while_it_is_on_its_way(pool: PgPool) {
    let (world, payee) = world(&pool).await;
    world.approved(&payee, "1").await;
    assert!(
        !batches::ask_for_instant(&world.pool, true, world.now).await.unwrap(),
        "the approval has just asked"
    );
    let later = world.now + seconds(6);
    assert!(batches::ask_for_instant(&world.pool, true, later).await.unwrap());
    assert!(!batches::ask_for_instant(&world.pool, true, later).await.unwrap());
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'instant_batch'").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_end_of_each_pause_is_noticed(pool: PgPool) {
    let (world, payee) = world(&pool).await;
    asks_and_takes(&world, false).await;
    for (pause, resume) in [
        ("UPDATE control SET paused = true", "UPDATE control SET paused = false"),
        (
            "INSERT INTO pauses (scope, subject, reason, paused_by, paused_at) SELECT 'provider', id::text, 'x', 'admin:x', now() FROM providers",
            "DELETE FROM pauses",
        ),
        (
            "INSERT INTO pauses (scope, subject, reason, paused_by, paused_at) SELECT 'bank', '044', 'x', 'admin:x', now()",
            "DELETE FROM pauses",
        ),
        (
            "INSERT INTO pauses (scope, subject, reason, paused_by, paused_at) SELECT 'bank_account', id::text, 'x', 'admin:x', now() FROM bank_accounts",
            "DELETE FROM pauses",
        ),
        (
            "UPDATE providers SET status = 'SUSPENDED', suspended_by_marketplace = true",
            "UPDATE providers SET status = 'ACTIVE', suspended_by_marketplace = false",
        ),
    ] {
        world.approved(&payee, "1").await;
        sqlx::query(pause).execute(&world.pool).await.unwrap();
        asks_and_takes(&world, false).await;
        sqlx::query(resume).execute(&world.pool).await.unwrap();
        asks_and_takes(&world, true).await;
        asks_and_takes(&world, false).await;
    }
}

/// Approved, taken, and refused for want of funds.
async fn short_of_funds(world: &World, payout: PayoutId, attempt: u8) {
    // Nothing begins before the gateway was asked about what was there before.
    for earlier in 1..attempt {
        world.look(payout, earlier, absent).await;
    }
    world.begin(payout).await;
    let sent = world.goes(payout, attempt).await;
    world.answered(payout, sent, &decline("Insufficient funds in customer wallet")).await;
    assert_eq!(world.status(payout).await, PayoutStatus::Approved);
}

/// A payout that comes back from an empty wallet would use its 99 attempts up within minutes if every batch took it again.
#[sqlx::test(migrations = "../migrations")]
async fn an_empty_wallet_is_tried_less_and_less_often(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.approved(&payee, "1").await;
    assert_eq!(taken(&world).await, 1);
    world.pass(seconds(6));
    for (attempt, rest) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
        short_of_funds(&world, payout, attempt).await;
        world.pass(TimeDelta::minutes(rest) - seconds(7));
        asks_and_takes(&world, false).await;
        // Others are not held up by it, and do not take it along.
        world.approved(&payee, "1").await;
        assert_eq!(taken(&world).await, 1);
        world.pass(seconds(2));
        asks_and_takes(&world, true).await;
        world.pass(seconds(6));
    }
    assert_eq!(world.status(payout).await, PayoutStatus::Processing);
}

/// Finance has topped the wallet up and does not want to wait.
#[sqlx::test(migrations = "../migrations")]
async fn an_admins_batch_takes_what_waits_for_funds_at_once(pool: PgPool) {
    let (mut world, payee) = world(&pool).await;
    let payout = world.released(&payee, "1").await;
    short_of_funds(&world, payout, 1).await;
    world.pass(seconds(1));
    assert_eq!(taken(&world).await, 0);
    assert_eq!(world.release().await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_by_an_admin_ends_with_a_batch(pool: PgPool) {
    let (world, payee) = world(&pool).await;
    world.approved(&payee, "1").await;
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    asks_and_takes(&world, false).await;
    control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    asks_and_takes(&world, true).await;
}
