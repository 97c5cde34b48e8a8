//! `GET` and `PUT /api/provider/notification-settings`

use poem_openapi::{Object, OpenApi, payload::Json};
use store::{Actor, notifications::Event, wishes};

use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// One thing you can be told.
#[derive(Debug, Object)]
struct EventSetting {
    /// `received`, `approved`, `rejected`, `cancelled`, `completed`, `failed`, `refunded`, `replaced`, `returned`,
    /// `check_account`, `bank_account_changed`, `suspended` or `suspension_lifted`.
    event: String,
    /// Whether it is mailed.
    email: bool,
    /// Whether it is pushed to your browsers.
    push: bool,
    /// Whether it is told whatever you choose, for the safety of your money.
    mandatory: bool,
}

/// What you are told, and how. The feed has everything.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct NotificationSettings {
    /// Where mail goes; the marketplace changes it. Absent: nowhere.
    email: Option<String>,
    /// Whether this installation can push to browsers.
    push_available: bool,
    /// Browsers of yours that are pushed to.
    browsers: u64,
    /// Each thing you can be told.
    events: Vec<EventSetting>,
}

/// What you do not want to hear by mail or push. What is left out is told.
#[derive(Debug, Object)]
struct NotificationChoice {
    /// Events that are not to be mailed.
    #[oai(validator(max_items = 20))]
    email_off: Option<Vec<String>>,
    /// Events that are not to be pushed.
    #[oai(validator(max_items = 20))]
    push_off: Option<Vec<String>>,
}

struct Chosen {
    email_off: Vec<Event>,
    push_off: Vec<Event>,
}

impl FromFields for NotificationChoice {
    type Checked = Chosen;

    fn from_fields(fields: &mut Fields) -> Option<Chosen> {
        let mut off = |name: &str| {
            let words = fields.words(name)?;
            let events: Option<Vec<Event>> = words.iter().map(|word| Event::parse(word)).collect();
            let Some(events) = events else {
                fields.refuse(name, FieldCode::InvalidValue, "must be events that are told");
                return None;
            };
            if events.iter().any(|event| event.is_mandatory()) {
                let why = "bank_account_changed is always told: it is for the safety of your money";
                fields.refuse(name, FieldCode::InvalidValue, why);
                return None;
            }
            Some(events)
        };
        let (email_off, push_off) = (off("email_off"), off("push_off"));
        Some(Chosen { email_off: email_off?, push_off: push_off? })
    }
}

async fn read(app: &App, provider: domain::ProviderId) -> Result<NotificationSettings, Problem> {
    let found = wishes::of_provider(&app.pool, provider).await?;
    let settings = found.ok_or_else(Problem::not_found)?;
    let told = |event: Event| EventSetting {
        event: event.as_str().to_owned(),
        email: !settings.email_off.contains(&event),
        push: !settings.push_off.contains(&event),
        mandatory: event.is_mandatory(),
    };
    Ok(NotificationSettings {
        events: Event::ALL.map(told).into(),
        push_available: app.channels.push.is_some(),
        browsers: settings.browsers.unsigned_abs(),
        email: settings.email,
    })
}

pub(crate) struct GetNotificationSettings;

impl Refuses for GetNotificationSettings {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Provider")]
impl GetNotificationSettings {
    /// What you are told, and how
    ///
    /// The address mail goes to, and what is mailed and pushed of each kind of event. The feed tells everything.
    #[oai(
        path = "/api/provider/notification-settings",
        method = "get",
        operation_id = "getNotificationSettings"
    )]
    async fn get(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
    ) -> Result<Json<NotificationSettings>, Refused<Self>> {
        Ok(Json(read(&app, caller.0).await?))
    }
}

pub(crate) struct SetNotificationSettings;

impl Refuses for SetNotificationSettings {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Provider")]
impl SetNotificationSettings {
    /// Choose what you are told
    ///
    /// Taken as a whole: what is left out is told. It counts for what is told from now on.
    #[oai(
        path = "/api/provider/notification-settings",
        method = "put",
        operation_id = "setNotificationSettings"
    )]
    async fn set(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        body: Body<NotificationChoice>,
    ) -> Result<Json<NotificationSettings>, Refused<Self>> {
        let (Chosen { email_off, push_off }, actor) = (body.0, Actor::provider(caller.0));
        wishes::set_of_provider(&app.pool, caller.0, &email_off, &push_off, &actor, app.now()).await?;
        Ok(Json(read(&app, caller.0).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<NotificationChoice>();
    }

    #[test]
    fn safety_cannot_be_switched_off() {
        let read =
            |body: &str| parse::<NotificationChoice>(body.as_bytes()).map(|chosen| chosen.email_off.len());
        assert_eq!(read(r#"{"email_off":["received","approved"]}"#).unwrap(), 2);
        assert_eq!(read("{}").unwrap(), 0);
        for wrong in
            [r#"{"email_off":["bank_account_changed"]}"#, r#"{"push_off":["x"]}"#, r#"{"push_off":"x"}"#]
        {
            assert_eq!(read(wrong).unwrap_err().errors().len(), 1, "{wrong}");
        }
    }
}
