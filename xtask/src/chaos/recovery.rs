//! How soon payouts went on after each blow.
//!
//! Measured for every payout that was open when the blow fell: the time from the moment it could go on (the new process was
//! spawned, SIGCONT was sent), or from the moment its own timer was due if that was later, to the next thing that was written
//! down about it. Payouts that waited for a person are counted apart: their next step is that person's. One whose workflow was
//! terminated and has not been started again is counted under that, not under what fell meanwhile. While the restored database has
//! everything paused nobody can go on: then the time begins when it was resumed; and what is approved waits for the next window.

use std::collections::{BTreeMap, BTreeSet};

use super::strikes::{Blow, Record, TERMINATE};

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    pub kind: String,
    pub on: String,
    pub blows: usize,
    /// Sorted, in milliseconds, each with its payout.
    pub times: Vec<(i64, String)>,
    /// Payouts that waited for a person.
    pub for_a_person: usize,
    /// Payouts of which nothing was written down any more.
    pub never: Vec<String>,
}

impl Recovery {
    pub fn median(&self) -> Option<i64> {
        self.times.get(self.times.len().div_euclid(2)).map(|(time, _)| *time)
    }

    pub fn worst(&self) -> Option<i64> {
        self.times.last().map(|(time, _)| *time)
    }
}

/// `window_millis`: how far apart windows are, if there are any. `resumed_at`: when a person resumed after the restore. `last` are the steps that the database knows at the end; those it was made to forget are in the record.
pub fn recoveries(
    record: &Record,
    window_millis: Option<i64>,
    resumed_at: Option<i64>,
    last: &[(String, i64)],
) -> Vec<Recovery> {
    let mut steps: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (payout, at) in record.steps.iter().chain(last) {
        steps.entry(payout).or_default().push(*at);
    }
    for moments in steps.values_mut() {
        moments.sort_unstable();
    }
    let mut lines: BTreeMap<(&str, &str), Recovery> = BTreeMap::new();
    for blow in &record.blows {
        let line = lines.entry((blow.kind, blow.on)).or_insert_with(|| Recovery {
            kind: blow.kind.to_owned(),
            on: blow.on.to_owned(),
            ..Recovery::default()
        });
        line.blows = line.blows.saturating_add(1);
        let is_without_workflow = |payout: &str| {
            let waits = |other: &&Blow| {
                other.kind == TERMINATE
                    && other.back < blow.back
                    && other.open.iter().any(|met| met.id == payout)
                    && first_after(&steps, payout, other.back).is_none_or(|step| step >= blow.back)
            };
            record.blows.iter().any(|other| waits(&other))
        };
        let paused_until =
            resumed_at.filter(|_| record.restored_at.is_some_and(|restored| restored <= blow.back));
        let window = window_millis.and_then(|every| {
            // Windows are at multiples of their distance since midnight, so also since 1970.
            blow.back.checked_div(every)?.checked_add(1)?.checked_mul(every)
        });
        let waits = Waits { window, paused_until };
        count(line, blow, &steps, waits, is_without_workflow);
    }
    let mut lines: Vec<Recovery> = lines.into_values().collect();
    for line in &mut lines {
        line.times.sort_unstable();
    }
    lines
}

/// What else than its own timer a payout may wait for, and until when.
#[derive(Clone, Copy)]
struct Waits {
    window: Option<i64>,
    paused_until: Option<i64>,
}

/// Those that took longer than this, slowest first: what fell, how long it took, and the payout, once.
pub fn slower_than(lines: &[Recovery], limit_millis: i64) -> Vec<(String, i64, String)> {
    let all =
        lines.iter().flat_map(|line| line.times.iter().map(move |(time, payout)| (line, *time, payout)));
    let mut slow: Vec<_> = all.filter(|(_, time, _)| *time > limit_millis).collect();
    slow.sort_by_key(|(_, time, _)| std::cmp::Reverse(*time));
    let mut told = BTreeSet::new();
    slow.retain(|(_, _, payout)| told.insert(payout.as_str()));
    slow.into_iter()
        .map(|(line, time, payout)| (format!("{} of {}", line.kind, line.on), time, payout.clone()))
        .collect()
}

fn first_after(steps: &BTreeMap<&str, Vec<i64>>, payout: &str, moment: i64) -> Option<i64> {
    steps.get(payout)?.iter().copied().find(|at| *at >= moment)
}

fn count(
    line: &mut Recovery,
    blow: &Blow,
    steps: &BTreeMap<&str, Vec<i64>>,
    waits: Waits,
    is_without_workflow: impl Fn(&str) -> bool,
) {
    for payout in blow.open.iter().filter(|payout| !is_without_workflow(&payout.id)) {
        if payout.is_for_a_person {
            line.for_a_person = line.for_a_person.saturating_add(1);
            continue;
        }
        match first_after(steps, &payout.id, blow.back) {
            Some(next) => {
                let window = waits.window.filter(|window| payout.is_approved && *window < next);
                let resumed = waits.paused_until.filter(|resumed| *resumed < next);
                let could = [payout.due, window, resumed].into_iter().flatten().fold(blow.back, i64::max);
                line.times.push((next.saturating_sub(could).max(0), payout.id.clone()));
            }
            None => line.never.push(payout.id.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::OpenPayout;
    use super::*;

    #[test]
    fn a_recovery_begins_when_the_payout_could_go_on() {
        let open = |id: &str, due, is_for_a_person| OpenPayout {
            id: id.to_owned(),
            due,
            is_approved: false,
            is_for_a_person,
        };
        let blow = Blow {
            kind: "SIGKILL",
            on: "worker 1",
            at: 1_000,
            back: 2_000,
            open: vec![
                open("a", None, false),
                open("b", Some(5_000), false),
                open("c", None, true),
                open("d", None, false),
            ],
        };
        let record = Record { blows: vec![blow], ..Record::default() };
        let step = |id: &str, at| (id.to_owned(), at);
        let last = [step("a", 1_500), step("a", 2_700), step("a", 9_000), step("b", 5_200), step("c", 3_000)];
        let lines = recoveries(&record, None, None, &last);
        assert_eq!(lines[0].times, [(200, "b".to_owned()), (700, "a".to_owned())]);
        assert_eq!((lines[0].for_a_person, lines[0].never.as_slice()), (1, ["d".to_owned()].as_slice()));
    }
}
