//! Chance, all of it from one seed, and which faults a world suffers.

use fastrand::Rng;

use crate::coverage::{Coverage, Fault};

const OFTEN_TRIED: [Fault; 5] =
    [Fault::WorkerDies, Fault::HistoryLost, Fault::LookFails, Fault::Unrecognised, Fault::Disagrees];

/// One number per chance; a fault that is switched off draws as many, so that a smaller world stays like the larger one.
#[derive(Debug)]
pub(crate) struct Dice {
    rng: Rng,
    /// Of 65,536.
    odds: [u32; Fault::COUNT],
    off: bool,
    pub(crate) coverage: Coverage,
}

impl Dice {
    /// `without`: one bit per fault that never happens.
    pub(crate) fn new(seed: u64, without: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut odds = [0; Fault::COUNT];
        // Some worlds are nearly well, most suffer a few things often: what is rare everywhere is found by neither.
        for (slot, odds) in odds.iter_mut().enumerate() {
            let level = rng.u32(0..10);
            // What hits every part of every step must leave some of them alone.
            let rare = OFTEN_TRIED.iter().any(|fault| fault.slot() == slot);
            let drawn = match level {
                0..=2 => 0,
                3..=5 => 655,
                6..=7 => 3_277,
                8 => {
                    if rare {
                        3_277
                    } else {
                        9_830
                    }
                }
                _ => {
                    if rare {
                        3_277
                    } else {
                        22_938
                    }
                }
            };
            *odds = if without >> slot & 1 == 1 { 0 } else { drawn };
        }
        Self { rng, odds, off: false, coverage: Coverage::default() }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.off = true;
    }

    pub(crate) fn hits(&mut self, fault: Fault) -> bool {
        let hit = self.rng.u32(0..65_536) < self.odds[fault.slot()] && !self.off;
        if hit {
            self.coverage.fault(fault);
        }
        hit
    }

    /// Where this fault happens at all, one time in three.
    pub(crate) fn hits_often(&mut self, fault: Fault) -> bool {
        let hit = self.rng.u32(0..3) == 0 && self.odds[fault.slot()] > 0 && !self.off;
        if hit {
            self.coverage.fault(fault);
        }
        hit
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.rng.u32(0..n.max(1))
    }

    /// Milliseconds.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        self.rng.i64(least..=most)
    }

    /// Milliseconds, every order of magnitude as likely.
    pub(crate) fn span(&mut self, least: i64, most: i64) -> i64 {
        let doublings = i64::from((most / least.max(1)).max(1).ilog2());
        let base = least << self.rng.i64(0..=doublings);
        self.rng.i64(base..=(base * 2).max(base + 1)).min(most)
    }
}
