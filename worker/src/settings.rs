//! What the environment says, read once and refused as a whole: every mistake is named, so that one failed start names them all.

use std::{fmt, net::SocketAddr, time::Duration};

use channels::{SealingKeys, SmtpUrl, outbound::Reach};
use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::{BatchWindow, ReferencePrefix, RetrySchedule};
use ephemeral::Password;
use gateway::flutterwave::v3::{Config as GatewayConfig, KeyMode, SecretKey};
use store::attempts::RetryPolicy;
use url::Url;

pub use ephemeral::RedisSettings;

/// Development takes test keys only, production live keys only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEnv {
    Development,
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A value that cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Read by the worker and by the API alike.
#[derive(Debug, Clone)]
pub struct Settings {
    pub app_env: AppEnv,
    pub log_format: LogFormat,
    pub database_url: Secret,
    pub database_pool_size: u32,
    pub redis: RedisSettings,
    pub temporal_address: Url,
    pub temporal_namespace: String,
    pub gateway: GatewayConfig,
    pub prefix: ReferencePrefix,
    pub window: BatchWindow,
    pub zone: Tz,
    pub retry: RetryPolicy,
    pub engine_approval: bool,
    /// Transfers at the same time, per process.
    pub payout_concurrency: usize,
    /// Transfers per second, over the whole fleet.
    pub payout_rate_limit: u32,
    /// Chunks claimed at the same time, per process.
    pub batch_concurrency: usize,
    /// Batches per minute, over the whole fleet.
    pub batch_rate_limit: u32,
    /// How often the gateway's transfers are compared with our attempts.
    pub reconcile_every: Duration,
    /// How long after it was paid a transfer may still come back.
    pub return_window: TimeDelta,
    /// Who is asked about provider and account before a payout leaves; nobody without it.
    pub screening: Option<Screening>,
    /// How often the books are checked by themselves.
    pub books_check_every: Duration,
    /// Steps that the SDK's workers carry out before they are made anew: each leaves about 230 bytes behind.
    pub recycle_after: u64,
    /// Where the worker answers `/healthz` and `/metrics`.
    pub worker_listen: SocketAddr,
    /// Where the SDK tells its own metrics; nowhere without it.
    pub sdk_metrics: Option<SocketAddr>,
    /// How people are told beside the feed.
    pub channels: channels::Settings,
}

/// The screening hook, and how long its answers are good.
#[derive(Debug, Clone)]
pub struct Screening {
    pub hook: gateway::screening::Config,
    pub valid_for: TimeDelta,
}

/// Every mistake of the environment, one per line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not right:\n  {}", .0.join("\n  "))]
pub struct InvalidSettings(pub Vec<String>);

