//! Who gets the money when there is not enough for all, and who waits for what.

use chrono::TimeDelta;
use domain::{Allowance, BatchId, BatchWindow, Currency, Held, Limit, Limits, PayoutId, PayoutStatus};
use sqlx::PgPool;
use store::{
    batches::{self, rules},
    funds::{self, Sight},
};

use crate::fixtures::{Payee, World, ada, naira, number, seconds};

/// The gateway says what the wallet holds, and asks nothing for a transfer.
async fn wallet(world: &World, balance: Option<&str>) {
    wallet_with_fee(world, balance, "0").await;
}

async fn wallet_with_fee(world: &World, balance: Option<&str>, fee: &str) {
    let undebited = funds::claimed_and_not_debited(&world.pool, Currency::Ngn, world.now).await.unwrap();
    let sight = Sight {
        currency: Currency::Ngn,
        asked_at: world.now,
        balance: balance.map(naira),
        fee_each: Some(naira(fee)),
        undebited,
    };
    funds::see(&world.pool, &sight).await.unwrap();
}

async fn spendable(world: &World) -> Option<domain::Money> {
    let seen = funds::seen(&world.pool).await.unwrap();
    seen.iter().find(|funds| funds.currency == Currency::Ngn).unwrap().spendable
}

async fn payees(world: &World, count: usize) -> Vec<Payee> {
    let mut payees = vec![];
    for _ in 0..count {
        let payee = world.provider().await;
        world.earns(&payee, "10000").await;
        payees.push(payee);
    }
    payees
}

async fn approved(world: &mut World, payee: &Payee, amounts: &[&str]) -> Vec<PayoutId> {
    let mut payouts = vec![];
    for amount in amounts {
        payouts.push(world.approved(payee, amount).await);
        world.pass(seconds(1));
    }
    payouts
}

async fn window(world: &mut World) -> BatchId {
    let every: BatchWindow = "1h".parse().unwrap();
    world.pass(TimeDelta::hours(1));
    batches::open_due(&world.pool, every, chrono_tz::UTC, world.now).await.unwrap().unwrap()
}

async fn held(world: &World, payout: PayoutId) -> Option<Held> {
    let payout = world.payout(payout).await;
    assert_eq!(payout.status, PayoutStatus::Approved);
    payout.held
}

