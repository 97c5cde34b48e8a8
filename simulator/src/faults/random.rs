//! Faults by chance, the same ones for the same seed.
//!
//! Guarantee: whether a fault strikes depends on the seed, the kind, the reference and how often that reference
//! was posted, and on nothing else; so a run with the same references meets the same faults however its requests
//! interleave.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::fault::{Fault, Stage};
use crate::settings::Random;

/// Rates are compared in millionths.
const PARTS: u64 = 1_000_000;

/// The fault of this stage that strikes, if any; the first in order of name wins.
pub(crate) fn draw(random: &Random, stage: Stage, reference: &str, nth: u64) -> Option<Fault> {
    random.rates.iter().find_map(|(kind, rate)| {
        if roll(random.seed, kind, reference, nth) >= parts(*rate) {
            return None;
        }
        Fault::with_defaults(kind).ok().filter(|fault| fault.stage() == stage)
    })
}

fn parts(rate: Decimal) -> u64 {
    rate.saturating_mul(Decimal::from(PARTS)).to_u64().unwrap_or(0)
}

fn roll(seed: u64, kind: &str, reference: &str, nth: u64) -> u64 {
    let mut mixed = mix(seed);
    for text in [kind, reference] {
        mixed = mix(mixed ^ stable_hash(text.as_bytes()));
    }
    mix(mixed ^ nth).checked_rem(PARTS).unwrap_or(0)
}

/// FNV-1a: the standard library's hasher promises no stability between releases.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finishing steps of `SplitMix64`: every bit of the input reaches every bit of the output.
pub(crate) const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rate: &str) -> Random {
        let rate = Decimal::from_str_exact(rate).unwrap();
        Random { seed: 7, rates: [("reset_after".to_owned(), rate)].into() }
    }

    fn strikes(random: &Random) -> usize {
        (0..1000).filter(|n| draw(random, Stage::Answer, &format!("ref-{n}"), 0).is_some()).count()
    }

    #[test]
    fn the_rate_is_kept_roughly_and_its_ends_exactly() {
        assert_eq!(strikes(&rates("0")), 0);
        assert_eq!(strikes(&rates("1")), 1000);
        let tenth = strikes(&rates("0.1"));
        assert!((60..140).contains(&tenth), "{tenth}");
    }

    #[test]
    fn the_same_seed_strikes_the_same_references() {
        let random = rates("0.5");
        for n in 0..100 {
            let reference = format!("ref-{n}");
            let first = draw(&random, Stage::Answer, &reference, 0);
            assert_eq!(first, draw(&random, Stage::Answer, &reference, 0));
        }
        assert!(draw(&rates("1"), Stage::Course, "ref", 0).is_none(), "another stage");
    }
}
