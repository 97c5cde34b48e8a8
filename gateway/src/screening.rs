//! The hook that is asked about a provider and an account before a payout leaves: one signed HTTP call, one signed answer.
//!
//! The question is `POST <url>` with a JSON body, signed as Standard Webhooks are: `webhook-id` (new for each question),
//! `webhook-timestamp` (seconds), and `webhook-signature`, which is `v1,` and the base64 of HMAC-SHA256 over
//! `<id>.<timestamp>.<body>`. The answer carries the same three headers: the question's id, its own time, and the signature of its body
//! with the same secret; so an answer to another question is none. docs/screening.md is the page for whoever writes a hook.
//!
//! Guarantee: [`Answer`] is what whoever has the secret said about this question; everything else is [`NotAnswered`]. No redirect is
//! followed, nothing is repeated, at most [`MAX_BODY_BYTES`] are read. Nothing here logs what was asked.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{
    header::{CONTENT_TYPE, HeaderMap},
    redirect,
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use url::Url;

/// An answer is three short fields.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
const MAX_VERSION_CHARS: usize = 100;
const MAX_REASON_CHARS: usize = 500;
/// Standard Webhooks recommends at least 24; one that is shorter can be guessed.
const MIN_KEY_BYTES: usize = 24;
const SECRET_PREFIX: &str = "whsec_";

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const SIGNATURE_VERSION: &str = "v1,";

/// What signs questions and answers. It cannot be printed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// `whsec_` and the base64 of at least 24 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text.strip_prefix(SECRET_PREFIX)?).ok()?;
        (key.len() >= MIN_KEY_BYTES).then_some(Self(key))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(mac)
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        let mac = self.mac(id, timestamp, body)?;
        Some(format!("{SIGNATURE_VERSION}{}", STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// Whether one of the signatures, which a space parts, is ours.
    fn verifies(&self, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
        signatures.split(' ').any(|signature| {
            let given =
                signature.strip_prefix(SIGNATURE_VERSION).and_then(|given| STANDARD.decode(given).ok());
            given
                .zip(self.mac(id, timestamp, body))
                .is_some_and(|(given, mac)| mac.verify_slice(&given).is_ok())
        })
    }
}

/// Where to ask, and how.
#[derive(Clone)]
pub struct Config {
    pub url: Url,
    pub secret: Secret,
    /// Of one question, from the connection to the last byte.
    pub timeout: Duration,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Why a configuration is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHook {
    #[error("the URL is neither https nor on this machine")]
    Url,
    #[error("the HTTP client: {0}")]
    Client(String),
}

impl Config {
    /// Names and account numbers leave in clear only towards this machine itself.
    pub fn check(&self) -> Result<(), InvalidHook> {
        let local = matches!(self.url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match self.url.scheme() {
            "https" => Ok(()),
            "http" if local => Ok(()),
            _ => Err(InvalidHook::Url),
        }
    }
}

/// Whom it is about. The account's number and both names leave this system here, and nowhere else than to the bank.
#[derive(Debug, Serialize)]
pub struct Question<'a> {
    pub provider_id: &'a str,
    pub provider_external_id: &'a str,
    pub provider_name: &'a str,
    pub bank_account_id: &'a str,
    pub bank_code: &'a str,
    pub account_number: &'a str,
    pub account_name: &'a str,
    pub currency: &'a str,
}

/// What the hook said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// On none of the lists of this version.
    Clear { list_version: String, reason: Option<String> },
    /// On one of them, or too near to somebody who is.
    Hit { list_version: String, reason: Option<String> },
    /// The hook could not look.
    Error { reason: Option<String> },
}

/// There is no answer, or none that can be believed. In words for people; nothing of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    #[error("the hook could not be reached, or did not answer in time")]
    Unreachable,
    #[error("the hook answered with status {0}")]
    Status(u16),
    #[error("the answer was not signed with our secret for this question")]
    NotSigned,
    #[error("the answer was too long")]
    TooLong,
    #[error("the answer was not one")]
    NotUnderstood,
}

#[derive(Deserialize)]
struct Told {
    verdict: Verdict,
    #[serde(default)]
    list_version: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Clear,
    Hit,
    Error,
}

/// Whoever screens.
#[async_trait]
pub trait Screen: Send + Sync + 'static {
    /// Asks once. `id` is new for each question.
    async fn ask(&self, id: &str, question: &Question<'_>, now: DateTime<Utc>)
    -> Result<Answer, NotAnswered>;
}

/// The hook.
pub struct Hook {
    url: Url,
    secret: Secret,
    client: reqwest::Client,
}

impl Hook {
    pub fn new(config: &Config) -> Result<Self, InvalidHook> {
        config.check()?;
        // Where the process has chosen a TLS provider already, that one is used; `Err` says just this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(config.timeout)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .build()
            .map_err(|error| InvalidHook::Client(error.without_url().to_string()))?;
        Ok(Self { url: config.url.clone(), secret: config.secret.clone(), client })
    }

    fn understood(&self, id: &str, headers: &HeaderMap, body: &[u8]) -> Result<Answer, NotAnswered> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let signed = match (header(ID), header(TIMESTAMP), header(SIGNATURE)) {
            (Some(of), Some(timestamp), Some(signatures)) => {
                of == id && self.secret.verifies(id, timestamp, body, signatures)
            }
            (_, _, _) => false,
        };
        if !signed {
            return Err(NotAnswered::NotSigned);
        }
        let told: Told = serde_json::from_slice(body).map_err(|_| NotAnswered::NotUnderstood)?;
        let list_version = told
            .list_version
            .filter(|version| version.chars().count() <= MAX_VERSION_CHARS)
            .and_then(|version| kept(&version, MAX_VERSION_CHARS))
            .ok_or(NotAnswered::NotUnderstood);
        let reason = told.reason.and_then(|reason| kept(&reason, MAX_REASON_CHARS));
        Ok(match told.verdict {
            Verdict::Clear => Answer::Clear { list_version: list_version?, reason },
            Verdict::Hit => Answer::Hit { list_version: list_version?, reason },
            Verdict::Error => Answer::Error { reason },
        })
    }
}

#[async_trait]
impl Screen for Hook {
    async fn ask(
        &self,
        id: &str,
        question: &Question<'_>,
        now: DateTime<Utc>,
    ) -> Result<Answer, NotAnswered> {
        let body = serde_json::to_vec(question).map_err(|_| NotAnswered::NotUnderstood)?;
        let timestamp = now.timestamp().to_string();
        let signature = self.secret.sign(id, &timestamp, &body).ok_or(NotAnswered::NotSigned)?;
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ID, id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .body(body);
        let mut response = request.send().await.map_err(|_| NotAnswered::Unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(NotAnswered::Status(status));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| NotAnswered::Unreachable)? {
            if body.len().saturating_add(chunk.len()) > MAX_BODY_BYTES {
                return Err(NotAnswered::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        self.understood(id, response.headers(), &body)
    }
}

/// What is stored and shown: no control characters, and not longer than that.
fn kept(text: &str, max_chars: usize) -> Option<String> {
    let text: String = text.trim().chars().filter(|char| !char.is_control()).take(max_chars).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
