//! The screening hook on the real stack: asked over HTTP, signed both ways, before anything leaves.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::Utc;
use domain::{PayoutId, PayoutStatus};
use gateway::screening::Secret;
use poem::{
    EndpointExt, Route, Server, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::Data,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::decisions::{self, NewDecision, Verdict};

use crate::stage::{Stage, admin, eventually};

const SECRET: &str = "whsec_c2NyZWVuaW5nLXNlY3JldC1vZi10aGUtdGVzdHM=";

/// A hook that signs as it should and says of providers what the test says.
struct Hook {
    secret: Secret,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    /// External ids of those who are on a list.
    hits: BTreeSet<String>,
    /// Of those about whom the hook breaks.
    broken: BTreeSet<String>,
    /// About whom it was asked, each time.
    asked: Vec<String>,
}

impl Hook {
    async fn start() -> (Arc<Self>, String) {
        let said = Mutex::default();
        let hook = Arc::new(Self { secret: Secret::parse(SECRET).unwrap(), said });
        let listening = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = listening.local_addr().remove(0);
        let routes = Route::new().at("/screen", post(screen)).data(hook.clone()).boxed();
        tokio::spawn(Server::new_with_acceptor(listening).run(routes));
        (hook, format!("http://{}/screen", address.as_socket_addr().unwrap()))
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn times_asked_about(&self, external_id: &str) -> usize {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.asked.iter().filter(|asked| *asked == external_id).count()
    }
}

#[handler]
async fn screen(request: &poem::Request, body: poem::Body, hook: Data<&Arc<Hook>>) -> poem::Response {
    let body = body.into_bytes().await.unwrap();
    let header = |name| request.header(name).unwrap_or_default();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    if hook.secret.sign(id, at, &body).as_deref() != Some(header("webhook-signature")) {
        return StatusCode::UNAUTHORIZED.into();
    }
    let question: Value = serde_json::from_slice(&body).unwrap();
    let about = question["provider_external_id"].as_str().unwrap().to_owned();
    let mut answer = json!({ "verdict": "clear", "list_version": "1" });
    let mut breaks = false;
    hook.say(|said| {
        if said.hits.contains(&about) {
            answer["verdict"] = json!("hit");
        }
        breaks = said.broken.contains(&about);
        said.asked.push(about);
    });
    if breaks {
        return StatusCode::SERVICE_UNAVAILABLE.into();
    }
    let answer = answer.to_string();
    let now = Utc::now().timestamp().to_string();
    let signature = hook.secret.sign(id, &now, answer.as_bytes()).unwrap();
    poem::Response::builder()
        .header("webhook-id", id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", signature)
        .content_type("application/json")
        .body(answer)
}

async fn approve(stage: &Stage, payout: PayoutId) {
    let decision = NewDecision { payout, verdict: Verdict::Approve, reason: "looked at by a person" };
    decisions::decide(&stage.pool, &decision, &admin(), false, Utc::now()).await.unwrap();
}

async fn until_closed(stage: &Stage, batch: domain::BatchId) {
    eventually("the batch is closed", async || {
        store::batches::get(&stage.pool, batch).await.unwrap()?.closed_at
    })
    .await;
}

/// Who is cleared is paid; who is on a list, and about whom the hook breaks, go before people and leave only by their word.
#[sqlx::test(migrations = "../migrations")]
async fn only_who_was_cleared_leaves_and_the_others_wait_for_people(pool: PgPool) {
    let (hook, url) = Hook::start().await;
    let mut stage = Stage::with(&pool, &[("SCREENING_URL", &url), ("SCREENING_SECRET", SECRET)]).await;
    let mut payouts = vec![];
    for number in [2, 3, 4] {
        let provider = stage.another(number).await;
        payouts.push(stage.approved(provider, "1000.00").await);
    }
    let (clear, hit, unanswered) = (payouts[0], payouts[1], payouts[2]);
    hook.say(|said| {
        said.hits.insert("provider-3".to_owned());
        said.broken.insert("provider-4".to_owned());
    });
    let first = stage.run_batch().await;
    stage.until_status(clear, PayoutStatus::Completed).await;
    until_closed(&stage, first).await;
    for stopped in [hit, unanswered] {
        stage.until_waiting(stopped, "decision").await;
        assert_eq!(stage.payout(stopped).await.status, PayoutStatus::Requested);
        let line = stage.timeline(stopped).await;
        assert!(line.iter().any(|action| action == "screening_stopped"), "{line:?}");
    }
    let asked = ["provider-2", "provider-3", "provider-4"].map(|about| hook.times_asked_about(about));
    assert_eq!(asked, [1, 1, 2], "silence is met with one more question");
    assert_eq!(stage.gateway.posts(None).await.unwrap().total, 1);

    hook.say(|said| said.broken.clear());
    for stopped in [hit, unanswered] {
        approve(&stage, stopped).await;
        stage.until_waiting(stopped, "window").await;
    }
    stage.run_batch().await;
    for stopped in [hit, unanswered] {
        stage.until_status(stopped, PayoutStatus::Completed).await;
    }
    assert_eq!(hook.times_asked_about("provider-3"), 1, "the admin has seen what was said");
    assert_eq!(hook.times_asked_about("provider-4"), 3);
    stage.record("stopped_by_screening", hit).await;
    stage.close("3000.00").await;
}

/// A hook that is away holds nobody's money for ever and lets nobody's out.
#[sqlx::test(migrations = "../migrations")]
async fn a_hook_that_is_away_sends_a_batch_before_people(pool: PgPool) {
    let nobody = "http://127.0.0.1:1/screen";
    let mut stage = Stage::with(&pool, &[("SCREENING_URL", nobody), ("SCREENING_SECRET", SECRET)]).await;
    let payout = stage.request("1000.00").await;
    stage.until_waiting(payout, "window").await;
    let batch = stage.run_batch().await;
    stage.until_waiting(payout, "decision").await;
    until_closed(&stage, batch).await;
    assert_eq!(stage.gateway.posts(None).await.unwrap().total, 0);
    approve(&stage, payout).await;
    stage.run_batch().await;
    stage.until_status(payout, PayoutStatus::Completed).await;
    stage.close("1000.00").await;
}
