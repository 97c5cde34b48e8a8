//! Pauses.

use domain::Next;
use sqlx::PgPool;
use store::control;

use crate::fixtures::{World, ada, number};

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_says_who_and_why(pool: PgPool) {
    let world = World::new(&pool);
    assert!(!control::get(&world.pool).await.unwrap().paused);
    for _ in 0..2 {
        control::set_paused(&world.pool, true, "dr\0ill", &ada(), world.now).await.unwrap();
        let control = control::get(&world.pool).await.unwrap();
        assert!(control.paused && control.changed_by == "admin:ada" && control.changed_at == world.now);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn once_a_pause_has_answered_no_attempt_begins(pool: PgPool) {
    let world = World::new(&pool).crowd(8).await;
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for pause_first in [true, false] {
        let payout = world.released(&payee, "1").await;
        let mut gate = world.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE control IN ACCESS EXCLUSIVE MODE").execute(&mut *gate).await.unwrap();
        let admin = ada();
        let pause = control::set_paused(&world.pool, true, "drill", &admin, world.now);
        let begun = if pause_first {
            world.in_turn(gate, pause, world.begin(payout)).await.1
        } else {
            world.in_turn(gate, world.begin(payout), pause).await.0
        };
        let expected = if pause_first { Next::AwaitRelease } else { Next::Send { attempt: number(1) } };
        assert_eq!(begun.next, expected);
        control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    }
    world.pool.close().await;
}

/// Shared row locks overtake a waiting UPDATE: without a queue a steady stream of begins would hold a pause off for ever.
#[sqlx::test(migrations = "../migrations")]
async fn a_waiting_pause_is_not_overtaken(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    let mut beginning = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM control FOR SHARE").execute(&mut *beginning).await.unwrap();
    let admin = ada();
    let pause = control::set_paused(&world.pool, true, "drill", &admin, world.now);
    let (paused, begun) = world.in_turn(beginning, pause, world.begin(payout)).await;
    paused.unwrap();
    assert_eq!(begun.next, Next::AwaitRelease);
}

#[sqlx::test(migrations = "../migrations")]
async fn once_a_suspension_has_answered_no_attempt_begins(pool: PgPool) {
    let world = World::new(&pool).crowd(8).await;
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    for suspend_first in [true, false] {
        let payout = world.released(&payee, "1").await;
        let mut gate = world.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM providers FOR UPDATE").execute(&mut *gate).await.unwrap();
        let begun = if suspend_first {
            world.in_turn(gate, world.suspend(&payee), world.begin(payout)).await.1
        } else {
            world.in_turn(gate, world.begin(payout), world.suspend(&payee)).await.0
        };
        let expected = if suspend_first { Next::AwaitRelease } else { Next::Send { attempt: number(1) } };
        assert_eq!(begun.next, expected);
        world.upsert(&payee.external_id, false).await;
    }
    world.pool.close().await;
}
