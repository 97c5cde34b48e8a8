//! From Redis to this process's readers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Item, Live, News, Place, item};

/// Between two tries to listen.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// A connection that was cut without a word is noticed after this long.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Runs until `stop`.
pub async fn subscribe(live: &Arc<Live>, stop: &CancellationToken) {
    // How far this process has heard.
    let mut heard = None;
    while !stop.is_cancelled() {
        if let Ok(listener) = live.links.listen(&live.links.key("changes")).await {
            let mut listening = Listening { live, heard: &mut heard };
            listening.catch_up().await;
            live.subscribed.store(true, Ordering::Relaxed);
            listening.until_lost(listener, stop).await;
            live.subscribed.store(false, Ordering::Relaxed);
            live.links.stop_listening();
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TRY_AGAIN) => {}
        }
    }
}

struct Listening<'a> {
    live: &'a Live,
    heard: &'a mut Option<Place>,
}

impl Listening<'_> {
    /// Hears what was said between two connections, or says that it is not known.
    async fn catch_up(&mut self) {
        let start = self.live.follow(*self.heard).await;
        if start.complete {
            for item in start.missed {
                self.hear(item);
            }
            *self.heard = start.place.or(*self.heard);
        } else {
            // Another server may count from another time: the old place says nothing of the new ones.
            self.live.tell(Item { place: start.place, news: News::Resync });
            *self.heard = start.place;
        }
    }

    async fn until_lost(
        &mut self,
        mut listener: mpsc::UnboundedReceiver<PushInfo>,
        stop: &CancellationToken,
    ) {
        let mut check = tokio::time::interval(CHECK_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                said = listener.recv() => match said {
                    Some(said) if said.kind == PushKind::Disconnection => return,
                    Some(said) => self.read(&said),
                    None => return,
                },
                _ = check.tick() => if !self.live.links.still_listening().await { return },
            }
        }
    }

    fn read(&mut self, said: &PushInfo) {
        if said.kind != PushKind::Message {
            return;
        }
        let Some(Value::BulkString(bytes)) = said.data.get(1) else { return };
        let text = String::from_utf8_lossy(bytes);
        if let Some(item) = text.split_once(' ').and_then(|(place, text)| item(place, text)) {
            self.hear(item);
        }
    }

    fn hear(&mut self, item: Item) {
        // What was caught up with may come again.
        if item.place > *self.heard {
            *self.heard = item.place;
            self.live.tell(item);
        }
    }
}
