//! Progress lines: what is being fetched, built or started, and how long it took.
//!
//! They go to standard error, so that what a verb *answers* (an `export` line, a table, JSON) can be piped.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Says what begins, runs it, says how long it took or that it failed.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("  {what} …");
    let started = Instant::now();
    let result = work();
    let took = human(started.elapsed());
    match &result {
        Ok(_) => eprintln!("  {what}: done in {took}"),
        Err(_) => eprintln!("  {what}: FAILED after {took}"),
    }
    result
}

pub fn note(text: &str) {
    eprintln!("  {text}");
}

/// `0.4 s`, `12.0 s`, `3 min 05 s`.
pub fn human(duration: Duration) -> String {
    let tenths = duration.as_millis().div_euclid(100);
    let seconds = tenths.div_euclid(10);
    if seconds < 60 {
        format!("{seconds}.{} s", tenths.rem_euclid(10))
    } else {
        format!("{} min {:02} s", seconds.div_euclid(60), seconds.rem_euclid(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!(human(Duration::from_millis(449)), "0.4 s");
        assert_eq!(human(Duration::from_secs(59)), "59.0 s");
        assert_eq!(human(Duration::from_secs(185)), "3 min 05 s");
    }
}
