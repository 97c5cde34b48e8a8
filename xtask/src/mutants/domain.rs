//! The rules.

use super::{CaughtBy, Mutant, Tests};

/// The run that `cargo xtask test` has too.
const SIMULATION: CaughtBy = CaughtBy::Simulation { payouts: 20_000, seed: 1 };

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "evidence-of-another",
        breaks: "a record that disagrees with what was asked for counts",
        file: "domain/src/judge.rs",
        edits: &[(
            "    if sighting.is_some_and(|sighting| sighting.disagreement(terms).is_some()) {",
            "    if sighting.is_some_and(|sighting| sighting.disagreement(terms).is_some()) && false {",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "absence-is-failure",
        breaks: "not found ends an attempt, and a new reference follows",
        file: "domain/src/judge.rs",
        edits: &[(
            "                } else {\n                    Consequence::MayResend\n                }",
            "                } else {\n                    Consequence::Fail(Failure::observed(\"not found\"))\n                }",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "refused-again-is-proof",
        breaks: "a refusal of a re-send proves that the first send did not pay",
        file: "domain/src/judge.rs",
        edits: &[(
            "        Submitted::Declined(failure) if status == AttemptStatus::Submitting && sends == 1 => {",
            "        Submitted::Declined(failure) => {",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "sent-twice-at-once",
        breaks: "what may still be on its way is sent again",
        file: "domain/src/judge.rs",
        edits: &[(
            "                let on_its_way = self.may_be_on_its_way(now);",
            "                let on_its_way = false;",
        )],
        caught_by: CaughtBy::Tests {
            of: Tests::Integration,
            filter: "package(store) & test(/^sends::what_may_still_be_on_its_way/)",
        },
    },
    Mutant {
        name: "late-success-ignored",
        breaks: "a failed attempt that pays after all is evidence only",
        file: "domain/src/judge.rs",
        edits: &[(
            "            AttemptStatus::Failed => Consequence::Late(late(around)),\n            AttemptStatus::Succeeded if",
            "            AttemptStatus::Failed => Consequence::Nothing,\n            AttemptStatus::Succeeded if",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "sent-again-beside-a-late-success",
        breaks: "an open attempt is sent again although an earlier one has paid after all",
        file: "domain/src/judge.rs",
        edits: &[("    } else if other == OtherAttempt::Paid {", "    } else if false {")],
        caught_by: CaughtBy::Tests {
            of: Tests::Integration,
            filter: "package(store) & test(/^late_success::nothing_is_sent_again/)",
        },
    },
    Mutant {
        name: "reversed-at-first-sight",
        breaks: "one answer gives a paid transfer back to the provider",
        file: "domain/src/judge.rs",
        edits: &[(
            "            None => Consequence::ReversalSeen,",
            "            None => Consequence::Reverse,",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "begin-without-proof",
        breaks: "another attempt begins although an earlier one may pay",
        file: "domain/src/judge.rs",
        edits: &[(
            "        Err(unproven) => Gate::LookFirst(unproven),",
            "        Err(_) => AttemptNumber::new(made.saturating_add(1)).map_or(Gate::UsedUp, Gate::Begin),",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "stale-proof",
        breaks: "money moves on a failure that was seen long ago",
        file: "domain/src/judge.rs",
        edits: &[(
            "attempt.failed_seen_at.is_some_and(|seen| now.signed_duration_since(seen) <= FRESH)",
            "attempt.failed_seen_at.is_some_and(|seen| seen <= now)",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "overtaken-answer-believed",
        breaks: "the answer to a send whose lease has passed on counts for the next one's",
        file: "domain/src/judge.rs",
        edits: &[(
            "        AfterSend::Accepted { .. } => means,\n        AfterSend::Fail(_) | AfterSend::LoseSight { .. } | AfterSend::TakeBack | AfterSend::Nothing => {\n            AfterSend::Nothing\n        }",
            "        AfterSend::Accepted { .. }\n        | AfterSend::Fail(_)\n        | AfterSend::LoseSight { .. }\n        | AfterSend::TakeBack\n        | AfterSend::Nothing => means,",
        )],
        caught_by: SIMULATION,
    },
    Mutant {
        name: "owed-is-paid",
        breaks: "what is owed as debt stands in the way of another try and of a refund for ever",
        file: "domain/src/outcome.rs",
        edits: &[(
            "            AttemptStatus::Succeeded if self.excess => Ok(ProvenUnpaid { attempt: self.number }),",
            "            AttemptStatus::Succeeded if self.excess && self.sends == 0 => Ok(ProvenUnpaid { attempt: self.number }),",
        )],
        caught_by: CaughtBy::Tests {
            of: Tests::Integration,
            filter: "package(store) & test(/^late_success::what_is_owed/)",
        },
    },
    Mutant {
        name: "doubted-proof",
        breaks: "a failure that the gateway does not confirm proves that nothing was paid",
        file: "domain/src/outcome.rs",
        edits: &[(
            "            AttemptStatus::Failed if self.failed_seen_at.is_some() && self.doubt.is_none() => {",
            "            AttemptStatus::Failed if self.failed_seen_at.is_some() => {",
        )],
        caught_by: SIMULATION,
    },
];
