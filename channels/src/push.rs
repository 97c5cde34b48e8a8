//! Web Push: encrypted for one browser (RFC 8291), signed by us (VAPID, RFC 8292), carried by the browser's push service, which
//! can read neither.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use p256::{
    PublicKey, SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    elliptic_curve::sec1::ToEncodedPoint as _,
};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{Push, outbound::Request};

/// A browser that is away longer has the feed.
const KEPT_BY_THE_SERVICE: TimeDelta = TimeDelta::hours(24);
/// Services refuse a token that is valid for more than 24 hours.
const TOKEN_VALID: TimeDelta = TimeDelta::hours(12);

/// What we sign pushes with: a P-256 key, 32 bytes in base64url. Cannot be printed.
#[derive(Clone)]
pub struct VapidKey(SecretKey);

/// Not 32 bytes in base64url that are a P-256 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in base64url")]
pub struct InvalidKey;

impl FromStr for VapidKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| InvalidKey)?;
        SecretKey::from_slice(&bytes).map(Self).map_err(|_| InvalidKey)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VapidKey(…)")
    }
}

impl VapidKey {
    /// What a browser subscribes with (`applicationServerKey`): the uncompressed point in base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().to_encoded_point(false).as_bytes())
    }

    /// A token for one push service.
    fn token(&self, audience: &str, contact: &str, now: DateTime<Utc>) -> String {
        let expires = now.checked_add_signed(TOKEN_VALID).unwrap_or(now).timestamp();
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "typ": "JWT", "alg": "ES256" }));
        let claims = part(json!({ "aud": audience, "exp": expires, "sub": contact }));
        let signed: Signature = SigningKey::from(&self.0).sign(format!("{head}.{claims}").as_bytes());
        format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signed.to_bytes()))
    }
}

/// What a browser's subscription says: its public key and its secret.
pub struct BrowserKeys {
    public: PublicKey,
    auth: web_push_native::Auth,
}

impl BrowserKeys {
    /// Both in base64url, as browsers give them; `None`: they are none.
    pub fn read(p256dh: &str, auth: &str) -> Option<Self> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let auth: [u8; 16] = decode(auth)?.try_into().ok()?;
        Some(Self { public: PublicKey::from_sec1_bytes(&decode(p256dh)?).ok()?, auth: auth.into() })
    }
}

/// The request for one browser; `None`: its address or keys cannot be used.
pub(crate) fn request(
    push: &Push,
    endpoint: &str,
    keys: &BrowserKeys,
    id: Uuid,
    body: &str,
    now: DateTime<Utc>,
) -> Option<Request> {
    let audience = Url::parse(endpoint).ok()?.origin().ascii_serialization();
    let sealed = web_push_native::encrypt(body.as_bytes().to_vec(), &keys.public, &keys.auth).ok()?;
    let token = push.key.token(&audience, &push.contact, now);
    let mut authorization =
        HeaderValue::try_from(format!("vapid t={token}, k={}", push.key.public())).ok()?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert("ttl", HeaderValue::from(KEPT_BY_THE_SERVICE.num_seconds()));
    headers.insert("urgency", HeaderValue::from_static("normal"));
    // A second arrival of the same message replaces the first while the browser is away. At most 32 characters: it is 32.
    headers.insert("topic", HeaderValue::try_from(id.simple().to_string()).ok()?);
    Some(Request { url: endpoint.to_owned(), headers, body: sealed, missing_is_gone: true })
}
