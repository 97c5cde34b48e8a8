//! `GET` and `POST /bank-account-stops/{link}`: the page behind the link in the mail about a new bank account.
//!
//! A page without scripts, because it is opened from a mail and not by a program; so it is not in the document. Reading it changes
//! nothing. Limits: the link is the key; it is compared by its hash, works once, and until the account has cooled off. Account
//! numbers are shown with their last four digits.

use std::sync::Arc;

use poem::{
    Body, Request, Response, Result, Route, get, handler,
    http::{StatusCode, header},
    web::{Data, Path},
};
use sha2::{Digest as _, Sha256};
use store::account_stops::{LinkHash, Stopped, look, stop};
use url::Url;
use uuid::Uuid;

use crate::{app::App, problem::Problem};

const PATH: &str = "/bank-account-stops";
/// Two random ids in hexadecimal digits.
const LINK_CHARS: usize = 64;

/// A new link: 244 random bits, and their hash, which is all that is kept.
pub(crate) struct StopLink {
    secret: String,
}

impl StopLink {
    pub(crate) fn mint() -> Self {
        Self { secret: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()) }
    }

    pub(crate) fn hash(&self) -> LinkHash {
        hash(&self.secret)
    }

    pub(crate) fn url(&self, public: &Url) -> String {
        format!("{}{PATH}/{}", public.as_str().trim_end_matches('/'), self.secret)
    }
}

fn hash(secret: &str) -> LinkHash {
    Sha256::digest(secret.as_bytes()).into()
}

pub(crate) fn routes(routes: Route) -> Route {
    routes.at(format!("{PATH}/:link"), get(show).post(carry_out))
}

/// A path as it may be logged: a link is a key.
pub(crate) fn loggable(path: &str) -> &str {
    if path.starts_with(PATH) { PATH } else { path }
}

#[handler]
async fn show(Data(app): Data<&Arc<App>>, Path(link): Path<String>, _request: &Request) -> Result<Response> {
    let found = match link_hash(&link) {
        Some(hash) => look(&app.pool, &hash, app.now()).await.map_err(Problem::from)?,
        None => None,
    };
    let Some(found) = found else { return Ok(gone()) };
    if found.stopped_at.is_some() {
        return Ok(stopped());
    }
    let bank = crate::banks::BankNames::get(app).await.of(&found.bank);
    let bank = escaped(bank.as_deref().unwrap_or(found.bank.as_str()));
    let added = found.added_at.with_timezone(&app.zone).format("%Y-%m-%d %H:%M %Z");
    let body = format!(
        "<h1>Was this you?</h1><p>On {added} the bank account <b>{} at {bank}</b> was added to be paid to.</p><p>If it was you, \
         close this page. If it was not, stop it: the account is removed and nothing is sent to it.</p><form method=\"post\"><button>\
         It was not me: stop it</button></form>",
        found.number.masked()
    );
    Ok(page(StatusCode::OK, &body))
}

#[handler]
async fn carry_out(Data(app): Data<&Arc<App>>, Path(link): Path<String>) -> Result<Response> {
    let outcome = match link_hash(&link) {
        Some(hash) => stop(&app.pool, &hash, app.now()).await.map_err(Problem::from)?,
        None => Stopped::Unknown,
    };
    Ok(match outcome {
        Stopped::Done => {
            tracing::warn!("a bank account was stopped by the link in its message");
            stopped()
        }
        Stopped::Already => stopped(),
        Stopped::Unknown => gone(),
    })
}

fn link_hash(link: &str) -> Option<LinkHash> {
    (link.len() == LINK_CHARS && link.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hash(link))
}

fn stopped() -> Response {
    page(
        StatusCode::OK,
        "<h1>Stopped</h1><p>The bank account is removed and nothing is sent to it. Change how you sign in, and tell us.</p>",
    )
}

fn gone() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "<h1>This link does not work</h1><p>It is incomplete, or its time is over. Sign in to see your bank accounts.</p>",
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Bank account</title><style>body{{font:1.1rem/1.5 \
         system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}button{{font:inherit;padding:.6rem 1rem}}</style>\
         </head><body>{body}</body></html>"
    );
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        // The link is a key: it goes nowhere else.
        .header(header::REFERRER_POLICY, "no-referrer")
        .header(header::CACHE_CONTROL, "no-store")
        .body(Body::from_string(html))
}
