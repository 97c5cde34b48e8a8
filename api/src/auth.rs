//! Who is calling. Everything the rest of the API knows about tokens is the trait [`Verifier`] and the [`Caller`] it answers, so
//! that another issuer or key format replaces this file and nothing else.
//!
//! Guarantees: only HS256 is accepted (`alg: none` and public-key algorithms are refused before any key is looked at), `exp`,
//! `aud` and `sub` are required, and a refusal never says which of them was wrong. Nothing here can make a token.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::ProviderId;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{SecurityScheme, auth::Bearer};
use serde::Deserialize;

use crate::{
    app::App,
    problem::{Code, Problem},
    settings::JwtSecret,
};

/// Clocks of issuer and server may differ by this much.
const LEEWAY_SECONDS: u64 = 30;
/// Longest subject that goes into the audit trail.
const MAX_SUBJECT_CHARS: usize = 200;

/// Someone who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`: printable, at most 200 characters.
    pub subject: String,
    pub role: Role,
    /// `exp`: when the token ends.
    pub expires_at: DateTime<Utc>,
    /// `auth_time`: when they last showed the issuer who they are; absent where the issuer does not say.
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// Who a request is from, found out once, before anything else is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// It has no bearer token.
    None,
    Known(Caller),
    /// It has one that proves nothing.
    Bad,
}

impl Identity {
    pub(crate) async fn of(request: &Request, verifier: &dyn Verifier) -> Self {
        let header =
            request.headers().get(poem::http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = header.and_then(|header| header.split_once(' ')) else {
            return Self::None;
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::None;
        }
        match verifier.verify(token.trim()).await {
            Ok(caller) => Self::Known(caller),
            Err(why) => {
                tracing::debug!(%why, "a token was refused");
                Self::Bad
            }
        }
    }
}

/// The caller, in a handler whose document names one of the schemes below.
pub(crate) struct SignedIn(pub Caller);

impl<'a> FromRequest<'a> for SignedIn {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        match request.extensions().get::<Identity>() {
            Some(Identity::Known(caller)) => Ok(Self(caller.clone())),
            Some(Identity::None | Identity::Bad) | None => Err(not_valid().into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Provider(ProviderId),
    Admin,
    /// An admin who may also settle what is between the marketplace, the gateway and the bank.
    Finance,
    /// An admin who is told of reviews that nobody has decided on for a day.
    Escalation,
    Platform,
}

/// The token proves nothing. Why is for the log, not for the caller.
#[derive(Debug, thiserror::Error)]
#[error("the token is not valid: {0}")]
pub struct NotVerified(pub String);

/// Tells who sent a token.
#[async_trait::async_trait]
pub trait Verifier: Send + Sync + 'static {
    async fn verify(&self, token: &str) -> Result<Caller, NotVerified>;
}

/// Tokens signed with a secret that the issuer and this server share.
pub struct SharedSecret {
    key: DecodingKey,
    validation: Validation,
}

impl SharedSecret {
    pub fn new(secret: &JwtSecret, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        Self { key: DecodingKey::from_secret(secret.expose()), validation }
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    role: String,
    provider_id: Option<String>,
    exp: i64,
    auth_time: Option<i64>,
}

#[async_trait::async_trait]
impl Verifier for SharedSecret {
    async fn verify(&self, token: &str) -> Result<Caller, NotVerified> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|wrong| NotVerified(wrong.to_string()))?
            .claims;
        caller(claims)
    }
}

fn caller(claims: Claims) -> Result<Caller, NotVerified> {
    let Claims { sub, role, provider_id, exp, auth_time } = claims;
    let printable = !sub.is_empty() && !sub.chars().any(char::is_control);
    if !printable || sub.chars().count() > MAX_SUBJECT_CHARS {
        return Err(NotVerified("`sub` is empty, too long or not printable".to_owned()));
    }
    let role = match (role.as_str(), provider_id) {
        ("provider", Some(id)) => {
            Role::Provider(id.parse().map_err(|_| NotVerified("`provider_id`".to_owned()))?)
        }
        ("provider", None) => return Err(NotVerified("`provider_id` is missing".to_owned())),
        ("admin", _) => Role::Admin,
        ("finance", _) => Role::Finance,
        ("escalation", _) => Role::Escalation,
        ("platform", _) => Role::Platform,
        (_, _) => return Err(NotVerified("`role` is unknown".to_owned())),
    };
    let expires_at =
        DateTime::from_timestamp(exp, 0).ok_or_else(|| NotVerified("`exp` is no time".to_owned()))?;
    let signed_in_at = auth_time
        .map(|at| {
            DateTime::from_timestamp(at, 0).ok_or_else(|| NotVerified("`auth_time` is no time".to_owned()))
        })
        .transpose()?;
    Ok(Caller { subject: sub, role, expires_at, signed_in_at })
}

/// A provider's token: role `provider`, with the provider's id in `provider_id`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "provider", checker = "check_provider")]
pub struct AsProvider(pub ProviderId);

/// The same where it matters when they signed in.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "provider", checker = "check_provider_at")]
pub struct AsProviderAt(pub ProviderSignedIn);

/// A provider, and when they last showed the issuer who they are.
#[derive(Debug, Clone, Copy)]
pub struct ProviderSignedIn {
    pub provider: ProviderId,
    pub at: Option<DateTime<Utc>>,
}

impl ProviderSignedIn {
    /// Where money goes is changed only by someone who has just signed in: a token that was stolen from an open browser does
    /// not do. An issuer that does not say when counts as long ago.
    pub(crate) fn fresh(self, app: &App) -> Result<ProviderId, Problem> {
        let fresh = self.at.is_some_and(|at| app.now().signed_duration_since(at) <= app.sign_in_fresh_for);
        let stale = || {
            let minutes = app.sign_in_fresh_for.num_minutes();
            let detail = format!("Sign in again first: this needs a sign-in of the last {minutes} minutes.");
            Problem::new(Code::FreshSignInNeeded, detail)
        };
        fresh.then_some(self.provider).ok_or_else(stale)
    }
}

/// A token of staff: role `admin`, `finance` or `escalation`. `sub` is the name in the audit trail.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "admin", checker = "check_admin")]
pub struct AsAdmin(pub Staff);

/// Someone of the staff, under the name that the audit trail gets.
#[derive(Debug, Clone)]
pub struct Staff {
    pub actor: store::Actor,
    /// Whether they are of finance.
    pub finance: bool,
    /// Whether they are told of what is escalated.
    pub escalates: bool,
}

impl Staff {
    /// Whose browser it is that asks for push.
    pub(crate) fn owner(&self) -> store::wishes::Owner<'_> {
        store::wishes::Owner::Admin { name: self.actor.as_str(), escalates: self.escalates }
    }