impl Settings {
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `get`; empty is unset.
    #[expect(clippy::too_many_lines, reason = "one variable after another, and nothing else")]
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
        let mut from = Reader { get, wrong: vec![] };
        let app_env = from.one_of(
            "APP_ENV",
            Some("development"),
            "development or production",
            [("development", AppEnv::Development), ("production", AppEnv::Production)],
        );
        let log_format = from.one_of(
            "LOG_FORMAT",
            Some("text"),
            "text or json",
            [("text", LogFormat::Text), ("json", LogFormat::Json)],
        );
        let database_url = from.parse(
            "DATABASE_URL",
            None,
            "a URL such as postgres://user:password@host/database",
            |text| {
                (text.starts_with("postgres://") || text.starts_with("postgresql://"))
                    .then(|| Secret(text.to_owned()))
            },
        );
        let database_pool_size = from.number("DATABASE_POOL_SIZE", "10", 2, 200);
        let redis = from.redis();
        let temporal_address =
            from.parse("TEMPORAL_ADDRESS", Some("127.0.0.1:7233"), "host:port or a URL", temporal_url);
        let temporal_namespace = from.parse("TEMPORAL_NAMESPACE", Some("default"), "a name", non_empty);
        let gateway = from.gateway(app_env);
        let prefix = from.parse(
            "REFERENCE_PREFIX",
            None,
            "1 to 6 characters of a-z and 0-9, this installation's own",
            |text| text.parse().ok(),
        );
        let window = from.parse(
            "BATCH_WINDOW",
            Some("2h"),
            "`open`, or an interval that divides a day such as 2h",
            |text| text.parse().ok(),
        );
        let zone = from.parse(
            "BATCH_TIME_ZONE",
            Some("Africa/Lagos"),
            "an IANA time zone such as Africa/Lagos",
            |text| text.parse().ok(),
        );
        let schedule =
            from.parse("RETRY_SCHEDULE", Some("1m,5m,30m"), "three delays such as 1m,5m,30m", |text| {
                text.parse::<RetrySchedule>().ok()
            });
        let webhook_timeout =
            from.parse("WEBHOOK_TIMEOUT", Some("2m"), "a time from 1s to 1h such as 2m", |text| {
                duration(text)
                    .filter(|time| (Duration::from_secs(1)..=Duration::from_hours(1)).contains(time))
            });
        let engine_approval = from.flag("ALLOW_ENGINE_APPROVAL", app_env == Some(AppEnv::Development));
        let payout_concurrency = from.number("PAYOUT_WORKER_CONCURRENCY", "5", 1, 1000);
        let payout_rate_limit = from.number("PAYOUT_WORKER_RATE_LIMIT", "10", 1, 10_000);
        let batch_concurrency = from.number("BATCH_WORKER_CONCURRENCY", "1", 1, 100);
        let batch_rate_limit = from.number("BATCH_WORKER_RATE_LIMIT", "1", 1, 10_000);
        let reconcile_every =
            from.parse("RECONCILE_EVERY", Some("1h"), "a time from 1m to 24h such as 1h", |text| {
                duration(text)
                    .filter(|time| (Duration::from_mins(1)..=Duration::from_hours(24)).contains(time))
            });
        let return_window = from.number("RETURN_WINDOW_DAYS", "5", 1, 90);
        let screening = from.screening();
        let books_check_every =
            from.parse("BOOKS_CHECK_EVERY", Some("1h"), "a time from 1m to 24h such as 1h", |text| {
                duration(text)
                    .filter(|time| (Duration::from_mins(1)..=Duration::from_hours(24)).contains(time))
            });
        // 23 MiB, or some 20,000 payouts.
        let recycle_after = from.number("WORKER_RECYCLE_AFTER", "100000", 1, 10_000_000);
        let worker_listen = from.parse(
            "WORKER_LISTEN",
            Some("127.0.0.1:8081"),
            "an address such as 127.0.0.1:8081",
            |text| text.parse().ok(),
        );
        let sdk_metrics = from.parse(
            "TEMPORAL_METRICS_ADDRESS",
            Some(""),
            "an address such as 127.0.0.1:8082",
            address_if_any,
        );
        let channels = from.channels(app_env);
        let read = || {
            Some(Self {
                app_env: app_env?,
                log_format: log_format?,
                database_url: database_url?,
                database_pool_size: u32::try_from(database_pool_size?).ok()?,
                redis: redis?,
                temporal_address: temporal_address?,
                temporal_namespace: temporal_namespace?,
                gateway: gateway?,
                prefix: prefix?,
                window: window?,
                zone: zone?,
                retry: RetryPolicy { schedule: schedule?, webhook_timeout: webhook_timeout? },
                engine_approval: engine_approval?,
                payout_concurrency: usize::try_from(payout_concurrency?).ok()?,
                payout_rate_limit: u32::try_from(payout_rate_limit?).ok()?,
                batch_concurrency: usize::try_from(batch_concurrency?).ok()?,
                batch_rate_limit: u32::try_from(batch_rate_limit?).ok()?,
                reconcile_every: reconcile_every?,
                return_window: TimeDelta::try_days(i64::try_from(return_window?).ok()?)?,
                screening: screening?,
                books_check_every: books_check_every?,
                recycle_after: recycle_after?,
                worker_listen: worker_listen?,
                sdk_metrics: sdk_metrics?,
                channels: channels?,
            })
        };
        match read() {
            Some(settings) if from.wrong.is_empty() => Ok(settings),
            _ => Err(InvalidSettings(from.wrong)),
        }
    }
}

