//! The command line. Every flag can be given as an environment variable too.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use rust_decimal::Decimal;
use simulator::{Config, FASTEST_CLOCK, Mode, Settings, Span};

/// A faithful Flutterwave v3 for tests and demonstrations.
#[derive(Debug, Parser)]
#[command(name = "simulator", version)]
pub(crate) struct Flags {
    /// Where to listen; keep it on loopback, the control API asks for no key.
    #[arg(long, env = "SIMULATOR_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,

    /// The bearer token that is expected.
    #[arg(long, env = "SIMULATOR_SECRET_KEY", default_value = simulator::DEFAULT_SECRET_KEY)]
    secret_key: String,

    /// Where webhooks go (http:// only); none are sent without it.
    #[arg(long, env = "SIMULATOR_WEBHOOK_URL")]
    webhook_url: Option<String>,

    /// What webhooks carry as `verif-hash`.
    #[arg(long, env = "SIMULATOR_WEBHOOK_HASH", default_value = "simulator-hash")]
    webhook_hash: String,

    /// The journal that keeps the books; without it they are in memory only.
    #[arg(long, env = "SIMULATOR_BOOKS", value_name = "FILE")]
    books: Option<OsString>,

    /// How long a transfer takes in live mode; 0s settles it and sends its webhook at once.
    #[arg(long, env = "SIMULATOR_SETTLE_AFTER", default_value = "2s", value_name = "DURATION")]
    settle_after: Span,

    /// live: transfers succeed; test: they stay PENDING unless the reference ends in `_PMCK…`.
    #[arg(long, env = "SIMULATOR_MODE", default_value = "live")]
    mode: ModeFlag,

    /// Simulated seconds per second.
    #[arg(
        long,
        env = "SIMULATOR_CLOCK_RATE",
        default_value_t = 1,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST_CLOCK))
    )]
    clock_rate: u32,

    /// The naira wallet that new books open with.
    #[arg(long, env = "SIMULATOR_WALLET", default_value_t = simulator::DEFAULT_WALLET, value_name = "AMOUNT")]
    wallet: Decimal,

    /// Decides which requests chance strikes.
    #[arg(long, env = "SIMULATOR_SEED", default_value_t = 0)]
    seed: u64,

    /// A fault by chance, as kind=rate with a rate from 0 to 1; repeatable, or separated by commas.
    #[arg(long = "random", env = "SIMULATOR_RANDOM", value_name = "KIND=RATE", value_delimiter = ',')]
    random: Vec<String>,

    /// Refuse transfers as from an address that is not on the dashboard's list.
    #[arg(long, env = "SIMULATOR_IP_NOT_WHITELISTED")]
    ip_not_whitelisted: bool,

    /// Do not retry webhooks, as with the dashboard's switch off.
    #[arg(long, env = "SIMULATOR_NO_WEBHOOK_RETRIES")]
    no_webhook_retries: bool,

    /// Any other setting, as name=value; repeatable, or separated by commas.
    #[arg(long = "set", env = "SIMULATOR_SET", value_name = "NAME=VALUE", value_delimiter = ',')]
    set: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeFlag {
    Live,
    Test,
}

impl Flags {
    pub(crate) fn into_config(self) -> anyhow::Result<Config> {
        let mut settings = Settings {
            mode: match self.mode {
                ModeFlag::Live => Mode::Live,
                ModeFlag::Test => Mode::Test,
            },
            settle_after: self.settle_after,
            webhook_url: self.webhook_url.filter(|url| !url.is_empty()),
            webhook_hash: self.webhook_hash,
            webhook_retries: !self.no_webhook_retries,
            ip_whitelisted: !self.ip_not_whitelisted,
            ..Settings::default()
        };
        settings.random.seed = self.seed;
        for pair in given(&self.random) {
            let (kind, rate) = split(pair)?;
            let rate = Decimal::from_str_exact(rate).with_context(|| format!("`{rate}` is not a rate"))?;
            settings.random.rates.insert(kind.to_owned(), rate);
        }
        for pair in given(&self.set) {
            let (name, value) = split(pair)?;
            settings = set(&settings, name, value)?;
        }
        Ok(Config {
            listen: self.listen,
            secret_key: self.secret_key,
            books: self.books.filter(|path| !path.is_empty()).map(PathBuf::from),
            wallet: self.wallet,
            clock_rate: self.clock_rate,
            settings,
        })
    }
}

/// An environment variable that is set to nothing gives nothing.
fn given(pairs: &[String]) -> impl Iterator<Item = &String> {
    pairs.iter().filter(|pair| !pair.is_empty())
}

fn split(pair: &str) -> anyhow::Result<(&str, &str)> {
    pair.split_once('=').with_context(|| format!("`{pair}` should be name=value"))
}

/// `true` and `false` are switches; every other value of a setting is a string.
fn set(settings: &Settings, name: &str, value: &str) -> anyhow::Result<Settings> {
    let value = match value {
        "true" => serde_json::Value::Bool(true),
        "false" => serde_json::Value::Bool(false),
        text => serde_json::Value::from(text),
    };
    let patch = serde_json::Value::Object([(name.to_owned(), value)].into_iter().collect());
    settings.patched(&patch).map_err(anyhow::Error::msg).with_context(|| format!("in --set {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> anyhow::Result<Config> {
        Flags::try_parse_from(std::iter::once(&"simulator").chain(args))?.into_config()
    }

    #[test]
    fn flags_become_settings() {
        let config = config(&[
            "--mode=test",
            "--settle-after=0s",
            "--wallet=1000.50",
            "--random=reset_after=0.02,fail=0.1",
            "--seed=7",
            "--set=duplicate_status=409",
            "--set=event_type=false",
        ])
        .unwrap();
        assert_eq!(config.settings.mode, Mode::Test);
        assert!(config.settings.settle_after.is_zero());
        assert_eq!(config.wallet.to_string(), "1000.50");
        assert_eq!(config.settings.random.seed, 7);
        assert_eq!(config.settings.random.rates.len(), 2);
        assert_eq!(config.settings.duplicate_status, simulator::DuplicateStatus::Conflict);
        assert!(!config.settings.event_type);
    }

    #[test]
    fn empty_values_count_as_absent() {
        let config = config(&["--webhook-url=", "--books=", "--random=", "--set="]).unwrap();
        assert_eq!((config.books, config.settings.webhook_url), (None, None));
    }

    #[test]
    fn nonsense_is_refused() {
        for flag in ["--set=nothing", "--set=nothing=1", "--random=fail=lots", "--clock-rate=0", "--mode=x"] {
            assert!(config(&[flag]).is_err(), "{flag}");
        }
    }
}
