//! How a message leaves: as e-mail over SMTP, as a push to a browser, as a signed webhook to the marketplace.
//!
//! Guarantees: one try is one call with a time limit, whose answer is a value and never an error; nothing is retried here (the
//! row is, by [`store::messages`]). What goes out carries the message's id, so that one that arrives twice can be recognised.
//! No account number beyond its last four digits is in anything that reaches this crate. Addresses that strangers chose (push,
//! webhooks) cannot make this process call into its own network: see [`outbound`].

mod email;
mod hooks;
mod links;
pub mod outbound;
mod push;
mod rendered;
mod sealing;

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use store::messages::{Channels, Due, Outcome, To, Tried};
use url::Url;

pub use email::{Mailer, Sender, SmtpUrl, is_address};
pub use hooks::{
    Event as WebhookEvent, SigningSecret, event as webhook_event, sign, test_event as webhook_test_event,
};
use outbound::{Outbound, Reach};
pub use push::{BrowserKeys, VapidKey};
pub use sealing::{CannotOpen, SealingKeys};

/// No try takes longer. A batch of a lane must end before its lease does.
pub const TRY_LIMIT: Duration = Duration::from_secs(15);

/// What an installation says about its channels.
#[derive(Clone)]
pub struct Settings {
    /// No e-mail without it.
    pub mail: Option<Mail>,
    /// No push without it.
    pub push: Option<Push>,
    /// Where the dashboard is, for links.
    pub dashboard: Option<Url>,
    pub reach: Reach,
    /// What secrets are kept under in the database.
    pub sealing: SealingKeys,
}

#[derive(Clone)]
pub struct Mail {
    pub server: SmtpUrl,
    pub from: Sender,
}

#[derive(Clone)]
pub struct Push {
    pub key: VapidKey,
    /// `mailto:` or `https:`, for the push services to reach whoever runs this.
    pub contact: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("channels", &self.channels())
            .field("reach", &self.reach)
            .field("sealing", &self.sealing)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub fn channels(&self) -> Channels {
        Channels { email: self.mail.is_some(), push: self.push.is_some() }
    }
}

/// The channels could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    #[error("SMTP_URL: {0}")]
    Smtp(String),
    #[error("the HTTP client: {0}")]
    Http(String),
}

/// Everything that can carry a message.
pub struct Post {
    mailer: Option<Mailer>,
    push: Option<Push>,
    outbound: Outbound,
    dashboard: Option<Url>,
    sealing: SealingKeys,
}

/// What came of handing a message to its endpoint.
#[derive(Debug)]
pub enum Delivery {
    Tried(Tried),
    /// Nobody wants it any more, or this installation has no such channel.
    Unwanted(&'static str),
}

impl Post {
    pub fn new(settings: &Settings) -> Result<Self, Invalid> {
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose()?;
        let outbound = Outbound::new(settings.reach)?;
        Ok(Self {
            mailer,
            push: settings.push.clone(),
            outbound,
            dashboard: settings.dashboard.clone(),
            sealing: settings.sealing.clone(),
        })
    }

    /// One try.
    pub async fn deliver(&self, due: &Due, now: DateTime<Utc>) -> Delivery {
        match (&due.to, &due.told) {
            (To::Email { address }, Some(told)) => match &self.mailer {
                None => Delivery::Unwanted("this installation has no SMTP_URL"),
                Some(mailer) => {
                    let mail = rendered::mail(told, self.dashboard.as_ref());
                    Delivery::Tried(mailer.send(due.id, address, &mail, now).await)
                }
            },
            (To::Push { endpoint, p256dh, auth, .. }, Some(told)) => match &self.push {
                None => Delivery::Unwanted("this installation has no VAPID_PRIVATE_KEY"),
                Some(push) => {
                    let body = rendered::push(due.id, told, self.dashboard.as_ref());
                    let keys = BrowserKeys::read(p256dh, auth);
                    match keys.and_then(|keys| push::request(push, endpoint, &keys, due.id, &body, now)) {
                        Some(request) => Delivery::Tried(self.outbound.post(request).await),
                        None => Delivery::Unwanted("the browser's keys cannot be used"),
                    }
                }
            },
            (To::Webhook { endpoint, url, secrets }, told) => {
                let open = |sealed: &String| self.sealing.open(sealed, *endpoint).map(SigningSecret::known);
                let secrets: Vec<SigningSecret> = match secrets.iter().map(open).collect() {
                    Ok(secrets) => secrets,
                    // Ours to mend, and then it is sent: it is tried again like what an endpoint did not take.
                    Err(closed) => {
                        return Delivery::Tried(unanswered(Outcome::Unreachable, closed, Duration::ZERO));
                    }
                };
                let event = told
                    .as_ref()
                    .map_or_else(|| Some(hooks::test_event(due.id, due.created_at)), hooks::event);
                match event.and_then(|event| hooks::request(url, &secrets, &event, now)) {
                    Some(request) => Delivery::Tried(self.outbound.post(request).await),
                    None => Delivery::Unwanted("the event is none that webhooks tell"),
                }
            }
            (To::Nobody, _) => Delivery::Unwanted("its endpoint does not want it any more"),
            (To::Email { .. } | To::Push { .. }, None) => Delivery::Unwanted("it tells nothing"),
        }
    }
}

/// A try that ended before any answer.
fn unanswered(outcome: Outcome, why: impl fmt::Display, took: Duration) -> Tried {
    Tried { outcome, code: None, answer: why.to_string(), took, retry_after: None }
}
