//! Many payouts at once on two workers: the rate, the order, the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::PayoutStatus;
use sqlx::PgPool;

use crate::stage::Stage;

/// Transfers a second over the whole fleet, as the settings say it.
const LIMIT: usize = 10;
const MANY: usize = 150;
const SINGLES: usize = 50;
const WINDOW: TimeDelta = TimeDelta::seconds(10);

/// One provider with many payouts, and others with one each: the limit holds over both workers, nobody stands behind the many, and
/// it ends. How near to the limit they come is a matter of the machine: `cargo xtask bench --herd` measures that, and the time.
#[sqlx::test(migrations = "../migrations")]
async fn a_herd_keeps_to_the_limit_over_two_workers_and_nobody_stands_behind_the_many(pool: PgPool) {
    let limit = LIMIT.to_string();
    let settings = [("PAYOUT_WORKER_RATE_LIMIT", limit.as_str()), ("PAYOUT_WORKER_CONCURRENCY", "16")];
    let mut stage = Stage::without_worker(&pool, &settings).await;
    let many = stage.another(2).await;
    let (mut payouts, mut singles) = (vec![], BTreeSet::new());
    for _ in 0..MANY {
        payouts.push(stage.approved(many, "100.00").await);
    }
    for number in 0..SINGLES {
        let provider = stage.another(100 + number).await;
        let payout = stage.approved(provider, "100.00").await;
        singles.insert(stage.reference(payout, 1));
        payouts.push(payout);
    }
    stage.start_worker();
    stage.start_second_worker();
    stage.run_batch().await;
    for payout in &payouts {
        stage.until_status(*payout, PayoutStatus::Completed).await;
    }

    let arrivals = stage.gateway.posts(None).await.unwrap().timeline;
    assert_eq!(arrivals.len(), MANY + SINGLES, "each was sent once");
    let mut moments: Vec<DateTime<Utc>> = arrivals.iter().map(|arrival| arrival.real_at).collect();
    moments.sort_unstable();
    let most = most_within(&moments, WINDOW);
    assert!(most <= 10 * LIMIT + LIMIT, "{most} within ten seconds");
    // In turns each of the 51 providers has its first among the first 51: a fair share. Twice that is what is promised.
    let places: BTreeMap<&str, usize> = arrivals
        .iter()
        .enumerate()
        .filter_map(|(place, post)| Some((post.reference.as_deref()?, place)))
        .collect();
    let mut waits: Vec<usize> = singles.iter().map(|reference| places[reference.as_str()]).collect();
    waits.sort_unstable();
    let p95 = waits[waits.len() * 95 / 100];
    assert!(
        p95 < 2 * (SINGLES + 1),
        "p95 of those with one payout is place {p95} of {}: {waits:?}",
        arrivals.len()
    );
    let span = moments[moments.len() - 1] - moments[0];
    eprintln!(
        "{} transfers in {span}, at most {most} within 10 s, p95 of the singles at place {p95}",
        moments.len()
    );
    stage.close("20000.00").await;
}

/// The most that any span of this length holds. `moments` are in order.
fn most_within(moments: &[DateTime<Utc>], span: TimeDelta) -> usize {
    let within = |first: usize| moments[first..].iter().take_while(|at| **at < moments[first] + span).count();
    (0..moments.len()).map(within).max().unwrap_or_default()
}
