//! What the client must be told, and what it refuses to be told.

use std::{fmt, str::FromStr, time::Duration};

use domain::Reference;
use url::Url;

/// Longer than the 28 s after which Flutterwave itself answers 503, so that a slow call ends with its word and not with ours.
/// <https://developer.flutterwave.com/docs/handling-error-timeouts>
const TIMEOUT: Duration = Duration::from_secs(38);
/// The gateway's own limit; a shorter one of ours would make every slow transfer an unknown one.
const GATEWAY_GIVES_UP_AFTER: Duration = Duration::from_secs(28);
/// DNS, TCP and TLS together. Generous for another continent; nothing is sent before it is over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of the client.
#[derive(Debug, Clone)]
pub struct Config {
    /// Without `/v3`: `https://api.flutterwave.com`. Test and live share one host; the key chooses.
    pub base_url: Url,
    pub secret_key: SecretKey,
    /// Of one whole call, from the first byte of the connect to the last byte of the answer.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// Test mode only: what makes a test transfer end (`_PMCKDU_1`). Appended on the wire, taken off when read back.
    pub test_reference_suffix: Option<TestSuffix>,
}

/// A setting the client refuses, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    #[error("the base URL is not http or https")]
    NotHttp,
    #[error(
        "the base URL must be without `/v3`, query, fragment and credentials, such as `https://api.flutterwave.com`"
    )]
    NotBare,
    #[error("a live key is only ever sent over https")]
    LiveKeyInTheClear,
    #[error("a live key needs a timeout longer than the 28 s after which Flutterwave answers 503 itself")]
    LiveTimeoutTooShort,
    #[error("the connect timeout must be shorter than the timeout")]
    ConnectTimeoutTooLong,
    #[error("a test reference suffix cannot be used with a live key")]
    SuffixWithLiveKey,
    #[error("the secret key is empty or has characters that no header can carry")]
    Key,
    #[error("a test reference suffix is `_PMCK` and up to 24 more characters of A-Z, 0-9 and _")]
    Suffix,
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

impl Config {
    /// With the default limits: 38 s for a call, 10 s of it to connect.
    pub fn new(base_url: Url, secret_key: SecretKey) -> Self {
        Self {
            base_url,
            secret_key,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            test_reference_suffix: None,
        }
    }

    /// Whether the settings fit together. The client's constructor asks this; settings may ask it earlier.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let url = &self.base_url;
        let live = self.secret_key.mode() != KeyMode::Test;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(InvalidConfig::NotHttp);
        }
        let has_extras = url.query().is_some() || url.fragment().is_some();
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if has_extras || has_credentials || url.path().trim_end_matches('/').ends_with("/v3") {
            return Err(InvalidConfig::NotBare);
        }
        if live && url.scheme() != "https" {
            return Err(InvalidConfig::LiveKeyInTheClear);
        }
        if live && self.timeout <= GATEWAY_GIVES_UP_AFTER {
            return Err(InvalidConfig::LiveTimeoutTooShort);
        }
        if live && self.test_reference_suffix.is_some() {
            return Err(InvalidConfig::SuffixWithLiveKey);
        }
        if self.connect_timeout >= self.timeout {
            return Err(InvalidConfig::ConnectTimeoutTooLong);
        }
        Ok(())
    }
}

/// The API's secret key. Cannot be printed.
#[derive(Clone)]
pub struct SecretKey(String);

/// Which money a key moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyMode {
    /// `FLWSECK-…`: real money.
    Live,
    /// `FLWSECK_TEST-…`: play money.
    Test,
    /// Neither prefix. Treated as live wherever caution is needed.
    Unrecognised,
}

impl SecretKey {
    pub fn mode(&self) -> KeyMode {
        if self.0.starts_with("FLWSECK_TEST-") {
            KeyMode::Test
        } else if self.0.starts_with("FLWSECK-") {
            KeyMode::Live
        } else {
            KeyMode::Unrecognised
        }
    }

    /// For the `Authorization` header and nobody else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, …)", self.mode())
    }
}

impl FromStr for SecretKey {
    type Err = InvalidConfig;
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        let fits_a_header = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if fits_a_header { Ok(Self(text.to_owned())) } else { Err(InvalidConfig::Key) }
    }
}

/// What decides how a transfer ends in test mode, where it would stay PENDING for ever: `_PMCK` succeeds after ten minutes,
/// `_PMCKDU_1` after one, `_PMCK_ST_FDU_1` fails after one. <https://developer.flutterwave.com/v3.0.0/docs/testing>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSuffix(String);

