//! A browser that asked for push, as providers and admins alike send it.

use channels::{BrowserKeys, outbound};
use poem_openapi::Object;
use store::wishes::Subscription;
use uuid::Uuid;

use crate::{
    app::App,
    body::{Fields, FromFields},
    problem::{Code, FieldCode, FieldError, Problem},
};

const MAX_ENDPOINT_CHARS: usize = 1000;
const MAX_KEY_CHARS: usize = 100;

/// What to ask a browser for push with.
#[derive(Debug, Object)]
pub(crate) struct PushKey {
    /// The public key, uncompressed, in base64url.
    key: String,
}

pub(crate) fn public_key(app: &App) -> Result<PushKey, Problem> {
    let push = app.channels.push.as_ref().ok_or_else(no_push)?;
    Ok(PushKey { key: push.key.public() })
}

fn no_push() -> Problem {
    Problem::new(Code::PushUnavailable, "This installation pushes nothing: it has no VAPID_PRIVATE_KEY.")
}

/// A browser's answer to `pushManager.subscribe`.
#[derive(Debug, Object)]
pub(crate) struct BrowserSubscription {
    /// Where its push service takes messages for it: a public `https` URL of at most 1000 characters.
    #[oai(validator(max_length = 1000))]
    endpoint: String,
    /// Its public key (`keys.p256dh`), base64url.
    #[oai(validator(max_length = 100))]
    p256dh: String,
    /// Its secret (`keys.auth`), base64url.
    #[oai(validator(max_length = 100))]
    auth: String,
}

impl FromFields for BrowserSubscription {
    type Checked = Subscription;

    fn from_fields(fields: &mut Fields) -> Option<Subscription> {
        let endpoint = fields.text("endpoint", MAX_ENDPOINT_CHARS);
        let p256dh = fields.text("p256dh", MAX_KEY_CHARS);
        let auth = fields.text("auth", MAX_KEY_CHARS);
        let trimmed = |key: String| key.trim_end_matches('=').to_owned();
        let (p256dh, auth) = (p256dh.map(trimmed), auth.map(trimmed));
        if let (Some(p256dh), Some(auth)) = (&p256dh, &auth)
            && BrowserKeys::read(p256dh, auth).is_none()
        {
            fields.refuse("p256dh", FieldCode::InvalidValue, "the keys are not those of a browser");
        }
        Some(Subscription { endpoint: endpoint?, p256dh: p256dh?, auth: auth? })
    }
}

/// Whether this installation may push there.
pub(crate) fn checked(app: &App, browser: Subscription) -> Result<Subscription, Problem> {
    if app.channels.push.is_none() {
        return Err(no_push());
    }
    match outbound::check(&browser.endpoint, app.channels.reach) {
        Ok(_) => Ok(browser),
        Err(wrong) => {
            let error = FieldError::new("endpoint", FieldCode::InvalidValue, wrong.to_string());
            Err(Problem::invalid(vec![error]))
        }
    }
}

/// Which browser.
#[derive(Debug, Object)]
pub(crate) struct BrowserEndpoint {
    /// The subscription's `endpoint`.
    #[oai(validator(max_length = 1000))]
    endpoint: String,
}

impl FromFields for BrowserEndpoint {
    type Checked = String;

    fn from_fields(fields: &mut Fields) -> Option<String> {
        fields.text("endpoint", MAX_ENDPOINT_CHARS)
    }
}

/// A browser that is pushed to.
#[derive(Debug, Object)]
pub(crate) struct Subscribed {
    /// Names it.
    pub(crate) id: Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<BrowserSubscription>();
        assert_reads_what_is_documented::<BrowserEndpoint>();
    }
}
