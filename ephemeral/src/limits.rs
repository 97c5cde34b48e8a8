//! How often somebody may ask: so many at once, refilled evenly over a minute (GCRA, the "leaky bucket as a meter").
//!
//! One script counts a request against all its limits at once, or, when one of them is used up, against none: two requests in
//! two processes are never both the last one. The time is the Redis server's, so processes' clocks do not matter.
//! While Redis is away each process counts by itself, by the same rule: a caller then has the limit once for each process.
//! Cost: one round trip. Memory: one key of about 100 bytes for each caller of the last minute, and the same here, at most
//! [`MOST_KEPT`] of them, while Redis is away.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redis::Script;
use tokio::time::Instant;

use crate::{Away, Links, Purpose};

/// Limits are said per this time.
pub const WINDOW: Duration = Duration::from_mins(1);
/// Callers that this process remembers while Redis is away. Beyond, those that have their whole limit again are forgotten, and if
/// there are none, all: to forget is to let through.
const MOST_KEPT: usize = 50_000;

/// One thing that a request is counted against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// As it is told in the headers.
    pub name: &'static str,
    /// Whose it is: sealed.
    pub key: String,
    /// Requests per [`WINDOW`], and at once.
    pub most: u32,
    /// What this request counts as.
    pub cost: u32,
}

/// Where one limit stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether there was room for this request in this limit.
    pub has_room: bool,
    /// Requests that could follow at once.
    pub remaining: u32,
    /// Until the whole limit is there again.
    pub full_in: Duration,
    /// Until this request would find room; zero where it did.
    pub retry_in: Duration,
}

/// `KEYS`: the limits. `ARGV`: for each the microseconds that one request takes, the most, and the cost.
/// Answers four numbers for each: room, remaining, microseconds until full, microseconds until there is room.
const COUNT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free_at, room = {}, true
for i, key in ipairs(KEYS) do
    local each, most, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local from = math.max(tonumber(redis.call('GET', key) or '0'), now)
    free_at[i] = { from, from + each * cost, now + each * most }
    room = room and free_at[i][2] <= free_at[i][3]
