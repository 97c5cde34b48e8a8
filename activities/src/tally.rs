//! What this process has done since it started, for the health line and the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Observed, Submitted};

/// The answers to a send, as the metrics name them.
const SENDS: [&str; 5] = ["accepted", "declined", "duplicate", "not_sent", "unknown"];
/// The verdicts of a look, as the metrics name them; the last: the gateway could not be asked.
const LOOKS: [&str; 7] =
    ["in_flight", "succeeded", "failed", "reversed", "not_found", "unrecognised", "not_asked"];

#[derive(Debug, Default)]
pub struct Tally {
    done: AtomicU64,
    failed: AtomicU64,
    recycled: AtomicU64,
    sends: [AtomicU64; SENDS.len()],
    looks: [AtomicU64; LOOKS.len()],
    transfers_under_way: AtomicU64,
    looks_under_way: AtomicU64,
    completed: AtomicU64,
}

/// A step that runs; it has ended when this is dropped, however it ends.
pub(crate) struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    pub(crate) fn count_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_send(&self, submitted: &Submitted) {
        let word = match submitted {
            Submitted::Accepted(_) => "accepted",
            Submitted::Declined(_) => "declined",
            Submitted::Duplicate => "duplicate",
            Submitted::NotSent(_) => "not_sent",
            Submitted::Unknown { .. } => "unknown",
        };
        count(&SENDS, &self.sends, word);
    }

    /// `None`: the gateway could not be asked.
    pub(crate) fn count_look(&self, observed: Option<&Observed>) {
        let word = match observed {
            Some(Observed::InFlight(_)) => "in_flight",
            Some(Observed::Succeeded(_)) => "succeeded",
            Some(Observed::Failed(_, _)) => "failed",
            Some(Observed::Reversed(_)) => "reversed",
            Some(Observed::NotFound) => "not_found",
            Some(Observed::Unrecognised { .. }) => "unrecognised",
            None => "not_asked",
        };
        count(&LOOKS, &self.looks, word);
    }

    pub(crate) fn begin_transfer(&self) -> UnderWay<'_> {
        UnderWay::begin(&self.transfers_under_way)
    }

    pub(crate) fn begin_look(&self) -> UnderWay<'_> {
        UnderWay::begin(&self.looks_under_way)
    }

    /// A look was the end of a payout that is paid.
    pub(crate) fn count_completed(&self) {
        self.completed.fetch_add(1, Ordering::Relaxed);
    }

    /// Transfers that run just now.
    pub fn transfers_under_way(&self) -> u64 {
        self.transfers_under_way.load(Ordering::Relaxed)
    }

    /// Look-ups that run just now.
    pub fn looks_under_way(&self) -> u64 {
        self.looks_under_way.load(Ordering::Relaxed)
    }

    /// Payouts that were seen to be paid by this process; one that was seen twice is two.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    /// The workers were made anew.
    pub fn count_recycled(&self) {
        self.recycled.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the workers were made anew.
    pub fn recycled(&self) -> u64 {
        self.recycled.load(Ordering::Relaxed)
    }

    /// Steps that answered.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Steps that asked to be tried again.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Sends by answer.
    pub fn sends(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        SENDS.iter().copied().zip(self.sends.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Looks by verdict.
    pub fn looks(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LOOKS.iter().copied().zip(self.looks.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

fn count(words: &[&str], counts: &[AtomicU64], word: &str) {
    if let Some((_, count)) = words.iter().zip(counts).find(|(one, _)| **one == word) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_counted_under_its_word() {
        let tally = Tally::default();
        tally.count_send(&Submitted::Duplicate);
        tally.count_send(&Submitted::Unknown { why: String::new() });
        tally.count_look(Some(&Observed::NotFound));
        tally.count_look(None);
        tally.count_look(None);
        let counted =
            |all: Vec<(&'static str, u64)>| all.into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>();
        assert_eq!(counted(tally.sends().collect()), [("duplicate", 1), ("unknown", 1)]);
        assert_eq!(counted(tally.looks().collect()), [("not_found", 1), ("not_asked", 2)]);
    }
}
