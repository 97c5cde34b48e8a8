//! Tokens to try the API with: HS256 JSON Web Tokens with the claims `sub role provider_id aud exp auth_time`.
//!
//! Signed with the stack's own secret, so they open nothing but this stack.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

pub const AUDIENCE: &str = "payouts";

/// A day of trying things out; the next start prints new ones.
const LIFETIME: Duration = Duration::from_hours(24);

/// Who the bearer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    Provider,
    Admin,
    Finance,
    Escalation,
    Platform,
}

#[derive(Debug, Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'a str>,
    aud: &'a str,
    exp: u64,
    auth_time: u64,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Admin => "admin",
            Self::Finance => "finance",
            Self::Escalation => "escalation",
            Self::Platform => "platform",
        }
    }
}

/// A token for this subject, valid for a day from now.
pub fn mint(secret: &str, role: Role, subject: &str, provider: Option<&str>) -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?;
    let (exp, auth_time) = (now.saturating_add(LIFETIME).as_secs(), now.as_secs());
    let claims =
        Claims { sub: subject, role: role.name(), provider_id: provider, aud: AUDIENCE, exp, auth_time };
    sign(secret, &claims)
}

fn sign(secret: &str, claims: &Claims<'_>) -> Result<String> {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).context("writing the claims")?);
    let signed = format!("{header}.{body}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("the secret is not a key")?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_claims_and_a_signature_that_others_compute_too() {
        let claims = Claims {
            sub: "ada",
            role: "provider",
            provider_id: Some("p1"),
            aud: "payouts",
            exp: 1,
            auth_time: 0,
        };
        let token = sign("secret", &claims).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let body = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            body,
            r#"{"sub":"ada","role":"provider","provider_id":"p1","aud":"payouts","exp":1,"auth_time":0}"#
        );
        // Python: base64.urlsafe_b64encode(hmac.new(b"secret", b"<header>.<body>", "sha256").digest())
        assert_eq!(parts[2], "cAa7Fyg-AyK5bHbZg1Cvw5GGismHCOiSR1ZbhOEDTFQ");
    }
}
