//! The script's memory.

use super::{CaughtBy, Mutant, Tests};

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "signal-heard-twice",
        breaks: "a wake-up that is repeated is answered again",
        file: "workflows/src/payout/signals.rs",
        edits: &[(
            "        if self.has_heard(name, id) {\n            return false;",
            "        if self.has_heard(name, id) && id < 0 {\n            return false;",
        )],
        caught_by: CaughtBy::Tests {
            of: Tests::Unit,
            filter: "package(workflows) & test(/^payout::signals::/)",
        },
    },
    Mutant {
        name: "action-heard-as-a-hint",
        breaks: "what an admin did makes the script ask the gateway instead of looking at the row",
        file: "workflows/src/payout/waits.rs",
        edits: &[(
            "                Self::Outcome { .. } | Self::Retry { .. } | Self::Attention => Heard::Look,",
            "                Self::Outcome { .. } | Self::Retry { .. } | Self::Attention => Heard::Hint(AttemptNumber::FIRST),",
        )],
        caught_by: CaughtBy::Simulation { payouts: 20_000, seed: 1 },
    },
];
