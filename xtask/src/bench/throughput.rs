//! How many payouts go through: so many at once, each asked for when an earlier one has ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use super::crowd::{Crowd, EACH, SLOWLY, Trusted};
use super::latency::{Steps, medians, steps_of};
use super::watch::Watch;
use crate::http::needed;
use crate::moment;
use crate::progress;

pub const IN_FLIGHT: usize = 64;

/// Numbers of providers that the measurement of latency does not use.
const FIRST_PROVIDER: usize = 10_000;

#[derive(Clone, Debug)]
pub struct Throughput {
    pub payouts: usize,
    /// From the first request to the last confirmation, by the records of the payouts.
    pub millis: i64,
    pub median_millis: i64,
    pub worst_millis: i64,
    /// Where the time of each goes.
    pub steps: Steps,
}

pub fn measure(crowd: &Crowd, payouts: usize) -> Result<Throughput> {
    let count = payouts.div_ceil(EACH);
    let numbers: Vec<usize> = (0..count).collect();
    let providers = progress::step(&format!("{count} providers become trusted first"), || {
        in_parallel(&numbers, |number| crowd.trusted(FIRST_PROVIDER.saturating_add(*number)))
    })?;
    let asks: Vec<(&Trusted, usize)> = (0..EACH)
        .flat_map(|round| providers.iter().map(move |provider| (provider, round)))
        .take(payouts)
        .collect();
    let watch = Watch::default();
    let paid = thread::scope(|scope| {
        let looking = scope.spawn(|| watch.look(&crowd.admin));
        let paid = in_parallel(&asks, |(provider, round)| {
            let payout = provider.ask(&format!("load-{round}"))?;
            watch.until_ended(&payout)?;
            Ok(payout)
        });
        watch.end();
        looking.join().map_err(|_| anyhow!("the watch panicked"))??;
        paid
    })?;
    // What took how long is in the records, and read when nothing is measured any more.
    let done = in_parallel(&paid, |payout| {
        let detail = crowd.until_completed(payout, SLOWLY)?;
        let at = |place: &str| moment::parse(needed(&detail, place)?).context("a moment");
        Ok(((at("/payout/requested_at")?, at("/payout/completed_at")?), steps_of(&detail)))
    })?;
    let (times, moments): (Vec<(i64, i64)>, Vec<Vec<i64>>) = done.into_iter().unzip();
    let first = times.iter().map(|(requested, _)| *requested).min().unwrap_or_default();
    let last = times.iter().map(|(_, completed)| *completed).max().unwrap_or_default();
    let mut each: Vec<i64> =
        times.iter().map(|(requested, completed)| completed.saturating_sub(*requested)).collect();
    each.sort_unstable();
    Ok(Throughput {
        payouts,
        millis: last.saturating_sub(first),
        median_millis: each.get(each.len().div_euclid(2)).copied().unwrap_or_default(),
        worst_millis: each.last().copied().unwrap_or_default(),
        steps: medians(&moments),
    })
}

/// Works on everything with [`IN_FLIGHT`] threads; the first failure ends it.
pub fn in_parallel<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let one_after_another = || -> Result<Vec<R>> {
        let mut done = vec![];
        while let Some(item) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            match work(item) {
                Ok(result) => done.push(result),
                Err(error) => {
                    next.store(all.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(one_after_another)).collect();
        let mut done = vec![];
        for thread in threads {
            done.extend(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        Ok(done)
    })
}

impl Throughput {
    /// Payouts per second, in tenths.
    pub fn per_second_tenths(&self) -> i64 {
        let payouts = i64::try_from(self.payouts).unwrap_or(i64::MAX);
        payouts.saturating_mul(10_000).checked_div(self.millis).unwrap_or_default()
    }
}
