//! The gateway's API, one file per group of endpoints.
//!
//! <https://developer.flutterwave.com/reference/endpoints/transfers/>

mod accounts;
mod balances;
mod beneficiaries;
mod bulk;
mod fees;
mod lookups;
mod order;
mod retries;
pub(crate) mod shapes;
mod transfers;

use std::sync::Arc;

use hyper::Method;

use crate::faults::treatment::{Reply, Treatment};
use crate::faults::{Endpoint, Stage, Subject};
use crate::server::{Answer, Request};
use crate::world::World;

/// Answers what stands under `/v3`.
pub(crate) async fn route(world: &Arc<World>, request: &Request, path: &[&str]) -> Answer {
    let is_transfer = request.method == Method::POST && path == ["transfers"];
    if let Some(refusal) = check_key(world, request) {
        if is_transfer {
            transfers::refused_at_the_door(world, request);
        }
        return refusal;
    }
    let answer = match (&request.method, path) {
        (&Method::POST, ["transfers"]) => transfers::create(world, request).await,
        (&Method::GET, ["transfers"]) => lookups::list(world, request).await,
        (&Method::GET, ["transfers", "fee"]) => fees::quote(world, request).await,
        (&Method::GET, ["transfers", id]) => lookups::by_id(world, id).await,
        (&Method::POST, ["transfers", id, "retries"]) => retries::create(world, id).await,
        (&Method::GET, ["transfers", id, "retries"]) => retries::list(world, id).await,
        (&Method::POST, ["bulk-transfers"]) => bulk::create(world, request).await,
        (&Method::POST, ["accounts", "resolve"]) => accounts::resolve(world, request).await,
        (&Method::GET, ["banks", country]) => accounts::banks(world, country).await,
        (&Method::GET, ["balances"]) => balances::all(world).await,
        (&Method::GET, ["balances", currency]) => balances::one(world, currency).await,
        (&Method::POST, ["beneficiaries"]) => beneficiaries::create(world, request).await,
        (&Method::GET, ["beneficiaries"]) => beneficiaries::list(world, request).await,
        (&Method::GET, ["beneficiaries", id]) => beneficiaries::one(world, id).await,
        (&Method::DELETE, ["beneficiaries", id]) => beneficiaries::remove(world, id).await,
        _ => Ok(Answer::error(404, "Not found")),
    };
    answer.unwrap_or_else(|answer| answer)
}

fn check_key(world: &World, request: &Request) -> Option<Answer> {
    match request.bearer() {
        None => Some(Answer::unauthorized()),
        Some(key) if key != world.secret_key => Some(Answer::wrong_key()),
        Some(_) => None,
    }
}

/// Lets a fault of the answer strike an endpoint that moves no money; `Err` is what the caller hears instead.
async fn strike(world: &World, subject: &Subject<'_>) -> Result<(), Answer> {
    let settings = world.settings();
    let Some(fault) = world.faults.strike(Stage::Answer, subject, &settings.random, 0) else {
        return Ok(());
    };
    match Treatment::under(&fault).reply {
        Reply::Honest => Ok(()),
        reply @ Reply::Instead(..) => Err(reply.or_honest(&world.books.clock, Answer::Reset).await),
    }
}

async fn strike_endpoint(world: &World, endpoint: Endpoint) -> Result<(), Answer> {
    strike(world, &Subject { endpoint, ..Subject::default() }).await
}