    /// Who asks what can be done.
    pub(crate) fn who(&self) -> store::actions::Who<'_> {
        store::actions::Who { actor: &self.actor, finance: self.finance }
    }
}

/// Most of what staff does asks only who it was.
impl std::ops::Deref for Staff {
    type Target = store::Actor;
    fn deref(&self) -> &store::Actor {
        &self.actor
    }
}

/// Anybody's token, whatever the role.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "anyone", checker = "check_anyone")]
pub struct AsAnyone(pub Caller);

/// A token of finance: role `finance`. It opens everything that `admin` opens too, under the same name in the audit trail: one
/// person with two tokens is one person.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "finance", checker = "check_finance")]
pub struct AsFinance(pub Staff);

/// The marketplace's own token: role `platform`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", rename = "platform", checker = "check_platform")]
pub struct AsPlatform(pub store::Actor);

async fn check_provider(request: &Request, bearer: Bearer) -> poem::Result<ProviderId> {
    let caller = verify(request, bearer).await?;
    match caller.role {
        Role::Provider(id) => Ok(id),
        Role::Admin | Role::Finance | Role::Escalation | Role::Platform => Err(forbidden().into()),
    }
}

async fn check_provider_at(request: &Request, bearer: Bearer) -> poem::Result<ProviderSignedIn> {
    let caller = verify(request, bearer).await?;
    match caller.role {
        Role::Provider(provider) => Ok(ProviderSignedIn { provider, at: caller.signed_in_at }),
        Role::Admin | Role::Finance | Role::Escalation | Role::Platform => Err(forbidden().into()),
    }
}

async fn check_anyone(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    Ok(verify(request, bearer).await?)
}

async fn check_admin(request: &Request, bearer: Bearer) -> poem::Result<Staff> {
    let caller = verify(request, bearer).await?;
    let (finance, escalates) = match caller.role {
        Role::Admin => (false, false),
        Role::Escalation => (false, true),
        Role::Finance => (true, false),
        Role::Provider(_) | Role::Platform => return Err(forbidden().into()),
    };
    Ok(Staff { actor: store::Actor::admin(&caller.subject), finance, escalates })
}

