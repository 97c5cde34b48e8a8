//! Many worlds on a few threads. What comes out is a function of the plan, not of how many threads carried it out.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    coverage::Coverage,
    world::{Ends, Outcome, Setting, run},
};

/// How much, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// At least so many payouts; the last worlds may add a few.
    pub payouts: u64,
    pub seed: u64,
    pub threads: usize,
}

/// What many worlds came to.
#[derive(Debug, Default)]
pub struct Fleet {
    pub payouts: u64,
    pub worlds: u64,
    pub events: u64,
    pub postings: u64,
    pub ends: Ends,
    pub paid_twice: u64,
    pub found: u64,
    pub coverage: Coverage,
    pub took: Duration,
    /// The first world that broke, by number.
    pub broken: Option<Box<Outcome>>,
    broken_number: u64,
}

/// Worlds that one thread takes at a time.
const CHUNK: u64 = 16;
/// Roughly; how many worlds there are is decided by this alone, so that it is the same for every number of threads.
const PAYOUTS_PER_WORLD: u64 = 16;

/// The seed of a world: any two differ in about half their bits.
pub fn seed_of(seed: u64, world: u64) -> u64 {
    let mut mixed = seed ^ world.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Runs worlds until there were enough payouts, or one of them broke.
pub fn sail(plan: Plan) -> Fleet {
    let started = Instant::now();
    let mut fleet = Fleet::default();
    let mut next = 0;
    while fleet.payouts < plan.payouts && fleet.broken.is_none() {
        let missing = plan.payouts - fleet.payouts;
        let round = missing.div_ceil(PAYOUTS_PER_WORLD).next_multiple_of(CHUNK);
        let taken = AtomicU64::new(next);
        let stop = AtomicBool::new(false);
        let until = next + round;
        let parts: Vec<Fleet> = thread::scope(|scope| {
            let crews: Vec<_> = (0..plan.threads.max(1))
                .map(|_| scope.spawn(|| crew(plan.seed, &taken, until, &stop)))
                .collect();
            crews.into_iter().map(|crew| crew.join().unwrap_or_default()).collect()
        });
        next = until;
        for part in parts {
            fleet.add(part);
        }
    }
    fleet.took = started.elapsed();
    fleet
}

fn crew(seed: u64, taken: &AtomicU64, until: u64, stop: &AtomicBool) -> Fleet {
    let mut fleet = Fleet::default();
    while !stop.load(Ordering::Relaxed) {
        let from = taken.fetch_add(CHUNK, Ordering::Relaxed);
        if from >= until {
            break;
        }
        for world in from..(from + CHUNK).min(until) {
            fleet.take(run(Setting::of(seed_of(seed, world))), world);
            if fleet.broken.is_some() {
                stop.store(true, Ordering::Relaxed);
                return fleet;
            }
        }
    }
    fleet
}

impl Fleet {
    fn take(&mut self, outcome: Outcome, number: u64) {
        self.payouts += outcome.payouts;
        self.worlds += 1;
        self.events += outcome.events;
        self.postings += outcome.postings;
        self.ends.add(outcome.ends);
        self.paid_twice += outcome.paid_twice;
        self.found += outcome.found;
        self.coverage.add(&outcome.coverage);
        if outcome.broken.is_some() {
            self.broken = Some(Box::new(outcome));
            self.broken_number = number;
        }
    }

    fn add(&mut self, part: Self) {
        self.payouts += part.payouts;
        self.worlds += part.worlds;
        self.events += part.events;
        self.postings += part.postings;
        self.ends.add(part.ends);
        self.paid_twice += part.paid_twice;
        self.found += part.found;
        self.coverage.add(&part.coverage);
        if let Some(broken) = part.broken
            && (self.broken.is_none() || part.broken_number < self.broken_number)
        {
            self.broken = Some(broken);
            self.broken_number = part.broken_number;
        }
    }
}

impl Ends {
    fn add(&mut self, other: Self) {
        self.completed += other.completed;
        self.rejected += other.rejected;
        self.cancelled += other.cancelled;
        self.refunded += other.refunded;
        self.reversed += other.reversed;
    }
}