/// Reads variables and collects what is wrong with them. The API reads its own through one too.
pub struct Reader<G> {
    get: G,
    pub wrong: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    pub fn new(get: G) -> Self {
        Self { get, wrong: vec![] }
    }

    fn value(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value is never repeated in a complaint: it may be a secret.
    pub fn parse<T>(
        &mut self,
        name: &str,
        default: Option<&str>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.value(name).or_else(|| default.map(str::to_owned)) else {
            self.wrong.push(format!("{name} is not set: expected {expected}"));
            return None;
        };
        let parsed = parse(&value);
        if parsed.is_none() {
            self.wrong.push(format!("{name} is not valid: expected {expected}"));
        }
        parsed
    }

    fn one_of<T: Copy, const N: usize>(
        &mut self,
        name: &str,
        default: Option<&str>,
        expected: &str,
        choices: [(&str, T); N],
    ) -> Option<T> {
        self.parse(name, default, expected, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        })
    }

    fn flag(&mut self, name: &str, default: bool) -> Option<bool> {
        let default = if default { "true" } else { "false" };
        self.one_of(name, Some(default), "true or false", [("true", true), ("false", false)])
    }

    fn number(&mut self, name: &str, default: &str, least: u64, most: u64) -> Option<u64> {
        self.parse(name, Some(default), &format!("a whole number from {least} to {most}"), |text| {
            text.parse().ok().filter(|number| (least..=most).contains(number))
        })
    }

    fn redis(&mut self) -> Option<RedisSettings> {
        let host = self.parse("REDIS_HOST", Some("127.0.0.1"), "a host name", non_empty);
        let port = self.parse("REDIS_PORT", Some("6379"), "a port", |text| text.parse().ok());
        let db = self.number("REDIS_DB", "0", 0, 65_535);
        let max_clients = self.number("REDIS_MAX_CLIENTS", "50", 1, 100_000);
        let pool_size = self.number("REDIS_POOL_SIZE", "10", 2, 1000);
        if let (Some(pool_size), Some(max_clients)) = (pool_size, max_clients)
            && pool_size > max_clients
        {
            self.wrong.push(
                "REDIS_POOL_SIZE is larger than REDIS_MAX_CLIENTS: one process would use up the fleet's connections".to_owned(),
            );
        }
        Some(RedisSettings {
            host: host?,
            port: port?,
            username: self.value("REDIS_USERNAME"),
            password: self.value("REDIS_PASSWORD").map(Password::new),
            db: i64::try_from(db?).ok()?,
            max_clients: u32::try_from(max_clients?).ok()?,
            pool_size: u32::try_from(pool_size?).ok()?,
            patience: RedisSettings::PATIENCE,
        })
    }

