//! `GET` and `PUT /api/admin/notification-settings`

use poem_openapi::{Object, OpenApi, payload::Json};
use store::{
    notifications::AdminEvent,
    wishes::{self, Contact},
};

use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

const MAX_EMAIL_CHARS: usize = 254;

/// An address that admins are written to at.
#[derive(Debug, Object)]
struct AdminContact {
    /// A person's or a mailing list's.
    email: String,
    /// What is mailed there.
    events: Vec<String>,
}

/// Who is mailed what. The feed has everything.
#[derive(Debug, Object)]
struct AdminNotificationSettings {
    /// Whether this installation can send mail.
    email_available: bool,
    /// Whether this installation can push to browsers.
    push_available: bool,
    /// In the order of their addresses; at most 50.
    contacts: Vec<AdminContact>,
    /// Everything that can be told.
    events: Vec<String>,
}

/// What one address is told.
#[derive(Debug, Object)]
struct AdminContactChoice {
    /// The address; capital letters make no difference.
    #[oai(validator(max_length = 254))]
    email: String,
    /// `review_waiting`, `review_escalated`, `funding_short`, `attempt_unknown`, `window_missed`, `case_opened`,
    /// `webhook_disabled`. None, or left out: the address is told nothing any more.
    #[oai(validator(max_items = 20))]
    events: Option<Vec<String>>,
}

impl FromFields for AdminContactChoice {
    type Checked = Contact;

    fn from_fields(fields: &mut Fields) -> Option<Contact> {
        let email = fields.text("email", MAX_EMAIL_CHARS).map(|email| email.to_lowercase());
        if email.as_ref().is_some_and(|email| !channels::is_address(email)) {
            fields.refuse("email", FieldCode::InvalidValue, "must be an e-mail address");
        }
        let words = fields.words("events");
        let events: Option<Vec<AdminEvent>> =
            words.as_ref().and_then(|words| words.iter().map(|word| AdminEvent::parse(word)).collect());
        if words.is_some() && events.is_none() {
            fields.refuse("events", FieldCode::InvalidValue, "must be events that admins are told");
        }
        Some(Contact { email: email?, events: events? })
    }
}

async fn read(app: &App) -> Result<AdminNotificationSettings, Problem> {
    let name = |event: &AdminEvent| event.as_str().to_owned();
    let contacts = wishes::contacts(&app.pool).await?;
    let show = |contact: Contact| AdminContact {
        events: contact.events.iter().map(name).collect(),
        email: contact.email,
    };
    Ok(AdminNotificationSettings {
        email_available: app.channels.mail.is_some(),
        push_available: app.channels.push.is_some(),
        contacts: contacts.into_iter().map(show).collect(),
        events: AdminEvent::ALL.iter().map(name).collect(),
    })
}

pub(crate) struct AdminNotificationSettingsApi;

impl Refuses for AdminNotificationSettingsApi {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY, &[Code::TooManyContacts]];
}

#[OpenApi(tag = "Tag::Admin")]
impl AdminNotificationSettingsApi {
    /// Who is mailed what
    ///
    /// Every address of the staff that gets mail, with the events it is mailed.
    #[oai(
        path = "/api/admin/notification-settings",
        method = "get",
        operation_id = "getAdminNotificationSettings"
    )]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
    ) -> Result<Json<AdminNotificationSettings>, Refused<Self>> {
        Ok(Json(read(&app).await?))
    }

    /// Choose what an address is mailed
    ///
    /// Adds the address, changes what it is mailed, or removes it (no events). At most 30 messages an hour go to one; what is
    /// beyond is in the feed.
    #[oai(
        path = "/api/admin/notification-settings",
        method = "put",
        operation_id = "setAdminNotificationSettings"
    )]
    async fn set(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<AdminContactChoice>,
    ) -> Result<Json<AdminNotificationSettings>, Refused<Self>> {
        if !wishes::set_contact(&app.pool, &body.0, &caller.0, app.now()).await? {
            return Err(Problem::new(Code::TooManyContacts, "There are 50 contacts already.").into());
        }
        Ok(Json(read(&app).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<AdminContactChoice>();
    }
}
