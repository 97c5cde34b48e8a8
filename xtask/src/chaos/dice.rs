//! Chance that a seed repeats: `SplitMix64`.
//!
//! Each use has dice of its own, made from the seed and a name, so that what one thread draws does not depend on how fast
//! another is.

/// Rates are in thousandths.
const THOUSAND: u64 = 1_000;

#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of this use.
    pub fn new(seed: u64, for_what: &str) -> Self {
        // FNV-1a of the name.
        let name = for_what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut dice = Self { state: seed ^ name };
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    /// From `least` to one less than `bound`.
    pub fn between(&mut self, least: u64, bound: u64) -> u64 {
        least.saturating_add(self.below(bound.saturating_sub(least)))
    }

    /// Happens so many times in a thousand.
    pub fn happens(&mut self, thousandths: u64) -> bool {
        self.below(THOUSAND) < thousandths
    }

    /// One of them.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(all.len()).unwrap_or(u64::MAX));
        all.get(usize::try_from(index).unwrap_or_default())
    }

    /// In another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1));
            all.swap(last, usize::try_from(other).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_repeat_and_others_differ() {
        let draw = |seed, name| {
            let mut dice = Dice::new(seed, name);
            [dice.below(1_000_000), dice.below(1_000_000)]
        };
        assert_eq!(draw(1, "plan"), draw(1, "plan"));
        assert_ne!(draw(1, "plan"), draw(2, "plan"));
        assert_ne!(draw(1, "plan"), draw(1, "admin"));
    }

    #[test]
    fn a_shuffle_loses_nothing() {
        let mut cards: Vec<u64> = (0..20).collect();
        Dice::new(3, "cards").shuffle(&mut cards);
        assert_ne!(cards, (0..20).collect::<Vec<u64>>());
        cards.sort_unstable();
        assert_eq!(cards, (0..20).collect::<Vec<u64>>());
    }
}
