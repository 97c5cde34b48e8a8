//! The control handle over HTTP, under `/_sim`, and the page at `/`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hyper::Method;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Control, ControlError, WebhookOrder};
use crate::faults::Plan;
use crate::server::{Answer, Request};
use crate::span::Span;
use crate::world::World;

const PAGE: &str = include_str!("page.html");
/// A page of the books unless the caller asks for another size.
const DEFAULT_PAGE: usize = 1_000;

pub(crate) const fn page() -> Answer {
    Answer::html(200, PAGE)
}

#[derive(Serialize)]
struct Failure {
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WalletBody {
    balance: Decimal,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReverseBody {
    message: Option<String>,
    event: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance: Span,
}

#[derive(Serialize)]
struct FaultsView {
    faults: Vec<crate::Planted>,
}

/// Answers what stands under `/_sim`.
pub(crate) async fn route(world: &Arc<World>, request: &Request, path: &[&str]) -> Answer {
    let control = Control { world: Arc::clone(world) };
    match dispatch(&control, request, path).await {
        Ok(answer) => answer,
        Err(ControlError::NotFound(error)) => Answer::json(404, &Failure { error }),
        Err(ControlError::Refused(error)) => Answer::json(400, &Failure { error }),
        Err(ControlError::BooksBroken) => Answer::Reset,
    }
}

async fn dispatch(control: &Control, request: &Request, path: &[&str]) -> Result<Answer, ControlError> {
    let answer = match (&request.method, path) {
        (&Method::GET, ["transfers"]) => transfers(control, request).await?,
        (&Method::GET, ["transfers", reference]) => {
            let known = control.reference(reference).await?;
            let never = || ControlError::NotFound(format!("{reference} was never posted"));
            Answer::json(200, &known.ok_or_else(never)?)
        }
        (&Method::GET, ["wallet"]) => Answer::json(200, &control.wallet().await?),
        (&Method::POST, ["wallet"]) => {
            let wanted: WalletBody = body(request)?;
            Answer::json(200, &control.set_wallet(wanted.balance).await?)
        }
        (&Method::GET, ["faults"]) => Answer::json(200, &FaultsView { faults: control.faults() }),
        (&Method::POST, ["faults"]) => Answer::json(201, &control.plant(body::<Plan>(request)?)?),
        (&Method::DELETE, ["faults"]) => {
            control.clear_faults();
            Answer::json(200, &FaultsView { faults: Vec::new() })
        }
        (&Method::DELETE, ["faults", id]) => {
            if !id.parse().is_ok_and(|id| control.remove_fault(id)) {
                return Err(ControlError::NotFound(format!("there is no fault {id}")));
            }
            Answer::json(200, &FaultsView { faults: control.faults() })
        }
        (&Method::GET, ["settings"]) => Answer::json(200, &*control.settings()),
        (&Method::POST, ["settings"]) => Answer::json(200, &*control.patch_settings(&body(request)?)?),
        (&Method::POST, ["webhooks"]) => {
            let order: WebhookOrder = body(request)?;
            Answer::json(200, &control.send_webhook(order).await?)
        }
        (&Method::POST, ["reverse", reference]) => {
            let wanted: ReverseBody = optional_body(request)?;
            let reversed = control.reverse(reference, wanted.message.as_deref(), wanted.event).await?;
            Answer::json(200, &reversed)
        }
        (&Method::POST, ["retry", reference]) => Answer::json(200, &control.retry(reference).await?),
        (&Method::GET, ["statement"]) => Answer::csv(control.statement().await?),
        (&Method::GET, ["posts"]) => Answer::json(200, &control.posts(since(request)?).await?),
        // Whoever waits for the simulator to be up asks for its health.
        (&Method::GET, ["clock" | "health"]) => Answer::json(200, &control.clock()),
        (&Method::POST, ["clock"]) => {
            let wanted: ClockBody = body(request)?;
            Answer::json(200, &control.advance_clock(wanted.advance).await?)
        }
        _ => return Err(ControlError::NotFound("there is no such control".to_owned())),
    };
    Ok(answer)
}

async fn transfers(control: &Control, request: &Request) -> Result<Answer, ControlError> {
    let limit = number(request, "limit")?.unwrap_or(DEFAULT_PAGE);
    let page = match request.query("order") {
        Some("newest") => control.newest(limit).await?,
        Some(other) => return Err(ControlError::Refused(format!("there is no order `{other}`"))),
        None => control.page(number(request, "after")?.unwrap_or(0), limit).await?,
    };
    Ok(Answer::json(200, &page))
}

fn since(request: &Request) -> Result<Option<DateTime<Utc>>, ControlError> {
    let read = |text: &str| text.parse().map_err(|_| ControlError::Refused("since is RFC 3339".to_owned()));
    request.query("since").map(read).transpose()
}

fn number<T: std::str::FromStr>(request: &Request, name: &str) -> Result<Option<T>, ControlError> {
    let read = |text: &str| text.parse().map_err(|_| ControlError::Refused(format!("{name} is a number")));
    request.query(name).map(read).transpose()
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, ControlError> {
    serde_json::from_slice(&request.body).map_err(|error| ControlError::Refused(error.to_string()))
}

fn optional_body<T: DeserializeOwned + Default>(request: &Request) -> Result<T, ControlError> {
    if request.body.is_empty() { Ok(T::default()) } else { body(request) }
}
