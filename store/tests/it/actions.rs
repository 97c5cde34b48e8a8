//! What somebody may do is told as the write would answer them, not as it would answer anybody.

use domain::PayoutId;
use sqlx::PgPool;
use store::{
    Actor,
    actions::{self, Doing, Who},
    decisions::{self, Decided, Undone, Verdict},
    pauses::{self, Paused},
};

use crate::fixtures::{ABOVE_THE_LIMIT, World, ada};

/// What stands in the way of it for this admin: the code, or `None` where nothing does.
async fn obstacle(world: &World, admin: &str, payout: PayoutId, doing: Doing) -> Option<&'static str> {
    let actor = Actor::admin(admin);
    let who = Who { actor: &actor, finance: false };
    let page = [world.payout(payout).await];
    let mut told = actions::of_staff(&world.pool, &page, who, world.now).await.unwrap();
    let all = told.remove(&payout).unwrap();
    all.into_iter().find(|action| action.doing == doing).unwrap().obstacle.map(|obstacle| obstacle.code)
}

#[sqlx::test(migrations = "../migrations")]
async fn approving_is_not_offered_to_whoever_changed_what_it_depends_on(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "1").await;
    let what = Paused::Provider(payee.id);
    pauses::pause(&world.pool, &what, "look first", &ada(), world.now).await.unwrap();
    pauses::resume(&world.pool, &what, "looked", &ada(), world.now).await.unwrap();
    assert_eq!(obstacle(&world, "ada", payout, Doing::Approve).await, Some("reviewer_involved"));
    assert!(matches!(world.decide_as("ada", payout, Verdict::Approve).await, Decided::Involved(_)));
    assert_eq!(obstacle(&world, "ada", payout, Doing::Reject).await, None, "it lets nobody be paid");
    assert_eq!(obstacle(&world, "bob", payout, Doing::Approve).await, None);
    assert!(matches!(world.decide_as("bob", payout, Verdict::Approve).await, Decided::Done(_)));
    // Where it is nobody's any more that is what is told.
    assert_eq!(obstacle(&world, "ada", payout, Doing::Approve).await, Some("payout_moved_on"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_first_approval_can_be_taken_back_and_its_giver_is_not_the_second(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, ABOVE_THE_LIMIT).await;
    let payout = world.under_review(&payee, ABOVE_THE_LIMIT).await;
    assert_eq!(obstacle(&world, "ada", payout, Doing::UndoApproval).await, Some("payout_moved_on"));
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Second(_)));
    assert_eq!(obstacle(&world, "ada", payout, Doing::Approve).await, Some("second_person_required"));
    assert_eq!(obstacle(&world, "bob", payout, Doing::Approve).await, None);
    for admin in ["ada", "bob"] {
        assert_eq!(obstacle(&world, admin, payout, Doing::UndoApproval).await, None);
    }
    let undone = decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    assert!(matches!(undone, Undone::Done(_)));
    // What was approved before does not count any more.
    assert_eq!(obstacle(&world, "ada", payout, Doing::Approve).await, None);
    assert_eq!(obstacle(&world, "ada", payout, Doing::UndoApproval).await, Some("payout_moved_on"));
}

#[sqlx::test(migrations = "../migrations")]
async fn each_payout_of_a_page_has_its_own(pool: PgPool) {
    let world = World::new(&pool);
    let mut page = vec![];
    for _ in 0..3 {
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        page.push((payee.id, world.under_review(&payee, "1").await));
    }
    let what = Paused::Provider(page[1].0);
    pauses::pause(&world.pool, &what, "look first", &ada(), world.now).await.unwrap();
    let mut payouts = vec![];
    for (_, payout) in &page {
        payouts.push(world.payout(*payout).await);
    }
    let actor = ada();
    let who = Who { actor: &actor, finance: false };
    let told = actions::of_staff(&world.pool, &payouts, who, world.now).await.unwrap();
    let offered: Vec<bool> = page
        .iter()
        .map(|(_, payout)| told[payout].iter().any(|a| a.doing == Doing::Approve && a.obstacle.is_none()))
        .collect();
    assert_eq!(offered, [true, false, true]);
}
