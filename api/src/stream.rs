//! Live updates over server-sent events: what has changed, never what it changed to.
//!
//! Guarantees: a provider's stream carries only what that provider may know; a stream ends with its token, and when the process
//! stops; a reader that was away hears what it missed, or that it must fetch again (`resync`). Limits: [`MOST_STREAMS`] of a process
//! and [`MOST_OF_ONE`] of one caller; a reader that takes nothing for [`crate::IDLE_CONNECTION`] loses its connection, and what it
//! has not taken is kept nowhere but in the ring that all readers share.
//! Cost: a stream is one entry in that ring's list and one TCP connection; none to Redis and none to the database.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{Clock as _, ProviderId, SystemClock};
use ephemeral::live::{Item, Live, News, Place};
use futures::{StreamExt as _, stream::BoxStream};
use poem::web::sse::Event;
use poem_openapi::{Object, payload::EventStream, types::ToJSON as _};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    auth::Caller,
    problem::{Code, Problem},
};

/// Streams of one process; what is beyond is told to come back, and polls meanwhile.
pub(crate) const MOST_STREAMS: usize = 2_000;
/// Of one token's subject: some windows on some devices.
pub(crate) const MOST_OF_ONE: usize = 10;
/// Proxies cut what is silent for longer than half a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Something that has changed, or something about the stream itself: see `event`.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct LiveEvent {
    /// The same as the event's `event` line: `payout.changed`, `balance.changed`, `notification.changed`, `bank_account.changed`,
    /// `provider.changed`, and for staff `review.changed`, `batch.changed`, `case.changed`, `pause.changed`; or `ready`, `resync`,
    /// `end`.
    event: String,
    /// What has changed: the id of a payout (also with `review.changed`), batch, case, notification, bank account or provider; what
    /// is paused with `pause.changed`, absent for everything.
    id: Option<String>,
    /// Whose it is, where it is a provider's.
    provider_id: Option<Uuid>,
    /// With `end`: `token_expired` (come back with another one) or `shutdown` (come back at once).
    reason: Option<String>,
    #[oai(skip)]
    place: Option<String>,
}

impl LiveEvent {
    fn about(event: &str, place: Option<Place>) -> Self {
        let place = place.map(|place| place.to_string());
        Self { event: event.to_owned(), id: None, provider_id: None, reason: None, place }
    }

    fn end(reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::about("end", None) }
    }

    fn of(item: Item) -> Self {
        match item.news {
            News::Resync => Self::about("resync", item.place),
            News::Changed(change) => Self {
                id: change.id,
                provider_id: change.provider.map(ProviderId::uuid),
                ..Self::about(&format!("{}.changed", change.kind.as_str()), item.place)
            },
        }
    }
}

/// Who hears what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// What this provider may know.
    Provider(ProviderId),
    /// Everything.
    Staff,
}

impl Audience {
    fn may_hear(self, news: &News) -> bool {
        match (self, news) {
            (Self::Staff, _) | (Self::Provider(_), News::Resync) => true,
            (Self::Provider(own), News::Changed(change)) => change.provider == Some(own),
        }
    }
}

/// A stream as a handler answers it.
pub(crate) type LiveStream = EventStream<BoxStream<'static, LiveEvent>>;

/// All streams of this process.
pub struct Streams {
    live: Arc<Live>,
    seats: Arc<Seats>,
    /// Cancelled when the process stops: a stream would hold it up.
    stop: CancellationToken,
}

impl Streams {
    pub fn new(live: Arc<Live>, stop: CancellationToken) -> Self {
        Self { live, seats: Arc::default(), stop }
    }

    /// How many are open.
    pub fn open_now(&self) -> usize {
        self.seats.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Begins a stream, after `last` where the client says how far it has heard.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        audience: Audience,
        last: Option<&str>,
    ) -> Result<LiveStream, Problem> {
        let seat = Seats::take(&self.seats, &caller.subject)?;
        // What is no place of ours is one that we do not have any more.
        let after = last.filter(|last| !last.is_empty()).map(str::parse::<Place>);
        let start = self.live.follow(after.and_then(Result::ok)).await;
        // Whoever loses the stream before it has heard what it missed must find the old place again.
        let place = if start.complete { after.and_then(Result::ok).or(start.place) } else { None };
        let mut first = VecDeque::from([LiveEvent::about("ready", place)]);
        if !start.complete || after.is_some_and(|after| after.is_err()) {
            first.push_back(LiveEvent::about("resync", start.place));
        }
        first
            .extend(start.missed.into_iter().filter(|item| audience.may_hear(&item.news)).map(LiveEvent::of));
        let reader = Reader {
            first,
            rest: start.rest,
            heard: start.place,
            audience,
            until: until(caller.expires_at),
            stop: self.stop.clone(),
            ended: false,
            _seat: seat,
        };
        let events = futures::stream::unfold(reader, Reader::next).boxed();
        Ok(EventStream::new(events).keep_alive(HEARTBEAT).to_event(|event| {
            let data = event.to_json_string();
            Event::message(data).event_type(event.event).id(event.place.unwrap_or_default())
        }))
    }
}