    fn channels(&mut self, app_env: Option<AppEnv>) -> Option<channels::Settings> {
        const SMTP: &str = "a URL such as smtps://user:password@mail.example.com or smtp://127.0.0.1:1025";
        let server = self
            .parse("SMTP_URL", Some(NONE), SMTP, |text| if_any(text, |text| text.parse::<SmtpUrl>().ok()));
        let from = self.parse(
            "MAIL_FROM",
            Some("Payouts <payouts@localhost.localdomain>"),
            "an address such as Payouts <payouts@example.com>",
            |text| text.parse().ok(),
        );
        let is_default_sender = self.value("MAIL_FROM").is_none();
        let key = self.parse(
            "VAPID_PRIVATE_KEY",
            Some(NONE),
            "a P-256 private key, 32 bytes in base64url without padding",
            |text| if_any(text, |text| text.parse().ok()),
        );
        let contact = self.parse(
            "VAPID_CONTACT",
            Some("mailto:payouts@localhost.localdomain"),
            "a mailto: or https: URL",
            |text| (text.starts_with("mailto:") || text.starts_with("https://")).then(|| text.to_owned()),
        );
        let dashboard = self.parse("DASHBOARD_URL", Some(NONE), "an http or https URL", |text| {
            if_any(text, |text| {
                Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            })
        });
        let given = self.parse(
            "SECRETS_KEY",
            Some(NONE),
            "keys such as 2026a:<32 bytes in base64>, the one in use first",
            |text| if_any(text, |text| text.parse::<SealingKeys>().ok()),
        );
        let sealing = given.map(|given| given.or_else(|| SealingKeys::development().ok()));
        let anything = self.flag("ALLOW_PRIVATE_ENDPOINTS", app_env == Some(AppEnv::Development));
        if app_env == Some(AppEnv::Production) {
            if matches!(server, Some(Some(_))) && is_default_sender {
                self.wrong.push("MAIL_FROM is not set: who SMTP_URL sends mail as".to_owned());
            }
            // Unset, or the one that everybody has.
            if matches!(&sealing, Some(Some(keys)) if keys.is_development()) {
                self.wrong.push(
                    "SECRETS_KEY is not set: what secrets are kept under in the database, such as 2026a:<32 bytes in base64>".to_owned(),
                );
            }
            if matches!(&server, Some(Some(server)) if server.is_in_clear()) {
                self.wrong.push(
                    "SMTP_URL says tls=none: mail of APP_ENV=production does not leave this machine in clear"
                        .to_owned(),
                );
            }
            if anything == Some(true) {
                self.wrong.push(
                    "ALLOW_PRIVATE_ENDPOINTS is true: strangers could make APP_ENV=production call into its own network".to_owned(),
                );
            }
        }
        let (from, contact) = (from?, contact?);
        Some(channels::Settings {
            mail: server?.map(|server| channels::Mail { server, from }),
            push: key?.map(|key| channels::Push { key, contact }),
            dashboard: dashboard?,
            reach: if anything? { Reach::Anything } else { Reach::Public },
            sealing: sealing??,
        })
    }

    /// Unset is none; half of it is a mistake.
    #[expect(clippy::option_option, reason = "outside: is it valid; inside: is it set")]
    fn screening(&mut self) -> Option<Option<Screening>> {
        const WHERE: &str = "an https URL; http only on this machine";
        const SIGNED: &str = "whsec_ and the base64 of at least 24 bytes";
        let url = self
            .parse("SCREENING_URL", Some(NONE), WHERE, |text| if_any(text, |text| text.parse::<Url>().ok()));
        let secret = self.parse("SCREENING_SECRET", Some(NONE), SIGNED, |text| {
            if_any(text, gateway::screening::Secret::parse)
        });
        let timeout = self.parse("SCREENING_TIMEOUT", Some("5s"), "a time from 100ms to 30s", |text| {
            duration(text)
                .filter(|time| (Duration::from_millis(100)..=Duration::from_secs(30)).contains(time))
        });
        let valid_for = self.parse("SCREENING_VALID_FOR", Some("24h"), "a time from 1m to 2160h", |text| {
            let time = duration(text)
                .filter(|time| (Duration::from_mins(1)..=Duration::from_hours(2160)).contains(time))?;
            TimeDelta::from_std(time).ok()
        });
        let (url, secret, timeout, valid_for) = (url?, secret?, timeout?, valid_for?);
        match (url, secret) {
            (None, None) => Some(None),
            (Some(url), Some(secret)) => {
                let hook = gateway::screening::Config { url, secret, timeout };
                if hook.check().is_err() {
                    self.wrong.push(format!("SCREENING_URL is not valid: expected {WHERE}"));
                    return None;
                }
                Some(Some(Screening { hook, valid_for }))
            }
            (Some(_), None) => {
                self.wrong
                    .push(format!("SCREENING_SECRET is not set beside SCREENING_URL: expected {SIGNED}"));
                None
            }
            (None, Some(_)) => {
                self.wrong
                    .push(format!("SCREENING_URL is not set beside SCREENING_SECRET: expected {WHERE}"));
                None
            }
        }
    }

