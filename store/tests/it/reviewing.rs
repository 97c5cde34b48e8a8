//! People deciding: two of them above a limit, none of them on their own doing, reminded once, and a queue that stays fast.

use chrono::TimeDelta;
use domain::{Currency, Money, Next, PayoutId, PayoutStatus, ReviewId};
use sqlx::{PgPool, postgres::PgPoolOptions};
use store::{
    Actor, ByHand,
    approval_limits::{self, Limited},
    decisions::{self, Claim, Decided, NewDecision, Undone, Verdict},
    involvement::INVOLVED_FOR,
    pauses::{self, Paused},
    providers,
    reviews::{self, ASSIGNED_FOR, After, Assignee, Assigning, Filter, Sort},
};

use crate::fixtures::{ABOVE_THE_LIMIT, Payee, World, ada, naira};

async fn large(world: &World) -> (Payee, PayoutId) {
    let payee = world.provider().await;
    world.earns(&payee, ABOVE_THE_LIMIT).await;
    let payout = world.under_review(&payee, ABOVE_THE_LIMIT).await;
    (payee, payout)
}

async fn small(world: &World) -> (Payee, PayoutId) {
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.under_review(&payee, "1").await;
    (payee, payout)
}

async fn get(world: &World, payout: PayoutId) -> reviews::Review {
    reviews::get(&world.pool, payout, world.now).await.unwrap().unwrap()
}

// Two approvers.

#[sqlx::test(migrations = "../migrations")]
async fn above_the_limit_two_different_admins_approve(pool: PgPool) {
    let world = World::new(&pool);
    let (_, payout) = large(&world).await;
    assert_eq!(get(&world, payout).await.wait.approvals_needed, 2);
    let Decided::Second(first) = world.decide(payout, Verdict::Approve).await else { panic!() };
    assert_eq!((first.status, first.approved_by), (PayoutStatus::Requested, None));
    assert_eq!(world.next(payout).await, Next::AwaitDecision);
    let review = get(&world, payout).await;
    assert!(review.wait.awaits_second());
    assert_eq!(review.approvals.iter().map(|one| one.by.as_str()).collect::<Vec<_>>(), ["admin:ada"]);
    assert_eq!(world.decide(payout, Verdict::Approve).await, Decided::ApprovedByThem);
    let Decided::Done(second) = world.decide_as("bob", payout, Verdict::Approve).await else { panic!() };
    assert_eq!((second.status, second.approved_by.as_deref()), (PayoutStatus::Approved, Some("admin:bob")));
    assert_eq!(world.trail(payout).await, ["requested", "review_opened", "approval_given", "approved"]);
    assert_eq!(world.told(payout).await, ["start", "decision"]);
    assert!(world.queue().await.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn at_the_limit_one_suffices(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1000000").await;
    let payout = world.under_review(&payee, "1000000").await;
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Done(_)));
}

#[sqlx::test(migrations = "../migrations")]
async fn anybody_rejects_at_any_time(pool: PgPool) {
    let world = World::new(&pool);
    for who in ["ada", "bob"] {
        let (payee, payout) = large(&world).await;
        assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Second(_)));
        let Decided::Done(rejected) = world.decide_as(who, payout, Verdict::Reject).await else { panic!() };
        assert_eq!(rejected.status, PayoutStatus::Rejected);
        assert_eq!(world.balance(&payee).await, [ABOVE_THE_LIMIT, "0.00", "0.00"]);
    }
    world.books_are_right().await;
}