/// When the token ends, on the clock that does not jump.
fn until(expires_at: DateTime<Utc>) -> Instant {
    /// As good as never; the clock cannot be asked for more.
    const LONGEST: Duration = Duration::from_hours(24 * 365);
    let left = expires_at.signed_duration_since(SystemClock.now()).to_std().unwrap_or_default();
    let now = Instant::now();
    now.checked_add(left.min(LONGEST)).unwrap_or(now)
}

struct Reader {
    first: VecDeque<LiveEvent>,
    rest: broadcast::Receiver<Item>,
    /// How far it has heard: what was missed may come once more in the rest.
    heard: Option<Place>,
    audience: Audience,
    until: Instant,
    stop: CancellationToken,
    ended: bool,
    _seat: Seat,
}

impl Reader {
    async fn next(mut self) -> Option<(LiveEvent, Self)> {
        if self.ended {
            return None;
        }
        if let Some(event) = self.first.pop_front() {
            return Some((event, self));
        }
        loop {
            let heard = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Some(self.last("shutdown")),
                () = tokio::time::sleep_until(self.until) => return Some(self.last("token_expired")),
                heard = self.rest.recv() => heard,
            };
            let item = match heard {
                Ok(item) => item,
                // Too slow: what it did not take is gone, and it fetches everything.
                Err(broadcast::error::RecvError::Lagged(_)) => Item { place: None, news: News::Resync },
                Err(broadcast::error::RecvError::Closed) => return Some(self.last("shutdown")),
            };
            if item.news != News::Resync {
                if item.place.is_some() && item.place <= self.heard {
                    continue;
                }
                self.heard = item.place.or(self.heard);
            } else if item.place.is_some() {
                // Another server may count from another time.
                self.heard = item.place;
            }
            if self.audience.may_hear(&item.news) {
                return Some((LiveEvent::of(item), self));
            }
        }
    }

    fn last(mut self, reason: &str) -> (LiveEvent, Self) {
        self.ended = true;
        (LiveEvent::end(reason), self)
    }
}

/// Who has how many.
#[derive(Default)]
struct Seats(Mutex<HashMap<String, usize>>);

/// One stream's place among them, given back when it ends, however it ends.
struct Seat {
    seats: Arc<Seats>,
    subject: String,
}

impl Seats {
    fn take(seats: &Arc<Self>, subject: &str) -> Result<Seat, Problem> {
        let mut taken = seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(subject).copied().unwrap_or(0);
        let all = taken.values().fold(0, |sum: usize, own| sum.saturating_add(*own));
        if own >= MOST_OF_ONE || all >= MOST_STREAMS {
            let detail = format!(
                "{MOST_OF_ONE} streams may be open at once under one subject. Close one, or ask every few seconds instead."
            );
            return Err(Problem::new(Code::TooManyStreams, detail));
        }
        taken.insert(subject.to_owned(), own.saturating_add(1));
        drop(taken);
        Ok(Seat { seats: Arc::clone(seats), subject: subject.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.subject).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            taken.remove(&self.subject);
        } else {
            taken.insert(self.subject.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use store::changes::{Change, Kind};

    use super::*;

    #[test]
    fn a_provider_hears_only_their_own() {
        let (own, other) = (ProviderId::mint(), ProviderId::mint());
        let of = |provider| News::Changed(Change { kind: Kind::Payout, transaction: 1, id: None, provider });
        let provider = Audience::Provider(own);
        assert!(provider.may_hear(&of(Some(own))) && provider.may_hear(&News::Resync));
        assert!(!provider.may_hear(&of(Some(other))) && !provider.may_hear(&of(None)));
        assert!(Audience::Staff.may_hear(&of(None)) && Audience::Staff.may_hear(&of(Some(other))));
    }

    #[test]
    fn seats_are_counted_and_given_back() {
        let seats = Arc::<Seats>::default();
        let mut taken: Vec<_> = (0..MOST_OF_ONE).map(|_| Seats::take(&seats, "ada").ok().unwrap()).collect();
        assert_eq!(Seats::take(&seats, "ada").err().unwrap().code(), Code::TooManyStreams);
        assert!(Seats::take(&seats, "eve").is_ok());
        taken.pop();
        taken.push(Seats::take(&seats, "ada").ok().unwrap());
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