    fn gateway(&mut self, app_env: Option<AppEnv>) -> Option<GatewayConfig> {
        let base_url = self.parse(
            "FLUTTERWAVE_BASE_URL",
            Some("https://api.flutterwave.com"),
            "an http or https URL",
            |text| Url::parse(text).ok(),
        );
        let key =
            self.parse("FLUTTERWAVE_SECRET_KEY", None, "the secret key of Flutterwave's dashboard", |text| {
                text.parse::<SecretKey>().ok()
            });
        let timeout = self.parse(
            "GATEWAY_TIMEOUT",
            Some("38s"),
            "a time from 1s to 50s; a live key needs more than 28s",
            |text| {
                duration(text)
                    .filter(|time| (Duration::from_secs(1)..=Duration::from_secs(50)).contains(time))
            },
        );
        if let (Some(app_env), Some(key)) = (app_env, key.as_ref()) {
            match (app_env, key.mode()) {
                (AppEnv::Development, KeyMode::Test) | (AppEnv::Production, KeyMode::Live) => {}
                (AppEnv::Development, _) => self.wrong.push(
                    "FLUTTERWAVE_SECRET_KEY is not a test key (FLWSECK_TEST-…): APP_ENV=development moves no real money".to_owned(),
                ),
                (AppEnv::Production, _) => self.wrong.push(
                    "FLUTTERWAVE_SECRET_KEY is not a live key (FLWSECK-…): APP_ENV=production would pay nobody".to_owned(),
                ),
            }
        }
        let mut config = GatewayConfig::new(base_url?, key?);
        config.timeout = timeout?;
        // Connecting is a part of the call: at most half of it.
        config.connect_timeout = config.connect_timeout.min(config.timeout.checked_div(2)?);
        if let Err(wrong) = config.check() {
            self.wrong.push(format!("FLUTTERWAVE_BASE_URL, FLUTTERWAVE_SECRET_KEY and GATEWAY_TIMEOUT do not fit together: {wrong}"));
        }
        Some(config)
    }
}

/// What an unset variable that may stay unset is read as.
const NONE: &str = "none";

#[expect(clippy::option_option, reason = "outside: is it valid; inside: is it set")]
fn if_any<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text == NONE { Some(None) } else { parse(text).map(Some) }
}

