//! Live updates, and what Redis is for as the server sees it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{health::Redis, rate::Rates};
use ephemeral::{RedisSettings, live};
use poem::http::StatusCode;
use serde_json::Value;
use store::Pool;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::{
    redis_server::{Way, clients_of, everything_of, installation, links, settings},
    world::{Shared, World, admin, mint, provider},
};

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs what runs in an API process beside its endpoint.
async fn run(world: &World, shared: &Shared) {
    let (live, stop) = (shared.live.clone(), shared.stop.clone());
    tokio::spawn(worker::tell_changes(world.pool.clone(), live.clone(), stop.clone()));
    tokio::spawn(async move { live::subscribe(&live, &stop).await });
    eventually("it hears the database and Redis", async || {
        (shared.live.is_listening() && shared.live.is_shared()).then_some(())
    })
    .await;
}

/// An API process whose parts run.
async fn process(pool: &Pool, settings: &RedisSettings, installation: &str, rates: Rates) -> (World, Shared) {
    let shared = Shared::through(links(settings, installation), rates);
    let health = Arc::new(Redis(shared.links.clone()));
    let world = World::sharing(pool.clone(), vec![health], &shared).await;
    run(&world, &shared).await;
    (world, shared)
}

async fn eventually<T>(what: &str, mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = is_so().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never: {what}"))
}

struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

struct Stream(BufReader<Box<dyn AsyncRead + Send + Unpin>>);

impl Stream {
    async fn open(world: &World, path: &str, token: &str, last: Option<&str>) -> Self {
        let mut request = world.client.get(path).header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.0;
        assert_eq!((answer.status(), answer.content_type()), (StatusCode::OK, Some("text/event-stream")));
        Self(BufReader::new(Box::new(Box::pin(answer.into_body().into_async_read()))))
    }

