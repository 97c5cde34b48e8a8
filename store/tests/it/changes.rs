//! What the database says of its changes, and of whom.

use std::time::Duration;

use sqlx::PgPool;
use store::changes::{Change, Heard, Kind, Listener};

use crate::fixtures::{World, ada};

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything said before the next pause of everything, which is said last.
async fn said(listener: &mut Listener, world: &World) -> Vec<Change> {
    let paused = store::control::get(&world.pool).await.unwrap().paused;
    store::control::set_paused(&world.pool, !paused, "mark", &ada(), world.now).await.unwrap();
    let mut heard = vec![];
    loop {
        match tokio::time::timeout(PATIENCE, listener.next()).await.unwrap().unwrap() {
            Heard::Change(Change { kind: Kind::Pause, id: None, .. }) => return heard,
            Heard::Change(change) => heard.push(change),
            // A machine that slept.
            Heard::Gap => {}
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn every_step_of_a_payout_is_said_and_names_who_may_know(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let mut listener = Listener::open(&world.pool).await.unwrap();

    let payout = world.released(&payee, "1").await;
    let heard = said(&mut listener, &world).await;
    let of = |kind: Kind| heard.iter().filter(move |change| change.kind == kind).collect::<Vec<_>>();
    // Asked for, approved, claimed, each in its own transaction.
    let steps = of(Kind::Payout);
    assert!(steps.len() >= 3, "{heard:?}");
    for step in steps {
        assert_eq!((step.id.as_deref(), step.provider), (Some(payout.to_string().as_str()), Some(payee.id)));
    }
    assert!(!of(Kind::Batch).is_empty(), "{heard:?}");
    // What is for staff names no provider.
    for kind in [Kind::Batch, Kind::Review, Kind::Case] {
        assert!(of(kind).iter().all(|change| change.provider.is_none()), "{heard:?}");
    }

    world.begin(payout).await;
    assert!(said(&mut listener, &world).await.iter().any(|change| change.kind == Kind::Payout));
    world.earns(&payee, "2").await;
    let earned = said(&mut listener, &world).await;
    assert!(
        earned.iter().any(|one| one.kind == Kind::Balance && one.provider == Some(payee.id)),
        "{earned:?}"
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_said_of_what_was_rolled_back_or_does_not_differ(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let mut listener = Listener::open(&world.pool).await.unwrap();
    let mut transaction = world.pool.begin().await.unwrap();
    let rename = "UPDATE providers SET display_name = 'Someone'";
    sqlx::query(rename).execute(&mut *transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    sqlx::query("UPDATE providers SET display_name = display_name").execute(&world.pool).await.unwrap();
    assert_eq!(said(&mut listener, &world).await, []);
    // Twice in one transaction is once.
    let mut transaction = world.pool.begin().await.unwrap();
    sqlx::query(rename).execute(&mut *transaction).await.unwrap();
    sqlx::query("UPDATE providers SET display_name = 'Else'").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let heard = said(&mut listener, &world).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((heard[0].kind, heard[0].provider), (Kind::Provider, Some(payee.id)));
}

/// Ids are given before the commit, so the highest id says nothing of what is still to come.
#[sqlx::test(migrations = "../migrations")]
async fn what_commits_late_is_heard_and_holds_nothing_up(pool: PgPool) {
    let world = World::new(&pool);
    let (early, late) = (world.provider().await, world.provider().await);
    let mut listener = Listener::open(&world.pool).await.unwrap();
    let rename = "UPDATE providers SET display_name = 'Someone' WHERE id = $1";
    let mut slow = world.pool.begin().await.unwrap();
    sqlx::query(rename).bind(late.id.uuid()).execute(&mut *slow).await.unwrap();
    sqlx::query(rename).bind(early.id.uuid()).execute(&world.pool).await.unwrap();
    let of = |heard: &[Change]| heard.iter().filter_map(|change| change.provider).collect::<Vec<_>>();
    assert_eq!(of(&said(&mut listener, &world).await), [early.id]);
    slow.commit().await.unwrap();
    assert_eq!(of(&said(&mut listener, &world).await), [late.id]);
    assert_eq!(said(&mut listener, &world).await, []);
}
