//! One HTTP call to the gateway.
//!
//! Guarantee: a call puts at most one request on the wire. No redirect is followed, no proxy of the environment is used, and
//! nothing is repeated, also not by the layers below: `hyper-util` by itself sends a request again when it was queued on a
//! kept-alive connection that turned out to be closed (`reqwest`'s `retry::never()` does not reach that far down), and `reqwest`
//! does so on HTTP/2 refusals. Neither can happen to a transfer: it goes over HTTP/1.1 on a connection of its own.
//!
//! Cost: a TCP and TLS handshake for each transfer. Questions share kept-alive connections.
//!
//! Limit: an answer is read to 1 MiB.

use std::{error::Error as _, time::Instant};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, RequestBuilder, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use tracing::{debug, info};
use url::Url;

use super::{
    config::{Config, InvalidConfig},
    exchange::{Answer, Body, Exchange, retry_after},
};
use crate::redact::scrub;

/// The longest documented answer, the list of banks, is some 60 KiB; more than this is not an answer but an attack or a fault.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Kept-alive connections for questions. Flutterwave's load balancer closes idle ones after about a minute.
const IDLE_CONNECTIONS: usize = 4;
const USER_AGENT: &str = concat!("payouts-gateway/", env!("CARGO_PKG_VERSION"));

pub(super) struct Client {
    base: Url,
    /// Never keeps a connection, so never finds a stale one.
    sending: reqwest::Client,
    asking: reqwest::Client,
}

/// What a call is for, as the logs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Moves money.
    Send,
    /// Can be asked again without harm.
    Ask,
}

impl Client {
    pub(super) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        config.check()?;
        // Where the process has chosen a TLS provider already, that one is used; `Err` says just this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::try_from(format!("Bearer {}", config.secret_key.expose()))
            .map_err(|_| InvalidConfig::Key)?;
        key.set_sensitive(true);
        headers.insert(AUTHORIZATION, key);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let build = |idle_connections| {
            reqwest::Client::builder()
                .default_headers(headers.clone())
                .user_agent(USER_AGENT)
                .timeout(config.timeout)
                .connect_timeout(config.connect_timeout)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .http1_only()
                .pool_max_idle_per_host(idle_connections)
                .build()
                .map_err(|error| InvalidConfig::Client(chain(&error.without_url())))
        };
        Ok(Self { base: config.base_url.clone(), sending: build(0)?, asking: build(IDLE_CONNECTIONS)? })
    }

    /// `GET /v3/<path>?<query>`.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Exchange {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        call(Purpose::Ask, path, self.asking.request(Method::GET, url)).await
    }

    /// `POST /v3/<path>` with a JSON body.
    pub(super) async fn post(&self, purpose: Purpose, path: &[&str], body: Vec<u8>) -> Exchange {
        let client = match purpose {
            Purpose::Send => &self.sending,
            Purpose::Ask => &self.asking,
        };
        let request = client.request(Method::POST, self.url(path));
        call(purpose, path, request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // `Err` is for URLs such as `mailto:`, which the settings refuse.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v3").extend(path);
        }
        url
    }
}

async fn call(purpose: Purpose, path: &[&str], request: RequestBuilder) -> Exchange {
    let started = Instant::now();
    let exchange = match request.send().await {
        Ok(response) => Exchange::Answered(read(response).await),
        Err(error) => broken(error),
    };
    let elapsed = started.elapsed();
    let operation = path.first().copied().unwrap_or_default();
    let outcome = match &exchange {
        Exchange::NotConnected { why } => format!("could not be reached ({why})"),
        Exchange::Broken { why } => format!("gave no answer ({why})"),
        Exchange::Answered(answer) => format!("answered {}", answer.status),
    };
    match purpose {
        Purpose::Send => info!(operation, ?elapsed, "the gateway {outcome} to a send"),
        Purpose::Ask => debug!(operation, ?elapsed, "the gateway {outcome} to a question"),
    }
    exchange
}

/// Only a connect error is a request that never left: it is the one kind that is raised before the request is handed to a
/// connection. A timeout while connecting is one too; a timeout of the whole call is not, whatever it interrupted.
fn broken(error: reqwest::Error) -> Exchange {
    let not_connected = error.is_connect();
    let why = chain(&error.without_url());
    if not_connected { Exchange::NotConnected { why } } else { Exchange::Broken { why } }
}

async fn read(mut response: Response) -> Answer {
    let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
    let retry_after = header(RETRY_AFTER).and_then(|wait| retry_after(wait, header(DATE)));
    let status = response.status().as_u16();
    let mut read = BytesMut::new();
    let body = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if read.len().saturating_add(chunk.len()) > MAX_BODY_BYTES => {
                break Body::Cut { why: format!("the body is longer than {MAX_BODY_BYTES} bytes") };
            }
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => break Body::Whole(Bytes::from(read)),
            Err(error) => break Body::Cut { why: chain(&error.without_url()) },
        }
    };
    Answer { status, retry_after, body }
}

/// The error and what caused it, on one line. Without the URL, which carries what we ask about.
fn chain(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    scrub(&said, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_behind_the_base_url_and_escaped() {
        let client = |base: &str| {
            Client::new(&Config::new(base.parse().unwrap(), "FLWSECK_TEST-x".parse().unwrap())).unwrap()
        };
        for (base, path, url) in [
            ("https://example.org", &["transfers"][..], "https://example.org/v3/transfers"),
            ("https://example.org/", &["transfers", "7"], "https://example.org/v3/transfers/7"),
            ("https://example.org/prefix/", &["banks", "NG"], "https://example.org/prefix/v3/banks/NG"),
            ("https://example.org", &["banks", "../x?y"], "https://example.org/v3/banks/..%2Fx%3Fy"),
        ] {
            assert_eq!(client(base).url(path).as_str(), url);
        }
    }
}
