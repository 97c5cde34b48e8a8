//! One HTTP POST of a webhook, as the gateway's own client sends it.
//!
//! Guarantees: a fresh connection per delivery, no redirects, no retries, the headers seen in a live capture.
//! Limit: `http://` only; receivers are on the same machine or network, and TLS would be most of this crate.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// As captured from the live gateway in 2024.
const USER_AGENT: &str = "axios/0.19.2";
const ACCEPT: &str = "application/json, text/plain, */*";
const CONTENT_TYPE: &str = "application/json;charset=utf-8";

const HTTP_PORT: u16 = 80;

/// Where and what to send.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) hash: String,
    pub(crate) body: String,
}

impl Delivery {
    /// Sends it; answers the receiver's HTTP status, or why there was none.
    pub(crate) async fn send(self, patience: Duration) -> Result<u16, String> {
        match tokio::time::timeout(patience, self.exchange()).await {
            Ok(outcome) => outcome,
            Err(_) => Err("timed out".to_owned()),
        }
    }

    async fn exchange(self) -> Result<u16, String> {
        let (uri, address) = parse_url(&self.url)?;
        let hash = HeaderValue::from_str(&self.hash).map_err(|error| error.to_string())?;
        let stream = TcpStream::connect(&address).await.map_err(|error| error.to_string())?;
        // Without it the body waits for the acknowledgement of the head.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header("accept", ACCEPT)
            .header("content-type", CONTENT_TYPE)
            .header("verif-hash", hash)
            .header("user-agent", USER_AGENT)
            .header("host", address)
            .header("connection", "close")
            .body(Full::new(Bytes::from(self.body)))
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request);
        tokio::pin!(connection, answer);
        let outcome = tokio::select! {
            biased;
            answer = &mut answer => answer,
            // It has ended with the answer already handed over, or the answer will say why there is none.
            _ = &mut connection => answer.await,
        };
        outcome.map(|answer| answer.status().as_u16()).map_err(text)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err, which gives the error away")]
fn text(error: hyper::Error) -> String {
    error.to_string()
}

/// Whether webhooks can be sent there.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    parse_url(url).map(|_| ())
}

fn parse_url(url: &str) -> Result<(Uri, String), String> {
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is not a URL"))?;
    if uri.scheme_str() != Some("http") {
        return Err(format!("`{url}` must start with http://"));
    }
    let host = uri.host().ok_or_else(|| format!("`{url}` names no host"))?;
    let address = format!("{host}:{}", uri.port_u16().unwrap_or(HTTP_PORT));
    Ok((uri, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_taken() {
        for url in ["http://127.0.0.1:8080/hook", "http://[::1]/hook?a=b", "http://receiver/"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in ["https://127.0.0.1/hook", "127.0.0.1", "/hook", "http://", ""] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
