//! Ctrl-C and SIGTERM.
//!
//! The signal only sets a flag; whoever waits looks at it and leaves with an error, and the stack's `Drop` stops what was
//! started, in order. A second signal ends xtask at once; the children then die by their parent-death signal (Linux) or
//! are ended by the next start (elsewhere).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Short enough that Ctrl-C feels immediate, long enough that waiting costs nothing.
const TICK: Duration = Duration::from_millis(50);

/// What a shell reports for a program ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Catches the signals from now on; called once by `main`.
pub fn install() -> Result<()> {
    let flag = Arc::clone(REQUESTED.get_or_init(|| Arc::new(AtomicBool::new(false))));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Order matters: the exit is armed by the flag, so it must be registered before the flag is set.
        signal_hook::flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&flag))
            .context("catching signals")?;
        signal_hook::flag::register(signal, Arc::clone(&flag)).context("catching signals")?;
    }
    Ok(())
}

pub fn requested() -> bool {
    REQUESTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Fails when someone asked to stop.
pub fn check() -> Result<()> {
    if requested() {
        bail!("interrupted");
    }
    Ok(())
}

/// One tick of a waiting loop.
pub fn tick() -> Result<()> {
    thread::sleep(TICK);
    check()
}
