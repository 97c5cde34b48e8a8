//! What a person reads: a table, or how it broke.

use std::fmt::Write as _;

use crate::{
    coverage::{Fault, Mark},
    fleet::Fleet,
    world::{Outcome, Setting},
};

/// The run in one table.
pub fn table(fleet: &Fleet) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        let _infallible = writeln!(text, "{name:<48} {value:>14}");
    };
    row("payouts", &fleet.payouts);
    row("worlds", &fleet.worlds);
    row("events", &fleet.events);
    row("postings", &fleet.postings);
    row("ended: completed", &fleet.ends.completed);
    row("ended: rejected", &fleet.ends.rejected);
    row("ended: cancelled", &fleet.ends.cancelled);
    row("ended: refunded", &fleet.ends.refunded);
    row("ended: reversed", &fleet.ends.reversed);
    row("paid twice by a gateway that took back its word", &fleet.paid_twice);
    row("… found and booked as debt", &fleet.found);
    for fault in Fault::ALL {
        row(&format!("fault: {}", fault.words()), &fleet.coverage.of_fault(*fault));
    }
    for mark in Mark::ALL {
        row(mark.words(), &fleet.coverage.of(*mark));
    }
    let millis = u64::try_from(fleet.took.as_millis()).unwrap_or(u64::MAX).max(1);
    row("seconds", &format!("{}.{}", millis / 1000, millis % 1000 / 100));
    row("payouts a second", &(fleet.payouts * 1000 / millis));
    text
}

/// How a world broke, its last `most` lines, and how to see it again.
pub fn failure(outcome: &Outcome, most: usize) -> String {
    let mut text = String::new();
    let skipped = outcome.trace.len().saturating_sub(most);
    if skipped > 0 {
        let _infallible = writeln!(text, "… {skipped} lines before these; all of them: see the last line");
    }
    for line in outcome.trace.iter().skip(skipped) {
        let _infallible = writeln!(text, "{line}");
    }
    if let Some(broken) = &outcome.broken {
        let _infallible = writeln!(text, "\n{}", broken.0);
    }
    let _infallible = writeln!(text, "again: cargo xtask simulate {}", arguments(outcome.setting));
    text
}

fn arguments(setting: Setting) -> String {
    let mut text = format!("--world {}", setting.seed);
    if setting.payouts != u32::MAX {
        let _infallible = write!(text, " --at-most {}", setting.payouts);
    }
    if setting.without != 0 {
        let _infallible = write!(text, " --without {:#x}", setting.without);
    }
    text
}
