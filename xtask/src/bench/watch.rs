//! Which payouts are open, asked for in one place for everybody: were each of the waiting threads to ask for its own payout,
//! their questions would be most of the load that is measured.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::crowd::PATIENCE;
use crate::http::{Client, list, text};
use crate::interrupt;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// In the order in which a payout goes through them, so that one that moves on meanwhile is seen twice and never missed.
const OPEN: [&str; 3] = ["REQUESTED", "APPROVED", "PROCESSING"];

/// What the last look saw.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Mutex<Seen>,
    looked: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    open: BTreeSet<String>,
    over: bool,
}

impl Watch {
    /// Looks again and again, until [`Watch::end`].
    pub fn look(&self, admin: &Client) -> Result<()> {
        loop {
            let mut open = BTreeSet::new();
            for status in OPEN {
                let path = format!("/api/admin/payouts?status={status}&limit=100");
                let page = admin.get(&path)?.success("listing payouts")?;
                open.extend(
                    list(&page, "/items").iter().filter_map(|one| text(one, "/id")).map(str::to_owned),
                );
            }
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.looks = seen.looks.saturating_add(1);
            seen.open = open;
            let over = seen.over;
            drop(seen);
            self.looked.notify_all();
            if over || interrupt::requested() {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until a look that began after now does not see this payout any more.
    pub fn until_ended(&self, payout: &str) -> Result<()> {
        let asked = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // The look under way may have begun before the payout was there.
        let first = seen.looks.saturating_add(2);
        while seen.looks < first || seen.open.contains(payout) {
            if asked.elapsed() > PATIENCE {
                bail!("payout {payout} is still open after {PATIENCE:?}");
            }
            interrupt::check()?;
            seen = self.looked.wait_timeout(seen, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Nobody looks any more.
    pub fn is_over(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).over
    }

    pub fn end(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).over = true;
    }
}
