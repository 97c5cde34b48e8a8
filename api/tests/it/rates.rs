//! How often somebody may ask.

use std::time::{Duration, Instant};

use api::rate::Rates;
use poem::http::StatusCode;
use serde_json::Value;
use store::Pool;

use crate::{
    redis_server::{installation, links, settings},
    world::{Shared, World, admin, no_redis},
};

async fn asks(world: &World, token: &str) -> poem::Response {
    world
        .client
        .get("/api/provider/balance")
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await
        .0
}

fn header<'a>(answer: &'a poem::Response, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

/// Asks the processes in turn until one refuses: how many were answered, the refusal, and how long it took. What is worked off
/// meanwhile finds room again, so a slow machine has more answered.
async fn until_refused(
    worlds: &[&World],
    token: &str,
    answered: StatusCode,
) -> (u32, poem::Response, Duration) {
    let began = Instant::now();
    let mut count = 0;
    loop {
        let world = worlds[usize::try_from(count).unwrap() % worlds.len()];
        let answer = asks(world, token).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return (count, answer, began.elapsed());
        }
        assert_eq!(answer.status(), answered);
        assert!(header(&answer, "ratelimit").contains(";r="), "{}", header(&answer, "ratelimit"));
        count += 1;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_subject_has_its_limit_once_over_all_processes(pool: Pool) {
    let (installation, rates) = (installation(), Rates { token: 6, ..Rates::NONE });
    let shared = || Shared::through(links(&settings(), &installation), rates);
    let one = World::sharing(pool, vec![], &shared()).await;
    let other = one.beside(vec![], &shared());
    let token = one.token();
    // Adding an account was the first.
    let (answered, refused, took) = until_refused(&[&one, &other], &token, StatusCode::OK).await;
    let worked_off = u32::try_from(took.as_secs() / 10).unwrap();
    assert!((5..=6 + worked_off).contains(&answered), "{answered} in {took:?}");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"token\";q=6;w=60");
    assert!(header(&refused, "ratelimit").starts_with("\"token\";r=0;"));
    let retry_after: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=10).contains(&retry_after), "{retry_after}");
    assert_eq!(refused.content_type(), Some("application/problem+json"));
    let body: Value = serde_json::from_str(&refused.into_body().into_string().await.unwrap()).unwrap();
    assert_eq!((&body["code"], &body["retry_after_seconds"]), (&"rate_limited".into(), &retry_after.into()));
    // Others have theirs.
    assert_eq!(one.get("/api/admin/payouts", &admin()).await.1, StatusCode::OK);
}

#[sqlx::test(migrations = "../migrations")]
async fn without_redis_each_process_counts_by_itself(pool: Pool) {
    let shared = || Shared::through(no_redis(), Rates { token: 3, ..Rates::NONE });
    let one = World::sharing(pool, vec![], &shared()).await;
    let other = one.beside(vec![], &shared());
    let (answered, _, took) = until_refused(&[&one], &one.token(), StatusCode::OK).await;
    assert!((2..=3 + took.as_secs() / 20).contains(&answered.into()), "{answered} in {took:?}");
    let (answered, _, took) = until_refused(&[&other], &one.token(), StatusCode::OK).await;
    assert!((3..=4 + took.as_secs() / 20).contains(&answered.into()), "{answered} in {took:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn bad_tokens_count_tenfold_against_the_address_and_health_against_nothing(pool: Pool) {
    let shared = Shared::through(links(&settings(), &installation()), Rates { address: 30, ..Rates::NONE });
    // What it was set up with were a few.
    let world = World::sharing(pool, vec![], &shared).await;
    let (answered, refused, took) = until_refused(&[&world], "guessed", StatusCode::UNAUTHORIZED).await;
    assert!((2..=3 + took.as_secs() / 20).contains(&answered.into()), "{answered} in {took:?}");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"address\";q=30;w=60");
    for path in ["/healthz", "/readyz"] {
        let answer = world.client.get(path).send().await.0;
        assert!(answer.header("ratelimit").is_none() && answer.status() == StatusCode::OK);
    }
}