async fn release_order(world: &World) -> Vec<PayoutId> {
    let ids: Vec<sqlx::types::Uuid> =
        sqlx::query_scalar("SELECT payout_id FROM outbox WHERE signal = 'release' ORDER BY id")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    ids.into_iter().map(PayoutId::from_uuid).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn releases_are_written_in_turns_so_that_nobody_stands_in_front_of_others(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 3).await;
    let many = approved(&mut world, &payees[0], &["1", "2", "3", "4"]).await;
    let one = approved(&mut world, &payees[1], &["1"]).await;
    let two = approved(&mut world, &payees[2], &["1", "2"]).await;
    assert_eq!(world.release().await, 7);
    let expected = [many[0], one[0], two[0], many[1], two[1], many[2], many[3]];
    assert_eq!(release_order(&world).await, expected);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_short_wallet_is_shared_in_turns_and_the_rest_says_that_it_waits_for_funds(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 2).await;
    let many = approved(&mut world, &payees[0], &["100", "100", "100"]).await;
    let one = approved(&mut world, &payees[1], &["100"]).await;
    wallet_with_fee(&world, Some("210"), "2").await;
    let batch = world.batch().await;
    let chunk = batches::claim_chunk(&world.pool, batch, 100, world.now).await.unwrap();
    assert_eq!((chunk.claimed, chunk.held, chunk.more), (2, 2, false));
    assert_eq!(release_order(&world).await, [many[0], one[0]]);
    assert_eq!(
        (held(&world, many[1]).await, held(&world, many[2]).await),
        (Some(Held::Funds), Some(Held::Funds))
    );
    assert_eq!(spendable(&world).await, Some(naira("6")));
    assert_eq!(world.claim(batch).await, 0, "this batch has passed them over");
    batches::close(&world.pool, batch, world.now).await.unwrap();
    let told = "SELECT count(*) FROM audit WHERE action = 'funding_short'";
    assert_eq!(world.count(told).await, 1);
    assert_eq!(world.trail(many[1]).await.last().unwrap(), "held");
    // The next batch finds the wallet as it was, then topped up.
    world.pass(seconds(60));
    wallet_with_fee(&world, Some("6"), "2").await;
    assert_eq!(world.release().await, 0);
    let twice = "SELECT count(*) FROM audit WHERE action = 'held'";
    assert_eq!(world.count(twice).await, 2, "a payout that goes on waiting says so once");
    world.pass(seconds(60));
    wallet_with_fee(&world, Some("1000"), "2").await;
    assert_eq!(world.release().await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn one_that_is_too_large_lets_smaller_ones_by(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 2).await;
    let large = approved(&mut world, &payees[0], &["500"]).await;
    approved(&mut world, &payees[1], &["90"]).await;
    wallet(&world, Some("100")).await;
    assert_eq!(world.release().await, 1);
    assert_eq!(held(&world, large[0]).await, Some(Held::Funds));
}

#[sqlx::test(migrations = "../migrations")]
async fn whom_three_windows_have_passed_over_goes_first(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 2).await;
    let large = approved(&mut world, &payees[0], &["90", "5"]).await;
    // Somebody older always comes first and leaves too little.
    let mut older = vec![];
    for _ in 0..5 {
        older.extend(approved(&mut world, &payees[1], &["20"]).await);
    }
    let age = "UPDATE payouts SET approved_at = approved_at - interval '1 day' WHERE provider_id = $1";
    sqlx::query(age).bind(payees[1].id.uuid()).execute(&world.pool).await.unwrap();
    for round in 0..3 {
        let batch = window(&mut world).await;
        wallet(&world, Some("100")).await;
        // The small one of the same provider waits too: it would make the large one's turn come later.
        sqlx::query("UPDATE payouts SET status = 'APPROVED' WHERE id = $1")
            .bind(large[1].uuid())
            .execute(&world.pool)
            .await
            .unwrap();
        let chunk = batches::claim_chunk(&world.pool, batch, 1, world.now).await.unwrap();
        assert_eq!(chunk.claimed, 1, "round {round}: the older one");
        let spent = "UPDATE funds SET spendable = 4 WHERE currency = 'NGN'";
        sqlx::query(spent).execute(&world.pool).await.unwrap();
        while batches::claim_chunk(&world.pool, batch, 100, world.now).await.unwrap().more {}
        batches::close(&world.pool, batch, world.now).await.unwrap();
        assert_eq!(held(&world, large[0]).await, Some(Held::Funds));
    }
    assert_eq!(world.count("SELECT windows::bigint FROM passed_over").await, 3);
    let batch = window(&mut world).await;
    sqlx::query("UPDATE funds SET spendable = 92 WHERE currency = 'NGN'").execute(&world.pool).await.unwrap();
    let chunk = batches::claim_chunk(&world.pool, batch, 100, world.now).await.unwrap();
    assert_eq!(chunk.claimed, 1);
    assert_eq!(world.payout(large[0]).await.batch, Some(batch), "before the older ones");
    batches::close(&world.pool, batch, world.now).await.unwrap();
    let left = "SELECT count(*) FROM passed_over WHERE windows > 1";
    assert_eq!(world.count(left).await, 0, "its count begins anew");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_claimed_and_not_debited_is_not_spent_twice(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = &payees(&world, 1).await[0];
    approved(&mut world, payee, &["100"]).await;
    assert_eq!(world.release().await, 1);
    wallet(&world, Some("150")).await;
    assert_eq!(spendable(&world).await, Some(naira("50")));
    let waits = approved(&mut world, payee, &["60"]).await;
    assert_eq!(world.release().await, 0);
    assert_eq!(held(&world, waits[0]).await, Some(Held::Funds));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_sent_counts_for_ten_minutes_and_what_has_ended_does_not(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = &payees(&world, 1).await[0];
    let sent = world.begun(payee, "100").await;
    world.goes(sent, 1).await;
    wallet(&world, Some("150")).await;
    assert_eq!(spendable(&world).await, Some(naira("50")));
    world.pass(TimeDelta::minutes(11));
    wallet(&world, Some("150")).await;
    assert_eq!(spendable(&world).await, Some(naira("150")), "the balance has it by now");
    assert_eq!(world.attempt(sent, 1).await.number, number(1));
    world.completed(payee, "70").await;
    wallet(&world, Some("80")).await;
    assert_eq!(spendable(&world).await, Some(naira("80")));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_claimed_while_the_gateway_is_asked_is_taken_away(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = &payees(&world, 1).await[0];
    approved(&mut world, payee, &["30", "40"]).await;
    let undebited = funds::claimed_and_not_debited(&world.pool, Currency::Ngn, world.now).await.unwrap();
    assert_eq!(world.release().await, 2);
    let sight = Sight {
        currency: Currency::Ngn,
        asked_at: world.now,
        balance: Some(naira("100")),
        fee_each: Some(naira("1")),
        undebited,
    };
    funds::see(&world.pool, &sight).await.unwrap();
    assert_eq!(spendable(&world).await, Some(naira("28")));
    let older = Sight { asked_at: world.now - seconds(5), balance: Some(naira("900")), ..sight };
    funds::see(&world.pool, &older).await.unwrap();
    assert_eq!(spendable(&world).await, Some(naira("28")), "an older look changes nothing");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_wallet_that_nobody_can_see_holds_nothing_back(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = &payees(&world, 1).await[0];
    wallet(&world, Some("0")).await;
    world.pass(seconds(1));
    wallet(&world, None).await;
    approved(&mut world, payee, &["60", "70"]).await;
    assert_eq!(world.release().await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn batches_side_by_side_share_one_wallet(pool: PgPool) {
    let world = World::new(&pool).crowd(8).await;
    let payees = payees(&world, 4).await;
    for payee in &payees {
        for _ in 0..5 {
            world.approved(payee, "10").await;
        }
    }
    wallet(&world, Some("95")).await;
    let claimed = futures::future::join_all((0..4).map(|_| async {
        let batch = world.batch().await;
        let mut claimed = 0;
        loop {
            let chunk = batches::claim_chunk(&world.pool, batch, 3, world.now).await.unwrap();
            claimed += chunk.claimed;
            if !chunk.more {
                return claimed;
            }
        }
    }))
    .await;
    assert_eq!(claimed.iter().sum::<u32>(), 9);
    assert_eq!(spendable(&world).await, Some(naira("5")));
    world.pool.close().await;
}

fn limit(payouts: Option<u32>, amount: Option<&str>) -> Limit {
    let allowance = Allowance { payouts, amount: amount.map(|amount| naira(amount).amount()) };
    Limit { currency: Currency::Ngn, allowance }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_limit_of_the_batch_leaves_the_rest_to_the_next_one(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 2).await;
    approved(&mut world, &payees[0], &["10", "10", "10"]).await;
    approved(&mut world, &payees[1], &["10"]).await;
    let limits = Limits { batch: vec![limit(Some(2), None)], ..Limits::default() };
    rules::set_limits(&world.pool, &limits, &ada(), world.now).await.unwrap();
    let batch = world.batch().await;
    // In chunks or at once: the limit is the batch's.
    while batches::claim_chunk(&world.pool, batch, 1, world.now).await.unwrap().more {}
    batches::close(&world.pool, batch, world.now).await.unwrap();
    let closed = batches::get(&world.pool, batch).await.unwrap().unwrap();
    assert_eq!((closed.payouts, closed.sums), (2, vec![naira("20")]));
    let waits = "SELECT count(*) FROM payouts WHERE status = 'APPROVED' AND held = 'limit'";
    assert_eq!(world.count(waits).await, 2);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'funding_short'").await, 0);
    world.pass(seconds(60));
    assert_eq!(world.release().await, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_limit_of_the_day_ends_at_local_midnight(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = &payees(&world, 1).await[0];
    approved(&mut world, payee, &["30", "30", "30"]).await;
    let limits =
        Limits { day: vec![limit(None, Some("60"))], zone: chrono_tz::Africa::Lagos, ..Limits::default() };
    rules::set_limits(&world.pool, &limits, &ada(), world.now).await.unwrap();
    assert_eq!(world.release().await, 2);
    // It began at 09:00 UTC; midnight in Lagos is 23:00 UTC.
    world.pass(TimeDelta::hours(13));
    assert_eq!(world.release().await, 0);
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.release().await, 1);
}

/// How long it takes is the machine's; that it takes ten short transactions is ours. `--no-capture` tells the time.
#[sqlx::test(migrations = "../migrations")]
async fn ten_thousand_are_claimed_once_each_in_ten_chunks(pool: PgPool) {
    const PAYOUTS: i64 = 10_000;
    let world = World::new(&pool).crowd(4).await;
    let payees = payees(&world, 20).await;
    let providers: Vec<sqlx::types::Uuid> = payees.iter().map(|payee| payee.id.uuid()).collect();
    let asked = "INSERT INTO payouts (id, provider_id, bank_account_id, amount, currency, risk, requested_at, updated_at)
                 SELECT gen_random_uuid(), b.provider_id, b.id, 100, 'NGN', 'auto', $2, $2
                 FROM generate_series(1, $1 / 20) n CROSS JOIN bank_accounts b WHERE b.provider_id = ANY($3)";
    sqlx::query(asked).bind(PAYOUTS).bind(world.now).bind(&providers).execute(&world.pool).await.unwrap();
    let approved = "UPDATE payouts SET status = 'APPROVED', approved_at = $1, approved_by = 'admin:ada'";
    sqlx::query(approved).bind(world.now).execute(&world.pool).await.unwrap();
    wallet(&world, Some("100000000")).await;
    let batch = world.batch().await;
    let began = std::time::Instant::now();
    // Two workers carry the same batch, and one of them dies after its third chunk.
    let carry = async |chunks: usize| {
        let mut claimed = 0;
        for _ in 0..chunks {
            let chunk = batches::claim_chunk(&world.pool, batch, 1000, world.now).await.unwrap();
            claimed += chunk.claimed;
            if !chunk.more {
                break;
            }
        }
        claimed
    };
    let (one, other) = tokio::join!(carry(3), carry(100));
    eprintln!("claimed {PAYOUTS} in {} ms", began.elapsed().as_millis());
    assert_eq!(i64::from(one + other), PAYOUTS);
    assert_eq!(i64::from(batches::close(&world.pool, batch, world.now).await.unwrap()), PAYOUTS);
    let released = "SELECT count(DISTINCT payout_id) FROM outbox WHERE signal = 'release'";
    assert_eq!(world.count(released).await, PAYOUTS);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'release'").await, PAYOUTS);
    assert_eq!(world.count("SELECT count(*) FROM payouts WHERE status = 'PROCESSING'").await, PAYOUTS);
    world.pool.close().await;
}

/// What a pause keeps from every batch needs no money, and finance is not told that it does.
#[sqlx::test(migrations = "../migrations")]
async fn the_forecast_leaves_out_who_is_paused_or_suspended(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 3).await;
    for payee in &payees {
        approved(&mut world, payee, &["10"]).await;
    }
    wallet(&world, Some("1000")).await;
    let needed = async |world: &World| {
        let waiting = store::forecast::waiting(&world.pool, world.now).await.unwrap();
        let asked = store::funds::asked(&world.pool, world.now).await.unwrap();
        let of =
            waiting.first().map(|(waiting, _)| (waiting.payouts, waiting.amount.normalize().to_string()));
        assert_eq!(asked.first().map(|asked| asked.payouts), of.as_ref().map(|(payouts, _)| *payouts));
        of
    };
    world.pass(seconds(1));
    assert_eq!(needed(&world).await, Some((3, "30".to_owned())));
    let what = store::pauses::Paused::Provider(payees[0].id);
    store::pauses::pause(&world.pool, &what, "look", &ada(), world.now).await.unwrap();
    world.suspend(&payees[1]).await;
    assert_eq!(needed(&world).await, Some((1, "10".to_owned())));
}

/// Everybody has had one before anybody has two, however many chunks that takes.
#[sqlx::test(migrations = "../migrations")]
async fn the_turns_go_on_from_chunk_to_chunk(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 3).await;
    let first = approved(&mut world, &payees[0], &["1", "1"]).await;
    let second = approved(&mut world, &payees[1], &["1", "1"]).await;
    let last = approved(&mut world, &payees[2], &["1"]).await;
    let batch = world.batch().await;
    wallet(&world, Some("1000")).await;
    world.pass(seconds(1));
    for _ in 0..3 {
        batches::claim_chunk(&world.pool, batch, 1, world.now).await.unwrap();
    }
    for payout in [first[0], second[0], last[0]] {
        assert_eq!(world.payout(payout).await.batch, Some(batch));
    }
    for payout in [first[1], second[1]] {
        assert_eq!(world.payout(payout).await.batch, None);
    }
}

/// Two windows gave them nothing for want of money, and one left out everybody: the next still counts as their third.
#[sqlx::test(migrations = "../migrations")]
async fn a_window_during_a_pause_forgets_nobody_who_was_passed_over(pool: PgPool) {
    let mut world = World::new(&pool);
    let payees = payees(&world, 1).await;
    let waits = approved(&mut world, &payees[0], &["90"]).await;
    let counts = "SELECT coalesce(max(windows), 0)::bigint FROM passed_over";
    for paused in [false, true, false] {
        store::control::set_paused(&world.pool, paused, "look", &ada(), world.now).await.unwrap();
        let batch = window(&mut world).await;
        wallet(&world, Some("4")).await;
        while batches::claim_chunk(&world.pool, batch, 100, world.now).await.unwrap().more {}
        batches::close(&world.pool, batch, world.now).await.unwrap();
        assert_eq!(world.status(waits[0]).await, domain::PayoutStatus::Approved);
    }
    assert_eq!(world.count(counts).await, 2);
}