/// Both approvals, or the one that was given so far.
#[sqlx::test(migrations = "../migrations")]
async fn approvals_before_an_undo_do_not_count(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = large(&world).await;
    for given in [1, 2] {
        world.decide_as("ada", payout, Verdict::Approve).await;
        if given == 2 {
            world.decide_as("bob", payout, Verdict::Approve).await;
        }
        world.pass(TimeDelta::hours(1));
        let undone = decisions::undo(&world.pool, payout, &Actor::admin("carol"), "wait", world.now).await;
        assert!(matches!(undone.unwrap(), Undone::Done(_)));
        let review = get(&world, payout).await;
        assert_eq!((review.wait.approvals, review.approvals), (0, vec![]));
        assert_eq!(review.wait.waiting_since, world.now);
        let undone = review.undone.unwrap();
        assert_eq!(
            (undone.by.as_str(), undone.at, undone.reason.as_str()),
            ("admin:carol", world.now, "wait")
        );
        assert!(matches!(world.decide_as("bob", payout, Verdict::Approve).await, Decided::Second(_)));
        decisions::undo(&world.pool, payout, &ada(), "once more", world.now).await.unwrap();
    }
    assert!(matches!(world.decide_as("bob", payout, Verdict::Approve).await, Decided::Second(_)));
    assert!(matches!(world.decide_as("ada", payout, Verdict::Approve).await, Decided::Done(_)));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_signalled_at_the_engine_is_nobodys_approval_above_the_limit(pool: PgPool) {
    let world = World::new(&pool);
    let (_, payout) = large(&world).await;
    let by_hand = async |verdict, key| {
        let new = NewDecision { payout, verdict, reason: "by hand" };
        let by = ByHand { identity: "bob", key };
        decisions::engine_request(&world.pool, &new, by, true, false, world.now).await.unwrap()
    };
    assert_eq!(by_hand(Verdict::Approve, "1").await.next, Next::AwaitDecision);
    world.decide(payout, Verdict::Approve).await;
    assert_eq!(by_hand(Verdict::Approve, "2").await.next, Next::AwaitDecision);
    assert_eq!(get(&world, payout).await.wait.approvals, 1);
    assert_eq!(by_hand(Verdict::Reject, "3").await.status, PayoutStatus::Rejected);
    world.books_are_right().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn the_database_refuses_one_approver_where_two_are_needed(pool: PgPool) {
    const APPROVE: &str = "UPDATE payouts SET status = 'APPROVED', approved_at = requested_at, approved_by = 'admin:eve' WHERE id = $1";
    let world = World::new(&pool);
    let (_, payout) = large(&world).await;
    assert_eq!(world.refused_by(APPROVE, payout.uuid()).await, "payouts_two_approvers");
    world.decide(payout, Verdict::Approve).await;
    assert_eq!(world.refused_by(APPROVE, payout.uuid()).await, "payouts_two_approvers");
    let twice =
        "INSERT INTO decisions (id, payout_id, verdict, reason, decided_by, verified, decided_at, round)
                 SELECT gen_random_uuid(), payout_id, verdict, reason, decided_by, verified, decided_at, round
                 FROM decisions WHERE payout_id = $1";
    assert_eq!(world.refused_by(twice, payout.uuid()).await, "decisions_two_people");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_smaller_limit_counts_at_once_and_a_larger_one_when_two_want_it(pool: PgPool) {
    let world = World::new(&pool);
    let set = async |amount: &str, who: &str| {
        let (amount, admin) = (naira(amount), Actor::admin(who));
        approval_limits::set(&world.pool, amount, "as agreed", &admin, world.now).await.unwrap()
    };
    let (_, waits) = small(&world).await;
    assert!(matches!(set("0.50", "ada").await, Limited::Counts(_)));
    assert!(matches!(world.decide(waits, Verdict::Approve).await, Decided::Second(_)));
    assert!(matches!(set("5", "ada").await, Limited::Proposed(_)));
    assert!(matches!(set("5", "ada").await, Limited::Proposed(_)));
    assert!(matches!(set("6", "bob").await, Limited::Proposed(_)));
    assert!(matches!(set("5", "bob").await, Limited::Proposed(_)));
    let Limited::Counts(limit) = set("5", "ada").await else { panic!() };
    assert_eq!((limit.amount, limit.proposed), (naira("5"), None));
    // What was open when it was raised keeps what it needs; an undo does not make it less.
    assert_eq!(world.decide(waits, Verdict::Approve).await, Decided::ApprovedByThem);
    decisions::undo(&world.pool, waits, &ada(), "look again", world.now).await.unwrap();
    assert_eq!(get(&world, waits).await.wait.approvals_needed, 2);
    let (_, later) = small(&world).await;
    assert!(matches!(world.decide(later, Verdict::Approve).await, Decided::Done(_)));
    let limits = approval_limits::list(&world.pool).await.unwrap();
    assert_eq!(limits.len(), 3);
    let count = "SELECT count(*) FROM audit WHERE subject = 'approval_limit:NGN'";
    assert_eq!(world.count(count).await, 6);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_currency_without_a_limit_needs_two(pool: PgPool) {
    let world = World::new(&pool);
    sqlx::query("DELETE FROM approval_limits WHERE currency = 'NGN'").execute(&world.pool).await.unwrap();
    let (_, payout) = small(&world).await;
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Second(_)));
    assert!(approval_limits::of(&world.pool, Currency::Ngn).await.unwrap().is_none());
}

// Nobody on their own doing.

#[sqlx::test(migrations = "../migrations")]
async fn nobody_approves_what_they_changed(pool: PgPool) {
    let mut world = World::new(&pool);
    let (payee, payout) = small(&world).await;
    let account = Paused::BankAccount(payee.account);
    let acts = [("paused", async |world: &World| {
        pauses::pause(&world.pool, &account, "look", &Actor::admin("eve"), world.now).await.unwrap();
    })];
    for (action, act) in acts {
        act(&world).await;
        let Decided::Involved(involved) = world.decide_as("eve", payout, Verdict::Approve).await else {
            panic!("{action}")
        };
        assert_eq!((involved.action.as_str(), involved.at), (action, world.now));
    }
    pauses::resume(&world.pool, &account, "looked", &Actor::admin("bob"), world.now).await.unwrap();
    let provider = providers::get(&world.pool, payee.id).await.unwrap().unwrap();
    let verified = providers::NewProvider {
        external_id: provider.external_id,
        display_name: "Somebody Else".to_owned(),
        email: None,
        verified: false,
        suspended: false,
    };
    providers::upsert(&world.pool, &verified, &Actor::admin("mallory"), world.now).await.unwrap();
    for (who, action) in [("bob", "resumed"), ("mallory", "provider_changed")] {
        let decided = world.decide_as(who, payout, Verdict::Approve).await;
        assert!(matches!(&decided, Decided::Involved(did) if did.action == action), "{decided:?}");
    }
    // Of somebody else's provider they may decide, and of this one again after a while.
    let (_, other) = small(&world).await;
    assert!(matches!(world.decide_as("eve", other, Verdict::Approve).await, Decided::Done(_)));
    world.pass(INVOLVED_FOR);
    assert!(matches!(world.decide_as("eve", payout, Verdict::Approve).await, Decided::Done(_)));
}

#[sqlx::test(migrations = "../migrations")]
async fn whoever_changed_something_may_still_reject(pool: PgPool) {
    let world = World::new(&pool);
    let (payee, payout) = small(&world).await;
    let provider = Paused::Provider(payee.id);
    pauses::pause(&world.pool, &provider, "look", &ada(), world.now).await.unwrap();
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Involved(_)));
    assert!(matches!(world.decide(payout, Verdict::Reject).await, Decided::Done(_)));
    world.books_are_right().await;
}

