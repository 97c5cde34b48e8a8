//! Makes a failing world small: fewer payouts, fewer faults, another seed with less to it.

use crate::{
    coverage::Fault,
    fleet::seed_of,
    world::{Outcome, Setting, run},
};

/// Other worlds that are tried with the faults that were found to matter.
const OTHER_SEEDS: u64 = 2_000;

/// The smallest failing world that was found, with its trace.
pub fn smallest(failing: Setting) -> Outcome {
    let mut best = failing;
    let mut size = size(best).unwrap_or(u64::MAX);
    let mut keep_if_smaller = |candidate: Setting, best: &mut Setting| {
        if let Some(smaller) = self::size(candidate).filter(|smaller| *smaller <= size) {
            size = smaller;
            *best = candidate;
        }
    };
    // Without a fault, one after the other: those that stay matter.
    for fault in 0..Fault::COUNT {
        keep_if_smaller(Setting { without: best.without | 1 << fault, ..best }, &mut best);
    }
    for payouts in [1, 2, 3, 5, 8] {
        keep_if_smaller(Setting { payouts, ..best }, &mut best);
    }
    // The same trouble in a world with one or two payouts.
    for other in 0..OTHER_SEEDS {
        let payouts = 1 + u32::from(other >= OTHER_SEEDS / 2);
        let candidate = Setting { seed: seed_of(failing.seed, other), payouts, ..best };
        keep_if_smaller(candidate, &mut best);
    }
    for fault in 0..Fault::COUNT {
        keep_if_smaller(Setting { without: best.without | 1 << fault, ..best }, &mut best);
    }
    run(Setting { traced: true, ..best })
}

/// How much happened before it broke; `None` where it did not.
fn size(setting: Setting) -> Option<u64> {
    let outcome = run(setting);
    outcome.broken.map(|_| outcome.payouts * 1_000_000 + outcome.events)
}
