//! Writes the history of every route into the folder that the replay test reads.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::beside;
use super::case::Row;
use super::scenarios::TRUST;
use super::stage::workflow_id;
use crate::checkout::Checkout;
use crate::stack::programs::Programs;
use crate::stack::settings::Surroundings;
use crate::{command, progress};

const HISTORIES: &str = "workflows/tests/histories";

/// The end-to-end tests of the worker record into the same folder, under names of their own.
const PREFIX: &str = "demo_";

/// One file per route.
pub fn record(checkout: &Checkout, programs: &Programs, around: &Surroundings, rows: &[Row]) -> Result<()> {
    let folder = checkout.root().join(HISTORIES);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    // Of several payouts of one route the last; it replaces what is there.
    let routes: BTreeMap<&str, &String> = rows
        .iter()
        .filter(|row| row.wrong.is_empty() && row.key != TRUST.key)
        .filter_map(|row| Some((row.key, row.payout.as_ref()?)))
        .collect();
    for (key, payout) in routes {
        let file = folder.join(format!("{PREFIX}{key}.json"));
        let mut program = beside(programs, "history");
        program.arg(workflow_id(payout)).arg(&file).envs(around.servers());
        let events = command::capture(&mut program)?;
        progress::note(&format!("{HISTORIES}/{PREFIX}{key}.json: {} events", events.trim()));
    }
    Ok(())
}