/// What somebody did to the payout itself is never forgotten.
#[sqlx::test(migrations = "../migrations")]
async fn nobody_approves_what_they_asked_for(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    let asked = "INSERT INTO audit (at, actor, action, payout_id) VALUES ($1, 'admin:ada', 'requested', $2)";
    sqlx::query(asked).bind(world.now).bind(payout.uuid()).execute(&world.pool).await.unwrap();
    world.pass(TimeDelta::days(100));
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Involved(_)));
    assert!(matches!(world.decide_as("bob", payout, Verdict::Approve).await, Decided::Done(_)));
}

// Taken on.

#[sqlx::test(migrations = "../migrations")]
async fn a_claim_warns_others_until_it_lapses(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    let (ada, bob) = (ada(), Actor::admin("bob"));
    let assign = async |world: &World, to: &Actor, by: &Actor, take_over| {
        reviews::assign(&world.pool, payout, to, by, take_over, world.now).await.unwrap()
    };
    let Assigning::Done(Some(assigned)) = assign(&world, &bob, &bob, false).await else { panic!() };
    assert_eq!((assigned.to.as_str(), assigned.until), ("admin:bob", world.now + ASSIGNED_FOR));
    assert_eq!(assign(&world, &ada, &ada, false).await, Assigning::Taken(assigned.clone()));
    assert_eq!(world.decide(payout, Verdict::Approve).await, Decided::Taken(assigned.clone()));
    assert_eq!(world.decide(payout, Verdict::Reject).await, Decided::Taken(assigned.clone()));
    let released = reviews::release(&world.pool, payout, &ada, false, world.now).await.unwrap();
    assert_eq!(released, Assigning::Taken(assigned));
    world.pass(ASSIGNED_FOR);
    assert_eq!(get(&world, payout).await.assigned, None);
    assert!(matches!(assign(&world, &ada, &ada, false).await, Assigning::Done(_)));
    assert!(matches!(assign(&world, &bob, &bob, true).await, Assigning::Done(_)));
    let new = NewDecision { payout, verdict: Verdict::Approve, reason: "urgent" };
    let decided =
        decisions::decide_over(&world.pool, &new, &ada, Claim::Override, false, world.now).await.unwrap();
    assert!(matches!(decided, Decided::Done(_)));
    let trail = world.trail(payout).await;
    assert_eq!(
        trail[2..],
        ["review_assigned", "review_assigned", "review_assigned", "review_released", "approved"]
    );
    assert_eq!(assign(&world, &ada, &ada, false).await, Assigning::NotOpen);
    let overridden =
        "SELECT count(*) FROM audit WHERE detail @> '{\"overridden\": true, \"from\": \"admin:bob\"}'";
    assert_eq!(world.count(overridden).await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_claim_holds_nobody_up_once_the_review_is_escalated(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    world.pass(domain::ESCALATE_AFTER);
    let bob = Actor::admin("bob");
    reviews::assign(&world.pool, payout, &bob, &bob, false, world.now).await.unwrap();
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Taken(_)));
    reviews::call(&world.pool, payout, world.now).await.unwrap();
    assert!(matches!(world.decide(payout, Verdict::Approve).await, Decided::Done(_)));
}