impl TestSuffix {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Our reference, from the one that went over the wire. One without the suffix stays as it is.
    pub fn strip(&self, wire: Reference) -> Reference {
        match wire.as_str().strip_suffix(&self.0) {
            Some(ours) => Reference::from_stored(ours),
            None => wire,
        }
    }
}

impl FromStr for TestSuffix {
    type Err = InvalidConfig;
    fn from_str(text: &str) -> Result<Self, InvalidConfig> {
        /// 42 characters of ours and these stay far below the 100 that Flutterwave takes.
        const MAX_CHARS: usize = 29;
        let plain = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if text.starts_with("_PMCK") && text.len() <= MAX_CHARS && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidConfig::Suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "FLWSECK_TEST-0123456789abcdef-X";
    const LIVE: &str = "FLWSECK-0123456789abcdef-X";

    fn config(url: &str, key: &str) -> Config {
        Config::new(url.parse().unwrap(), key.parse().unwrap())
    }

    #[test]
    fn the_key_says_whose_money_it_moves_and_nothing_else() {
        for (key, mode) in [
            (TEST, KeyMode::Test),
            (LIVE, KeyMode::Live),
            ("sk_live_0123456789abcdef", KeyMode::Unrecognised),
        ] {
            let key: SecretKey = key.parse().unwrap();
            assert_eq!(key.mode(), mode);
            assert!(!format!("{key:?}").contains("0123456789abcdef"));
        }
        for wrong in ["", "FLWSECK-a b", "FLWSECK-a\n", "FLWSECK-é"] {
            assert!(wrong.parse::<SecretKey>().is_err());
        }
        assert!(!format!("{:?}", config("https://api.flutterwave.com", LIVE)).contains("0123456789abcdef"));
    }

    #[test]
    fn the_defaults_outlast_the_gateway() {
        let config = config("https://api.flutterwave.com", LIVE);
        assert!(config.timeout > GATEWAY_GIVES_UP_AFTER && config.connect_timeout < config.timeout);
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for (url, key, refusal) in [
            ("https://api.flutterwave.com/", LIVE, None),
            ("http://127.0.0.1:4000", TEST, None),
            ("https://example.org/prefix", TEST, None),
            ("ftp://api.flutterwave.com", TEST, Some(InvalidConfig::NotHttp)),
            ("mailto:a@example.org", TEST, Some(InvalidConfig::NotHttp)),
            ("https://api.flutterwave.com/v3", TEST, Some(InvalidConfig::NotBare)),
            ("https://api.flutterwave.com/v3/", TEST, Some(InvalidConfig::NotBare)),
            ("https://api.flutterwave.com?a=b", TEST, Some(InvalidConfig::NotBare)),
            ("https://a:b@api.flutterwave.com", TEST, Some(InvalidConfig::NotBare)),
            ("http://api.flutterwave.com", LIVE, Some(InvalidConfig::LiveKeyInTheClear)),
            ("http://api.flutterwave.com", "unheard-of", Some(InvalidConfig::LiveKeyInTheClear)),
        ] {
            assert_eq!(config(url, key).check().err(), refusal, "{url}");
        }
        let live = config("https://api.flutterwave.com", LIVE);
        let hasty = Config { timeout: GATEWAY_GIVES_UP_AFTER, ..live.clone() };
        assert_eq!(hasty.check(), Err(InvalidConfig::LiveTimeoutTooShort));
        let suffixed = Config { test_reference_suffix: Some("_PMCK".parse().unwrap()), ..live.clone() };
        assert_eq!(suffixed.check(), Err(InvalidConfig::SuffixWithLiveKey));
        let slow = Config { connect_timeout: live.timeout, ..live };
        assert_eq!(slow.check(), Err(InvalidConfig::ConnectTimeoutTooLong));
    }

    #[test]
    fn a_suffix_is_taken_off_once_and_only_at_the_end() {
        for suffix in ["_PMCK", "_PMCKDU_1", "_PMCK_ST_F", "_PMCK_ST_FDU_1"] {
            assert!(suffix.parse::<TestSuffix>().is_ok());
        }
        for wrong in ["", "PMCK", "_PMCK-1", "_PMCKdu_1", "_PMCK?x=1", "_PMCKDU_1111111111111111111111"] {
            assert!(wrong.parse::<TestSuffix>().is_err(), "{wrong}");
        }
        let suffix: TestSuffix = "_PMCK".parse().unwrap();
        for (wire, ours) in
            [("a_PMCK", "a"), ("a_PMCK_PMCK", "a_PMCK"), ("a_PMCKDU_1", "a_PMCKDU_1"), ("a", "a")]
        {
            assert_eq!(suffix.strip(Reference::from_stored(wire)).as_str(), ours);
        }
    }
}
