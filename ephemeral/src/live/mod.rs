//! Live updates: what the database says has changed, brought to the screens of every process.
//!
//! Every process listens to the database ([`publish`]) and hands what it hears to Redis, where the first of them to say it is the one
//! that is heard: one entry in a bounded stream, one message in the channel. Every API process listens to the channel
//! ([`subscribe`]) and gives it to its readers ([`Live::follow`]).
//!
//! Guarantees: a reader hears each change at least once, or hears that it must fetch again ([`News::Resync`]): when it was too slow,
//! when its place in the stream is gone, when a listener lost its connection or slept. Within a second, usually a quarter of one, of the commit.
//! Architecture invariant: nobody decides anything by what is heard here.
//!
//! While Redis is away every process hears the database by itself, so its readers still hear everything; only a place to resume
//! from is missing. Cost: five look-ups of an index a second and one script per burst of changes for each process; Redis keeps
//! [`MOST_KEPT`] entries of about 150 bytes.

mod publish;
mod subscribe;

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redis::Script;
use store::changes::Change;
use tokio::sync::broadcast;

use crate::{Away, Links, Purpose};

pub use publish::publish;
pub use subscribe::subscribe;

/// Entries that the stream keeps, about: at a hundred changes a second, a minute and a half.
const MOST_KEPT: u32 = 10_000;
/// A reader that was away for longer than this many entries fetches everything again: that is cheaper.
const MOST_RESUMED: usize = 1_000;
/// What a reader may be behind before it is told to fetch everything again.
const MOST_BEHIND: usize = 1_024;

/// A reader's place: the entry of the stream that it has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    millis: u64,
    number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

/// A text that no place is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the stream")]
pub struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (millis, number) = text.split_once('-').ok_or(NotAPlace)?;
        let digits =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        Ok(Self { millis: digits(millis).ok_or(NotAPlace)?, number: digits(number).ok_or(NotAPlace)? })
    }
}

/// What readers hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Changed(Change),
    /// Something was missed: whatever is shown must be fetched again.
    Resync,
}

impl News {
    /// As an entry of the stream. What was missed is said anew each time.
    fn text(&self) -> String {
        match self {
            Self::Changed(change) => change.to_string(),
            Self::Resync => format!("{RESYNC}{}", uuid::Uuid::new_v4()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.starts_with(RESYNC) {
            return Some(Self::Resync);
        }
        // Another release may know kinds that this one does not.
        text.parse().ok().map(Self::Changed)
    }
}

const RESYNC: &str = "resync ";

/// One piece of news, with its place where it came through Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub place: Option<Place>,
    pub news: News,
}

/// What the readers of one process hang on.
pub struct Live {
    links: Arc<Links>,
    readers: broadcast::Sender<Item>,
    /// Whether what is published reaches this process.
    subscribed: AtomicBool,
    /// Whether this process hears the database.
    listening: AtomicBool,
    /// Whether something was not published and the stream does not say so yet.
    unsaid: AtomicBool,
    recent: Script,
}

/// `KEYS`: the stream. `ARGV`: the place before, or `$`; the most entries. Answers the entries from that place on, or the last.
const RECENT: &str = r"
local entries
if ARGV[1] == '$' then
    entries = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
else
    entries = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
end
local answer = {}
for _, entry in ipairs(entries) do
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = entry[2][2]
end
return answer
";

/// What a reader is given first.
#[derive(Debug)]
pub struct Start {
    /// From where on the rest comes; `None` while Redis is away or has nothing yet.
    pub place: Option<Place>,
    /// What the reader has missed, oldest first.
    pub missed: Vec<Item>,
    /// Whether that is all of it; if not, everything must be fetched again.
    pub complete: bool,
    /// The rest, as it happens. It may begin with what `missed` has already.
    pub rest: broadcast::Receiver<Item>,
}

impl Live {
    pub fn new(links: Arc<Links>) -> Self {
        Self {
            links,
            readers: broadcast::Sender::new(MOST_BEHIND),
            subscribed: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            unsaid: AtomicBool::new(false),
            recent: Script::new(RECENT),
        }
    }

    /// Whether what other processes hear reaches this one through Redis.
    pub fn is_shared(&self) -> bool {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// Whether this process hears the database by itself.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Everything from `after` on; without it, from now on.
    pub async fn follow(&self, after: Option<Place>) -> Start {
        // First the rest, then what was before: what happens in between is in both, and not in neither.
        let rest = self.readers.subscribe();
        let recent = self.recent_entries(after).await;
        let unsaid = self.unsaid.load(Ordering::Relaxed);
        match (after, recent) {
            (None, Ok(entries)) => Start {
                place: entries.last().and_then(|item| item.place),
                missed: vec![],
                complete: true,
                rest,
            },
            (None, Err(Away)) => Start { place: None, missed: vec![], complete: true, rest },
            (Some(after), Ok(entries)) => {
                let last = entries.last().and_then(|item| item.place);
                let mut entries = entries.into_iter();
                // The place itself must still be there: only then is nothing before the rest of them gone.
                let is_there = entries.next().is_some_and(|first| first.place == Some(after));
                let missed: Vec<_> = entries.collect();
                let complete = is_there && missed.len() < MOST_RESUMED && !unsaid;
                Start { place: last, missed: if complete { missed } else { vec![] }, complete, rest }
            }
            (Some(_), Err(Away)) => Start { place: None, missed: vec![], complete: false, rest },
        }
    }

    /// From `after` itself on, or only the last one.
    async fn recent_entries(&self, after: Option<Place>) -> Result<Vec<Item>, Away> {
        let mut call = self.recent.prepare_invoke();
        call.key(self.links.key("changes"));
        call.arg(after.map_or_else(|| "$".to_owned(), |place| place.to_string()));
        call.arg(MOST_RESUMED.saturating_add(1));
        let flat: Vec<String> = self.links.script(Purpose::Publish, &call).await?;
        let pairs = flat.chunks(2).filter_map(|pair| match pair {
            [place, text] => item(place, text),
            _ => None,
        });
        Ok(pairs.collect())
    }

    fn tell(&self, item: Item) {
        // An error means that nobody reads.
        let _ = self.readers.send(item);
    }
}

/// What this release does not know keeps its place and says nothing: it is left out where it does not matter.
fn item(place: &str, text: &str) -> Option<Item> {
    Some(Item { place: Some(place.parse().ok()?), news: News::read(text)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_redis_writes_it_and_nothing_else_is_one() {
        let place: Place = "1764000000000-12".parse().unwrap();
        assert_eq!(place.to_string(), "1764000000000-12");
        assert!("1764000000000-2".parse::<Place>().unwrap() < place);
        for text in ["", "-", "1", "1-", "+1-0", "$", "1-2-3", "1 -0", "99999999999999999999999-0"] {
            assert_eq!(text.parse::<Place>(), Err(NotAPlace), "{text}");
        }
    }

    #[test]
    fn what_was_missed_is_news_each_time() {
        assert_ne!(News::Resync.text(), News::Resync.text());
        assert_eq!(News::read(&News::Resync.text()), Some(News::Resync));
        assert_eq!(News::read("unheard_of 1 - -"), None);
    }
}