end
local answer = {}
for i, key in ipairs(KEYS) do
    local each = tonumber(ARGV[3 * i - 2])
    local from, to, last = free_at[i][1], free_at[i][2], free_at[i][3]
    local own = to <= last
    if room then
        from = to
        redis.call('SET', key, string.format('%.0f', to), 'PX', math.ceil((to - now) / 1000) + 1)
    end
    answer[#answer + 1] = own and 1 or 0
    answer[#answer + 1] = math.floor((last - from) / each)
    answer[#answer + 1] = from - now
    answer[#answer + 1] = own and 0 or to - last
end
return answer
";

/// Counts requests.
pub struct Limits {
    script: Script,
    here: Mutex<HashMap<String, u64>>,
    made: Instant,
}

impl Default for Limits {
    fn default() -> Self {
        Self { script: Script::new(COUNT), here: Mutex::default(), made: Instant::now() }
    }
}

impl Limits {
    /// Counts one request against all of `limits`, or against none when one of them has no room. In their order.
    pub async fn count(&self, links: &Links, limits: &[Limit]) -> Vec<Standing> {
        match self.count_there(links, limits).await {
            Ok(standings) => standings,
            Err(Away) => self.count_here(limits),
        }
    }

    async fn count_there(&self, links: &Links, limits: &[Limit]) -> Result<Vec<Standing>, Away> {
        let mut call = self.script.prepare_invoke();
        for limit in limits {
            call.key(links.key(&format!("limit:{}:{}", limit.name, limit.key)));
            call.arg(each(limit)).arg(limit.most).arg(limit.cost);
        }
        let numbers: Vec<i64> = links.script(Purpose::Limits, &call).await?;
        let read = |four: &[i64]| {
            let &[room, remaining, full, retry] = four else { return None };
            let micros = |number: i64| u64::try_from(number).map(Duration::from_micros).ok();
            Some(Standing {
                has_room: room == 1,
                remaining: u32::try_from(remaining).ok()?,
                full_in: micros(full)?,
                retry_in: micros(retry)?,
            })
        };
        let standings: Option<Vec<_>> = numbers.chunks(4).map(read).collect();
        standings.filter(|standings| standings.len() == limits.len()).ok_or(Away)
    }

    fn count_here(&self, limits: &[Limit]) -> Vec<Standing> {
        let now = u64::try_from(self.made.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |limit: &Limit| format!("{}:{}", limit.name, limit.key);
        let asked: Vec<_> =
            limits.iter().map(|limit| Asked::at(now, here.get(&key(limit)).copied(), limit)).collect();
        let room = asked.iter().all(Asked::has_room);
        if room {
            if here.len() >= MOST_KEPT {
                here.retain(|_, free_at| *free_at > now);
            }
            if here.len() >= MOST_KEPT {
                here.clear();
            }
            for (limit, asked) in limits.iter().zip(&asked) {
                here.insert(key(limit), asked.to);
            }
        }
        asked.iter().map(|asked| asked.standing(room)).collect()
    }
}

/// Microseconds that one request takes.
fn each(limit: &Limit) -> u64 {
    let window = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX);
    window.checked_div(u64::from(limit.most)).unwrap_or(window).max(1)
}

/// The rule, as the script has it; all in microseconds.
struct Asked {
    now: u64,
    each: u64,
    /// When everything counted so far has been worked off, and with this request.
    from: u64,
    to: u64,
    /// The latest `to` that has room.
    last: u64,
}

impl Asked {
    fn at(now: u64, free_at: Option<u64>, limit: &Limit) -> Self {
        let each = each(limit);
        let from = free_at.unwrap_or(0).max(now);
        let to = from.saturating_add(each.saturating_mul(u64::from(limit.cost)));
        let last = now.saturating_add(each.saturating_mul(u64::from(limit.most)));
        Self { now, each, from, to, last }
    }

    fn has_room(&self) -> bool {
        self.to <= self.last
    }

    /// `counted`: whether the request was counted, which another limit may have prevented.
    fn standing(&self, counted: bool) -> Standing {
        let from = if counted { self.to } else { self.from };
        let remaining = self.last.saturating_sub(from).checked_div(self.each).unwrap_or(0);
        let retry = if self.has_room() { 0 } else { self.to.saturating_sub(self.last) };
        Standing {
            has_room: self.has_room(),
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            full_in: Duration::from_micros(from.saturating_sub(self.now)),
            retry_in: Duration::from_micros(retry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &'static str, most: u32, cost: u32) -> Limit {
        Limit { name, key: "k".to_owned(), most, cost }
    }

    #[test]
    fn so_many_at_once_and_then_one_as_each_is_worked_off() {
        let (most, mut free_at) = (limit("token", 60, 1), None);
        for left in (0..60).rev() {
            let asked = Asked::at(0, free_at, &most);
            assert!(asked.has_room());
            assert_eq!(asked.standing(true).remaining, left);
            free_at = Some(asked.to);
        }
        let refused = Asked::at(0, free_at, &most).standing(false);
        assert_eq!(
            (refused.has_room, refused.remaining, refused.retry_in),
            (false, 0, Duration::from_secs(1))
        );
        assert_eq!(refused.full_in, WINDOW);
        assert!(!Asked::at(999_999, free_at, &most).has_room());
        assert!(Asked::at(1_000_000, free_at, &most).has_room());
        // A minute later it is as if nothing had been.
        assert_eq!(Asked::at(60_000_000, free_at, &most).standing(true).remaining, 59);
    }

    #[test]
    fn what_one_limit_refuses_is_counted_against_none() {
        let limits = Limits::default();
        let both = [limit("token", 2, 1), limit("address", 100, 1)];
        let used = |standings: &[Standing]| 100 - standings[1].remaining;
        assert_eq!(used(&limits.count_here(&both)), 1);
        assert_eq!(used(&limits.count_here(&both)), 2);
        let refused = limits.count_here(&both);
        assert_eq!((refused[0].has_room, refused[1].has_room, used(&refused)), (false, true, 2));
        // What costs ten is ten.
        assert_eq!(limits.count_here(&[limit("address", 100, 10)])[0].remaining, 88);
    }

    #[test]
    fn a_crowd_of_callers_is_forgotten_rather_than_kept() {
        let limits = Limits::default();
        for number in 0..=MOST_KEPT {
            let one = Limit { key: number.to_string(), ..limit("address", 10, 1) };
            assert!(limits.count_here(&[one])[0].has_room);
        }
        assert!(limits.here.lock().unwrap().len() <= MOST_KEPT);
    }
}