// Reminded.

#[sqlx::test(migrations = "../migrations")]
async fn people_are_told_once_each(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    let opened = world.now;
    let call = async |world: &World| reviews::call(&world.pool, payout, world.now).await.unwrap();
    assert_eq!(call(&world).await.call_at, Some(opened + domain::REMIND_AFTER));
    for _ in 0..2 {
        world.now = opened + domain::REMIND_AFTER;
        assert_eq!(call(&world).await.call_at, Some(opened + domain::ESCALATE_AFTER));
    }
    let reminded = Some(opened + domain::REMIND_AFTER);
    assert_eq!(get(&world, payout).await.wait.reminded_at, reminded);
    for _ in 0..2 {
        world.now = opened + domain::ESCALATE_AFTER;
        assert_eq!(call(&world).await.call_at, None);
    }
    let wait = get(&world, payout).await.wait;
    assert_eq!((wait.reminded_at, wait.escalated_at), (reminded, Some(opened + domain::ESCALATE_AFTER)));
    assert_eq!(world.trail(payout).await[2..], ["review_reminded", "review_escalated"]);
    let told = "SELECT count(*) FROM notifications WHERE audience = 'admins' AND event IN ('review_waiting', 'review_escalated')";
    assert_eq!(world.count(told).await, 3, "when it opened, when it was reminded of, when it was escalated");
    // An undo begins a new wait.
    world.decide(payout, Verdict::Approve).await;
    assert_eq!(call(&world).await.call_at, None);
    decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    assert_eq!(call(&world).await.call_at, Some(world.now + domain::REMIND_AFTER));
    world.decide(payout, Verdict::Reject).await;
    world.pass(domain::ESCALATE_AFTER);
    assert_eq!(call(&world).await.status, PayoutStatus::Rejected);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action LIKE 'review_%ed' AND actor = 'system' AND action <> 'review_opened'").await, 2);
}

