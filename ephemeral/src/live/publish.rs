//! From the database to Redis, or straight to this process's readers while it is away.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::Script;
use store::{
    Pool,
    changes::{Heard, Listener},
};
use tokio_util::sync::CancellationToken;

use super::{Item, Live, MOST_KEPT, News};
use crate::{Away, Purpose};

/// Taken together when they come in a burst.
const MOST_AT_ONCE: usize = 200;
/// For so long another process that hears the same message later is known to be the second.
const SECOND_SECONDS: u32 = 60;
/// Between two tries to say that something was missed.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// `KEYS`: the stream. `ARGV`: the channel, the prefix of what was said, its seconds, the most entries, and the messages.
const SAY: &str = r"
for i = 5, #ARGV do
    if redis.call('SET', ARGV[2] .. ARGV[i], 1, 'NX', 'EX', ARGV[3]) then
        local place = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'c', ARGV[i])
        redis.call('PUBLISH', ARGV[1], place .. ' ' .. ARGV[i])
    end
end
";

/// Runs until `stop`. Ends early only by error of the database's connection, to be started again.
pub async fn publish(pool: &Pool, live: &Arc<Live>, stop: &CancellationToken) -> anyhow::Result<()> {
    let script = Script::new(SAY);
    let mut listener = Listener::open(pool).await?;
    live.listening.store(true, Ordering::Relaxed);
    // What was committed before this listened, somebody else may have missed too. At a process's own start nobody has.
    if live.unsaid.load(Ordering::Relaxed) {
        say(live, &script, vec![News::Resync]).await;
    }
    let ended = loop {
        let again = live.unsaid.load(Ordering::Relaxed);
        let heard = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = listener.next() => heard,
            () = tokio::time::sleep(SAY_AGAIN), if again => {
                say(live, &script, vec![]).await;
                continue;
            }
        };
        let mut burst = match heard {
            Ok(heard) => vec![news(heard)],
            Err(error) => break error,
        };
        while burst.len() < MOST_AT_ONCE
            && let Some(heard) = listener.found()
        {
            burst.push(news(heard));
        }
        say(live, &script, burst).await;
    };
    live.listening.store(false, Ordering::Relaxed);
    live.unsaid.store(true, Ordering::Relaxed);
    live.tell(Item { place: None, news: News::Resync });
    Err(ended.into())
}

fn news(heard: Heard) -> News {
    match heard {
        Heard::Change(change) => News::Changed(change),
        Heard::Gap => News::Resync,
    }
}

/// Says it to Redis, and to this process's own readers where Redis does not reach them.
async fn say(live: &Live, script: &Script, burst: Vec<News>) {
    let unsaid = live.unsaid.load(Ordering::Relaxed);
    let mut call = script.prepare_invoke();
    call.key(live.links.key("changes")).arg(live.links.key("changes"));
    call.arg(live.links.key("said:")).arg(SECOND_SECONDS).arg(MOST_KEPT);
    // Whoever resumes from before must hear first that something is missing.
    if unsaid {
        call.arg(News::Resync.text());
    }
    for one in &burst {
        call.arg(one.text());
    }
    let said = live.links.script::<()>(Purpose::Publish, &call).await;
    match said {
        Ok(()) if unsaid => live.unsaid.store(false, Ordering::Relaxed),
        Ok(()) => {}
        Err(Away) => live.unsaid.store(true, Ordering::Relaxed),
    }
    if said.is_err() || !live.is_shared() {
        for news in burst {
            live.tell(Item { place: None, news });
        }
    }
}
