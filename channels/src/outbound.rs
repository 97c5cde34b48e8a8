//! Calls to addresses that strangers chose: browsers' push endpoints and the marketplace's webhooks.
//!
//! Guarantees: `https` only, no redirects, no proxy, no cookies, a time limit, at most [`ANSWER_BYTES`] of an answer are read.
//! The name is resolved by us and only public addresses are connected to, so a name that points (or is pointed later) into our
//! network reaches nothing: the address that was checked is the one that is used. Development settings reach anything, over
//! plain HTTP too: everything is on one machine there.

use std::{
    error::Error as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use reqwest::{
    StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};
use store::messages::{Outcome, Tried};
use url::{Host, Url};

use crate::{Invalid, TRY_LIMIT, unanswered};

/// Connecting is a part of the try.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Enough to see what a receiver complains about.
const ANSWER_BYTES: usize = 2048;
const MAX_URL_CHARS: usize = 1000;
const USER_AGENT: &str = "payouts-messages/1";

/// What may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses over TLS.
    Public,
    /// Anything: for development, where both ends are one machine.
    Anything,
}

/// Why an address cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("must be a URL of at most 1000 characters")]
    NotAUrl,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must not contain a user name, password or fragment")]
    Credentials,
    #[error("must not be a private, local or reserved address")]
    Private,
}

/// Whether an address may be kept, as far as can be told without asking anybody. Names are judged again at each call.
pub fn check(text: &str, reach: Reach) -> Result<Url, Forbidden> {
    if text.chars().count() > MAX_URL_CHARS {
        return Err(Forbidden::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| Forbidden::NotAUrl)?;
    match (url.scheme(), reach) {
        ("https", _) | ("http", Reach::Anything) => {}
        (_, _) => return Err(Forbidden::NotHttps),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Forbidden::Credentials);
    }
    let is_public = match url.host() {
        None => return Err(Forbidden::NotAUrl),
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let is_local = |suffix: &str| name == suffix || name.ends_with(&format!(".{suffix}"));
            name.contains('.') && !["localhost", "local", "internal", "home.arpa"].into_iter().any(is_local)
        }
    };
    match (is_public, reach) {
        (true, _) | (false, Reach::Anything) => Ok(url),
        (false, Reach::Public) => Err(Forbidden::Private),
    }
}

/// Whether an address is one of the internet's, and no way back into our own network.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let reserved = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // carriers' shared addresses
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224; // multicast, reserved, broadcast
    !reserved
}

/// Only global unicast, less what stands for an IPv4 address behind a translator.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [first, second, ..] = ip.segments();
    let documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    let tunnels = first == 0x2002 || (first == 0x2001 && second < 0x0200);
    first & 0xe000 == 0x2000 && !documentation && !tunnels
}

/// Answers with public addresses only.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Forbidden::Private.into());
            }
            let public: Addrs = Box::new(public.into_iter());
            Ok(public)
        })
    }
}

/// A request that is ready to go.
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether 404 says that the endpoint is no more, as 410 does.
    pub(crate) missing_is_gone: bool,
}

/// The client of all calls to strangers.
pub(crate) struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

impl Outbound {
    pub(crate) fn new(reach: Reach) -> Result<Self, Invalid> {
        // Where the process has chosen a TLS provider already, that one is used; `Err` says just this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .timeout(TRY_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(2);
        let builder = match reach {
            Reach::Public => builder.dns_resolver(Arc::new(PublicOnly)).https_only(true),
            Reach::Anything => builder,
        };
        let client = builder.build().map_err(|error| Invalid::Http(error.to_string()))?;
        Ok(Self { client, reach })
    }

    /// One call: 2xx is delivered, 410 is gone, everything else may be tried again.
    pub(crate) async fn post(&self, request: Request) -> Tried {
        let began = Instant::now();
        let url = match check(&request.url, self.reach) {
            Ok(url) => url,
            Err(forbidden) => return unanswered(Outcome::NotAllowed, forbidden, began.elapsed()),
        };
        let sent = self.client.post(url).headers(request.headers).body(request.body).send().await;
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => return unanswered(failure(&error), chain(&error), began.elapsed()),
        };
        let status = answer.status();
        let retry_after =
            answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut said = Vec::new();
        while said.len() < ANSWER_BYTES {
            match answer.chunk().await {
                Ok(Some(chunk)) => said.extend_from_slice(&chunk),
                // What it said is for people to read; the status has been heard.
                Ok(None) | Err(_) => break,
            }
        }
        said.truncate(ANSWER_BYTES);
        let outcome = if status.is_success() {
            Outcome::Delivered
        } else if status == StatusCode::GONE || (status == StatusCode::NOT_FOUND && request.missing_is_gone) {
            Outcome::Gone
        } else {
            Outcome::Refused
        };
        Tried {
            outcome,
            code: Some(status.as_u16()),
            answer: String::from_utf8_lossy(&said).into_owned(),
            took: began.elapsed(),
            retry_after: retry_after.and_then(TimeDelta::try_seconds),
        }
    }
}

fn failure(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() {
        return Outcome::TimedOut;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref::<Forbidden>().is_some() {
            return Outcome::NotAllowed;
        }
        cause = inner.source();
    }
    Outcome::Unreachable
}

/// The causes, without the URL: it may carry a receiver's own secret.
fn chain(error: &reqwest::Error) -> String {
    let mut words = if error.is_connect() { "could not connect" } else { "no answer" }.to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_over_tls_may_be_called() {
        for good in
            ["https://shop.example.com/hooks?x=1", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/h"]
        {
            assert!(check(good, Reach::Public).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://shop.example.com/", Forbidden::NotHttps),
            ("ftp://shop.example.com/", Forbidden::NotHttps),
            ("https://user@shop.example.com/", Forbidden::Credentials),
            ("https://shop.example.com/#x", Forbidden::Credentials),
            ("https://localhost/", Forbidden::Private),
            ("https://db.internal/", Forbidden::Private),
            ("https://redis/", Forbidden::Private),
            ("https://127.0.0.1/", Forbidden::Private),
            ("https://2130706433/", Forbidden::Private), // 127.0.0.1 as one number
            ("https://0x7f.1/", Forbidden::Private),
            ("https://10.1.2.3/", Forbidden::Private),
            ("https://169.254.169.254/latest/meta-data", Forbidden::Private),
            ("https://100.64.0.1/", Forbidden::Private),
            ("https://0.0.0.0/", Forbidden::Private),
            ("https://[::1]/", Forbidden::Private),
            ("https://[::ffff:10.0.0.1]/", Forbidden::Private),
            ("https://[fd00::1]/", Forbidden::Private),
            ("https://[fe80::1]/", Forbidden::Private),
            ("https://[64:ff9b::a00:1]/", Forbidden::Private),
            ("https://[2002:0a00:0001::]/", Forbidden::Private),
            ("nonsense", Forbidden::NotAUrl),
        ] {
            assert_eq!(check(bad, Reach::Public), Err(why), "{bad}");
        }
        assert!(check("http://127.0.0.1:8080/hook", Reach::Anything).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_points_into_our_network_is_not_called() {
        let outbound = Outbound::new(Reach::Public).unwrap();
        // Passes for a public name until it is resolved.
        let name: Name = "localhost".parse().unwrap();
        assert!(PublicOnly.resolve(name).await.is_err());
        let request = |url: &str| Request {
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: vec![],
            missing_is_gone: false,
        };
        let tried = outbound.post(request("https://127.0.0.1:1/")).await;
        assert_eq!(tried.outcome, Outcome::NotAllowed);
    }
}
