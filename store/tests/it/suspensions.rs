//! Staff suspends a provider: nothing begins, nothing is lost, and the marketplace's word stands beside theirs.

use domain::{PayoutStatus, ProviderId};
use sqlx::PgPool;
use store::{
    Actor,
    payouts::RequestRefused,
    providers::{self, ProviderStatus},
    suspensions::{self, Lifting, Suspending},
};

use crate::fixtures::{Payee, World, ada};

async fn suspend(world: &World, payee: &Payee) -> Suspending {
    suspensions::suspend(&world.pool, payee.id, "a stolen phone, perhaps", &ada(), world.now).await.unwrap()
}

async fn lift(world: &World, payee: &Payee) -> Lifting {
    suspensions::lift(&world.pool, payee.id, "it was found", &Actor::admin("bob"), world.now).await.unwrap()
}

async fn status(world: &World, payee: &Payee) -> ProviderStatus {
    providers::get(&world.pool, payee.id).await.unwrap().unwrap().status
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_not_assessed_is_refused_what_is_approved_waits_what_is_sent_ends(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let requested = world.requested(&payee, "1").await;
    let sent = world.accepted(&payee, "1").await;
    let released = world.released(&payee, "1").await;
    let approved = world.approved(&payee, "1").await;
    assert!(matches!(suspend(&world, &payee).await, Suspending::Done(_)));

    assert_eq!(world.assess(requested).await.status, PayoutStatus::Rejected);
    assert_eq!(world.begin(released).await.status, PayoutStatus::Approved, "it goes back to waiting");
    assert_eq!(world.release().await, 0);
    assert_eq!(world.status(approved).await, PayoutStatus::Approved);
    assert_eq!(world.look(sent, 1, domain::Observed::Succeeded).await.status, PayoutStatus::Completed);
    assert_eq!(world.request(&payee, "1", "k").await, Err(RequestRefused::ProviderSuspended));
    world.books_are_right().await;

    // Nobody has decided about what waited, and it leaves when it may.
    world.pass(crate::fixtures::seconds(60));
    assert_eq!(lift(&world, &payee).await, Lifting::Done { by_marketplace: false });
    assert_eq!(world.release().await, 2);
    for payout in [released, approved] {
        assert_eq!(world.begin(payout).await.status, PayoutStatus::Processing);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn it_is_said_once_to_the_provider_without_the_reason_and_once_in_the_trail_with_it(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    let Suspending::Done(first) = suspend(&world, &payee).await else { panic!() };
    assert_eq!((first.by.as_str(), first.at), ("admin:ada", world.now));
    world.pass(crate::fixtures::seconds(60));
    assert_eq!(suspend(&world, &payee).await, Suspending::Already(first.clone()));
    assert_eq!(suspensions::get(&world.pool, payee.id).await.unwrap(), Some(first));
    for _ in 0..2 {
        assert_eq!(lift(&world, &payee).await, Lifting::Done { by_marketplace: false });
    }
    assert_eq!(suspensions::get(&world.pool, payee.id).await.unwrap(), None);
    let told = store::notifications::feed(&world.pool, payee.id, None, 9).await.unwrap();
    let events: Vec<&str> = told.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(events, ["suspension_lifted", "suspended"]);
    assert!(told.iter().all(|line| !line.body.contains("stolen")));
    let trail = store::provider_lists::trail(&world.pool, payee.id, 9).await.unwrap();
    let staff: Vec<(&str, &str)> = trail
        .iter()
        .filter(|line| line.actor.starts_with("admin:"))
        .map(|line| (line.action.as_str(), line.detail["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        staff,
        [("provider_unsuspended", "it was found"), ("provider_suspended", "a stolen phone, perhaps")]
    );
    let nobody = Payee { id: ProviderId::mint(), ..payee };
    assert_eq!(suspend(&world, &nobody).await, Suspending::Unknown);
    assert_eq!(lift(&world, &nobody).await, Lifting::Unknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn each_takes_back_only_their_own_word(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    suspend(&world, &payee).await;
    // The marketplace pushes the provider every night, and means nothing by it.
    world.upsert(&payee.external_id, false).await;
    assert_eq!(status(&world, &payee).await, ProviderStatus::Suspended);
    world.upsert(&payee.external_id, true).await;
    assert_eq!(lift(&world, &payee).await, Lifting::Done { by_marketplace: true });
    assert_eq!(status(&world, &payee).await, ProviderStatus::Suspended);
    world.upsert(&payee.external_id, false).await;
    assert_eq!(status(&world, &payee).await, ProviderStatus::Active);
    let alone = "UPDATE providers SET status = 'SUSPENDED' WHERE id = $1";
    assert_eq!(world.refused_by(alone, payee.id.uuid()).await, "providers_suspended_by_somebody");
}

#[sqlx::test(migrations = "../migrations")]
async fn it_waits_for_the_begins_that_are_under_way(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "1").await;
    // A begin that has looked at the control row, and has not ended.
    let mut begin = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM control FOR SHARE").execute(&mut *begin).await.unwrap();
    let ends = async {
        world.until_waiting(1).await;
        begin.rollback().await.unwrap();
    };
    let (suspended, ()) = tokio::join!(suspend(&world, &payee), ends);
    assert!(matches!(suspended, Suspending::Done(_)));
    assert_eq!(world.begin(payout).await.status, PayoutStatus::Approved);
}
