//! The database's guards: statements, locks, constraints.

use super::{CaughtBy, Mutant, Tests};

/// The store's tests whose names this picks.
macro_rules! tests {
    ($filter:literal) => {
        CaughtBy::Tests { of: Tests::Integration, filter: concat!("package(store) & test(", $filter, ")") }
    };
}

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "two-open-attempts",
        breaks: "the last line of defence: one attempt per payout that may pay",
        file: "migrations/0005_attempts.sql",
        edits: &[(
            "CREATE UNIQUE INDEX attempts_one_open ON attempts",
            "CREATE INDEX attempts_one_open ON attempts",
        )],
        caught_by: tests!("/^guards::/"),
    },
    Mutant {
        name: "pause-skipped",
        breaks: "an attempt begins while everything is paused",
        file: "store/src/control.rs",
        edits: &[(
            "    if paused {\n        return Ok(Hold::Paused);",
            "    if paused && payout.uuid().is_nil() {\n        return Ok(Hold::Paused);",
        )],
        caught_by: tests!("/^(control|begin|sends)::/"),
    },
    Mutant {
        name: "claimed-whatever-the-status",
        breaks: "a batch takes payouts that are not approved",
        file: "store/src/batches/claim.rs",
        edits: &[
            (
                "                 WHERE p.status = 'APPROVED' AND p.approved_at <= $2\n",
                "                 WHERE p.approved_at <= $2\n",
            ),
            (
                "         WHERE p.status = 'APPROVED'\n         ORDER BY n.place\n",
                "         ORDER BY n.place\n",
            ),
            (
                "               WHERE p.id = n.id AND p.status = 'APPROVED'\n               RETURNING p.id, p.provider_id, p.bank_account_id, p.amount, p.currency, n.place\n",
                "               WHERE p.id = n.id\n               RETURNING p.id, p.provider_id, p.bank_account_id, p.amount, p.currency, n.place\n",
            ),
        ],
        caught_by: tests!("/^(windows|races|begin)::/"),
    },
    Mutant {
        name: "closed-batch-claims",
        breaks: "a batch that was closed goes on taking payouts",
        file: "store/src/batches/claim.rs",
        edits: &[(
            "WHERE id = $1 AND status = 'OPEN' FOR NO KEY UPDATE\"",
            "WHERE id = $1 FOR NO KEY UPDATE\"",
        )],
        caught_by: tests!("/^windows::/"),
    },
    Mutant {
        name: "lease-ignored",
        breaks: "an attempt is sent by a second sender while the first is at it",
        file: "store/src/attempts/send.rs",
        edits: &[
            (
                "(a.status = 'SUBMITTING' AND a.sends = 0) OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend) AS \"sendable!\",",
                "(a.status = 'SUBMITTING') OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend) AS \"sendable!\",",
            ),
            (
                "AND ((a.status = 'SUBMITTING' AND a.sends = 0) OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend))\n             AND (a.send_deadline IS NULL OR a.send_deadline <= $4)\n",
                "AND ((a.status = 'SUBMITTING') OR (a.status IN ('SUBMITTING', 'UNKNOWN') AND a.resend))\n",
            ),
        ],
        caught_by: tests!("/^(sends|races)::/"),
    },
    Mutant {
        name: "late-sender-believed",
        breaks: "the answer to a send whose lease has passed on counts for the next one's",
        file: "store/src/attempts/send.rs",
        edits: &[(
            "    match if leases == lease.number { means } else { judge::overtaken(means) } {",
            "    match if leases >= lease.number { means } else { judge::overtaken(means) } {",
        )],
        caught_by: tests!("/^sends::/"),
    },
    Mutant {
        name: "refund-without-proof",
        breaks: "the money is given back before every attempt was looked at again",
        file: "store/src/manual.rs",
        edits: &[(
            "        return Ok(Acted::NotProven { reason: unproven.to_string() });",
            "        tracing::info!(\"{unproven}\");",
        )],
        caught_by: tests!("/^(manual|races|late_success)::/"),
    },
    Mutant {
        name: "refund-whatever-the-status",
        breaks: "a payout whose retry is due is refunded",
        file: "store/src/manual.rs",
        edits: &[
            (
                "    payout.status.after(event).is_ok() && payout.needs_attention\n",
                "    payout.status.after(event).is_ok()\n",
            ),
            (
                "AND status = 'FAILED' AND needs_attention AND refunded_at IS NULL AND next_attempt_at IS NULL\"",
                "AND status = 'FAILED'\"",
            ),
        ],
        caught_by: tests!("/^(manual|races)::/"),
    },
    Mutant {
        name: "debt-not-recovered",
        breaks: "what a provider owes is not taken from what becomes free",
        file: "store/src/debt.rs",
        edits: &[(
            "    if owes { recover(conn, provider, currency, cause, None, now).await } else { Ok(()) }",
            "    if owes && cause.is_empty() { recover(conn, provider, currency, cause, None, now).await } else { Ok(()) }",
        )],
        caught_by: tests!("/^(debt|adjustments)::/"),
    },
    Mutant {
        name: "signals-out-of-order",
        breaks: "a payout's later signal overtakes an earlier one",
        file: "store/src/outbox.rs",
        edits: &[(
            "                     WHERE older.payout_id = o.payout_id AND older.id < o.id\n",
            "                     WHERE older.payout_id = o.payout_id AND older.id < o.id AND false\n",
        )],
        caught_by: tests!("/^outbox::/"),
    },
];
