//! Batches: one per window, carried on where they were left, oldest approval first.

use chrono::TimeDelta;
use domain::{BatchId, BatchWindow, Calendar, PayoutStatus, Schedule};
use sqlx::PgPool;
use store::{
    batches::{self, BatchKind, rules},
    control,
};

use crate::fixtures::{World, ada, naira, seconds};

async fn due(world: &World) -> Option<BatchId> {
    let window: BatchWindow = "2h".parse().unwrap();
    batches::open_due(&world.pool, window, chrono_tz::Africa::Lagos, world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_window_is_batched_once(pool: PgPool) {
    let mut world = World::new(&pool);
    let batch = due(&world).await.unwrap();
    let opened = batches::get(&world.pool, batch).await.unwrap().unwrap();
    assert_eq!((opened.kind, opened.window_at), (BatchKind::Window, Some(world.now)));
    batches::close(&world.pool, batch, world.now).await.unwrap();
    assert_eq!(due(&world).await, None);
    world.pass(TimeDelta::hours(2) - seconds(1));
    assert_eq!(due(&world).await, None);
    world.pass(seconds(1));
    assert!(due(&world).await.is_some_and(|next| next != batch));
}

#[sqlx::test(migrations = "../migrations")]
async fn an_open_batch_is_carried_on_before_the_next_window(pool: PgPool) {
    let mut world = World::new(&pool);
    let batch = due(&world).await.unwrap();
    world.pass(TimeDelta::hours(5));
    assert_eq!(due(&world).await, Some(batch));
    assert!(batches::is_open(&world.pool, batch).await.unwrap());
    batches::close(&world.pool, batch, world.now).await.unwrap();
    assert!(!batches::is_open(&world.pool, batch).await.unwrap());
    let next = due(&world).await.unwrap();
    let opened = batches::get(&world.pool, next).await.unwrap().unwrap();
    assert_eq!(opened.window_at, Some(world.now - TimeDelta::hours(1)));
}

async fn alerts(world: &World) -> i64 {
    world.count("SELECT count(*) FROM audit WHERE action = 'window_missed'").await
}

#[sqlx::test(migrations = "../migrations")]
async fn missed_windows_are_made_up_for_once_and_told(pool: PgPool) {
    let mut world = World::new(&pool);
    let first = due(&world).await.unwrap();
    batches::close(&world.pool, first, world.now).await.unwrap();
    assert_eq!(alerts(&world).await, 0, "the first batch ever has missed nothing");
    world.pass(TimeDelta::hours(7));
    let caught_up = due(&world).await.unwrap();
    let batch = batches::get(&world.pool, caught_up).await.unwrap().unwrap();
    assert_eq!((batch.missed, batch.window_at), (2, Some(world.now - TimeDelta::hours(1))));
    assert_eq!(alerts(&world).await, 1);
    batches::close(&world.pool, caught_up, world.now).await.unwrap();
    assert_eq!(due(&world).await, None);
    // In time, then late by itself.
    for (passes, told) in [(TimeDelta::minutes(61), 1), (TimeDelta::minutes(130), 2)] {
        world.pass(passes);
        let batch = due(&world).await.unwrap();
        assert_eq!(batches::get(&world.pool, batch).await.unwrap().unwrap().missed, 0);
        assert_eq!(alerts(&world).await, told);
        batches::close(&world.pool, batch, world.now).await.unwrap();
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_schedule_that_people_set_is_in_force_from_then_on(pool: PgPool) {
    let mut world = World::new(&pool);
    let first = due(&world).await.unwrap();
    batches::close(&world.pool, first, world.now).await.unwrap();
    world.pass(TimeDelta::minutes(10));
    let noon = Schedule::Calendar(Calendar {
        times: vec!["08:00:00".parse().unwrap(), "12:00:00".parse().unwrap()],
        days: (1..=7).collect(),
        zone: chrono_tz::UTC,
        holidays: vec!["2026-11-23".parse().unwrap()],
    });
    rules::set_schedule(&world.pool, Some(&noon), &ada(), world.now).await.unwrap();
    let in_force = rules::get(&world.pool).await.unwrap();
    assert_eq!((in_force.schedule.as_ref(), in_force.scheduled_at), (Some(&noon), Some(world.now)));
    assert_eq!(due(&world).await, None, "08:00 was before it was set");
    world.pass(TimeDelta::hours(2));
    assert_eq!(due(&world).await, None, "the settings' window at 11:00 counts no more");
    world.pass(TimeDelta::hours(1));
    let noon_batch = due(&world).await.unwrap();
    batches::close(&world.pool, noon_batch, world.now).await.unwrap();
    // The next day is a holiday.
    world.pass(TimeDelta::hours(24));
    assert_eq!(due(&world).await, None);
    rules::set_schedule(&world.pool, None, &ada(), world.now).await.unwrap();
    world.pass(TimeDelta::hours(2));
    let by_settings = due(&world).await.unwrap();
    assert_eq!(
        batches::get(&world.pool, by_settings).await.unwrap().unwrap().missed,
        0,
        "no holiday was missed"
    );
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'batch_schedule_set'").await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn windows_and_instant_payouts_change_places_at_run_time(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let wishes = async || world.count("SELECT count(*) FROM outbox WHERE kind = 'instant_batch'").await;
    // The settings say windows, people say instant.
    rules::set_schedule(&world.pool, Some(&Schedule::Instant), &ada(), world.now).await.unwrap();
    assert_eq!(due(&world).await, None);
    world.approved(&payee, "1").await;
    assert_eq!(wishes().await, 1);
    let hourly = Schedule::Interval { every_minutes: 60, anchor: world.now };
    rules::set_schedule(&world.pool, Some(&hourly), &ada(), world.now).await.unwrap();
    world.approved(&payee, "1").await;
    assert_eq!(wishes().await, 1);
    let later = world.now + TimeDelta::hours(1);
    sqlx::query("UPDATE outbox SET delivered_at = created_at").execute(&world.pool).await.unwrap();
    assert!(!batches::ask_for_instant(&world.pool, true, later).await.unwrap(), "whatever the settings say");
}

#[sqlx::test(migrations = "../migrations")]
async fn many_ticks_at_once_open_one_batch(pool: PgPool) {
    let world = World::new(&pool);
    futures::future::join_all((0..5).map(|_| due(&world))).await;
    assert_eq!(world.count("SELECT count(*) FROM batches").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn instant_batches_come_one_at_a_time(pool: PgPool) {
    let world = World::new(&pool);
    let opened =
        futures::future::join_all((0..5).map(|_| batches::open_instant(&world.pool, world.now))).await;
    let first = *opened[0].as_ref().unwrap();
    assert!(opened.into_iter().all(|batch| batch.unwrap() == first));
    batches::close(&world.pool, first, world.now).await.unwrap();
    assert_ne!(batches::open_instant(&world.pool, world.now).await.unwrap(), first);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_chunk_is_the_oldest_approvals_with_their_release(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let mut approved = vec![];
    for amount in ["1", "2", "3"] {
        approved.push(world.approved(&payee, amount).await);
        world.pass(seconds(1));
    }
    let batch = world.batch().await;
    let claim =
        async |limit| batches::claim_chunk(&world.pool, batch, limit, world.now).await.unwrap().claimed;
    assert_eq!(claim(2).await, 2);
    assert_eq!(world.status(approved[1]).await, PayoutStatus::Processing);
    assert_eq!(world.status(approved[2]).await, PayoutStatus::Approved);
    assert_eq!((claim(2).await, claim(2).await), (1, 0));
    let claimed = batches::get(&world.pool, batch).await.unwrap().unwrap();
    assert_eq!((claimed.payouts, claimed.sums), (3, vec![naira("6")]));
    for payout in approved {
        assert_eq!(world.payout(payout).await.batch, Some(batch));
        assert_eq!(world.told(payout).await, ["start", "decision", "release"]);
        assert_eq!(world.trail(payout).await.last().unwrap(), "claimed");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_closed_batch_claims_nothing_and_closes_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let batch = world.batch().await;
    world.approved(&payee, "1").await;
    assert_eq!(world.claim(batch).await, 1);
    assert_eq!(batches::close(&world.pool, batch, world.now).await.unwrap(), 1);
    world.approved(&payee, "1").await;
    assert_eq!(world.claim(batch).await, 0);
    assert_eq!(batches::close(&world.pool, batch, world.now + seconds(9)).await.unwrap(), 1);
    let closed = batches::get(&world.pool, batch).await.unwrap().unwrap();
    assert_eq!(closed.closed_at, Some(world.now));
    assert_eq!(world.claim(BatchId::mint()).await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_stops_claims(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.approved(&payee, "1").await;
    control::set_paused(&world.pool, true, "drill", &ada(), world.now).await.unwrap();
    assert_eq!(world.release().await, 0);
    control::set_paused(&world.pool, false, "over", &ada(), world.now).await.unwrap();
    assert!(batches::any_approved(&world.pool).await.unwrap());
    assert_eq!(world.release().await, 1);
    assert!(!batches::any_approved(&world.pool).await.unwrap());
}

#[sqlx::test(migrations = "../migrations")]
async fn batches_are_listed_and_paced(pool: PgPool) {
    let world = World::new(&pool);
    let (first, second) = (world.batch().await, world.at(seconds(30)).batch().await);
    let listed = batches::list(&world.pool, None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|batch| batch.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(batches::list(&world.pool, Some(second), 10).await.unwrap()[0].id, first);
    let ahead = async |batch, after| {
        batches::begun_within_a_minute(&world.pool, batch, world.now + seconds(after)).await.unwrap()
    };
    assert_eq!((ahead(first, 30).await, ahead(second, 30).await, ahead(second, 60).await), (0, 1, 0));
}

#[sqlx::test(migrations = "../migrations")]
async fn lists_of_payouts_are_narrowed_by_every_filter(pool: PgPool) {
    use store::payouts::{Filter, Page, list};
    let mut world = World::new(&pool);
    let (payee, other) = (world.provider().await, world.provider().await);
    world.earns(&payee, "10").await;
    world.earns(&other, "10").await;
    let failed = world.given_up(&payee, "1").await;
    let before = world.now;
    world.pass(seconds(10));
    let paid = world.completed(&payee, "1").await;
    let fresh = world.requested(&other, "1").await;
    let batch = world.payout(paid).await.batch;
    let all = Filter::default;
    for (filter, expected) in [
        (all(), vec![fresh, paid, failed]),
        (Filter { provider: Some(payee.id), ..all() }, vec![paid, failed]),
        (Filter { status: Some(PayoutStatus::Completed), ..all() }, vec![paid]),
        (Filter { risk: Some(domain::Route::Review), ..all() }, vec![paid, failed]),
        (Filter { batch, ..all() }, vec![paid]),
        (Filter { needs_attention: Some(true), ..all() }, vec![failed]),
        (Filter { needs_attention: Some(false), ..all() }, vec![fresh, paid]),
        (Filter { from: Some(world.now), ..all() }, vec![fresh, paid]),
        (Filter { to: Some(world.now), ..all() }, vec![failed]),
        (Filter { from: Some(before), to: Some(before), ..all() }, vec![]),
        (Filter { provider: Some(payee.id), status: Some(PayoutStatus::Failed), ..all() }, vec![failed]),
    ] {
        let page = Page::newest(None, 10);
        let found: Vec<_> = list(&world.pool, &filter, page).await.unwrap().iter().map(|p| p.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let payees = store::payouts::payees(&world.pool, &[fresh, paid]).await.unwrap();
    assert_eq!(payees[&paid].account.masked(), "******0032");
    assert_eq!(payees[&fresh].provider_external_id, other.external_id);
    let page = Page::newest(Some(fresh), 1);
    assert_eq!(list(&world.pool, &all(), page).await.unwrap()[0].id, paid);
    let quiet = store::sweep::open_payouts(&world.pool, None, world.now + seconds(1), 10).await.unwrap();
    assert_eq!(quiet.iter().map(|start| start.payout).collect::<Vec<_>>(), [failed, fresh]);
}

/// Its own script may be looking at it: without another look it would wait for a whole window.
#[sqlx::test(migrations = "../migrations")]
async fn what_somebody_else_has_locked_is_looked_at_again(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let (held_up, other) = (world.approved(&payee, "1").await, world.approved(&payee, "1").await);
    let batch = world.batch().await;
    let holding = world.hold_up(held_up).await;
    let chunk = batches::claim_chunk(&world.pool, batch, 1000, world.now).await.unwrap();
    assert_eq!((chunk.claimed, chunk.more), (1, true));
    assert_eq!(world.status(other).await, PayoutStatus::Processing);
    holding.rollback().await.unwrap();
    let chunk = batches::claim_chunk(&world.pool, batch, 1000, world.now).await.unwrap();
    assert_eq!((chunk.claimed, chunk.more), (1, false));
}

/// Its run was terminated, or Temporal has forgotten it: the next tick goes on with it.
#[sqlx::test(migrations = "../migrations")]
async fn a_batch_that_an_admin_ran_and_nobody_carries_is_carried_on(pool: PgPool) {
    let mut world = World::new(&pool);
    while let Some(window) = due(&world).await {
        batches::close(&world.pool, window, world.now).await.unwrap();
    }
    let batch = world.batch().await;
    world.pass(seconds(60));
    assert_eq!(due(&world).await, None, "its own run may be at work");
    world.pass(seconds(61));
    assert_eq!(due(&world).await, Some(batch));
    batches::close(&world.pool, batch, world.now).await.unwrap();
    assert_eq!(due(&world).await, None);
}
