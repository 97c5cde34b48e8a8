//! How often somebody may ask: counted for each token's subject and for each client address, over all processes.
//!
//! A request counts against its token's subject and against its address. Without a valid token it counts against the address
//! alone, and with a bad one as much as [`BAD_TOKEN_COST`] requests: guessing tokens is slow. Webhooks count against their address,
//! under a limit of their own; `/healthz` and `/readyz` count against nothing. What one limit refuses is counted against none.
//! Redis away: each process counts by itself ([`ephemeral::limits`]). Cost: one round trip to Redis for a request.

use std::{net::IpAddr, sync::Arc, time::Duration};

use ephemeral::{
    Links, Seal,
    limits::{Limit, Limits, Standing, WINDOW},
};
use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue},
};

use crate::{
    auth::{Caller, Identity, Role},
    problem::{Code, Problem},
};

/// What a request with a token that is not valid counts as.
const BAD_TOKEN_COST: u32 = 10;
/// Proxies in a row that are believed; a longer chain is cut.
const MOST_PROXIES: usize = 10;

/// Requests per minute; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one provider's or admin's subject.
    pub token: u32,
    /// Of the marketplace's own systems: one subject pushes everything that everybody earns.
    pub platform: u32,
    /// Of one client address.
    pub address: u32,
    /// Of one address that sends webhooks.
    pub webhooks: u32,
}

impl Rates {
    /// For tests that are about something else.
    pub const NONE: Self = Self { token: 0, platform: 0, address: 0, webhooks: 0 };
}

/// An address, or all that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    bits: u32,
}

impl Network {
    /// `10.0.0.0/8`, `10.1.2.3`, `fd00::/8`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (most, before) = match address {
            IpAddr::V4(_) => (32, 96),
            IpAddr::V6(_) => (128, 0),
        };
        let bits = bits.unwrap_or(most);
        let bits = (bits <= most).then(|| bits.saturating_add(before))?;
        let first = number(address) & mask(bits);
        Some(Self { first, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        number(address) & mask(self.bits) == self.first
    }
}

/// Both kinds of addresses in one row of numbers: an old one is the new one that stands for it.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(old) => old.to_ipv6_mapped().to_bits(),
        IpAddr::V6(new) => new.to_bits(),
    }
}

fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0)
}

/// Counts this API's requests.
pub struct RateLimits {
    pub links: Arc<Links>,
    pub limits: Limits,
    pub seal: Seal,
    pub rates: Rates,
    /// Whose `X-Forwarded-For` is believed: by default nobody's.
    pub trusted: Vec<Network>,
}

impl RateLimits {
    /// Counts a request. `Err`: it must not be carried out.
    pub(crate) async fn count(&self, request: &Request, identity: &Identity) -> Result<Told, Box<Response>> {
        let limits = self.limits_of(request, identity);
        if limits.is_empty() {
            return Ok(Told::default());
        }
        let standings = self.limits.count(&self.links, &limits).await;
        let told = Told::of(&limits, &standings);
        let Some((limit, refusal)) = limits
            .iter()
            .zip(&standings)
            .filter(|(_, standing)| !standing.has_room)
            .max_by_key(|(_, standing)| standing.retry_in)
        else {
            return Ok(told);
        };
        let seconds = in_seconds(refusal.retry_in).max(1);
        tracing::debug!(limit = limit.name, "a request is one too many");
        let detail = format!(
            "{} requests a minute are allowed here ({}). There is room again in {seconds} s.",
            limit.most, limit.name
        );
        let problem = Problem::new(Code::RateLimited, detail).retry_after(seconds);
        let mut answer = crate::problem::respond(&problem);
        told.write(&mut answer);
        Err(Box::new(answer))
    }

    fn limits_of(&self, request: &Request, identity: &Identity) -> Vec<Limit> {
        let path = request.uri().path();
        if path == "/healthz" || path == "/readyz" {
            return vec![];
        }
        let address = self.seal.of(&["address", &self.client(peer_of(request), request.headers())]);
        let webhook = path.starts_with("/api/webhooks/");
        let of_address = match (webhook, identity) {
            (true, _) => ("webhooks", self.rates.webhooks, 1),
            (false, Identity::Bad) => ("address", self.rates.address, BAD_TOKEN_COST),
            (false, Identity::None | Identity::Known(_)) => ("address", self.rates.address, 1),
        };
        let (name, most, cost) = of_address;
        let mut limits = vec![Limit { name, key: address, most, cost }];
        if let (false, Identity::Known(caller)) = (webhook, identity) {
            let (most, subject) = (self.of_role(caller), &caller.subject);
            limits.push(Limit {
                name: "token",
                key: self.seal.of(&["subject", role(caller), subject]),
                most,
                cost: 1,
            });
        }
        limits.retain(|limit| limit.most > 0);
        limits
    }