/// Unset is none.
#[expect(clippy::option_option, reason = "outside: is it valid; inside: is it set")]
fn address_if_any(text: &str) -> Option<Option<SocketAddr>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn temporal_url(text: &str) -> Option<Url> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// `500ms`, `30s`, `2m`, `24h`.
pub fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALING: &str = "2026:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

    fn read(changes: &[(&str, &str)]) -> Result<Settings, InvalidSettings> {
        Settings::read(|name| {
            let other = changes.iter().find(|(changed, _)| *changed == name);
            other.map(|(_, value)| (*value).to_owned()).or_else(|| match name {
                "DATABASE_URL" => Some("postgres://localhost/payouts".to_owned()),
                "FLUTTERWAVE_SECRET_KEY" => Some("FLWSECK_TEST-key".to_owned()),
                "REFERENCE_PREFIX" => Some("test".to_owned()),
                _ => None,
            })
        })
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.payout_concurrency, settings.payout_rate_limit), (5, 10));
        assert_eq!((settings.batch_concurrency, settings.batch_rate_limit), (1, 1));
        assert_eq!((settings.redis.max_clients, settings.redis.pool_size), (50, 10));
        assert_eq!(settings.window, "2h".parse().unwrap());
        assert_eq!(settings.gateway.timeout, Duration::from_secs(38));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let InvalidSettings(wrong) = read(&[
            ("DATABASE_URL", ""),
            ("BATCH_WINDOW", "7h"),
            ("REDIS_PORT", "x"),
            ("PAYOUT_WORKER_RATE_LIMIT", "0"),
        ])
        .unwrap_err();
        for name in ["DATABASE_URL", "BATCH_WINDOW", "REDIS_PORT", "PAYOUT_WORKER_RATE_LIMIT"] {
            assert!(wrong.iter().any(|line| line.starts_with(name)), "{name} in {wrong:?}");
        }
    }

    #[test]
    fn keys_match_the_environment() {
        assert!(read(&[("FLUTTERWAVE_SECRET_KEY", "FLWSECK-live")]).is_err());
        assert!(read(&[("APP_ENV", "production")]).is_err());
        let live =
            [("APP_ENV", "production"), ("FLUTTERWAVE_SECRET_KEY", "FLWSECK-live"), ("SECRETS_KEY", SEALING)];
        assert!(read(&live).is_ok());
        assert!(read(&[&live[..], &[("GATEWAY_TIMEOUT", "20s")]].concat()).is_err());
    }

    #[test]
    fn channels_are_off_until_they_are_set_up() {
        let off = read(&[]).unwrap().channels;
        assert_eq!(off.channels(), store::messages::Channels::default());
        assert_eq!(off.reach, Reach::Anything);
        let on = read(&[
            ("SMTP_URL", "smtps://pay:hunter2@mail.example.com"),
            ("VAPID_PRIVATE_KEY", "RS0WdYWWo1HajXg3NZR1olzCf31i-ZBGDkFyCs7j1jw"),
        ])
        .unwrap();
        assert!(on.channels.channels().email && on.channels.channels().push);
        let printed = format!("{on:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("RS0WdYWW"), "{printed}");
    }

    #[test]
    fn production_writes_under_a_name_and_never_calls_into_its_own_network() {
        let live =
            [("APP_ENV", "production"), ("FLUTTERWAVE_SECRET_KEY", "FLWSECK-live"), ("SECRETS_KEY", SEALING)];
        let with = |name, value| read(&[&[(name, value)], &live[..]].concat());
        assert_eq!(read(&live).unwrap().channels.reach, Reach::Public);
        assert!(with("SMTP_URL", "smtps://u:p@mail.example.com").is_err());
        assert!(with("ALLOW_PRIVATE_ENDPOINTS", "true").is_err());
        let from = ("MAIL_FROM", "Payouts <p@example.com>");
        let mail = |url| read(&[&[("SMTP_URL", url), from], &live[..]].concat());
        assert!(mail("smtp://mail.example.com").is_ok());
        assert!(mail("smtp://mail.example.com?tls=none").is_err());
        for key in ["", "development:cGF5b3V0cyBkZXZlbG9wbWVudCBzZWFsaW5nIGtleSE=", "2026:AAAA"] {
            assert!(with("SECRETS_KEY", key).is_err(), "{key}");
        }
        assert!(with("VAPID_PRIVATE_KEY", "AAAA").is_err());
    }

    #[test]
    fn a_screening_hook_is_whole_or_none() {
        const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(read(&[]).unwrap().screening.is_none());
        let hook = |url, secret| read(&[("SCREENING_URL", url), ("SCREENING_SECRET", secret)]);
        let set = hook("https://screening.example", SECRET).unwrap();
        assert!(set.screening.is_some() && !format!("{set:?}").contains("MfKQ"));
        assert!(hook("http://127.0.0.1:9", SECRET).is_ok());
        for (url, secret, named) in [
            ("http://screening.example", SECRET, "SCREENING_URL"),
            ("https://screening.example", "whsec_c2hvcnQ=", "SCREENING_SECRET"),
            ("https://screening.example", "", "SCREENING_SECRET"),
            ("", SECRET, "SCREENING_URL"),
        ] {
            let InvalidSettings(wrong) = hook(url, secret).unwrap_err();
            assert!(wrong.iter().any(|line| line.starts_with(named)), "{named} in {wrong:?}");
        }
    }

    #[test]
    fn one_process_cannot_use_up_the_fleets_connections() {
        assert!(read(&[("REDIS_POOL_SIZE", "60")]).is_err());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let settings =
            read(&[("DATABASE_URL", "postgres://u:hunter2@h/d"), ("REDIS_PASSWORD", "hunter3")]).unwrap();
        let printed = format!("{settings:?}");
        assert!(!printed.contains("hunter") && !printed.contains("FLWSECK_TEST-key"));
    }
}
