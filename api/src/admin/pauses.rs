//! `GET /api/admin/pauses`

use chrono::{DateTime, Utc};
use domain::{BankAccountId, BankCode, ProviderId};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use store::pauses::Paused;

use super::act::MAX_REASON_CHARS;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode},
    refused::{Refused, Refuses, SIGNED_IN},
};

/// What can be paused: everything (`system`), a provider, a bank, or one bank account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum PauseScope {
    System,
    Provider,
    Bank,
    BankAccount,
}

/// A pause that stands: no attempt to pay begins there. What is under way already goes on to its end.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Pause {
    /// What is paused.
    scope: PauseScope,
    /// The provider's or bank account's id, or the bank's code. Absent for `system`.
    subject: Option<String>,
    /// Why.
    reason: String,
    /// Who: `admin:<name>`, `system`, or `case:<id>`, whose pause ends when the case is closed.
    paused_by: String,
    /// Since when (UTC).
    paused_at: DateTime<Utc>,
}

impl From<store::pauses::Pause> for Pause {
    fn from(pause: store::pauses::Pause) -> Self {
        Self {
            scope: match pause.what {
                Paused::Provider(_) => PauseScope::Provider,
                Paused::Bank(_) => PauseScope::Bank,
                Paused::BankAccount(_) => PauseScope::BankAccount,
            },
            subject: Some(pause.what.subject()),
            reason: pause.reason,
            paused_by: pause.by,
            paused_at: pause.at,
        }
    }
}

impl From<store::control::Control> for Pause {
    fn from(control: store::control::Control) -> Self {
        Self {
            scope: PauseScope::System,
            subject: None,
            reason: control.reason,
            paused_by: control.changed_by,
            paused_at: control.changed_at,
        }
    }
}

/// What to pause, or to resume, and why.
#[derive(Debug, Object)]
pub(super) struct PauseOrder {
    /// What kind of thing.
    scope: PauseScope,
    /// The provider's or bank account's id, or the bank's code; left out for `system`.
    #[oai(validator(max_length = 100))]
    subject: Option<String>,
    /// For whoever has to answer for it later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

/// A checked order.
pub(super) struct Given {
    /// `None`: everything.
    pub what: Option<Paused>,
    pub reason: String,
}

impl FromFields for PauseOrder {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let scope = fields.parsed("scope", FieldCode::InvalidValue, |text| match text {
            "system" => Ok(PauseScope::System),
            "provider" => Ok(PauseScope::Provider),
            "bank" => Ok(PauseScope::Bank),
            "bank_account" => Ok(PauseScope::BankAccount),
            _ => Err("must be system, provider, bank or bank_account".to_owned()),
        });
        let reason = fields.text("reason", MAX_REASON_CHARS);
        let what = match scope {
            None => {
                fields.optional_text("subject", MAX_REASON_CHARS);
                None
            }
            Some(PauseScope::System) => {
                if fields.optional_text("subject", MAX_REASON_CHARS).is_some() {
                    fields.refuse("subject", FieldCode::InvalidValue, "must be left out for system");
                    None
                } else {
                    Some(None)
                }
            }
            Some(PauseScope::Provider) => {
                fields.id("subject").map(|id| Some(Paused::Provider(ProviderId::from_uuid(id))))
            }
            Some(PauseScope::BankAccount) => {
                fields.id("subject").map(|id| Some(Paused::BankAccount(BankAccountId::from_uuid(id))))
            }
            Some(PauseScope::Bank) => {
                let code = fields.parsed("subject", FieldCode::BankCodeInvalid, |text| {
                    text.parse::<BankCode>().map_err(|wrong| wrong.to_string())
                });
                code.map(|code| Some(Paused::Bank(code)))
            }
        };
        Some(Given { what: what?, reason: reason? })
    }
}

/// Everything that is paused now.
#[derive(Debug, Object)]
struct Pauses {
    /// The latest first; the pause of everything before all others.
    items: Vec<Pause>,
}

pub(crate) struct ListPauses;

impl Refuses for ListPauses {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListPauses {
    /// What is paused
    ///
    /// Every pause that stands, at most a thousand. Suspended providers are not listed: they are among the providers (`GET /api/admin/providers?suspended=true`).
    #[oai(path = "/api/admin/pauses", method = "get", operation_id = "listPauses")]
    async fn list(&self, app: TheApp<'_>, _caller: AsAdmin) -> Result<Json<Pauses>, Refused<Self>> {
        let control = store::control::get(&app.pool).await?;
        let parts = store::pauses::list(&app.pool).await?;
        let everything = control.paused.then(|| Pause::from(control));
        let items = everything.into_iter().chain(parts.into_iter().map(Pause::from)).collect();
        Ok(Json(Pauses { items }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<PauseOrder>();
    }

    #[test]
    fn the_subject_is_of_the_scope() {
        let read = |body: &str| parse::<PauseOrder>(body.as_bytes()).map(|given| given.what.is_some());
        assert!(!read(r#"{"scope":"system","reason":"x"}"#).unwrap());
        assert!(read(r#"{"scope":"bank","subject":"044","reason":"x"}"#).unwrap());
        for wrong in [
            r#"{"scope":"system","subject":"044","reason":"x"}"#,
            r#"{"scope":"provider","subject":"044","reason":"x"}"#,
            r#"{"scope":"bank","subject":"44","reason":"x"}"#,
            r#"{"scope":"bank_account","reason":"x"}"#,
            r#"{"scope":"world","reason":"x"}"#,
        ] {
            let problem = read(wrong).unwrap_err();
            assert_eq!(problem.errors().len(), 1, "{wrong}");
        }
    }
}
