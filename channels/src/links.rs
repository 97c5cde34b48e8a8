//! The pages of the dashboard that messages lead to.
//!
//! Guarantee: each is a route that the dashboard has; a test reads its router.

use store::{
    messages::{About, Told},
    notifications::{AdminEvent, Event},
};
use url::Url;

/// A page of the dashboard, with what stands in its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Page {
    /// A provider's.
    Payout(String),
    BankAccounts,
    NotificationSettings,
    Provider,
    /// An admin's.
    AnyPayout(String),
    Case(String),
    Batches,
    /// Where messages that failed are seen, and webhook endpoints that are off.
    Health,
    Admin,
}

impl Page {
    /// As the router of the dashboard spells it.
    fn route(&self) -> &'static str {
        match self {
            Self::Payout(_) => "/provider/payouts/$id",
            Self::BankAccounts => "/provider/bank-accounts",
            Self::NotificationSettings => "/provider/notifications/settings",
            Self::Provider => "/provider",
            Self::AnyPayout(_) => "/admin/payouts/$id",
            Self::Case(_) => "/admin/cases/$id",
            Self::Batches => "/admin/batches",
            Self::Health => "/admin/health",
            Self::Admin => "/admin",
        }
    }

    /// Its whole address; none where nobody has said where the dashboard is.
    pub(crate) fn address(&self, dashboard: Option<&Url>) -> Option<String> {
        let path = match self {
            Self::Payout(id) | Self::AnyPayout(id) | Self::Case(id) => self.route().replace("$id", id),
            Self::BankAccounts
            | Self::NotificationSettings
            | Self::Provider
            | Self::Batches
            | Self::Health
            | Self::Admin => self.route().to_owned(),
        };
        Some(format!("{}{path}", dashboard?.as_str().trim_end_matches('/')))
    }

    /// Where whoever is told this goes on.
    pub(crate) fn about(told: &Told) -> Self {
        match &told.about {
            About::Provider { payout: Some((id, _)), .. } => Self::Payout(id.to_string()),
            About::Provider { payout: None, .. } => match Event::parse(&told.event) {
                Some(Event::Suspended | Event::SuspensionLifted) => Self::Provider,
                Some(_) | None => Self::BankAccounts,
            },
            About::Subject(subject) => AdminEvent::parse(&told.event)
                .and_then(|event| Self::of_admins(event, subject))
                .unwrap_or(Self::Admin),
        }
    }

    fn of_admins(event: AdminEvent, subject: &str) -> Option<Self> {
        // `payout:<id>`, and more after another colon.
        let mut parts = subject.split(':');
        let (kind, id) = (parts.next()?, parts.next().unwrap_or_default());
        match event {
            AdminEvent::ReviewWaiting | AdminEvent::ReviewEscalated | AdminEvent::AttemptUnknown => {
                (kind == "payout").then(|| Self::AnyPayout(id.to_owned()))
            }
            AdminEvent::CaseOpened => (kind == "case").then(|| Self::Case(id.to_owned())),
            AdminEvent::FundingShort | AdminEvent::WindowMissed => Some(Self::Batches),
            AdminEvent::WebhookDisabled => Some(Self::Health),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Every kind of page; a new one is missed by nobody, since `route` names them all.
    fn pages() -> [Page; 9] {
        let id = || "0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2b".to_owned();
        [
            Page::Payout(id()),
            Page::BankAccounts,
            Page::NotificationSettings,
            Page::Provider,
            Page::AnyPayout(id()),
            Page::Case(id()),
            Page::Batches,
            Page::Health,
            Page::Admin,
        ]
    }

    /// The whole paths of the dashboard's routes: each says its parent's name, and its own part.
    fn routes(source: &str) -> BTreeSet<String> {
        let mut routes = BTreeSet::new();
        for one in source.split("createRoute({").skip(1) {
            let after = |mark: &str| one.split(mark).nth(1).unwrap_or_default();
            let parent = after("getParentRoute: () => ").split(',').next().unwrap_or_default();
            let path = after("path: \"").split('"').next().unwrap_or_default();
            let under = match parent {
                "root" => "",
                "provider" => "/provider",
                "admin" => "/admin",
                "marketplace" => "/marketplace",
                other => panic!("the router has another parent: {other}"),
            };
            routes.insert(format!("{under}{path}").trim_end_matches('/').to_owned());
        }
        routes
    }

    #[test]
    fn every_page_that_a_message_leads_to_is_a_route_of_the_dashboard() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboard/src/router.tsx");
        let routes = routes(&fs::read_to_string(file).unwrap());
        assert!(routes.contains("/provider") && routes.len() > 10, "{routes:?}");
        for page in pages() {
            assert!(routes.contains(page.route()), "{} is none of {routes:?}", page.route());
        }
    }

    #[test]
    fn an_address_is_whole_or_there_is_none() {
        let dashboard = Url::parse("https://pay.example.com/").unwrap();
        let [payout, ..] = pages();
        let whole = "https://pay.example.com/provider/payouts/0193a0c0-7b6b-7c0d-8a2d-5d2f6f0e1a2b";
        assert_eq!(payout.address(Some(&dashboard)).as_deref(), Some(whole));
        assert_eq!(payout.address(None), None);
    }

    #[test]
    fn admins_are_led_to_what_they_are_told_about() {
        let about = |event, subject| Page::of_admins(event, subject);
        for (event, subject, page) in [
            (AdminEvent::ReviewWaiting, "payout:7:1795770000", Some(Page::AnyPayout("7".to_owned()))),
            (AdminEvent::AttemptUnknown, "payout:7:attempt:2", Some(Page::AnyPayout("7".to_owned()))),
            (AdminEvent::CaseOpened, "case:8", Some(Page::Case("8".to_owned()))),
            (AdminEvent::WindowMissed, "2026-11-22T10:00:00+00:00", Some(Page::Batches)),
            (AdminEvent::WebhookDisabled, "webhook_endpoint:9:1795770000", Some(Page::Health)),
            (AdminEvent::ReviewWaiting, "7", None),
        ] {
            assert_eq!(about(event, subject), page, "{subject}");
        }
    }
}
