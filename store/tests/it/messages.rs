//! What the provider is told, and what is written down.

use sqlx::PgPool;
use store::{
    audit::{self, Stray},
    bank_accounts,
    messages::{self, Channels, Outcome, Resent, Tried},
    notifications, webhook_endpoints, wishes,
};

use crate::fixtures::{World, fails, seconds};

#[sqlx::test(migrations = "../migrations")]
async fn the_provider_hears_each_thing_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "1").await;
    let feed = notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    let events: Vec<&str> = feed.iter().map(|message| message.event.as_str()).collect();
    assert_eq!(events, ["completed", "approved", "received"]);
    let rest = notifications::feed(&world.pool, payee.id, Some(feed[0].id), 10).await.unwrap();
    assert_eq!(rest.len(), 2);
    for handed_over in [3, 0] {
        let channels = Channels::default();
        let done = messages::hand_over_payout(&world.pool, payout, channels, world.now).await.unwrap();
        assert_eq!(done, handed_over);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_automatic_retry_is_not_worth_a_message(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.accepted(&payee, "1").await;
    world.look(payout, 1, fails("bank is not available")).await;
    let feed = notifications::feed(&world.pool, payee.id, None, 1).await.unwrap();
    assert_eq!(feed[0].event, "approved");
}

#[sqlx::test(migrations = "../migrations")]
async fn messages_are_read_up_to_one(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let other = world.provider().await;
    world.earns(&payee, "10").await;
    world.completed(&payee, "1").await;
    let feed = notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    let read = async |who: &crate::fixtures::Payee, message: usize, after| {
        notifications::mark_read(&world.pool, who.id, feed[message].id, world.now + seconds(after))
            .await
            .unwrap()
    };
    assert_eq!(read(&other, 0, 0).await, 0);
    assert_eq!((read(&payee, 1, 0).await, read(&payee, 0, 9).await, read(&payee, 0, 99).await), (2, 1, 0));
    assert_eq!(notifications::unread(&world.pool, payee.id).await.unwrap(), 0);
    let times: Vec<_> = notifications::feed(&world.pool, payee.id, None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.read_at.unwrap() - world.now)
        .collect();
    assert_eq!(times, [seconds(9), seconds(0), seconds(0)]);
}

#[sqlx::test(migrations = "../migrations")]
async fn where_money_goes_is_not_changed_quietly(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let told = async || notifications::feed(&world.pool, payee.id, None, 10).await.unwrap();
    assert!(told().await.is_empty(), "the first account is no change");
    let actor = store::Actor::provider(payee.id);
    for removed in [true, false] {
        let done =
            bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap();
        assert_eq!(done, removed);
    }
    let told = told().await;
    assert_eq!((told.len(), told[0].event.as_str(), told[0].payout), (1, "bank_account_changed", None));
    let number = bank_accounts::get(&world.pool, payee.account).await.unwrap().unwrap().number;
    assert!(!told[0].body.contains(number.expose()), "{}", told[0].body);
}

#[sqlx::test(migrations = "../migrations")]
async fn admins_are_told_once_and_each_reads_for_themselves(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    world.accepted(&payee, "1").await;
    let later = world.now + store::overdue::CASE_AFTER + seconds(3600);
    for _ in 0..2 {
        store::overdue::look(&world.pool, later).await.unwrap();
    }
    let feed = notifications::admin_feed(&world.pool, "admin:ada", None, 10).await.unwrap();
    let events: Vec<&str> = feed.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(events, ["case_opened", "attempt_unknown", "review_waiting"]);
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[1].id, later).await.unwrap());
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[0].id, later).await.unwrap());
    assert!(notifications::admin_read(&world.pool, "admin:ada", feed[1].id, later).await.unwrap());
    assert!(!notifications::admin_read(&world.pool, "admin:ada", payee.id.uuid(), later).await.unwrap());
    for (admin, unread) in [("admin:ada", 0), ("admin:eve", 3)] {
        assert_eq!(notifications::admin_unread(&world.pool, admin).await.unwrap(), unread, "{admin}");
    }
    let feed = notifications::admin_feed(&world.pool, "admin:ada", Some(feed[0].id), 10).await.unwrap();
    assert_eq!(feed.iter().map(|line| line.read).collect::<Vec<_>>(), [true, true]);
}