    fn of_role(&self, caller: &Caller) -> u32 {
        match caller.role {
            Role::Provider(_) | Role::Admin | Role::Finance | Role::Escalation => self.rates.token,
            Role::Platform => self.rates.platform,
        }
    }

    /// Who is counted: the address of the connection, or the one that the trusted proxies before us name. What a client itself
    /// puts into the header stands before what they add, so it is never reached.
    fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> String {
        let Some(mut client) = peer.map(|peer| peer.to_canonical()) else { return "unknown".to_owned() };
        let named = headers.get_all("x-forwarded-for");
        let named: Vec<&str> =
            named.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
        for hop in named.iter().rev().take(MOST_PROXIES) {
            if !self.trusted.iter().any(|network| network.has(client)) {
                break;
            }
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            client = hop.to_canonical();
        }
        match client {
            IpAddr::V4(old) => old.to_string(),
            // One customer of a provider has all of these.
            IpAddr::V6(new) => (new.to_bits() >> 64_u32).to_string(),
        }
    }
}

fn peer_of(request: &Request) -> Option<IpAddr> {
    request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip)
}

fn role(caller: &Caller) -> &'static str {
    match caller.role {
        Role::Provider(_) => "provider",
        // One person with both tokens is one person.
        Role::Admin | Role::Finance | Role::Escalation => "staff",
        Role::Platform => "platform",
    }
}

fn in_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// What the answer says of the limits: `RateLimit-Policy` and `RateLimit` of the IETF's draft.
#[derive(Debug, Default)]
pub(crate) struct Told {
    policy: String,
    standing: String,
}

impl Told {
    fn of(limits: &[Limit], standings: &[Standing]) -> Self {
        let policy =
            limits.iter().map(|limit| format!("\"{}\";q={};w={}", limit.name, limit.most, WINDOW.as_secs()));
        let standing = limits.iter().zip(standings).map(|(limit, standing)| {
            format!("\"{}\";r={};t={}", limit.name, standing.remaining, in_seconds(standing.full_in))
        });
        Self {
            policy: policy.collect::<Vec<_>>().join(", "),
            standing: standing.collect::<Vec<_>>().join(", "),
        }
    }

    pub(crate) fn write(&self, answer: &mut Response) {
        for (name, value) in [("ratelimit-policy", &self.policy), ("ratelimit", &self.standing)] {
            if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
                answer.headers_mut().insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_what_begins_alike() {
        let has =
            |network: &str, address: &str| Network::parse(network).unwrap().has(address.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.255.1.2") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("10.1.2.3", "10.1.2.3") && !has("10.1.2.3", "10.1.2.4"));
        assert!(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "fd00::1"));
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe80::1"));
        assert!(has("10.0.0.0/8", "::ffff:10.0.0.1"));
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "10.0.0", "a/8", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_trusted_proxies_say_who_the_client_is() {
        let settings = ephemeral::RedisSettings {
            host: "127.0.0.1".to_owned(),
            port: 1,
            username: None,
            password: None,
            db: 0,
            max_clients: 50,
            pool_size: 10,
            patience: ephemeral::RedisSettings::PATIENCE,
        };
        let rates = |trusted: &[&str]| RateLimits {
            links: Arc::new(Links::new(&settings, "test", "test").unwrap()),
            limits: Limits::default(),
            seal: Seal::new(b"test"),
            rates: Rates::NONE,
            trusted: trusted.iter().map(|text| Network::parse(text).unwrap()).collect(),
        };
        let client = |rates: &RateLimits, peer: &str, named: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in named {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            rates.client(Some(peer.parse().unwrap()), &headers)
        };
        assert_eq!(client(&rates(&[]), "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        let proxies = rates(&["10.0.0.0/8"]);
        for (named, expected) in [
            (vec![], "10.0.0.1"),
            (vec!["1.2.3.4"], "1.2.3.4"),
            // What the client itself wrote comes first and is not believed.
            (vec!["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (vec!["6.6.6.6", "1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            (vec!["nonsense"], "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.1", &named), expected, "{named:?}");
        }
        assert_eq!(client(&proxies, "11.0.0.1", &["1.2.3.4"]), "11.0.0.1");
        assert_eq!(client(&proxies, "2001:db8::1", &[]), client(&proxies, "2001:db8::2", &[]));
    }
}