async fn check_finance(request: &Request, bearer: Bearer) -> poem::Result<Staff> {
    let caller = verify(request, bearer).await?;
    match caller.role {
        Role::Finance => {
            Ok(Staff { actor: store::Actor::admin(&caller.subject), finance: true, escalates: false })
        }
        Role::Provider(_) | Role::Admin | Role::Escalation | Role::Platform => Err(forbidden().into()),
    }
}

async fn check_platform(request: &Request, bearer: Bearer) -> poem::Result<store::Actor> {
    let caller = verify(request, bearer).await?;
    match caller.role {
        Role::Platform => Ok(store::Actor::platform(&caller.subject)),
        Role::Provider(_) | Role::Admin | Role::Finance | Role::Escalation => Err(forbidden().into()),
    }
}

async fn verify(request: &Request, bearer: Bearer) -> Result<Caller, Problem> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Known(caller)) => return Ok(caller.clone()),
        Some(Identity::Bad) => return Err(not_valid()),
        Some(Identity::None) | None => {}
    }
    let Some(app) = request.data::<Arc<App>>() else {
        tracing::error!("a request reached authentication without the application's state");
        return Err(Problem::new(Code::InternalError, "The server is not set up."));
    };
    app.verifier.verify(&bearer.token).await.map_err(|why| {
        tracing::debug!(%why, "a token was refused");
        not_valid()
    })
}

fn not_valid() -> Problem {
    Problem::new(Code::Unauthenticated, "The token is not valid, or not any more.")
}

fn forbidden() -> Problem {
    Problem::new(Code::Forbidden, "This is not for your role.")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const FAR: u64 = 4_102_444_800;

    fn signed(header: &Header, claims: &Value, secret: &str) -> String {
        encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    async fn verify(token: &str) -> Option<Caller> {
        let secret = JwtSecret::new(SECRET).unwrap();
        SharedSecret::new(&secret, "payouts").verify(token).await.ok()
    }

    #[tokio::test]
    async fn takes_what_our_issuer_makes_and_nothing_else() {
        let id = ProviderId::mint();
        let good = json!({
            "sub": "ada", "role": "provider", "provider_id": id, "aud": "payouts", "exp": FAR, "auth_time": 1_800_000_000
        });
        let hs256 = Header::new(Algorithm::HS256);
        let caller = verify(&signed(&hs256, &good, SECRET)).await.unwrap();
        let expected = Caller {
            subject: "ada".to_owned(),
            role: Role::Provider(id),
            expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
            signed_in_at: Some("2027-01-15T08:00:00Z".parse().unwrap()),
        };
        assert_eq!(caller, expected);

        for (member, value) in [
            ("exp", json!(1_600_000_000)),
            ("exp", Value::Null),
            ("nbf", json!(FAR)),
            ("aud", json!("somebody-else")),
            ("aud", Value::Null),
            ("sub", Value::Null),
            ("sub", json!("")),
            ("sub", json!("a\nb")),
            ("role", json!("root")),
            ("role", Value::Null),
            ("provider_id", Value::Null),
            ("provider_id", json!("1 OR 1=1")),
            ("auth_time", json!("yesterday")),
            ("auth_time", json!(i64::MAX)),
        ] {
            let mut claims = good.clone();
            claims[member] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(member);
            }
            assert_eq!(verify(&signed(&hs256, &claims, SECRET)).await, None, "{member} = {value}");
        }
        let other_secret = "f".repeat(32);
        assert_eq!(verify(&signed(&hs256, &good, &other_secret)).await, None);
        assert_eq!(verify(&signed(&Header::new(Algorithm::HS384), &good, SECRET)).await, None);
        assert_eq!(verify("").await, None);
        assert_eq!(verify("a.b.c").await, None);
    }

    #[tokio::test]
    async fn an_unsigned_token_is_nobody() {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
        let claims = json!({ "sub": "eve", "role": "admin", "aud": "payouts", "exp": FAR });
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "None" }),
            json!({ "alg": "RS256" }),
            json!({ "typ": "JWT" }),
        ] {
            let token = format!("{}.{}.", B64.encode(header.to_string()), B64.encode(claims.to_string()));
            assert_eq!(verify(&token).await, None, "{header}");
        }
    }
}