/// To those who signed in for it; to everybody while nobody has.
#[sqlx::test(migrations = "../migrations")]
async fn an_escalation_is_pushed_to_the_role_that_it_is_for(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let subscribe = async |world: &World, name: &'static str, escalates| {
        let browser = wishes::Subscription {
            endpoint: format!("https://push.example/{name}"),
            p256dh: "B".repeat(87),
            auth: "A".repeat(22),
        };
        let owner = wishes::Owner::Admin { name, escalates };
        wishes::subscribe(&world.pool, owner, &browser, world.now).await.unwrap();
    };
    let pushed = async |world: &World| {
        let channels = Channels { push: true, ..Channels::default() };
        messages::hand_over(&world.pool, channels, 100, world.now).await.unwrap();
        sqlx::query_scalar::<_, String>(
            "SELECT b.admin || ' ' || n.event FROM messages m JOIN notifications n ON n.id = m.notification_id
             JOIN push_subscriptions b ON b.id = m.endpoint::uuid WHERE m.channel = 'push' AND n.audience = 'admins'
             ORDER BY m.number",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap()
    };
    subscribe(&world, "ada", false).await;
    let payout = world.under_review(&payee, "1").await;
    world.pass(domain::ESCALATE_AFTER);
    store::reviews::call(&world.pool, payout, world.now).await.unwrap();
    let mut first = pushed(&world).await;
    first.sort_unstable();
    assert_eq!(first, ["ada review_escalated", "ada review_waiting"]);

    subscribe(&world, "chidi", true).await;
    let payout = world.under_review(&payee, "1").await;
    world.pass(domain::ESCALATE_AFTER);
    store::reviews::call(&world.pool, payout, world.now).await.unwrap();
    let mut later = pushed(&world).await.split_off(2);
    later.sort_unstable();
    assert_eq!(later, ["ada review_waiting", "chidi review_escalated", "chidi review_waiting"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_stray_signal_is_written_down_once_per_key(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.requested(&payee, "1").await;
    let stray =
        |key: &'static str, count| Stray { payout, name: "relea\0se", why: "out of place", count, key };
    for (key, count) in [("run-1", 1), ("run-1", 1), ("run-2", 2)] {
        let stray = stray(key, count);
        let twice = [
            audit::record_stray(&world.pool, &stray, world.now),
            audit::record_stray(&world.pool, &stray, world.now),
        ];
        futures::future::try_join_all(twice).await.unwrap();
    }
    assert_eq!(world.trail(payout).await, ["requested", "signal_ignored", "signal_ignored"]);
}

const ALL: Channels = Channels { email: true, push: true };

fn answered(outcome: Outcome) -> Tried {
    Tried {
        outcome,
        code: Some(200),
        answer: "ok".to_owned(),
        took: std::time::Duration::ZERO,
        retry_after: None,
    }
}

async fn endpoint(world: &World) -> webhook_endpoints::Endpoint {
    let new = webhook_endpoints::NewEndpoint {
        id: uuid::Uuid::now_v7(),
        url: "https://shop.example.com/hooks",
        description: "",
        event_types: &[],
        secret: "v1.k.c2VjcmV0",
    };
    let shop = store::Actor::platform("shop");
    webhook_endpoints::create(&world.pool, &new, &shop, world.now).await.unwrap().unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn an_event_is_one_message_for_each_endpoint_that_wants_it(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    endpoint(&world).await;
    let actor = store::Actor::provider(payee.id);
    wishes::set_of_provider(&world.pool, payee.id, &[notifications::Event::Received], &[], &actor, world.now)
        .await
        .unwrap();
    let browser = wishes::Subscription {
        endpoint: "https://push.example.com/abc".to_owned(),
        p256dh: "p".repeat(87),
        auth: "a".repeat(22),
    };
    for _ in 0..2 {
        wishes::subscribe(&world.pool, wishes::Owner::Provider(payee.id), &browser, world.now).await.unwrap();
    }
    world.requested(&payee, "1").await;
    for handed_over in [1, 0] {
        let done = messages::hand_over(&world.pool, ALL, 100, world.now).await.unwrap();
        assert_eq!(done, handed_over);
    }
    let all = messages::list(&world.pool, &messages::Filter::default(), None, 10).await.unwrap();
    let mut by: Vec<&str> = all.iter().map(|message| message.channel.as_str()).collect();
    by.sort_unstable();
    assert_eq!(by, ["push", "webhook"], "`received` is not mailed to this one");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_message_has_one_deliverer_at_a_time_and_is_never_lost(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    endpoint(&world).await;
    world.requested(&payee, "1").await;
    messages::hand_over(&world.pool, Channels::default(), 100, world.now).await.unwrap();
    let lease = async |at| messages::lease(&world.pool, &[], 10, seconds(90), at).await.unwrap();
    let first = lease(world.now).await;
    assert_eq!((first.len(), lease(world.now).await.len()), (1, 0));
    // It died: the next one takes it, and what the dead one says late changes nothing.
    let again = lease(world.now + seconds(91)).await;
    assert_eq!((again.len(), again[0].id, again[0].tries), (1, first[0].id, 2));
    messages::record(&world.pool, &first[0], &answered(Outcome::NotAllowed), world.now).await.unwrap();
    messages::record(&world.pool, &again[0], &answered(Outcome::Delivered), world.now).await.unwrap();
    let state =
        async || messages::list(&world.pool, &messages::Filter::default(), None, 1).await.unwrap()[0].state;
    assert_eq!(state().await, messages::State::Delivered);
    let busy =
        messages::lease(&world.pool, &[first[0].lane.clone()], 10, seconds(90), world.now).await.unwrap();
    assert!(busy.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn an_endpoint_that_takes_nothing_for_days_is_switched_off_and_replayed_when_it_is_mended(
    pool: PgPool,
) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let shop = store::Actor::platform("shop");
    let endpoint = endpoint(&world).await.id;
    world.requested(&payee, "1").await;
    messages::hand_over(&world.pool, Channels::default(), 100, world.now).await.unwrap();
    let due = messages::lease(&world.pool, &[], 10, seconds(90), world.now).await.unwrap();
    messages::record(&world.pool, &due[0], &answered(Outcome::Refused), world.now).await.unwrap();
    let later = world.now + messages::ENDPOINT_FAILS_FOR + seconds(1);
    let due = messages::lease(&world.pool, &[], 10, seconds(90), later).await.unwrap();
    messages::record(&world.pool, &due[0], &answered(Outcome::Refused), later).await.unwrap();
    let off = webhook_endpoints::get(&world.pool, endpoint).await.unwrap().unwrap();
    assert!(off.disabled_why.is_some());
    let feed = notifications::admin_feed(&world.pool, "admin:ada", None, 1).await.unwrap();
    assert_eq!(feed[0].event, "webhook_disabled");
    let since = webhook_endpoints::Replay::Since(world.now - seconds(60));
    let replay =
        async || webhook_endpoints::replay(&world.pool, endpoint, &since, &shop, later).await.unwrap();
    assert_eq!(replay().await, webhook_endpoints::Asked::Off);
    webhook_endpoints::switch(&world.pool, endpoint, true, &shop, later).await.unwrap().unwrap();
    assert_eq!(replay().await, webhook_endpoints::Asked::Done(1));
    assert_eq!(replay().await, webhook_endpoints::Asked::Done(0), "it is on its way");
    let again = messages::lease(&world.pool, &[], 10, seconds(90), later).await.unwrap();
    assert_eq!((again.len(), again[0].id), (1, due[0].id));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_failed_is_sent_again_by_a_person_and_only_that(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let endpoint = endpoint(&world).await.id;
    world.requested(&payee, "1").await;
    messages::hand_over(&world.pool, Channels::default(), 100, world.now).await.unwrap();
    let due = messages::lease(&world.pool, &[], 10, seconds(90), world.now).await.unwrap();
    let (id, ada) = (due[0].id, crate::fixtures::ada());
    let resend = async |id| messages::resend(&world.pool, id, &ada, world.now).await.unwrap();
    assert_eq!(resend(id).await, Resent::NotFailed);
    messages::record(&world.pool, &due[0], &answered(Outcome::NotAllowed), world.now).await.unwrap();
    assert_eq!(
        (resend(id).await, resend(id).await, resend(endpoint).await),
        (Resent::Done, Resent::NotFailed, Resent::NotFound)
    );
    let shop = store::Actor::platform("shop");
    let new = "v1.k.bmV3";
    webhook_endpoints::rotate(&world.pool, endpoint, new, &shop, world.now).await.unwrap().unwrap();
    let due = messages::lease(&world.pool, &[], 10, seconds(90), world.now).await.unwrap();
    let messages::To::Webhook { secrets, .. } = &due[0].to else { panic!() };
    assert_eq!(secrets, &[new, "v1.k.c2VjcmV0"], "both sign while one is changed for the other");
}

#[sqlx::test(migrations = "../migrations")]
async fn after_an_hour_without_a_mail_server_the_first_mail_that_is_taken_brings_the_others_forward(
    pool: PgPool,
) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let endpoint = endpoint(&world).await.id;
    world.requested(&payee, "1").await;
    messages::hand_over(&world.pool, Channels::default(), 100, world.now).await.unwrap();
    let lease = async |at| messages::lease(&world.pool, &[], 10, messages::LONGEST_LEASE, at).await.unwrap();
    let mut now = world.now;
    // Nobody is there: tried at once, after 5 s, 5 min and 30 min, and due again only two hours later.
    for _ in 0..4 {
        let due = lease(now).await;
        assert_eq!(due.len(), 1, "at {}", now - world.now);
        messages::record(&world.pool, &due[0], &answered(Outcome::Unreachable), now).await.unwrap();
        let one = &messages::list(&world.pool, &messages::Filter::default(), None, 1).await.unwrap()[0];
        now = one.next_try_at.unwrap();
    }
    assert!(now - world.now > seconds(2 * 3600));
    let back = world.now + seconds(3600);
    assert!(lease(back).await.is_empty());
    let shop = store::Actor::platform("shop");
    webhook_endpoints::test(&world.pool, endpoint, &shop, back).await.unwrap();
    let test = lease(back).await;
    messages::record(&world.pool, &test[0], &answered(Outcome::Delivered), back).await.unwrap();
    let waited = lease(back).await;
    assert_eq!((waited.len(), waited[0].tries), (1, 5), "it goes at once");
    // Leased, it is somebody's: another that is taken does not bring it forward.
    webhook_endpoints::test(&world.pool, endpoint, &shop, back).await.unwrap();
    let test = lease(back).await;
    messages::record(&world.pool, &test[0], &answered(Outcome::Delivered), back).await.unwrap();
    assert!(lease(back + seconds(1)).await.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_refused_keeps_its_back_off_whatever_else_is_taken(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let endpoint = endpoint(&world).await.id;
    world.requested(&payee, "1").await;
    messages::hand_over(&world.pool, Channels::default(), 100, world.now).await.unwrap();
    let lease = async |at| messages::lease(&world.pool, &[], 10, messages::LONGEST_LEASE, at).await.unwrap();
    for wait in [0, 6] {
        let at = world.now + seconds(wait);
        let due = lease(at).await;
        messages::record(&world.pool, &due[0], &answered(Outcome::Refused), at).await.unwrap();
    }
    let at = world.now + seconds(60);
    webhook_endpoints::test(&world.pool, endpoint, &store::Actor::platform("shop"), at).await.unwrap();
    let test = lease(at).await;
    messages::record(&world.pool, &test[0], &answered(Outcome::Delivered), at).await.unwrap();
    assert!(lease(at).await.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_browser_that_is_gone_is_forgotten_with_everything_that_waits_for_it(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let browser = wishes::Subscription {
        endpoint: "https://push.example.com/abc".to_owned(),
        p256dh: "p".repeat(87),
        auth: "a".repeat(22),
    };
    wishes::subscribe(&world.pool, wishes::Owner::Provider(payee.id), &browser, world.now).await.unwrap();
    let push = Channels { email: false, push: true };
    for amount in ["1", "2"] {
        world.requested(&payee, amount).await;
    }
    messages::hand_over(&world.pool, push, 100, world.now).await.unwrap();
    let due = messages::lease(&world.pool, &[], 1, seconds(90), world.now).await.unwrap();
    messages::record(&world.pool, &due[0], &answered(Outcome::Gone), world.now).await.unwrap();
    let settings = wishes::of_provider(&world.pool, payee.id).await.unwrap().unwrap();
    assert_eq!(settings.browsers, 0);
    let all = messages::list(&world.pool, &messages::Filter::default(), None, 10).await.unwrap();
    let dropped = all.iter().filter(|message| message.state == messages::State::Dropped).count();
    assert_eq!((all.len(), dropped), (2, 2));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_secret_is_sealed_anew_only_as_it_was_read(pool: PgPool) {
    let world = World::new(&pool);
    let id = endpoint(&world).await.id;
    let before = webhook_endpoints::sealed(&world.pool).await.unwrap().remove(0);
    let after = webhook_endpoints::Sealed { secret: "v1.new.c2VjcmV0".to_owned(), ..before.clone() };
    let reseal = async || webhook_endpoints::reseal(&world.pool, &before, &after, world.now).await.unwrap();
    assert_eq!((reseal().await, reseal().await), (true, false));
    let shop = store::Actor::platform("shop");
    webhook_endpoints::rotate(&world.pool, id, "v1.new.b3RoZXI", &shop, world.now).await.unwrap().unwrap();
    let now = webhook_endpoints::sealed(&world.pool).await.unwrap().remove(0);
    assert_eq!((now.secret.as_str(), now.old_secret.as_deref()), ("v1.new.b3RoZXI", Some("v1.new.c2VjcmV0")));
    assert!(!reseal().await, "a secret that was changed meanwhile is not put back");
}
