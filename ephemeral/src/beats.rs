//! Workers' signs of life: what each says of itself every few seconds, gone soon after it stops saying it.
//!
//! For people who look, and for nothing else: no worker's work is given to another because it is missing here. Temporal and the
//! leases in the database decide that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::Script;
use serde::{Deserialize, Serialize};

use crate::{Away, Links, Purpose};

/// How often a worker says it is there.
pub const EVERY: Duration = Duration::from_secs(5);
/// A worker that has said nothing for this long is not shown any more.
const KEPT: Duration = Duration::from_secs(20);
/// More workers than any fleet has; what is beyond is not shown.
const MOST: usize = 500;

/// What one worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Names the process, and is another one after a restart.
    pub id: String,
    /// As Temporal knows it.
    pub identity: String,
    pub version: String,
    /// What it was built from, where the build says so.
    pub commit: Option<String>,
    pub started_at: DateTime<Utc>,
    /// When it said this.
    pub seen_at: DateTime<Utc>,
    pub queues: Vec<QueueBeat>,
    pub steps_done: u64,
    pub steps_again: u64,
    pub sends: u64,
    pub sends_last_minute: u64,
    /// Payouts that this process saw paid.
    pub completed: u64,
    /// Resident memory; `None` where the system does not tell.
    pub rss_bytes: Option<u64>,
}

/// One of a worker's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueBeat {
    pub queue: String,
    /// Steps it carries out at the same time, at most.
    pub slots: u64,
    /// `None` where that is not counted.
    pub used: Option<u64>,
}

/// `KEYS`: the list, the beat. `ARGV`: who, what, milliseconds it is kept.
const SAY: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
";

/// Says that this worker is there.
pub async fn say(links: &Links, beat: &Beat) -> Result<(), Away> {
    let Ok(text) = serde_json::to_string(beat) else { return Err(Away) };
    let script = Script::new(SAY);
    let mut call = script.prepare_invoke();
    call.key(links.key("workers")).key(links.key(&format!("worker:{}", beat.id)));
    call.arg(&beat.id).arg(text).arg(u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX));
    links.script(Purpose::Heartbeats, &call).await
}

/// Takes back what it said: it stops.
pub async fn leave(links: &Links, id: &str) {
    let mut forget = redis::cmd("DEL");
    forget.arg(links.key(&format!("worker:{id}")));
    // What is not taken back is gone by itself soon.
    let _ = links.ask::<()>(Purpose::Heartbeats, &forget).await;
}

/// Every worker that has said so lately, oldest process first.
pub async fn all(links: &Links) -> Result<Vec<Beat>, Away> {
    let mut list = redis::cmd("ZRANGE");
    list.arg(links.key("workers")).arg(0).arg(MOST);
    let ids: Vec<String> = links.ask(Purpose::Heartbeats, &list).await?;
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let mut get = redis::cmd("MGET");
    for id in ids {
        get.arg(links.key(&format!("worker:{id}")));
    }
    let texts: Vec<Option<String>> = links.ask(Purpose::Heartbeats, &get).await?;
    // What another release wrote may not be read by this one.
    let read = texts.into_iter().flatten().filter_map(|text| serde_json::from_str::<Beat>(&text).ok());
    let mut beats: Vec<_> = read.collect();
    beats.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    Ok(beats)
}
