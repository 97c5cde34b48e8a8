//! The API's own settings. What it shares with the worker is in `worker::settings`.
//!
//! Each is read from one environment variable, once; every mistake is collected, so that one failed start names them all.

use std::{fmt, net::SocketAddr, path::PathBuf};

use chrono::TimeDelta;
use url::Url;
use worker::settings::{AppEnv, InvalidSettings, Reader, duration};

use crate::rate::{Network, Rates};

/// Shorter secrets can be guessed offline from one token: HS256 wants as many bits as its hash.
const MIN_SECRET_BYTES: usize = 32;

/// Signs callers' tokens. Cannot be printed.
#[derive(Clone)]
pub struct JwtSecret(Vec<u8>);

impl JwtSecret {
    pub fn new(secret: &str) -> Option<Self> {
        (secret.len() >= MIN_SECRET_BYTES).then(|| Self(secret.as_bytes().to_vec()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtSecret(…)")
    }
}

/// What Flutterwave sends in `verif-hash`. Cannot be printed.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    pub fn new(secret: &str) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(secret.as_bytes().to_vec()))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// `API_LISTEN`.
    pub listen: SocketAddr,
    /// `API_PUBLIC_URL`: where clients reach this API; goes into the document.
    pub public_url: Option<Url>,
    /// `DASHBOARD_DIR`: the dashboard's production build; none is served without it.
    pub dashboard: Option<PathBuf>,
    /// `JWT_SECRET`.
    pub jwt_secret: JwtSecret,
    /// `JWT_AUDIENCE`.
    pub jwt_audience: String,
    /// `FLUTTERWAVE_WEBHOOK_HASH`.
    pub webhook_secret: WebhookSecret,
    /// `BANK_ACCOUNT_COOLING_OFF`: how long an account that is not the provider's first waits for its first payout.
    pub cooling_off: TimeDelta,
    /// `SIGN_IN_FRESH_FOR`: how long ago a sign-in may be that changes where money goes.
    pub sign_in_fresh_for: TimeDelta,
    /// `TEMPORAL_UI_URL`: for links from payouts to their history; none without it.
    pub temporal_ui: Option<Url>,
    /// `RATE_LIMIT_…`: requests per minute.
    pub rates: Rates,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// `METRICS_ADDRESS`: where `/metrics` is, apart from what clients reach.
    pub metrics: SocketAddr,
    /// `ENABLE_WORKERS`: run the worker inside this process.
    pub enable_workers: bool,
    /// `MIGRATE_ON_START`.
    pub migrate_on_start: bool,
}

impl Settings {
    /// Reads the variables through `get`. `env` decides defaults that are only safe, or only convenient, on one side.
    pub fn read(get: impl Fn(&str) -> Option<String>, env: AppEnv) -> Result<Self, InvalidSettings> {
        // The tokens of a local stack are made once a day.
        let (cooling_off_default, fresh_default) = match env {
            AppEnv::Development => ("0s", "24h"),
            AppEnv::Production => ("24h", "15m"),
        };
        let mut from = Reader::new(get);
        let listen =
            from.parse("API_LISTEN", Some("127.0.0.1:8080"), "an address such as 127.0.0.1:8080", |text| {
                text.parse().ok()
            });
        let public_url = from.parse("API_PUBLIC_URL", Some(""), "an http or https URL", web_url_if_any);
        let dashboard = from.parse("DASHBOARD_DIR", Some(""), "a folder", |text| {
            Some((!text.is_empty()).then(|| PathBuf::from(text)))
        });
        let jwt_secret = from.parse("JWT_SECRET", None, "at least 32 bytes", JwtSecret::new);
        let jwt_audience =
            from.parse("JWT_AUDIENCE", Some("payouts"), "a word", |text| Some(text.to_owned()));
        let webhook_secret = from.parse(
            "FLUTTERWAVE_WEBHOOK_HASH",
            None,
            "the secret hash of Flutterwave's dashboard",
            WebhookSecret::new,
        );
        let cooling_off = from.parse(
            "BANK_ACCOUNT_COOLING_OFF",
            Some(cooling_off_default),
            "a time of at most 720h such as 24h, 30m or 0s",
            up_to_a_month,
        );
        let sign_in_fresh_for = from.parse(
            "SIGN_IN_FRESH_FOR",
            Some(fresh_default),
            "a time from 1m to 24h such as 15m",
            |text| {
                up_to_a_month(text)
                    .filter(|time| (TimeDelta::minutes(1)..=TimeDelta::hours(24)).contains(time))
            },
        );
        let temporal_ui = from.parse("TEMPORAL_UI_URL", Some(""), "an http or https URL", web_url_if_any);
        let mut rate = |name: &str, default: &str| {
            from.parse(name, Some(default), "requests per minute from 0 (no limit) to 1000000", |text| {
                text.parse().ok().filter(|rate| *rate <= 1_000_000)
            })
        };
        let rates = [
            rate("RATE_LIMIT_PER_TOKEN", "600"),
            rate("RATE_LIMIT_PLATFORM", "30000"),
            rate("RATE_LIMIT_PER_ADDRESS", "6000"),
            rate("RATE_LIMIT_WEBHOOKS", "6000"),
        ];
        let trusted_proxies = from.parse(
            "TRUSTED_PROXIES",
            Some(""),
            "addresses and networks with commas between them, such as 10.0.0.0/8,192.0.2.7",
            networks,
        );
        let metrics = from.parse(
            "METRICS_ADDRESS",
            Some("127.0.0.1:9090"),
            "an address such as 127.0.0.1:9090",
            |text| text.parse().ok(),
        );
        let enable_workers = from.parse("ENABLE_WORKERS", Some("false"), "true or false", flag);
        let migrate_on_start = from.parse("MIGRATE_ON_START", Some("false"), "true or false", flag);
        let read = || {
            Some(Self {
                listen: listen?,
                public_url: public_url?,
                dashboard: dashboard?,
                jwt_secret: jwt_secret?,
                jwt_audience: jwt_audience?,
                webhook_secret: webhook_secret?,
                cooling_off: cooling_off?,
                sign_in_fresh_for: sign_in_fresh_for?,
                temporal_ui: temporal_ui?,
                rates: {
                    let [token, platform, address, webhooks] = rates;
                    Rates { token: token?, platform: platform?, address: address?, webhooks: webhooks? }
                },
                trusted_proxies: trusted_proxies?,
                metrics: metrics?,
                enable_workers: enable_workers?,
                migrate_on_start: migrate_on_start?,
            })
        };
        match read() {
            Some(settings) if from.wrong.is_empty() => Ok(settings),
            _ => Err(InvalidSettings(from.wrong)),
        }
    }
}

/// What the API shares with the worker, and its own: every mistake in either is told at once.
pub fn from_env() -> Result<(worker::Settings, Settings), InvalidSettings> {
    let get = |name: &str| std::env::var(name).ok();
    let shared = worker::Settings::read(get);
    let env = shared.as_ref().map_or(AppEnv::Development, |shared| shared.app_env);
    match (shared, Settings::read(get, env)) {
        (Ok(shared), Ok(own)) => Ok((shared, own)),
        (shared, own) => {
            let wrong =
                [shared.err(), own.err()].into_iter().flatten().flat_map(|InvalidSettings(wrong)| wrong);
            Err(InvalidSettings(wrong.collect()))
        }
    }
}

/// Unset is none.
#[expect(clippy::option_option, reason = "outside: is it valid; inside: is it set")]
fn web_url_if_any(text: &str) -> Option<Option<Url>> {
    if text.is_empty() { Some(None) } else { web_url(text).map(Some) }
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// None is none.
fn networks(text: &str) -> Option<Vec<Network>> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Network::parse).collect()
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn up_to_a_month(text: &str) -> Option<TimeDelta> {
    const MAX: TimeDelta = TimeDelta::days(30);
    let time = TimeDelta::from_std(duration(text)?).ok()?;
    (time <= MAX).then_some(time)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read(set: &[(&str, &str)], env: AppEnv) -> Result<Settings, InvalidSettings> {
        let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Settings::read(get, env)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let required = [("JWT_SECRET", SECRET), ("FLUTTERWAVE_WEBHOOK_HASH", "hash")];
        let settings = read(&required, AppEnv::Development).unwrap();
        assert_eq!(settings.listen.port(), 8080);
        assert_eq!(settings.jwt_audience, "payouts");
        assert_eq!(settings.cooling_off, TimeDelta::zero());
        assert_eq!(settings.rates, Rates { token: 600, platform: 30_000, address: 6_000, webhooks: 6_000 });
        assert!(settings.trusted_proxies.is_empty());
        assert!(!settings.enable_workers && !settings.migrate_on_start && settings.temporal_ui.is_none());
        assert_eq!(read(&required, AppEnv::Production).unwrap().cooling_off, TimeDelta::hours(24));
        assert!(!format!("{settings:?}").contains(SECRET));
    }

    /// Compose files and people copy from `.env.example`: a name there that nobody reads would be a setting that does nothing.
    #[test]
    fn the_documented_variables_are_the_ones_that_are_read() {
        let read_by_programs = RefCell::new(BTreeSet::new());
        let get = |name: &str| {
            read_by_programs.borrow_mut().insert(name.to_owned());
            None
        };
        assert!(worker::Settings::read(get).is_err() && Settings::read(get, AppEnv::Development).is_err());
        let documented: BTreeSet<String> = include_str!("../../.env.example")
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").split_once('='))
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
            .collect();
        assert_eq!(documented, read_by_programs.into_inner());
    }

    #[test]
    fn one_failure_names_every_variable_and_no_value() {
        let set = [
            ("JWT_SECRET", "short"),
            ("API_LISTEN", "everywhere"),
            ("ENABLE_WORKERS", "yes please"),
            ("BANK_ACCOUNT_COOLING_OFF", "721h"),
            ("TEMPORAL_UI_URL", "javascript:alert(1)"),
            ("RATE_LIMIT_PER_TOKEN", "-1"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, everybody"),
            ("FLUTTERWAVE_WEBHOOK_HASH", " "),
        ];
        let InvalidSettings(wrong) = read(&set, AppEnv::Development).unwrap_err();
        let names: Vec<_> = wrong.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "API_LISTEN",
                "JWT_SECRET",
                "FLUTTERWAVE_WEBHOOK_HASH",
                "BANK_ACCOUNT_COOLING_OFF",
                "TEMPORAL_UI_URL",
                "RATE_LIMIT_PER_TOKEN",
                "TRUSTED_PROXIES",
                "ENABLE_WORKERS"
            ]
        );
        assert!(!wrong.concat().contains("short"));
    }
}