    /// `None`: it has ended.
    async fn next(&mut self) -> Option<Event> {
        let (mut fields, mut line) = (BTreeMap::new(), String::new());
        loop {
            line.clear();
            let read = tokio::time::timeout(PATIENCE, self.0.read_line(&mut line)).await.unwrap();
            if read.unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => drop(fields.insert(name.to_owned(), value.to_owned())),
                None if fields.is_empty() => {}
                None => break,
            }
        }
        let data: Value = serde_json::from_str(&fields["data"]).unwrap();
        assert_eq!(data["event"], fields["event"]);
        Some(Event { name: fields["event"].clone(), id: fields.remove("id"), data })
    }

    /// The next event of this kind about this; others are passed over.
    async fn until(&mut self, event: &str, id: &str) -> Event {
        loop {
            let one = self.next().await.unwrap();
            if one.name == event && (id.is_empty() || one.data["id"] == id) {
                return one;
            }
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_change_in_one_process_is_heard_in_another_by_whom_it_concerns(pool: Pool) {
    let installation = installation();
    let (here, shared) = process(&pool, &settings(), &installation, Rates::NONE).await;
    let shared_there = Shared::through(links(&settings(), &installation), Rates::NONE);
    let there = here.beside(vec![], &shared_there);
    run(&there, &shared_there).await;
    let (other, _) = here.add_provider("p-2", "10.00").await;
    let mut own = Stream::open(&there, "/api/provider/stream", &provider(here.provider), None).await;
    let mut others = Stream::open(&there, "/api/provider/stream", &provider(other), None).await;
    let mut staff = Stream::open(&there, "/api/admin/stream", &admin(), None).await;
    for stream in [&mut own, &mut others, &mut staff] {
        assert_eq!(stream.next().await.unwrap().name, "ready");
    }
    let payout = here.payout("1500.00").await.to_string();
    for stream in [&mut own, &mut staff] {
        let heard = stream.until("payout.changed", &payout).await;
        assert_eq!(heard.data["provider_id"], here.provider.to_string());
        assert!(heard.id.is_some() && !heard.data.to_string().contains("1500"), "{}", heard.data);
    }
    // The other one hears of their own, and has heard nothing before it.
    let raise = serde_json::json!({ "provider": "p-2", "amount": { "amount": "5.00", "currency": "NGN" }, "earned_at": "2026-11-01T00:00:00Z" });
    here.put("/api/platform/earnings/e-more", &crate::world::platform(), &raise).await;
    let heard = loop {
        let one = others.next().await.unwrap();
        assert_eq!(one.data["provider_id"], other.to_string(), "{}", one.data);
        if one.name == "balance.changed" {
            break one;
        }
    };
    assert!(heard.data.get("id").is_none(), "{}", heard.data);

    // A process that stops says goodbye.
    shared_there.stop.cancel();
    assert_eq!(own.until("end", "").await.data["reason"], "shutdown");
    assert!(own.next().await.is_none());
    shared.stop.cancel();
}

#[sqlx::test(migrations = "../migrations")]
async fn who_comes_back_hears_what_was_missed_or_that_everything_must_be_fetched(pool: Pool) {
    let (world, shared) = process(&pool, &settings(), &installation(), Rates::NONE).await;
    let (path, token) = ("/api/provider/stream", world.token());
    let mut stream = Stream::open(&world, path, &token, None).await;
    let first = world.payout("1.00").await.to_string();
    let place = stream.until("payout.changed", &first).await.id.unwrap();
    drop(stream);
    let missed = world.payout("2.00").await.to_string();
    // It is in Redis when somebody else has heard it from there.
    Stream::open(&world, "/api/admin/stream", &admin(), Some(&place))
        .await
        .until("payout.changed", &missed)
        .await;
    let mut back = Stream::open(&world, path, &token, Some(&place)).await;
    back.until("payout.changed", &missed).await;
    for unknown in ["1-1", "nonsense"] {
        let mut stream = Stream::open(&world, path, &token, Some(unknown)).await;
        assert_eq!(stream.next().await.unwrap().name, "ready");
        assert_eq!(stream.next().await.unwrap().name, "resync");
    }
    shared.stop.cancel();
}

#[sqlx::test(migrations = "../migrations")]
async fn without_redis_screens_still_hear_and_it_comes_back_by_itself(pool: Pool) {
    let way = Way::new().await;
    let rates = Rates { token: 100_000, address: 100_000, ..Rates::NONE };
    let (world, shared) = process(&pool, &way.settings(), &installation(), rates).await;
    let status = async || world.client.get("/readyz").send().await.0;
    eventually("it is whole", async || whole(status().await).await.then_some(())).await;
    let mut stream = Stream::open(&world, "/api/provider/stream", &world.token(), None).await;

    way.cut();
    eventually("it is degraded", async || (!whole(status().await).await).then_some(())).await;
    let payout = world.payout("1.00").await.to_string();
    stream.until("payout.changed", &payout).await;
    // Whoever comes back now is told to fetch.
    let mut back = Stream::open(&world, "/api/provider/stream", &world.token(), Some("1-1")).await;
    back.until("resync", "").await;

    way.open();
    eventually("it is whole again", async || {
        (whole(status().await).await && shared.live.is_shared()).then_some(())
    })
    .await;
    let payout = world.payout("2.00").await.to_string();
    stream.until("payout.changed", &payout).await;
    shared.stop.cancel();
}

/// Redis away is no reason to send no requests here.
async fn whole(answer: poem::Response) -> bool {
    assert_eq!(answer.status(), StatusCode::OK);
    let health: Value = serde_json::from_str(&answer.into_body().into_string().await.unwrap()).unwrap();
    health["status"] == "ok"
}

#[sqlx::test(migrations = "../migrations")]
async fn hundreds_of_requests_and_streams_take_no_more_connections_than_the_bound(pool: Pool) {
    let rates = Rates { token: 100_000, platform: 100_000, address: 100_000, webhooks: 100_000 };
    let (first, shared) = process(&pool, &settings(), &installation(), rates).await;
    shared.stop.cancel();
    for (pool_size, expected) in [(10, 5), (3, 3), (2, 2)] {
        let settings = RedisSettings { pool_size, ..settings() };
        let shared = Shared::through(links(&settings, &installation()), rates);
        let world = first.beside(vec![Arc::new(Redis(shared.links.clone()))], &shared);
        run(&world, &shared).await;
        let mut streams = vec![];
        for subject in 0..20 {
            let token = mint(&serde_json::json!({
                "sub": format!("risk-{subject}"), "role": "admin", "aud": "payouts", "exp": 4_102_444_800_u64
            }));
            for _ in 0..10 {
                let mut stream = Stream::open(&world, "/api/admin/stream", &token, None).await;
                assert_eq!(stream.next().await.unwrap().name, "ready");
                streams.push(stream);
            }
            if subject == 0 {
                let refused = world.get("/api/admin/stream", &token).await;
                assert_eq!(crate::world::code(&refused), (429, "too_many_streams"));
            }
        }
        let (payouts, banks, workers) =
            ("/api/provider/payouts", "/api/provider/banks", "/api/admin/workers");
        let world = &world;
        let ask = |number: usize| async move {
            let (path, token) = match number % 3 {
                0 => (payouts, world.token()),
                1 => (banks, world.token()),
                _ => (workers, admin()),
            };
            world.client.get(path).header("authorization", format!("Bearer {token}")).send().await.0.status()
        };
        let answers = futures::future::join_all((0..300).map(ask)).await;
        assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
        let names = clients_of(&shared.links).await;
        assert_eq!(names.len(), expected, "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("payouts-api-")), "{names:?}");
        drop(streams);
        shared.stop.cancel();
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_the_gateway_told_one_process_another_need_not_ask(pool: Pool) {
    let installation = installation();
    let shared = || Shared::through(links(&settings(), &installation), Rates::NONE);
    let one = World::sharing(pool, vec![], &shared()).await;
    let other = one.beside(vec![], &shared());
    let account = serde_json::json!({ "bank_code": "044", "account_number": "0690000032" });
    let resolve = "/api/provider/bank-accounts/resolve";
    let (told, status) = one.post(resolve, &one.token(), &account).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    other.gateway.go_away();
    assert_eq!(other.post(resolve, &one.token(), &account).await, (told, StatusCode::OK));
    assert_eq!(other.get("/api/provider/banks", &one.token()).await.1, StatusCode::OK);
    // What nobody has asked yet cannot be told.
    let unknown = serde_json::json!({ "bank_code": "044", "account_number": "0690000033" });
    assert_eq!(other.post(resolve, &one.token(), &unknown).await.1, StatusCode::SERVICE_UNAVAILABLE);
    let everything = everything_of(&installation).await;
    assert!(everything.contains("ADA OBI") && !everything.contains("0690000032"), "{everything}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_stream_ends_with_its_token(pool: Pool) {
    let (world, shared) = process(&pool, &settings(), &installation(), Rates::NONE).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Tokens are taken for half a minute after their end, for the sake of clocks that differ.
    let token =
        mint(&serde_json::json!({ "sub": "risk-1", "role": "admin", "aud": "payouts", "exp": now + 1 }));
    let mut stream = Stream::open(&world, "/api/admin/stream", &token, None).await;
    assert_eq!(stream.until("end", "").await.data["reason"], "token_expired");
    assert!(stream.next().await.is_none());
    shared.stop.cancel();
}
