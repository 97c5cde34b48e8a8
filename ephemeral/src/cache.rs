//! Answers of the gateway that are asked for again and again, for some minutes.
//!
//! A value carries the seal of its name and content: what somebody else wrote into Redis is as if it were not there, so a false name
//! of an account's holder cannot be planted. While Redis is away nothing is kept and everything is asked for.

use std::time::Duration;

use crate::{Links, Purpose, Seal};

/// What is longer is not kept.
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// What is kept under `words`, which are sealed.
pub async fn get(links: &Links, seal: &Seal, words: &[&str]) -> Option<String> {
    let name = seal.of(words);
    let mut ask = redis::cmd("GET");
    ask.arg(links.key(&format!("cache:{name}")));
    let kept: String = links.ask::<Option<String>>(Purpose::Cache, &ask).await.ok()??;
    let (sealed, value) = kept.split_once(' ')?;
    if sealed != seal.of(&["cached", &name, value]) {
        tracing::warn!("a value in Redis is not ours and is not used");
        return None;
    }
    Some(value.to_owned())
}

/// Keeps `value` for `time`, if Redis is there.
pub async fn put(links: &Links, seal: &Seal, words: &[&str], value: &str, time: Duration) {
    if value.len() > MAX_VALUE_BYTES {
        return;
    }
    let name = seal.of(words);
    let sealed = seal.of(&["cached", &name, value]);
    let mut set = redis::cmd("SET");
    set.arg(links.key(&format!("cache:{name}"))).arg(format!("{sealed} {value}"));
    set.arg("PX").arg(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1));
    // Not kept is asked for again.
    let _ = links.ask::<()>(Purpose::Cache, &set).await;
}