/// In the transaction that opens it; an undo opens it again.
#[sqlx::test(migrations = "../migrations")]
async fn people_are_told_when_a_review_opens_and_when_it_opens_again(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    // The step is repeated, and nothing is told twice.
    world.assess(payout).await;
    let feed = async |world: &World| {
        let lines = store::notifications::admin_feed(&world.pool, "admin:ada", None, 9).await.unwrap();
        lines.into_iter().map(|line| (line.event, line.subject, line.body)).collect::<Vec<_>>()
    };
    let told = feed(&world).await;
    let [(event, subject, body)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(event, "review_waiting");
    assert!(subject.starts_with(&format!("payout:{payout}:")), "{subject}");
    assert_eq!(body, &format!("Payout {payout} of {} waits for a decision.", naira("1")));
    world.pass(TimeDelta::minutes(1));
    world.decide(payout, Verdict::Approve).await;
    decisions::undo(&world.pool, payout, &ada(), "wait", world.now).await.unwrap();
    let told = feed(&world).await;
    assert_eq!(told.len(), 2);
    assert!(told[0].2.contains("taken back"), "{}", told[0].2);
}

/// Nothing ran for a day: whoever has waited so long is past reminding.
#[sqlx::test(migrations = "../migrations")]
async fn a_reminder_that_comes_with_the_escalation_is_left_out(pool: PgPool) {
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    world.pass(TimeDelta::hours(30));
    assert_eq!(reviews::call(&world.pool, payout, world.now).await.unwrap().call_at, None);
    assert_eq!(world.trail(payout).await[2..], ["review_escalated"]);
}

// The queue.

#[sqlx::test(migrations = "../migrations")]
async fn the_queue_is_filtered_and_counted(pool: PgPool) {
    let mut world = World::new(&pool);
    let (payee, first) = small(&world).await;
    world.pass(TimeDelta::hours(1));
    let (_, second) = large(&world).await;
    world.decide(second, Verdict::Approve).await;
    let bob = Actor::admin("bob");
    reviews::assign(&world.pool, first, &bob, &bob, false, world.now).await.unwrap();
    let both = vec![first, second];
    let one = |filter| (filter, vec![first]);
    let other = |filter| (filter, vec![second]);
    let filters = [
        (Filter::default(), both.clone()),
        (Filter { currency: Some(Currency::Ngn), ..Filter::default() }, both.clone()),
        (Filter { currency: Some(Currency::Kes), ..Filter::default() }, vec![]),
        one(Filter { max: Some(naira("5").amount()), ..Filter::default() }),
        other(Filter { min: Some(naira("5").amount()), ..Filter::default() }),
        (Filter { rule: Some("amount".to_owned()), ..Filter::default() }, both),
        (Filter { rule: Some("provider_verified".to_owned()), ..Filter::default() }, vec![]),
        one(Filter { provider: Some(payee.id), ..Filter::default() }),
        one(Filter { assignee: Some(Assignee::Is(bob)), ..Filter::default() }),
        one(Filter { assignee: Some(Assignee::Anybody), ..Filter::default() }),
        other(Filter { assignee: Some(Assignee::Nobody), ..Filter::default() }),
        (Filter { assignee: Some(Assignee::Is(ada())), ..Filter::default() }, vec![]),
        one(Filter { waiting_since_before: Some(world.now - TimeDelta::minutes(1)), ..Filter::default() }),
        other(Filter { awaits_second: Some(true), ..Filter::default() }),
        one(Filter { awaits_second: Some(false), ..Filter::default() }),
        (Filter { escalated: Some(true), ..Filter::default() }, vec![]),
    ];
    for (filter, expected) in filters {
        let listed = reviews::list(&world.pool, &filter, Sort::Waiting(None), 10, world.now).await.unwrap();
        let found: Vec<_> = listed.iter().map(|listed| listed.review.payout).collect();
        assert_eq!(found, expected, "{filter:?}");
        let counted = reviews::count(&world.pool, &filter, world.now).await.unwrap();
        assert_eq!(counted, i64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
    let largest = reviews::list(&world.pool, &Filter::default(), Sort::Largest(None), 10, world.now).await;
    let found: Vec<_> = largest.unwrap().iter().map(|listed| listed.review.payout).collect();
    assert_eq!(found, [second, first]);
}

/// Whoever reads page by page sees each review that stays, once, whoever leaves meanwhile: also the one that the page ended with.
#[sqlx::test(migrations = "../migrations")]
async fn pages_stay_right_while_reviews_leave(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1000").await;
    let mut opened = vec![];
    for amount in ["5", "5", "9", "1", "7", "5", "3"] {
        opened.push(world.under_review(&payee, amount).await);
        world.pass(TimeDelta::seconds(1));
    }
    for largest in [false, true] {
        let mut seen: Vec<PayoutId> = vec![];
        let mut sort = if largest { Sort::Largest(None) } else { Sort::Waiting(None) };
        let before = world.queue().await.len();
        loop {
            let page = reviews::list(&world.pool, &Filter::default(), sort, 2, world.now).await.unwrap();
            let Some(last) = page.last() else { break };
            seen.extend(page.iter().map(|listed| listed.review.payout));
            let (id, wait, amount): (ReviewId, _, Money) =
                (last.review.id, last.review.wait, last.review.amount);
            sort = if largest {
                Sort::Largest(Some(After { place: amount.amount(), id }))
            } else {
                Sort::Waiting(Some(After { place: wait.waiting_since, id }))
            };
            if seen.len() == 2 {
                world.decide(last.review.payout, Verdict::Reject).await;
            }
        }
        assert_eq!(seen.len(), before, "largest: {largest}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), before, "largest: {largest}");
    }
}

/// What a page of the queue reads does not grow with the queue.
#[sqlx::test(migrations = "../migrations")]
async fn ten_thousand_waiting_do_not_slow_a_page(pool: PgPool) {
    const BLOCKS_OF_A_PAGE: i64 = 1_000;
    const BLOCKS_OF_A_COUNT: i64 = 3_000;
    let mut world = World::new(&pool);
    let (_, payout) = small(&world).await;
    for copy in [
        "INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, status, risk, requested_at, updated_at)
         SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, provider_id, bank_account_id, n, currency, status, risk,
                requested_at, updated_at FROM payouts, generate_series(1, 10000) n WHERE id = $1",
        "INSERT INTO assessments SELECT p.id, route, policy_version, findings, facts, assessed_at
         FROM assessments a, payouts p WHERE a.payout_id = $1 AND p.id <> $1",
        "INSERT INTO reviews (id, payout_id, opened_at, provider_id, amount, currency, fired)
         SELECT p.id, p.id, r.opened_at + p.amount * interval '1 second', p.provider_id, p.amount, p.currency, r.fired
         FROM reviews r, payouts p WHERE r.payout_id = $1 AND p.id <> $1",
    ] {
        sqlx::query(copy).bind(payout.uuid()).execute(&world.pool).await.unwrap();
    }
    for table in ["payouts", "assessments", "reviews"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("ANALYZE {table}"))).execute(&world.pool).await.unwrap();
    }
    world.pass(TimeDelta::hours(3));
    let options = (*world.pool.connect_options()).clone();
    let alone = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let blocks = async || -> i64 {
        sqlx::query("SELECT pg_stat_force_next_flush()").execute(&alone).await.unwrap();
        sqlx::query_scalar(
            "SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint FROM pg_statio_user_tables",
        )
        .fetch_one(&alone)
        .await
        .unwrap()
    };
    let middle =
        get(&world, PayoutId::from_uuid("00000000-0000-7000-8000-000000005000".parse().unwrap())).await;
    let (amount, since) = (middle.amount.amount(), middle.wait.waiting_since);
    // Often enough that PostgreSQL plans without looking at what is asked for.
    for _ in 0..6 {
        for sort in [
            Sort::Waiting(None),
            Sort::Waiting(Some(After { place: since, id: middle.id })),
            Sort::Largest(None),
            Sort::Largest(Some(After { place: amount, id: middle.id })),
        ] {
            let before = blocks().await;
            let page = reviews::list(&alone, &Filter::default(), sort, 20, world.now).await.unwrap();
            let read = blocks().await - before;
            assert_eq!(page.len(), 20);
            assert!((1..BLOCKS_OF_A_PAGE).contains(&read), "{sort:?} read {read} blocks");
        }
        let before = blocks().await;
        let counted = reviews::count(&alone, &Filter::default(), world.now).await.unwrap();
        assert_eq!(counted, reviews::COUNT_LIMIT + 1);
        let read = blocks().await - before;
        assert!((1..BLOCKS_OF_A_COUNT).contains(&read), "the count read {read} blocks");
    }
    alone.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reviewer_sees_the_past_and_what_changed(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    world.completed(&payee, "10").await;
    world.completed(&payee, "5.01").await;
    world.given_up(&payee, "2").await;
    world.pass(reviews::CHANGED_WITHIN);
    // Told again without a difference, renamed, another account.
    world.upsert(&payee.external_id, false).await;
    let renamed = providers::NewProvider {
        external_id: payee.external_id.clone(),
        display_name: "Ada Okafor".to_owned(),
        email: None,
        verified: false,
        suspended: false,
    };
    providers::upsert(&world.pool, &renamed, &Actor::platform("shop"), world.now).await.unwrap();
    world.account(payee.id, "0690000040").await;
    pauses::pause(&world.pool, &Paused::Provider(payee.id), "look", &ada(), world.now).await.unwrap();
    let payout = world.under_review(&payee, "1").await;
    let background = reviews::background(&world.pool, payout, world.now).await.unwrap().unwrap();
    let mut kinds: Vec<_> = background.changes.iter().map(|change| change.what.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["bank_account_added", "provider_changed", "provider_paused"]);
    let changed = background.changes.iter().find(|change| change.what == "provider_changed").unwrap();
    assert_eq!(
        changed.detail["changed"],
        serde_json::json!({ "name": ["Ada Obi", "Ada Okafor"], "verified": [true, false] })
    );
    let past = background.past;
    let sums: Vec<_> =
        past.by_status.iter().map(|one| (one.status, one.count, one.sum.amount().to_string())).collect();
    assert_eq!(
        sums,
        [
            (PayoutStatus::Completed, 2, naira("15.01").amount().to_string()),
            (PayoutStatus::Failed, 1, naira("2").amount().to_string())
        ]
    );
    assert_eq!((past.complete, past.last.len()), (true, 3));
    assert_eq!(past.average_paid, Some(naira("7.50")));
    let listed =
        reviews::list(&world.pool, &Filter::default(), Sort::Waiting(None), 10, world.now).await.unwrap();
    let [listed] = listed.as_slice() else { panic!() };
    assert_eq!((listed.past.completed, listed.past.failed, listed.past.changed.len()), (2, 1, 3));
    assert!(reviews::background(&world.pool, PayoutId::mint(), world.now).await.unwrap().is_none());
}
