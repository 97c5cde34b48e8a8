//! Starts and signals on their way to the engine.

use std::time::Duration;

use chrono::TimeDelta;
use domain::PayoutId;
use sqlx::PgPool;
use store::{
    outbox::{self, DeadFilter, MAX_TRIES, Resent, Row, Work},
    payouts,
};

use crate::{
    fixtures::{World, ada, seconds},
    overview_cost::pages_of,
};

const LEASE: Duration = Duration::from_secs(15);

async fn take(world: &World) -> Vec<Row> {
    outbox::lease(&world.pool, 100, LEASE, world.now).await.unwrap()
}

async fn world_with(pool: PgPool, payouts: u8) -> (World, Vec<PayoutId>) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let mut made = vec![];
    for _ in 0..payouts {
        made.push(world.requested(&payee, "1").await);
    }
    (world, made)
}

fn payout_of(row: &Row) -> PayoutId {
    let (Work::Start(start) | Work::Signal { payout: start, .. }) = &row.work else { panic!("{row:?}") };
    start.payout
}

#[sqlx::test(migrations = "../migrations")]
async fn the_order_of_a_payout_is_kept(pool: PgPool) {
    let (world, made) = world_with(pool, 2).await;
    let payee = world.payout(made[0]).await.provider;
    payouts::cancel(&world.pool, made[0], payee, world.now).await.unwrap();
    let first = take(&world).await;
    assert!(first.iter().all(|row| matches!(row.work, Work::Start(_))));
    assert_eq!(first.iter().map(payout_of).collect::<Vec<_>>(), made);
    assert!(take(&world).await.is_empty());
    outbox::delivered(&world.pool, &[first[0].id], world.now).await.unwrap();
    let next = take(&world).await;
    let [Row { work: Work::Signal { payout, signal, .. }, .. }] = next.as_slice() else { panic!("{next:?}") };
    assert_eq!((payout.payout, signal.as_str()), (made[0], "cancel"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_lease_keeps_others_off_until_it_has_run_out(pool: PgPool) {
    let (world, _) = world_with(pool, 3).await;
    assert_eq!(take(&world).await.len(), 3);
    assert!(take(&world.at(seconds(14))).await.is_empty());
    let again = take(&world.at(seconds(15))).await;
    assert_eq!(again.iter().map(|row| row.tries).collect::<Vec<_>>(), [2, 2, 2]);
}

#[sqlx::test(migrations = "../migrations")]
async fn two_relays_at_once_share_the_rows(pool: PgPool) {
    let (world, made) = world_with(pool, 40).await;
    let taken = futures::future::join_all((0..4).map(|_| async {
        let mut mine = vec![];
        loop {
            let rows = outbox::lease(&world.pool, 3, LEASE, world.now).await.unwrap();
            if rows.is_empty() {
                return mine;
            }
            mine.extend(rows.iter().map(payout_of));
        }
    }))
    .await;
    let mut all: Vec<_> = taken.concat();
    // A relay that saw nothing while the others held rows leaves them to those.
    all.extend(take(&world).await.iter().map(payout_of));
    all.sort();
    assert_eq!(all, made);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_row_that_is_given_back_has_lost_no_try(pool: PgPool) {
    let (world, _) = world_with(pool, 1).await;
    let row = take(&world).await.remove(0);
    outbox::give_back(&world.pool, &[row.id], world.now + seconds(1)).await.unwrap();
    assert!(take(&world).await.is_empty());
    assert_eq!(take(&world.at(seconds(1))).await[0].tries, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_row_waits_longer_each_time_and_dies_at_last(pool: PgPool) {
    let (mut world, made) = world_with(pool, 1).await;
    let payee = world.payout(made[0]).await.provider;
    payouts::cancel(&world.pool, made[0], payee, world.now).await.unwrap();
    let began = world.now;
    for tries in 1..=MAX_TRIES {
        world.pass(TimeDelta::minutes(15));
        let row = take(&world).await.remove(0);
        assert_eq!(row.tries, tries);
        outbox::failed(&world.pool, &row, "n\0o", world.now).await.unwrap();
        assert!(take(&world.at(seconds(1))).await.iter().all(|other| other.id != row.id));
    }
    let backlog = outbox::backlog(&world.pool).await.unwrap();
    assert_eq!((backlog.undelivered, backlog.dead, backlog.oldest), (1, 1, Some(began)));
    // A dead row stands in nobody's way, and can be sent again.
    world.pass(TimeDelta::hours(1));
    let signal = take(&world).await.remove(0);
    assert!(matches!(signal.work, Work::Signal { .. }));
    let dead = signal.id - 1;
    outbox::give_back(&world.pool, &[dead], world.now).await.unwrap();
    assert_eq!(outbox::backlog(&world.pool).await.unwrap().dead, 1);
    assert_eq!(resend(&world, dead).await, Resent::Done(vec![dead]));
    assert_eq!(resend(&world, dead).await, Resent::NotDead);
    let again = take(&world).await.remove(0);
    assert_eq!((again.id, again.tries), (dead, 1));
    outbox::delivered(&world.pool, &[dead], world.now).await.unwrap();
    assert_eq!(resend(&world, dead).await, Resent::NotDead);
    assert_eq!(resend(&world, dead + 1000).await, Resent::NotFound);
    assert_eq!(world.trail(made[0]).await.iter().filter(|action| *action == "resent").count(), 1);
}

/// Refused until it is given up.
async fn kill(world: &World, id: i64) {
    let dead = "UPDATE outbox SET tries = 100, dead_at = $2, last_error = 'no' WHERE id = $1";
    sqlx::query(dead).bind(id).bind(world.now).execute(&world.pool).await.unwrap();
}

async fn resend(world: &World, id: i64) -> Resent {
    outbox::resend(&world.pool, id, &ada(), world.now).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn older_dead_letters_of_a_payout_go_before_the_one_that_is_sent_again(pool: PgPool) {
    let (world, made) = world_with(pool, 2).await;
    let payee = world.payout(made[0]).await.provider;
    payouts::cancel(&world.pool, made[0], payee, world.now).await.unwrap();
    let [start, other, cancel] =
        sqlx::query_scalar("SELECT id FROM outbox ORDER BY id").fetch_all(&world.pool).await.unwrap()[..]
    else {
        panic!("three rows")
    };
    for id in [start, other, cancel] {
        kill(&world, id).await;
    }
    assert_eq!(resend(&world, cancel).await, Resent::Done(vec![start, cancel]));
    let due = take(&world).await;
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [start]);
    outbox::delivered(&world.pool, &[start], world.now).await.unwrap();
    assert_eq!(take(&world).await.remove(0).id, cancel);
    assert_eq!(outbox::backlog(&world.pool).await.unwrap().dead, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_dead_letter_that_many_send_again_is_sent_once(pool: PgPool) {
    let (world, made) = world_with(pool, 1).await;
    let id = take(&world).await.remove(0).id;
    kill(&world, id).await;
    let all = futures::future::join_all((0..4).map(|_| resend(&world, id))).await;
    assert_eq!(all.iter().filter(|one| matches!(one, Resent::Done(_))).count(), 1, "{all:?}");
    assert_eq!(world.trail(made[0]).await.iter().filter(|action| *action == "resent").count(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn dead_letters_are_listed_by_every_filter(pool: PgPool) {
    let (world, made) = world_with(pool, 2).await;
    let payee = world.payout(made[0]).await.provider;
    payouts::cancel(&world.pool, made[0], payee, world.now).await.unwrap();
    world.batch().await;
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM outbox ORDER BY id").fetch_all(&world.pool).await.unwrap();
    for id in &ids[..3] {
        kill(&world, *id).await;
    }
    let all = DeadFilter::default;
    for (filter, before, expected) in [
        (all(), None, vec![ids[2], ids[1], ids[0]]),
        (all(), Some(ids[2]), vec![ids[1], ids[0]]),
        (DeadFilter { kind: Some("start".to_owned()), ..all() }, None, vec![ids[1], ids[0]]),
        (DeadFilter { payout: Some(made[0]), ..all() }, None, vec![ids[2], ids[0]]),
        (DeadFilter { signal: Some("cancel".to_owned()), ..all() }, None, vec![ids[2]]),
        (DeadFilter { kind: Some("batch".to_owned()), ..all() }, None, vec![]),
    ] {
        let found = outbox::dead(&world.pool, &filter, before, 10).await.unwrap();
        assert_eq!(found.iter().map(|letter| letter.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let one = outbox::dead(&world.pool, &all(), None, 1).await.unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].payout, one[0].tries, one[0].last_error.as_deref()), (Some(made[0]), 100, Some("no")));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_delivered_is_done(pool: PgPool) {
    let (world, _) = world_with(pool, 1).await;
    let row = take(&world).await.remove(0);
    outbox::delivered(&world.pool, &[row.id], world.now).await.unwrap();
    outbox::failed(&world.pool, &row, "late", world.now).await.unwrap();
    outbox::give_back(&world.pool, &[row.id], world.now).await.unwrap();
    assert!(take(&world.at(TimeDelta::days(1))).await.is_empty());
    let backlog = outbox::backlog(&world.pool).await.unwrap();
    assert_eq!((backlog.undelivered, backlog.dead, backlog.oldest), (0, 0, None));
}

#[sqlx::test(migrations = "../migrations")]
async fn batches_go_out_too(pool: PgPool) {
    let world = World::new(&pool);
    let batch = world.batch().await;
    assert_eq!(take(&world).await[0].work, Work::Batch { batch });
}

#[sqlx::test(migrations = "../migrations")]
async fn relays_are_woken(pool: PgPool) {
    let world = World::new(&pool);
    let mut listener = sqlx::postgres::PgListener::connect_with(&world.pool).await.unwrap();
    listener.listen("outbox").await.unwrap();
    world.batch().await;
    assert_eq!(listener.recv().await.unwrap().channel(), "outbox");
}

/// Everything that was written before, delivered, so that what is left are releases.
async fn deliver_all(world: &World) {
    loop {
        let rows = take(world).await;
        if rows.is_empty() {
            return;
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        outbox::delivered(&world.pool, &ids, world.now).await.unwrap();
    }
}

async fn approved_with_nothing_undelivered(pool: PgPool, payouts: u8) -> World {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    for _ in 0..payouts {
        world.approved(&payee, "1").await;
    }
    deliver_all(&world).await;
    world
}

#[sqlx::test(migrations = "../migrations")]
async fn a_batch_releases_four_seconds_of_its_pace_at_once_and_then_keeps_to_it(pool: PgPool) {
    let world = approved_with_nothing_undelivered(pool, 15).await;
    let batch = world.batch().await;
    deliver_all(&world).await;
    store::batches::set_pace(&world.pool, batch, 2, world.now).await.unwrap();
    // Another worker that prepares the same batch later changes nothing.
    store::batches::set_pace(&world.pool, batch, 100, world.now + seconds(60)).await.unwrap();
    // In two chunks: the second goes on where the first ended.
    for limit in [10, 10] {
        store::batches::claim_chunk(&world.pool, batch, limit, world.now).await.unwrap();
    }
    let mut due = vec![];
    for second in 0..5 {
        let rows = take(&world.at(seconds(second))).await;
        due.push(rows.len());
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        outbox::delivered(&world.pool, &ids, world.now).await.unwrap();
        let backlog = outbox::backlog(&world.pool).await.unwrap();
        // Nothing is late that has not been due.
        assert!(backlog.oldest.is_none_or(|oldest| oldest > world.now + seconds(second)), "{backlog:?}");
    }
    assert_eq!(due, [8, 2, 2, 2, 1]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_pause_lets_every_claimed_payout_learn_at_once_that_it_waits_again(pool: PgPool) {
    let world = approved_with_nothing_undelivered(pool, 9).await;
    let batch = world.batch().await;
    deliver_all(&world).await;
    store::batches::set_pace(&world.pool, batch, 1, world.now).await.unwrap();
    world.claim(batch).await;
    assert_eq!(take(&world).await.len(), 4);
    store::control::set_paused(&world.pool, true, "stop", &ada(), world.now).await.unwrap();
    assert_eq!(take(&world).await.len(), 5);
}

/// A relay asks many times in a second: what is not due costs it nothing.
#[sqlx::test(migrations = "../migrations")]
async fn a_relay_does_not_read_the_releases_that_are_not_due(pool: PgPool) {
    let world = approved_with_nothing_undelivered(pool, 1).await;
    sqlx::query(
        "INSERT INTO outbox (kind, payout_id, signal, created_at, next_try_at, due_at)
         SELECT 'signal', p.id, 'release', $1, $1, $1 + interval '1 hour' FROM payouts p, generate_series(1, 20000)",
    )
    .bind(world.now)
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::raw_sql("ANALYZE outbox").execute(&world.pool).await.unwrap();
    let options = (*world.pool.connect_options()).clone();
    let alone = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    assert!(outbox::lease(&alone, 100, LEASE, world.now).await.unwrap().is_empty());
    let parameters = format!("'{}', 100, '{}'", world.now.to_rfc3339(), world.now.to_rfc3339());
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let (pages, plan) = pages_of(&alone, mode, "WITH due AS", &parameters).await;
        assert!(pages <= 50, "{pages} pages\n{plan:#}");
    }
}

/// It waits for its turn, and something else has to be told: both go, in their order.
#[sqlx::test(migrations = "../migrations")]
async fn a_release_that_is_not_due_holds_nothing_up(pool: PgPool) {
    let world = approved_with_nothing_undelivered(pool, 5).await;
    let batch = world.batch().await;
    deliver_all(&world).await;
    store::batches::set_pace(&world.pool, batch, 1, world.now).await.unwrap();
    world.claim(batch).await;
    assert_eq!(take(&world).await.len(), 4);
    let last: uuid::Uuid = sqlx::query_scalar("SELECT payout_id FROM outbox WHERE due_at > '-infinity'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let last = PayoutId::from_uuid(last);
    // It says when its turn comes.
    let standing = store::payouts::standing(&world.pool, last).await.unwrap().unwrap();
    let waiting = standing.waiting(world.now, None).unwrap();
    assert_eq!(
        (waiting.waiting_for, waiting.until),
        (domain::WaitingFor::Transfer, Some(world.now + seconds(1)))
    );
    let all = store::payouts::standings(&world.pool, &[last]).await.unwrap();
    assert_eq!(all[&last], standing);
    // As a webhook does that arrives for it.
    world.begin(last).await;
    let reference = world.attempt(last, 1).await.reference;
    let body = b"{\"data\":{}}";
    store::inbox::receive(&world.pool, body, Some(&reference), world.now).await.unwrap();
    let rows = take(&world).await;
    let [Row { work: Work::Signal { signal, .. }, .. }] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((payout_of(&rows[0]), signal.as_str()), (last, "release"));
    outbox::delivered(&world.pool, &[rows[0].id], world.now).await.unwrap();
    let next = take(&world).await;
    let [Row { work: Work::Signal { signal, .. }, .. }] = next.as_slice() else { panic!("{next:?}") };
    assert_eq!(signal, "transfer_update");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_paused_provider_is_told_at_once_and_the_others_in_their_turn(pool: PgPool) {
    let mut world = World::new(&pool);
    let (one, other) = (world.provider().await, world.provider().await);
    for payee in [&one, &other] {
        world.earns(payee, "100").await;
        for _ in 0..4 {
            world.approved(payee, "1").await;
        }
    }
    world.pass(seconds(1));
    let batch = world.batch().await;
    deliver_all(&world).await;
    store::batches::set_pace(&world.pool, batch, 1, world.now).await.unwrap();
    world.claim(batch).await;
    assert_eq!(take(&world).await.len(), 4);
    let what = store::pauses::Paused::Provider(one.id);
    store::pauses::pause(&world.pool, &what, "look", &ada(), world.now).await.unwrap();
    let told = take(&world).await;
    let mut providers = vec![];
    for row in &told {
        providers.push(world.payout(payout_of(row)).await.provider);
    }
    assert_eq!(providers, [one.id, one.id]);
}

/// A database that was put back gives the same ids once more; a workflow that lived on has heard them.
#[sqlx::test(migrations = "../migrations")]
async fn a_wake_up_has_a_number_that_does_not_come_again(pool: PgPool) {
    let (world, _) = world_with(pool, 2).await;
    let rows = take(&world).await;
    sqlx::query("DELETE FROM outbox").execute(&world.pool).await.unwrap();
    sqlx::query("ALTER SEQUENCE outbox_id_seq RESTART WITH 1").execute(&world.pool).await.unwrap();
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.requested(&payee, "1").await;
    let again = take(&world).await;
    assert_eq!(again[0].id, rows[0].id);
    assert!(rows.iter().all(|row| row.wake != again[0].wake && row.wake >= 0), "{rows:?} {again:?}");
}
