//! What the gateway is understood to have said, and whose webhooks are believed.

use super::{CaughtBy, Mutant, Tests};

const LOOK_UPS: CaughtBy =
    CaughtBy::Tests { of: Tests::Unit, filter: "package(gateway) & test(/v3::lookup::/)" };

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "unknown-word-is-failure",
        breaks: "a status word nobody has documented counts as failed",
        file: "gateway/src/flutterwave/v3/record.rs",
        edits: &[(
            "            Status::Other(word) => Observed::Unrecognised { said: word },",
            "            Status::Other(_) => Observed::Failed(sighting, self.failure()),",
        )],
        caught_by: LOOK_UPS,
    },
    Mutant {
        name: "record-of-another",
        breaks: "a record under another reference counts",
        file: "gateway/src/flutterwave/v3/record.rs",
        edits: &[(
            "        self.reference.as_deref() == Some(reference.as_wire())",
            "        self.reference.is_some() || reference.as_wire().is_empty()",
        )],
        caught_by: LOOK_UPS,
    },
    Mutant {
        name: "unsigned-webhook",
        breaks: "a webhook without our secret is taken",
        file: "gateway/src/webhook.rs",
        edits: &[(
            "    if same && header.is_some() && !secret.is_empty() { Ok(()) } else { Err(Unsigned) }",
            "    if same || header.is_none_or(|header| header != secret) { Ok(()) } else { Err(Unsigned) }",
        )],
        caught_by: CaughtBy::Tests { of: Tests::Integration, filter: "package(api) & test(/^webhooks::/)" },
    },
];
