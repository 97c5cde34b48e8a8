//! Everything at once over many connections, at random: nothing deadlocks, nothing is found inconsistent, the books are right.

use domain::{Next, Observed, PayoutId};
use sqlx::PgPool;
use store::{
    attempts::{self, Sending},
    batches, control,
    decisions::Verdict,
    inbox, manual, outbox, payouts,
};

use crate::fixtures::{Dice, LEASE, Payee, World, accept, ada, decline, fails, reference};

/// One move of somebody, on any payout. Every store function that is called unwraps: a deadlock (40P01) is a failure.
async fn one_move(world: &World, payee: &Payee, dice: &mut Dice) {
    let all = payouts::list(
        &world.pool,
        &payouts::Filter { provider: Some(payee.id), ..payouts::Filter::default() },
        payouts::Page::newest(None, 30),
    )
    .await
    .unwrap();
    let payout = dice.pick(&all).map(|payout| payout.id);
    match (dice.roll(24), payout) {
        (0, _) => world.earns(payee, "20").await,
        (1, _) | (_, None) => {
            let amount = (dice.roll(15) + 1).to_string();
            let _ = world.request(payee, &amount, &PayoutId::mint().to_string()).await;
        }
        (2, Some(payout)) => {
            payouts::cancel(&world.pool, payout, payee.id, world.now).await.unwrap();
        }
        (3, Some(payout)) => {
            manual::refund(&world.pool, payout, &ada(), "x", world.now).await.unwrap();
        }
        (4, Some(payout)) => {
            manual::retry(&world.pool, payout, &ada(), "x", world.now).await.unwrap();
        }
        (5, _) => {
            let rows = outbox::lease(&world.pool, 5, LEASE, world.now).await.unwrap();
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            outbox::delivered(&world.pool, &ids, world.now).await.unwrap();
        }
        (6, _) => {
            let pause = dice.roll(4) == 0;
            control::set_paused(&world.pool, pause, "drill", &ada(), world.now).await.unwrap();
            world.upsert(&payee.external_id, dice.roll(8) == 0).await;
        }
        (7, _) => {
            let batch = batches::open_instant(&world.pool, world.now).await.unwrap();
            batches::claim_chunk(&world.pool, batch, 3, world.now).await.unwrap();
            if dice.roll(2) == 0 {
                batches::close(&world.pool, batch, world.now).await.unwrap();
            }
        }
        (_, Some(payout)) => go_on(world, payout, dice).await,
    }
}

async fn go_on(world: &World, payout: PayoutId, dice: &mut Dice) {
    match world.next(payout).await {
        Next::Assess => drop(world.assess(payout).await),
        Next::AwaitDecision => {
            let verdict = if dice.roll(4) == 0 { Verdict::Reject } else { Verdict::Approve };
            world.decide(payout, verdict).await;
        }
        Next::AwaitRelease => drop(world.release().await),
        Next::Begin | Next::AwaitRetry { .. } => drop(world.begin(payout).await),
        Next::Send { attempt } => {
            if let Sending::Go { lease, .. } = world.count_send(payout, attempt.get()).await {
                let answer = if dice.roll(4) == 0 { decline("Insufficient funds") } else { accept() };
                world.answered(payout, lease, &answer).await;
            }
        }
        Next::AwaitOutcome { .. } | Next::AwaitAttention | Next::Notify { .. } => {
            let places = attempts::of_payout(&world.pool, payout).await.unwrap();
            let Some(attempt) = dice.pick(&places) else { return };
            let number = attempt.number.get();
            let body = dice.roll(1000).to_string();
            let reference = reference(&world.place(payout, number).await);
            inbox::receive(&world.pool, body.as_bytes(), Some(&reference), world.now).await.unwrap();
            // What the gateway says of one attempt is always the same.
            match attempt.id.uuid().as_u128() % 3 {
                0 => world.look(payout, number, fails("account closed")).await,
                1 => world.look(payout, number, fails("bank is not available")).await,
                _ if attempt.status == domain::AttemptStatus::Failed => return,
                _ => world.look(payout, number, Observed::Succeeded).await,
            };
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn many_hands_never_meet_in_a_deadlock(pool: PgPool) {
    let world = World::new(&pool).crowd(24).await;
    let payees = [world.provider().await, world.provider().await, world.provider().await];
    for payee in &payees {
        for _ in 0..3 {
            world.earns(payee, "30").await;
        }
    }
    let hands = (0..24).map(|hand| {
        let (world, payees) = (world.clone(), payees.clone());
        async move {
            let mut world = world;
            let mut dice = Dice::new(hand);
            for _ in 0..60 {
                world.pass(crate::fixtures::seconds(20));
                let payee = dice.pick(&payees).unwrap().clone();
                one_move(&world, &payee, &mut dice).await;
            }
        }
    });
    futures::future::join_all(hands).await;
    world.books_are_right().await;
    for status in ["COMPLETED", "FAILED", "CANCELLED"] {
        let sql = format!("SELECT count(*) FROM payouts WHERE status = '{status}'");
        let came: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&world.pool).await.unwrap();
        assert!(came > 0, "nothing came to {status}");
    }
    world.pool.close().await;
}
