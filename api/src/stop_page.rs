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
/// In the dashboard's colours, for both themes; a button that a thumb hits.
const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{margin:0;padding:8vh 1rem 2rem;background:light-dark(#f5f7f5,#0e1311);color:light-dark(#12201a,#e6ede9);\
    font:1.0625rem/1.55 system-ui,sans-serif}\
    main{max-width:32rem;margin:0 auto;padding:1.5rem 1.6rem;border:1px solid light-dark(#dbe3dd,#27312c);border-radius:16px;\
    background:light-dark(#fff,#151b18);overflow-wrap:anywhere}\
    h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}\
    p{margin:0 0 1rem}\
    .account{font-size:1.25rem;font-weight:650}\
    a{color:light-dark(#0a6b4b,#57d3a3)}\
    button{width:100%;min-height:3rem;border:0;border-radius:10px;background:light-dark(#a92219,#ff9f94);\
    color:light-dark(#fff,#2a0906);font:inherit;font-weight:620;cursor:pointer}\
    :focus-visible{outline:3px solid light-dark(#0a6b4b,#7fe3bd);outline-offset:2px}";
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
        "<h1>Was this you?</h1><p>On {added} this bank account was added to be paid to:</p><p class=\"account\">{} at {bank}</p><p>If it \
         was you, close this page: nothing changes.</p><p>If it was not, stop it. The account is removed, nothing is sent to it, and \
         we look into it. Your money stays in your balance.</p><form method=\"post\"><button>It was not me: stop it</button></form>",
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
        "<h1>Stopped</h1><p>The bank account is removed and nothing is sent to it. A payout that was to go there waits, and its money \
         stays yours.</p><p>Somebody was signed in as you: change how you sign in now. We look into it and will ask you.</p><p><a \
         href=\"/provider/bank-accounts\">See your bank accounts</a></p>",
    )
}

fn gone() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "<h1>This link does not work</h1><p>It is incomplete, or its time is over. Nothing was changed. Sign in to see which bank \
         accounts you have; one that is not yours can be removed there.</p><p><a href=\"/provider/bank-accounts\">See your bank \
         accounts</a></p>",
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><title>Bank account</title><style>\
         {STYLE}</style></head><body><main>{body}</main></body></html>"
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
