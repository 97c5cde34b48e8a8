//! What a message says, as mail and as push. Compiled templates; HTML is escaped by them.

use askama::Template;
use serde_json::json;
use store::{
    messages::{About, Told},
    notifications::Event,
};
use url::Url;
use uuid::Uuid;

use crate::links::Page;

/// A push is at most 4096 bytes with its encryption; what people need to see on a lock screen is much less.
const PUSH_BODY_CHARS: usize = 500;

/// A mail, all but its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) to_name: Option<String>,
    pub(crate) subject: String,
    pub(crate) html: String,
    pub(crate) text: String,
    /// Where the reader says what they want to hear; none where it must be heard.
    pub(crate) settings: Option<String>,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    title: &'a str,
    greeting: Option<&'a str>,
    amount: Option<String>,
    body: &'a str,
    link: Option<&'a str>,
    about: &'a str,
    why: &'a str,
    settings: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a> {
    greeting: Option<&'a str>,
    body: &'a str,
    link: Option<&'a str>,
    about: &'a str,
    why: &'a str,
    settings: Option<&'a str>,
}

pub(crate) fn mail(told: &Told, dashboard: Option<&Url>) -> Rendered {
    let link = Page::about(told).address(dashboard);
    let (name, amount, about, why, settings) = match &told.about {
        About::Provider { name, payout, .. } => {
            let optional = Event::parse(&told.event).is_some_and(|event| !event.is_mandatory());
            let why = if optional {
                "You are told because you asked for payouts with this marketplace."
            } else {
                "You are always told about this, for the safety of your money."
            };
            let settings = optional.then(|| Page::NotificationSettings.address(dashboard)).flatten();
            let about = payout.as_ref().map(|(id, _)| format!("Payout {id}")).unwrap_or_default();
            (Some(name.as_str()), payout.as_ref().map(|(_, amount)| amount.readable()), about, why, settings)
        }
        About::Subject(subject) => {
            let why = "You are told because this address is one of the admins' contacts.";
            // Whoever keeps the contacts does so over the API.
            (None, None, subject.clone(), why, None)
        }
    };
    let html = Html {
        title: &told.title,
        greeting: name,
        amount,
        body: &told.body,
        link: link.as_deref(),
        about: &about,
        why,
        settings: settings.as_deref(),
    };
    let text = Text {
        greeting: name,
        body: &told.body,
        link: link.as_deref(),
        about: &about,
        why,
        settings: settings.as_deref(),
    };
    Rendered {
        to_name: name.map(str::to_owned),
        subject: told.title.clone(),
        // Rendering into a string fails only where a template's own code does; these have none.
        html: html.render().unwrap_or_default(),
        text: text.render().unwrap_or_default(),
        settings,
    }
}

/// What the browser's service worker shows.
pub(crate) fn push(id: Uuid, told: &Told, dashboard: Option<&Url>) -> String {
    let body: String = told.body.chars().take(PUSH_BODY_CHARS).collect();
    json!({ "id": id, "event": told.event, "title": told.title, "body": body, "url": Page::about(told).address(dashboard) })
        .to_string()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::{Currency, Money, PayoutId, ProviderId};

    use super::*;

    fn told(event: &str, name: &str) -> Told {
        let payout = Some((PayoutId::mint(), Money::parse("12500.00", Currency::Ngn).unwrap()));
        let about = About::Provider {
            id: ProviderId::mint(),
            external_id: "x".to_owned(),
            name: name.to_owned(),
            payout,
        };
        Told {
            id: Uuid::now_v7(),
            event: event.to_owned(),
            about,
            title: "Your payout was rejected".to_owned(),
            body: "₦12,500.00 was not approved. <b>Ask</b> \"us\" & others.".to_owned(),
            reason: None,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn names_and_reasons_are_text_and_never_markup() {
        let name = "<img src=x onerror=alert(1)> O'Neil & Söhne";
        let mail = mail(&told("rejected", name), None);
        assert!(!mail.html.contains("<img") && !mail.html.contains("<b>Ask"), "{}", mail.html);
        assert!(mail.html.contains("&#60;img") && mail.html.contains("Söhne"), "{}", mail.html);
        assert!(
            mail.text.contains(name) && mail.text.contains("<b>Ask</b> \"us\" & others."),
            "{}",
            mail.text
        );
    }

    #[test]
    fn a_mail_has_its_amount_its_link_and_nothing_from_elsewhere() {
        let dashboard = Url::parse("https://pay.example.com/").unwrap();
        let mail = mail(&told("rejected", "Ada"), Some(&dashboard));
        assert!(mail.html.contains("₦12,500.00") && mail.html.contains("<html lang=\"en\""), "{}", mail.html);
        assert!(mail.text.contains("https://pay.example.com/provider/payouts/"), "{}", mail.text);
        assert_eq!(mail.settings.as_deref(), Some("https://pay.example.com/provider/notifications/settings"));
        for remote in ["<img", "<script", "url(", "src=", "@import"] {
            assert!(!mail.html.contains(remote), "{remote}");
        }
    }

    #[test]
    fn what_must_be_heard_offers_no_way_out() {
        let dashboard = Url::parse("https://pay.example.com").unwrap();
        let mail = mail(&told("bank_account_changed", "Ada"), Some(&dashboard));
        assert_eq!(mail.settings, None);
        assert!(!mail.html.contains("/settings"));
    }
}
