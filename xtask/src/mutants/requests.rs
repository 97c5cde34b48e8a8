//! What people and programs ask for, once or again.

use super::{CaughtBy, Mutant, Tests};

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "key-ignored",
        breaks: "a request that is sent again makes a second payout",
        file: "store/src/payouts/request.rs",
        edits: &[("    if inserted == 1 {\n", "    if inserted <= 1 {\n")],
        caught_by: CaughtBy::Tests {
            of: Tests::Integration,
            filter: "package(store) & test(/^requests::/) | package(api) & test(/^idempotency::/)",
        },
    },
    Mutant {
        name: "webhook-heard-twice",
        breaks: "the same webhook wakes its payout again",
        file: "store/src/inbox.rs",
        edits: &[("    if inserted == 0 {\n", "    if inserted > 1 {\n")],
        caught_by: CaughtBy::Tests { of: Tests::Integration, filter: "package(store) & test(/^webhooks::/)" },
    },
    Mutant {
        name: "cancelled-after-the-claim",
        breaks: "a payout that a batch has taken is cancelled",
        file: "store/src/payouts/cancel.rs",
        edits: &[
            (
                "    payout.status.after(PayoutEvent::Cancel).is_ok() && !may_pay\n",
                "    let _ = payout;\n    !may_pay\n",
            ),
            (
                "WHERE id = $1 AND status = $2 AND status IN ('REQUESTED', 'APPROVED')\"",
                "WHERE id = $1 AND $2::text IS NOT NULL\"",
            ),
        ],
        caught_by: CaughtBy::Tests {
            of: Tests::Integration,
            filter: "package(store) & test(/^(races|decisions|who_won)::/)",
        },
    },
];
